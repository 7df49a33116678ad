/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of requests that are under way when what they wait for goes: a connection, a leader, the cluster. In
 * virtual time. */
#include "support.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "router/op.h"
#include "scenario.h"
#include "wire/command_msg.h"

#include <stdlib.h>

static void cut_off(struct universe *u, unsigned i, bool on)
{
    for (unsigned k = 0; k < u->count; k++)
        if (k != i)
            universe_cut(u, i, k, on);
}

static struct partition *partition_at(struct universe *u, unsigned i, const char *key)
{
    return &cluster_at(u, i)->partitions.at[partition_of(u, i, key)];
}

static unsigned leader_of_key(struct universe *u, const char *key)
{
    unsigned i = 0;
    while (i < u->count && !(cluster_at(u, i) && partition_leads(partition_at(u, i, key))))
        i++;
    assert_in_range(i, 0, u->count - 1);
    return i;
}

static struct link *link_to(struct universe *u, unsigned from, unsigned to)
{
    return mesh_link(&cluster_at(u, from)->mesh, u->machine[to].incarnation, PLANE_RAFT);
}

/* The next cluster hashes its keys by another secret: what was on its way in this one would come to a partition where
 * nobody looks for it. */
static void test_ends_with_its_cluster(void **state)
{
    struct universe *u = *state;
    struct client_op o[8], got;
    char key[] = "key-0";
    start_all(u);
    for (unsigned i = 0; i < 4; i++)
        universe_kill(u, i);
    cut_off(u, 4, true);
    universe_run(u, 20000);
    assert_int_equal(universe_status(u, 4).state, STATUS_STRANDED);
    for (unsigned i = 0; i < 8; i++, key[4]++)
        client_op_put(u, &o[i], 4, key, key, OP_ALWAYS, 600000);
    for (unsigned i = 0; i < 4; i++)
        universe_start(u, i);
    universe_run(u, 80000);
    assert_int_equal(universe_status(u, 0).state, STATUS_MEMBER);
    cut_off(u, 4, false);
    assert_true(universe_until(u, universe_is_ready, 60000));
    key[4] = '0';
    for (unsigned i = 0; i < 8; i++, key[4]++) {
        client_op_wait(u, &o[i]);
        if (o[i].err == 0)
            assert_int_equal(universe_get(u, 0, key, &got), 0);
    }
}

/* Who answers only where he has led before may have nothing to answer on: whoever asked hears at once that another
 * connection stands, or asks again. */
static void test_an_answer_finds_its_way(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    start_all(u);
    unsigned leader = leader_of_key(u, "key"), through = (leader + 1) % 5;
    for (unsigned wait = 0; wait < 60; wait += 3) {
        link_close(link_to(u, leader, through));
        universe_run(u, wait);
        client_op_put(u, &o, through, "key", "value", OP_ALWAYS, 20000);
        universe_run(u, 1000);
        assert_true(o.done);
        assert_int_equal(o.err, 0);
    }
}

static unsigned follower_of_key(struct universe *u, const char *key)
{
    unsigned leader = leader_of_key(u, key), i = (leader + 1) % u->count;
    while (!partition_at(u, i, key)->replica)
        i = (i + 1) % u->count;
    return i;
}

/* An entry goes to a follower over the connection that its answers come on: an answer waits behind it, however large it
 * is. */
static void test_an_answer_waits_behind_its_entry(void **state)
{
    enum { SIZE = 12 << 20 };
    struct universe *u = *state;
    struct client_op o;
    char *value = malloc(SIZE + 1);
    assert_non_null(value);
    memset(value, 'v', SIZE);
    value[SIZE] = '\0';
    start_all(u);
    unsigned leader = leader_of_key(u, "key"), through = follower_of_key(u, "key");
    client_op_put(u, &o, through, "key", value, OP_ALWAYS, 60000);
    while (list_empty(&link_to(u, leader, through)->peer->served))
        universe_run(u, 1);
    universe_cut(u, leader, through, true); /* the other follower is enough for it */
    universe_run(u, 100);
    assert_true(link_backlog(link_to(u, leader, through)) > FORWARD_BACKLOG_MAX);
    universe_cut(u, leader, through, false);
    universe_run(u, 1000);
    assert_true(o.done);
    assert_int_equal(o.err, 0);
    free(value);
}

