/* SPDX-License-Identifier: Apache-2.0 */
/* A node is killed: how long is a partition without a leader? Its connections end, so the voters know, and one of them
 * stands for election when their promises end (R-READ), not after a time-out by chance. In virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>

#define KILLS 20
/* Promises end an election time-out after the leader was heard last; then two rounds of votes, and the first entry. */
#define ELECT_MS  60
#define FOUND_OUT (u->config.times.election + ELECT_MS)

static bool all_are_led(struct universe *u)
{
    for (unsigned i = 0; i < 64; i++)
        if (leader_of(u, i) == UNIVERSE_MAX)
            return false;
    return true;
}

static uint64_t outage_ms(struct universe *u, unsigned one)
{
    uint64_t began = u->now_ms;
    universe_kill(u, one);
    while (!all_are_led(u) && u->now_ms - began < 10000)
        universe_run(u, 1);
    return u->now_ms - began;
}

static void test_a_killed_leader_is_soon_replaced(void **state)
{
    struct universe *u = *state;
    uint64_t longest = 0;
    start_all(u);
    for (unsigned i = 0; i < KILLS; i++) {
        universe_run(u, 137);
        uint64_t ms = outage_ms(u, i % 5);
        if (getenv("VERBOSE"))
            printf("kill %u: %llu ms\n", i, (unsigned long long)ms);
        longest = ms > longest ? ms : longest;
        universe_start(u, i % 5);
        await_ready(u, 60000);
    }
    assert_true(longest <= FOUND_OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_killed_leader_is_soon_replaced, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
