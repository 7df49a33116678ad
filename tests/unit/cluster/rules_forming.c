/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of death, seats, forming, ids and leases: who may lead, and who may serve. */
#include "support.h"

#include "rules.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>

/* --- R-PROOF --- */

static bool is_proven_dead(struct universe *u, unsigned by, struct incarnation incarnation, unsigned address)
{
    return mesh_proves_dead(&cluster_at(u, by)->mesh, incarnation, u->machine[address].address, 4369, 0);
}

/* What answered before at an address says nothing of who has come there since, and has been heard, though no dial of
 * this node's own has reached it. When one has, the first is proven dead. */
void test_PROOF_an_older_answer_proves_nothing(void **state)
{
    struct universe *u = *state;
    struct incarnation first;
    universe_start(u, 0);
    universe_start(u, 1);
    universe_run(u, 1000);
    first = u->machine[1].incarnation;
    u->cut[0][1] = true; /* what 0 dials */
    restart(u, 1);
    universe_run(u, 1000);
    struct incarnation second = u->machine[1].incarnation;
    assert_non_null(mesh_peer(&cluster_at(u, 0)->mesh, second));
    assert_false(is_proven_dead(u, 0, second, 1));
    assert_false(is_proven_dead(u, 0, first, 1));
    u->cut[0][1] = false;
    universe_run(u, 10000);
    assert_false(is_proven_dead(u, 0, second, 1));
    assert_true(is_proven_dead(u, 0, first, 1));
}

/* --- R-SEATS --- */

void test_SEATS_two_quorums_are_more_than_all(void **state)
{
    (void)state;
    assert_int_equal(seats_count(5, 5), 5);
    for (unsigned configured = 1; configured <= 32; configured++)
        for (unsigned n = 1; n <= 32; n++) {
            unsigned seats = seats_count(n, configured);
            assert_true(seats % 2 == 1 && seats >= configured);
            assert_true(seats_quorum(seats) + seats_quorum(configured) > n);
        }
}

/* --- R-FORM --- */

static unsigned find_offer(struct universe *u)
{
    for (unsigned i = 0; i < 5; i++)
        if (cluster_at(u, i)->bootstrap.stage == FORM_OFFERED)
            return i;
    return UNIVERSE_MAX;
}

static unsigned find_lowest(struct universe *u, unsigned but)
{
    unsigned lowest = UNIVERSE_MAX;
    for (unsigned i = 0; i < 5; i++)
        if (i != but && (lowest == UNIVERSE_MAX ||
                         incarnation_compare(u->machine[i].incarnation, u->machine[lowest].incarnation) < 0))
            lowest = i;
    return lowest;
}

static void cut_all(struct universe *u, bool on)
{
    for (unsigned a = 0; a < 5; a++)
        for (unsigned b = 0; b < a; b++)
            universe_cut(u, a, b, on);
}

/* The cluster that has a leader; it may never be another one than *id, once that is set. */
static void note_cluster(struct universe *u, struct cluster_id *id, bool *known)
{
    unsigned leader = meta_leader(u);
    if (leader == UNIVERSE_MAX)
        return;
    struct cluster_id now = cluster_at(u, leader)->meta.state->cluster_id;
    if (*known)
        assert_true(cluster_id_equal(now, *id));
    *id = now;
    *known = true;
}

/* The two lowest do not see each other, so both propose. One is cut off when it has its acceptances, and its start
 * comes when the others have formed a cluster with the other. */
void test_FORM_a_late_start_moves_nobody(void **state)
{
    struct universe *u = *state;
    struct cluster_id id = {{0}};
    bool known = false;
    u->config.times.lost_after = 8000;
    cut_all(u, true);
    for (unsigned i = 0; i < 5; i++) {
        universe_start(u, i);
        universe_run(u, 17); /* so that they do not propose in the same moment */
    }
    cut_all(u, false);
    unsigned a = find_lowest(u, UNIVERSE_MAX), b = find_lowest(u, a);
    universe_cut(u, a, b, true);
    while (find_offer(u) == UNIVERSE_MAX && u->now_ms < 20000)
        universe_run(u, 1);
    unsigned late = find_offer(u);
    assert_true(late == a || late == b);
    universe_run(u, 4);
    for (unsigned i = 0; i < 5; i++)
        universe_cut(u, late, i, true);
    for (unsigned ms = 0; ms < 7000; ms++) {
        universe_run(u, 1);
        note_cluster(u, &id, &known);
    }
    assert_true(known);
    for (unsigned i = 0; i < 5; i++)
        universe_cut(u, late, i, i == a || i == b);
    for (unsigned ms = 0; ms < 5000; ms++) {
        universe_run(u, 1);
        note_cluster(u, &id, &known);
    }
    universe_cut(u, a, b, false);
    await_ready(u, 120000);
    note_cluster(u, &id, &known);
}

/* --- R-FRESH --- */

/* Three of five are killed and back within a second: enough to form a cluster, and two hold what there was. */
void test_FRESH_nobody_forms_over_who_holds_something(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    unsigned kept = 0;
    start_all(u);
    write_all(u, 0, "kept");
    restart_first(u, 3, 500);
    await_ready(u, 120000);
    for (unsigned i = 0; i < KEYS; i++)
        kept += universe_get(u, i % 5, key_of(i), &o) == 0;
    assert_in_range(kept, KEYS * 7 / 10, KEYS);
}

static bool last_begins_again(struct universe *u)
{
    return cluster_at(u, 4)->phase == PHASE_FORMING;
}

