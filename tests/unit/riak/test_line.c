/* SPDX-License-Identifier: Apache-2.0 */
/* R-ORDER: many requests of one connection at once. The router answers when the test says so, in any order. */
#include "base/err.h"
#include "kv_rig.h"
#include "support.h"
#include "wire/admin_msg.h"
#include "wire/bucket_msg.h"

#include <stdio.h>

#define IN_FLIGHT 128 /* of a connection */

static void append_put(struct kv_rig *r, const char *key, const char *value)
{
    struct kv_put_req p = kv_put_of(key, value);
    assert_int_equal(kv_put_req_encode(&r->request, &p, slice_make(NULL, 0)), 0);
}

static void append_get(struct kv_rig *r, const char *key)
{
    struct kv_get_req g = kv_get_of(key);
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
}

static unsigned held(struct kv_rig *r)
{
    unsigned n = 0;
    for (const struct list *i = r->node.late.held.next; i != &r->node.late.held; i = i->next)
        n++;
    return n;
}

static void hold(struct kv_rig *r)
{
    r->node.late.holds = true;
    r->node.late.asked = 0;
}

static void answer_first(struct kv_rig *r)
{
    assert_true(late_router_answer(&r->node.late));
}

static void answer_last(struct kv_rig *r)
{
    assert_true(late_router_answer_last(&r->node.late));
}

static void expect_got(struct kv_rig *r, const char *value)
{
    const struct kv_resp *resp = kv_rig_answer(r, MSG_GET_RESP);
    assert_int_equal(resp->count, 1);
    assert_slice_is(resp->content[0].content.value, value);
}

static void read_all(struct kv_rig *r)
{
    fake_conn_take_all(&r->conn);
    fake_conn_drained(&r->conn);
}

static void expect_all_over(struct kv_rig *r)
{
    assert_true(fake_conn_silent(&r->conn));
    assert_int_equal(held(r), 0);
    assert_true(list_empty(&r->conn.session.line));
    assert_int_equal(r->conn.session.in_flight, 0);
    assert_int_equal(r->conn.session.reads, 0);
    assert_int_equal(r->conn.session.line_bytes, 0);
    assert_int_equal(r->conn.session.kept_answers, 0);
    assert_false(r->conn.paused);
    fake_node_wait(&r->node, 1);
    assert_int_equal(r->node.server.small.used, 0);
    assert_int_equal(r->node.server.large.used, 0);
}

/* --- the order of answers --- */

static void test_different_keys_are_under_way_together(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put(r, "a", "1");
    kv_rig_put(r, "c", "3");
    hold(r);
    append_get(r, "a");
    append_put(r, "b", "2");
    append_get(r, "c");
    kv_rig_append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    append_get(r, "absent");
    kv_rig_send(r);
    assert_int_equal(held(r), 4);
    for (int i = 0; i < 3; i++)
        answer_last(r);
    assert_true(fake_conn_silent(&r->conn)); /* no answer overtakes */
    answer_last(r);
    expect_got(r, "1");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    expect_got(r, "3");
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    expect_all_over(r);
}

