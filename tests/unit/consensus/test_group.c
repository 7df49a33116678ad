/* SPDX-License-Identifier: Apache-2.0 */
/* A group in good times and in bad, without its traps: those are in test_traps.c. */
#include "base/err.h"
#include "support.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static void test_one_leads_at_once(void **state)
{
    struct world *w = *state;
    world_form(w, 1, 0);
    assert_true(group_leads(w->replica[0].group));
    uint64_t index = world_put(w, 0, 7);
    assert_int_not_equal(index, 0);
    assert_false(world_has(w, 0, 7)); /* not before the turn's end */
    group_flush(w->replica[0].group, w->now_ms);
    assert_true(world_has(w, 0, 7));
    assert_int_equal(group_applied_index(w->replica[0].group), index);
}

/* Three, of which one is to lead first. */
static void form_led(struct world *w, unsigned place)
{
    uint64_t ids[3];
    for (unsigned i = 0; i < 3; i++)
        ids[i] = w->next_id++;
    for (unsigned i = 0; i < 3; i++) {
        struct group_birth birth = {.voters = ids, .voter_count = 3, .leads_first = i == place};
        world_start(w, i, ids[i], &birth, 0);
    }
}

static void test_one_leads_first(void **state)
{
    struct world *w = *state;
    form_led(w, 1);
    world_run(w, 120);
    assert_true(group_leads(w->replica[1].group));
    assert_int_equal(group_term(w->replica[1].group), 2);
    /* Its patience is a leader's usual one from then on. */
    world_run(w, 20 * ELECTION_MS);
    assert_int_equal(group_term(w->replica[1].group), 2);
    w->cut[0][1] = w->cut[2][1] = true;
    world_run(w, ELECTION_MS / 2);
    assert_true(group_leads(w->replica[1].group));
    world_run(w, 2 * ELECTION_MS);
    assert_false(group_leads(w->replica[1].group));
}

/* The others are not there yet, and do not hear it: then as usual. */
static void test_one_that_leads_first_is_not_waited_for(void **state)
{
    struct world *w = *state;
    form_led(w, 1);
    for (unsigned i = 0; i < 3; i++)
        w->cut[1][i] = w->cut[i][1] = true;
    world_run(w, 200);
    for (unsigned i = 0; i < 3; i++)
        w->cut[1][i] = w->cut[i][1] = false;
    world_run(w, 3 * ELECTION_MS);
    unsigned leads = 0;
    for (unsigned i = 0; i < 3; i++)
        leads += group_leads(w->replica[i].group);
    assert_int_equal(leads, 1);
}

static void test_three_agree(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_not_equal(world_put(w, leader, i), 0);
    world_run(w, 2 * HEARTBEAT_MS);
    assert_int_equal(w->replica[(leader + 1) % 3].numbers, 1000);
    world_expect_equal(w);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(group_leader(w->replica[i].group), w->replica[leader].id);
        assert_int_equal(w->replica[i].leader, w->replica[leader].id); /* and was told so */
    }
}

/* Reads of a follower's state would see what was before for a whole heartbeat. */
static void test_followers_know_in_milliseconds_what_is_committed(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    for (unsigned i = 0; i < 20; i++) {
        world_put(w, leader, i);
        world_run(w, 7);
        for (unsigned place = 0; place < 3; place++)
            assert_true(world_has(w, place, i));
    }
}

/* What is said with the next entries needs no message of its own; nor does what was said. */
static void test_what_is_committed_is_told_once(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    struct replica *r = &w->replica[leader];
    world_run(w, HEARTBEAT_MS - w->now_ms % HEARTBEAT_MS + 1);
    uint64_t bytes = r->bytes_sent;
    world_put(w, leader, 1);
    group_flush(r->group, w->now_ms); /* ... and before the answers ... */
    world_put(w, leader, 2);
    world_run(w, 5);
    size_t head = 25, entries = 36, entry = RAFT_MSG_ENTRY_HEAD + sizeof(unsigned), commit = 16;
    assert_int_equal(r->bytes_sent - bytes, 2 * (2 * (head + entries + entry) + head + commit));
    bytes = r->bytes_sent;
    world_run(w, HEARTBEAT_MS / 2);
    assert_int_equal(r->bytes_sent, bytes);
}

