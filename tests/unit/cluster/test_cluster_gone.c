/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that an orchestrator replaces: how long their keys wait, and that two processes of one pod may run at once. In
 * virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>

/* --- an orchestrator's API, which each node asks for itself --- */

#define INTERVAL_MS 10000 /* as src/discovery does */
#define REFRESH_MS  1000
#define ANSWER_MS   50

static struct api {
    bool listed[UNIVERSE_MAX];
    bool twice; /* by two addresses each, as pods with two IP families are */
    struct {
        uint64_t asked_ms, next_ms;
        bool asking;
        unsigned questions;
    } node[UNIVERSE_MAX];
} api;

static void on_refresh(void *arg)
{
    const struct machine *m = arg;
    uint64_t soonest = api.node[m->number].asked_ms + REFRESH_MS;
    if (api.node[m->number].next_ms > soonest)
        api.node[m->number].next_ms = soonest;
}

static void answer(struct universe *u, unsigned i)
{
    struct cluster_candidate places[2 * UNIVERSE_MAX];
    char other[UNIVERSE_MAX][16];
    size_t count = 0;
    for (unsigned k = 0; k < UNIVERSE_MAX; k++)
        if (api.listed[k])
            places[count++] = (struct cluster_candidate){u->machine[k].address, 4369};
    for (unsigned k = 0; api.twice && k < UNIVERSE_MAX; k++)
        if (api.listed[k]) {
            snprintf(other[k], sizeof other[k], UNIVERSE_ALIAS "%u", k + 1);
            places[count++] = (struct cluster_candidate){other[k], 4369};
        }
    struct cluster_roster r = {.places = places, .count = count, .asked_ms = api.node[i].asked_ms, .whole = true};
    cluster_set_roster(u->machine[i].cluster, &r);
    cluster_set_candidates(u->machine[i].cluster, places, count, (unsigned)count, true, true);
    u->machine[i].touched = true;
}

static void turn_api(struct universe *u, unsigned i)
{
    if (api.node[i].asking && u->now_ms >= api.node[i].asked_ms + ANSWER_MS) {
        api.node[i].asking = false;
        answer(u, i);
    }
    if (!api.node[i].asking && u->now_ms >= api.node[i].next_ms) {
        api.node[i].asking = true;
        api.node[i].asked_ms = u->now_ms;
        api.node[i].next_ms = u->now_ms + INTERVAL_MS;
        api.node[i].questions++;
    }
}

static void run(struct universe *u, uint64_t ms)
{
    for (uint64_t end = u->now_ms + ms; u->now_ms < end; universe_run(u, 10))
        for (unsigned i = 0; i < UNIVERSE_MAX; i++)
            if (u->machine[i].cluster)
                turn_api(u, i);
}

static void begin(struct universe *u)
{
    memset(&api, 0, sizeof api);
    u->config.refresh = on_refresh;
    for (unsigned i = 0; i < u->count; i++)
        api.listed[i] = true;
    start_all(u);
    write_all(u, 0, "before");
    run(u, 2 * INTERVAL_MS);
}

/* --- two of five --- */

/* How many keys have been written, of those that clients have been trying since that time. */
static unsigned try_all(struct universe *u, unsigned through, uint64_t ms)
{
    struct client_op o[KEYS];
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        client_op_put(u, &o[i], through, key_of(i), "after", OP_ALWAYS, ms);
    run(u, ms);
    for (unsigned i = 0; i < KEYS; i++) {
        client_op_wait(u, &o[i]);
        n += o[i].err == 0;
    }
    return n;
}

static void replace_two(struct universe *u, unsigned a, unsigned b)
{
    unsigned through = 0;
    while (through == a || through == b)
        through++;
    universe_kill(u, a);
    universe_kill(u, b);
    api.listed[a] = api.listed[b] = false;
    for (unsigned i = 5; i < 7; i++) {
        universe_start(u, i);
        api.listed[i] = true;
    }
    assert_int_equal(try_all(u, through, 8000), KEYS);
    expect_all(u, through, "after");
    await_ready(u, 20000);
    assert_int_equal(universe_status(u, through).member_count, 5);
}

static void test_two_of_five_are_replaced(void **state)
{
    struct universe *u = *state;
    begin(u);
    unsigned leader = meta_leader(u);
    replace_two(u, (leader + 1) % 5, (leader + 2) % 5);
}

/* The one who leads the cluster is one of them: the next waits a lease and the margin from when it leads. */
static void test_two_of_five_are_replaced_and_the_leader_with_them(void **state)
{
    struct universe *u = *state;
    begin(u);
    unsigned leader = meta_leader(u);
    replace_two(u, leader, (leader + 2) % 5);
}

/* Without trouble it is asked once in ten seconds; while a member is silent, once a second, by the one who leads. */
static void test_how_often_the_orchestrator_is_asked(void **state)
{
    struct universe *u = *state;
    begin(u);
    unsigned leader = meta_leader(u), other = (leader + 1) % 5, silent = (leader + 2) % 5;
    unsigned before = api.node[leader].questions;
    run(u, 100000);
    assert_in_range(api.node[leader].questions - before, 9, 11);
    universe_kill(u, silent); /* and it stays listed */
    before = api.node[leader].questions;
    unsigned of_other = api.node[other].questions;
    run(u, 30000);
    assert_in_range(api.node[leader].questions - before, 20, 31);
    assert_in_range(api.node[other].questions - of_other, 2, 4);
    assert_int_equal(universe_status(u, leader).member_count, 5);
}

