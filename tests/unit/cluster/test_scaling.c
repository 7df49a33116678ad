/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that is made larger and smaller while it runs, by an orchestrator whose word for its size counts. In
 * virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdlib.h>

/* The orchestrator is to run so many, and lists them. */
static void scale(struct universe *u, unsigned count)
{
    struct cluster_candidate list[UNIVERSE_MAX];
    u->count = count;
    for (unsigned k = 0; k < count; k++)
        list[k] = (struct cluster_candidate){u->machine[k].address, 4369};
    struct cluster_roster r = {.places = list, .count = count, .asked_ms = u->now_ms, .whole = true};
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster) {
            cluster_set_roster(u->machine[i].cluster, &r);
            cluster_set_candidates(u->machine[i].cluster, list, count, count, true, true);
            u->machine[i].touched = true;
        }
}

static void scale_up(struct universe *u, unsigned count)
{
    unsigned before = u->count;
    scale(u, count);
    for (unsigned i = before; i < count; i++)
        universe_start(u, i);
    await_ready(u, 60000);
    universe_run(u, 3000);
}

/* SIGTERM to those that are too many, the last first. */
static void scale_down(struct universe *u, unsigned count)
{
    unsigned before = u->count;
    scale(u, count);
    for (unsigned i = before; i-- > count;) {
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
        for (unsigned ms = 0; !u->machine[i].ended && ms < 60000; ms += 10)
            universe_run(u, 10);
        assert_true(u->machine[i].ended);
        universe_kill(u, i);
    }
    universe_run(u, 5000);
}

static void test_to_seven_and_back(void **state)
{
    struct universe *u = *state;
    u->config.expected = 5;
    start_all(u);
    write_all(u, 0, "kept");
    scale_up(u, 7);
    assert_int_equal(universe_status(u, 0).member_count, 7);
    assert_int_equal(universe_status(u, 0).seats, 7);
    assert_int_equal(universe_status(u, 0).expected, 7);
    scale_down(u, 5);
    assert_int_equal(universe_status(u, 0).member_count, 5);
    assert_int_equal(universe_status(u, 0).expected, 5);
    assert_int_equal(universe_status(u, 0).seats, 5);
    expect_all(u, 1, "kept");
    /* It may lose two, as one that was formed with five. */
    assert_int_equal(universe_status(u, 0).may_lose, 1);
    universe_kill(u, 3);
    universe_kill(u, 4);
    universe_run(u, 1000);
    struct status_node s = universe_status(u, 0);
    assert_true(s.health == STATUS_DEGRADED);
    assert_int_equal(s.seats, 5);
}

/* The configured size is what no cluster of that name was ever smaller than: its seats stay. */
static void test_to_three(void **state)
{
    struct universe *u = *state;
    u->config.expected = 5;
    start_all(u);
    write_all(u, 0, "kept");
    uint64_t epoch = universe_status(u, 0).epoch;
    scale_down(u, 3);
    struct status_node s = universe_status(u, 0);
    assert_int_equal(s.member_count, 3);
    assert_int_equal(s.seats, 5);
    assert_int_equal(s.expected, 5);
    assert_int_equal(s.may_lose, 0);
    assert_int_equal(s.epoch, epoch);
    assert_null(router_unavailable(cluster_router(u->machine[0].cluster)));
    expect_all(u, 0, "kept");
    scale_up(u, 5);
    assert_int_equal(universe_status(u, 0).epoch, epoch);
    assert_int_equal(universe_status(u, 0).may_lose, 1);
    expect_all(u, 4, "kept");
}

/* Formed with three, as it is configured, and made larger: five seats, and two more make it seven. */
static void test_from_three_to_seven(void **state)
{
    struct universe *u = *state;
    u->count = u->config.expected = 3;
    start_all(u);
    write_all(u, 0, "kept");
    scale_up(u, 5);
    assert_int_equal(universe_status(u, 0).seats, 5);
    scale_up(u, 7);
    assert_int_equal(universe_status(u, 0).seats, 7);
    scale_down(u, 3);
    assert_int_equal(universe_status(u, 0).seats, 3);
    assert_int_equal(universe_status(u, 0).may_lose, 1);
    expect_all(u, 2, "kept");
}

