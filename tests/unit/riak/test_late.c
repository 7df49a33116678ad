/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose answers come in a later turn. */
#include <stdio.h>
#include <stdlib.h>
#include "base/err.h"
#include "kv_rig.h"
#include "support.h"
#include "wire/pb.h"
#include "wire/admin_msg.h"
#include "wire/bucket_msg.h"

static void answer_one(struct kv_rig *r)
{
    assert_true(late_router_answer(&r->node.late));
}

static void fail_one(struct kv_rig *r, int err)
{
    assert_true(late_router_fail(&r->node.late, err));
}

static void append_frame(struct kv_rig *r, uint8_t code, struct slice body)
{
    size_t mark;
    assert_int_equal(frame_begin(&r->request, code, &mark), 0);
    assert_int_equal(buf_append_slice(&r->request, body), 0);
    frame_end(&r->request, mark);
}

static void append_list(struct kv_rig *r, uint32_t timeout_ms)
{
    struct bucket_list_keys_req req = {.bucket = slice_str("b"), .timeout_ms = timeout_ms};
    size_t mark;
    assert_int_equal(frame_begin(&r->request, MSG_LIST_KEYS_REQ, &mark), 0);
    assert_int_equal(bucket_list_keys_req_encode(&r->request, &req), 0);
    frame_end(&r->request, mark);
}

static void ping(struct kv_rig *r)
{
    append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    kv_rig_send(r);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
}

/* --- one request --- */

static void test_answer_is_flushed(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put(r, "k", "v");
    assert_int_equal(r->conn.flushes, 0); /* what is answered at once leaves with what the transport sends anyway */
    r->node.late.holds = true;
    kv_rig_send_get(r, &g);
    assert_true(fake_conn_silent(&r->conn));
    answer_one(r);
    assert_int_equal(r->conn.flushes, 1);
    assert_false(r->conn.paused);
    assert_slice_is(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value, "v");
    assert_true(fake_conn_silent(&r->conn));
    assert_int_equal(r->conn.session.kept.cap, 0); /* nothing of the request is left */
}

static void test_what_a_get_asked_for_is_remembered(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_del_req d = kv_del_of("k");
    uint8_t vclock[VCLOCK_SIZE];
    kv_rig_put(r, "k", "v");
    kv_rig_get(r, "k");
    memcpy(vclock, r->vclock, VCLOCK_SIZE);
    r->node.late.holds = true;
    g.has_if_modified = true;
    g.if_modified = slice_make(vclock, VCLOCK_SIZE);
    kv_rig_send_get(r, &g);
    answer_one(r);
    assert_true(kv_rig_answer(r, MSG_GET_RESP)->unchanged);
    g.if_modified = slice_str("a text that is longer than any vclock of ours");
    kv_rig_send_get(r, &g);
    answer_one(r);
    fake_conn_expect_error(&r->conn,
                           "Invalid vclock of 45 bytes: give back the bytes that an answer of this store held");
    g = kv_get_of("k");
    g.head = true;
    kv_rig_send_get(r, &g);
    answer_one(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 0);
    kv_rig_send_del(r, &d);
    answer_one(r);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    g.head = false;
    g.deletedvclock = true;
    kv_rig_send_get(r, &g);
    answer_one(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->vclock.len, VCLOCK_SIZE);
}

