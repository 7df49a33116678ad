/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "kv_rig.h"
#include "support.h"

static void test_conditions(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req create = kv_put_of("k", "1"), update = kv_put_of("k", "2");
    create.if_none_match = true;
    update.if_not_modified = true;
    kv_rig_send_put(r, &update);
    fake_conn_expect_error(&r->conn, "notfound");
    kv_rig_send_put(r, &create);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    kv_rig_send_put(r, &create);
    fake_conn_expect_error(&r->conn, "match_found");
    kv_rig_send_put(r, &update);
    fake_conn_expect_error(&r->conn, "modified");
    kv_rig_get(r, "k");
    update.vclock = kv_rig_vclock(r);
    kv_rig_send_put(r, &update);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    kv_rig_send_put(r, &update);
    fake_conn_expect_error(&r->conn, "modified");
    assert_slice_is(kv_rig_get(r, "k")->content[0].content.value, "2");
}

static void test_generated_keys(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req req = kv_put_of("", "v");
    char first[27];
    req.has_key = false;
    kv_rig_send_put(r, &req);
    const struct kv_resp *resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->key.len, 27);
    memcpy(first, resp->key.data, 27);
    req.return_body = true;
    kv_rig_send_put(r, &req);
    resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->key.len, 27);
    assert_memory_not_equal(resp->key.data, first, 27);
    assert_slice_is(resp->content[0].content.value, "v");
}

static void test_siblings(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req req = kv_put_of("k", "3");
    kv_rig_allow_mult(r);
    kv_rig_put(r, "k", "1");
    kv_rig_put(r, "k", "2");
    req.return_body = true;
    kv_rig_send_put(r, &req);
    assert_int_equal(kv_rig_answer(r, MSG_PUT_RESP)->count, 3);
    struct slice all = kv_rig_vclock(r);
    uint8_t old[VCLOCK_SIZE];
    memcpy(old, all.data, VCLOCK_SIZE);
    /* who has seen all three replaces them */
    req = kv_put_of("k", "r");
    req.vclock = slice_make(old, VCLOCK_SIZE);
    req.return_body = true;
    kv_rig_send_put(r, &req);
    const struct kv_resp *resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->count, 1);
    /* the same context again has not seen "r" */
    req = kv_put_of("k", "s");
    req.vclock = slice_make(old, VCLOCK_SIZE);
    req.return_head = true;
    kv_rig_send_put(r, &req);
    resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->count, 2);
    assert_int_equal(resp->content[0].content.value.len, 0);
}

/* Revisions are counted for each partition: the vclock of another key is often higher than all that this key has. It
 * has seen nothing of it. */
static void test_vclock_of_another_key_has_seen_nothing(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_allow_mult(r);
    for (int i = 0; i < 40; i++) {
        char key[16], other[16];
        snprintf(key, sizeof key, "key-%d", i);
        snprintf(other, sizeof other, "other-%d", i);
        kv_rig_put(r, key, "unseen");
        kv_rig_put(r, other, "1");
        kv_rig_get(r, other);
        struct kv_put_req put = kv_put_of(key, "new");
        put.vclock = kv_rig_vclock(r);
        put.if_not_modified = true;
        kv_rig_send_put(r, &put);
        fake_conn_expect_error(&r->conn, "modified");
        put.if_not_modified = false;
        kv_rig_send_put(r, &put);
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
        struct kv_del_req del = kv_del_of(key);
        del.vclock = kv_rig_vclock(r);
        kv_rig_send_del(r, &del);
        fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
        assert_int_equal(kv_rig_get(r, key)->count, 3); /* "unseen", "new" and the tombstone */
    }
}

/* Without siblings the newest write is the only one, whatever it has seen. */
static void test_vclock_of_another_key_without_siblings(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put(r, "key", "1");
    kv_rig_put(r, "other", "1");
    kv_rig_get(r, "other");
    struct kv_put_req put = kv_put_of("key", "2");
    put.vclock = kv_rig_vclock(r);
    kv_rig_send_put(r, &put);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_int_equal(kv_rig_get(r, "key")->count, 1);
    assert_slice_is(r->resp.content[0].content.value, "2");
}

static void expect_created(struct router_request *q, int err, const struct store_result *result)
{
    (void)q;
    (void)result;
    assert_int_equal(err, 0);
}