/* R-RETRY where a partition has one replica: a repetition is known there, too. */
static void test_alone_counts_once(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    char key[] = "key-0";
    u->config.replicas = 1;
    start_all(u);
    for (unsigned wait = 0; wait < 4; wait++, key[4]++) {
        unsigned leader = leader_of_key(u, key), through = (leader + 1) % 5;
        client_op_put(u, &o, through, key, "value", OP_CREATE, 60000);
        universe_run(u, wait);
        universe_cut(u, leader, through, true);
        universe_run(u, 12000);
        universe_cut(u, leader, through, false);
        client_op_wait(u, &o);
        assert_int_equal(o.err, 0);
    }
}

static uint64_t count_origins(struct universe *u, unsigned i)
{
    struct store_stats s;
    router_stats(cluster_router(cluster_at(u, i)), &s);
    return s.origins;
}

/* And what it remembers of whoever is gone goes. */
static void test_alone_forgets(void **state)
{
    struct universe *u = *state;
    char key[] = "key-0";
    u->config.replicas = 1;
    start_all(u);
    for (; key[4] < 'z'; key[4]++)
        assert_int_equal(universe_put(u, 0, key, "value"), 0);
    assert_true(count_origins(u, 1) > 0);
    universe_kill(u, 0);
    universe_run(u, 61000);
    for (unsigned rounds = 0; rounds < 3; rounds++) {
        universe_run(u, 60000);
        for (key[4] = '0'; key[4] < 'z'; key[4]++)
            assert_int_equal(universe_put(u, 2, key, "value"), 0);
    }
    for (unsigned i = 1; i < 5; i++)
        for (unsigned k = 0; k < META_PARTITIONS_MAX; k++) {
            const struct partition *p = &cluster_at(u, i)->partitions.at[k];
            const struct incarnation *origin = p->store ? store_origin(p->store, 0) : NULL;
            assert_true(!origin || !incarnation_equal(*origin, u->machine[0].incarnation));
        }
}

/* As a member that is not what it should be. */
static uint64_t ask_badly(struct universe *u, unsigned of, unsigned kind, const char *key, const struct blob *body)
{
    unsigned from = (of + 1) % 5;
    struct peer_request m = {.number = 1,
                             .kind = kind,
                             .partition = (uint16_t)partition_at(u, of, key)->number,
                             .time_ms = 1000,
                             .body = slice_make(body->data, body->size)};
    struct link *l = link_to(u, from, of);
    struct coder c = coder_writer(link_begin(l, PEER_REQUEST));
    code_request(&c, &m);
    link_end(l, c.err);
    u->machine[from].touched = true;
    uint64_t before = cluster_at(u, of)->mesh.malformed;
    universe_run(u, 1000);
    return cluster_at(u, of)->mesh.malformed - before;
}

/* R + W > N: what one client was answered another sees with r = 1, through whatever node. */
static void test_a_read_of_any_replica_sees_what_was_answered(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    start_all(u);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(universe_put(u, i % 5, key_of(i), "value"), 0);
        for (unsigned through = 0; through < 5; through++) {
            client_op_get(u, &o, through, key_of(i), true, 1000);
            client_op_wait(u, &o);
            assert_int_equal(o.err, 0);
        }
    }
}