static void test_what_a_put_asked_for_is_remembered(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("", "v");
    r->node.late.holds = true;
    p.has_key = false;
    p.return_body = true;
    kv_rig_send_put(r, &p);
    answer_one(r);
    const struct kv_resp *resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->key.len, GENERATED_KEY_SIZE);
    assert_slice_is(resp->content[0].content.value, "v");
    p.return_body = false;
    p.return_head = true;
    kv_rig_send_put(r, &p);
    answer_one(r);
    assert_int_equal(kv_rig_answer(r, MSG_PUT_RESP)->content[0].content.value.len, 0);
    p = kv_put_of("k", "v");
    kv_rig_send_put(r, &p);
    answer_one(r);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void test_changes_of_properties(void **state)
{
    struct kv_rig *r = *state;
    struct bucket_props props = {.set = PROP_BIT(PROP_N_VAL), .n_val = 2};
    r->node.late.holds = true;
    kv_rig_set_props(r, &props);
    assert_true(fake_conn_silent(&r->conn));
    answer_one(r);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
    append_frame(r, MSG_RESET_BUCKET_REQ,
                 slice_str("\x0a\x01"
                           "b"));
    kv_rig_send(r);
    answer_one(r);
    fake_conn_expect_empty(&r->conn, MSG_RESET_BUCKET_RESP);
    kv_rig_set_props(r, &props);
    fail_one(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "properties are set: get them before setting them again");
}

/* --- pipelining --- */

static void test_answers_keep_the_order_of_the_requests(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_get_req g = kv_get_of("k");
    r->node.late.holds = true;
    assert_int_equal(kv_put_req_encode(&r->request, &p, slice_make(NULL, 0)), 0);
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    kv_rig_send(r);
    assert_int_equal(r->node.late.asked, 1); /* one is under way at a time */
    answer_one(r);
    assert_int_equal(r->node.late.asked, 2);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_true(fake_conn_silent(&r->conn));
    answer_one(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    assert_true(fake_conn_silent(&r->conn));
    answer_one(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
    assert_false(late_router_answer(&r->node.late));
}

/* The answers to several requests behind a late one leave together. */
static void test_what_stood_behind_leaves_in_one_flush(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("absent");
    r->node.late.holds = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    kv_rig_send(r);
    r->node.late.holds = false;
    answer_one(r);
    assert_int_equal(r->conn.flushes, 1);
    for (int i = 0; i < 10; i++)
        fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    assert_true(fake_conn_silent(&r->conn));
}

/* A frame that is cut anywhere, behind one that is under way. */
static void test_input_in_pieces_while_one_is_under_way(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("absent");
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    struct slice all = buf_slice(&r->request);
    r->node.late.holds = true;
    for (size_t cut = 1; cut < all.len; cut++) {
        fake_conn_give(&r->conn, slice_make(all.data, cut));
        bool answered = late_router_answer(&r->node.late);
        fake_conn_give(&r->conn, slice_skip(all, cut));
        if (!answered)
            answer_one(r);
        fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
        fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
        assert_true(fake_conn_silent(&r->conn));
    }
}

/* --- the end --- */

static void expect_forgotten(struct kv_rig *r, struct fake_conn *c)
{
    unsigned before = r->node.late.forgotten;
    fake_conn_close(c);
    assert_int_equal(r->node.late.forgotten, before + 1);
    assert_false(late_router_answer(&r->node.late));
}

static void test_closed_while_under_way(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn c;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put(r, "k", "v");
    r->node.late.holds = true;
    fake_conn_open_ready(&c, &r->node);
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    fake_conn_give(&c, buf_slice(&r->request));
    expect_forgotten(r, &c);
    buf_consume(&r->request, buf_len(&r->request));
    fake_conn_open_ready(&c, &r->node);
    kv_rig_put_large(&c, "large", 200000);
    assert_int_equal(r->node.server.large.used > 0, 1);
    expect_forgotten(r, &c);
    assert_int_equal(r->node.server.large.used, 0);
    fake_conn_open_ready(&c, &r->node);
    append_list(r, 0);
    fake_conn_give(&c, buf_slice(&r->request));
    expect_forgotten(r, &c);
    buf_consume(&r->request, buf_len(&r->request));
}

/* Who pours on while he is asked to pause is closed, and then no answer is written any more. */
static void test_ended_while_under_way(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    static const uint8_t zeros[100000];
    r->node.late.holds = true;
    kv_rig_send_get(r, &g);
    for (int i = 0; i < 20 && !r->conn.closed; i++)
        fake_conn_give(&r->conn, slice_make(zeros, sizeof zeros));
    assert_true(r->conn.closed);
    assert_int_equal(r->node.late.forgotten, 1);
    assert_false(late_router_answer(&r->node.late));
    assert_true(fake_conn_silent(&r->conn));
}

/* --- time-outs and refusals --- */

static void test_time_outs_are_given_on(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_del_req d = kv_del_of("k");
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 60000);
    g.timeout_ms = 11;
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 11);
    p.timeout_ms = 12;
    kv_rig_send_put(r, &p);
    assert_int_equal(r->node.late.timeout_ms, 12);
    d.timeout_ms = 13;
    kv_rig_send_del(r, &d);
    assert_int_equal(r->node.late.timeout_ms, 13);
    append_list(r, 14);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 14);
    append_list(r, 0);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 60000);
    fake_conn_take_all(&r->conn);
}

