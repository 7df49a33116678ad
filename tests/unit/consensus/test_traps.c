/* SPDX-License-Identifier: Apache-2.0 */
/* The library's traps, one test for each rule of the adapter that keeps clear of one. Each fails where its rule is left
 * out: the build makes a second program for every rule, without that rule, and CTest expects it to fail (CMakeLists.txt
 * beside this file). Called with the number of a rule, the program runs that rule's test alone. */
#include "base/err.h"
#include "consensus/rules.h"
#include "support.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned bit(unsigned place)
{
    return 1u << place;
}

/* --- 1: who forgot everything is a stranger --- */

/* Five writes are on a and b. b forgets them, a dies: what c does not have is lost to everybody if b votes again. */
static bool writes_are_replaced(struct world *w, bool same_id)
{
    world_form(w, 3, 0);
    unsigned a = world_lead(w), b = (a + 1) % 3, c = (a + 2) % 3;
    uint64_t ids[3] = {w->replica[0].id, w->replica[1].id, w->replica[2].id};
    world_split(w, bit(a) | bit(b), bit(c), true);
    for (unsigned i = 0; i < 5; i++)
        world_put(w, a, i);
    world_run(w, 20);
    assert_true(world_has(w, a, 4)); /* acknowledged */
    world_crash(w, b);
    world_crash(w, a);
    world_mend(w);
    if (same_id) {
        struct group_birth again = {.voters = ids, .voter_count = 3};
        world_start(w, b, ids[b], &again, 0);
    } else {
        world_join(w, b);
    }
    world_run(w, 5000);
    return world_leader(w) < WORLD_MAX && !world_has(w, world_leader(w), 4);
}

static void test_1_amnesia_with_a_new_id(void **state)
{
    assert_false(writes_are_replaced(*state, false));
}

/* Why the rule is: this is what it prevents. */
static void test_1_amnesia_with_the_same_id(void **state)
{
    assert_true(writes_are_replaced(*state, true));
}

/* --- 2: for whom a message is --- */

static void test_2_a_message_for_another_is_dropped(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w), f = (leader + 1) % 3;
    uint64_t term = group_term(w->replica[f].group);
    /* Meant for who was in this place before. */
    struct raft_msg m = {
        .kind = RAFT_MSG_APPEND, .source = w->replica[leader].id, .destination = 4711, .term = term + 5};
    assert_int_equal(group_receive(w->replica[f].group, w->now_ms, &m), 0);
    assert_int_equal(group_term(w->replica[f].group), term);
}

/* --- 3: the single-server bug (Ongaro 2015) --- */

/* {0,4} have a change to five that {1,2,3} do not know. If their leader may remove 0 without having committed anything
 * of its own term, two of four commit there and three of five here. */
static void test_3_no_change_before_a_commit_of_its_own(void **state)
{
    struct world *w = *state;
    world_form(w, 4, 0);
    world_transfer(w, 0);
    uint64_t id = world_join(w, 4);
    world_change(w, 0, GROUP_ADD_SPARE, id);
    world_run(w, 100);
    assert_int_equal(group_catch_up(w->replica[0].group, w->now_ms, id), 0);
    world_run(w, 100);
    world_split(w, bit(0) | bit(4), bit(1) | bit(2) | bit(3), true);
    world_change(w, 0, GROUP_PROMOTE_VOTER, id);
    world_run(w, 30);
    world_run(w, 2000);
    unsigned a = world_leader(w);
    assert_true(a >= 1 && a <= 3);
    unsigned b = a == 1 ? 2 : 1, c = 6 - a - b;
    world_split(w, bit(a) | bit(b), bit(c), true);
    group_change(w->replica[a].group, w->now_ms, GROUP_REMOVE, w->replica[0].id);
    world_run(w, 30);
    for (unsigned i = 0; i < 3; i++)
        world_put(w, a, 100 + i);
    world_run(w, 30);
    world_mend(w);
    world_split(w, bit(a) | bit(b), bit(0) | bit(c) | bit(4), true);
    for (unsigned i = 0; i < 500; i++) {
        const unsigned others[] = {0, c, 4};
        world_run(w, 10);
        for (unsigned k = 0; k < 3; k++)
            world_put(w, others[k], 200 + i % 3); /* whoever leads takes it */
    }
    assert_int_equal(w->violations, 0);
}