/* cluster-size is raised while it runs, and each node has been started with that: nodes that start again reckon with
 * it, and three of them would be enough to form a cluster beside two that go on with three seats. */
static void test_the_configured_size_is_raised(void **state)
{
    struct universe *u = *state;
    u->count = u->config.expected = 3;
    start_all(u);
    u->config.expected = 5;
    scale_up(u, 5);
    for (unsigned i = 0; i < 3; i++) {
        restart(u, i);
        await_ready(u, 60000);
        universe_run(u, 3000);
    }
    assert_int_equal(universe_status(u, 0).seats, 5);
    for (unsigned i = 3; i < 5; i++)
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
    universe_run(u, 3000);
    for (unsigned i = 3; i < 5; i++)
        universe_kill(u, i);
    /* R-LEASE: a leader that was elected not long ago declares nobody dead before the leases of the last are over. */
    universe_run(u, 2 * (u->config.times.lease + u->config.times.margin));
    assert_int_equal(universe_status(u, 0).member_count, 3);
    assert_int_equal(universe_status(u, 0).seats, 5);
}

/* Of seven, four are ended at once and have two seconds: the other three go on. */
static void test_to_three_at_once(void **state)
{
    struct universe *u = *state;
    u->config.expected = 5;
    start_all(u);
    write_all(u, 0, "kept");
    scale_up(u, 7);
    for (unsigned i = 3; i < 7; i++)
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
    universe_run(u, 2000);
    for (unsigned i = 3; i < 7; i++)
        universe_kill(u, i);
    universe_run(u, 1000);
    struct status_node s = universe_status(u, 0);
    assert_int_equal(s.seats, 5);
    assert_int_equal(s.member_count, 3);
    assert_true(s.serving && s.health != STATUS_NO_QUORUM);
    expect_all(u, 0, "kept");
}

/* Seats of the dead go as those of others that have left, but never under the configured size. */
static void test_seats_of_the_dead(void **state)
{
    struct universe *u = *state;
    u->config.expected = 5;
    u->count = 7;
    start_all(u);
    for (unsigned i = 6; i >= 4; i--) {
        universe_kill(u, i);
        universe_run(u, 70000);
    }
    assert_int_equal(universe_status(u, 0).member_count, 4);
    assert_int_equal(universe_status(u, 0).seats, 5);
}

/* The orchestrator runs fewer than cluster-size says. It is told what to set; with fewer than a quorum nothing else
 * helps. */
static void test_fewer_than_the_configured_size(void **state)
{
    struct universe *u = *state;
    u->config.expected = 5;
    u->count = 1;
    universe_start(u, 0);
    scale(u, 1);
    universe_run(u, 1000);
    assert_string_equal(universe_status(u, 0).why,
                        "in no cluster: sees 1 of 5 nodes, 3 are needed to form one; the orchestrator runs 1, but "
                        "cluster-size is 5: no cluster can form; set cluster-size to the number of nodes");
    scale(u, 3);
    universe_start(u, 1);
    universe_start(u, 2);
    scale(u, 3);
    universe_run(u, 50000);
    assert_int_equal(universe_status(u, 0).state, STATUS_SEEKING);
    assert_non_null(strstr(universe_status(u, 2).why, "the orchestrator runs 3, but cluster-size is 5: these wait"));
    u->heard = "the orchestrator runs 3 nodes, but cluster-size is 5: the cluster needs 3 of them and may lose 0";
    await_ready(u, 20000);
    assert_int_equal(u->heard_count, 3);
    assert_int_equal(universe_status(u, 0).seats, 5);
}

/* As it is configured: at once, and one may fail. */
static void test_as_many_as_the_configured_size(void **state)
{
    struct universe *u = *state;
    u->count = u->config.expected = 3;
    for (unsigned i = 0; i < 3; i++)
        universe_start(u, i);
    await_ready(u, 3000);
    assert_int_equal(universe_status(u, 0).may_lose, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_to_seven_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_to_three, setup, teardown),
        cmocka_unit_test_setup_teardown(test_from_three_to_seven, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_configured_size_is_raised, setup, teardown),
        cmocka_unit_test_setup_teardown(test_to_three_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seats_of_the_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fewer_than_the_configured_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_as_many_as_the_configured_size, setup, teardown),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
