/* SPDX-License-Identifier: Apache-2.0 */
#include "kv_rig.h"
#include "support.h"

static void test_large_value(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_int_equal(r->node.server.large.used, 0);
    struct kv_get_req g = kv_get_of("k");
    kv_rig_send_get(r, &g);
    assert_true(r->node.server.large.used >= 200000); /* as long as the answer stands in the queue */
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    assert_int_equal(r->node.server.large.used, 0);
}

static void test_object_too_large(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put_large(&r->conn, "k", ((size_t)1 << 20) + 1);
    fake_conn_expect_error(
        &r->conn, "{too_large,1048577}: the object has 1048577 bytes, and at most 1048576 are taken (object-size-max)");
    kv_rig_put_large(&r->conn, "k", (size_t)1 << 20);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

/* So many bytes of a put that is to have `size`. */
static void begin_put(struct fake_conn *c, size_t size, size_t bytes)
{
    static uint8_t begin[FRAME_HEAD + 300000];
    frame_head_put(begin, MSG_PUT_REQ, size);
    fake_conn_give(c, slice_make(begin, FRAME_HEAD + bytes));
}

static void give_bytes(struct fake_conn *c, size_t bytes)
{
    static uint8_t zeros[300000];
    fake_conn_give(c, slice_make(zeros, bytes));
}

/* Its head costs nothing, nor does the beginning. */
static void test_bodies_are_charged_as_they_come(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a;
    fake_conn_open_ready(&a, &r->node);
    begin_put(&a, 200000, 0);
    assert_int_equal(r->node.server.large.used, 0);
    give_bytes(&a, BODY_SMALL - 1);
    assert_int_equal(r->node.server.large.used, 0);
    give_bytes(&a, 2);
    assert_int_equal(r->node.server.large.used, 200000);
    assert_int_equal(server_memory_of(&r->node.server, BUDGET_BODIES), 200000);
    fake_conn_close(&a);
    assert_int_equal(r->node.server.large.used, 0);
}

/* Who says no more gives way to who waits: to what has come of his message, not to all of it. */
static void test_who_stops_gives_way(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a, b;
    fake_conn_open_ready(&a, &r->node);
    fake_conn_open_ready(&b, &r->node);
    begin_put(&a, 280000, 100000);
    kv_rig_put_large(&b, "b", 150000); /* of 300 KiB in all: has to wait */
    assert_true(b.paused);
    assert_true(fake_conn_silent(&b));
    assert_int_equal(r->node.metrics.bodies_waited, 1);
    kv_rig_put(r, "small", "v"); /* a small request elsewhere does not */
    fake_node_wait(&r->node, 1000);
    fake_conn_expect_empty(&b, MSG_PUT_RESP);
    assert_false(b.paused);
    assert_false(a.closed);
    assert_int_equal(r->node.server.large.used, 100000);
    give_bytes(&a, 180000); /* nonsense, but whole */
    assert_int_equal(fake_conn_take(&a).code, MSG_ERROR_RESP);
    fake_conn_close(&a);
    fake_conn_close(&b);
}

/* A second user, whose node's configuration names him. */
static void open_other(struct fake_conn *c, struct kv_rig *r, const char *user)
{
    struct stream_peer peer = {.cn_count = 1};
    uint8_t auth[64] = {0x0a, (uint8_t)strlen(user)};
    snprintf(peer.cn, sizeof peer.cn, "%s", user);
    memcpy(auth + 2, user, strlen(user));
    auth[2 + strlen(user)] = 0x12;
    fake_conn_open(c, &r->node);
    fake_conn_give_frame(c, MSG_START_TLS, slice_make(NULL, 0));
    fake_conn_expect_empty(c, MSG_START_TLS);
    fake_conn_secure(c, &peer);
    fake_conn_give_frame(c, MSG_AUTH_REQ, slice_make(auth, strlen(user) + 4));
    fake_conn_expect_empty(c, MSG_AUTH_RESP);
}

/* Who has all that he may leaves room for others, and waits no longer than is said: he is refused, and goes on. */
static void test_shares_and_the_end_of_waiting(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a, b, other;
    fake_conn_open_ready(&a, &r->node);
    fake_conn_open_ready(&b, &r->node);
    open_other(&other, r, "other");
    r->node.late.holds = true;
    kv_rig_put_large(&a, "a", 250000); /* at the router, which does not answer */
    kv_rig_put_large(&b, "b", 90000);
    assert_true(fake_conn_silent(&b));
    assert_true(b.paused);
    begin_put(&other, 90000, 20000);
    assert_in_range(r->node.server.large.used, 250000 + 90000, 250000 + 90000 + 100);
    fake_node_wait(&r->node, 10000);
    fake_conn_expect_error(&b,
                           "overload: the memory that this node has for requests is taken, and a message of this size "
                           "needs some: try again in 5 s");
    assert_false(b.paused);
    fake_conn_give_frame(&b, MSG_PING_REQ, slice_make(NULL, 0)); /* what was refused is thrown away, and no more */
    fake_conn_expect_empty(&b, MSG_PING_RESP);
    r->node.late.holds = false;
    assert_true(late_router_answer(&r->node.late));
    fake_conn_expect_empty(&a, MSG_PUT_RESP);
    fake_conn_close(&a);
    fake_conn_close(&b);
    fake_conn_close(&other);
}

/* A byte now and then is not enough: 64 KiB within stall-timeout-ms, and the whole within that and a second for each.
 */
static void test_slow_bodies_end(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a, b;
    fake_conn_open_ready(&a, &r->node);
    fake_conn_open_ready(&b, &r->node);
    begin_put(&a, 200000, 20000);
    for (int i = 0; i < 31 && !a.closed; i++) {
        fake_node_wait(&r->node, 2000);
        give_bytes(&a, 1);
    }
    assert_true(a.closed);
    fake_conn_close(&a);
    begin_put(&b, 200000, 20000);
    for (int i = 0; i < 2; i++) {
        fake_node_wait(&r->node, 31000);
        give_bytes(&b, 66000);
    }
    fake_node_wait(&r->node, 1000);
    assert_false(b.closed);
    fake_node_wait(&r->node, 2000); /* 60 s and four */
    assert_true(b.closed);
    fake_conn_close(&b);
}

/* Nobody takes memory who may not write at all. */
static void test_denied_before_it_is_read(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a;
    fake_conn_open_ready(&a, &r->node);
    a.session.who.configured = false;
    begin_put(&a, 250000, 0);
    fake_conn_expect_error(&a, "Permission denied: User 'myuser' does not have 'riak_kv.put' on any");
    give_bytes(&a, 250000);
    assert_int_equal(r->node.server.large.used, 0);
    assert_true(fake_conn_silent(&a));
    fake_conn_give_frame(&a, MSG_PING_REQ, slice_make(NULL, 0));
    fake_conn_expect_empty(&a, MSG_PING_RESP);
    fake_conn_close(&a);
}

static void test_large_answers_wait_for_the_budget(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&a, &r->node);
    begin_put(&a, 280000, 20000);
    kv_rig_send_get(r, &g);
    assert_true(fake_conn_silent(&r->conn));
    assert_true(r->conn.paused);
    fake_conn_close(&a);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    assert_false(r->conn.paused);
}