static void set_timeout(struct kv_rig *r, uint32_t timeout_ms)
{
    assert_int_equal(admin_timeout_put_req(&r->request, timeout_ms), 0);
    kv_rig_send(r);
    fake_conn_expect_empty(&r->conn, MSG_TIMEOUT_RESP);
}

/* For what has no field for it; what a request says itself goes before. */
static void test_time_out_of_a_connection(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    r->node.late.holds = true;
    set_timeout(r, 900);
    append_list(r, 0);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 900);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the list made no progress for 900 ms: ask for it again");
    g.timeout_ms = 11;
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 11);
    fail_one(r, E_TIMEOUT);
    fake_conn_take_all(&r->conn);
    set_timeout(r, 0);
    g.timeout_ms = 0;
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 60000);
    fail_one(r, E_TIMEOUT);
    fake_conn_take_all(&r->conn);
    append_frame(r, MSG_TIMEOUT_REQ, slice_str("\x0a"));
    kv_rig_send(r);
    fake_conn_expect_error(&r->conn, "Error processing incoming message: EphTimeoutReq could not be decoded");
}

/* Who waits in vain is told what for. */
static void test_cause_of_time_outs(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_put_req p = kv_put_of("k", "v");
    r->node.late.holds = true;
    r->node.late.obstacle = "no quorum: 2 of 5 seats answer";
    kv_rig_send_get(r, &g);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it has had no effect: try "
                                     "again; no quorum: 2 of 5 seats answer");
    kv_rig_send_put(r, &p);
    fail_one(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "write has had its effect: read the key before writing again; no quorum: 2 of 5 "
                                     "seats answer");
    append_list(r, 0);
    kv_rig_send(r);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the list made no progress for 60000 ms: ask for it again; no quorum: 2 "
                                     "of 5 seats answer");
}

/* Only a put that returns what it has written: whoever does it elsewhere sends the object along or not. */
static void test_who_wants_the_object(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req body = kv_put_of("k", "v"), head = kv_put_of("k", "v"), none = kv_put_of("k", "v");
    struct kv_del_req d = kv_del_of("k");
    body.return_body = head.return_head = true;
    kv_rig_send_put(r, &body);
    assert_true(r->node.late.wants_object);
    kv_rig_send_put(r, &none);
    assert_false(r->node.late.wants_object);
    kv_rig_send_put(r, &head);
    assert_true(r->node.late.wants_object);
    kv_rig_send_del(r, &d);
    assert_false(r->node.late.wants_object);
    fake_conn_take_all(&r->conn);
}

static void put_that_fails(struct kv_rig *r, const struct kv_put_req *req, int err, const char *text)
{
    kv_rig_send_put(r, req);
    fail_one(r, err);
    fake_conn_expect_error(&r->conn, text);
}

/* What another node may say of a write: nothing of it is about this node. */
static void test_words_of_refusals(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("k", "v");
    r->node.late.holds = true;
    put_that_fails(r, &p, E_FULL,
                   "overload: the memory of a node that keeps this key is full: delete keys, let them expire, or give "
                   "the nodes more memory");
    put_that_fails(r, &p, E_TOO_MANY,
                   "overload: too many writes to this part of the keys are under way through this "
                   "node; this one has had no effect: try again");
    put_that_fails(r, &p, E_CLOSED,
                   "unavailable: the node that serves this key has just given it up; the request has "
                   "had no effect: try again");
    put_that_fails(r, &p, E_STALE,
                   "the answer was lost on its way between the nodes, and it is not known whether the "
                   "write has had its effect: read the key before writing again");
    ping(r);
}

