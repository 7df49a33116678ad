/* SPDX-License-Identifier: Apache-2.0 */
/* What lists and queries of indexes take of the node's memory while they are gathered and sent. */
#include <stdio.h>
#include <stdlib.h>

#include "kv_rig.h"
#include "support.h"
#include "wire/bucket_msg.h"
#include "wire/pb.h"

#define NAME_LEN 64 /* of a key; with its head in an answer two bytes more */

static void put_keys(struct kv_rig *r, int count)
{
    for (int i = 0; i < count; i++) {
        char key[NAME_LEN + 1];
        snprintf(key, sizeof key, "%064d", i);
        kv_rig_put(r, key, "v");
    }
}

struct query {
    bool stream, sorted;
    uint32_t timeout_ms;
    size_t padding; /* bytes of a field that is not known */
};

/* All keys of the bucket. */
static void ask(struct fake_conn *c, const struct query *q)
{
    struct buf b;
    size_t mark;
    uint8_t *p = NULL;
    buf_init(&b, SIZE_MAX / 2);
    assert_int_equal(frame_begin(&b, MSG_INDEX_REQ, &mark), 0);
    assert_int_equal(buf_reserve(&b, 128 + q->padding, &p), 0);
    uint8_t *end = pb_put_bytes(p, 1, slice_str("b"));
    end = pb_put_bytes(end, 2, slice_str("$bucket"));
    end = pb_put_uint(end, 3, 0);
    end = pb_put_bytes(end, 4, slice_str("b"));
    end = pb_put_uint(end, 8, q->stream);
    if (q->timeout_ms)
        end = pb_put_uint(end, 11, q->timeout_ms);
    end = pb_put_uint(end, 14, q->sorted);
    if (q->padding) {
        void *zeros = calloc(1, q->padding);
        end = pb_put_bytes(end, 100, slice_make(zeros, q->padding));
        free(zeros);
    }
    buf_commit(&b, (size_t)(end - p));
    frame_end(&b, mark);
    fake_conn_give(c, buf_slice(&b));
    buf_fini(&b);
}

/* How many keys are in the answer, which is one frame; in order, when they should be. */
static size_t take_keys(struct fake_conn *c, bool sorted, bool *done)
{
    struct frame f = fake_conn_take(c);
    struct pb_reader reader = pb_reader_of(f.body);
    struct pb_field field;
    struct slice last = {0};
    size_t keys = 0;
    if (f.code != MSG_INDEX_RESP)
        fprintf(stderr, "%.*s\n", (int)f.body.len, (const char *)f.body.data);
    assert_int_equal(f.code, MSG_INDEX_RESP);
    while (pb_next(&reader, &field) > 0) {
        *done = *done || field.number == 4;
        if (field.number != 1)
            continue;
        keys++;
        assert_true(!sorted || slice_cmp(last, field.bytes) < 0);
        last = field.bytes;
    }
    return keys;
}

static const struct query whole = {0}, in_order = {.sorted = true}, streamed = {.stream = true};

/* 58 KiB of an answer, and 64 more while they are put in order, where 200 may be gathered for one, and 300 of 400 are
 * a user's share. */
#define KEYS 900

static void test_an_answer_holds_its_memory(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    put_keys(r, KEYS);
    ask(&r->conn, &whole);
    fake_node_wait(&r->node, 10);
    assert_in_range(r->node.server.large.used + r->node.server.small.used, KEYS * (NAME_LEN + 2), KEYS * 72);
    assert_int_equal(server_memory_of(&r->node.server, BUDGET_ANSWERS),
                     r->node.server.large.used + r->node.server.small.used);
    assert_int_equal(take_keys(&r->conn, false, &done), KEYS);
    assert_int_equal(r->node.server.large.used + r->node.server.small.used, 0);
}

/* Of those who ask for all at once, each gets it when there is room, or hears that there is none. */
static void test_answers_wait_for_each_other(void **state)
{
    struct kv_rig *r = *state;
    enum { MANY = 8 };
    struct fake_conn c[MANY];
    struct query impatient = {.sorted = true, .timeout_ms = 500};
    bool done = false;
    put_keys(r, KEYS);
    for (int i = 0; i < MANY; i++) {
        fake_conn_open_ready(&c[i], &r->node);
        ask(&c[i], i == MANY - 1 ? &impatient : i % 2 ? &in_order : &whole);
    }
    fake_node_wait(&r->node, 600);
    assert_true(r->node.server.large.used <= r->node.server.large.share_max);
    assert_true(r->node.metrics.bodies_waited > 0);
    fake_conn_expect_error(&c[MANY - 1],
                           "overload: the memory that this node has for requests is taken, and the query's answer "
                           "needs some: try again in 5 s");
    for (int i = 0; i < MANY - 1; i++) {
        assert_false(fake_conn_silent(&c[i]));
        assert_int_equal(take_keys(&c[i], i % 2, &done), KEYS);
        fake_node_wait(&r->node, 10);
    }
    for (int i = 0; i < MANY; i++)
        fake_conn_close(&c[i]);
}

