/* SPDX-License-Identifier: Apache-2.0 */
/* R-REFORM, R-SEATS: what an operator's word does for a cluster that has lost its majority, and what it must not do. In
 * virtual time. */
#include "support.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

static char why[512];

static int say(struct universe *u, unsigned i, unsigned left)
{
    why[0] = '\0';
    return cluster_reform_survivors(cluster_at(u, i), left, why, sizeof why);
}

static void kill_from(struct universe *u, unsigned first)
{
    for (unsigned i = first; i < u->count; i++)
        universe_kill(u, i);
}

static void start_from(struct universe *u, unsigned first)
{
    for (unsigned i = first; i < u->count; i++)
        universe_start(u, i);
}

static bool are_stranded(struct universe *u)
{
    for (unsigned i = 0; i < u->count; i++)
        if (cluster_at(u, i) && universe_status(u, i).state != STATUS_STRANDED)
            return false;
    return true;
}

/* All of `count` run, hold something, and lose those from `first` on. */
static uint64_t strand(struct universe *u, unsigned first)
{
    start_all(u);
    write_all(u, 0, NULL);
    uint64_t epoch = universe_status(u, 0).epoch;
    universe_run(u, 3000); /* for all to hear how many keys there are */
    kill_from(u, first);
    assert_true(universe_until(u, are_stranded, 30000));
    return epoch;
}

static unsigned count_found(struct universe *u)
{
    struct client_op o;
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        n += universe_get(u, i % 2, key_of(i), &o) == 0;
    return n;
}

/* Nothing would ever follow without a word, and the first says what is missing. */
static void test_two_of_five(struct universe *u, unsigned told)
{
    uint64_t epoch = strand(u, 2);
    assert_int_equal(say(u, told, 0), E_AGAIN);
    assert_non_null(strstr(why, "2 of 3 nodes that are needed are here"));
    assert_non_null(strstr(why, "10.0.0.1:4369"));
    assert_non_null(strstr(why, "10.0.0.2:4369"));
    assert_non_null(strstr(why, "with 1 more. If no other node runs, anywhere, add --nodes 2"));
    universe_run(u, 5000);
    assert_true(are_stranded(u));
    assert_int_equal(say(u, told, 2), 0);
    await_ready(u, 30000); /* well before anybody is lost */
    struct status_node s = universe_status(u, 0);
    assert_true(s.epoch > epoch && s.seats == 3 && s.member_count == 2);
    assert_true(s.health == STATUS_DEGRADED && s.may_lose == 0 && s.partitions_incomplete == 0);
    assert_in_range(s.partitions_lost, 1, 64);
    assert_true(s.keys_lost == KEYS - count_found(u) && s.keys_lost > 0 && s.partitions_lost_uncounted == 0);
    assert_int_equal(universe_status(u, 1).keys_lost, s.keys_lost);
    write_all(u, 1, "after");
    expect_all(u, 0, "after");
    start_from(u, 2); /* the others come as strangers: the guard is whole again */
    await_ready(u, 60000);
    assert_true(universe_status(u, 3).seats == 5 && universe_status(u, 3).member_count == 5);
    universe_run(u, 2000);
    assert_int_equal(cluster_at(u, 4)->meta.state->settings.lowered_seats, 0);
    assert_int_equal(universe_status(u, 4).keys_lost, s.keys_lost); /* it does not forget */
    expect_all(u, 4, "after");
}

/* The word is told to one; who has the better log proposes, whichever that is. */
static void test_two_of_five_told_the_first(void **state)
{
    test_two_of_five(*state, 0);
}

static void test_two_of_five_told_the_second(void **state)
{
    test_two_of_five(*state, 1);
}

/* What one that is alone has kept is of this epoch from the first read on: revisions never go back. */
static void expect_revisions(struct universe *u, uint64_t epoch)
{
    struct client_op o;
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(universe_get(u, 0, key_of(i), &o), 0);
        assert_true(o.revision.epoch == epoch);
    }
}