static void test_what_somebody_knows_to_be_committed_counts_without_a_leader(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w), a = (leader + 1) % 3, b = (leader + 2) % 3;
    world_split(w, 1u << b, 1u << a | 1u << leader, true);
    uint64_t index = world_put(w, leader, 5);
    world_run(w, 1);
    assert_true(world_has(w, leader, 5));
    uint64_t term = group_applied_term(w->replica[leader].group);
    world_crash(w, leader);
    struct replica *r = &w->replica[a];
    assert_int_equal(group_last_index(r->group), index);
    assert_false(world_has(w, a, 5));
    group_learn_commit(r->group, w->now_ms, index, term + 1); /* another's entry */
    group_learn_commit(r->group, w->now_ms, index + 1, term); /* one that is not here */
    assert_false(world_has(w, a, 5));
    group_learn_commit(r->group, w->now_ms, index, term);
    assert_true(world_has(w, a, 5));
    group_learn_commit(w->replica[b].group, w->now_ms, index, term); /* which has never seen it */
    assert_false(world_has(w, b, 5));
    world_mend(w);
    world_lead(w);
    world_expect_equal(w);
}

static void test_followers_refuse(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned follower = (world_lead(w) + 1) % 3;
    uint64_t index;
    assert_int_equal(group_propose(w->replica[follower].group, blob_create(4), &index), E_CLOSED);
    assert_int_equal(group_change(w->replica[follower].group, w->now_ms, GROUP_ADD_SPARE, 9), E_CLOSED);
    assert_int_equal(group_catch_up(w->replica[follower].group, w->now_ms, 9), E_CLOSED);
    assert_int_equal(group_transfer(w->replica[follower].group, w->now_ms, 9), E_CLOSED);
}

static void test_a_leader_that_is_gone_is_replaced(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned first = world_lead(w);
    world_put(w, first, 1);
    world_run(w, 1);
    world_crash(w, first);
    uint64_t since = w->now_ms;
    while (world_leader(w) == WORLD_MAX)
        world_run(w, 10);
    assert_true(w->now_ms - since <= 4 * ELECTION_MS);
    unsigned second = world_lead(w);
    assert_true(world_has(w, second, 1));
    world_put(w, second, 2);
    world_run(w, 100);
    world_expect_equal(w);
}

static void test_without_a_majority_nothing_is_committed(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    world_crash(w, (leader + 1) % 3);
    world_crash(w, (leader + 2) % 3);
    world_put(w, leader, 5);
    world_run(w, 3000);
    assert_false(world_has(w, leader, 5));
    assert_int_equal(world_leader(w), WORLD_MAX); /* and it knows */
}

static void test_leadership_is_handed_over(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w), other = (leader + 1) % 3;
    uint64_t term = group_term(w->replica[leader].group);
    assert_int_equal(group_transfer(w->replica[leader].group, w->now_ms, 4711), E_NOT_FOUND);
    assert_int_equal(group_transfer(w->replica[leader].group, w->now_ms, w->replica[other].id), 0);
    assert_true(group_is_transferring(w->replica[leader].group));
    assert_int_equal(world_put(w, leader, 1), 0); /* refused: certainly not proposed */
    world_run(w, 5);
    assert_true(group_leads(w->replica[other].group));
    assert_int_equal(group_term(w->replica[other].group), term + 1);
}

/* Behind the log's beginning only a copy of the state helps. */
static void test_a_newcomer_gets_a_copy_then_the_log(void **state)
{
    struct world *w = *state;
    w->log_max = 4096;
    w->copy_ms = 200;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    for (unsigned i = 0; i < 2000; i++) {
        world_put(w, leader, i);
        if (i % 50 == 0)
            world_run(w, 1);
    }
    world_run(w, 100);
    assert_true(group_log_bytes(w->replica[leader].group) <= 4096);
    world_add_voter(w, 3);
    assert_true(w->replica[leader].copies_wanted >= 1);
    for (unsigned i = 2000; i < 2100; i++)
        world_put(w, world_lead(w), i);
    world_run(w, 200);
    assert_int_equal(w->replica[3].numbers, 2100);
    world_expect_equal(w);
}