/* Takes an error that names the key between the two texts; the key is 27 bytes long. */
static void expect_error_with_key(struct kv_rig *r, const char *before, const char *after)
{
    struct frame f = fake_conn_take(&r->conn);
    char text[512] = "";
    size_t head = strlen(before);
    assert_int_equal(f.code, MSG_ERROR_RESP);
    assert_in_range(f.body.len, 2, sizeof text);
    memcpy(text, f.body.data + 2, f.body.len - 2); /* tag and length, which is one byte up to 127 */
    const char *found = strstr(text, before);
    assert_non_null(found);
    assert_int_equal(strspn(found + head, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
                     GENERATED_KEY_SIZE);
    assert_memory_equal(found + head + GENERATED_KEY_SIZE, after, strlen(after));
}

/* Nobody could find out what became of it otherwise. */
static void test_unsure_put_tells_the_key_it_made(void **state)
{
    static const char after[] = "': get it before writing it again";
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("", "v");
    p.has_key = false;
    r->node.late.holds = true;
    kv_rig_send_put(r, &p);
    fail_one(r, E_UNKNOWN);
    expect_error_with_key(r,
                          "timeout: the request's time of 60000 ms is over, and it is not known whether the object is "
                          "stored under the key '",
                          after);
    kv_rig_send_put(r, &p);
    fail_one(r, E_STALE);
    expect_error_with_key(r, "it is not known whether the object is stored under the key '", after);
    put_that_fails(r, &p, E_TIMEOUT,
                   "timeout: the request's time of 60000 ms is over, and it has had no effect: try again");
}

static void test_words_of_time_outs(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_del_req d = kv_del_of("k");
    r->node.late.holds = true;
    g.timeout_ms = 250;
    kv_rig_send_get(r, &g);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn,
                           "timeout: the request's time of 250 ms is over, and it has had no effect: try again");
    kv_rig_send_put(r, &p);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn,
                           "timeout: the request's time of 60000 ms is over, and it has had no effect: try again");
    kv_rig_send_put(r, &p);
    fail_one(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "write has had its effect: read the key before writing again");
    kv_rig_send_del(r, &d);
    fail_one(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "write has had its effect: read the key before writing again");
    kv_rig_send_put(r, &p);
    fail_one(r, E_NOMEM);
    fake_conn_expect_error(&r->conn, "out of memory");
    assert_int_equal(r->node.metrics.requests_failed, 5);
    ping(r);
}

static void expect_unavailable(struct kv_rig *r)
{
    fake_conn_expect_error(&r->conn, "unavailable: this node has found no cluster yet");
}

static void test_without_a_cluster(void **state)
{
    static const uint8_t needy[] = {MSG_LIST_BUCKETS_REQ, MSG_LIST_KEYS_REQ,       MSG_GET_BUCKET_REQ,
                                    MSG_SET_BUCKET_REQ,   MSG_RESET_BUCKET_REQ,    MSG_GET_BUCKET_TYPE_REQ,
                                    MSG_DEL_REQ,          MSG_SET_BUCKET_TYPE_REQ, MSG_PUT_REQ};
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct fake_conn c;
    r->node.late.unavailable = "this node has found no cluster yet";
    kv_rig_send_get(r, &g);
    expect_unavailable(r);
    for (size_t i = 0; i < sizeof needy; i++) {
        append_frame(r, needy[i], slice_make(NULL, 0));
        kv_rig_send(r);
        expect_unavailable(r);
    }
    assert_int_equal(r->node.late.asked, 0);
    ping(r);
    append_frame(r, MSG_GET_SERVER_INFO_REQ, slice_make(NULL, 0));
    append_frame(r, MSG_GET_CLIENT_ID_REQ, slice_make(NULL, 0));
    append_frame(r, 199, slice_make(NULL, 0));
    kv_rig_send(r);
    assert_int_equal(fake_conn_take(&r->conn).code, MSG_GET_SERVER_INFO_RESP);
    assert_int_equal(fake_conn_take(&r->conn).code, MSG_GET_CLIENT_ID_RESP);
    fake_conn_expect_error(&r->conn, "Unknown message code: 199");
    fake_conn_open_ready(&c, &r->node);
    fake_conn_close(&c);
    r->node.late.unavailable = NULL;
    kv_rig_put(r, "k", "v");
}