/* Answered in the middle first: each leaves when all before it have. */
static void test_answers_leave_as_soon_as_they_may(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put(r, "a", "1");
    kv_rig_put(r, "b", "2");
    hold(r);
    append_get(r, "a");
    append_get(r, "b");
    append_get(r, "absent");
    kv_rig_send(r);
    answer_first(r);
    expect_got(r, "1");
    assert_true(fake_conn_silent(&r->conn));
    answer_last(r);
    assert_true(fake_conn_silent(&r->conn));
    answer_first(r);
    expect_got(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    expect_all_over(r);
}

/* An error of one is an answer like any other. */
static void test_a_failure_changes_nothing_for_others(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put(r, "a", "1");
    hold(r);
    append_put(r, "x", "lost");
    append_get(r, "a");
    kv_rig_append_frame(r, 199, slice_make(NULL, 0));
    append_put(r, "y", "kept");
    kv_rig_send(r);
    answer_last(r);
    assert_true(late_router_fail(&r->node.late, E_CLOSED));
    answer_first(r);
    fake_conn_expect_error(&r->conn, "unavailable: the node that serves this key has just given it up; the request has "
                                     "had no effect: try again");
    expect_got(r, "1");
    fake_conn_expect_error(&r->conn, "Unknown message code: 199");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    r->node.late.holds = false;
    assert_int_equal(kv_rig_get(r, "x")->count, 0);
    assert_int_equal(kv_rig_get(r, "y")->count, 1);
    expect_all_over(r);
}

/* Before a frame that ends the connection all are answered. */
static void test_a_bad_frame_waits_for_those_before_it(void **state)
{
    static const uint8_t zero[] = {0, 0, 0, 0};
    struct kv_rig *r = *state;
    kv_rig_put(r, "a", "1");
    hold(r);
    append_get(r, "a");
    append_get(r, "absent");
    assert_int_equal(buf_append(&r->request, zero, sizeof zero), 0);
    kv_rig_send(r);
    assert_false(r->conn.closed);
    answer_last(r);
    assert_false(r->conn.closed);
    answer_first(r);
    assert_true(r->conn.closed);
    expect_got(r, "1");
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    assert_true(fake_conn_silent(&r->conn));
}

/* --- the order of effects --- */

static void test_same_key_waits(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_put(r, "k", "1");
    append_get(r, "k");
    append_put(r, "k", "2");
    append_get(r, "k");
    append_get(r, "other");
    kv_rig_send(r);
    assert_true(r->conn.paused);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(held(r), 1);
        answer_last(r);
    }
    assert_int_equal(held(r), 2); /* the last of the key, and what stood behind it */
    answer_last(r);
    answer_last(r);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    expect_got(r, "1");
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    expect_got(r, "2");
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    expect_all_over(r);
}

/* It is the key that waits, not its place in the line: one that is answered holds nobody up, though its answer is not
 * sent yet. */
static void test_answered_key_is_free(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_get(r, "slow");
    append_put(r, "k", "1");
    append_get(r, "k");
    kv_rig_send(r);
    assert_int_equal(held(r), 2);
    answer_last(r);
    assert_int_equal(held(r), 2);
    answer_last(r);
    assert_true(fake_conn_silent(&r->conn));
    answer_last(r);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    expect_got(r, "1");
    expect_all_over(r);
}

static void test_requests_are_counted_once(void **state)
{
    struct kv_rig *r = *state;
    uint64_t before = r->node.metrics.requests;
    hold(r);
    for (int i = 0; i < 5; i++)
        append_get(r, "k");
    kv_rig_send(r);
    for (int i = 0; i < 5; i++)
        answer_first(r);
    assert_int_equal(r->node.metrics.requests, before + 5);
    fake_conn_take_all(&r->conn);
}

/* What concerns more than one key waits for all before it, and holds back all after it. */
static void test_a_list_is_alone(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_put(r, "a", "1");
    append_put(r, "b", "2");
    kv_rig_append_list(r, 0);
    append_get(r, "absent");
    append_get(r, "a");
    kv_rig_send(r);
    assert_int_equal(held(r), 2);
    answer_last(r);
    assert_int_equal(held(r), 1);
    answer_last(r);
    assert_int_equal(held(r), 1); /* the list's first step */
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    while (r->node.late.asked < 2 + 64)
        answer_last(r);
    answer_last(r);
    unsigned frames = 0;
    while (!fake_conn_silent(&r->conn)) {
        assert_int_equal(fake_conn_take(&r->conn).code, MSG_LIST_KEYS_RESP);
        frames++;
    }
    assert_true(frames >= 1);
    assert_int_equal(held(r), 2);
    answer_last(r);
    answer_last(r);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    expect_got(r, "1");
    expect_all_over(r);
}

