/* SPDX-License-Identifier: Apache-2.0 */
/* The connection engine under a protocol that is not Riak's (line_protocol.h): what it does, it does for both. */
#include "fake_node.h"
#include "line_protocol.h"
#include "support.h"

#include <stdlib.h>

struct rig {
    struct fake_node node;
    struct line_door line;
    struct session_door door;
    struct fake_conn conn, other;
};

static void give(struct fake_conn *c, const char *text)
{
    assert_int_equal(fake_conn_give(c, slice_str(text)), strlen(text));
}

static void expect(struct fake_conn *c, const char *text)
{
    assert_slice_is(fake_conn_take_all(c), text);
    fake_conn_drained(c);
}

static void open_secured(struct rig *r, struct fake_conn *c)
{
    static const uint8_t hello[] = {0x16, 3, 1, 0, 5};
    struct stream_peer peer = {.cn_count = 1, .cn = "myuser"};
    fake_conn_open_at(c, &r->node, &r->door);
    assert_int_equal(fake_conn_give(c, slice_make(hello, sizeof hello)), 0);
    assert_true(c->tls);
    fake_conn_secure(c, &peer);
}

static void open_ready(struct rig *r, struct fake_conn *c)
{
    open_secured(r, c);
    give(c, "AUTH myuser\n");
    expect(c, "+OK\n");
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_node_init(&r->node);
    line_door_init(&r->line);
    session_door_init(&r->door, &line_protocol, &r->node.server, &r->line);
    open_ready(r, &r->conn);
    open_ready(r, &r->other);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    fake_conn_close(&r->conn);
    fake_conn_close(&r->other);
    assert_int_equal(r->node.server.small.used, 0);
    assert_int_equal(r->node.server.large.used, 0);
    assert_true(list_empty(&r->line.watchers));
    session_door_fini(&r->door);
    fake_node_fini(&r->node);
    free(r);
    return 0;
}

static void test_get_and_put(void **state)
{
    struct rig *r = *state;
    give(&r->conn, "GET b k\nPUT b k 5\nhello\nGET b k\nPUT b k 0\n\nGET b k\n");
    expect(&r->conn, "$-\n+OK\n$5\nhello\n+OK\n$0\n\n");
}

/* What one door has written the other reads. */
static void test_two_doors_one_node(void **state)
{
    static const uint8_t riak_get[] = "\0\0\0\x07\x09\x0a\x01"
                                      "b\x12\x01k";
    struct rig *r = *state;
    struct fake_conn riak;
    give(&r->conn, "PUT b k 5\nhello\n");
    expect(&r->conn, "+OK\n");
    fake_conn_open_ready(&riak, &r->node);
    fake_conn_give(&riak, slice_make(riak_get, sizeof riak_get - 1));
    struct frame f = fake_conn_take(&riak);
    assert_int_equal(f.code, MSG_GET_RESP);
    assert_non_null(memmem(f.body.data, f.body.len, "hello", 5));
    fake_conn_close(&riak);
}

static void test_strangers(void **state)
{
    struct rig *r = *state;
    struct fake_conn c;
    fake_conn_open_at(&c, &r->node, &r->door); /* in the clear */
    give(&c, "GET b k\n");
    assert_true(c.closed && fake_conn_silent(&c));
    fake_conn_close(&c);
    open_secured(r, &c);
    give(&c, "GET b k\nAUTH nobody\n");
    expect(&c, "-not_let_in\n");
    fake_node_wait(&r->node, 4999);
    assert_true(fake_conn_silent(&c));
    fake_node_wait(&r->node, 1);
    expect(&c, "-not_let_in\n");
    give(&c, "AUTH myuser\n");
    expect(&c, "+OK\n");
    fake_conn_close(&c);
}

static void test_cut_anywhere(void **state)
{
    static const char all[] = "PUT b k 5\nhel\no\nGET b k\nCOUNT\n";
    struct rig *r = *state;
    for (size_t cut = 1; cut < strlen(all); cut++) {
        r->line.puts = 0;
        assert_int_equal(fake_conn_give(&r->conn, slice_make((const uint8_t *)all, cut)), cut);
        give(&r->conn, all + cut);
        expect(&r->conn, "+OK\n$5\nhel\no\n:1\n");
    }
}

static void test_malformed_and_refused(void **state)
{
    struct rig *r = *state;
    give(&r->conn, "PUT b k 1000001\n");
    expect(&r->conn, "-too_large\n");
    char *zeros = calloc(1, 1000003);
    memset(zeros, '0', 1000002);
    give(&r->conn, zeros); /* thrown away */
    free(zeros);
    give(&r->conn, "GET b k\n");
    expect(&r->conn, "$-\n");
    r->node.late.holds = true;
    give(&r->conn, "GET b k\nNONSENSE\n");
    assert_false(r->conn.closed);
    assert_true(late_router_answer(&r->node.late));
    assert_true(r->conn.closed);
    expect(&r->conn, "$-\n");
}

/* --- R-ORDER --- */