/* --- the budget of large bodies --- */

/* Takes most of the budget until it is closed. */
static void open_hog(struct kv_rig *r, struct fake_conn *hog)
{
    static uint8_t begin[FRAME_HEAD + BODY_SMALL + 1];
    fake_conn_open_ready(hog, &r->node);
    frame_head_put(begin, MSG_PUT_REQ, 290000);
    fake_conn_give(hog, slice_make(begin, sizeof begin));
}

static void test_large_answer_waits_for_the_budget(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn hog;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    open_hog(r, &hog);
    r->node.late.holds = true;
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    kv_rig_send(r);
    answer_one(r);
    assert_true(fake_conn_silent(&r->conn));
    assert_true(r->conn.paused);
    assert_int_equal(r->node.metrics.bodies_waited, 1);
    assert_false(late_router_answer(&r->node.late)); /* not asked anew before there is room */
    fake_conn_close(&hog);
    fake_conn_drained(&r->conn); /* what was granted meanwhile is not given away */
    fake_node_wait(&r->node, 1);
    fake_conn_drained(&r->conn);
    assert_true(r->node.server.large.used >= 200000);
    answer_one(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    assert_false(r->conn.paused);
    assert_int_equal(r->node.server.large.used, 0);
}

/* The object has shrunk, or the request has failed, when there is room at last. */
static void test_room_that_is_not_needed_is_given_back(void **state)
{
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        struct kv_rig *r = *state;
        struct fake_conn hog, writer;
        struct kv_get_req g = kv_get_of("k");
        kv_rig_put_large(&r->conn, "k", 200000);
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
        open_hog(r, &hog);
        r->node.late.holds = true;
        kv_rig_send_get(r, &g);
        answer_one(r);
        r->node.late.holds = false;
        fake_conn_open_ready(&writer, &r->node);
        kv_rig_put_large(&writer, "k", 10);
        r->node.late.holds = true;
        fake_conn_close(&writer);
        fake_conn_close(&hog);
        fake_node_wait(&r->node, 1);
        assert_true(r->node.server.large.used >= 200000);
        assert_true(fails ? late_router_fail(&r->node.late, E_TIMEOUT) : late_router_answer(&r->node.late));
        assert_int_equal(r->node.server.large.used, 0);
        assert_int_equal(fake_conn_take(&r->conn).code, fails ? MSG_ERROR_RESP : MSG_GET_RESP);
        r->node.late.holds = false;
    }
}

static void test_large_put_holds_its_body(void **state)
{
    struct kv_rig *r = *state;
    r->node.late.holds = true;
    kv_rig_put_large(&r->conn, "k", 200000);
    assert_true(r->node.server.large.used >= 200000);
    assert_true(fake_conn_silent(&r->conn));
    answer_one(r);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_int_equal(r->node.server.large.used, 0);
    r->node.late.holds = false;
    assert_int_equal(kv_rig_get(r, "k")->content[0].content.value.len, 200000);
}

/* --- listings --- */

static void put_keys(struct kv_rig *r, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        kv_rig_put(r, key, "v");
    }
}

