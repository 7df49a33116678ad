/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of one is there at once, and nothing about it waits for time to pass. */
#include "base/err.h"
#include "cluster/status.h"
#include "router_rig.h"
#include "support.h"

#include <stdio.h>

static void test_serves_at_once(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_null(router_unavailable(r.router));
    rig_put(&r, "b", "k", 0);
    assert_int_equal(rig_get(&r, "b", "k"), 0);
    rig_fini(&r);
}

static void test_is_ready_soon(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_wait(&r, 250);
    assert_true(cluster_probe_ready(r.alone.cluster));
    rig_fini(&r);
}

/* A client that sends one change of the catalog behind the other. */
struct chain {
    struct router_request request;
    struct rig *rig;
    unsigned left;
};

static void ask_next(struct chain *c)
{
    struct bucket_props n = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};
    char bucket[16];
    snprintf(bucket, sizeof bucket, "%u", c->left);
    router_deliver(&c->request,
                   router_set_bucket(c->rig->router, &c->request, slice_make(NULL, 0), slice_str(bucket), &n));
}

static void on_next(struct router_request *q, int err, const struct store_result *result)
{
    struct chain *c = LIST_ENTRY(q, struct chain, request);
    assert_int_equal(err, 0);
    assert_null(result);
    if (--c->left)
        ask_next(c);
}

static void test_changes_one_behind_the_other(void **state)
{
    struct rig r;
    struct chain c = {.rig = &r, .left = 100};
    (void)state;
    rig_init(&r);
    router_request_init(&c.request, on_next);
    ask_next(&c);
    cluster_turn(r.alone.cluster);
    rig_wait(&r, 0); /* turns of the loop, and no time */
    assert_int_equal(c.left, 0);
    rig_fini(&r);
}

/* With nothing to do it sleeps. */
static void test_sleeps(void **state)
{
    struct rig r;
    unsigned turns = 0;
    (void)state;
    rig_init(&r);
    rig_wait(&r, 1000);
    for (uint64_t end = r.boot_ms + 10000; timers_next_ms(&r.timers) <= end; turns++) {
        if (timers_next_ms(&r.timers) > r.boot_ms)
            r.boot_ms = timers_next_ms(&r.timers);
        timers_run(&r.timers);
        cluster_turn(r.alone.cluster);
    }
    assert_in_range(turns, 10, 500); /* beacons, renewals, the leader's ticks */
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serves_at_once),
        cmocka_unit_test(test_is_ready_soon),
        cmocka_unit_test(test_changes_one_behind_the_other),
        cmocka_unit_test(test_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
