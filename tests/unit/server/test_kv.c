#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include "fake_node.h"
#include "store/props.h"
#include "support.h"
#include "wire/bucket_msg.h"
#include "wire/vclock.h"

struct rig {
    struct fake_node node;
    struct fake_conn conn;
    struct buf request;
    struct kv_resp resp;
    uint8_t vclock[VCLOCK_SIZE]; /* of the last answer that had one */
    size_t vclock_len;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_node_init(&r->node);
    fake_conn_open_ready(&r->conn, &r->node);
    buf_init(&r->request, SIZE_MAX / 2);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    fake_conn_close(&r->conn);
    assert_int_equal(r->node.server.bodies.used, 0); /* every byte of the budget came back */
    fake_node_fini(&r->node);
    buf_fini(&r->request);
    free(r);
    return 0;
}

static struct kv_put_req put_of(const char *key, const char *value)
{
    return (struct kv_put_req){.bucket = slice_str("b"),
                               .key = slice_str(key),
                               .has_key = true,
                               .content = {.value = slice_str(value)},
                               .w = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT};
}

static struct kv_get_req get_of(const char *key)
{
    return (struct kv_get_req){.bucket = slice_str("b"),
                               .key = slice_str(key),
                               .r = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .notfound_ok = true};
}

static struct kv_del_req del_of(const char *key)
{
    return (struct kv_del_req){.bucket = slice_str("b"),
                               .key = slice_str(key),
                               .rw = QUORUM_DEFAULT,
                               .r = QUORUM_DEFAULT,
                               .w = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT};
}

static void send(struct rig *r)
{
    fake_conn_give(&r->conn, buf_slice(&r->request));
    buf_consume(&r->request, buf_len(&r->request));
}

static void send_put_meta(struct rig *r, const struct kv_put_req *req, struct slice meta)
{
    assert_int_equal(kv_put_req_encode(&r->request, req, meta), 0);
    send(r);
}

static void send_put(struct rig *r, const struct kv_put_req *req)
{
    send_put_meta(r, req, slice_make(NULL, 0));
}

static void send_get(struct rig *r, const struct kv_get_req *req)
{
    assert_int_equal(kv_get_req_encode(&r->request, req), 0);
    send(r);
}

static void send_del(struct rig *r, const struct kv_del_req *req)
{
    assert_int_equal(kv_del_req_encode(&r->request, req), 0);
    send(r);
}

/* The answer to a get or put, as views into the connection's output. */
static const struct kv_resp *answer(struct rig *r, uint8_t code)
{
    struct frame f = fake_conn_take(&r->conn);
    assert_int_equal(f.code, code);
    assert_int_equal(kv_resp_decode(f.body, code == MSG_PUT_RESP, &r->resp), 0);
    if (r->resp.vclock.len) {
        assert_int_equal(r->resp.vclock.len, VCLOCK_SIZE);
        memcpy(r->vclock, r->resp.vclock.data, VCLOCK_SIZE);
        r->vclock_len = VCLOCK_SIZE;
    }
    return &r->resp;
}

static const struct kv_resp *get(struct rig *r, const char *key)
{
    struct kv_get_req req = get_of(key);
    send_get(r, &req);
    return answer(r, MSG_GET_RESP);
}

static void put(struct rig *r, const char *key, const char *value)
{
    struct kv_put_req req = put_of(key, value);
    send_put(r, &req);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static struct slice last_vclock(const struct rig *r)
{
    return slice_make(r->vclock, r->vclock_len);
}

static void set_props(struct rig *r, const struct bucket_props *props)
{
    struct bucket_req req = {.bucket = slice_str("b"), .props = *props};
    size_t mark;
    assert_int_equal(frame_begin(&r->request, MSG_SET_BUCKET_REQ, &mark), 0);
    assert_int_equal(bucket_set_req_encode(&r->request, &req), 0);
    frame_end(&r->request, mark);
    send(r);
}

static void allow_mult(struct rig *r)
{
    struct bucket_props p = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true};
    set_props(r, &p);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
}