/* All names that stand in the output; `done`: the last frame has come. */
static size_t take_names(struct kv_rig *r, bool *done)
{
    size_t n = 0;
    while (!*done && !fake_conn_silent(&r->conn)) {
        struct frame f = fake_conn_take(&r->conn);
        struct slice rest = f.body, name;
        assert_int_equal(f.code, MSG_LIST_KEYS_RESP);
        while (bucket_list_resp_next(&rest, &name, done) > 0)
            n++;
    }
    return n;
}

static void test_listing_step_by_step(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    unsigned steps = 0;
    size_t names = 0;
    put_keys(r, 5000);
    r->node.late.holds = true;
    unsigned asked = r->node.late.asked;
    append_list(r, 0);
    append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    kv_rig_send(r);
    while (!done) {
        steps++;
        assert_int_equal(r->node.late.asked, asked + steps); /* one step after the other */
        unsigned flushes = r->conn.flushes;
        answer_one(r);
        assert_true(r->conn.flushes > flushes);
        names += take_names(r, &done);
        fake_node_wait(&r->node, 1);
    }
    assert_int_equal(names, 5000);
    assert_true(steps >= ROUTER_PARTITIONS_MAX);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
}

/* Steps that are answered at once behind one that was not, with other turns between them. */
static void test_listing_of_both_kinds_of_steps(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    size_t names = 0;
    put_keys(r, 5000);
    append_list(r, 0);
    r->node.late.holds = true;
    kv_rig_send(r);
    for (int i = 0; !done; i++) {
        r->node.late.holds = i % 5 == 0;
        late_router_answer(&r->node.late);
        fake_node_wait(&r->node, 1);
        names += take_names(r, &done);
    }
    assert_int_equal(names, 5000);
    r->node.late.holds = false;
    ping(r);
}

/* Its time is for the whole, and a step has what is left of it. */
static void test_listing_runs_out_of_time(void **state)
{
    static const char *const text =
        "timeout: the list was not complete within its 100 ms: give it more time, or ask of a smaller bucket";
    struct kv_rig *r = *state;
    put_keys(r, 10);
    r->node.late.holds = true;
    append_list(r, 100);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 100);
    fake_node_wait(&r->node, 40);
    answer_one(r);
    assert_int_equal(r->node.late.timeout_ms, 60);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, text);
    append_list(r, 100);
    kv_rig_send(r);
    fake_node_wait(&r->node, 100);
    answer_one(r); /* the step was just in time, the next would not be */
    fake_conn_expect_error(&r->conn, text);
    append_list(r, 0);
    kv_rig_send(r);
    fail_one(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the list made no progress for 60000 ms: ask for it again");
    append_list(r, 0);
    kv_rig_send(r);
    fail_one(r, E_NOMEM);
    fake_conn_expect_error(&r->conn, "the list could not be completed: out of memory: ask for it again");
    ping(r);
}

/* --- map/reduce --- */

static void send_job(struct kv_rig *r, const char *job)
{
    uint8_t body[32768], *p = pb_put_bytes(body, 1, slice_str(job));
    p = pb_put_bytes(p, 2, slice_str("application/json"));
    append_frame(r, MSG_MAPRED_REQ, slice_make(body, (size_t)(p - body)));
    kv_rig_send(r);
}

static void expect_values(struct kv_rig *r, const char *values)
{
    struct frame f = fake_conn_take(&r->conn);
    struct pb_reader reader = pb_reader_of(f.body);
    struct pb_field field;
    assert_int_equal(f.code, MSG_MAPRED_RESP);
    while (pb_next(&reader, &field) > 0)
        if (field.number == 2)
            assert_slice_is(field.bytes, values);
}

