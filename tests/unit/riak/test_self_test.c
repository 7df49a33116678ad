/* SPDX-License-Identifier: Apache-2.0 */
/* The liveness check: it needs no cluster and no free memory limit, and a failure is an answer. */
#include "failing_alloc.h"
#include "kv_rig.h"
#include "support.h"

static struct slice none(void)
{
    return slice_make(NULL, 0);
}

static void expect_success(struct fake_conn *c)
{
    struct frame f = fake_conn_take(c);
    assert_int_equal(f.code, MSG_SELF_TEST_RESP);
    assert_slice_is(f.body, "\x0a\x0eriak@127.0.0.1\x12\x06"
                            "3.0.16");
}

static void a_cycle_leaves_nothing(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    struct store_stats stats;
    (void)state;
    fake_node_init(&n);
    fake_conn_open_ready(&c, &n);
    size_t used = router_memory(n.router)->used;
    for (unsigned i = 0; i < 3; i++) {
        fake_conn_give_frame(&c, MSG_SELF_TEST_REQ, none());
        expect_success(&c);
    }
    router_stats(n.router, &stats);
    assert_int_equal(stats.keys, 0);
    assert_int_equal(router_memory(n.router)->used, used);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* A node in no cluster is alive. */
static void no_cluster_is_needed(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    fake_conn_open_ready(&c, &n);
    n.late.unavailable = "no cluster yet";
    fake_conn_give_frame(&c, MSG_GET_REQ, none());
    fake_conn_expect_error(&c, "unavailable: no cluster yet");
    fake_conn_give_frame(&c, MSG_SELF_TEST_REQ, none());
    expect_success(&c);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* Whichever allocation fails: an error that says so, or the end of the connection, and the node goes on. */
static void every_allocation_may_fail(void **state)
{
    unsigned errors = 0;
    bool failed = true;
    (void)state;
    for (size_t i = 1; failed; i++) {
        struct fake_node n;
        struct fake_conn c;
        fake_node_init(&n);
        fake_conn_open_ready(&c, &n);
        const uint8_t request[] = {0, 0, 0, 1, MSG_SELF_TEST_REQ};
        failing_alloc_start(i);
        c.session.user.ops->input(&c.session.user, slice_make(request, sizeof request));
        failed = failing_alloc_stop();
        if (!failed) {
            expect_success(&c);
        } else if (!c.closed) {
            struct frame f = fake_conn_take(&c);
            assert_int_equal(f.code, MSG_ERROR_RESP);
            errors++;
        }
        fake_conn_close(&c);
        fake_node_fini(&n);
    }
    assert_true(errors >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cycle_leaves_nothing),
        cmocka_unit_test(no_cluster_is_needed),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("riak/self_test", tests, NULL, NULL);
}
