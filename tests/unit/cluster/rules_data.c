/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what is held: copies, losing, building anew, forming again, readiness, memory. */
#include "support.h"

#include "rules.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>

/* --- R-COPY --- */

#define COPIED     400
#define VALUE_SIZE 4000

static void big_value(char out[VALUE_SIZE], unsigned n)
{
    memset(out, 'x', VALUE_SIZE - 1);
    out[VALUE_SIZE - 1] = '\0';
    out[snprintf(out, VALUE_SIZE, "%u", n)] = '.';
}

/* Some of the numbers whose keys lie in that partition. */
static void find_keys(struct universe *u, unsigned partition, unsigned out[COPIED])
{
    for (unsigned i = 0, n = 0; n < COPIED; i++)
        if (partition_of(u, 0, key_of(i)) == partition)
            out[n++] = i;
}

static bool is_copied_now(struct universe *u, unsigned partition)
{
    for (unsigned i = 0; i < 5; i++)
        if (cluster_at(u, i) && cluster_at(u, i)->partitions.at[partition].copy_out)
            return true;
    return false;
}

/* What that node itself holds of a key of partition 0 begins with this. */
static void expect_held(struct universe *u, unsigned node, const char *key, const char *value)
{
    struct cluster *c = cluster_at(u, node);
    const struct partition *p = &c->partitions.at[0];
    struct store_key k;
    struct object o;
    struct object_cursor cursor = {0};
    struct object_sibling s;
    store_key_init(&k, router_hash_key(cluster_router(c)), slice_make(NULL, 0), slice_str("bucket"), slice_str(key));
    assert_int_equal(store_get(p->store, &k, partition_now_ms(p), &o), 0);
    assert_true(object_next(&o, &cursor, &s));
    assert_true(s.value.len >= strlen(value));
    assert_memory_equal(s.value.data, value, strlen(value));
}

static void expect_equal_replicas(struct universe *u, const unsigned key[COPIED])
{
    struct client_op o;
    for (unsigned i = 0; i < COPIED; i++) {
        assert_int_equal(universe_get(u, 0, key_of(key[i]), &o), 0);
        for (unsigned node = 0; node < 5; node++)
            if (cluster_at(u, node)->partitions.at[0].whole)
                expect_held(u, node, key_of(key[i]), o.value);
    }
}

/* Returns who begins anew: one that holds partition 0, and does not lead it. */
static unsigned begin_copying(struct universe *u, unsigned key[COPIED], unsigned *leader)
{
    char value[VALUE_SIZE];
    unsigned victim = 0;
    start_all(u);
    find_keys(u, 0, key);
    for (unsigned i = 0; i < COPIED; i++) {
        big_value(value, i);
        assert_int_equal(universe_put(u, 0, key_of(key[i]), value), 0);
    }
    *leader = leader_of(u, 0);
    while (victim == *leader || !cluster_at(u, victim)->partitions.at[0].replica)
        victim++;
    restart(u, victim);
    return victim;
}

/* A node returns while writes go on; the copies it is sent have all of them. */
void test_COPY_has_what_was_written_meanwhile(void **state)
{
    struct universe *u = *state;
    static unsigned key[COPIED];
    static struct client_op o[COPIED];
    char value[VALUE_SIZE];
    unsigned during = 0, leader;
    begin_copying(u, key, &leader);
    for (unsigned i = 0; !universe_is_ready(u); i++) {
        assert_true(i < 100000);
        if (is_copied_now(u, 0) && during < COPIED) {
            big_value(value, COPIED + during);
            client_op_put(u, &o[during], leader, key_of(key[during * 7 % COPIED]), value, OP_ALWAYS, 10000);
            during++;
        }
        universe_run(u, 1);
    }
    for (unsigned i = 0; i < during; i++) {
        client_op_wait(u, &o[i]);
        assert_int_equal(o[i].err, 0);
    }
    assert_true(during > 5);
    universe_run(u, 1000); /* the last commit index reaches followers */
    expect_equal_replicas(u, key);
}

static bool is_whole(struct universe *u)
{
    for (unsigned i = 0; i < 5; i++)
        if (cluster_at(u, i) && universe_status(u, i).partitions_incomplete)
            return false;
    return true;
}

