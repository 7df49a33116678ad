/* SPDX-License-Identifier: Apache-2.0 */
/* The named rules of what a request is told: when keys go, that a write counts once, what all know who serve. */
#include "support.h"

#include "rules.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>

/* --- R-TIME --- */

/* A clock that jumps a day ends no life early, and one that jumps back none late; nor does a change of leader. */
void test_TIME_is_not_the_wall_clocks(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    start_all(u);
    assert_int_equal(put_for_a_while(u, 0, "key-0", "mortal"), 0);
    u->wall_ms += 86400000;
    universe_run(u, LIFE_MS / 2);
    assert_int_equal(universe_get(u, 0, "key-0", &o), 0);
    u->wall_ms -= 2 * (uint64_t)86400000;
    unsigned leader = leader_of(u, partition_of(u, 0, "key-0"));
    universe_kill(u, leader);
    universe_run(u, LIFE_MS / 2 - 3000);
    unsigned through = (leader + 1) % 5;
    assert_int_equal(universe_get(u, through, "key-0", &o), 0);
    universe_run(u, 4000);
    assert_int_equal(universe_get(u, through, "key-0", &o), E_NOT_FOUND);
}

/* A replica that comes long after the last write counts from where the others are. */
void test_TIME_goes_on_where_it_is_copied_to(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "value");
    universe_run(u, 30000);
    restart(u, 2);
    await_ready(u, 60000);
    universe_run(u, 5000); /* what is moved for balance is moved */
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        uint64_t now = partition_now_ms(&cluster_at(u, leader_of(u, i))->partitions.at[i]);
        for (unsigned k = 0; k < 5; k++)
            if (cluster_at(u, k)->partitions.at[i].whole)
                assert_in_range(partition_now_ms(&cluster_at(u, k)->partitions.at[i]), now - 1000, now + 1000);
    }
}

/* A cluster that is formed again, of nodes most of which are new, goes on at the time at which it was: also in
 * partitions that begin empty. */
void test_TIME_goes_on_when_it_is_formed_again(void **state)
{
    struct universe *u = *state;
    start_all(u);
    uint64_t before = partition_now_ms(&cluster_at(u, leader_of(u, 0))->partitions.at[0]), began = u->now_ms;
    universe_run(u, 30000);
    restart_first(u, 4, 10);
    await_ready(u, 120000);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        for (unsigned k = 0; k < 5; k++) {
            const struct partition *p = &cluster_at(u, k)->partitions.at[i];
            if (p->whole)
                assert_in_range(partition_now_ms(p), before + (u->now_ms - began) - 1000,
                                before + (u->now_ms - began) + 1000);
        }
}

/* Who comes to lead has lived in the past, as one does that was paused when it was told the time. What it writes at
 * once is of the time that others count. */
void test_TIME_is_asked_of_a_majority(void **state)
{
    struct universe *u = *state;
    start_all(u);
    unsigned partition = partition_of(u, 0, "key-0"), old = leader_of(u, partition), leader = UNIVERSE_MAX;
    universe_kill(u, old);
    for (unsigned i = 0; i < 20000 && leader == UNIVERSE_MAX; i++) {
        universe_run(u, 1);
        for (unsigned k = 0; k < 5; k++) {
            const struct cluster *c = cluster_at(u, k);
            if (c && c->partitions.at[partition].group && group_leads(c->partitions.at[partition].group))
                leader = k;
        }
    }
    assert_int_not_equal(leader, UNIVERSE_MAX);
    struct partition *p = &cluster_at(u, leader)->partitions.at[partition];
    uint64_t time = partition_now_ms(p);
    p->stamp_ms -= 5000;
    assert_int_equal(universe_put(u, leader, "key-0", "value"), 0);
    assert_true(store_stamp_ms(p->store) >= time);
}

/* --- R-RETRY --- */

/* The leader ends when its followers have the entry, and whoever asked has no answer: it asks again, and is not told
 * that another has what is its own. */
void test_RETRY_a_write_counts_once(void **state)
{
    struct universe *u = *state;
    struct client_op o, now;
    char key[32];
    start_all(u);
    for (unsigned round = 0; round < 4; round++) {
        snprintf(key, sizeof key, "claim-%u", round);
        unsigned leader = leader_of(u, partition_of(u, 0, key)), through = (leader + 1) % 5;
        assert_int_equal(universe_get(u, through, key, &o), E_NOT_FOUND); /* it is known who leads */
        client_op_put(u, &o, through, key, "own", OP_CREATE, 20000);
        universe_run(u, 1 + round);
        universe_kill(u, leader);
        client_op_wait(u, &o);
        assert_int_equal(o.err, 0);
        assert_int_equal(universe_get(u, through, key, &now), 0);
        assert_string_equal(now.value, "own");
        universe_start(u, leader);
        await_ready(u, 60000);
    }
}

