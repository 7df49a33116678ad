/* SPDX-License-Identifier: Apache-2.0 */
/* R-READ: reads by lease, the voter's promise that they rest on, and elections that follow the end of a leader. The
 * tests whose names begin with a rule's fail where that rule is left out, as in test_traps.c. */
#include "base/err.h"
#include "consensus/rules.h"
#include "support.h"
#include "world.h"

#include <stdio.h>

/* How long a leader reads without an answer. */
#define LEASE_MS (ELECTION_MS - 2 * ELECTION_MS / RULES_DRIFT_PART - 2)

static unsigned bit(unsigned place)
{
    return 1u << place;
}

static struct group *group_at(const struct world *w, unsigned place)
{
    return w->replica[place].group;
}

static bool may_read(const struct world *w, unsigned place)
{
    return group_at(w, place) && group_may_read(group_at(w, place));
}

/* What all of this is for: nobody reads while another leads who may have acknowledged a write since. */
static void expect_latest(const struct world *w)
{
    for (unsigned i = 0; i < WORLD_MAX; i++)
        for (unsigned k = 0; may_read(w, i) && k < WORLD_MAX; k++)
            if (group_at(w, k) && group_leads(group_at(w, k)))
                assert_in_range(group_term(group_at(w, k)), 0, group_term(group_at(w, i)));
}

static void run_and_look(struct world *w, unsigned ms)
{
    for (; ms; ms--) {
        world_run(w, 1);
        expect_latest(w);
    }
}

/* A leader that reads, in place 0. (It is who gave leadership away that reads no more, in the term before.) */
static void lead_at_0(struct world *w, unsigned voters)
{
    world_form(w, voters, 0);
    world_transfer(w, 0);
    world_run(w, 2 * HEARTBEAT_MS);
    assert_true(may_read(w, 0));
}

/* --- the lease --- */

static void test_heartbeats_keep_a_lease(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    for (unsigned i = 0; i < 1000; i++) {
        world_run(w, 1);
        assert_true(may_read(w, 0));
        assert_false(may_read(w, 1) || may_read(w, 2));
    }
    world_split(w, bit(0), bit(1), true); /* one other is a majority with it */
    for (unsigned i = 0; i < 1000; i++) {
        world_run(w, 1);
        assert_true(may_read(w, 0));
    }
}

static void test_a_lease_ends_before_the_promise(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    while (w->now_ms % HEARTBEAT_MS != 1) /* the answers of a heartbeat have just come */
        world_run(w, 1);
    uint64_t sent_ms = w->now_ms - 1;
    world_split(w, bit(0), bit(1) | bit(2), true);
    while (may_read(w, 0))
        world_run(w, 1);
    assert_in_range(w->now_ms - sent_ms, LEASE_MS - HEARTBEAT_MS, LEASE_MS);
    assert_true(group_leads(group_at(w, 0)));
    assert_int_equal(world_leader(w), 0); /* nobody else is elected yet */
}

/* Each clock may be wrong by a part in RULES_DRIFT_PART, and is read in whole milliseconds. */
static void test_the_lease_is_shorter_than_the_promise_by_any_clocks(void **state)
{
    (void)state;
    for (unsigned election = 30; election <= 60000; election += election < 1000 ? 1 : 97) {
        double lease = (double)rules_lease_ms(election) + 1, promise = (double)election - 1, d = 1.0 / RULES_DRIFT_PART;
        assert_true(lease / (1 - d) < promise / (1 + d));
        assert_true(rules_lease_ms(election) >= election * 8 / 10);
    }
}

static void test_one_alone_reads(void **state)
{
    struct world *w = *state;
    world_form(w, 1, 0);
    world_run(w, 10);
    assert_true(may_read(w, 0));
    w->now_ms += 10 * ELECTION_MS;
    assert_true(may_read(w, 0));
}

/* The clock is looked at for each read: between the beginning of the turn and the read much may have happened. */
static void test_the_clock_of_the_moment_counts(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    w->replica[0].stands_ms = world_clock(w, 0);
    world_run(w, LEASE_MS);
    assert_false(may_read(w, 0));
}

