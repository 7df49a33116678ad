/* SPDX-License-Identifier: Apache-2.0 */
#include "kv_rig.h"
#include "support.h"

static void test_put_then_get(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req head = kv_get_of("k");
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
    kv_rig_put(r, "k", "v");
    const struct kv_resp *resp = kv_rig_get(r, "k");
    assert_int_equal(resp->count, 1);
    assert_slice_is(resp->content[0].content.value, "v");
    assert_int_equal(resp->content[0].vtag.len, KV_VTAG_SIZE);
    assert_int_equal(resp->content[0].last_mod, r->node.now_ms / 1000);
    assert_int_equal(resp->content[0].last_mod_usecs, r->node.now_ms % 1000 * 1000);
    assert_false(resp->content[0].content.has_content_type);
    head.head = true;
    kv_rig_send_get(r, &head);
    resp = kv_rig_answer(r, MSG_GET_RESP);
    assert_int_equal(resp->count, 1);
    assert_true(resp->content[0].content.has_value);
    assert_int_equal(resp->content[0].content.value.len, 0);
}

static void test_names_are_needed(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("");
    struct kv_put_req p = kv_put_of("", "v");
    struct kv_del_req d = kv_del_of("");
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn, "Key cannot be zero-length");
    g = kv_get_of("k");
    g.bucket = slice_str("");
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn, "Bucket cannot be zero-length");
    g = kv_get_of("k");
    g.has_type = true;
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn, "Type cannot be zero-length");
    g.type = slice_str("nosuch");
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn,
                           "no_type: there is no bucket type 'nosuch': create it with ephemeralctl type-create, or "
                           "configure it in bucket-types");
    kv_rig_send_put(r, &p);
    fake_conn_expect_error(&r->conn, "Key cannot be zero-length");
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
}

static void test_quorums(void **state)
{
    static const uint32_t good[] = {0, 1, 3, QUORUM_ONE, QUORUM_QUORUM, QUORUM_ALL, QUORUM_DEFAULT};
    static const uint32_t bad[] = {4, 5, 4294967290u, 4294967295u};
    struct kv_rig *r = *state;
    kv_rig_put(r, "k", "v");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct kv_get_req g = kv_get_of("k");
        g.r = good[i];
        kv_rig_send_get(r, &g);
        assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kv_get_req g = kv_get_of("k");
        struct kv_put_req p = kv_put_of("k", "w");
        g.pr = bad[i];
        kv_rig_send_get(r, &g);
        fake_conn_expect_error(&r->conn, "{n_val_violation,3}");
        p.dw = bad[i];
        kv_rig_send_put(r, &p);
        fake_conn_expect_error(&r->conn, "{n_val_violation,3}");
    }
    struct kv_get_req g = kv_get_of("k");
    g.has_n_val = true;
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn, "{n_val_violation,0}");
    g.n_val = 4;
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn, "{n_val_violation,4}");
}

static void test_if_modified(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put(r, "k", "1");
    kv_rig_get(r, "k");
    g.has_if_modified = true;
    g.if_modified = kv_rig_vclock(r);
    kv_rig_send_get(r, &g);
    const struct kv_resp *resp = kv_rig_answer(r, MSG_GET_RESP);
    assert_true(resp->unchanged);
    assert_int_equal(resp->count, 0);
    kv_rig_put(r, "k", "2");
    kv_rig_send_get(r, &g);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
    g.if_modified = slice_str("garbage");
    kv_rig_send_get(r, &g);
    fake_conn_expect_error(&r->conn,
                           "Invalid vclock of 7 bytes: give back the bytes that an answer of this store held");
    g = kv_get_of("absent"); /* what is not there is not found, whatever the clock says */
    g.has_if_modified = true;
    g.if_modified = slice_str("garbage");
    kv_rig_send_get(r, &g);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_put_then_get),
        KV_CASE(test_names_are_needed),
        KV_CASE(test_quorums),
        KV_CASE(test_if_modified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
