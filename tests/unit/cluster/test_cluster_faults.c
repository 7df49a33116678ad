/* SPDX-License-Identifier: Apache-2.0 */
/* What a cluster of five loses when nodes end, pause, or cannot hear each other: nothing that was acknowledged, as long
 * as a majority lives; and what it does when not even that. In virtual time. */
#include "support.h"

#include "base/err.h"
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

/* Writes to all partitions succeed again soon, also while the dead one has not been replaced. */
static void test_one_dies(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    universe_kill(u, 4);
    uint64_t began = u->now_ms;
    write_all(u, 1, NULL);
    assert_in_range(u->now_ms - began, 0, 3000);
    expect_all(u, 2, NULL);
}

static bool is_whole(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster && (universe_status(u, i).partitions_incomplete || !universe_status(u, i).serving))
            return false;
    return true;
}

static enum status_member_state state_of(const struct status_node *s, const char *address)
{
    for (size_t i = 0; i < s->member_count; i++)
        if (strcmp(s->member[i].address, address) == 0)
            return s->member[i].state;
    return 0;
}

/* What operators look at says so at once, not when a lease is over: who answers no more counts as gone. */
static void test_status_of_a_death(void **state)
{
    struct universe *u = *state;
    start_all(u);
    struct status_node s = universe_status(u, 0);
    assert_true(s.health == STATUS_HEALTHY && s.may_lose == 1 && s.partitions_incomplete == 0);
    assert_string_equal(s.why, "");
    universe_kill(u, 4);
    universe_run(u, 20);
    s = universe_status(u, 0);
    assert_true(s.health == STATUS_DEGRADED && s.ready && s.may_lose == 0 && s.partitions_unavailable == 0);
    assert_in_range(s.partitions_incomplete, 1, 64);
    assert_string_equal(s.why, "no answer from 10.0.0.5:4369");
    assert_int_equal(state_of(&s, "10.0.0.5"), STATUS_UNREACHABLE);
    universe_run(u, 8000); /* a suspect, whose replicas are made anew */
    assert_true(universe_until(u, is_whole, 60000));
    s = universe_status(u, 0);
    assert_true(s.health == STATUS_DEGRADED && s.may_lose == 1);
    assert_int_equal(state_of(&s, "10.0.0.5"), STATUS_SUSPECT);
}

/* Without a majority nothing is known: it must not read as if all were well, neither at once nor later. */
static void test_status_without_a_majority(void **state)
{
    struct universe *u = *state;
    start_all(u);
    assert_int_equal(cluster_may_leave(u->machine[0].cluster, NULL, 0), 0);
    for (unsigned i = 2; i < 5; i++)
        universe_kill(u, i);
    for (unsigned ms = 20; ms <= 20000; ms *= 10) {
        universe_run(u, ms);
        struct status_node s = universe_status(u, 0);
        char why[STATUS_TEXT_MAX];
        assert_true(s.health == STATUS_NO_QUORUM && !s.ready);
        assert_int_equal(cluster_may_leave(u->machine[0].cluster, why, sizeof why), E_AGAIN);
        assert_true(s.may_lose == -1 && s.partitions_incomplete == -1 && s.partitions_unavailable == -1);
        assert_int_equal(state_of(&s, "10.0.0.1"), STATUS_LIVE);
        assert_int_equal(state_of(&s, "10.0.0.2"), STATUS_LIVE);
        assert_int_equal(state_of(&s, "10.0.0.5"), STATUS_UNREACHABLE);
        assert_non_null(strstr(s.why, "no quorum: 2 of 5 seats answer, 3 are needed; no answer from 10.0.0.3:4369, "
                                      "10.0.0.4:4369, 10.0.0.5:4369"));
    }
    assert_true(universe_status(u, 0).probe); /* an orchestrator must not end those that hold what is left */
}

/* Two of five: the cluster has its majority, but some partitions have not, and their clients are told why they wait. */
static void test_status_of_partitions_without_a_majority(void **state)
{
    struct universe *u = *state;
    char why[256];
    start_all(u);
    assert_false(router_obstacle(cluster_router(u->machine[0].cluster), why, sizeof why));
    universe_kill(u, 3);
    universe_kill(u, 4);
    universe_run(u, 20);
    struct status_node s = universe_status(u, 0);
    assert_true(s.health == STATUS_DEGRADED && s.may_lose == 0);
    assert_in_range(s.partitions_unavailable, 1, s.partitions_incomplete);
    assert_true(router_obstacle(cluster_router(u->machine[0].cluster), why, sizeof why));
    assert_non_null(strstr(why, "of 64 partitions have no majority; no answer from 10.0.0.4:4369, 10.0.0.5:4369"));
}