/* Writes go on while the copy is made, and what is written after its end waits in the log for the newcomer. */
static void test_a_copy_under_writes(void **state)
{
    struct world *w = *state;
    unsigned number = 0;
    w->log_max = 2048;
    w->copy_ms = 300;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    for (; number < 1000; number++)
        world_put(w, leader, number);
    world_run(w, 100);
    uint64_t id = world_join(w, 3);
    world_change(w, leader, GROUP_ADD_SPARE, id);
    world_run(w, 10);
    assert_int_equal(group_catch_up(w->replica[leader].group, w->now_ms, id), 0);
    for (unsigned i = 0; i < 3000 && group_catch_up_status(w->replica[leader].group, id) == GROUP_CATCH_UP_RUNNING;
         i++) {
        world_put(w, leader, number++ % NUMBERS_MAX);
        world_run(w, 1);
    }
    assert_int_equal(group_catch_up_status(w->replica[leader].group, id), GROUP_CATCH_UP_FINISHED);
    world_change(w, leader, GROUP_PROMOTE_VOTER, id);
    world_run(w, 200);
    world_expect_equal(w);
}

static void test_a_large_entry_goes_alone(void **state)
{
    struct world *w = *state;
    world_form(w, 2, 0);
    unsigned leader = world_lead(w), other = 1 - leader;
    w->cut[other][leader] = true; /* never committed: the state machine here takes nothing but numbers */
    uint64_t before = w->replica[leader].bytes_sent, index;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(group_propose(w->replica[leader].group, blob_create(100000), &index), 0);
    group_flush(w->replica[leader].group, w->now_ms);
    assert_true(w->replica[leader].bytes_sent - before >= 300000);
    unsigned messages = 0;
    for (struct message *m = w->network; m; m = m->next) {
        assert_true(m->len < 100100); /* one entry each, or the first of all would wait behind the last */
        messages += m->len >= 100000;
    }
    assert_int_equal(messages, 3);
}

/* Who has no vote never stands for election: it forgets a leader that is silent all the same. */
static void test_a_standby_forgets_a_silent_leader(void **state)
{
    struct world *w = *state;
    world_form(w, 3, 0);
    unsigned leader = world_lead(w);
    uint64_t id = world_join(w, 3);
    world_change(w, leader, GROUP_ADD_STANDBY, id);
    world_run(w, 1000);
    assert_int_equal(group_leader(w->replica[3].group), w->replica[leader].id);
    for (unsigned i = 0; i < 3; i++)
        world_crash(w, i);
    world_run(w, 3 * ELECTION_MS);
    assert_int_equal(group_leader(w->replica[3].group), 0);
}

static void test_bad_arguments(void **state)
{
    struct world *w = *state;
    struct group_config c = {.self = 1, .election_ms = 300, .heartbeat_ms = 100, .log_max = 1000};
    struct group_birth birth = {0};
    struct group *g = NULL;
    static const struct group_hooks none = {0};
    uint64_t id = 1;
    c.self = 0;
    assert_int_equal(group_create(&c, &birth, &none, NULL, w->now_ms, &g), E_INVALID);
    c.self = 1;
    c.heartbeat_ms = 101;
    assert_int_equal(group_create(&c, &birth, &none, NULL, w->now_ms, &g), E_INVALID);
    c.heartbeat_ms = 100;
    birth = (struct group_birth){.voters = &id, .voter_count = 1, .index = 1, .term = 1}; /* rule 17 */
    assert_int_equal(group_create(&c, &birth, &none, NULL, w->now_ms, &g), E_INVALID);
}

/* --- chance --- */

struct churn {
    struct world *w;
    unsigned next;
    bool acknowledged[NUMBERS_MAX];
};

static void write_some(struct churn *c)
{
    unsigned leader = world_leader(c->w);
    for (unsigned i = 0; leader < WORLD_MAX && i < 3 && c->next < NUMBERS_MAX; i++)
        world_put(c->w, leader, c->next++);
    world_run(c->w, 1 + rng_below(&c->w->rng, 20));
    for (unsigned n = 0; leader < WORLD_MAX && c->w->replica[leader].group && n < c->next; n++)
        c->acknowledged[n] |= c->w->replica[leader].has[n]; /* it would have answered */
}

static void write_for(struct churn *c, uint64_t ms)
{
    for (uint64_t end = c->w->now_ms + ms; c->w->now_ms < end;)
        write_some(c);
}