/* --- 4: a change in the middle of a message --- */

static void test_4_a_change_behind_other_entries(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w), f = (leader + 1) % 3;
    world_split(w, bit(f), 7u & ~bit(f), true);
    world_run(w, 1000);
    for (unsigned i = 0; i < 3; i++)
        world_put(w, leader, i);
    world_change(w, leader, GROUP_ADD_SPARE, 4711);
    world_put(w, leader, 3);
    world_run(w, 20);
    world_mend(w); /* f is sent all of it in one message */
    world_run(w, 1000);
    world_transfer(w, f);
    assert_int_equal(group_change(w->replica[f].group, w->now_ms, GROUP_REMOVE, 4711), 0);
}

/* --- 5: duplicates --- */

static void feed_numbers(struct world *w, unsigned place, uint64_t source, uint64_t prev, uint64_t prev_term)
{
    struct buf b;
    unsigned number = 1;
    struct raft_msg_entry e = {2, ENTRY_COMMAND, slice_make(&number, sizeof number)};
    struct raft_msg m = {.kind = RAFT_MSG_APPEND,
                         .source = source,
                         .destination = w->replica[place].id,
                         .term = 2,
                         .append = {.prev_index = prev, .prev_term = prev_term, .commit = 20, .count = 4}};
    buf_init(&b, 1000);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(raft_msg_put_entry(&b, &e), 0);
    m.append.entries = buf_slice(&b);
    assert_int_equal(group_receive(w->replica[place].group, w->now_ms, &m), 0);
    buf_fini(&b);
}

static void test_5_the_commit_index_never_goes_back(void **state)
{
    struct world *w = *state;
    world_form(w, 2, 1);
    uint64_t source = w->replica[0].id;
    feed_numbers(w, 1, source, 1, 1);
    feed_numbers(w, 1, source, 5, 2);
    assert_int_equal(group_commit_index(w->replica[1].group), 9);
    feed_numbers(w, 1, source, 1, 1);
    assert_int_equal(group_commit_index(w->replica[1].group), 9);
    feed_numbers(w, 1, source, 3, 2); /* and one that overlaps */
    assert_int_equal(group_commit_index(w->replica[1].group), 9);
    assert_int_equal(group_applied_index(w->replica[1].group), 9);
}

/* --- 6: one copy at a time --- */

static void test_6_one_copy_under_way(void **state)
{
    struct world *w = *state;
    w->log_max = 1024;
    w->copy_ms = UINT64_MAX;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    for (unsigned i = 0; i < 500; i++)
        world_put(w, leader, i);
    world_run(w, 100);
    uint64_t id = world_join(w, 3);
    world_change(w, leader, GROUP_ADD_SPARE, id);
    world_run(w, 20);
    assert_int_equal(group_catch_up(w->replica[leader].group, w->now_ms, id), 0);
    world_run(w, 5000);
    assert_int_equal(w->replica[leader].copies_wanted, 1);
    group_copy_ended(w->replica[leader].group, id); /* it failed: it is wanted again */
    world_run(w, 1000);
    assert_int_equal(w->replica[leader].copies_wanted, 2);
}

/* --- 7: a spare that cannot catch up --- */

static void test_7_an_aborted_spare_is_removed(void **state)
{
    struct world *w = *state;
    struct group_member m[GROUP_MEMBERS_MAX];
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    world_change(w, leader, GROUP_ADD_SPARE, 4711);
    world_run(w, 100);
    assert_int_equal(group_catch_up(w->replica[leader].group, w->now_ms, 4711), 0);
    world_run(w, 700000); /* it takes the library that long to give up on a copy */
    assert_int_equal(group_members(w->replica[leader].group, m), 3);
    uint64_t before = w->replica[leader].ticks;
    world_run(w, 1000);
    assert_true(w->replica[leader].ticks - before <= 1000 / HEARTBEAT_MS + 1);
}

/* Nor does it take so long where it is known that the spare is gone. */
static void test_7_a_catching_up_that_is_given_up(void **state)
{
    struct world *w = *state;
    struct group_member m[GROUP_MEMBERS_MAX];
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    world_change(w, leader, GROUP_ADD_SPARE, 4711);
    world_run(w, 100);
    assert_int_equal(group_catch_up(w->replica[leader].group, w->now_ms, 4711), 0);
    world_run(w, 1000);
    assert_int_equal(group_change(w->replica[leader].group, w->now_ms, GROUP_REMOVE, 4711), E_AGAIN);
    group_catch_up_abort(w->replica[leader].group, 4711);
    world_run(w, 1000);
    assert_int_equal(group_members(w->replica[leader].group, m), 3);
    world_put(w, leader, 1);
    world_run(w, 10);
    assert_true(world_has(w, leader, 1));
}