static void test_many_under_way(void **state)
{
    struct rig *r = *state;
    r->node.late.holds = true;
    give(&r->conn, "PUT b a 1\n1\nPUT b b 1\n2\nGET b a\nGET b c\nCOUNT\nGET b b\n");
    assert_int_equal(r->node.late.asked, 2); /* the same key waits, and what stands behind it */
    assert_true(late_router_answer_last(&r->node.late));
    assert_true(fake_conn_silent(&r->conn));
    assert_true(late_router_answer_last(&r->node.late));
    expect(&r->conn, "+OK\n+OK\n");
    assert_int_equal(r->node.late.asked, 4);
    assert_true(late_router_answer_last(&r->node.late));
    assert_true(late_router_answer_last(&r->node.late));
    expect(&r->conn, "$1\n1\n$-\n:2\n");
    assert_true(late_router_answer_last(&r->node.late));
    expect(&r->conn, "$1\n2\n");
}

/* Bodies and answers that are not small. */
static void test_large(void **state)
{
    enum { SIZE = 200000 };
    struct rig *r = *state;
    char head[32];
    int n = snprintf(head, sizeof head, "PUT b k %d\n", SIZE);
    char *all = calloc(1, SIZE + 64);
    strcpy(all, head);
    memset(all + n, 'v', SIZE);
    all[n + SIZE] = '\n';
    r->node.late.holds = true;
    give(&r->conn, all);
    assert_true(r->node.server.large.used >= SIZE);
    assert_true(late_router_answer(&r->node.late));
    expect(&r->conn, "+OK\n");
    assert_int_equal(r->node.server.large.used, 0);
    give(&r->conn, "GET b slow\nGET b k\n");
    assert_true(late_router_answer_last(&r->node.late));
    assert_true(fake_conn_silent(&r->conn));
    assert_true(r->node.server.large.used >= SIZE);
    assert_true(late_router_answer(&r->node.late));
    assert_int_equal(outq_len(&r->conn.stream.out), 3 + 8 + SIZE + 1);
    fake_conn_take_all(&r->conn);
    fake_conn_drained(&r->conn);
    free(all);
}

/* --- bytes outside of a request --- */

static void test_push(void **state)
{
    struct rig *r = *state;
    give(&r->other, "WATCH\nWATCH\n");
    expect(&r->other, "+OK\n+OK\n");
    r->other.flushes = 0;
    give(&r->conn, "PUT b a 1\n1\nPUT b b 1\n2\n");
    expect(&r->conn, "+OK\n+OK\n");
    fake_node_wait(&r->node, 0);
    assert_int_equal(r->other.flushes, 1); /* both leave together */
    expect(&r->other, "!b a\n!b b\n");
    assert_int_equal(r->line.pushed, 2);
}

/* They go in front of answers that are still to come, and come between whole ones. */
static void test_push_between_answers(void **state)
{
    struct rig *r = *state;
    give(&r->other, "WATCH\n");
    expect(&r->other, "+OK\n");
    r->node.late.holds = true;
    give(&r->other, "GET b x\nGET b y\n");
    give(&r->conn, "PUT b a 1\n1\n");
    assert_true(late_router_answer_last(&r->node.late));
    assert_true(late_router_answer_last(&r->node.late));
    assert_true(late_router_answer_last(&r->node.late));
    expect(&r->other, "!b a\n$-\n$-\n");
    expect(&r->conn, "+OK\n");
}

/* Who does not read is not told, and costs no more. */
static void test_push_is_bounded(void **state)
{
    struct rig *r = *state;
    give(&r->other, "WATCH\n");
    expect(&r->other, "+OK\n");
    for (int i = 0; i < 70000 && !r->line.lost; i++) {
        give(&r->conn, "PUT b a 1\n1\n");
        expect(&r->conn, "+OK\n");
    }
    assert_true(r->line.lost > 0);
    assert_true(outq_len(&r->other.stream.out) <= STREAM_HIGH_WATER);
    assert_true(r->node.server.small.used >= outq_len(&r->other.stream.out));
    unsigned pushed = r->line.pushed;
    fake_conn_take_all(&r->other);
    fake_conn_drained(&r->other);
    give(&r->conn, "PUT b a 1\n1\n");
    assert_int_equal(r->line.pushed, pushed + 1);
    expect(&r->other, "!b a\n");
    expect(&r->conn, "+OK\n");
}

static void test_nothing_is_pushed_to_a_closed_one(void **state)
{
    struct rig *r = *state;
    give(&r->other, "WATCH\nNONSENSE\n");
    assert_true(r->other.closed);
    expect(&r->other, "+OK\n");
    give(&r->conn, "PUT b a 1\n1\n");
    assert_int_equal(r->line.lost, 1);
    assert_true(fake_conn_silent(&r->other));
    expect(&r->conn, "+OK\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_get_and_put),
        CASE(test_two_doors_one_node),
        CASE(test_strangers),
        CASE(test_cut_anywhere),
        CASE(test_malformed_and_refused),
        CASE(test_many_under_way),
        CASE(test_large),
        CASE(test_push),
        CASE(test_push_between_answers),
        CASE(test_push_is_bounded),
        CASE(test_nothing_is_pushed_to_a_closed_one),
    };
    return cmocka_run_group_tests_name("session/protocol", tests, NULL, NULL);
}