/* The one that is sent copies dies meanwhile: its place is given to another. */
void test_COPY_who_dies_meanwhile_is_not_waited_for(void **state)
{
    struct universe *u = *state;
    static unsigned key[COPIED];
    unsigned leader, victim = begin_copying(u, key, &leader);
    for (unsigned ms = 0; !is_copied_now(u, 0) && ms < 20000; ms++)
        universe_run(u, 1);
    universe_run(u, 3);
    assert_true(is_copied_now(u, 0));
    universe_kill(u, victim);
    assert_false(is_whole(u));
    assert_true(universe_until(u, is_whole, 30000));
}

static bool are_three_everywhere(struct universe *u)
{
    const struct cluster *c = cluster_at(u, 0);
    for (unsigned i = 0; i < c->config.partitions; i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        unsigned present = 0;
        for (unsigned k = 0; k < map->replica_count; k++)
            present += map->replica[k].state == REPLICA_PRESENT && meta_member(c->meta.state, map->replica[k].member);
        if (present < 3)
            return false;
    }
    return universe_is_ready(u);
}

static void fill(struct universe *u, unsigned count)
{
    char value[VALUE_SIZE];
    for (unsigned i = 0; i < count; i++) {
        big_value(value, i);
        assert_int_equal(universe_put(u, 0, key_of(i), value), 0);
    }
}

/* All hold more than the one that comes back can. */
static void fill_and_restart_small(struct universe *u, unsigned i)
{
    u->config.memory_limit = (size_t)4 << 20;
    start_all(u);
    fill(u, 800);
    universe_kill(u, i);
    u->config.memory_limit = (size_t)1 << 20;
    universe_start(u, i);
}

static uint64_t copies_begun(struct universe *u)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < u->count; i++)
        n += cluster_at(u, i)->partitions.snapshots;
    return n;
}

static unsigned copies_held(const struct cluster *c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        n += c->partitions.at[i].copy_in != NULL;
    return n;
}

/* Of a copy whose sender is not heard any more nothing is kept. */
void test_COPY_what_does_not_go_on_is_forgotten(void **state)
{
    struct universe *u = *state;
    static unsigned key[COPIED];
    unsigned leader, victim = begin_copying(u, key, &leader);
    for (unsigned ms = 0; !copies_held(cluster_at(u, victim)) && ms < 20000; ms++)
        universe_run(u, 1);
    assert_true(copies_held(cluster_at(u, victim)) > 0);
    for (unsigned i = 0; i < 5; i++)
        universe_cut(u, victim, i, true);
    universe_run(u, 12000);
    assert_int_equal(copies_held(cluster_at(u, victim)), 0);
}

/* One returns with a quarter of its memory, and is given copies that do not fit: they are made elsewhere. */
void test_COPY_what_finds_no_room_goes_elsewhere(void **state)
{
    struct universe *u = *state;
    fill_and_restart_small(u, 4);
    assert_true(universe_until(u, are_three_everywhere, 180000));
    assert_true(cluster_at(u, 4)->memory.used <= cluster_at(u, 4)->memory.limit);
    /* Nor does it keep anybody from leaving in good order. */
    cluster_leave(cluster_at(u, 3));
    universe_run(u, 29000);
    assert_true(u->machine[3].ended);
    universe_kill(u, 3);
    assert_true(are_three_everywhere(u));
}

/* Where nobody else could take it either it is tried again, but not over and over. */
void test_COPY_what_finds_no_room_is_not_sent_over_and_over(void **state)
{
    struct universe *u = *state;
    u->count = 3;
    u->config.expected = 3;
    fill_and_restart_small(u, 2);
    universe_run(u, 60000);
    uint64_t before = copies_begun(u), partitions = cluster_at(u, 0)->config.partitions;
    universe_run(u, 60000);
    uint64_t begun = copies_begun(u) - before;
    assert_in_range(begun, 1, 5 * partitions);
}

/* --- R-LOST --- */

/* One is cut off while the others go on, then two of them sleep while it is there again: it may not stand for what they
 * have promised. */
void test_LOST_who_is_silent_may_come_back(void **state)
{
    struct universe *u = *state;
    u->config.times.lease = 20000; /* so that its connections end before it is worked around */
    start_all(u);
    write_all(u, 4, "old");
    for (unsigned i = 0; i < 5; i++)
        universe_cut(u, 2, i, true);
    write_all(u, 4, "new");
    universe_run(u, 12000);
    for (unsigned i = 0; i < 5; i++)
        universe_cut(u, 2, i, false);
    universe_pause(u, 0, true);
    universe_pause(u, 1, true);
    universe_run(u, 45000);
    universe_pause(u, 0, false);
    universe_pause(u, 1, false);
    await_ready(u, 60000);
    expect_all(u, 3, "new");
}

/* --- R-REBUILD --- */