/* Several are asked for at once, and each answer finds what its input said, however long it takes. */
static void test_a_job_keeps_what_its_inputs_say(void **state)
{
    struct kv_rig *r = *state;
    r->node.late.holds = true;
    send_job(
        r, "{\"inputs\":[[\"b\",\"k1\",\"the first\"],[\"b\",\"k2\",{\"n\":2}],[\"b\",\"k3\",\"the third\"],[\"b\","
           "\"k4\",[4,4]]],\"query\":[{\"map\":{\"language\":\"erlang\",\"module\":\"riak_kv_mapreduce\",\"function\":"
           "\"map_object_value\",\"arg\":\"include_keydata\"}}]}");
    while (late_router_answer(&r->node.late))
        fake_node_wait(&r->node, 1);
    expect_values(r, "[\"the first\",{\"n\":2},\"the third\",[4,4]]");
    assert_int_equal(fake_conn_take(&r->conn).code, MSG_MAPRED_RESP); /* done */
    assert_true(fake_conn_silent(&r->conn));
}

/* The whole list is looked at first. */
static void test_a_job_with_a_bad_input_asks_for_nothing(void **state)
{
    struct kv_rig *r = *state;
    r->node.late.holds = true;
    send_job(r, "{\"inputs\":[[\"b\",\"k1\"],[\"b\",\"k2\"],[\"b\"]],\"query\":[{\"link\":{}}]}");
    fake_node_wait(&r->node, 1);
    fake_conn_expect_error(&r->conn, "{\"error\":\"inputs: number 2 is no [bucket, key], [bucket, key, keydata] or "
                                     "[bucket, key, keydata, type]\"}");
    assert_false(late_router_answer(&r->node.late));
    ping(r);
}

/* The list of inputs lies in the message, which is given up with the connection that makes no progress; the object that
 * was asked for comes later. */
static void test_a_job_whose_client_does_not_read_ends(void **state)
{
    struct kv_rig *r = *state;
    static char text[32000];
    size_t len = 0;
    struct fake_conn other;
    struct kv_get_req g = kv_get_of("large");
    kv_rig_put_large(&r->conn, "large", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&other, &r->node);
    kv_rig_send_get(r, &g); /* stays in its queue */
    for (int i = 0; i < 2000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s[\"b\",\"k%d\"]", i ? "," : "{\"inputs\":[", i);
    snprintf(text + len, sizeof text - len, "],\"query\":[{\"link\":{}}]}");
    r->node.late.holds = true;
    send_job(r, text);
    fake_node_wait(&r->node, 100);
    r->node.late.holds = false;
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    fake_conn_give(&other, buf_slice(&r->request)); /* waits for the memory */
    fake_node_wait(&r->node, 7000);
    assert_true(r->conn.closed);
    while (late_router_answer(&r->node.late))
        fake_node_wait(&r->node, 1);
    assert_true(fake_conn_silent(&r->conn));
    fake_conn_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_answer_is_flushed),
        KV_CASE(test_what_a_get_asked_for_is_remembered),
        KV_CASE(test_what_a_put_asked_for_is_remembered),
        KV_CASE(test_changes_of_properties),
        KV_CASE(test_answers_keep_the_order_of_the_requests),
        KV_CASE(test_what_stood_behind_leaves_in_one_flush),
        KV_CASE(test_input_in_pieces_while_one_is_under_way),
        KV_CASE(test_closed_while_under_way),
        KV_CASE(test_ended_while_under_way),
        KV_CASE(test_time_outs_are_given_on),
        KV_CASE(test_time_out_of_a_connection),
        KV_CASE(test_cause_of_time_outs),
        KV_CASE(test_words_of_time_outs),
        KV_CASE(test_words_of_refusals),
        KV_CASE(test_unsure_put_tells_the_key_it_made),
        KV_CASE(test_who_wants_the_object),
        KV_CASE(test_without_a_cluster),
        KV_CASE(test_large_answer_waits_for_the_budget),
        KV_CASE(test_room_that_is_not_needed_is_given_back),
        KV_CASE(test_large_put_holds_its_body),
        KV_CASE(test_listing_step_by_step),
        KV_CASE(test_listing_of_both_kinds_of_steps),
        KV_CASE(test_listing_runs_out_of_time),
        KV_CASE(test_a_job_keeps_what_its_inputs_say),
        KV_CASE(test_a_job_whose_client_does_not_read_ends),
        KV_CASE(test_a_job_with_a_bad_input_asks_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
