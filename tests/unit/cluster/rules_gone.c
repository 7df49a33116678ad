/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of an orchestrator's word: when it counts that a member is not listed any more, and when a member stops
 * that may have been replaced. */
#include "support.h"

#include "rules.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

#define ALL    0x1fU /* that the five are listed */
#define NOBODY UNIVERSE_MAX

/* Every node that runs is told that these are listed, which was asked for just now. */
static void tell(struct universe *u, unsigned listed, bool whole)
{
    struct cluster_candidate places[UNIVERSE_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (listed >> i & 1)
            places[count++] = (struct cluster_candidate){u->machine[i].address, 4369};
    struct cluster_roster r = {.places = places, .count = count, .asked_ms = u->now_ms, .whole = whole};
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster && !u->machine[i].paused)
            cluster_set_roster(u->machine[i].cluster, &r);
}

static void tell_twice(struct universe *u, unsigned listed, bool whole)
{
    tell(u, listed, whole);
    universe_run(u, 200);
    tell(u, listed, whole);
    universe_run(u, 200);
}

static size_t members_at(struct universe *u, unsigned i)
{
    return universe_status(u, i).member_count;
}

/* Two that do not lead the cluster end; which are left. `first` is told before that. */
static unsigned lose_two(struct universe *u, unsigned first)
{
    unsigned left = ALL, leader;
    start_all(u);
    if (first)
        tell(u, first, true);
    write_all(u, 0, NULL);
    universe_run(u, 3000);
    leader = meta_leader(u);
    for (unsigned i = 0, killed = 0; killed < 2; i++)
        if (i != leader) {
            universe_kill(u, i);
            left &= ~(1U << i);
            killed++;
        }
    return left;
}

static bool has_three(struct universe *u)
{
    return members_at(u, meta_leader(u)) == 3;
}

/* Its lease may still be valid by its own clock until then. */
void test_GONE_LEASE_nobody_is_dead_before_the_margin(void **state)
{
    struct universe *u = *state;
    unsigned left = lose_two(u, ALL), leader = meta_leader(u);
    universe_run(u, 5050);
    tell_twice(u, left, true);
    universe_run(u, 200);
    assert_int_equal(members_at(u, leader), 5);
    assert_true(universe_until(u, has_three, 1500));
    await_ready(u, 5000);
    assert_int_equal(count_written(u, leader, "after"), KEYS);
}

/* What was asked for while they were heard, or shortly afterwards, may be older than it looks. */
void test_GONE_FRESH_an_old_answer_counts_nothing(void **state)
{
    struct universe *u = *state;
    unsigned left = lose_two(u, ALL), leader = meta_leader(u);
    universe_run(u, 4000);
    tell_twice(u, left, true);
    universe_run(u, 10000);
    assert_int_equal(members_at(u, leader), 5);
    tell_twice(u, left, true);
    assert_true(universe_until(u, has_three, 1000));
}

/* A cache may have answered that was behind: the next answer shows it. */
void test_GONE_TWICE_one_answer_is_not_enough(void **state)
{
    struct universe *u = *state;
    unsigned left = lose_two(u, ALL), leader = meta_leader(u);
    universe_run(u, 7000);
    for (unsigned i = 0; i < 5; i++) {
        tell(u, i % 2 ? ALL : left, true);
        universe_run(u, 1000);
    }
    assert_int_equal(members_at(u, leader), 5);
    tell(u, left, true);
    assert_true(universe_until(u, has_three, 1000));
}

/* Whoever has no address yet may be one of them. */
void test_GONE_WHOLE_a_part_of_the_list_counts_nothing(void **state)
{
    struct universe *u = *state;
    unsigned left = lose_two(u, ALL), leader = meta_leader(u);
    universe_run(u, 7000);
    tell_twice(u, left, false);
    universe_run(u, 1000);
    assert_int_equal(members_at(u, leader), 5);
    tell_twice(u, left, true);
    assert_true(universe_until(u, has_three, 1000));
}

/* The list of another cluster. */
void test_GONE_SELF_a_list_without_this_node_counts_nothing(void **state)
{
    struct universe *u = *state;
    unsigned left = lose_two(u, ALL), leader = meta_leader(u);
    universe_run(u, 7000);
    tell_twice(u, left & ~(1U << leader), true);
    tell_twice(u, 0, true);
    universe_run(u, 1000);
    assert_int_equal(members_at(u, leader), 5);
    tell_twice(u, left, true);
    assert_true(universe_until(u, has_three, 1000));
}

/* They advertise addresses that the orchestrator does not know, or have come after what a cache of it shows. */
void test_GONE_LISTED_who_was_never_listed_is_not_gone(void **state)
{
    struct universe *u = *state;
    unsigned left = lose_two(u, 0), leader = meta_leader(u);
    universe_run(u, 7000);
    tell_twice(u, left, true);
    tell_twice(u, left, true);
    universe_run(u, 1000);
    assert_int_equal(members_at(u, leader), 5);
}