static void test_one_of_three(void **state)
{
    struct universe *u = *state;
    u->count = 3;
    u->config.expected = 3;
    uint64_t epoch = strand(u, 1);
    assert_int_equal(say(u, 0, 1), 0);
    await_ready(u, 30000);
    struct status_node s = universe_status(u, 0);
    assert_true(s.epoch > epoch && s.seats == 1 && s.member_count == 1);
    expect_revisions(u, s.epoch); /* before anything is written */
    write_all(u, 0, "after");
    start_from(u, 1);
    await_ready(u, 60000);
    assert_int_equal(universe_status(u, 0).seats, 3);
    expect_all(u, 2, "after");
}

static unsigned proposer(struct universe *u)
{
    return cluster_at(u, 0)->bootstrap.stage == FORM_OFFERED ? 0 : 1;
}

static bool somebody_proposes(struct universe *u)
{
    return cluster_at(u, proposer(u))->bootstrap.stage == FORM_OFFERED;
}

/* The word is about members that are missing. One that is heard, and answers late, is waited for: what it holds may be
 * all that there is. */
static void test_one_that_answers_late(void **state)
{
    struct universe *u = *state;
    struct incarnation before[2];
    strand(u, 2);
    for (unsigned i = 5; i < 8; i++) /* new ones elsewhere: they prove nobody dead */
        universe_start(u, i);
    universe_run(u, 3000);
    for (unsigned i = 0; i < 2; i++)
        before[i] = cluster_at(u, i)->incarnation;
    u->latency_ms = 50;
    assert_int_equal(say(u, 0, 0), 0);
    assert_true(universe_until(u, somebody_proposes, 5000));
    unsigned late = 1 - proposer(u);
    universe_pause(u, late, true);
    universe_run(u, 1000);
    universe_pause(u, late, false);
    await_ready(u, 30000);
    for (unsigned i = 0; i < 2; i++)
        assert_memory_equal(before[i].b, cluster_at(u, i)->incarnation.b, ID_SIZE);
}

/* With enough nodes, new ones with them, the word alone is enough, and the seats are as many as ever. */
static void test_with_a_new_node(void **state)
{
    struct universe *u = *state;
    uint64_t epoch = strand(u, 2);
    universe_start(u, 2);
    universe_run(u, 3000);
    assert_true(universe_status(u, 0).state == STATUS_STRANDED && universe_status(u, 2).state == STATUS_SEEKING);
    assert_int_equal(say(u, 0, 2), E_INVALID); /* they are three */
    assert_non_null(strstr(why, "2 nodes run, you say, but 3 are heard here"));
    assert_int_equal(say(u, 0, 0), 0);
    await_ready(u, 30000);
    assert_true(universe_status(u, 0).epoch > epoch && universe_status(u, 0).seats == 5);
}

/* Two who do not see each other: neither goes on by a word that counts the other, and a word that does not is not one
 * that was given. */
static void test_who_is_not_seen(void **state)
{
    struct universe *u = *state;
    uint64_t epoch = strand(u, 2);
    universe_cut(u, 0, 1, true);
    universe_cut(u, 1, 0, true);
    universe_run(u, 5000);
    assert_int_equal(say(u, 0, 2), E_INVALID);
    assert_int_equal(say(u, 1, 2), E_INVALID);
    universe_run(u, 100000);
    assert_true(universe_status(u, 0).epoch == epoch && universe_status(u, 1).epoch == epoch);
}

/* Said in time, and not true any more: another node is heard before all have taken part. */
static void test_a_word_that_is_overtaken(void **state)
{
    struct universe *u = *state;
    uint64_t epoch = strand(u, 2);
    universe_cut(u, 0, 1, true); /* it hears, and is not heard */
    universe_run(u, 500);
    assert_int_equal(say(u, 0, 3), E_INVALID);
    universe_cut(u, 0, 1, false);
    universe_run(u, 5000);
    assert_true(universe_status(u, 0).epoch == epoch);
}