/* Also while the answers to rounds alone come. */
static void test_rounds_renew_a_lease(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    world_split(w, bit(0), bit(1) | bit(2), true);
    uint64_t term = group_term(group_at(w, 0)), asked_ms = w->now_ms;
    assert_false(group_promise(group_at(w, 1), w->replica[0].id, term + 1));
    assert_false(group_promise(group_at(w, 1), w->replica[2].id, term));
    assert_true(group_promise(group_at(w, 1), w->replica[0].id, term));
    world_run(w, 10);
    group_hear_promise(group_at(w, 0), w->replica[1].id, term, asked_ms);
    group_hear_promise(group_at(w, 0), w->replica[2].id, term - 1, w->now_ms); /* of another term: nothing */
    while (may_read(w, 0))
        world_run(w, 1);
    assert_int_equal(w->now_ms - asked_ms, LEASE_MS);
}

static void test_a_voter_just_added_has_promised_nothing(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    world_split(w, bit(0), bit(1), true);
    world_run(w, ELECTION_MS);
    assert_true(may_read(w, 0));
    world_change(w, 0, GROUP_ADD_VOTER, w->next_id++);
    assert_false(may_read(w, 0)); /* two of four */
}

static void test_a_new_leader_reads_after_a_commit_of_its_own(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    world_crash(w, 0);
    while (world_leader(w) == WORLD_MAX)
        world_run(w, 1);
    for (unsigned i = 0; i < 2000; i++, world_run(w, 1)) {
        unsigned leader = world_leader(w);
        assert_true(!may_read(w, leader) || group_has_committed_own(group_at(w, leader)));
    }
    assert_true(may_read(w, world_leader(w)));
}

static void test_what_was_not_sent_is_not_answered(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    struct raft_msg m = {.kind = RAFT_MSG_APPEND_RESULT,
                         .source = w->replica[1].id,
                         .destination = w->replica[0].id,
                         .term = group_term(group_at(w, 0)),
                         .append_result = {.last_index = 1, .stamp_ms = w->now_ms + 1}};
    assert_int_equal(group_receive(group_at(w, 0), w->now_ms, &m), E_MALFORMED);
    m.append_result.stamp_ms = w->now_ms;
    assert_int_equal(group_receive(group_at(w, 0), w->now_ms, &m), 0);
}

/* --- without the voter's promise --- */

/* 2 does not hear the leader, and stands again and again; 1 hears both. */
static void test_READ_PROMISE_who_hears_a_leader_votes_for_nobody_else(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    uint64_t term = group_term(group_at(w, 0));
    world_split(w, bit(0), bit(2), true);
    run_and_look(w, 3000);
    assert_int_equal(group_term(group_at(w, 0)), term);
    assert_true(may_read(w, 0));
}

static bool votes_for(struct world *w, unsigned voter, unsigned candidate, uint64_t term)
{
    struct raft_msg m = {
        .kind = RAFT_MSG_VOTE, .source = w->replica[candidate].id, .destination = w->replica[voter].id, .term = term};
    m.vote.last_index = group_last_index(group_at(w, voter));
    m.vote.last_term = group_last_term(group_at(w, voter));
    assert_int_equal(group_receive(group_at(w, voter), world_turn_clock(w, voter), &m), 0);
    return group_term(group_at(w, voter)) == term; /* who votes enters the term */
}

/* It was stopped in the middle of a turn, and takes a message then that has just been sent. */
static void test_READ_PROMISE_it_counts_from_when_the_message_is_taken(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    struct replica *voter = &w->replica[1];
    uint64_t term = group_term(group_at(w, 0));
    world_split(w, bit(0) | bit(1), bit(2), true);
    voter->stands_ms = world_clock(w, 1);
    world_run(w, 2 * ELECTION_MS); /* what comes is taken by the clock of the turn's beginning */
    voter->stands_ms = 0;
    assert_false(votes_for(w, 1, 2, term + 1));
    world_split(w, bit(0), bit(1), true);
    assert_true(group_deadline_ms(voter->group) >
                w->now_ms + ELECTION_MS - HEARTBEAT_MS); /* it does not stand, either */
    w->now_ms += ELECTION_MS - HEARTBEAT_MS;
    assert_false(votes_for(w, 1, 2, term + 1));
    w->now_ms += HEARTBEAT_MS;
    assert_true(votes_for(w, 1, 2, term + 1));
}