/* --- 8: time --- */

static bool dies(void (*f)(struct world *w), struct world *w)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka would take it for a failure of its own */
        fclose(stderr);
        f(w);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void go_back(struct world *w)
{
    struct raft_msg m = {.kind = RAFT_MSG_VOTE, .source = 4711, .destination = w->replica[0].id, .term = 1};
    group_receive(w->replica[0].group, w->now_ms - 500, &m);
}

static void test_8_time_that_goes_back_is_a_bug(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    world_lead(w);
    assert_true(dies(go_back, w));
}

/* --- 9: reads --- */

static void answer(struct world *w, unsigned leader, uint64_t term, uint64_t round)
{
    for (unsigned i = 0; i < WORLD_MAX; i++) {
        struct replica *r = &w->replica[i];
        if (r->group && i != leader && !w->cut[leader][i] && !w->cut[i][leader] &&
            group_promise(r->group, w->replica[leader].id, term))
            read_index_heard(&w->replica[leader].reads, w->replica[leader].group, r->id, term, round);
    }
}

/* True: a read that begins now is answered by that replica. */
static bool read_is_answered(struct world *w, unsigned place)
{
    struct replica *r = &w->replica[place];
    uint64_t term, round, index;
    if (read_index_ask(&r->reads, r->group, &term, &round, &index))
        return false;
    if (read_index_send(&r->reads, r->group))
        answer(w, place, r->reads.term, r->reads.sent);
    return r->reads.confirmed >= round && group_term(r->group) == term && group_applied_index(r->group) >= index;
}

static void test_9_a_leader_that_was_replaced_answers_no_read(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned old = world_lead(w);
    assert_true(read_is_answered(w, old));
    world_split(w, bit(old), 7u & ~bit(old), true);
    for (unsigned i = 0; i < 3 * ELECTION_MS && (world_leader(w) == old || world_leader(w) == WORLD_MAX); i++) {
        world_run(w, 1);
        if (group_leads(w->replica[old].group))
            assert_false(read_is_answered(w, old)); /* somebody else may have been elected a moment ago */
    }
    unsigned now = world_lead(w);
    assert_int_not_equal(now, old);
    assert_true(read_is_answered(w, now));
    assert_false(read_is_answered(w, old));
}

/* The new leader has an entry that was answered, and does not know yet that it is committed. */
static void test_9_a_new_leader_waits_for_a_commit_of_its_own(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned old = world_lead(w), heir = (old + 1) % 3, third = (old + 2) % 3;
    world_split(w, bit(third), bit(old) | bit(heir), true);
    world_put(w, old, 7);
    world_run(w, 1);
    assert_true(world_has(w, old, 7)); /* answered; the heir has it in its log, uncommitted */
    assert_false(world_has(w, heir, 7));
    world_crash(w, old);
    world_mend(w);
    while (!group_leads(w->replica[heir].group)) {
        world_run(w, 1);
        if (group_leads(w->replica[heir].group) && !group_has_committed_own(w->replica[heir].group))
            assert_false(read_is_answered(w, heir));
    }
    world_lead(w);
    assert_true(read_is_answered(w, heir) && world_has(w, heir, 7));
}

static void test_9_one_alone_answers_at_once(void **state)
{
    struct world *w = *state;
    world_form(w, 1, 0);
    assert_true(read_is_answered(w, 0));
}

/* --- 10: what no replica says --- */

static void expect_malformed(struct world *w, struct raft_msg m)
{
    struct group *g = w->replica[1].group;
    uint64_t term = group_term(g);
    m.source = m.source ? m.source : w->replica[0].id;
    m.destination = w->replica[1].id;
    assert_int_equal(group_receive(g, w->now_ms, &m), E_MALFORMED);
    assert_int_equal(group_term(g), term);
}