static void test_an_answer_is_bounded(void **state)
{
    struct kv_rig *r = *state;
    size_t keys = 0;
    bool done = false;
    put_keys(r, 4 * KEYS);
    for (int sorted = 0; sorted < 2; sorted++) {
        ask(&r->conn, sorted ? &in_order : &whole);
        fake_node_wait(&r->node, 10);
        fake_conn_expect_error(&r->conn, "out of memory for the query's answer: ask for it streamed, in pages "
                                         "(max_results), or of a smaller bucket");
    }
    ask(&r->conn, &streamed);
    while (!done) {
        fake_node_wait(&r->node, 10);
        keys += take_keys(&r->conn, false, &done);
    }
    assert_int_equal(keys, 4 * KEYS);
}

/* Streams that nobody reads take what is there for all of them, each one stands still, and goes on with who reads. */
static void test_streams_share_what_there_is(void **state)
{
    struct kv_rig *r = *state;
    enum { MANY = 12 };
    struct fake_conn c[MANY];
    size_t keys[MANY] = {0};
    bool done[MANY] = {false};
    put_keys(r, 4 * KEYS);
    for (int i = 0; i < MANY; i++) {
        fake_conn_open_ready(&c[i], &r->node);
        ask(&c[i], &streamed);
    }
    fake_node_wait(&r->node, 1000);
    assert_true(r->node.server.small.used < r->node.server.small.limit + 96 * 1024);
    for (int left = MANY; left;) {
        fake_node_wait(&r->node, 10);
        for (int i = 0; i < MANY; i++) {
            if (fake_conn_silent(&c[i]))
                continue;
            keys[i] += take_keys(&c[i], false, &done[i]);
            left -= done[i];
        }
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(keys[i], 4 * KEYS);
    for (int i = 0; i < MANY; i++)
        fake_conn_close(&c[i]);
}

/* Nobody has to have read his answer for another to get his. */
static void test_who_does_not_read_is_left(void **state)
{
    struct kv_rig *r = *state;
    enum { MANY = 7 };
    struct fake_conn c[MANY];
    bool done = false;
    put_keys(r, KEYS);
    for (int i = 0; i < MANY; i++) {
        fake_conn_open_ready(&c[i], &r->node);
        ask(&c[i], &whole);
        fake_node_wait(&r->node, 10);
    }
    ask(&r->conn, &whole);
    fake_node_wait(&r->node, 7000);
    assert_int_equal(take_keys(&r->conn, false, &done), KEYS);
    assert_true(c[0].closed);
    for (int i = 0; i < MANY; i++)
        fake_conn_close(&c[i]);
}

/* The memory of the message that it gives back as it ends would be enough for what it waits for. */
static void test_a_waiting_request_ends_with_its_connection(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn holder, c;
    struct query padded = {.padding = 200000};
    put_keys(r, KEYS);
    fake_conn_open_ready(&holder, &r->node);
    fake_conn_open_ready(&c, &r->node);
    r->node.late.holds = true;
    kv_rig_put_large(&holder, "held", 90000);
    r->node.late.holds = false;
    ask(&c, &padded);
    fake_node_wait(&r->node, 1);
    assert_int_equal(c.session.waits, WAIT_TO_GO_ON);
    session_fini(&c.session); /* as the transport ends it: once, and then its memory is gone */
    assert_false(timer_runs(&c.session.pause_timer));
    assert_false(timer_runs(&c.session.wait_timer));
    outq_fini(&c.stream.out);
    assert_true(late_router_answer(&r->node.late));
    fake_conn_expect_empty(&holder, MSG_PUT_RESP);
    fake_conn_close(&holder);
}

/* A get that was granted its memory is begun anew by the transport, before the turn that was set for it; the stream
 * behind it waits for memory when that turn comes. */
static void test_a_late_turn_wakes_nobody(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn holder, unread;
    struct kv_get_req large = kv_get_of("large"), small = kv_get_of("small");
    size_t keys = 0;
    bool done = false;
    put_keys(r, KEYS);
    kv_rig_put_large(&r->conn, "large", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    kv_rig_put_large(&r->conn, "small", 14000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&holder, &r->node);
    fake_conn_open_ready(&unread, &r->node);
    for (int i = 0; i < 8; i++)
        assert_int_equal(kv_get_req_encode(&r->request, &small), 0);
    fake_conn_give(&unread, buf_slice(&r->request));
    buf_consume(&r->request, buf_len(&r->request));
    r->node.late.holds = true;
    kv_rig_put_large(&holder, "held", 200000);
    r->node.late.holds = false;
    kv_rig_send_get(r, &large);
    assert_int_equal(r->conn.session.waits, WAIT_ANSWER);
    ask(&r->conn, &streamed);
    assert_true(late_router_answer(&r->node.late)); /* there is room for the get now */
    fake_conn_drained(&r->conn);
    assert_int_equal(r->conn.session.waits, WAIT_TO_GO_ON);
    fake_node_wait(&r->node, 10);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    fake_conn_close(&unread);
    while (!done) {
        fake_node_wait(&r->node, 10);
        keys += take_keys(&r->conn, false, &done);
    }
    assert_int_equal(keys, KEYS + 3);
    fake_conn_expect_empty(&holder, MSG_PUT_RESP);
    fake_conn_close(&holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_an_answer_holds_its_memory), KV_CASE(test_answers_wait_for_each_other),
        KV_CASE(test_an_answer_is_bounded),       KV_CASE(test_streams_share_what_there_is),
        KV_CASE(test_who_does_not_read_is_left),  KV_CASE(test_a_waiting_request_ends_with_its_connection),
        KV_CASE(test_a_late_turn_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