/* A change of the members that another leader overrules has never been. */
static void test_a_change_that_is_overruled(void **state)
{
    struct world *w = *state;
    struct group_member m[GROUP_MEMBERS_MAX];
    world_form(w, 3, 0);
    unsigned leader = world_lead(w), other = (leader + 1) % 3;
    struct group *g = w->replica[leader].group;
    world_split(w, 1u << leader, 7u & ~(1u << leader), true);
    world_change(w, leader, GROUP_REMOVE, w->replica[other].id);
    assert_int_equal(group_members(g, m), 2);
    assert_int_equal(group_members_committed(g, m), 3);
    world_run(w, 3000);
    world_mend(w);
    world_lead(w);
    assert_int_equal(group_members(g, m), 3);
    assert_int_equal(group_members_committed(g, m), 3);
    leader = world_leader(w);
    world_change(w, leader, GROUP_REMOVE, w->replica[(leader + 1) % 3].id);
    world_run(w, 500);
    assert_int_equal(group_members_committed(w->replica[leader].group, m), 2);
}

/* A replica dies and another takes its place, under a new id. */
static void replace(struct churn *c, unsigned place)
{
    struct world *w = c->w;
    uint64_t old = w->replica[place].id;
    world_crash(w, place);
    write_for(c, 1000);
    for (unsigned i = 0; i < 2000; i++) {
        unsigned leader = world_leader(w);
        int err = leader < WORLD_MAX ? group_change(w->replica[leader].group, w->now_ms, GROUP_REMOVE, old) : E_AGAIN;
        if (err == 0 || err == E_INVALID)
            break;
        world_run(w, 10);
    }
    world_add_voter(w, place);
}

static void disturb(struct churn *c)
{
    struct world *w = c->w;
    unsigned place = (unsigned)rng_below(&w->rng, 3);
    w->lose = rng_below(&w->rng, 2) ? 5 : 0;
    w->twice = w->late = rng_below(&w->rng, 2) ? 20 : 0;
    write_for(c, 300);
    if (rng_below(&w->rng, 2)) {
        world_split(w, 1u << place, 7u & ~(1u << place), true);
        write_for(c, 200 + rng_below(&w->rng, 1500));
        world_mend(w);
        write_for(c, 300);
    } else {
        w->lose = 0;
        write_for(c, 700);
        replace(c, place);
    }
}

/* SEED=N in the environment runs one of them again, SEEDS=N the first N. */
static void churn(uint64_t seed)
{
    struct world *w = malloc(sizeof *w);
    struct churn *c = calloc(1, sizeof *c);
    assert_true(w && c);
    printf("seed %llu\n", (unsigned long long)seed);
    world_init(w, seed);
    w->log_max = 2048;
    w->copy_ms = 30;
    c->w = w;
    world_form(w, 3, 0);
    for (unsigned i = 0; i < 12; i++)
        disturb(c);
    w->lose = w->twice = w->late = 0;
    world_lead(w);
    world_run(w, 2000);
    if (w->violations)
        fail_msg("SEED=%llu: %u entries applied, %u of them differ", (unsigned long long)seed, w->applied,
                 w->violations);
    world_expect_equal(w);
    for (unsigned i = 0; i < c->next; i++)
        if (c->acknowledged[i])
            assert_true(world_has(w, 0, i));
    world_fini(w);
    free(w);
    free(c);
}

static void test_churn(void **state)
{
    const char *seed = getenv("SEED"), *count = getenv("SEEDS");
    uint64_t seeds = count ? strtoull(count, NULL, 10) : 200;
    (void)state;
    if (seed) {
        churn(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t s = 1; s <= seeds; s++)
        churn(s);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_one_leads_at_once),
        CASE(test_one_leads_first),
        CASE(test_one_that_leads_first_is_not_waited_for),
        CASE(test_three_agree),
        CASE(test_followers_refuse),
        CASE(test_a_leader_that_is_gone_is_replaced),
        CASE(test_without_a_majority_nothing_is_committed),
        CASE(test_leadership_is_handed_over),
        CASE(test_a_newcomer_gets_a_copy_then_the_log),
        CASE(test_a_copy_under_writes),
        CASE(test_a_large_entry_goes_alone),
        CASE(test_a_standby_forgets_a_silent_leader),
        CASE(test_a_change_that_is_overruled),
        CASE(test_bad_arguments),
        CASE(test_followers_know_in_milliseconds_what_is_committed),
        CASE(test_what_is_committed_is_told_once),
        CASE(test_what_somebody_knows_to_be_committed_counts_without_a_leader),
        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