static void test_properties_are_changed_between(void **state)
{
    struct kv_rig *r = *state;
    struct bucket_props props = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true};
    hold(r);
    append_put(r, "a", "1");
    kv_rig_set_props(r, &props); /* sends both */
    append_put(r, "c", "3");
    kv_rig_send(r);
    assert_int_equal(held(r), 1);
    answer_first(r);
    assert_int_equal(held(r), 1);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    answer_first(r);
    assert_int_equal(held(r), 1);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
    answer_first(r);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    expect_all_over(r);
}

/* A get that finds no memory for its answer is made again later: it keeps the time that it had. */
static void test_a_timeout_is_changed_after_what_came_before(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_get(r, "a");
    assert_int_equal(admin_timeout_put_req(&r->request, 1234), 0);
    kv_rig_send(r);
    assert_int_equal(r->conn.session.timeout_ms, 0);
    answer_first(r);
    assert_int_equal(r->conn.session.timeout_ms, 1234);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    fake_conn_expect_empty(&r->conn, MSG_TIMEOUT_RESP);
    expect_all_over(r);
}

/* --- bounds --- */

static void append_gets(struct kv_rig *r, unsigned from, unsigned n)
{
    char key[16];
    for (unsigned i = from; i < from + n; i++) {
        snprintf(key, sizeof key, "k%u", i);
        append_get(r, key);
    }
}

static void test_so_many_are_under_way(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_gets(r, 0, IN_FLIGHT + 20);
    kv_rig_send(r);
    assert_int_equal(held(r), IN_FLIGHT);
    assert_true(r->conn.paused);
    answer_last(r);
    assert_int_equal(held(r), IN_FLIGHT - 1); /* its answer takes its place in the line */
    answer_first(r);
    assert_int_equal(held(r), IN_FLIGHT - 1);
    while (late_router_answer_last(&r->node.late))
        continue;
    for (unsigned i = 0; i < IN_FLIGHT + 20; i++)
        fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    expect_all_over(r);
}

/* What is answered in one turn leaves together. */
static void test_answers_of_a_turn_leave_together(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_gets(r, 0, 10);
    kv_rig_send(r);
    r->conn.flushes = 0;
    for (int i = 0; i < 4; i++)
        answer_first(r);
    assert_int_equal(r->conn.flushes, 0);
    fake_node_wait(&r->node, 0);
    assert_int_equal(r->conn.flushes, 1);
    while (late_router_answer(&r->node.late))
        continue;
    assert_int_equal(r->conn.flushes, 2); /* nobody follows */
    fake_node_wait(&r->node, 1);
    assert_int_equal(r->conn.flushes, 2);
    read_all(r);
    expect_all_over(r);
}