static void test_write_once_answers_nothing_and_keeps_one_value(void **state)
{
    struct kv_rig *r = *state;
    struct bucket_props once = {.set = PROP_BIT(PROP_WRITE_ONCE), .write_once = true};
    struct router_request q;
    router_request_init(&q, expect_created);
    router_deliver(&q, router_create_type(r->node.router, &q, slice_str("once"), &once));
    fake_node_turn(&r->node);
    struct kv_put_req p = kv_put_of("k", "first");
    struct kv_get_req g = kv_get_of("k");
    p.type = g.type = slice_str("once");
    p.has_type = g.has_type = true;
    p.return_body = true;
    for (int i = 0; i < 2; i++) {
        kv_rig_send_put(r, &p);
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
        p.content.value = slice_str("second");
    }
    kv_rig_send_get(r, &g);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
    assert_slice_is(r->resp.content[0].content.value, "second");
}

static void put_consistent(struct kv_rig *r, const char *value, struct slice vclock, bool may)
{
    struct kv_put_req p = kv_put_of("k", value);
    p.type = slice_str("consistent");
    p.has_type = true;
    p.vclock = vclock;
    kv_rig_send_put(r, &p);
    if (may)
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    else
        fake_conn_expect_error(&r->conn, "failed");
}

static void get_consistent(struct kv_rig *r, const char *value)
{
    struct kv_get_req g = kv_get_of("k");
    g.type = slice_str("consistent");
    g.has_type = g.deletedvclock = true;
    kv_rig_send_get(r, &g);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, value ? 1 : 0);
    if (value)
        assert_slice_is(r->resp.content[0].content.value, value);
}

static void delete_consistent(struct kv_rig *r, struct slice vclock, bool may)
{
    struct kv_del_req d = kv_del_of("k");
    d.type = slice_str("consistent");
    d.has_type = true;
    d.vclock = vclock;
    kv_rig_send_del(r, &d);
    if (may)
        fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    else
        fake_conn_expect_error(&r->conn, "failed");
}

/* Of a consistent type every write has a condition, and no value becomes a sibling of another. */
static void test_consistent_type(void **state)
{
    struct kv_rig *r = *state;
    struct bucket_props consistent = {.set = PROP_BIT(PROP_CONSISTENT), .consistent = true};
    struct router_request q;
    uint8_t bytes[VCLOCK_SIZE] = {0};
    struct slice none = {0}, old = slice_make(bytes, VCLOCK_SIZE);
    router_request_init(&q, expect_created);
    router_deliver(&q, router_create_type(r->node.router, &q, slice_str("consistent"), &consistent));
    fake_node_turn(&r->node);
    put_consistent(r, "1", none, true);
    put_consistent(r, "blind", none, false);
    get_consistent(r, "1");
    memcpy(bytes, r->vclock, VCLOCK_SIZE);
    put_consistent(r, "2", old, true);
    put_consistent(r, "stale", old, false);
    delete_consistent(r, old, false);
    get_consistent(r, "2");
    delete_consistent(r, kv_rig_vclock(r), true);
    put_consistent(r, "3", none, true);
    get_consistent(r, "3");
    delete_consistent(r, none, true);
    get_consistent(r, NULL);                        /* its tombstone, */
    put_consistent(r, "4", kv_rig_vclock(r), true); /* which is as it was read */
    get_consistent(r, "4");
}

static void test_too_many_siblings(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req req = kv_put_of("k", "x");
    kv_rig_allow_mult(r);
    for (int i = 0; i < 10; i++)
        kv_rig_put(r, "k", "x");
    kv_rig_send_put(r, &req);
    fake_conn_expect_error(&r->conn,
                           "{too_many_siblings,11}: an object has at most 10 (siblings-max): get it, and put one "
                           "value with the vclock of the answer");
    assert_int_equal(kv_rig_get(r, "k")->count, 10);
}