/* One of five is left, and has begun a new epoch with those who came back; they are killed before they know. */
void test_FRESH_nobody_forms_over_who_begins_again(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    unsigned kept = 0;
    start_all(u);
    write_all(u, 0, "kept");
    for (unsigned round = 0; round < 2; round++) {
        restart_first(u, 4, 100);
        assert_true(round || universe_until(u, last_begins_again, 120000));
    }
    await_ready(u, 120000);
    for (unsigned i = 0; i < KEYS; i++)
        kept += universe_get(u, i % 5, key_of(i), &o) == 0;
    assert_in_range(kept, KEYS * 4 / 10, KEYS); /* it has three partitions of five */
}

/* --- R-EPOCH --- */

/* Those who come back find the clock a day behind. */
void test_EPOCH_is_above_all_before_it(void **state)
{
    struct universe *u = *state;
    start_all(u);
    uint64_t epoch = universe_status(u, 4).epoch;
    u->wall_ms -= 86400000;
    for (unsigned i = 0; i < 3; i++)
        restart(u, i);
    await_ready(u, 120000);
    assert_true(universe_status(u, 4).epoch > epoch);
}

static int put_seen(struct universe *u, const char *key, enum store_condition condition, struct revision seen)
{
    struct client_op o;
    struct router *r = cluster_router(cluster_at(u, 0));
    struct store_command c = {.op = STORE_PUT,
                              .condition = condition,
                              .context = {.kind = CONTEXT_SEEN, .seen = seen},
                              .rules = {.allow_mult = true, .siblings_max = 100, .size_max = 1 << 20, .reap_ms = 3000}};
    client_op_get(u, &o, 0, key, false, 10000); /* begins one */
    client_op_wait(u, &o);
    store_key_init(&c.key, router_hash_key(r), slice_make(NULL, 0), slice_str("bucket"), slice_str(key));
    c.value.bytes = slice_str("new");
    o.done = false;
    router_deliver(&o.request, router_write(r, &o.request, &c));
    u->machine[0].touched = true;
    client_op_wait(u, &o);
    return o.err;
}

static unsigned count_siblings(struct universe *u, const char *key)
{
    struct store_key k;
    struct object object;
    struct object_cursor cursor = {0};
    struct object_sibling sibling;
    const struct partition *p =
        &cluster_at(u, leader_of(u, partition_of(u, 0, key)))->partitions.at[partition_of(u, 0, key)];
    unsigned n = 0;
    store_key_init(&k, router_hash_key(cluster_router(cluster_at(u, 0))), slice_make(NULL, 0), slice_str("bucket"),
                   slice_str(key));
    assert_int_equal(store_get(p->store, &k, partition_now_ms(p), &object), 0);
    while (object_next(&object, &cursor, &sibling))
        n++;
    return n;
}

/* All die, and the same is written again: what was seen before is not what is there now, wherever it stood. */
void test_EPOCH_what_another_epoch_has_seen_is_nothing(void **state)
{
    struct universe *u = *state;
    struct client_op then, now;
    start_all(u);
    assert_int_equal(universe_put(u, 0, "key", "value"), 0);
    assert_int_equal(universe_get(u, 0, "key", &then), 0);
    for (unsigned i = 0; i < 5; i++)
        universe_kill(u, i);
    universe_run(u, 100);
    start_all(u);
    assert_int_equal(universe_put(u, 0, "key", "value"), 0);
    assert_int_equal(universe_get(u, 0, "key", &now), 0);
    assert_true(now.revision.epoch > then.revision.epoch);
    then.revision.index = now.revision.index;
    assert_int_equal(put_seen(u, "key", STORE_IF_UNMODIFIED, then.revision), E_MODIFIED);
    assert_int_equal(put_seen(u, "key", STORE_ALWAYS, then.revision), 0);
    assert_int_equal(count_siblings(u, "key"), 2);
    assert_int_equal(put_seen(u, "key", STORE_ALWAYS, now.revision), 0);
    assert_int_equal(count_siblings(u, "key"), 2); /* it took the place of the first */
}

/* --- R-ID --- */

static uint64_t add(struct meta_state *s, uint8_t incarnation)
{
    struct meta_command m = {.kind = META_ADD_MEMBER, .who.incarnation = {{incarnation}}};
    return meta_state_apply(s, &m) ? 0 : m.member;
}

void test_ID_is_never_given_out_again(void **state)
{
    static const struct hash_key key;
    struct store_memory memory = {.limit = SIZE_MAX};
    struct meta_state *s;
    uint64_t used[40];
    unsigned n = 0;
    (void)state;
    assert_int_equal(meta_state_create(&memory, &key, &s), 0);
    for (uint8_t i = 1; i <= 4; i++)
        used[n++] = add(s, i);
    struct meta_command take = {.kind = META_TAKE_ID};
    assert_int_equal(meta_state_apply(s, &take), 0);
    used[n++] = take.member;
    for (uint8_t i = 5; i < 20; i++) {
        struct meta_command gone = {.kind = META_REMOVE_MEMBER, .member = s->member[i % 4].id};
        assert_int_equal(meta_state_apply(s, &gone), 0);
        uint64_t id = used[n++] = add(s, i);
        for (unsigned k = 0; k < n - 1; k++)
            assert_true(id != used[k] && id != 0);
    }
    meta_state_destroy(&s);
}

/* --- R-LEASE --- */

/* Three of five die. Partitions whose two others live have their majority, but no meta leader: they go on for one
 * lease, and no longer. */
void test_LEASE_without_a_meta_leader_all_stop_after_one(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, "value");
    for (unsigned i = 0; i < 3; i++)
        universe_kill(u, i);
    universe_run(u, 2000);
    assert_true(count_written(u, 3, "again") > 0);
    universe_run(u, 2500);
    assert_int_equal(count_written(u, 3, "again"), 0);
    assert_int_equal(count_written(u, 4, "again"), 0);
}