/* --- R-KNOWN --- */

struct change {
    struct router_request request; /* first */
    bool done;
};

static void on_changed(struct router_request *q, int err, const struct store_result *result)
{
    (void)result;
    assert_int_equal(err, 0);
    ((struct change *)(void *)q)->done = true;
}

/* One hears nothing of the leader of the meta group, and serves on its lease for a while: so long the change is not
 * answered. */
void test_KNOWN_what_is_answered_all_know_who_serve(void **state)
{
    struct universe *u = *state;
    struct change change = {.done = false};
    const struct security_change add = {.act = SECURITY_ADD, .role = ROLE_USER, .name = "joe"};
    start_all(u);
    unsigned leader = meta_leader(u), deaf = (leader + 1) % 5;
    universe_cut(u, leader, deaf, true);
    router_request_init(&change.request, on_changed);
    router_deliver(&change.request,
                   router_change_security(cluster_router(cluster_at(u, leader)), &change.request, &add));
    u->machine[leader].touched = true;
    assert_true(lease_is_valid(cluster_at(u, deaf)));
    for (unsigned ms = 0; !change.done && ms < 20000; ms++)
        universe_run(u, 1);
    assert_true(change.done);
    for (unsigned i = 0; i < 5; i++)
        if (lease_is_valid(cluster_at(u, i)))
            assert_non_null(acl_user(router_acl(cluster_router(cluster_at(u, i))), "joe"));
    universe_cut(u, leader, deaf, false);
    await_ready(u, 20000);
    assert_non_null(acl_user(router_acl(cluster_router(cluster_at(u, deaf))), "joe"));
}

static void change_a_bucket(struct universe *u, unsigned through)
{
    struct change change = {.done = false};
    router_request_init(&change.request, on_changed);
    router_deliver(&change.request, router_reset_bucket(cluster_router(cluster_at(u, through)), &change.request,
                                                        slice_make(NULL, 0), slice_str("b")));
    u->machine[through].touched = true;
    for (unsigned ms = 0; !change.done && ms < 20000; ms++)
        universe_run(u, 1);
    assert_true(change.done);
}

/* One is cut off for so long that nobody waits for it. What it takes in meanwhile waits until it serves again: what was
 * made by rules that others have changed since is refused, what was not is served. */
void test_KNOWN_what_came_in_without_a_lease_is_looked_at_again(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned changed = 0; changed < 2; changed++) {
        unsigned leader = meta_leader(u), deaf = (leader + 1) % 5;
        struct client_op write, read, any;
        for (unsigned i = 0; i < 5; i++)
            if (i != deaf)
                universe_cut(u, i, deaf, true);
        universe_run(u, 8000);
        assert_false(lease_is_valid(cluster_at(u, deaf)));
        client_op_put(u, &write, deaf, "key", "value", OP_ALWAYS, 60000);
        client_op_get(u, &read, deaf, "key", false, 60000);
        client_op_get(u, &any, deaf, key_of(0), true, 1000);
        if (changed)
            change_a_bucket(u, leader);
        assert_false(write.done || read.done);
        for (unsigned i = 0; i < 5; i++)
            universe_cut(u, i, deaf, false);
        client_op_wait(u, &write);
        client_op_wait(u, &read);
        client_op_wait(u, &any);
        assert_int_equal(write.err, changed ? E_AGAIN : 0);
        assert_true(read.err == (changed ? E_AGAIN : 0) || (!changed && read.err == E_NOT_FOUND));
        await_ready(u, 60000);
    }
}

/* --- R-FLOOR --- */

/* Who leads the key's partition, who follows, and somebody who has none of it. */
struct places {
    unsigned leader, follower[2], through;
};

static struct places places_of(struct universe *u, const char *key)
{
    unsigned partition = partition_of(u, 0, key), followers = 0;
    struct places p = {.leader = leader_of(u, partition), .through = UNIVERSE_MAX};
    for (unsigned i = 0; i < 5; i++) {
        if (i == p.leader)
            continue;
        if (!cluster_at(u, i)->partitions.at[partition].replica)
            p.through = i;
        else if (followers < 2)
            p.follower[followers++] = i;
    }
    assert_int_equal(followers, 2);
    assert_int_not_equal(p.through, UNIVERSE_MAX);
    return p;
}

