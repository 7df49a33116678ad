/* SPDX-License-Identifier: Apache-2.0 */
/* The node that leads the cluster is killed, and started again or replaced, over and over, each time as soon as the
 * newcomer is ready: newcomers lead soon after they joined. Under a load that writes all the time. In virtual time. */
#include "support.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

/* A dead leader is replaced after an election; its lease, and with it the cluster's patience, lasts longer. */
#define WAIT_MAX_MS 2000
/* The load writes so many keys, through each node that serves, so often. */
#define LOAD_KEYS 100
#define PERIOD_MS 250

struct load {
    struct client_op op[UNIVERSE_MAX][LOAD_KEYS];
    uint64_t began_ms[UNIVERSE_MAX][LOAD_KEYS]; /* 0: none is under way */
    uint64_t longest_ms;
};

static struct load load;

static bool is_served(const struct universe *u, unsigned i)
{
    return u->machine[i].cluster && readiness_is_settled(u->machine[i].cluster);
}

static void note(struct universe *u, unsigned i, unsigned key)
{
    uint64_t waited = u->now_ms - load.began_ms[i][key];
    if (waited > load.longest_ms)
        load.longest_ms = waited;
    if (load.op[i][key].done)
        load.began_ms[i][key] = 0;
}

static void write_some(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        for (unsigned key = 0; key < LOAD_KEYS; key++) {
            if (load.began_ms[i][key])
                note(u, i, key);
            if (load.began_ms[i][key] || !is_served(u, i) || (u->now_ms + key) % PERIOD_MS != 0)
                continue;
            load.began_ms[i][key] = u->now_ms;
            client_op_put(u, &load.op[i][key], i, key_of(key), "value", OP_ALWAYS, 10000);
        }
}

static void run_under_load(struct universe *u, uint64_t ms)
{
    for (uint64_t end = u->now_ms + ms; u->now_ms < end; universe_run(u, 1))
        write_some(u);
}

/* What it was asked is answered by nobody. */
static void kill_one(struct universe *u, unsigned i)
{
    universe_kill(u, i);
    memset(load.began_ms[i], 0, sizeof load.began_ms[i]);
}

static uint64_t until_ready(struct universe *u, unsigned i, uint64_t ms)
{
    uint64_t began = u->now_ms;
    while (!is_served(u, i) && u->now_ms - began < ms)
        run_under_load(u, 1);
    return u->now_ms - began;
}

static unsigned leader(struct universe *u)
{
    for (unsigned i = 0; i < 50 && meta_leader(u) == UNIVERSE_MAX; i++)
        run_under_load(u, 100);
    return meta_leader(u);
}

static void expect_no_wait(struct universe *u, unsigned round)
{
    if (load.longest_ms > WAIT_MAX_MS) {
        print_message("round %u: a write has waited for %llu ms\n", round, (unsigned long long)load.longest_ms);
        show(u);
    }
    assert_in_range(load.longest_ms, 0, WAIT_MAX_MS);
}

static bool all_leases_are_new(struct universe *u, uint64_t since_ms)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (cluster_at(u, i) && cluster_at(u, i)->lease.until_ms < since_ms + cluster_at(u, i)->times.lease)
            return false;
    return true;
}

/* R-LEASE: a newcomer that leads the cluster soon after it joined grants leases at once: leases were granted in this
 * epoch before. Else whoever joins next, and leads partitions by then, serves none of them for a lease's time. */
static void test_newcomer_leads_at_once(void **state)
{
    struct universe *u = *state;
    memset(&load, 0, sizeof load);
    start_all(u);
    write_all(u, 0, NULL);
    unsigned old = leader(u), newcomer = (old + 1) % 5;
    kill_one(u, newcomer);
    run_under_load(u, 300);
    universe_start(u, newcomer);
    assert_in_range(until_ready(u, newcomer, 30000), 0, 3000);
    struct cluster *c = cluster_at(u, old);
    assert_int_equal(group_transfer(c->meta.group, u->now_ms, cluster_at(u, newcomer)->meta.self), 0);
    kill_one(u, (old + 2) % 5); /* another is to come in the same time */
    run_under_load(u, 300);
    universe_start(u, (old + 2) % 5);
    run_under_load(u, 500);
    assert_int_equal(meta_leader(u), newcomer);
    uint64_t since = u->now_ms;
    while (!all_leases_are_new(u, since) && u->now_ms - since < 3000)
        run_under_load(u, 10);
    assert_in_range(u->now_ms - since, 0, 2999);
    expect_no_wait(u, 0);
}

/* R-SEATS: the seat of a member that is silent goes to a newcomer, though the member is not lost yet: nothing at its
 * old address proves that it is dead, and the newcomer is ready all the same. */
static void test_leader_is_replaced_at_another_address(void **state)
{
    struct universe *u = *state;
    memset(&load, 0, sizeof load);
    start_all(u);
    write_all(u, 0, NULL);
    for (unsigned newcomer = 5; newcomer < 7; newcomer++) {
        kill_one(u, leader(u));
        run_under_load(u, 300);
        universe_start(u, newcomer);
        assert_in_range(until_ready(u, newcomer, 80000), 0, 15000);
        expect_no_wait(u, newcomer);
    }
    assert_int_equal(universe_status(u, 6).member_count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newcomer_leads_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leader_is_replaced_at_another_address, setup, teardown),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
