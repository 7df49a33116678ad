/* SPDX-License-Identifier: Apache-2.0 */
#include "kv_rig.h"
#include "support.h"

static void test_tombstones(void **state)
{
    struct kv_rig *r = *state;
    struct kv_del_req d = kv_del_of("k");
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put(r, "k", "v");
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
    g.deletedvclock = true;
    kv_rig_send_get(r, &g);
    const struct kv_resp *resp = kv_rig_answer(r, MSG_GET_RESP);
    assert_int_equal(resp->count, 0);
    assert_int_equal(resp->vclock.len, VCLOCK_SIZE);
    fake_node_wait(&r->node, 3000);
    kv_rig_send_get(r, &g);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    struct store_stats stats;
    router_stats(r->node.router, &stats);
    assert_int_equal(stats.keys, 0); /* reaped, not only hidden */
}

static void test_tombstone_siblings(void **state)
{
    struct kv_rig *r = *state;
    struct kv_del_req d = kv_del_of("k");
    struct kv_put_req p = kv_put_of("k", "z");
    kv_rig_allow_mult(r);
    kv_rig_put(r, "k", "1");
    kv_rig_get(r, "k");
    d.vclock = kv_rig_vclock(r);
    kv_rig_put(r, "k", "2"); /* the delete has not seen it */
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    const struct kv_resp *resp = kv_rig_get(r, "k");
    assert_int_equal(resp->count, 2);
    assert_int_equal(resp->content[0].content.deleted + resp->content[1].content.deleted, 1);
    d = kv_del_of("k");
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    p.return_body = true;
    kv_rig_send_put(r, &p);
    resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->count, 2);
    assert_true(resp->content[0].content.deleted);
    assert_int_equal(resp->content[0].content.value.len, 0);
    assert_slice_is(resp->content[1].content.value, "z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_tombstones),
        KV_CASE(test_tombstone_siblings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