/* It is waited for a moment, until it counts as silent: then no longer. */
static void test_a_read_of_any_replica_needs_no_leader(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    start_all(u);
    assert_int_equal(universe_put(u, 0, "key", "value"), 0);
    unsigned leader = leader_of(u, partition_of(u, 0, "key"));
    universe_pause(u, leader, true);
    for (unsigned i = 1; i < 5; i++) {
        uint64_t began = u->now_ms;
        client_op_get(u, &o, (leader + i) % 5, "key", true, 1000);
        client_op_wait(u, &o);
        assert_int_equal(o.err, 0);
        assert_string_equal(o.value, "value");
        assert_in_range(u->now_ms - began, 0, 150);
    }
    /* And of those who are left when most are gone. */
    universe_pause(u, leader, false);
    await_ready(u, 60000);
    struct partition *p = partition_at(u, 0, "key");
    unsigned alone = 0, dead = 0;
    while (!cluster_at(u, alone)->partitions.at[p->number].whole)
        alone++;
    for (unsigned i = 0; i < 5 && dead < 3; i++)
        if (i != alone) {
            universe_kill(u, i);
            dead++;
        }
    client_op_get(u, &o, alone, "key", true, 1000);
    client_op_wait(u, &o);
    assert_int_equal(o.err, 0);
}

/* All keys are written over and over: what the logs hold of it is bounded, and told. */
static void test_logs_share_their_part_of_the_memory(void **state)
{
    struct universe *u = *state;
    char value[8192];
    static struct client_op o[KEYS];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    u->config.memory_limit = (size_t)32 << 20;
    start_all(u);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < KEYS; i++)
            client_op_put(u, &o[i], i % 5, key_of(i), value, OP_ALWAYS, 10000);
        for (unsigned i = 0; i < KEYS; i++) {
            client_op_wait(u, &o[i]);
            assert_int_equal(o[i].err, 0);
        }
        universe_run(u, 200); /* a heartbeat */
        for (unsigned i = 0; i < 5; i++) {
            const struct cluster *c = cluster_at(u, i);
            size_t logs = 0;
            for (unsigned k = 0; k < META_PARTITIONS_MAX; k++)
                logs += c->partitions.at[k].group ? group_log_bytes(c->partitions.at[k].group) : 0;
            assert_in_range(logs, 1, (4 << 20) + (64 << 10));
            assert_int_equal(c->partitions.log_bytes, logs);
            struct status_memory m = universe_status(u, i).memory;
            assert_int_equal(m.logs, logs + group_log_bytes(c->meta.group));
            assert_int_equal(m.logs_limit, 4 << 20);
            assert_true(m.data == c->memory.used && m.data_limit == 32 << 20);
        }
    }
}

/* What only a leader proposes, and keys that are elsewhere. */
static void test_requests_are_judged(void **state)
{
    struct universe *u = *state;
    struct store_command forget = {.op = STORE_FORGET, .origin.incarnation = {{1}}};
    struct store_key k = {.bucket = slice_str("bucket"), .key = slice_str("key")};
    start_all(u);
    unsigned leader = leader_of_key(u, "key");
    assert_ptr_not_equal(partition_at(u, 0, "key"), partition_at(u, 0, "other"));
    struct blob *command = command_encode(&forget), *read = router_encode_key(&k);
    assert_int_equal(ask_badly(u, leader, PEER_GET, "key", read), 0);
    assert_int_equal(ask_badly(u, leader, PEER_GET, "other", read), 1);
    assert_int_equal(ask_badly(u, leader, PEER_WRITE, "key", command), 1);
    /* Who joins a cluster does not know yet how many partitions it has: that is no fault of who asks. */
    struct meta_settings *settings = &cluster_at(u, leader)->meta.state->settings;
    settings->partitions = partition_at(u, leader, "key")->number;
    assert_int_equal(ask_badly(u, leader, PEER_GET, "key", read), 0);
    settings->partitions = 64;
    blob_put(command);
    blob_put(read);
}

struct change {
    struct router_request request; /* first */
    bool done;
    int err;
};

static void on_changed(struct router_request *q, int err, const struct store_result *result)
{
    struct change *change = (struct change *)(void *)q;
    (void)result;
    change->done = true;
    change->err = err;
}

