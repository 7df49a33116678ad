#include "kv_rig.h"
#include "support.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_expiry_of_one_key),
        KV_CASE(test_due_key_is_gone_for_readers_before_it_is_freed),
        KV_CASE(test_expiry_of_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