/* A node that stands still keeps its connections: silence counts, too. */
static void test_status_of_a_pause(void **state)
{
    struct universe *u = *state;
    start_all(u);
    universe_pause(u, 4, true);
    universe_run(u, 3000);
    struct status_node s = universe_status(u, 0);
    assert_true(s.health == STATUS_DEGRADED && s.may_lose == 0);
    assert_int_equal(state_of(&s, "10.0.0.5"), STATUS_UNREACHABLE);
}

static void test_one_after_the_other_dies(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    universe_kill(u, 4);
    universe_run(u, 8000); /* until it is a suspect */
    assert_true(universe_until(u, is_whole, 60000));
    universe_kill(u, 3);
    universe_run(u, 2000);
    expect_all(u, 0, NULL);
    write_all(u, 1, NULL);
}

static bool has_five_members(struct universe *u)
{
    return universe_status(u, 0).member_count == 5;
}

static void test_restarts(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    universe_kill(u, 2);
    universe_run(u, 500);
    universe_start(u, 2);
    await_ready(u, 60000);
    expect_all(u, 2, NULL);
    /* The dead one may have led: who leads now gives its seat to another at once, and waits before it declares it dead.
     */
    assert_true(universe_until(u, has_five_members, 10000));
}

/* Restarting one node after the other, each when the last is ready again, loses nothing. */
static void test_rolls(void **state)
{
    struct universe *u = *state;
    start_all(u);
    uint64_t epoch = universe_status(u, 0).epoch;
    write_all(u, 0, NULL);
    for (unsigned i = 0; i < 5; i++) {
        universe_kill(u, i);
        universe_run(u, 300);
        universe_start(u, i);
        await_ready(u, 120000);
        expect_all(u, (i + 1) % 5, NULL);
    }
    assert_int_equal(universe_status(u, 0).epoch, epoch);
}

static void test_all_die(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    start_all(u);
    uint64_t epoch = universe_status(u, 0).epoch;
    write_all(u, 0, NULL);
    for (unsigned i = 0; i < 5; i++)
        universe_kill(u, i);
    universe_run(u, 100);
    start_all(u);
    assert_true(universe_status(u, 0).epoch > epoch);
    assert_int_equal(universe_get(u, 3, "key-0", &o), E_NOT_FOUND);
}

/* R-FRESH, R-REFORM: they must not form an empty cluster over the two that survived. */
static void test_three_die_and_return(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    char key[32];
    unsigned kept = 0;
    start_all(u);
    uint64_t epoch = universe_status(u, 0).epoch;
    write_all(u, 0, NULL);
    restart_first(u, 3, 500);
    await_ready(u, 120000);
    assert_true(universe_status(u, 0).epoch > epoch);
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        if (universe_get(u, i % 5, key, &o) == 0) {
            assert_string_equal(o.value, key);
            kept++;
        }
    }
    /* Of three of five replicas, the two who live hold at least one of nine partitions in ten. */
    assert_in_range(kept, KEYS * 7 / 10, KEYS);
    write_all(u, 2, NULL);
}

/* Whoever had asked it, and whoever would ask it, asks another that leads now, though its connections stand. And
 * whoever is still told that its time is over is not told that this was without effect. */
static void test_one_pauses(void **state)
{
    struct universe *u = *state;
    static struct client_op o[KEYS];
    char key[32];
    start_all(u);
    write_all(u, 0, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        client_op_put(u, &o[i], i % 5, key, key, OP_ALWAYS, i < KEYS / 2 ? 500 : 5000);
    }
    universe_pause(u, 2, true);
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 5 == 2)
            continue;
        client_op_wait(u, &o[i]);
        assert_true(o[i].err == 0 || (i < KEYS / 2 && o[i].err == E_UNKNOWN));
    }
    uint64_t began = u->now_ms;
    write_all(u, 4, NULL);
    write_all(u, 0, NULL);
    assert_in_range(u->now_ms - began, 0, 6000);
    universe_pause(u, 2, false);
    universe_run(u, 3000);
    expect_all(u, 2, NULL);
    await_ready(u, 60000);
}

static void test_two_pause(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    universe_pause(u, 3, true);
    universe_pause(u, 4, true);
    universe_run(u, 20000);
    universe_pause(u, 3, false);
    universe_pause(u, 4, false);
    universe_run(u, 3000);
    expect_all(u, 0, NULL);
    expect_all(u, 4, NULL);
    await_ready(u, 60000);
}

