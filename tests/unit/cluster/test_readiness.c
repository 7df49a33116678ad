/* SPDX-License-Identifier: Apache-2.0 */
/* R-READY: what an orchestrator's readiness probe is answered, in virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdlib.h>

static bool is_ready(struct universe *u, unsigned i)
{
    return u->machine[i].cluster && cluster_probe_ready(u->machine[i].cluster);
}

/* --- watched: who is ready stays so --- */

static bool was_ready[UNIVERSE_MAX];

static void watch_from_here(void)
{
    memset(was_ready, 0, sizeof was_ready);
}

static void watch(struct universe *u, uint64_t ms)
{
    for (uint64_t end = u->now_ms + ms; u->now_ms < end; universe_run(u, 10))
        for (unsigned i = 0; i < u->count; i++) {
            assert_true(!was_ready[i] || is_ready(u, i));
            was_ready[i] = is_ready(u, i);
        }
}

/* Returns how long it took. */
static uint64_t until_ready(struct universe *u, unsigned i, uint64_t most_ms)
{
    uint64_t began = u->now_ms;
    while (!is_ready(u, i) && u->now_ms - began < most_ms)
        watch(u, 10);
    assert_true(is_ready(u, i));
    return u->now_ms - began;
}

/* --- DNS of a headless service: it names who is ready --- */

static void resolve(struct universe *u, unsigned i)
{
    struct cluster_candidate list[UNIVERSE_MAX];
    size_t n = 0;
    for (unsigned k = 0; k < u->count; k++)
        if (is_ready(u, k))
            list[n++] = (struct cluster_candidate){u->machine[k].address, 4369};
    cluster_set_candidates(u->machine[i].cluster, list, n, (unsigned)n, false, true);
    u->machine[i].touched = true;
}

static void start_by_name(struct universe *u, unsigned i)
{
    unsigned count = u->count;
    u->count = 0;
    universe_start(u, i);
    u->count = count;
    resolve(u, i);
}

static uint64_t start_in_order(struct universe *u, unsigned from, unsigned to)
{
    uint64_t longest = 0;
    for (unsigned i = from; i < to; i++) {
        start_by_name(u, i);
        uint64_t took = until_ready(u, i, 120000);
        longest = took > longest ? took : longest;
    }
    return longest;
}

/* --- alone --- */

static void test_alone_after_ten_seconds(void **state)
{
    struct universe *u = *state;
    start_by_name(u, 0);
    universe_run(u, 9500);
    assert_false(is_ready(u, 0));
    universe_run(u, 1000);
    assert_true(is_ready(u, 0));
    assert_false(universe_status(u, 0).ready);
}

static void test_not_before_discovery_has_answered(void **state)
{
    struct universe *u = *state;
    u->count = 0;
    universe_start(u, 0);
    u->machine[0].cluster->discovery_answered = false;
    universe_run(u, 60000);
    assert_false(is_ready(u, 0));
    resolve(u, 0);
    universe_run(u, 100);
    assert_true(is_ready(u, 0));
}

/* --- with an orchestrator's API --- */

/* It lists the first so many machines. */
static void list_places(struct universe *u, unsigned i, unsigned count, bool whole)
{
    struct cluster_candidate list[UNIVERSE_MAX];
    for (unsigned k = 0; k < count; k++)
        list[k] = (struct cluster_candidate){u->machine[k].address, 4369};
    struct cluster_roster r = {.places = list, .count = count, .asked_ms = u->now_ms, .whole = whole};
    universe_run(u, 10);
    cluster_set_roster(u->machine[i].cluster, &r);
    cluster_set_candidates(u->machine[i].cluster, list, count, 5, true, true);
    u->machine[i].touched = true;
    universe_run(u, 500);
}

static void start_listed(struct universe *u, unsigned i)
{
    unsigned count = u->count;
    u->count = 0;
    universe_start(u, i);
    u->count = count;
    universe_run(u, 200);
}

/* Each is ready as soon as it sees all others that there are. */
static void test_at_once_where_an_api_lists_nobody_else(void **state)
{
    struct universe *u = *state;
    watch_from_here();
    for (unsigned i = 0; i < 4; i++) {
        start_listed(u, i);
        list_places(u, i, i + 1, true);
        assert_true(is_ready(u, i));
        watch(u, 2000);
    }
    start_listed(u, 4);
    list_places(u, 4, 5, true);
    watch(u, 2000);
    assert_true(universe_is_ready(u));
}

