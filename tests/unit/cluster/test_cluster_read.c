/* SPDX-License-Identifier: Apache-2.0 */
/* R-READ in whole nodes: when a quorum read is answered in the call, and when it waits. In virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

static struct partition *partition_at(struct universe *u, unsigned i, unsigned partition)
{
    return &cluster_at(u, i)->partitions.at[partition];
}

/* True: it was answered before anything else could happen. */
static bool is_read_at_once(struct universe *u, unsigned i, const char *key)
{
    struct client_op o;
    uint64_t before = cluster_at(u, i)->partitions.at[partition_of(u, i, key)].rounds.sent;
    client_op_get(u, &o, i, key, false, 1000);
    bool at_once = o.done;
    client_op_wait(u, &o);
    assert_int_equal(o.err, 0);
    assert_string_equal(o.value, key);
    assert_true(at_once || partition_at(u, i, partition_of(u, i, key))->rounds.sent > before);
    return at_once;
}

static void test_a_leader_reads_at_once(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    universe_run(u, 1000); /* heartbeats alone */
    for (unsigned i = 0; i < KEYS; i++)
        assert_true(is_read_at_once(u, leader_of(u, partition_of(u, 0, key_of(i))), key_of(i)));
}

/* The clock of the moment counts. What stood still asks a round, and with the answers to it there is a lease again. */
static void test_after_its_lease_it_asks(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    unsigned partition = partition_of(u, 0, key_of(0)), leader = leader_of(u, partition);
    u->now_ms += u->config.times.election;
    assert_false(is_read_at_once(u, leader, key_of(0)));
    if (leader_of(u, partition) == leader)
        assert_true(is_read_at_once(u, leader, key_of(0)));
}

/* Reads go on while leadership is handed over to who cannot take it; by rounds, for the rest of the term. */
static void test_who_hands_over_asks(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    unsigned partition = partition_of(u, 0, key_of(0)), leader = leader_of(u, partition), heir = 0;
    while (heir == leader || !partition_at(u, heir, partition)->group)
        heir++;
    universe_pause(u, heir, true);
    struct partition *p = partition_at(u, leader, partition);
    assert_int_equal(group_transfer(p->group, u->now_ms, partition_at(u, heir, partition)->replica), 0);
    assert_false(is_read_at_once(u, leader, key_of(0)));
    assert_true(group_is_transferring(p->group));
    universe_run(u, 2 * u->config.times.election);
    assert_int_equal(leader_of(u, partition), leader);
    assert_false(group_is_transferring(p->group));
    assert_false(is_read_at_once(u, leader, key_of(0)));
}

/* A listing of buckets goes on from partition to partition in one request, also where each asks a round. */
static void count_bucket(void *arg, struct slice name)
{
    (void)name;
    ++*(unsigned *)arg;
}

static void listed(struct router_request *q, int err, const struct store_result *result)
{
    struct client_op *o = (struct client_op *)q;
    (void)result;
    o->done = true;
    o->err = err;
}

static void test_a_listing_of_buckets_asks_rounds(void **state)
{
    struct universe *u = *state;
    struct router_scan scan = {0};
    struct client_op o = {0};
    unsigned given = 0;
    start_all(u);
    write_all(u, 0, NULL);
    unsigned leader = leader_of(u, 0);
    u->now_ms += u->config.times.election; /* no read lease is left */
    router_request_init(&o.request, listed);
    o.request.timeout_ms = 5000;
    router_deliver(&o.request, router_list_buckets(cluster_router(u->machine[leader].cluster), &o.request, &scan,
                                                   slice_make(NULL, 0), count_bucket, &given));
    assert_false(o.done);
    client_op_wait(u, &o);
    assert_int_equal(o.err, 0);
    assert_true(scan.ended);
    assert_int_equal(given, 1);
    router_scan_fini(&scan);
}

/* Who has just been deposed hears, from what another replica has shown a client, that its last write is committed: the
 * write is answered after the call that brought this, not from within it. */
static void test_a_floor_commits_what_was_proposed(void **state)
{
    struct universe *u = *state;
    struct client_op put, get;
    start_all(u);
    write_all(u, 0, NULL);
    unsigned partition = partition_of(u, 0, key_of(0)), leader = leader_of(u, partition), other = 0;
    while (other == leader || !partition_at(u, other, partition)->group)
        other++;
    struct partition *p = partition_at(u, leader, partition);
    uint64_t term = group_term(p->group), index = group_last_index(p->group) + 1;
    client_op_put(u, &put, leader, key_of(0), key_of(0), OP_ALWAYS, 10000);
    struct raft_msg m = {.kind = RAFT_MSG_APPEND,
                         .source = partition_at(u, other, partition)->replica,
                         .destination = p->replica,
                         .term = term + 1,
                         .append = {.prev_index = index, .prev_term = term}};
    assert_int_equal(partition_raft(p, &m), 0);
    assert_int_equal(group_last_index(p->group), index);
    assert_false(put.done);
    struct router_floor floor = {.epoch = cluster_at(u, leader)->meta.state->epoch};
    floor.partition[partition].generation = p->generation;
    floor.partition[partition].index = index;
    floor.partition[partition].term = (uint32_t)term;
    u->floor = &floor;
    client_op_get(u, &get, leader, key_of(0), true, 10000);
    u->floor = NULL;
    client_op_wait(u, &get);
    client_op_wait(u, &put);
    assert_int_equal(get.err, 0);
    assert_int_equal(put.err, 0);
}

static bool lacks_majority(struct universe *u, unsigned i, unsigned partition)
{
    const struct meta_state *s = cluster_at(u, i)->meta.state;
    const struct partition_map *map = &s->partition[partition];
    unsigned voters = 0, left = 0;
    for (unsigned k = 0; k < map->replica_count; k++) {
        voters += map->replica[k].state != REPLICA_ADDING;
        left += map->replica[k].state != REPLICA_ADDING && meta_member(s, map->replica[k].member);
    }
    return left < voters / 2 + 1;
}

/* The meta leader is the first to know. */
static bool somebody_knows(struct universe *u, unsigned partition)
{
    for (unsigned i = 0; i < 5; i++) {
        const struct cluster *c = cluster_at(u, i);
        if (c && c->phase == PHASE_MEMBER && lacks_majority(u, i, partition))
            return true;
    }
    return false;
}

/* Two of three voters are proven dead at once, as they begin anew. Who leads, and has not heard of it, may have a lease
 * from what they answered last. */
static void test_a_new_generation_waits_for_leases(void **state)
{
    struct universe *u = *state;
    start_all(u);
    write_all(u, 0, NULL);
    unsigned partition = partition_of(u, 0, key_of(0)), left = leader_of(u, partition);
    for (unsigned i = 0; i < 5; i++) {
        if (i == left || !partition_at(u, i, partition)->replica)
            continue;
        universe_kill(u, i);
        universe_start(u, i);
    }
    uint64_t lost_ms = 0;
    while (cluster_at(u, left)->meta.state->partition[partition].generation < 2) {
        assert_true(u->now_ms < 120000);
        if (!lost_ms && somebody_knows(u, partition))
            lost_ms = u->now_ms;
        universe_run(u, 1);
    }
    assert_true(lost_ms && u->now_ms - lost_ms >= u->config.times.election - (uint64_t)2 * u->latency_ms);
    await_ready(u, 60000);
    struct client_op o;
    assert_int_equal(universe_get(u, 0, key_of(0), &o), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_leader_reads_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_after_its_lease_it_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_hands_over_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_listing_of_buckets_asks_rounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_floor_commits_what_was_proposed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_generation_waits_for_leases, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