static struct raft_msg append_of(struct buf *b, uint64_t term, uint8_t type, struct slice data)
{
    struct raft_msg_entry e = {term, type, data};
    buf_consume(b, buf_len(b));
    assert_int_equal(raft_msg_put_entry(b, &e), 0);
    return (struct raft_msg){.kind = RAFT_MSG_APPEND,
                             .term = 5,
                             .append = {.prev_index = 1, .prev_term = 1, .count = 1, .entries = buf_slice(b)}};
}

static void expect_malformed_entries(struct world *w)
{
    static const uint8_t endless[17] = {1, 200}, unknown_format[17] = {9, 1},
                         nameless[17] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 7};
    /* Two members with one id; one with the address of another. */
    static const uint8_t twice[] = {1, 2,   0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0,   0, 0, 0,
                                    0, '7', 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, '7', 0, 1};
    static const uint8_t other[] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, '8', 0, 1};
    struct buf b;
    buf_init(&b, 1000);
    expect_malformed(w, append_of(&b, 5, ENTRY_CHANGE, slice_make(twice, sizeof twice)));
    expect_malformed(w, append_of(&b, 5, ENTRY_CHANGE, slice_make(other, sizeof other)));
    expect_malformed(w, append_of(&b, 0, ENTRY_COMMAND, slice_str("x")));
    expect_malformed(w, append_of(&b, 6, ENTRY_COMMAND, slice_str("x")));
    expect_malformed(w, append_of(&b, 5, 0, slice_str("x")));
    expect_malformed(w, append_of(&b, 5, 4, slice_str("x")));
    expect_malformed(w, append_of(&b, 5, ENTRY_CHANGE, slice_str("")));
    expect_malformed(w, append_of(&b, 5, ENTRY_CHANGE, slice_make(endless, sizeof endless)));
    expect_malformed(w, append_of(&b, 5, ENTRY_CHANGE, slice_make(unknown_format, sizeof unknown_format)));
    expect_malformed(w, append_of(&b, 5, ENTRY_CHANGE, slice_make(nameless, sizeof nameless)));
    struct raft_msg m = append_of(&b, 5, ENTRY_COMMAND, slice_str("x"));
    struct raft_msg_entry older = {3, ENTRY_COMMAND, slice_str("y")};
    assert_int_equal(raft_msg_put_entry(&b, &older), 0);
    m.append.entries = buf_slice(&b);
    m.append.count = 2;
    expect_malformed(w, m);
    buf_fini(&b);
}

static void test_10_messages_are_validated(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    uint64_t far = UINT64_C(1) << 63;
#define SAY(k, ...) expect_malformed(w, (struct raft_msg){.kind = k, __VA_ARGS__})
    SAY(RAFT_MSG_APPEND, .term = 2, .append = {.prev_index = 5, .prev_term = 0});
    SAY(RAFT_MSG_APPEND, .term = 2, .append = {.prev_index = 0, .prev_term = 7});
    SAY(RAFT_MSG_APPEND, .term = 2, .append = {.prev_index = 1, .prev_term = 9});
    SAY(RAFT_MSG_APPEND, .term = 9, .append = {.prev_index = 1, .prev_term = 9}); /* another entry 1 than ours */
    SAY(RAFT_MSG_APPEND, .term = 9, .append = {.prev_index = far + 1, .prev_term = 9});
    SAY(RAFT_MSG_APPEND, .term = far, .append = {.prev_index = 1, .prev_term = 1});
    SAY(RAFT_MSG_APPEND, .term = 2, .source = w->replica[1].id, .append = {.prev_index = 1, .prev_term = 1});
    SAY(RAFT_MSG_VOTE, .term = 2, .vote = {.last_index = 3});
    SAY(RAFT_MSG_VOTE, .term = 2, .vote = {.last_index = 3, .last_term = 3});
    SAY(RAFT_MSG_VOTE_RESULT, .term = 100, .vote_result = {.pre_vote = true, .granted = true});
    SAY(RAFT_MSG_INSTALL, .term = 2, .install = {.last_index = 0, .last_term = 1, .configuration_index = 1});
    static const uint8_t alone[] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, '7', 0, 1};
    SAY(RAFT_MSG_INSTALL, .term = 2, .install = {UINT64_MAX, 1, 1, slice_make(alone, sizeof alone)});
    SAY(RAFT_MSG_INSTALL, .term = 2, .install = {.last_index = 9, .last_term = 0, .configuration_index = 1});
    SAY(RAFT_MSG_INSTALL, .term = 2, .install = {.last_index = 9, .last_term = 1, .configuration_index = 10});
    SAY(RAFT_MSG_INSTALL, .term = 2, .install = {.last_index = 9, .last_term = 1, .configuration_index = 1});
    SAY(RAFT_MSG_TIMEOUT_NOW, .term = 2, .timeout_now = {.last_index = 0, .last_term = 1});
    SAY(RAFT_MSG_COMMIT, .term = 2, .commit = {.index = 3, .term = 0});
    SAY(RAFT_MSG_COMMIT, .term = 2, .commit = {.index = 0, .term = 1});
    SAY(RAFT_MSG_COMMIT, .term = 2, .commit = {.index = 3, .term = 3});
    SAY((enum raft_msg_kind)77, .term = 2);
    expect_malformed_entries(w);
    /* A second leader of the term in which this one leads. */
    world_transfer(w, 1);
    uint64_t term = group_term(w->replica[1].group);
    SAY(RAFT_MSG_APPEND, .term = term, .append = {.prev_index = 1, .prev_term = 1});
    /* A rejection that ends behind what it rejects. */
    SAY(RAFT_MSG_APPEND_RESULT, .term = term, .append_result = {.rejected = 3, .last_index = 3});
    /* And all goes on. */
    world_put(w, world_lead(w), 3);
    world_run(w, 200);
    world_expect_equal(w);
}