/* A change of the catalog is answered when all know it who may serve: who does not lead any more cannot tell. */
static void test_a_change_ends_with_the_lead(void **state)
{
    struct universe *u = *state;
    struct change change = {.done = false};
    unsigned leader = 0;
    start_all(u);
    while (meta_leader_id(cluster_at(u, leader)) != cluster_at(u, leader)->meta.self)
        leader++;
    cut_off(u, (leader + 1) % 5, true);
    router_request_init(&change.request, on_changed);
    router_deliver(&change.request, router_reset_bucket(cluster_router(cluster_at(u, leader)), &change.request,
                                                        slice_make(NULL, 0), slice_str("bucket")));
    u->machine[leader].touched = true;
    universe_run(u, 500);
    assert_false(change.done);
    cut_off(u, leader, true);
    universe_run(u, 3000);
    assert_true(change.done);
    assert_int_equal(change.err, E_UNKNOWN);
}

#define READS 8

struct reads {
    struct router_request request[READS];
    struct router *router;
    unsigned answered;
};

/* The first answer is enough: the others are forgotten. */
static void on_first(struct router_request *q, int err, const struct store_result *result)
{
    struct reads *r = (struct reads *)(void *)q;
    (void)result;
    assert_int_equal(err, E_NOT_FOUND);
    r->answered++;
    for (unsigned i = 1; i < READS; i++)
        router_forget(r->router, &r->request[i]);
}

static void on_other(struct router_request *q, int err, const struct store_result *result)
{
    (void)q;
    (void)err;
    (void)result;
    fail_msg("a request that was forgotten is answered");
}

/* Reads that wait for one round are answered in one go, and whoever is answered may forget any of the others. */
static void test_others_may_be_forgotten_in_an_answer(void **state)
{
    struct universe *u = *state;
    start_all(u);
    unsigned leader = leader_of_key(u, "key");
    struct reads r = {.router = cluster_router(cluster_at(u, leader))};
    struct store_key k;
    store_key_init(&k, router_hash_key(r.router), slice_make(NULL, 0), slice_str("bucket"), slice_str("key"));
    u->now_ms += cluster_at(u, leader)->times.election; /* the leader may not answer from its lease any more (R-READ) */
    for (unsigned i = 0; i < READS; i++) {
        router_request_init(&r.request[i], i ? on_other : on_first);
        router_deliver(&r.request[i], router_read(r.router, &r.request[i], &k, false));
    }
    u->machine[leader].touched = true;
    universe_run(u, 1000);
    assert_int_equal(r.answered, 1);
    unsigned kept = 0; /* none twice */
    for (const struct op *w = r.router->free; w && kept <= r.router->free_count; w = w->next_free)
        kept++;
    assert_int_equal(kept, r.router->free_count);
}

/* What changes the catalog takes six messages, one after the other: to the leader, the entry, its acknowledgement, the
 * commit index, "known", the answer. Nothing of it waits for a heartbeat or a renewal, at whatever time between two
 * heartbeats it comes. */
static void test_a_change_is_soon_known(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned i = 0; i < 60; i++) {
        struct change change = {.done = false};
        uint64_t begin_ms = u->now_ms;
        router_request_init(&change.request, on_changed);
        router_deliver(&change.request, router_reset_bucket(cluster_router(cluster_at(u, i % 5)), &change.request,
                                                            slice_make(NULL, 0), slice_str("bucket")));
        u->machine[i % 5].touched = true;
        while (!change.done && u->now_ms - begin_ms < 5000)
            universe_run(u, 1);
        assert_int_equal(change.err, 0);
        assert_in_range(u->now_ms - begin_ms, 0, 2 * 6 * (uint64_t)u->latency_ms);
    }
}

/* Members that have something to say at every turn, over links that are slower than that, keep their leases. */
static void test_many_changes_starve_no_lease(void **state)
{
    enum { COUNT = 64 };
    static struct change change[COUNT];
    static char name[COUNT][16];
    struct universe *u = *state;
    u->latency_ms = 60;
    start_all(u);
    for (unsigned i = 0; i < COUNT; i++)
        change[i].done = true;
    for (unsigned ms = 0; ms < 20000; ms++) {
        unsigned i = ms / 10 % COUNT;
        if (ms % 10 == 0 && change[i].done) {
            change[i] = (struct change){.done = false};
            snprintf(name[i], sizeof name[i], "bucket-%u", i);
            router_request_init(&change[i].request, on_changed);
            router_deliver(&change[i].request,
                           router_reset_bucket(cluster_router(cluster_at(u, i % 5)), &change[i].request,
                                               slice_make(NULL, 0), slice_str(name[i])));
            u->machine[i % 5].touched = true;
        }
        universe_run(u, 1);
        for (unsigned k = 0; k < 5; k++)
            assert_true(lease_is_valid(cluster_at(u, k)));
    }
    for (unsigned ms = 0; ms < 5000; ms++)
        universe_run(u, 1);
    for (unsigned i = 0; i < COUNT; i++)
        assert_true(change[i].done && change[i].err == 0);
}