static const struct partition_map *map_at(struct universe *u, unsigned i, unsigned partition)
{
    return &cluster_at(u, i)->meta.state->partition[partition];
}

/* Whoever holds the partition, in the order of the machines. */
static void find_holders(struct universe *u, unsigned partition, unsigned out[3])
{
    for (unsigned i = 0, n = 0; i < 5 && n < 3; i++)
        if (cluster_at(u, i)->partitions.at[partition].replica)
            out[n++] = i;
}

/* Two of a partition's three begin anew, and it is built from the third. What is written then is answered when others
 * have it too: it survives the third. */
void test_REBUILD_takes_nothing_before_enough_have_it(void **state)
{
    struct universe *u = *state;
    struct client_op o, get;
    unsigned holder[3];
    start_all(u);
    write_all(u, 0, "old");
    unsigned partition = partition_of(u, 0, "key-0");
    find_holders(u, partition, holder);
    universe_kill(u, holder[0]);
    universe_kill(u, holder[1]);
    universe_run(u, 100);
    universe_start(u, holder[0]);
    universe_start(u, holder[1]);
    for (unsigned ms = 0; map_at(u, holder[2], partition)->generation < 2 && ms < 60000; ms++)
        universe_run(u, 1);
    client_op_put(u, &o, holder[2], "key-0", "new", OP_ALWAYS, 60000);
    client_op_wait(u, &o);
    assert_int_equal(o.err, 0);
    restart(u, holder[2]);
    await_ready(u, 180000);
    assert_int_equal(universe_get(u, 0, "key-0", &get), 0);
    assert_string_equal(get.value, "new");
}

/* Every partition is on all five; three begin anew. What is rebuilt comes from one of the two others, which dies when
 * the other has been let go. */
void test_REBUILD_the_other_keeps_its_copy_until_then(void **state)
{
    struct universe *u = *state;
    u->config.replicas = 5;
    start_all(u);
    write_all(u, 0, "old");
    restart_first(u, 3, 100);
    unsigned partition = partition_of(u, 3, "key-0");
    while (map_at(u, 3, partition)->generation < 2 || map_at(u, 3, partition)->frozen_count) {
        assert_true(u->now_ms < 120000);
        universe_run(u, 1);
    }
    unsigned donor = leader_of(u, partition);
    assert_true(donor < UNIVERSE_MAX);
    restart(u, donor);
    await_ready(u, 180000);
    expect_all(u, 0, "old");
}

static void cut_all(struct universe *u, bool on)
{
    for (unsigned a = 0; a < 3; a++)
        for (unsigned b = 0; b < a; b++)
            universe_cut(u, a, b, on);
}

#define FULL_OF 860

/* Three nodes, so full that a partition has no room there twice. Returns their epoch. */
static uint64_t start_three_full(struct universe *u)
{
    u->count = u->config.expected = 3;
    u->config.partitions = 4;
    u->config.memory_limit = (size_t)4 << 20;
    start_all(u);
    fill(u, FULL_OF);
    return universe_status(u, 0).epoch;
}

static bool has_caught_up(struct universe *u)
{
    for (unsigned i = 0; i < cluster_at(u, 0)->config.partitions; i++)
        if (cluster_at(u, 2)->partitions.at[i].index < cluster_at(u, 0)->partitions.at[i].index)
            return false;
    return are_three_everywhere(u);
}

/* One is cut off while as much is written as it holds, which no log holds: it needs copies, for which it has no room
 * beside what it has. That is of no use any more, and goes. */
void test_COPY_who_lags_has_room_without_what_it_holds(void **state)
{
    struct universe *u = *state;
    start_three_full(u);
    for (unsigned i = 0; i < 2; i++)
        universe_cut(u, 2, i, true);
    fill(u, FULL_OF);
    for (unsigned i = 0; i < 2; i++)
        universe_cut(u, 2, i, false);
    assert_true(universe_until(u, has_caught_up, 180000));
    assert_true(cluster_at(u, 2)->memory.used <= cluster_at(u, 2)->memory.limit);
}

/* All are cut off from each other until each is lost for the others: they form the cluster again, and each keeps what
 * it had. That is a large part of its memory, and no other has room beside it for what is built of the best of them.
 * The first to give up its old copy is the one that has not seen the last writes. */