/* An answer that nobody reads keeps nobody waiting for long. */
static void test_who_does_not_read_gives_way(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&a, &r->node);
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    fake_conn_give(&a, buf_slice(&r->request)); /* stays in its queue */
    kv_rig_send(r);
    assert_true(fake_conn_silent(&r->conn));
    fake_node_wait(&r->node, 4000);
    assert_false(a.closed);
    assert_true(fake_conn_silent(&r->conn));
    fake_node_wait(&r->node, 3000);
    assert_true(a.closed);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    fake_conn_close(&a);
}

/* Who has asked for it waits no longer than his own time-out. */
static void test_waiting_for_an_answer_ends(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&a, &r->node);
    r->node.late.holds = true;
    kv_rig_put_large(&a, "other", 200000);
    r->node.late.holds = false;
    g.timeout_ms = 700;
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    assert_int_equal(frame_put_empty(&r->request, MSG_PING_REQ), 0);
    kv_rig_send(r);
    assert_true(fake_conn_silent(&r->conn));
    fake_node_wait(&r->node, 700);
    fake_conn_expect_error(&r->conn,
                           "overload: the memory that this node has for requests is taken, and the answer needs "
                           "some: try again in 5 s");
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    assert_true(late_router_answer(&r->node.late));
    fake_conn_expect_empty(&a, MSG_PUT_RESP);
    fake_conn_close(&a);
}

/* A client that asks and does not read is not answered without end. */
/* Where memory is short, who has not read his answers waits with his next requests; as soon as he has they are
 * answered, although nothing else happens on his connection. */
static void test_requests_behind_answers_that_were_read(void **state)
{
    struct kv_rig *r = *state;
    static char value[3001];
    static const uint8_t pings[] = {0, 0, 0, 1, MSG_PING_REQ, 0, 0, 0, 1, MSG_PING_REQ};
    struct outq *out = &r->conn.stream.out;
    struct budget *small = &r->node.server.small;
    struct budget_share other;
    memset(value, 'v', sizeof value - 1);
    kv_rig_put(r, "k", value);
    struct kv_get_req g = kv_get_of("k");
    for (unsigned i = 0; i < 40; i++)
        kv_rig_send_get(r, &g);
    assert_true(small->used > 100000);
    budget_share_init(&other);
    budget_force(small, &other, BUDGET_ANSWERS, small->limit - small->used);
    while (outq_len(out) > 10) {
        size_t n = outq_front(out).len, most = outq_len(out) - 10;
        outq_consume(out, n < most ? n : most);
    }
    fake_conn_give(&r->conn, slice_make(pings, sizeof pings));
    outq_consume(out, 10);
    fake_conn_drained(&r->conn);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
    budget_return(small, &other, BUDGET_ANSWERS, other.used);
}

static void test_back_pressure(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 60000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    kv_rig_send(r);
    assert_true(r->conn.paused);
    assert_true(outq_len(&r->conn.stream.out) < STREAM_HIGH_WATER + 70000);
    size_t answers = 0;
    while (!fake_conn_silent(&r->conn)) {
        assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
        answers++;
    }
    assert_int_equal(answers, 1000);
    assert_false(r->conn.paused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_large_value),
        KV_CASE(test_object_too_large),
        KV_CASE(test_bodies_are_charged_as_they_come),
        KV_CASE(test_who_stops_gives_way),
        KV_CASE(test_shares_and_the_end_of_waiting),
        KV_CASE(test_slow_bodies_end),
        KV_CASE(test_denied_before_it_is_read),
        KV_CASE(test_who_does_not_read_gives_way),
        KV_CASE(test_waiting_for_an_answer_ends),
        KV_CASE(test_large_answers_wait_for_the_budget),
        KV_CASE(test_requests_behind_answers_that_were_read),
        KV_CASE(test_back_pressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