static void test_not_stranded(void **state)
{
    struct universe *u = *state;
    start_all(u);
    assert_int_equal(say(u, 0, 5), E_INVALID);
    assert_non_null(strstr(why, "not stranded: its cluster has a leader"));
    kill_from(u, 2);
    universe_run(u, 1000);
    assert_int_equal(say(u, 0, 2), E_AGAIN);
    assert_non_null(strstr(why, "stranded-after-ms"));
    universe_run(u, 20000);
    assert_int_equal(say(u, 0, 2), 0);
}

static bool serves(struct universe *u, unsigned i)
{
    const struct cluster *c = cluster_at(u, i);
    return c->meta.whole && lease_is_valid(c);
}

static void cut_both(struct universe *u, unsigned a, unsigned b)
{
    universe_cut(u, a, b, true);
    universe_cut(u, b, a, true);
}

/* The word is wrong, and one of those who would take part hears that it is: three others serve, of which it still hears
 * one. The one that was told cannot know. */
static void test_a_word_that_another_knows_to_be_wrong(void **state)
{
    struct universe *u = *state;
    start_all(u);
    universe_run(u, 1000);
    unsigned leader = meta_leader(u), alone[2], n = 0, hears = leader == 4 ? 3 : 4;
    for (unsigned i = 0; n < 2; i++)
        if (i != leader && i != hears)
            alone[n++] = i;
    bool first_is_lower =
        incarnation_compare(cluster_at(u, alone[0])->incarnation, cluster_at(u, alone[1])->incarnation) < 0;
    unsigned told = alone[!first_is_lower], other = alone[first_is_lower];
    for (unsigned i = 0; i < 5; i++) {
        if (i == told || i == other)
            continue;
        cut_both(u, told, i);
        if (i != hears)
            cut_both(u, other, i);
    }
    uint64_t epoch = universe_status(u, told).epoch;
    universe_run(u, 20000);
    assert_true(universe_status(u, told).state == STATUS_STRANDED &&
                universe_status(u, other).state == STATUS_STRANDED);
    assert_true(serves(u, leader));
    assert_int_equal(say(u, told, 2), 0);
    universe_run(u, 20000);
    assert_true(serves(u, leader));
    assert_true(universe_status(u, told).epoch == epoch && !serves(u, told));
}

static void cut_first_two(struct universe *u)
{
    for (unsigned a = 0; a < 2; a++)
        for (unsigned b = 2; b < 5; b++) {
            universe_cut(u, a, b, true);
            universe_cut(u, b, a, true);
        }
}

/* While the seats are fewer than usual, two of five nodes have a quorum: three others, cut off from them for as long as
 * makes them lost, must not form again what those two still serve. */
static void test_the_smaller_group_is_counted_with(void **state)
{
    struct universe *u = *state;
    strand(u, 2);
    assert_int_equal(say(u, 0, 2), 0);
    await_ready(u, 30000);
    for (unsigned i = 2; i < 4; i++) { /* one takes the phantom's seat; more are added by two only */
        universe_start(u, i);
        await_ready(u, 60000);
    }
    uint64_t epoch = universe_status(u, 0).epoch;
    assert_true(universe_status(u, 3).seats == 3 && cluster_at(u, 3)->meta.state->settings.lowered_seats == 3);
    cut_first_two(u);
    universe_start(u, 4);
    for (unsigned s = 0; s < 120; s++) {
        universe_run(u, 1000);
        assert_true(s < 30 || serves(u, 0));
        assert_false(serves(u, 2) && universe_status(u, 2).epoch != epoch);
        assert_false(serves(u, 4));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_of_five_told_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_of_five_told_the_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_three, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_answers_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_with_a_new_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_not_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_word_that_is_overtaken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_word_that_another_knows_to_be_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_stranded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_smaller_group_is_counted_with, setup, teardown),
    };
    return cmocka_run_group_tests_name("cluster/reform", tests, NULL, NULL);
}