/* A rejection that is older than what is known to agree is no news. */
static void test_10_late_rejections_are_dropped(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w), f = (leader + 1) % 3;
    for (unsigned i = 0; i < 20; i++)
        world_put(w, leader, i);
    world_run(w, 200);
    uint64_t match = group_match_index(w->replica[leader].group, w->replica[f].id);
    struct raft_msg m = {.kind = RAFT_MSG_APPEND_RESULT,
                         .source = w->replica[f].id,
                         .destination = w->replica[leader].id,
                         .term = group_term(w->replica[leader].group),
                         .append_result = {.rejected = match + 1, .last_index = 2}};
    assert_int_equal(group_receive(w->replica[leader].group, w->now_ms, &m), 0);
    world_put(w, leader, 30);
    world_run(w, 200);
    world_expect_equal(w);
}

/* --- 19: what the library leaves unset --- */

/* A leader of an earlier term is told of the later one, and nothing that is only what lay in memory. */
static void test_19_old_leaders_are_told_the_term_alone(void **state)
{
    struct world *w = *state;
    struct raft_msg answer;
    world_form(w, 3, 0);
    unsigned old = world_lead(w), next = (old + 1) % 3, f = (old + 2) % 3;
    uint64_t term = group_term(w->replica[old].group);
    world_transfer(w, next);
    world_run(w, 200);
    struct raft_msg m = {.kind = RAFT_MSG_APPEND,
                         .source = w->replica[old].id,
                         .destination = w->replica[f].id,
                         .term = term,
                         .append = {.prev_index = 1, .prev_term = 1}};
    assert_int_equal(group_receive(w->replica[f].group, w->now_ms, &m), 0);
    struct message *last = w->network;
    while (last->next)
        last = last->next;
    assert_int_equal(raft_msg_decode(slice_make(last->bytes, last->len), &answer), 0);
    assert_int_equal(answer.kind, RAFT_MSG_APPEND_RESULT);
    assert_int_equal(answer.destination, w->replica[old].id);
    assert_true(answer.term > term);
    assert_int_equal(answer.append_result.rejected, 1);
    assert_int_equal(answer.append_result.last_index, 0);
}

/* --- 12: seats that nobody sits on --- */

static void test_12_phantom_voters(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 2);
    unsigned leader = world_lead(w);
    world_put(w, leader, 1);
    world_run(w, 100);
    world_expect_equal(w);
    /* One is taken over: removed, then the new one is added as a voter at once. */
    uint64_t phantom = w->replica[0].id + 4, id = world_join(w, 3);
    world_change(w, leader, GROUP_REMOVE, phantom);
    world_run(w, 100);
    world_change(w, leader, GROUP_ADD_VOTER, id);
    world_run(w, 1000);
    assert_true(world_has(w, 3, 1));
    /* Four run of five voters: one may go. */
    world_crash(w, leader);
    world_put(w, world_lead(w), 2);
    world_run(w, 200);
    assert_true(world_has(w, 3, 2));
    world_expect_equal(w);
}