static void test_put_then_get(void **state)
{
    struct rig *r = *state;
    struct kv_get_req head = get_of("k");
    assert_int_equal(get(r, "k")->count, 0);
    put(r, "k", "v");
    const struct kv_resp *resp = get(r, "k");
    assert_int_equal(resp->count, 1);
    assert_slice_is(resp->content[0].content.value, "v");
    assert_int_equal(resp->content[0].vtag.len, KV_VTAG_SIZE);
    assert_int_equal(resp->content[0].last_mod, r->node.now_ms / 1000);
    assert_int_equal(resp->content[0].last_mod_usecs, r->node.now_ms % 1000 * 1000);
    assert_false(resp->content[0].content.has_content_type);
    head.head = true;
    send_get(r, &head);
    resp = answer(r, MSG_GET_RESP);
    assert_int_equal(resp->count, 1);
    assert_true(resp->content[0].content.has_value);
    assert_int_equal(resp->content[0].content.value.len, 0);
}

static void test_names_are_needed(void **state)
{
    struct rig *r = *state;
    struct kv_get_req g = get_of("");
    struct kv_put_req p = put_of("", "v");
    struct kv_del_req d = del_of("");
    send_get(r, &g);
    fake_conn_expect_error(&r->conn, "Key cannot be zero-length");
    g = get_of("k");
    g.bucket = slice_str("");
    send_get(r, &g);
    fake_conn_expect_error(&r->conn, "Bucket cannot be zero-length");
    g = get_of("k");
    g.has_type = true;
    send_get(r, &g);
    fake_conn_expect_error(&r->conn, "Type cannot be zero-length");
    g.type = slice_str("nosuch");
    send_get(r, &g);
    fake_conn_expect_error(&r->conn, "no_type");
    send_put(r, &p);
    fake_conn_expect_error(&r->conn, "Key cannot be zero-length");
    send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
}

static void test_quorums(void **state)
{
    static const uint32_t good[] = {0, 1, 3, QUORUM_ONE, QUORUM_QUORUM, QUORUM_ALL, QUORUM_DEFAULT};
    static const uint32_t bad[] = {4, 5, 4294967290u, 4294967295u};
    struct rig *r = *state;
    put(r, "k", "v");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct kv_get_req g = get_of("k");
        g.r = good[i];
        send_get(r, &g);
        assert_int_equal(answer(r, MSG_GET_RESP)->count, 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kv_get_req g = get_of("k");
        struct kv_put_req p = put_of("k", "w");
        g.pr = bad[i];
        send_get(r, &g);
        fake_conn_expect_error(&r->conn, "{n_val_violation,3}");
        p.dw = bad[i];
        send_put(r, &p);
        fake_conn_expect_error(&r->conn, "{n_val_violation,3}");
    }
    struct kv_get_req g = get_of("k");
    g.has_n_val = true;
    send_get(r, &g);
    fake_conn_expect_error(&r->conn, "{n_val_violation,0}");
    g.n_val = 4;
    send_get(r, &g);
    fake_conn_expect_error(&r->conn, "{n_val_violation,4}");
}

static void test_conditions(void **state)
{
    struct rig *r = *state;
    struct kv_put_req create = put_of("k", "1"), update = put_of("k", "2");
    create.if_none_match = true;
    update.if_not_modified = true;
    send_put(r, &update);
    fake_conn_expect_error(&r->conn, "notfound");
    send_put(r, &create);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    send_put(r, &create);
    fake_conn_expect_error(&r->conn, "match_found");
    send_put(r, &update);
    fake_conn_expect_error(&r->conn, "modified");
    get(r, "k");
    update.vclock = last_vclock(r);
    send_put(r, &update);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    send_put(r, &update);
    fake_conn_expect_error(&r->conn, "modified");
    assert_slice_is(get(r, "k")->content[0].content.value, "2");
}

static void test_if_modified(void **state)
{
    struct rig *r = *state;
    struct kv_get_req g = get_of("k");
    put(r, "k", "1");
    get(r, "k");
    g.has_if_modified = true;
    g.if_modified = last_vclock(r);
    send_get(r, &g);
    const struct kv_resp *resp = answer(r, MSG_GET_RESP);
    assert_true(resp->unchanged);
    assert_int_equal(resp->count, 0);
    put(r, "k", "2");
    send_get(r, &g);
    assert_int_equal(answer(r, MSG_GET_RESP)->count, 1);
    g.if_modified = slice_str("garbage");
    send_get(r, &g);
    fake_conn_expect_error(&r->conn,
                           "Invalid vclock of 7 bytes: give back the bytes that an answer of this store held");
    g = get_of("absent"); /* what is not there is not found, whatever the clock says */
    g.has_if_modified = true;
    g.if_modified = slice_str("garbage");
    send_get(r, &g);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
}