void test_REBUILD_without_room_for_both(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    uint64_t epoch = start_three_full(u);
    universe_cut(u, 2, 0, true);
    universe_cut(u, 2, 1, true);
    fill(u, 40);
    cut_all(u, true);
    universe_run(u, 200000);
    cut_all(u, false);
    assert_true(universe_until(u, are_three_everywhere, 180000));
    assert_true(universe_status(u, 0).epoch > epoch);
    assert_int_equal(universe_put(u, 1, key_of(0), "new"), 0);
    for (unsigned i = 1; i < FULL_OF; i++)
        assert_int_equal(universe_get(u, i % 3, key_of(i), &o), 0);
}

/* False: the two that are left have found a leader before they formed the cluster again. */
static bool two_of_three_form_again(struct universe *u)
{
    uint64_t epoch = start_three_full(u);
    cut_all(u, true);
    universe_run(u, 200000);
    universe_kill(u, 2);
    cut_all(u, false);
    universe_run(u, 60000);
    return universe_status(u, 0).epoch > epoch;
}

/* The same, but one never comes back: what the other two have is all there is, and neither gives up its own before the
 * new one is on both. With a third that has room it is. */
void test_REBUILD_the_last_but_one_is_not_spared(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    unsigned kept = 0;
    for (uint64_t seed = 1; !two_of_three_form_again(u); seed++) {
        assert_true(seed < 20);
        universe_fini(u);
        universe_init(u, 5, seed);
    }
    for (unsigned i = 0; i < 4; i++) {
        const struct partition *a = &cluster_at(u, 0)->partitions.at[i], *b = &cluster_at(u, 1)->partitions.at[i];
        assert_true((a->whole || a->frozen) && (b->whole || b->frozen));
        kept += a->frozen || b->frozen;
    }
    assert_true(kept > 0);
    universe_start(u, 2);
    assert_true(universe_until(u, are_three_everywhere, 180000));
    for (unsigned i = 0; i < FULL_OF; i++)
        assert_int_equal(universe_get(u, i % 3, key_of(i), &o), 0);
}

/* --- R-PLEDGE, R-REFORM --- */

/* 0 and 1 sleep, 2 has begun anew: 3 and 4 are stranded, and with 2 as many as may re-form. */
static uint64_t strand(struct universe *u)
{
    start_all(u);
    write_all(u, 4, "kept");
    uint64_t epoch = universe_status(u, 4).epoch;
    universe_pause(u, 0, true);
    universe_pause(u, 1, true);
    restart(u, 2);
    return epoch;
}

static unsigned find_stage(struct universe *u, unsigned stage)
{
    for (unsigned i = 3; i < 5; i++)
        if (cluster_at(u, i)->bootstrap.stage == stage)
            return i;
    return UNIVERSE_MAX;
}

static bool serves(struct universe *u, unsigned i, uint64_t epoch)
{
    const struct cluster *c = cluster_at(u, i);
    return c && c->meta.state && c->meta.state->epoch == epoch && lease_is_valid(c);
}

/* Who has accepted a re-forming whose proposer dies is lost for what was, also when that has its majority again. */
void test_PLEDGE_who_has_accepted_never_goes_back(void **state)
{
    struct universe *u = *state;
    uint64_t epoch = strand(u);
    for (unsigned ms = 0; find_stage(u, FORM_ACCEPTED) == UNIVERSE_MAX && ms < 100000; ms++)
        universe_run(u, 1);
    unsigned accepted = find_stage(u, FORM_ACCEPTED), proposer = 7 - accepted;
    assert_true(accepted < UNIVERSE_MAX);
    universe_kill(u, proposer);
    universe_pause(u, 0, false);
    universe_pause(u, 1, false);
    for (unsigned ms = 0; ms < 30000; ms++) {
        universe_run(u, 1);
        for (unsigned i = 0; i < 5; i++)
            assert_false(serves(u, i, epoch));
    }
    universe_start(u, proposer);
    await_ready(u, 180000);
    assert_true(universe_status(u, 0).epoch > epoch);
    expect_all(u, 0, "kept");
}

/* Who is silent may be alive, and with others what was: until T_lost they wait for it. */
void test_REFORM_waits_for_who_may_be_alive(void **state)
{
    struct universe *u = *state;
    uint64_t epoch = strand(u);
    universe_run(u, 50000);
    assert_int_equal(universe_status(u, 3).state, STATUS_STRANDED);
    assert_int_equal(universe_status(u, 3).epoch, epoch);
    assert_int_equal(universe_status(u, 4).epoch, epoch);
    assert_int_equal(universe_status(u, 2).state, STATUS_SEEKING);
    universe_pause(u, 0, false);
    universe_pause(u, 1, false);
    await_ready(u, 60000);
    assert_int_equal(universe_status(u, 2).epoch, epoch);
    expect_all(u, 2, "kept");
}