/* --- 13: the leader's cadence --- */

static void test_13_a_write_after_idling_does_not_wait(void **state)
{
    struct world *w = *state;
    uint64_t slowest = 0;
    world_form(w, 3, 2);
    unsigned leader = world_lead(w);
    for (unsigned i = 0; i < 100; i++) {
        world_run(w, 7 + rng_below(&w->rng, 90));
        uint64_t since = w->now_ms;
        world_put(w, leader, i);
        while (!world_has(w, leader, i))
            world_run(w, 1);
        slowest = w->now_ms - since > slowest ? w->now_ms - since : slowest;
    }
    assert_true(slowest <= 2);
    uint64_t before = w->replica[leader].ticks;
    world_run(w, 10000);
    assert_true(w->replica[leader].ticks - before <= 10000 / HEARTBEAT_MS + 1);
}

/* --- 14: nobody there --- */

static void test_14_nothing_is_encoded_for_nobody(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 2);
    unsigned leader = world_lead(w);
    for (unsigned i = 0; i < 1000; i++)
        world_put(w, leader, i);
    world_run(w, 1000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(w->replica[i].unreachable_ends, 0);
}

/* --- 15: the order of members --- */

static void test_15_one_change_in_the_order_that_is(void **state)
{
    (void)state;
    struct group_member is[] = {{1, GROUP_VOTER}, {2, GROUP_VOTER}, {3, GROUP_SPARE}};
    struct group_member swapped[] = {{2, GROUP_VOTER}, {1, GROUP_VOTER}, {3, GROUP_SPARE}};
    struct group_member replaced[] = {{1, GROUP_VOTER}, {4, GROUP_VOTER}, {3, GROUP_SPARE}};
    struct group_member promoted[] = {{1, GROUP_VOTER}, {2, GROUP_VOTER}, {3, GROUP_VOTER}};
    struct group_member two[] = {{1, GROUP_STANDBY}, {2, GROUP_VOTER}, {3, GROUP_VOTER}};
    struct group_member longer[] = {{1, GROUP_VOTER}, {2, GROUP_VOTER}, {3, GROUP_SPARE}, {4, GROUP_SPARE}};
    struct group_member in_front[] = {{4, GROUP_SPARE}, {1, GROUP_VOTER}, {2, GROUP_VOTER}, {3, GROUP_SPARE}};
    struct group_member both[] = {{1, GROUP_VOTER}, {2, GROUP_VOTER}, {3, GROUP_VOTER}, {4, GROUP_SPARE}};
    struct group_member shorter[] = {{1, GROUP_VOTER}, {3, GROUP_SPARE}};
    struct group_member shorter_swapped[] = {{3, GROUP_SPARE}, {1, GROUP_VOTER}};
    assert_false(rules_is_one_change(is, 3, is, 3));
    assert_false(rules_is_one_change(is, 3, swapped, 3));
    assert_false(rules_is_one_change(is, 3, replaced, 3));
    assert_true(rules_is_one_change(is, 3, promoted, 3));
    assert_false(rules_is_one_change(is, 3, two, 3));
    assert_true(rules_is_one_change(is, 3, longer, 4));
    assert_false(rules_is_one_change(is, 3, in_front, 4));
    assert_false(rules_is_one_change(is, 3, both, 4));
    assert_true(rules_is_one_change(is, 3, shorter, 2));
    assert_false(rules_is_one_change(is, 3, shorter_swapped, 2));
    assert_false(rules_is_one_change(is, 3, is, 1));
}

static void test_15_changes_keep_the_order(void **state)
{
    struct world *w = *state;
    struct group_member before[GROUP_MEMBERS_MAX], after[GROUP_MEMBERS_MAX];
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    unsigned n = group_members(w->replica[leader].group, before);
    world_change(w, leader, GROUP_ADD_STANDBY, 1); /* a lower id than all others */
    unsigned m = group_members(w->replica[leader].group, after);
    assert_int_equal(m, n + 1);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(after[i].id, before[i].id);
    assert_int_equal(after[n].id, 1);
}

/* --- 16: the last voter --- */