/* A leader that was elected does not need its promise any more, so that it can be elected again. */
static void test_who_was_promised_may_have_the_vote(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    world_split(w, bit(0) | bit(1) | bit(2), 7, true);
    assert_false(votes_for(w, 1, 2, group_term(group_at(w, 1)) + 1));
    assert_true(votes_for(w, 1, 0, group_term(group_at(w, 1)) + 1));
}

static void test_who_may_have_the_vote(void **state)
{
    const struct rules_promise p = {.leader = 1, .term = 5, .until_ms = 1000};
    struct raft_msg m = {.kind = RAFT_MSG_VOTE, .source = 2, .destination = 3, .term = 6};
    (void)state;
    assert_false(rules_may_vote(&p, 999, &m));
    assert_true(rules_may_vote(&p, 1000, &m));
    m.vote.disrupt_leader = true;
    assert_true(rules_may_vote(&p, 999, &m)); /* its leader, of term 5, has said so */
    m.vote.pre_vote = true;
    assert_false(rules_may_vote(&p, 999, &m));
    m.vote.pre_vote = false;
    m.term = 7; /* a leader of term 6 has: it was elected, so that of term 5 reads no more */
    assert_true(rules_may_vote(&p, 999, &m));
    m.term = 5; /* one of term 4 has, but another was elected in term 5 */
    assert_false(rules_may_vote(&p, 999, &m));
    m.vote.disrupt_leader = false;
    m.source = 1;
    assert_true(rules_may_vote(&p, 999, &m));
}

/* --- counted from the answer --- */

/* The leader stood still; the answers to what it sent before lie in its sockets, and it takes them first. */
static void test_READ_SENT_an_answer_is_as_old_as_its_question(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    world_split(w, bit(0), bit(1) | bit(2), true);
    struct raft_msg late = {.kind = RAFT_MSG_APPEND_RESULT,
                            .source = w->replica[1].id,
                            .destination = w->replica[0].id,
                            .term = group_term(group_at(w, 0)),
                            .append_result = {.last_index = group_last_index(group_at(w, 0)), .stamp_ms = w->now_ms}};
    w->replica[0].stands_ms = world_clock(w, 0);
    for (unsigned i = 0; i < 3 * ELECTION_MS && world_leader(w) == 0; i++)
        world_run(w, 1);
    assert_int_not_equal(world_leader(w), 0);
    assert_int_equal(group_receive(group_at(w, 0), world_turn_clock(w, 0), &late), 0);
    expect_latest(w);
    w->replica[0].stands_ms = 0;
    assert_int_equal(group_receive(group_at(w, 0), world_turn_clock(w, 0), &late), 0);
    expect_latest(w);
    assert_true(group_leads(group_at(w, 0))); /* it has not heard of the other yet */
}

/* --- kept over a transfer --- */

/* The heir is elected by the third. What it says to who led before does not arrive. */
static void test_READ_TRANSFER_who_hands_over_reads_no_more(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    w->cut[1][0] = true;
    assert_int_equal(group_transfer(group_at(w, 0), w->now_ms, w->replica[1].id), 0);
    assert_false(may_read(w, 0));
    w->cut[2][0] = true;
    run_and_look(w, 2 * ELECTION_MS);
    assert_int_equal(world_leader(w), 1);
}

/* The word of the leader is on its way for so long that the leader gives up, and goes on. */
static void test_READ_TRANSFER_it_reads_no_more_in_that_term(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    uint64_t term = group_term(group_at(w, 0));
    world_split(w, bit(0), bit(1), true);
    assert_int_equal(group_transfer(group_at(w, 0), w->now_ms, w->replica[1].id), 0);
    for (unsigned i = 0; i < 3 * ELECTION_MS; i++) {
        world_run(w, 1);
        assert_false(may_read(w, 0));
    }
    assert_true(group_leads(group_at(w, 0)) && !group_is_transferring(group_at(w, 0)));
    assert_int_equal(group_term(group_at(w, 0)), term);
    world_mend(w);
    assert_int_equal(group_transfer(group_at(w, 0), w->now_ms, 4711), E_NOT_FOUND);
    world_transfer(w, 2);
    world_run(w, 2 * HEARTBEAT_MS);
    assert_true(may_read(w, 2));
}

