/* SPDX-License-Identifier: Apache-2.0 */
/* R-LEAVE: nodes of five are told to leave, several at once, and are killed when the orchestrator's patience is over.
 * Nothing that was acknowledged is lost, and nobody waits until they count as lost. In virtual time. */
#include "support.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

/* A kubelet's least time between SIGTERM and SIGKILL. */
#define GRACE_MS 2000
/* Three of five leave, and the fresh ones have the numbers that follow. */
#define LEAVERS     3
#define FRESH_FIRST 5
#define FRESH_END   8

static void start_fresh(struct universe *u)
{
    for (unsigned i = FRESH_FIRST; i < FRESH_END; i++)
        universe_start(u, i);
}

static bool eight_are_members(struct universe *u)
{
    return universe_status(u, 0).member_count == FRESH_END;
}

/* The one that leads the meta group, and those that follow it. */
static void choose(struct universe *u, unsigned who[LEAVERS])
{
    unsigned first = meta_leader(u);
    for (unsigned i = 0; i < LEAVERS; i++)
        who[i] = (first + i) % 5;
}

static bool has_left(struct universe *u, const unsigned who[LEAVERS])
{
    for (unsigned i = 0; i < LEAVERS; i++)
        if (!u->machine[who[i]].ended)
            return false;
    return true;
}

/* They end: at once when they have left, else when that time is over. Returns how long it took. */
static uint64_t leave_together(struct universe *u, const unsigned who[LEAVERS], uint64_t grace_ms)
{
    uint64_t began = u->now_ms;
    for (unsigned i = 0; i < LEAVERS; i++)
        assert_int_equal(cluster_leave(cluster_at(u, who[i])), 0);
    while (u->now_ms - began < grace_ms && !has_left(u, who)) {
        universe_run(u, 1);
        for (unsigned i = 0; i < LEAVERS; i++)
            if (u->machine[who[i]].ended)
                universe_kill(u, who[i]);
    }
    uint64_t took = u->now_ms - began;
    for (unsigned i = 0; i < LEAVERS; i++)
        universe_kill(u, who[i]);
    return took;
}

static unsigned any_that_stays(const unsigned who[LEAVERS])
{
    for (unsigned i = 0; i < 5; i++)
        if (i != who[0] && i != who[1] && i != who[2])
            return i;
    return 0;
}

/* Long before anybody counts as lost. */
static void expect_served(struct universe *u, const unsigned who[LEAVERS], const char *value)
{
    uint64_t began = u->now_ms;
    unsigned through = any_that_stays(who);
    expect_all(u, through, value);
    write_all(u, through, "after");
    assert_in_range(u->now_ms - began, 0, u->config.times.lost_after / 2);
    await_ready(u, 60000);
    expect_all(u, through, "after");
}

static void test_three_leave_three_are_members(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    start_all(u);
    write_all(u, 0, NULL);
    start_fresh(u);
    assert_true(universe_until(u, eight_are_members, 20000));
    choose(u, who);
    assert_in_range(leave_together(u, who, GRACE_MS), 1, GRACE_MS / 2);
    expect_served(u, who, NULL);
}

/* Fresh ones may still be joining. */
static void test_three_leave_three_begin(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    start_all(u);
    write_all(u, 0, NULL);
    choose(u, who);
    start_fresh(u);
    leave_together(u, who, GRACE_MS);
    expect_served(u, who, NULL);
}

static void test_three_leave_three_are_ready(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    start_all(u);
    write_all(u, 0, NULL);
    start_fresh(u);
    await_ready(u, 60000);
    universe_run(u, 20000); /* balanced */
    choose(u, who);
    assert_in_range(leave_together(u, who, GRACE_MS), 1, GRACE_MS / 2);
    expect_served(u, who, NULL);
}

/* The last of them that the cluster needs for its majority waits for another. The two that stay hold all of it: when a
 * third comes, they form again. */
static void test_three_leave_two(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    start_all(u);
    write_all(u, 0, NULL);
    choose(u, who);
    assert_int_equal(leave_together(u, who, GRACE_MS), GRACE_MS);
    restart(u, who[0]);
    await_ready(u, 200000);
    expect_all(u, who[0], NULL);
}

/* Between machines that are further apart. */
static void test_three_leave_slowly(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    u->latency_ms = 10;
    start_all(u);
    write_all(u, 0, NULL);
    start_fresh(u);
    assert_true(universe_until(u, eight_are_members, 20000));
    choose(u, who);
    leave_together(u, who, GRACE_MS);
    expect_served(u, who, NULL);
}

static bool one_is_admitted(struct universe *u)
{
    struct cluster *c = cluster_at(u, meta_leader(u));
    return c && c->meta.state->member_count == FRESH_END + 1;
}

/* One that was admitted and is not heard of any more keeps nobody from leaving. */
static void test_three_leave_one_is_silent(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    start_all(u);
    write_all(u, 0, NULL);
    start_fresh(u);
    assert_true(universe_until(u, eight_are_members, 20000));
    universe_start(u, FRESH_END);
    for (unsigned ms = 0; !one_is_admitted(u) && ms < 20000; ms++)
        universe_run(u, 1);
    universe_kill(u, FRESH_END);
    choose(u, who);
    assert_in_range(leave_together(u, who, GRACE_MS), 1, GRACE_MS / 2);
    expect_served(u, who, NULL);
}