/* The last of five forms a cluster with the others: it has nothing to wait for. */
static void test_not_at_once_where_all_are_there(void **state)
{
    struct universe *u = *state;
    struct cluster_candidate list[5];
    for (unsigned i = 0; i < 5; i++)
        list[i] = (struct cluster_candidate){u->machine[i].address, 4369};
    for (unsigned i = 0; i < 4; i++)
        universe_start(u, i);
    universe_run(u, 2000);
    universe_start(u, 4);
    struct cluster_roster r = {.places = list, .count = 5, .asked_ms = u->now_ms, .whole = true};
    universe_run(u, 1);
    cluster_set_roster(u->machine[4].cluster, &r);
    for (unsigned ms = 0; ms < 3000; ms++) {
        assert_true(!is_ready(u, 4) || universe_status(u, 4).ready);
        universe_run(u, 1);
    }
    assert_true(is_ready(u, 4));
}

static void test_not_at_once_where_it_lists_somebody_else(void **state)
{
    struct universe *u = *state;
    start_listed(u, 0);
    list_places(u, 0, 2, true); /* 1 does not answer */
    assert_false(is_ready(u, 0));
    list_places(u, 0, 1, false); /* or is still to be named */
    assert_false(is_ready(u, 0));
    universe_run(u, 10000);
    assert_true(is_ready(u, 0));
}

/* Nor where the one that it lists, and that this node sees, has a cluster. */
static void test_not_at_once_where_there_is_a_cluster(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "value");
    universe_kill(u, 4);
    universe_run(u, 1000);
    start_listed(u, 4);
    list_places(u, 4, 5, true);
    assert_true(is_ready(u, 4) == universe_status(u, 4).ready);
    assert_true(universe_until(u, universe_is_ready, 30000));
}

/* --- OrderedReady --- */

/* Three are enough for a quorum, and wait for two who may hold something: they are ready meanwhile, so the others are
 * started, and all five form at once. */
static void test_one_after_the_other(void **state)
{
    struct universe *u = *state;
    watch_from_here();
    assert_in_range(start_in_order(u, 0, 4), 9000, 11000);
    start_by_name(u, 4);
    uint64_t began = u->now_ms;
    while (!universe_is_ready(u) && u->now_ms - began < 10000)
        watch(u, 10);
    assert_in_range(u->now_ms - began, 1, 2000);
    assert_int_equal(universe_status(u, 0).member_count, 5);
}

/* Its first word comes before it can take part: the four wait for it, as long as they have waited before. Formed
 * without it, the cluster could serve only when the leases of an older one, that it might have, were over. */
static void test_the_last_is_not_left_out(void **state)
{
    struct universe *u = *state;
    u->latency_ms = 40;
    for (unsigned i = 0; i < 4; i++)
        universe_start(u, i);
    universe_run(u, 20000);
    assert_int_equal(universe_status(u, 0).state, STATUS_SEEKING);
    universe_start(u, 4);
    assert_true(universe_until(u, universe_is_ready, 5000));
    assert_int_equal(universe_status(u, 0).member_count, 5);
}

/* A start that takes longer than three of them wait: these form, and are joined. */
static void test_who_comes_late_joins(void **state)
{
    struct universe *u = *state;
    watch_from_here();
    start_in_order(u, 0, 3);
    watch(u, 70000);
    assert_int_equal(universe_status(u, 0).member_count, 3);
    start_in_order(u, 3, 5);
    assert_true(universe_is_ready(u));
    assert_int_equal(universe_status(u, 0).member_count, 5);
}

/* --- whoever was ready stays so --- */

static void test_three_that_wait_stay_ready(void **state)
{
    struct universe *u = *state;
    watch_from_here();
    for (unsigned i = 0; i < 3; i++)
        universe_start(u, i);
    universe_run(u, 11000);
    for (unsigned i = 0; i < 3; i++)
        assert_true(is_ready(u, i));
    watch(u, 60000);
    assert_int_equal(universe_status(u, 0).state, STATUS_MEMBER);
    assert_true(universe_status(u, 0).ready);
}