/* What was proposed to free what is due may be overruled: it is proposed anew by whoever leads next, and by this one
 * when it leads again. */
static void test_tick_is_forgotten_with_the_lead(void **state)
{
    struct universe *u = *state;
    start_all(u);
    unsigned leader = leader_of_key(u, "key");
    struct partition *p = partition_at(u, leader, "key");
    cut_off(u, leader, true);
    partition_tick(p);
    assert_true(p->tick_index != 0);
    universe_run(u, 3000);
    assert_false(partition_leads(p));
    assert_int_equal(p->tick_index, 0);
}

static unsigned voters_of(const struct partition *p)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned voters = 0, n = group_members(p->group, m);
    for (unsigned i = 0; i < n; i++)
        voters += m[i].role == GROUP_VOTER;
    return voters;
}

/* The map calls a replica present that its group goes on without: it was needed again when it had just been removed, or
 * the change that had added it was overruled. Another is made. */
static void test_a_replica_that_its_group_lacks_is_replaced(void **state)
{
    struct universe *u = *state;
    struct group_member m[GROUP_MEMBERS_MAX];
    start_all(u);
    struct partition *p = partition_at(u, leader_of_key(u, "key"), "key");
    group_members(p->group, m);
    uint64_t lost = m[0].id == p->replica ? m[1].id : m[0].id;
    assert_int_equal(group_change(p->group, u->now_ms, GROUP_REMOVE, lost), 0);
    universe_run(u, 10000);
    p = partition_at(u, leader_of_key(u, "key"), "key");
    assert_int_equal(voters_of(p), 3);
    assert_null(meta_replica(partition_map(p), lost));
}

/* Two who have lost their connections to each other, and have requests of each other, get them back. */
static void test_connections_come_back_under_requests(void **state)
{
    struct universe *u = *state;
    static struct client_op o[2 * KEYS];
    struct link *l[2];
    start_all(u);
    struct cluster *c[2] = {cluster_at(u, 0), cluster_at(u, 3)};
    for (unsigned i = 0; i < 2; i++) {
        l[i] = mesh_link(&c[i]->mesh, c[!i]->incarnation, PLANE_RAFT);
        assert_non_null(l[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        link_close(l[i]);
    u->machine[0].touched = u->machine[3].touched = true;
    for (unsigned i = 0; i < 2 * KEYS; i++)
        client_op_put(u, &o[i], i % 2 ? 3 : 0, key_of(i / 2), "v", OP_ALWAYS, 20000);
    universe_run(u, 5000);
    assert_non_null(mesh_link(&c[0]->mesh, c[1]->incarnation, PLANE_RAFT));
    assert_non_null(mesh_link(&c[1]->mesh, c[0]->incarnation, PLANE_RAFT));
    for (unsigned i = 0; i < 2 * KEYS; i++) {
        client_op_wait(u, &o[i]);
        assert_int_equal(o[i].err, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ends_with_its_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_finds_its_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_waits_behind_its_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alone_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alone_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_of_any_replica_sees_what_was_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_of_any_replica_needs_no_leader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_logs_share_their_part_of_the_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_are_judged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_change_ends_with_the_lead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_may_be_forgotten_in_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_change_is_soon_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_changes_starve_no_lease, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tick_is_forgotten_with_the_lead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_replica_that_its_group_lacks_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections_come_back_under_requests, setup, teardown),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