static void test_generated_keys(void **state)
{
    struct rig *r = *state;
    struct kv_put_req req = put_of("", "v");
    char first[27];
    req.has_key = false;
    send_put(r, &req);
    const struct kv_resp *resp = answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->key.len, 27);
    memcpy(first, resp->key.data, 27);
    req.return_body = true;
    send_put(r, &req);
    resp = answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->key.len, 27);
    assert_memory_not_equal(resp->key.data, first, 27);
    assert_slice_is(resp->content[0].content.value, "v");
}

static void test_siblings(void **state)
{
    struct rig *r = *state;
    struct kv_put_req req = put_of("k", "3");
    allow_mult(r);
    put(r, "k", "1");
    put(r, "k", "2");
    req.return_body = true;
    send_put(r, &req);
    assert_int_equal(answer(r, MSG_PUT_RESP)->count, 3);
    struct slice all = last_vclock(r);
    uint8_t old[VCLOCK_SIZE];
    memcpy(old, all.data, VCLOCK_SIZE);
    /* who has seen all three replaces them */
    req = put_of("k", "r");
    req.vclock = slice_make(old, VCLOCK_SIZE);
    req.return_body = true;
    send_put(r, &req);
    const struct kv_resp *resp = answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->count, 1);
    /* the same context again has not seen "r" */
    req = put_of("k", "s");
    req.vclock = slice_make(old, VCLOCK_SIZE);
    req.return_head = true;
    send_put(r, &req);
    resp = answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->count, 2);
    assert_int_equal(resp->content[0].content.value.len, 0);
}

static void expect_created(void *arg, int err, const struct store_result *result)
{
    (void)arg;
    (void)result;
    assert_int_equal(err, 0);
}

static void test_write_once_answers_nothing_and_keeps_one_value(void **state)
{
    struct rig *r = *state;
    struct bucket_props once = {.set = PROP_BIT(PROP_WRITE_ONCE), .write_once = true};
    router_create_type(r->node.router, slice_str("once"), &once, expect_created, NULL);
    struct kv_put_req p = put_of("k", "first");
    struct kv_get_req g = get_of("k");
    p.type = g.type = slice_str("once");
    p.has_type = g.has_type = true;
    p.return_body = true;
    for (int i = 0; i < 2; i++) {
        send_put(r, &p);
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
        p.content.value = slice_str("second");
    }
    send_get(r, &g);
    assert_int_equal(answer(r, MSG_GET_RESP)->count, 1);
    assert_slice_is(r->resp.content[0].content.value, "second");
}

static void test_too_many_siblings(void **state)
{
    struct rig *r = *state;
    struct kv_put_req req = put_of("k", "x");
    allow_mult(r);
    for (int i = 0; i < 10; i++)
        put(r, "k", "x");
    send_put(r, &req);
    fake_conn_expect_error(&r->conn, "{too_many_siblings,11}");
    assert_int_equal(get(r, "k")->count, 10);
}

static void test_tombstones(void **state)
{
    struct rig *r = *state;
    struct kv_del_req d = del_of("k");
    struct kv_get_req g = get_of("k");
    put(r, "k", "v");
    send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    assert_int_equal(get(r, "k")->count, 0);
    g.deletedvclock = true;
    send_get(r, &g);
    const struct kv_resp *resp = answer(r, MSG_GET_RESP);
    assert_int_equal(resp->count, 0);
    assert_int_equal(resp->vclock.len, VCLOCK_SIZE);
    fake_node_wait(&r->node, 3000);
    send_get(r, &g);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    struct store_stats stats;
    router_stats(r->node.router, &stats);
    assert_int_equal(stats.keys, 0); /* reaped, not only hidden */
}