static void put_value(struct kv_rig *r, const char *key, size_t size)
{
    kv_rig_put_large(&r->conn, key, size);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void expect_got_size(struct kv_rig *r, size_t size)
{
    const struct kv_resp *resp = kv_rig_answer(r, MSG_GET_RESP);
    assert_int_equal(resp->count, 1);
    assert_int_equal(resp->content[0].content.value.len, size);
}

/* An answer that is kept for its turn is charged. */
static void test_kept_answers_are_charged(void **state)
{
    struct kv_rig *r = *state;
    put_value(r, "a", 100);
    put_value(r, "b", 10000);  /* of the small budget */
    put_value(r, "c", 100000); /* and of the large one */
    hold(r);
    append_get(r, "a");
    append_get(r, "b");
    append_get(r, "c");
    kv_rig_send(r);
    answer_last(r);
    assert_in_range(r->node.server.large.used, 100000, 101000);
    size_t before = r->node.server.small.used;
    answer_last(r);
    assert_true(r->node.server.small.used >= before + 10000);
    assert_true(fake_conn_silent(&r->conn));
    answer_last(r);
    expect_got_size(r, 100);
    expect_got_size(r, 10000);
    expect_got_size(r, 100000);
    expect_all_over(r);
}

/* Where there is no room to keep it, the request is made again in its turn: with what stands before those behind it. */
static void test_without_room_it_is_asked_again(void **state)
{
    struct kv_rig *r = *state;
    put_value(r, "a", 100);
    put_value(r, "b", 250000);
    put_value(r, "c", 250000); /* both are more than the large budget */
    hold(r);
    append_get(r, "a");
    append_get(r, "b");
    append_get(r, "c");
    append_put(r, "c", "new");
    kv_rig_send(r);
    assert_int_equal(held(r), 3);
    answer_last(r);
    answer_last(r); /* finds no room */
    assert_int_equal(held(r), 1);
    answer_first(r);
    expect_got_size(r, 100);
    assert_int_equal(held(r), 1); /* the second again, and no put: its key is not free yet */
    answer_first(r);              /* the third gives its memory back, and comes when there is room */
    fake_node_wait(&r->node, 1);
    assert_int_equal(held(r), 1);
    answer_first(r);
    expect_got_size(r, 250000);
    fake_node_wait(&r->node, 1);
    while (late_router_answer(&r->node.late))
        fake_node_wait(&r->node, 1);
    expect_got_size(r, 250000);
    while (late_router_answer(&r->node.late))
        continue;
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    expect_all_over(r);
}

/* A large body is not begun while answers may have to wait for memory; writes overlap. */
static void test_large_bodies_wait_for_reads(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_get(r, "a");
    kv_rig_send(r);
    kv_rig_put_large(&r->conn, "b", 50000);
    kv_rig_put_large(&r->conn, "c", 50000);
    assert_int_equal(held(r), 1);
    assert_int_equal(r->node.server.large.used, 0);
    answer_first(r);
    fake_conn_expect_empty(&r->conn, MSG_GET_RESP);
    assert_int_equal(held(r), 2);
    kv_rig_put_large(&r->conn, "c", 60000); /* all of it comes, and waits */
    assert_int_equal(held(r), 2);
    answer_last(r);
    assert_int_equal(held(r), 2);
    while (late_router_answer_last(&r->node.late))
        continue;
    for (int i = 0; i < 3; i++)
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    r->node.late.holds = false;
    append_get(r, "c");
    kv_rig_send(r);
    expect_got_size(r, 60000);
    expect_all_over(r);
}

static void test_closed_with_many_under_way(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn c;
    put_value(r, "b", 10000);
    put_value(r, "c", 100000);
    hold(r);
    fake_conn_open_ready(&c, &r->node);
    append_get(r, "a");
    append_get(r, "b");
    append_get(r, "c");
    append_put(r, "d", "v");
    append_get(r, "d");
    fake_conn_give(&c, buf_slice(&r->request));
    buf_consume(&r->request, buf_len(&r->request));
    answer_last(r);
    answer_last(r);
    r->node.late.forgotten = 0;
    fake_conn_close(&c);
    assert_int_equal(r->node.late.forgotten, 3);
    expect_all_over(r);
}

/* Idle connections have no place in memory for requests. */
static void test_places_are_given_back(void **state)
{
    struct kv_rig *r = *state;
    hold(r);
    append_gets(r, 0, 100);
    kv_rig_send(r);
    while (late_router_answer(&r->node.late))
        continue;
    read_all(r);
    assert_int_equal(r->node.door.free_count, 100);
    expect_all_over(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_different_keys_are_under_way_together),
        KV_CASE(test_answers_leave_as_soon_as_they_may),
        KV_CASE(test_a_failure_changes_nothing_for_others),
        KV_CASE(test_a_bad_frame_waits_for_those_before_it),
        KV_CASE(test_same_key_waits),
        KV_CASE(test_answered_key_is_free),
        KV_CASE(test_requests_are_counted_once),
        KV_CASE(test_a_list_is_alone),
        KV_CASE(test_properties_are_changed_between),
        KV_CASE(test_a_timeout_is_changed_after_what_came_before),
        KV_CASE(test_so_many_are_under_way),
        KV_CASE(test_answers_of_a_turn_leave_together),
        KV_CASE(test_kept_answers_are_charged),
        KV_CASE(test_without_room_it_is_asked_again),
        KV_CASE(test_large_bodies_wait_for_reads),
        KV_CASE(test_closed_with_many_under_way),
        KV_CASE(test_places_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