/* Those who are gone may be a majority that serves, beyond a cut. */
void test_GONE_QUORUM_nobody_forms_again_by_that_word(void **state)
{
    struct universe *u = *state;
    start_all(u);
    tell(u, ALL, true);
    write_all(u, 0, NULL);
    uint64_t epoch = universe_status(u, 0).epoch;
    for (unsigned i = 2; i < 5; i++)
        universe_kill(u, i);
    for (unsigned i = 5; i < 8; i++)
        universe_start(u, i); /* in their places */
    for (unsigned s = 0; s < 50; s++) {
        tell(u, 0xe3, true);
        universe_run(u, 1000);
        for (unsigned i = 0; i < 8; i++)
            assert_false(cluster_at(u, i) && universe_status(u, i).serving && universe_status(u, i).epoch != epoch);
    }
    assert_int_equal(universe_status(u, 0).state, STATUS_STRANDED);
    await_ready(u, 40000); /* when they are lost */
    assert_true(universe_status(u, 0).epoch > epoch);
}

/* --- R-FENCE --- */

#define FENCE_MS 20000

static void set_apart(struct universe *u, bool on)
{
    for (unsigned a = 0; a < 3; a++)
        for (unsigned b = 3; b < 5; b++)
            universe_cut(u, a, b, on);
}

/* Within a second: what would be answered. */
static bool can_write(struct universe *u, unsigned through)
{
    struct client_op o;
    client_op_put(u, &o, through, "key", "value", OP_ALWAYS, 1000);
    client_op_wait(u, &o);
    return o.err == 0;
}

/* The three may be replaced by others on the side of the two, which form a cluster with them. */
void test_FENCE_who_may_be_replaced_stops(void **state)
{
    struct universe *u = *state;
    u->config.times.fence_after = FENCE_MS;
    start_all(u);
    tell(u, ALL, true);
    universe_run(u, 1000);
    set_apart(u, true);
    universe_run(u, FENCE_MS - 3000);
    assert_true(can_write(u, 0));
    universe_run(u, 3000);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(can_write(u, i));
        assert_false(universe_status(u, i).serving);
        assert_non_null(strstr(universe_status(u, i).why, "fenced"));
    }
    tell(u, ALL, true);
    assert_true(can_write(u, 0)); /* it is listed: nobody has replaced it */
    universe_run(u, 1000);
    assert_true(can_write(u, 1));
    universe_run(u, FENCE_MS);
    assert_false(can_write(u, 1));
    set_apart(u, false);
    universe_run(u, 10000);
    assert_false(can_write(u, 1)); /* that nobody is missing any more does not open it again */
    tell(u, ALL, true);
    await_ready(u, 20000);
    assert_true(can_write(u, 1));
}

void test_FENCE_where_all_are_heard_the_orchestrator_may_be_away(void **state)
{
    struct universe *u = *state;
    u->config.times.fence_after = FENCE_MS;
    start_all(u);
    universe_run(u, 4 * FENCE_MS);
    for (unsigned i = 0; i < 5; i++)
        assert_true(can_write(u, i));
    universe_kill(u, 4); /* one is missing, for less than its lease takes to end */
    universe_run(u, 4000);
    assert_true(can_write(u, 0));
    universe_run(u, 4000);
    assert_false(can_write(u, 0));
}

/* Those that were lost are no members any more: the nodes that the cluster is to have still are not there. */
void test_FENCE_who_was_lost_is_missing_still(void **state)
{
    struct universe *u = *state;
    u->config.times.fence_after = 90000;
    start_all(u);
    tell(u, ALL, true);
    set_apart(u, true);
    universe_run(u, 70000);
    assert_int_equal(members_at(u, 0), 3);
    assert_true(can_write(u, 0));
    universe_run(u, 30000);
    assert_false(can_write(u, 0));
}

/* All that is heard when it wakes was said before it slept: meanwhile it may have been replaced. */
void test_FENCE_who_has_slept_may_have_been_replaced(void **state)
{
    struct universe *u = *state;
    u->config.times.fence_after = FENCE_MS;
    start_all(u);
    tell(u, ALL, true);
    universe_run(u, 1000);
    set_apart(u, true);
    for (unsigned a = 0; a < 3; a++) {
        universe_pause(u, a, true);
        for (unsigned b = 5; b < 8; b++)
            universe_cut(u, a, b, true);
    }
    for (unsigned i = 5; i < 8; i++)
        universe_start(u, i);
    universe_run(u, 100000);
    assert_true(can_write(u, 3));
    for (unsigned a = 0; a < 3; a++)
        universe_pause(u, a, false);
    for (unsigned ms = 0; ms < 12000; ms += 100) {
        universe_run(u, 100);
        for (unsigned i = 0; i < 3; i++)
            assert_false(universe_status(u, i).serving);
    }
}