static void test_16_the_last_voter_is_the_leader(void **state)
{
    struct world *w = *state;
    world_form(w, 2, 0);
    unsigned leader = world_lead(w), other = 1 - leader;
    struct group *g = w->replica[leader].group;
    assert_int_equal(group_change(g, w->now_ms, GROUP_REMOVE, w->replica[leader].id), E_INVALID);
    world_change(w, leader, GROUP_REMOVE, w->replica[other].id);
    world_run(w, 100);
    assert_int_equal(group_change(g, w->now_ms, GROUP_REMOVE, w->replica[leader].id), E_INVALID); /* no voter at all */
    world_put(w, leader, 1);
    world_run(w, 10);
    assert_true(world_has(w, leader, 1));
}

/* --- 17: a group built over what a survivor holds --- */

static void test_17_a_rebuilt_group_gives_its_state(void **state)
{
    struct world *w = *state;
    uint64_t id = w->next_id++;
    struct group_birth birth = {.voters = &id, .voter_count = 1, .index = 2, .term = 1};
    world_start(w, 0, id, &birth, 1000);
    world_put(w, 0, 1000);
    world_run(w, 100);
    world_add_voter(w, 1);
    assert_int_equal(w->replica[1].numbers, 1001);
    world_expect_equal(w);
}

static void test_changes_that_may_not_be(void **state)
{
    (void)state;
    struct group_member is[GROUP_MEMBERS_MAX] = {{1, GROUP_VOTER}, {2, GROUP_VOTER}, {3, GROUP_SPARE}};
    struct group_member out[GROUP_MEMBERS_MAX];
    unsigned n;
    assert_int_equal(rules_change(is, 3, GROUP_ADD_SPARE, 0, 1, out, &n), E_INVALID);
    assert_int_equal(rules_change(is, 3, GROUP_ADD_VOTER, 2, 1, out, &n), E_INVALID);
    assert_int_equal(rules_change(is, 3, GROUP_PROMOTE_VOTER, 2, 1, out, &n), E_INVALID);
    assert_int_equal(rules_change(is, 3, GROUP_PROMOTE_STANDBY, 2, 1, out, &n), E_INVALID);
    assert_int_equal(rules_change(is, 3, GROUP_PROMOTE_VOTER, 9, 1, out, &n), E_INVALID);
    assert_int_equal(rules_change(is, 3, GROUP_REMOVE, 9, 1, out, &n), E_INVALID);
    assert_int_equal(rules_change(is, 3, GROUP_PROMOTE_STANDBY, 3, 1, out, &n), 0);
    assert_int_equal(out[2].role, GROUP_STANDBY);
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
        is[i] = (struct group_member){i + 1, GROUP_VOTER};
    assert_int_equal(rules_change(is, GROUP_MEMBERS_MAX, GROUP_ADD_SPARE, 1000, 1, out, &n), E_INVALID);
}

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_1_amnesia_with_a_new_id),
        CASE(test_1_amnesia_with_the_same_id),
        CASE(test_2_a_message_for_another_is_dropped),
        CASE(test_3_no_change_before_a_commit_of_its_own),
        CASE(test_4_a_change_behind_other_entries),
        CASE(test_5_the_commit_index_never_goes_back),
        CASE(test_6_one_copy_under_way),
        CASE(test_7_an_aborted_spare_is_removed),
        CASE(test_7_a_catching_up_that_is_given_up),
        CASE(test_8_time_that_goes_back_is_a_bug),
        CASE(test_9_a_leader_that_was_replaced_answers_no_read),
        CASE(test_9_a_new_leader_waits_for_a_commit_of_its_own),
        CASE(test_9_one_alone_answers_at_once),
        CASE(test_10_messages_are_validated),
        CASE(test_10_late_rejections_are_dropped),
        CASE(test_19_old_leaders_are_told_the_term_alone),
        CASE(test_12_phantom_voters),
        CASE(test_13_a_write_after_idling_does_not_wait),
        CASE(test_14_nothing_is_encoded_for_nobody),
        CASE(test_15_one_change_in_the_order_that_is),
        CASE(test_15_changes_keep_the_order),
        CASE(test_16_the_last_voter_is_the_leader),
        CASE(test_17_a_rebuilt_group_gives_its_state),
        CASE(test_changes_that_may_not_be),
    };
    char filter[32];
    if (argc > 1) {
        snprintf(filter, sizeof filter, "test_%s_*", argv[1]);
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