static int get_any(struct universe *u, unsigned through, const char *key, uint64_t timeout_ms, struct client_op *o)
{
    client_op_get(u, o, through, key, true, timeout_ms);
    client_op_wait(u, o);
    return o->err;
}

/* One follower has not heard of the write when the leader ends. */
void test_FLOOR_a_replica_that_is_behind_passes_it_on(void **state)
{
    struct universe *u = *state;
    struct router_floor floor = {0};
    struct client_op o;
    start_all(u);
    struct places p = places_of(u, "key-0");
    assert_int_equal(universe_put(u, p.through, "key-0", "old"), 0);
    universe_run(u, 200);
    universe_cut(u, p.follower[0], p.leader, true);
    universe_cut(u, p.follower[0], p.follower[1], true);
    u->floor = &floor;
    assert_int_equal(universe_put(u, p.through, "key-0", "new"), 0);
    universe_kill(u, p.leader);
    universe_run(u, 1500);             /* which is known to all */
    for (unsigned i = 0; i < 6; i++) { /* each of them is asked */
        assert_int_equal(get_any(u, p.through, "key-0", 5000, &o), 0);
        assert_string_equal(o.value, "new");
    }
    u->floor = NULL; /* somebody else may be told what was */
    bool old = false;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(get_any(u, p.through, "key-0", 5000, &o), 0);
        old = old || strcmp(o.value, "old") == 0;
    }
    assert_true(old);
}

/* Writes the key, and cuts the first follower off from the leader as soon as it has the entry: it never hears that the
 * entry is committed. */
static struct partition *write_unknown(struct universe *u, const char *key, const struct places *p)
{
    struct client_op o = {0};
    struct partition *last = &cluster_at(u, p->follower[0])->partitions.at[partition_of(u, 0, key)];
    uint64_t before = group_last_index(last->group);
    client_op_put(u, &o, p->through, key, "value", OP_ALWAYS, 5000);
    while (!o.done && group_last_index(last->group) == before)
        universe_run(u, 1);
    universe_cut(u, p->leader, p->follower[0], true);
    client_op_wait(u, &o);
    assert_int_equal(o.err, 0);
    return last;
}

/* The last replica has the entry, and nobody can tell it that it is committed, but for who was answered. */
void test_FLOOR_what_was_seen_counts_where_nobody_leads(void **state)
{
    struct universe *u = *state;
    struct router_floor floor = {0};
    struct client_op o;
    const char *key = "key-0";
    start_all(u);
    struct places p = places_of(u, key);
    assert_int_equal(universe_put(u, p.through, key, "old"), 0); /* the first of a leader brings an entry of its own */
    universe_run(u, 200);
    u->floor = &floor;
    struct partition *last = write_unknown(u, key, &p);
    assert_true(group_last_index(last->group) >= floor.partition[last->number].index);
    assert_true(group_applied_index(last->group) < floor.partition[last->number].index);
    universe_kill(u, p.leader);
    universe_kill(u, p.follower[1]);
    uint64_t began = u->now_ms;
    assert_int_equal(get_any(u, p.through, key, 5000, &o), 0);
    assert_string_equal(o.value, "value");
    assert_int_equal(group_applied_index(last->group), floor.partition[last->number].index);
    assert_in_range(u->now_ms - began, 0, 500);
}

/* The only one that is left has never heard of the write: better no answer than what was before it. */
void test_FLOOR_waits_for_a_replica_that_has_it(void **state)
{
    struct universe *u = *state;
    struct router_floor floor = {0};
    struct client_op o;
    start_all(u);
    struct places p = places_of(u, "key-0");
    universe_cut(u, p.follower[0], p.leader, true);
    universe_cut(u, p.follower[0], p.follower[1], true);
    u->floor = &floor;
    assert_int_equal(universe_put(u, p.through, "key-0", "value"), 0);
    universe_pause(u, p.leader, true);
    universe_pause(u, p.follower[1], true);
    assert_int_equal(get_any(u, p.through, "key-0", 2000, &o), E_TIMEOUT);
    client_op_get(u, &o, p.through, "key-0", true, 10000);
    universe_run(u, 500);
    universe_pause(u, p.leader, false);
    client_op_wait(u, &o);
    assert_int_equal(o.err, 0);
    assert_string_equal(o.value, "value");
}