static void test_a_stranded_node_stays_ready(void **state)
{
    struct universe *u = *state;
    start_all(u);
    watch_from_here();
    watch(u, 10);
    for (unsigned i = 0; i < 3; i++) {
        universe_kill(u, i);
        was_ready[i] = false;
    }
    watch(u, 30000);
    assert_int_equal(universe_status(u, 3).state, STATUS_STRANDED);
    for (unsigned i = 0; i < 3; i++)
        universe_start(u, i);
    watch(u, 90000);
    assert_true(universe_is_ready(u));
}

static void cut_off(struct universe *u, unsigned i, bool on)
{
    for (unsigned k = 0; k < u->count; k++)
        if (k != i)
            universe_cut(u, i, k, on);
}

/* It was ready, as it saw nobody. */
static void test_who_was_ready_stays_so_as_it_joins(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "value");
    cut_off(u, 4, true);
    restart(u, 4);
    universe_run(u, 11000);
    assert_true(is_ready(u, 4));
    watch_from_here();
    cut_off(u, 4, false);
    watch(u, 60000);
    assert_true(universe_is_ready(u));
}

/* --- what holds a node down that was not ready --- */

static void test_a_joiner_is_ready_when_it_has_its_copies(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "value");
    restart(u, 4);
    for (unsigned ms = 0; !is_ready(u, 4) && ms < 60000; ms++)
        universe_run(u, 1);
    assert_true(is_ready(u, 4));
    assert_true(universe_status(u, 4).ready);
    assert_int_equal(universe_status(u, 4).partitions_incomplete, 0);
}

/* Where two hold what there is, the first that comes is enough to form again with. Until then an orchestrator is not to
 * go on: the next step of a rolling update would end one of the two. */
static void test_not_while_others_are_about_to_form_again(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "value");
    for (unsigned i = 0; i < 3; i++)
        universe_kill(u, i);
    universe_run(u, 15000);
    watch_from_here();
    start_by_name(u, 0);
    while (universe_status(u, 0).state == STATUS_SEEKING && u->now_ms < 200000) {
        assert_false(is_ready(u, 0));
        watch(u, 10);
    }
    until_ready(u, 0, 10000);
    assert_true(universe_status(u, 0).ready);
    assert_int_equal(universe_status(u, 0).member_count, 3);
    assert_in_range(start_in_order(u, 1, 3), 1, 10000);
    assert_true(universe_is_ready(u));
}

/* One that holds something is not enough: the next node has to be started, and is the one that is waited for. */
static void test_ready_where_too_few_are_there_to_form_again(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned i = 0; i < 4; i++)
        universe_kill(u, i);
    universe_run(u, 15000);
    watch_from_here();
    start_by_name(u, 0);
    assert_in_range(until_ready(u, 0, 20000), 9000, 11000);
    start_by_name(u, 1);
    until_ready(u, 1, 60000);
    assert_int_equal(universe_status(u, 1).state, STATUS_MEMBER);
    assert_in_range(start_in_order(u, 2, 4), 1, 10000);
    assert_true(universe_is_ready(u));
}

/* Those two do not see each other: it is not waited for without end. */
static void test_a_forming_that_never_comes_is_not_waited_for(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned i = 0; i < 3; i++)
        universe_kill(u, i);
    universe_cut(u, 3, 4, true);
    universe_run(u, 15000);
    universe_start(u, 0);
    universe_run(u, 60000);
    assert_false(is_ready(u, 0));
    universe_run(u, 65000);
    assert_true(is_ready(u, 0));
}

/* --- leaving --- */

static void test_who_leaves_is_not_ready(void **state)
{
    struct universe *u = *state;
    start_all(u);
    assert_int_equal(cluster_leave(u->machine[4].cluster), 0);
    assert_false(is_ready(u, 4));
    universe_run(u, 30000);
    assert_true(u->machine[4].ended);
    assert_false(is_ready(u, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_alone_after_ten_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_before_discovery_has_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_once_where_an_api_lists_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_at_once_where_all_are_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_at_once_where_it_lists_somebody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_at_once_where_there_is_a_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_last_is_not_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_comes_late_joins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_that_wait_stay_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stranded_node_stays_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_was_ready_stays_so_as_it_joins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_joiner_is_ready_when_it_has_its_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_while_others_are_about_to_form_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ready_where_too_few_are_there_to_form_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_forming_that_never_comes_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_leaves_is_not_ready, setup, teardown),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
