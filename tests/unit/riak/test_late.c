/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose answers come in a later turn. */
#include "base/err.h"
#include "kv_rig.h"
#include "support.h"

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
    kv_rig_answer_late(r);
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
    kv_rig_answer_late(r);
    assert_true(kv_rig_answer(r, MSG_GET_RESP)->unchanged);
    g.if_modified = slice_str("a text that is longer than any vclock of ours");
    kv_rig_send_get(r, &g);
    kv_rig_answer_late(r);
    fake_conn_expect_error(&r->conn,
                           "Invalid vclock of 45 bytes: give back the bytes that an answer of this store held");
    g = kv_get_of("k");
    g.head = true;
    kv_rig_send_get(r, &g);
    kv_rig_answer_late(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 0);
    kv_rig_send_del(r, &d);
    kv_rig_answer_late(r);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    g.head = false;
    g.deletedvclock = true;
    kv_rig_send_get(r, &g);
    kv_rig_answer_late(r);
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
    kv_rig_answer_late(r);
    const struct kv_resp *resp = kv_rig_answer(r, MSG_PUT_RESP);
    assert_int_equal(resp->key.len, GENERATED_KEY_SIZE);
    assert_slice_is(resp->content[0].content.value, "v");
    p.return_body = false;
    p.return_head = true;
    kv_rig_send_put(r, &p);
    kv_rig_answer_late(r);
    assert_int_equal(kv_rig_answer(r, MSG_PUT_RESP)->content[0].content.value.len, 0);
    p = kv_put_of("k", "v");
    kv_rig_send_put(r, &p);
    kv_rig_answer_late(r);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void test_changes_of_properties(void **state)
{
    struct kv_rig *r = *state;
    struct bucket_props props = {.set = PROP_BIT(PROP_N_VAL), .n_val = 2};
    r->node.late.holds = true;
    kv_rig_set_props(r, &props);
    assert_true(fake_conn_silent(&r->conn));
    kv_rig_answer_late(r);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
    kv_rig_append_frame(r, MSG_RESET_BUCKET_REQ,
                        slice_str("\x0a\x01"
                                  "b"));
    kv_rig_send(r);
    kv_rig_answer_late(r);
    fake_conn_expect_empty(&r->conn, MSG_RESET_BUCKET_RESP);
    kv_rig_set_props(r, &props);
    kv_rig_fail_late(r, E_UNKNOWN);
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
    kv_rig_append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    kv_rig_send(r);
    assert_int_equal(r->node.late.asked, 1); /* one is under way at a time */
    kv_rig_answer_late(r);
    assert_int_equal(r->node.late.asked, 2);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_true(fake_conn_silent(&r->conn));
    kv_rig_answer_late(r);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    assert_true(fake_conn_silent(&r->conn));
    kv_rig_answer_late(r);
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
    kv_rig_answer_late(r);
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
    kv_rig_append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    struct slice all = buf_slice(&r->request);
    r->node.late.holds = true;
    for (size_t cut = 1; cut < all.len; cut++) {
        fake_conn_give(&r->conn, slice_make(all.data, cut));
        bool answered = late_router_answer(&r->node.late);
        fake_conn_give(&r->conn, slice_skip(all, cut));
        if (!answered)
            kv_rig_answer_late(r);
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
    kv_rig_append_list(r, 0);
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
    kv_rig_append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    kv_rig_send(r);
    kv_rig_answer_late(r);
    assert_true(fake_conn_silent(&r->conn));
    assert_true(r->conn.paused);
    assert_int_equal(r->node.metrics.bodies_waited, 1);
    assert_false(late_router_answer(&r->node.late)); /* not asked anew before there is room */
    fake_conn_close(&hog);
    fake_conn_drained(&r->conn); /* what was granted meanwhile is not given away */
    fake_node_wait(&r->node, 1);
    fake_conn_drained(&r->conn);
    assert_true(r->node.server.large.used >= 200000);
    kv_rig_answer_late(r);
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
        kv_rig_answer_late(r);
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
    kv_rig_answer_late(r);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_int_equal(r->node.server.large.used, 0);
    r->node.late.holds = false;
    assert_int_equal(kv_rig_get(r, "k")->content[0].content.value.len, 200000);
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
        KV_CASE(test_large_answer_waits_for_the_budget),
        KV_CASE(test_room_that_is_not_needed_is_given_back),
        KV_CASE(test_large_put_holds_its_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