/* Metadata that a client sends, in another order and with what the server gives itself. */
static void test_metadata(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("k", "v");
    struct buf meta;
    buf_init(&meta, 4096);
    const struct kv_item items[] = {
        {KV_INDEX, slice_str("N_INT"), slice_str("007"), {0}, true},
        {KV_INDEX, slice_str("f_bin"), slice_str("x"), {0}, true},
        {KV_INDEX, slice_str("n_int"), slice_str("7"), {0}, true},
        {KV_INDEX, slice_str("n_int"), slice_str("-0012"), {0}, true},
        {KV_USERMETA, slice_str("a"), slice_str("1"), {0}, true},
        {KV_USERMETA, slice_str("a"), slice_str("2"), {0}, true},
        {KV_LINK, slice_str("b"), slice_str("k"), slice_str("t"), true},
    };
    static const char *const expected[] = {"b", "a", "a", "f_bin", "n_int", "n_int"};
    static const char *const values[] = {"k", "1", "2", "x", "-12", "7"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        kv_meta_put_item(&meta, &items[i]);
    kv_meta_put_text(&meta, 4, slice_str("gzip"));
    kv_meta_put_text(&meta, 3, slice_str("utf-8"));
    kv_meta_put_text(&meta, 2, slice_str("text/plain"));
    kv_meta_put_text(&meta, 5, slice_str("vtag of the client"));
    kv_rig_send_put_meta(r, &p, buf_slice(&meta));
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    const struct kv_resp *resp = kv_rig_get(r, "k");
    const struct kv_content *c = &resp->content[0].content;
    assert_slice_is(c->content_type, "text/plain");
    assert_slice_is(c->charset, "utf-8");
    assert_slice_is(c->content_encoding, "gzip");
    assert_int_equal(resp->content[0].vtag.len, KV_VTAG_SIZE);
    struct slice rest = c->raw;
    struct kv_item item;
    size_t n = 0;
    for (; kv_content_next(&rest, &item) > 0; n++) {
        assert_true(n < 6);
        assert_slice_is(item.key, expected[n]);
        assert_slice_is(item.value, values[n]);
    }
    assert_int_equal(n, 6);
    buf_fini(&meta);
}

static void expect_index_error(struct kv_rig *r, const char *name, const char *value, const char *text)
{
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_item item = {KV_INDEX, slice_str(name), slice_str(value), {0}, true};
    struct buf meta;
    buf_init(&meta, 4096);
    kv_meta_put_item(&meta, &item);
    kv_rig_send_put_meta(r, &p, buf_slice(&meta));
    if (text)
        fake_conn_expect_error(&r->conn, text);
    else
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    buf_fini(&meta);
}

static void test_index_errors(void **state)
{
    struct kv_rig *r = *state;
    expect_index_error(r, "foo", "x", "{precommit_fail,[{unknown_field_type,<<\"foo\">>}]}");
    expect_index_error(r, "a_int", "abc", "{precommit_fail,[{field_parsing_failed,{<<\"a_int\">>,<<\"abc\">>}}]}");
    expect_index_error(r, "a_int", "", "{precommit_fail,[{field_parsing_failed,{<<\"a_int\">>,<<>>}}]}");
    expect_index_error(r, "$key", "x", NULL);
}

static void test_memory_limit(void **state)
{
    struct kv_rig *r = *state;
    struct frame f;
    size_t stored = 0;
    for (;; stored++) {
        char key[32];
        snprintf(key, sizeof key, "k%zu", stored);
        kv_rig_put_large(&r->conn, key, 500000);
        f = fake_conn_take(&r->conn);
        if (f.code != MSG_PUT_RESP)
            break;
        assert_true(stored < 100);
    }
    assert_int_equal(f.code, MSG_ERROR_RESP);
    assert_true(router_memory(r->node.router)->used <= router_memory(r->node.router)->limit);
    assert_int_equal(r->node.metrics.writes_refused_full, 1);
    struct kv_del_req d = kv_del_of("k0");
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    fake_node_wait(&r->node, 3000);
    kv_rig_put_large(&r->conn, "again", 400000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_conditions),
        KV_CASE(test_generated_keys),
        KV_CASE(test_siblings),
        KV_CASE(test_vclock_of_another_key_has_seen_nothing),
        KV_CASE(test_vclock_of_another_key_without_siblings),
        KV_CASE(test_write_once_answers_nothing_and_keeps_one_value),
        KV_CASE(test_consistent_type),
        KV_CASE(test_too_many_siblings),
        KV_CASE(test_metadata),
        KV_CASE(test_index_errors),
        KV_CASE(test_memory_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