/* Nothing was said to anybody. */
static void test_a_transfer_to_nobody_changes_nothing(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    assert_int_equal(group_transfer(group_at(w, 0), w->now_ms, 4711), E_NOT_FOUND);
    assert_true(may_read(w, 0));
}

/* Of what that place has sent and nobody has taken yet. */
static bool asks_by_order(const struct world *w, unsigned from, uint64_t term)
{
    for (const struct message *m = w->network; m; m = m->next) {
        struct raft_msg msg;
        assert_int_equal(raft_msg_decode(slice_make(m->bytes, m->len), &msg), 0);
        if (m->from == from && msg.kind == RAFT_MSG_VOTE && msg.vote.disrupt_leader && msg.term == term)
            return true;
    }
    return false;
}

/* Who was told to stand and was not elected stands again by chance, in a term in which another may lead. */
static void test_READ_TRANSFER_an_order_is_for_one_term(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    uint64_t term = group_term(group_at(w, 0));
    struct raft_msg now = {.kind = RAFT_MSG_TIMEOUT_NOW,
                           .source = w->replica[0].id,
                           .destination = w->replica[1].id,
                           .term = term,
                           .timeout_now = {group_last_index(group_at(w, 0)), group_last_term(group_at(w, 0))}};
    w->late = 100;
    assert_int_equal(group_receive(group_at(w, 1), w->now_ms, &now), 0);
    assert_int_equal(group_term(group_at(w, 1)), term + 1);
    assert_true(asks_by_order(w, 1, term + 1));
    w->replica[0].stands_ms = world_clock(w, 0);
    w->replica[2].stands_ms = world_clock(w, 2);
    world_split(w, bit(1), bit(0) | bit(2), true);
    world_run(w, 50);
    w->cut[1][0] = w->cut[1][2] = false;
    for (unsigned i = 0; i < 3 * ELECTION_MS && group_term(group_at(w, 1)) == term + 1; i++) {
        w->now_ms++;
        group_tick(group_at(w, 1), w->now_ms);
    }
    assert_int_equal(group_term(group_at(w, 1)), term + 2);
    assert_false(asks_by_order(w, 1, term + 2));
}

/* --- a leader that is gone --- */

static void tell_gone(struct world *w, uint64_t id)
{
    for (unsigned i = 0; i < WORLD_MAX; i++)
        if (group_at(w, i))
            group_leader_is_gone(group_at(w, i), world_turn_clock(w, i), id);
}

static void test_a_leader_that_is_gone_is_replaced_when_promises_end(void **state)
{
    struct world *w = *state;
    world_form(w, 5, 0);
    for (unsigned round = 0; round < 3; round++) {
        unsigned old = world_lead(w);
        uint64_t id = w->replica[old].id, began_ms = w->now_ms;
        world_crash(w, old);
        tell_gone(w, id);
        tell_gone(w, id); /* by two, or twice: the same */
        while (world_leader(w) == WORLD_MAX)
            world_run(w, 1);
        assert_in_range(w->now_ms - began_ms, ELECTION_MS - HEARTBEAT_MS - 10, ELECTION_MS + 60);
        world_add_voter(w, old);
    }
}

/* Two of the three that are left hear of it late, or never. */
static void test_one_who_knows_is_enough(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned old = world_lead(w), one = (old + 1) % 3;
    uint64_t began_ms = w->now_ms;
    world_crash(w, old);
    group_leader_is_gone(group_at(w, one), w->now_ms, w->replica[old].id);
    while (world_leader(w) == WORLD_MAX)
        world_run(w, 1);
    assert_int_equal(world_leader(w), one);
    assert_in_range(w->now_ms - began_ms, ELECTION_MS - HEARTBEAT_MS - 10, ELECTION_MS + 60);
}

static void test_a_leader_that_lives_is_not_replaced(void **state)
{
    struct world *w = *state;
    lead_at_0(w, 3);
    uint64_t term = group_term(group_at(w, 0));
    for (unsigned i = 0; i < 20; i++) {
        tell_gone(w, w->replica[0].id);
        run_and_look(w, HEARTBEAT_MS);
    }
    assert_int_equal(group_term(group_at(w, 0)), term);
    assert_true(may_read(w, 0));
}