void test_REFORM_goes_on_without_who_is_lost(void **state)
{
    struct universe *u = *state;
    uint64_t epoch = strand(u);
    universe_run(u, 80000);
    assert_int_equal(universe_status(u, 3).state, STATUS_MEMBER);
    assert_true(universe_status(u, 3).epoch > epoch);
    universe_pause(u, 0, false);
    universe_pause(u, 1, false);
    await_ready(u, 60000);
    assert_int_equal(universe_status(u, 3).member_count, 5);
}

/* --- R-LEAVE --- */

static bool eight_are_members(struct universe *u)
{
    return universe_status(u, 0).member_count == 8;
}

/* Three of five end as soon as what is urgent can be done, which is long before they have handed over everything. */
void test_LEAVE_the_last_copies_go_first(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    for (unsigned i = 5; i < 8; i++)
        universe_start(u, i);
    assert_true(universe_until(u, eight_are_members, 20000));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cluster_leave(cluster_at(u, i)), 0);
    universe_run(u, 300);
    for (unsigned i = 0; i < 3; i++)
        universe_kill(u, i);
    expect_all(u, 3, NULL);
    write_all(u, 4, "after");
}

/* --- R-READY --- */

static bool is_ready(struct universe *u, unsigned i)
{
    return readiness_is_settled(cluster_at(u, i));
}

/* One after the other, each when the last is ready: when it is, there is nothing left that its end would cost. */
void test_READY_is_when_all_is_full(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "kept");
    for (unsigned i = 0; i < 5; i++) {
        restart(u, i);
        for (unsigned ms = 0; !is_ready(u, i) && ms < 120000; ms++)
            universe_run(u, 1);
        assert_true(is_ready(u, i));
        assert_int_equal(universe_status(u, i).partitions_incomplete, 0);
        assert_int_equal(universe_status(u, i).seats, 5);
    }
    universe_run(u, 2000);
    expect_all(u, 2, "kept");
}

/* --- R-MEMORY --- */

/* One has a quarter of what the others have, and where it only follows it counts too. When what there is has come to
 * its end, there is room again. */
void test_MEMORY_what_would_pass_the_limit_is_refused(void **state)
{
    struct universe *u = *state;
    char value[VALUE_SIZE];
    unsigned refused = 0, taken = 0;
    u->config.memory_limit = (size_t)16 << 20;
    for (unsigned i = 0; i < 5; i++) {
        if (i == 4)
            u->config.memory_limit = (size_t)4 << 20;
        universe_start(u, i);
    }
    await_ready(u, 20000);
    for (unsigned i = 0; i < 4000; i++) {
        big_value(value, i);
        int err = put_for_a_while(u, 0, key_of(i), value);
        assert_true(err == 0 || err == E_FULL);
        taken += err == 0;
        refused += err == E_FULL;
        for (unsigned k = 0; k < 5; k++) {
            const struct store_memory *m = &cluster_at(u, k)->memory;
            /* What a follower has is heard of once a second. */
            assert_true(m->used <= m->limit + (k == 4 ? (size_t)1 << 20 : 0));
        }
    }
    assert_true(refused > 100 && taken > 100);
    for (unsigned k = 0; k < 5; k++)
        for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
            assert_false(cluster_at(u, k)->partitions.at[i].broken);
    universe_run(u, LIFE_MS + 10000);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(put_for_a_while(u, 0, key_of(i), value), 0);
}

/* What is written together comes to followers in one message; each of them holds no more of it than who leads. */
void test_MEMORY_what_comes_together_counts_once(void **state)
{
    struct universe *u = *state;
    static struct client_op o[COPIED];
    char value[VALUE_SIZE];
    u->count = u->config.expected = 3;
    u->config.partitions = 1;
    start_all(u);
    unsigned leader = leader_of(u, 0);
    for (unsigned i = 0; i < COPIED; i++) {
        big_value(value, i);
        client_op_put(u, &o[i], leader, key_of(i), value, OP_ALWAYS, 10000);
    }
    for (unsigned i = 0; i < COPIED; i++) {
        client_op_wait(u, &o[i]);
        assert_int_equal(o[i].err, 0);
    }
    universe_run(u, 1000); /* the last commit index reaches followers */
    size_t most = COPIED * VALUE_SIZE / 8 * 9;
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(cluster_at(u, i)->memory.used, COPIED * VALUE_SIZE, most);
}
