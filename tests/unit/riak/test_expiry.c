/* SPDX-License-Identifier: Apache-2.0 */
#include "kv_rig.h"
#include "store/props.h"
#include "support.h"
#include "wire/datatype_msg.h"

static void put_with_ttl(struct kv_rig *r, const char *ttl)
{
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_item item = {KV_USERMETA, slice_str("x-ephemeral-ttl"), slice_str(ttl), {0}, true};
    struct buf meta;
    buf_init(&meta, 4096);
    kv_meta_put_item(&meta, &item);
    kv_rig_send_put_meta(r, &p, buf_slice(&meta));
    buf_fini(&meta);
}

static void test_expiry_of_one_key(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req create = kv_put_of("k", "w");
    put_with_ttl(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_node_wait(&r->node, 1999);
    assert_int_equal(kv_rig_get(r, "k")->count, 1);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
    struct store_stats stats;
    router_stats(r->node.router, &stats);
    assert_int_equal(stats.keys, 0);
    create.if_none_match = true;
    kv_rig_send_put(r, &create);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    put_with_ttl(r, "abc");
    fake_conn_expect_error(&r->conn,
                           "Invalid X-Ephemeral-TTL 'abc': give whole seconds from 1 to 316224000, or 0 for ever");
}

/* A read must not show what is due, even when no timer has fired yet; and a claim on it must succeed. */
static void test_due_key_is_gone_for_readers_before_it_is_freed(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req create = kv_put_of("k", "mine");
    put_with_ttl(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    r->node.now_ms += 5000; /* without running the timers */
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
    put_with_ttl(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    r->node.now_ms += 5000;
    create.if_none_match = true;
    kv_rig_send_put(r, &create);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void test_expiry_of_a_bucket(void **state)
{
    struct kv_rig *r = *state;
    struct bucket_props p = {.set = PROP_BIT(PROP_TTL), .ttl_s = 10};
    kv_rig_set_props(r, &p);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
    kv_rig_put(r, "k", "v");
    fake_node_wait(&r->node, 9000);
    kv_rig_put(r, "k", "v"); /* the last write decides */
    fake_node_wait(&r->node, 9000);
    assert_int_equal(kv_rig_get(r, "k")->count, 1);
    fake_node_wait(&r->node, 1000);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
}

static void set_life(struct kv_rig *r, uint32_t ttl_s, const char *from)
{
    struct bucket_props p = {.set = PROP_BIT(PROP_TTL) | PROP_BIT(PROP_TTL_FROM) | PROP_BIT(PROP_ALLOW_MULT),
                             .ttl_s = ttl_s,
                             .ttl_from = slice_str(from),
                             .allow_mult = true};
    kv_rig_set_props(r, &p);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
}

static void delete (struct kv_rig *r, struct slice vclock)
{
    struct kv_del_req d = kv_del_of("k");
    d.vclock = vclock;
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
}

static void test_expiry_from_the_first_write(void **state)
{
    struct kv_rig *r = *state;
    set_life(r, 10, "create");
    kv_rig_put(r, "k", "1");
    fake_node_wait(&r->node, 9999);
    kv_rig_put(r, "k", "2");
    assert_int_equal(kv_rig_get(r, "k")->count, 2);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
    kv_rig_put(r, "k", "3"); /* a new key, */
    fake_node_wait(&r->node, 9000);
    delete (r, slice_make(NULL, 0));
    kv_rig_put(r, "k", "4"); /* and one more */
    fake_node_wait(&r->node, 9999);
    assert_true(kv_rig_get(r, "k")->count > 0);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
    kv_rig_put(r, "k", "5");
    fake_node_wait(&r->node, 9000);
    put_with_ttl(r, "10"); /* says what it wants */
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_node_wait(&r->node, 9999);
    assert_true(kv_rig_get(r, "k")->count > 0);
    set_life(r, 10, "write");
    kv_rig_put(r, "k", "6");
    fake_node_wait(&r->node, 9999);
    assert_true(kv_rig_get(r, "k")->count > 0);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
}

/* What was there before the bucket got its property: a key without an end gets one, a shorter life is at once that of
 * the keys that are written. */
static void test_expiry_from_the_first_write_of_older_keys(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put(r, "k", "1");
    set_life(r, 100, "create");
    fake_node_wait(&r->node, 1000000);
    assert_int_equal(kv_rig_get(r, "k")->count, 1);
    kv_rig_put(r, "k", "2");
    set_life(r, 10, "create");
    kv_rig_put(r, "k", "3");
    fake_node_wait(&r->node, 9999);
    assert_int_equal(kv_rig_get(r, "k")->count, 3);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
}

/* A rate limit: so many calls in the ten seconds that begin with the first. */
static void test_a_counter_that_is_hit_steadily_ends(void **state)
{
    struct kv_rig *r = *state;
    set_life(r, 10, "create");
    for (int i = 0; i < 25; i++) {
        const struct datatype_counter_req add = {
            .bucket = slice_str("b"), .key = slice_str("calls"), .amount = 1, .return_value = true};
        bool has_value;
        int64_t value;
        assert_int_equal(datatype_counter_update_req_encode(&r->request, &add), 0);
        kv_rig_send(r);
        struct frame f = fake_conn_take(&r->conn);
        assert_int_equal(f.code, MSG_COUNTER_UPDATE_RESP);
        assert_int_equal(datatype_counter_resp_decode(f.body, &has_value, &value), 0);
        assert_int_equal(value, i % 10 + 1);
        fake_node_wait(&r->node, 1000);
    }
}

/* One that has not seen all siblings leaves some: they live as long as they would have. */
static void test_a_delete_does_not_change_the_life_of_siblings(void **state)
{
    struct kv_rig *r = *state;
    uint8_t seen[VCLOCK_SIZE];
    set_life(r, 10, "write");
    kv_rig_put(r, "k", "1");
    kv_rig_get(r, "k");
    memcpy(seen, r->vclock, sizeof seen);
    kv_rig_put(r, "k", "2");
    fake_node_wait(&r->node, 9000);
    delete (r, slice_make(seen, sizeof seen));
    assert_int_equal(kv_rig_get(r, "k")->count, 2); /* "2" and the tombstone */
    fake_node_wait(&r->node, 1000);
    assert_int_equal(kv_rig_get(r, "k")->count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_expiry_of_one_key),
        KV_CASE(test_due_key_is_gone_for_readers_before_it_is_freed),
        KV_CASE(test_expiry_of_a_bucket),
        KV_CASE(test_expiry_from_the_first_write),
        KV_CASE(test_expiry_from_the_first_write_of_older_keys),
        KV_CASE(test_a_counter_that_is_hit_steadily_ends),
        KV_CASE(test_a_delete_does_not_change_the_life_of_siblings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