static bool leaves(const unsigned who[LEAVERS], unsigned i)
{
    return i == who[0] || i == who[1] || i == who[2];
}

static bool is_held_by_one_that_stays(struct universe *u, unsigned partition, const unsigned who[LEAVERS])
{
    for (unsigned i = 0; i < 5; i++)
        if (!leaves(who, i) && cluster_at(u, i)->partitions.at[partition].replica)
            return true;
    return false;
}

/* In a few round trips, and without waiting for the meta group. A partition of which nobody who stays has a replica is
 * led by one that leaves until somebody has. */
static void test_leaderships_go_first(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS], checked = 0;
    bool held[ROUTER_PARTITIONS_MAX];
    start_all(u);
    write_all(u, 0, NULL);
    choose(u, who);
    for (unsigned i = 0; i < ROUTER_PARTITIONS_MAX; i++)
        held[i] = is_held_by_one_that_stays(u, i, who);
    for (unsigned i = 0; i < LEAVERS; i++)
        assert_int_equal(cluster_leave(cluster_at(u, who[i])), 0);
    universe_run(u, 50);
    for (unsigned i = 0; i < ROUTER_PARTITIONS_MAX; i++) {
        unsigned leader = leader_of(u, i);
        if (!held[i])
            continue;
        checked++;
        assert_true(leader < UNIVERSE_MAX && !leaves(who, leader));
    }
    assert_in_range(checked, 40, ROUTER_PARTITIONS_MAX);
    assert_false(leaves(who, meta_leader(u)));
}

static void test_one_after_the_other(void **state)
{
    struct universe *u = *state;
    unsigned who[LEAVERS];
    start_all(u);
    write_all(u, 0, NULL);
    start_fresh(u);
    assert_true(universe_until(u, eight_are_members, 20000));
    choose(u, who);
    for (unsigned i = 0; i < LEAVERS; i++) {
        assert_int_equal(cluster_leave(cluster_at(u, who[i])), 0);
        universe_run(u, 60);
    }
    for (unsigned ms = 0; ms < GRACE_MS && !has_left(u, who); ms++)
        universe_run(u, 1);
    assert_true(has_left(u, who));
    for (unsigned i = 0; i < LEAVERS; i++)
        universe_kill(u, who[i]);
    expect_served(u, who, NULL);
}

/* The meta group's voter that is the nth after its leader. */
static unsigned voter(struct universe *u, unsigned nth)
{
    unsigned leader = meta_leader(u), at = leader;
    while (nth) {
        at = (at + 1) % FRESH_END;
        nth -= meta_has_seat(cluster_at(u, leader), cluster_at(u, at)->meta.self);
    }
    return at;
}

/* Two have just failed, as a third begins to leave: its vote makes the majority, until others have the seats of the
 * two.
 */
static void test_one_leaves_as_two_have_failed(void **state)
{
    struct universe *u = *state;
    start_all(u);
    start_fresh(u);
    assert_true(universe_until(u, eight_are_members, 20000));
    universe_run(u, 5000);
    unsigned leader = meta_leader(u), who[LEAVERS] = {voter(u, 1), voter(u, 2), voter(u, 3)};
    universe_kill(u, who[0]);
    universe_kill(u, who[1]);
    assert_int_equal(cluster_leave(cluster_at(u, who[2])), 0);
    universe_run(u, 20000); /* less than lost_after */
    assert_true(universe_status(u, leader).serving);
    assert_int_equal(universe_status(u, leader).seats, 5);
    assert_int_equal(universe_status(u, leader).state, STATUS_MEMBER);
    assert_int_equal(meta_leader(u), leader);
}

static bool holds_none(struct universe *u, unsigned i)
{
    return !cluster_at(u, i)->partitions.at[0].replica;
}

/* The same without others: it waits until those that failed are there again, though it holds nothing but its seat. */
static void test_one_with_a_seat_alone_leaves_as_two_have_failed(void **state)
{
    struct universe *u = *state;
    unsigned leader, leaver = 0;
    u->config.partitions = 1;
    start_all(u);
    leader = meta_leader(u);
    while (leaver == leader || !holds_none(u, leaver))
        leaver++;
    unsigned failed[2] = {UNIVERSE_MAX, UNIVERSE_MAX};
    for (unsigned i = 0, n = 0; n < 2; i++)
        if (i != leader && i != leaver)
            failed[n++] = i;
    universe_kill(u, failed[0]);
    universe_kill(u, failed[1]);
    assert_int_equal(cluster_leave(cluster_at(u, leaver)), 0);
    universe_run(u, 8000);
    assert_true(universe_status(u, leader).serving);
    universe_start(u, failed[0]);
    universe_start(u, failed[1]);
    universe_run(u, 8000);
    assert_true(u->machine[leaver].ended);
    assert_true(universe_status(u, leader).serving);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_leave_three_are_members, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_leave_three_begin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_leave_three_are_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_leave_two, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_leave_slowly, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_leave_one_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaderships_go_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_leaves_as_two_have_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_with_a_seat_alone_leaves_as_two_have_failed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