/* Of two that have lost their majority to three that left, nobody can tell the members' table so. */
static void test_who_has_left_is_not_asked_after_for_ever(void **state)
{
    struct universe *u = *state;
    begin(u);
    for (unsigned i = 2; i < 5; i++) {
        api.listed[i] = false;
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
    }
    run(u, 2000);
    for (unsigned i = 2; i < 5; i++)
        universe_kill(u, i);
    run(u, 20000);
    assert_true(universe_status(u, 0).state == STATUS_STRANDED);
    unsigned before = api.node[0].questions;
    run(u, 100000);
    assert_in_range(api.node[0].questions - before, 9, 11);
}

/* --- two of one name --- */

/* A StatefulSet's pod is deleted without grace and made again, while its first process runs on and serves. */
static void test_the_next_of_a_place_does_not_end_the_first(void **state)
{
    struct universe *u = *state;
    static const char *const pods[] = {"pod-0", "pod-1", "pod-2", "pod-3", "pod-4"};
    memset(&api, 0, sizeof api);
    for (unsigned i = 0; i < 5; i++) {
        u->config.place = pods[i];
        universe_start(u, i);
    }
    await_ready(u, 20000);
    struct incarnation first = u->machine[1].incarnation;
    u->config.place = pods[1];
    universe_start(u, 5);
    for (unsigned i = 0; i < 300; i++) {
        universe_run(u, 100);
        assert_int_equal(universe_put(u, 1, key_of(i % KEYS), "served"), 0);
    }
    assert_memory_equal(u->machine[1].incarnation.b, first.b, ID_SIZE);
    struct status_node s = universe_status(u, 1);
    assert_true(s.member_count == 6 && s.serving);
    for (unsigned i = 0; i < s.member_count; i++)
        assert_int_equal(s.member[i].state, STATUS_LIVE);
}

/* --- fewer nodes --- */

/* A StatefulSet with a grace of 0 that is scaled from seven to three: it is off the list, is told to end, and is killed
 * two seconds later; the next follows at once. */
static void test_seven_become_three_within_seconds(void **state)
{
    struct universe *u = *state;
    uint64_t told_ms[UNIVERSE_MAX] = {0};
    begin(u);
    for (unsigned i = 5; i < 7; i++) {
        universe_start(u, i);
        api.listed[i] = true;
    }
    run(u, 2 * INTERVAL_MS);
    assert_int_equal(universe_status(u, 0).seats, 7);
    while (api.node[0].next_ms < u->now_ms + INTERVAL_MS / 2) /* nobody asks soon without a reason */
        run(u, 10);
    for (unsigned i = 6; i >= 3; i--) {
        api.listed[i] = false;
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
        told_ms[i] = u->now_ms;
        run(u, 150);
    }
    for (unsigned left = 4; left;) {
        left = 0;
        for (unsigned i = 3; i < 7; i++) {
            assert_true(u->now_ms - told_ms[i] < 2000 || u->machine[i].ended);
            left += !u->machine[i].ended;
        }
        run(u, 10);
    }
    for (unsigned i = 3; i < 7; i++)
        universe_kill(u, i);
    assert_int_equal(try_all(u, 0, 1000), KEYS);
    expect_all(u, 1, "after");
    assert_int_equal(universe_status(u, 0).seats, 5);
}

/* --- all at once --- */

/* An upgrade that waits for nothing: tasks in other places run for the orchestrator, and have not opened their ports,
 * when all members are told to end. Those hand over to them. */
static void test_all_leave_before_others_have_come(void **state)
{
    struct universe *u = *state;
    unsigned left = 5;
    begin(u);
    for (unsigned i = 5; i < 8; i++)
        api.listed[i] = true;
    for (unsigned i = 0; i < 5; i++) {
        api.listed[i] = false;
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
    }
    run(u, 1500);
    for (unsigned i = 0; i < 5; i++)
        assert_false(u->machine[i].ended);
    for (unsigned i = 5; i < 8; i++)
        universe_start(u, i);
    for (unsigned ms = 0; left && ms < 10000; ms += 10) {
        run(u, 10);
        left = 0;
        for (unsigned i = 0; i < 5; i++)
            left += !u->machine[i].ended;
    }
    assert_int_equal(left, 0);
    for (unsigned i = 0; i < 5; i++)
        universe_kill(u, i);
    run(u, 1000);
    expect_all(u, 5, "before");
}

/* They end at once, though the list is as old as it may be. */
static void expect_all_end(struct universe *u)
{
    unsigned left = 5;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
    for (unsigned ms = 0; left && ms < 500; ms += 10) {
        run(u, 10);
        left = 0;
        for (unsigned i = 0; i < 5; i++)
            left += !u->machine[i].ended;
    }
    assert_int_equal(left, 0);
}

static void test_all_leave_and_nobody_comes(void **state)
{
    struct universe *u = *state;
    begin(u);
    expect_all_end(u);
}

/* Another address of a member is nobody who is to come. */
static void test_all_leave_that_are_listed_twice(void **state)
{
    struct universe *u = *state;
    begin(u);
    api.twice = true;
    run(u, 2 * INTERVAL_MS);
    expect_all_end(u);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_two_of_five_are_replaced),
        CASE(test_two_of_five_are_replaced_and_the_leader_with_them),
        CASE(test_how_often_the_orchestrator_is_asked),
        CASE(test_who_has_left_is_not_asked_after_for_ever),
        CASE(test_the_next_of_a_place_does_not_end_the_first),
        CASE(test_seven_become_three_within_seconds),
        CASE(test_all_leave_before_others_have_come),
        CASE(test_all_leave_and_nobody_comes),
        CASE(test_all_leave_that_are_listed_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
