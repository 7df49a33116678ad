/* SPDX-License-Identifier: Apache-2.0 */
/* Why a candidate is a member, or is none, as operators get to see it. */
#include "support.h"

#include "base/err.h"
#include "scenario.h"

#include <stdio.h>

static struct status_candidate judge(struct universe *u, unsigned i, const char *address)
{
    struct status_candidate c = {.why = ""};
    cluster_judge_candidate(cluster_at(u, i), address, 4369, &c);
    return c;
}

static void assert_judged(struct universe *u, unsigned i, const char *address, enum status_candidate_state state,
                          const char *part)
{
    const struct status_candidate c = judge(u, i, address);
    if (c.state != state || !strstr(c.why, part))
        fail_msg("node %u says of %s: %s, '%s'", i, address, status_candidate_state_text(c.state), c.why);
}

static void test_nobody_answers(void **state)
{
    struct universe *u = *state;
    universe_start(u, 0);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_NEW, "the first connection");
    universe_run(u, 3000);
    assert_true(cluster_seeks(cluster_at(u, 0)));
    assert_judged(u, 0, "10.0.0.1", STATUS_CANDIDATE_SELF, "");
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_SILENT, "refused");
    assert_judged(u, 0, "10.0.0.99", STATUS_CANDIDATE_NEW, "too many addresses");
}

static void test_before_it_knows_its_own_address(void **state)
{
    struct universe *u = *state;
    u->machine[0].placed_later = true;
    universe_start(u, 0);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_NEW, "does not know its own address yet");
    universe_place(u, 0);
    universe_run(u, 3000);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_SILENT, "refused");
}

static void test_too_few_to_form(void **state)
{
    struct universe *u = *state;
    universe_start(u, 0);
    universe_start(u, 1);
    universe_run(u, 5000);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_SEEKING, "in no cluster");
    assert_judged(u, 1, "10.0.0.1", STATUS_CANDIDATE_SEEKING, "in no cluster");
    assert_judged(u, 1, "10.0.0.2", STATUS_CANDIDATE_SELF, "");
}

static void test_members(void **state)
{
    struct universe *u = *state;
    start_all(u);
    assert_false(cluster_seeks(cluster_at(u, 0)));
    for (unsigned i = 1; i < 5; i++)
        assert_judged(u, 0, u->machine[i].address, STATUS_CANDIDATE_MEMBER, "member ");
    universe_kill(u, 4);
    universe_run(u, 3000);
    assert_judged(u, 0, "10.0.0.5", STATUS_CANDIDATE_SILENT, "refused; member ");
    for (unsigned i = 1; i < 4; i++)
        universe_kill(u, i);
    universe_run(u, 20000);
    assert_true(cluster_seeks(cluster_at(u, 0))); /* stranded */
    universe_start(u, 1);
    universe_run(u, 3000);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_SEEKING, "in no cluster");
    assert_judged(u, 1, "10.0.0.1", STATUS_CANDIDATE_STRANDED, "lost its majority");
}

/* Seen from both sides, and also where only one of them knows of the other. */
static void test_another_name(void **state)
{
    struct universe *u = *state;
    universe_start(u, 0);
    u->config.name = "other";
    universe_start(u, 1);
    universe_run(u, 5000);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_REFUSED, "cluster of another name (cluster-name)");
    assert_judged(u, 1, "10.0.0.1", STATUS_CANDIDATE_REFUSED, "cluster of another name (cluster-name)");
    u->count = 1;
    universe_start(u, 2); /* knows of the first alone, which does not know of it */
    universe_run(u, 3000);
    assert_judged(u, 2, "10.0.0.1", STATUS_CANDIDATE_REFUSED, "cluster of another name (cluster-name)");
    universe_kill(u, 0);
    u->config.name = "other";
    universe_start(u, 0);
    universe_run(u, 5000);
    assert_judged(u, 1, "10.0.0.1", STATUS_CANDIDATE_SEEKING, "in no cluster");
    u->count = 5;
}

static void test_another_address(void **state)
{
    struct universe *u = *state;
    const struct cluster_candidate list[] = {
        {"10.0.0.1", 4369}, {"10.0.0.2", 4369}, {UNIVERSE_ALIAS "1", 4369}, {UNIVERSE_ALIAS "2", 4369}};
    universe_start(u, 0);
    universe_start(u, 1);
    cluster_set_candidates(cluster_at(u, 0), list, 4, 4, true, true);
    universe_run(u, 3000);
    assert_judged(u, 0, UNIVERSE_ALIAS "2", STATUS_CANDIDATE_ALIAS, "the node that advertises 10.0.0.2 port 4369");
    assert_judged(u, 0, UNIVERSE_ALIAS "1", STATUS_CANDIDATE_SELF, "another address of it; it advertises 10.0.0.1");
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_SEEKING, "in no cluster");
}

/* A node that has another address than it advertises cannot be reached there. */
static void test_one_way(void **state)
{
    struct universe *u = *state;
    const struct cluster_candidate itself = {"10.0.0.2", 4369};
    universe_start(u, 1);
    cluster_set_candidates(cluster_at(u, 1), &itself, 1, 1, true, true);
    universe_run(u, 3000);
    u->advertise = "10.0.0.9";
    universe_start(u, 0);
    universe_run(u, 5000);
    assert_judged(u, 0, "10.0.0.2", STATUS_CANDIDATE_ONE_WAY, "can it reach 10.0.0.9 port 4369");
    u->advertise = NULL;
}

static void test_a_cluster_to_join(void **state)
{
    struct universe *u = *state;
    bool seen = false, waits = false;
    start_all(u);
    restart(u, 4);
    for (unsigned i = 0; i < 2000 && !universe_is_ready(u); i++) {
        universe_run(u, 10);
        const struct status_candidate there = judge(u, 4, "10.0.0.1"), here = judge(u, 0, "10.0.0.5");
        seen |= there.state == STATUS_CANDIDATE_OTHER && strstr(there.why, "which this node is to join");
        waits |= here.state == STATUS_CANDIDATE_WAITING;
    }
    assert_true(seen);
    assert_true(waits);
    assert_judged(u, 4, "10.0.0.1", STATUS_CANDIDATE_MEMBER, "");
}

static void test_places(void **state)
{
    struct universe *u = *state;
    char address[STATUS_ADDRESS_MAX];
    uint16_t port;
    size_t n = 0;
    universe_start(u, 0);
    for (; cluster_place(cluster_at(u, 0), n, address, &port); n++)
        assert_int_equal(port, 4369);
    assert_int_equal(n, 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_answers),  TEST(test_before_it_knows_its_own_address),
        TEST(test_too_few_to_form), TEST(test_members),
        TEST(test_another_name),    TEST(test_another_address),
        TEST(test_one_way),         TEST(test_a_cluster_to_join),
        TEST(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