static void test_tombstone_siblings(void **state)
{
    struct rig *r = *state;
    struct kv_del_req d = del_of("k");
    struct kv_put_req p = put_of("k", "z");
    allow_mult(r);
    put(r, "k", "1");
    get(r, "k");
    d.vclock = last_vclock(r);
    put(r, "k", "2"); /* the delete has not seen it */
    send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    const struct kv_resp *resp = get(r, "k");
    assert_int_equal(resp->count, 2);
    assert_int_equal(resp->content[0].content.deleted + resp->content[1].content.deleted, 1);
    d = del_of("k");
    send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    p.return_body = true;
    send_put(r, &p);
    resp = answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->count, 2);
    assert_true(resp->content[0].content.deleted);
    assert_int_equal(resp->content[0].content.value.len, 0);
    assert_slice_is(resp->content[1].content.value, "z");
}

/* Metadata that a client sends, in another order and with what the server gives itself. */
static void test_metadata(void **state)
{
    struct rig *r = *state;
    struct kv_put_req p = put_of("k", "v");
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
    send_put_meta(r, &p, buf_slice(&meta));
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    const struct kv_resp *resp = get(r, "k");
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

static void expect_index_error(struct rig *r, const char *name, const char *value, const char *text)
{
    struct kv_put_req p = put_of("k", "v");
    struct kv_item item = {KV_INDEX, slice_str(name), slice_str(value), {0}, true};
    struct buf meta;
    buf_init(&meta, 4096);
    kv_meta_put_item(&meta, &item);
    send_put_meta(r, &p, buf_slice(&meta));
    if (text)
        fake_conn_expect_error(&r->conn, text);
    else
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    buf_fini(&meta);
}

static void test_index_errors(void **state)
{
    struct rig *r = *state;
    expect_index_error(r, "foo", "x", "{precommit_fail,[{unknown_field_type,<<\"foo\">>}]}");
    expect_index_error(r, "a_int", "abc", "{precommit_fail,[{field_parsing_failed,{<<\"a_int\">>,<<\"abc\">>}}]}");
    expect_index_error(r, "a_int", "", "{precommit_fail,[{field_parsing_failed,{<<\"a_int\">>,<<>>}}]}");
    expect_index_error(r, "$key", "x", NULL);
}

static void put_with_ttl(struct rig *r, const char *ttl)
{
    struct kv_put_req p = put_of("k", "v");
    struct kv_item item = {KV_USERMETA, slice_str("x-ephemeral-ttl"), slice_str(ttl), {0}, true};
    struct buf meta;
    buf_init(&meta, 4096);
    kv_meta_put_item(&meta, &item);
    send_put_meta(r, &p, buf_slice(&meta));
    buf_fini(&meta);
}

static void test_expiry_of_one_key(void **state)
{
    struct rig *r = *state;
    struct kv_put_req create = put_of("k", "w");
    put_with_ttl(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_node_wait(&r->node, 1999);
    assert_int_equal(get(r, "k")->count, 1);
    fake_node_wait(&r->node, 1);
    assert_int_equal(get(r, "k")->count, 0);
    struct store_stats stats;
    router_stats(r->node.router, &stats);
    assert_int_equal(stats.keys, 0);
    create.if_none_match = true;
    send_put(r, &create);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    put_with_ttl(r, "abc");
    fake_conn_expect_error(&r->conn,
                           "Invalid X-Ephemeral-TTL 'abc': give whole seconds from 1 to 316224000, or 0 for ever");
}

/* A read must not show what is due, even when no timer has fired yet; and a claim on it must succeed. */
static void test_due_key_is_gone_for_readers_before_it_is_freed(void **state)
{
    struct rig *r = *state;
    struct kv_put_req create = put_of("k", "mine");
    put_with_ttl(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    r->node.now_ms += 5000; /* without running the timers */
    assert_int_equal(get(r, "k")->count, 0);
    put_with_ttl(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    r->node.now_ms += 5000;
    create.if_none_match = true;
    send_put(r, &create);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void test_expiry_of_a_bucket(void **state)
{
    struct rig *r = *state;
    struct bucket_props p = {.set = PROP_BIT(PROP_TTL), .ttl_s = 10};
    set_props(r, &p);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
    put(r, "k", "v");
    fake_node_wait(&r->node, 9000);
    put(r, "k", "v"); /* the last write decides */
    fake_node_wait(&r->node, 9000);
    assert_int_equal(get(r, "k")->count, 1);
    fake_node_wait(&r->node, 1000);
    assert_int_equal(get(r, "k")->count, 0);
}

/* --- large bodies --- */

static void put_large(struct rig *r, struct fake_conn *c, const char *key, size_t size)
{
    uint8_t *bytes = calloc(1, size);
    struct kv_put_req p = put_of(key, "");
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    (void)r;
    p.content.value = slice_make(bytes, size);
    assert_int_equal(kv_put_req_encode(&b, &p, slice_make(NULL, 0)), 0);
    fake_conn_give(c, buf_slice(&b));
    buf_fini(&b);
    free(bytes);
}

static void test_large_value(void **state)
{
    struct rig *r = *state;
    put_large(r, &r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_int_equal(r->node.server.bodies.used, 0);
    struct kv_get_req g = get_of("k");
    send_get(r, &g);
    assert_true(r->node.server.bodies.used >= 200000); /* as long as the answer stands in the queue */
    assert_int_equal(answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    assert_int_equal(r->node.server.bodies.used, 0);
}

static void test_object_too_large(void **state)
{
    struct rig *r = *state;
    put_large(r, &r->conn, "k", ((size_t)1 << 20) + 1);
    fake_conn_expect_error(&r->conn, "{too_large,1048577}");
    put_large(r, &r->conn, "k", (size_t)1 << 20);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void test_large_bodies_wait_for_the_budget(void **state)
{
    struct rig *r = *state;
    struct fake_conn a, b;
    uint8_t head[5];
    fake_conn_open_ready(&a, &r->node);
    fake_conn_open_ready(&b, &r->node);
    frame_head_put(head, MSG_PUT_REQ, 200000);
    fake_conn_give(&a, slice_make(head, sizeof head));
    assert_int_equal(r->node.server.bodies.used, 200000);
    put_large(r, &b, "b", 150000); /* 256 KiB in all: has to wait */
    assert_true(b.paused);
    assert_true(fake_conn_silent(&b));
    assert_int_equal(r->node.metrics.bodies_waited, 1);
    /* a small request elsewhere does not */
    put(r, "small", "v");
    /* the first gives up: it makes no progress */
    fake_node_wait(&r->node, 60000);
    assert_true(a.closed);
    fake_conn_close(&a);
    fake_node_wait(&r->node, 1);
    fake_conn_expect_empty(&b, MSG_PUT_RESP);
    assert_false(b.paused);
    fake_conn_close(&b);
}

static void test_large_answers_wait_for_the_budget(void **state)
{
    struct rig *r = *state;
    struct fake_conn a;
    uint8_t head[5];
    struct kv_get_req g = get_of("k");
    put_large(r, &r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&a, &r->node);
    frame_head_put(head, MSG_PUT_REQ, 200000);
    fake_conn_give(&a, slice_make(head, sizeof head));
    send_get(r, &g);
    assert_true(fake_conn_silent(&r->conn));
    assert_true(r->conn.paused);
    fake_conn_close(&a);
    fake_node_wait(&r->node, 1);
    assert_int_equal(answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    assert_false(r->conn.paused);
}

/* A client that asks and does not read is not answered without end. */
static void test_back_pressure(void **state)
{
    struct rig *r = *state;
    struct kv_get_req g = get_of("k");
    put_large(r, &r->conn, "k", 60000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    send(r);
    assert_true(r->conn.paused);
    assert_true(outq_len(&r->conn.stream.out) < STREAM_HIGH_WATER + 70000);
    size_t answers = 0;
    while (!fake_conn_silent(&r->conn)) {
        assert_int_equal(answer(r, MSG_GET_RESP)->count, 1);
        answers++;
    }
    assert_int_equal(answers, 1000);
    assert_false(r->conn.paused);
}

static void test_memory_limit(void **state)
{
    struct rig *r = *state;
    struct frame f;
    size_t stored = 0;
    for (;; stored++) {
        char key[32];
        snprintf(key, sizeof key, "k%zu", stored);
        put_large(r, &r->conn, key, 500000);
        f = fake_conn_take(&r->conn);
        if (f.code != MSG_PUT_RESP)
            break;
        assert_true(stored < 100);
    }
    assert_int_equal(f.code, MSG_ERROR_RESP);
    assert_true(router_memory(r->node.router)->used <= router_memory(r->node.router)->limit);
    assert_int_equal(r->node.metrics.writes_refused_full, 1);
    struct kv_del_req d = del_of("k0");
    send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    fake_node_wait(&r->node, 3000);
    put_large(r, &r->conn, "again", 400000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

/* --- listings --- */

static size_t take_names(struct rig *r, uint8_t code, bool *done)
{
    struct frame f = fake_conn_take(&r->conn);
    struct slice rest = f.body, name;
    size_t n = 0;
    assert_int_equal(f.code, code);
    while (bucket_list_resp_next(&rest, &name, done) > 0)
        n++;
    return n;
}

static void send_list_keys(struct rig *r, const char *bucket)
{
    struct bucket_list_keys_req req = {.bucket = slice_str(bucket)};
    size_t mark;
    assert_int_equal(frame_begin(&r->request, MSG_LIST_KEYS_REQ, &mark), 0);
    assert_int_equal(bucket_list_keys_req_encode(&r->request, &req), 0);
    frame_end(&r->request, mark);
}

static void test_list_keys(void **state)
{
    struct rig *r = *state;
    bool done = false;
    size_t names = 0;
    struct kv_del_req d = del_of("k7");
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        put(r, key, "v");
    }
    send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    send_list_keys(r, "b");
    assert_int_equal(frame_put_empty(&r->request, MSG_PING_REQ), 0);
    send(r);
    while (!done) {
        fake_node_wait(&r->node, 1);
        size_t n = take_names(r, MSG_LIST_KEYS_RESP, &done);
        assert_true(!done || n == 0);
        names += n;
    }
    assert_int_equal(names, 4999);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP); /* queued behind the listing */
    send_list_keys(r, "empty");
    send(r);
    done = false;
    fake_node_wait(&r->node, 1);
    assert_int_equal(take_names(r, MSG_LIST_KEYS_RESP, &done), 0);
    assert_true(done);
}

static void test_list_ends_with_its_connection(void **state)
{
    struct rig *r = *state;
    for (int i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        put(r, key, "v");
    }
    send_list_keys(r, "b");
    send(r);
    assert_true(r->conn.paused || !fake_conn_silent(&r->conn));
}

static void test_list_buckets(void **state)
{
    struct rig *r = *state;
    bool done = false;
    for (int i = 0; i < 300; i++) {
        char bucket[16];
        struct kv_put_req p = put_of("k", "v");
        snprintf(bucket, sizeof bucket, "b%d", i % 100);
        p.bucket = slice_str(bucket);
        p.has_key = i >= 100; /* and generated keys elsewhere */
        send_put(r, &p);
        fake_conn_take(&r->conn);
    }
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_make(NULL, 0));
    fake_node_wait(&r->node, 1);
    assert_int_equal(take_names(r, MSG_LIST_BUCKETS_RESP, &done), 100);
    assert_false(done); /* not streamed: the field is not there */
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_make("\x10\x01", 2));
    size_t names = 0;
    while (!done) {
        fake_node_wait(&r->node, 1);
        names += take_names(r, MSG_LIST_BUCKETS_RESP, &done);
    }
    assert_int_equal(names, 100);
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_str("\x1a\x06nosuch"));
    fake_conn_expect_error(&r->conn, "No bucket-type named 'nosuch'");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_put_then_get),
        CASE(test_names_are_needed),
        CASE(test_quorums),
        CASE(test_conditions),
        CASE(test_if_modified),
        CASE(test_generated_keys),
        CASE(test_siblings),
        CASE(test_write_once_answers_nothing_and_keeps_one_value),
        CASE(test_too_many_siblings),
        CASE(test_tombstones),
        CASE(test_tombstone_siblings),
        CASE(test_metadata),
        CASE(test_index_errors),
        CASE(test_expiry_of_one_key),
        CASE(test_due_key_is_gone_for_readers_before_it_is_freed),
        CASE(test_expiry_of_a_bucket),
        CASE(test_large_value),
        CASE(test_object_too_large),
        CASE(test_large_bodies_wait_for_the_budget),
        CASE(test_large_answers_wait_for_the_budget),
        CASE(test_back_pressure),
        CASE(test_memory_limit),
        CASE(test_list_keys),
        CASE(test_list_ends_with_its_connection),
        CASE(test_list_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