/* A host that sleeps for longer than T_lost, with all of them: nobody is dead for it. */
static void test_all_pause(void **state)
{
    struct universe *u = *state;
    uint64_t id[5];
    start_all(u);
    write_all(u, 0, NULL);
    for (unsigned i = 0; i < 5; i++) {
        id[i] = universe_status(u, i).id;
        universe_pause(u, i, true);
    }
    universe_run(u, 70000);
    for (unsigned i = 0; i < 5; i++)
        universe_pause(u, i, false);
    universe_run(u, 20000);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(universe_status(u, i).id, id[i]);
    expect_all(u, 1, NULL);
}

static void cut_off_two(struct universe *u, bool on)
{
    for (unsigned a = 0; a < 2; a++)
        for (unsigned b = 2; b < 5; b++)
            universe_cut(u, a, b, on);
}

/* A minority serves nothing but stale reads. The majority goes on with the partitions that have a majority there;
 * healed, all is one. */
static void test_cut(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    start_all(u);
    write_all(u, 0, NULL);
    cut_off_two(u, true);
    universe_run(u, 15000);
    assert_in_range(count_written(u, 3, NULL), KEYS * 5 / 10, KEYS * 9 / 10);
    assert_int_equal(count_written(u, 0, "minority"), 0);
    client_op_get(u, &o, 0, "key-1", false, 2000);
    client_op_wait(u, &o);
    assert_int_equal(o.err, E_TIMEOUT);
    cut_off_two(u, false);
    universe_run(u, 15000);
    expect_all(u, 0, NULL);
    await_ready(u, 60000);
    write_all(u, 1, NULL);
}

static void test_leaves(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    uint64_t began = u->now_ms;
    assert_int_equal(cluster_leave(u->machine[1].cluster), 0);
    while (!u->machine[1].ended && u->now_ms - began < 40000)
        universe_run(u, 10);
    assert_in_range(u->now_ms - began, 1, 29000);
    universe_kill(u, 1);
    expect_all(u, 0, NULL);
    assert_int_equal(universe_status(u, 0).member_count, 4);
    assert_int_equal(universe_status(u, 0).partitions_incomplete, 0);
    universe_start(u, 1);
    await_ready(u, 60000);
    expect_all(u, 1, NULL);
}

static void cut_off(struct universe *u, unsigned i, bool on)
{
    for (unsigned k = 0; k < 5; k++) {
        universe_cut(u, i, k, on);
        universe_cut(u, k, i, on);
    }
}

/* Nothing was heard for a moment as it was to leave: that is no reason to end with what only it holds. */
static void test_leaves_after_a_silence(void **state)
{
    struct universe *u = *state;
    u->config.replicas = 1;
    start_all(u);
    write_all(u, 0, NULL);
    cut_off(u, 1, true);
    universe_run(u, 3500);
    assert_int_equal(cluster_leave(u->machine[1].cluster), 0);
    universe_run(u, 500);
    cut_off(u, 1, false);
    for (unsigned ms = 0; !u->machine[1].ended && ms < 40000; ms += 10)
        universe_run(u, 10);
    universe_kill(u, 1);
    assert_int_equal(universe_status(u, 0).member_count, 4);
    expect_all(u, 0, NULL);
}

static bool all_have_ended(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster && !u->machine[i].ended)
            return false;
    return true;
}

/* Nobody stays who could take anything over: nobody waits. */
static void test_all_leave(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(cluster_leave(u->machine[i].cluster), 0);
        universe_run(u, 20);
    }
    assert_true(universe_until(u, all_have_ended, 500));
}

static void test_last_leaves(void **state)
{
    struct universe *u = *state;
    u->count = u->config.expected = 1;
    start_all(u);
    assert_int_equal(cluster_leave(u->machine[0].cluster), 0);
    assert_true(universe_until(u, all_have_ended, 500));
}

/* Without a majority nobody can take anything over, though another stays. */
static void test_one_leaves_without_majority(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned i = 2; i < 5; i++)
        universe_kill(u, i);
    assert_int_equal(cluster_leave(u->machine[0].cluster), 0);
    universe_run(u, 20);
    assert_non_null(strstr(universe_status(u, 0).why, "no quorum: 2 of 5 seats answer"));
    uint64_t began = u->now_ms;
    while (!u->machine[0].ended && u->now_ms - began < 40000)
        universe_run(u, 10);
    assert_in_range(u->now_ms - began, 0, 8000);
}