/* Nobody can be elected: terms do not grow for it, and when enough are there again, one is. */
static void test_without_a_majority_haste_ends(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned old = world_lead(w), one = (old + 1) % 3, other = (old + 2) % 3;
    uint64_t term = group_term(group_at(w, one)), id = w->replica[old].id;
    world_crash(w, old);
    world_split(w, bit(one), bit(other), true);
    tell_gone(w, id);
    world_run(w, 2 * ELECTION_MS + 400);
    uint64_t ticks = w->replica[one].ticks;
    world_run(w, 5000);
    assert_in_range(w->replica[one].ticks - ticks, 5, 5000 / ELECTION_MS + 1);
    assert_int_equal(group_term(group_at(w, one)), term); /* nobody promised a vote */
    world_mend(w);
    world_lead(w);
}

/* --- all together --- */

/* Clocks that run as wrong as they may, turns that stand still, cuts one way, transfers, wrong news of ends. */
static void disturb(struct world *w)
{
    unsigned i = (unsigned)rng_below(&w->rng, 5), k = (unsigned)rng_below(&w->rng, 5), leader = world_leader(w);
    switch (rng_below(&w->rng, 8)) {
    case 0:
        w->cut[i][k] = i != k;
        break;
    case 1:
        world_split(w, bit(i), 31u & ~bit(i), true);
        break;
    case 2:
        w->replica[i].stands_ms = world_clock(w, i);
        break;
    case 3:
        if (leader < WORLD_MAX && !w->replica[leader].stands_ms)
            group_transfer(group_at(w, leader), world_turn_clock(w, leader), w->replica[i].id);
        break;
    case 4:
        tell_gone(w, w->replica[i].id);
        break;
    case 5:
        w->replica[i].stands_ms = 0;
        break;
    default:
        world_mend(w);
    }
    if (leader < WORLD_MAX)
        world_put(w, leader, (unsigned)rng_below(&w->rng, 1000));
}

static void live(uint64_t seed)
{
    struct world w;
    unsigned reads = 0;
    world_init(&w, seed);
    for (unsigned i = 0; i < 5; i++)
        w.replica[i].drift = (int)rng_below(&w.rng, 41) - 20;
    w.late = 20;
    world_form(&w, 5, 0);
    for (unsigned i = 0; i < 200; i++) {
        run_and_look(&w, (unsigned)rng_below(&w.rng, 60) + 1);
        disturb(&w);
        for (unsigned k = 0; k < 5; k++)
            reads += may_read(&w, k);
    }
    assert_int_equal(w.violations, 0);
    assert_true(reads > 20);
    world_fini(&w);
}

static void test_READ_PROMISE_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        live(seed);
}

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_heartbeats_keep_a_lease),
        CASE(test_a_lease_ends_before_the_promise),
        cmocka_unit_test(test_the_lease_is_shorter_than_the_promise_by_any_clocks),
        CASE(test_one_alone_reads),
        CASE(test_the_clock_of_the_moment_counts),
        CASE(test_rounds_renew_a_lease),
        CASE(test_a_voter_just_added_has_promised_nothing),
        CASE(test_a_new_leader_reads_after_a_commit_of_its_own),
        CASE(test_what_was_not_sent_is_not_answered),
        CASE(test_READ_PROMISE_who_hears_a_leader_votes_for_nobody_else),
        CASE(test_READ_PROMISE_it_counts_from_when_the_message_is_taken),
        CASE(test_who_was_promised_may_have_the_vote),
        cmocka_unit_test(test_who_may_have_the_vote),
        CASE(test_READ_SENT_an_answer_is_as_old_as_its_question),
        CASE(test_READ_TRANSFER_who_hands_over_reads_no_more),
        CASE(test_READ_TRANSFER_it_reads_no_more_in_that_term),
        CASE(test_a_transfer_to_nobody_changes_nothing),
        CASE(test_READ_TRANSFER_an_order_is_for_one_term),
        CASE(test_a_leader_that_is_gone_is_replaced_when_promises_end),
        CASE(test_one_who_knows_is_enough),
        CASE(test_a_leader_that_lives_is_not_replaced),
        CASE(test_without_a_majority_haste_ends),
        cmocka_unit_test(test_READ_PROMISE_lives),
    };
    char filter[32];
    if (argc > 1) {
        snprintf(filter, sizeof filter, "test_%s_*", argv[1]);
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