/* Two start late: they join what three have formed after T_lost. */
static void test_three_form(void **state)
{
    struct universe *u = *state;
    for (unsigned i = 0; i < 3; i++)
        universe_start(u, i);
    universe_run(u, 30000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(universe_status(u, i).state, STATUS_SEEKING);
    await_ready(u, 60000);
    universe_start(u, 3);
    universe_start(u, 4);
    await_ready(u, 30000);
    assert_int_equal(universe_status(u, 0).member_count, 5);
}

static void test_thirteen_start(void **state)
{
    struct universe *u = *state;
    u->count = 13;
    for (unsigned i = 0; i < 13; i++)
        universe_start(u, i);
    await_ready(u, 60000);
    assert_int_equal(universe_status(u, 7).member_count, 13);
    write_all(u, 12, NULL);
    expect_all(u, 3, NULL);
}

static unsigned node_of_member(struct universe *u, uint64_t id)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster && universe_status(u, i).id == id)
            return i;
    return UNIVERSE_MAX;
}

static unsigned leader_of_key(struct universe *u, const char *key)
{
    struct status_partition p;
    struct store_key k;
    const struct router *r = cluster_router(u->machine[0].cluster);
    struct client_op o;
    universe_get(u, 0, key, &o); /* whoever answers it leads */
    store_key_init(&k, router_hash_key(r), slice_make(NULL, 0), slice_str("bucket"), slice_str(key));
    cluster_partitions(u->machine[0].cluster, &p, store_partition(k.hash, ROUTER_PARTITIONS_MAX), 1);
    return node_of_member(u, p.leader);
}

/* R-RETRY: the leader ends at any moment between the proposal of a create and its answer. Whoever is told that somebody
 * else has the key, is told so truly; and whoever is told that it has it, has it. */
static void expect_one_truth(struct universe *u, const char *key, const struct client_op *o, unsigned through,
                             unsigned count)
{
    struct client_op now;
    unsigned won = 0;
    char own[32];
    int err = universe_get(u, through, key, &now);
    for (unsigned i = 0; i < count; i++) {
        snprintf(own, sizeof own, "client-%u", i);
        won += o[i].err == 0;
        assert_true(o[i].err == 0 || o[i].err == E_EXISTS || o[i].err == E_UNKNOWN || o[i].err == E_TIMEOUT);
        if (o[i].err == 0) {
            assert_int_equal(err, 0);
            assert_string_equal(now.value, own);
        } else if (o[i].err == E_EXISTS) {
            assert_string_not_equal(now.value, own);
        }
    }
    assert_in_range(won, 0, 1);
    if (!won) {
        print_message("%s: nobody was told that it won: %d %d %d %d, %d at %llu\n", key, o[0].err, o[1].err, o[2].err,
                      o[3].err, err, (unsigned long long)u->now_ms);
        show(u);
    }
}

static void test_leader_dies_under_creates(void **state)
{
    struct universe *u = *state;
    char key[32], value[32];
    struct client_op o[4];
    start_all(u);
    for (unsigned round = 0; round < 12; round++) {
        snprintf(key, sizeof key, "claim-%u", round);
        unsigned victim = leader_of_key(u, key), through = UNIVERSE_MAX, count = 0;
        assert_true(victim < UNIVERSE_MAX);
        for (unsigned i = 0; i < 5; i++) {
            if (i == victim)
                continue;
            snprintf(value, sizeof value, "client-%u", count);
            client_op_put(u, &o[count++], through = i, key, value, OP_CREATE, 20000);
        }
        universe_run(u, round % 6);
        universe_kill(u, victim);
        for (unsigned i = 0; i < count; i++)
            client_op_wait(u, &o[i]);
        expect_one_truth(u, key, o, through, count);
        universe_start(u, victim);
        await_ready(u, 120000);
    }
}

static uint64_t count_origins(struct universe *u)
{
    struct store_stats all = {0};
    uint64_t n = 0;
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster) {
            router_stats(cluster_router(u->machine[i].cluster), &all);
            n += all.origins;
        }
    return n;
}

static bool has_no_origins(struct universe *u)
{
    return count_origins(u) == 0;
}

/* R-RETRY: what is remembered of a node's writes does not outlive it by much. */
static void test_forgets_origins(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 4, NULL); /* through this one alone */
    assert_true(count_origins(u) > 0);
    universe_kill(u, 4);
    universe_run(u, 500);
    universe_start(u, 4);
    await_ready(u, 60000);
    assert_true(count_origins(u) > 0);
    assert_true(universe_until(u, has_no_origins, 120000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_of_a_death, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_without_a_majority, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_of_partitions_without_a_majority, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_of_a_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_after_the_other_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rolls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_die, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_die_and_return, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_pauses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves_after_a_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_leaves_without_majority, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leader_dies_under_creates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgets_origins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_form, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thirteen_start, setup, teardown),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
