/* SPDX-License-Identifier: Apache-2.0 */
/* How nodes come together, and what they say meanwhile: starts that are lost or late, partitions and times as they are
 * told, addresses that lead to nobody or to the same node, and the lines of the log. In virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdlib.h>

static bool has_started(struct universe *u)
{
    return cluster_at(u, 3)->bootstrap.stage == FORM_STARTED || cluster_at(u, 4)->bootstrap.stage == FORM_STARTED;
}

/* R-REFORM: one that has pledged itself to the next epoch, and that its start does not reach, comes later, with all
 * that it holds. */
static void test_a_lost_start_loses_nothing(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    char key[] = "key-0";
    bool survives['z' - '0'];
    start_all(u);
    for (unsigned i = 0; key[4] < 'z'; i++, key[4]++) {
        assert_int_equal(universe_put(u, 4, key, key), 0);
        unsigned partition = partition_of(u, 3, key);
        survives[i] =
            cluster_at(u, 3)->partitions.at[partition].replica || cluster_at(u, 4)->partitions.at[partition].replica;
    }
    restart_first(u, 3, 1000);
    for (unsigned ms = 0; ms < 60000 && !has_started(u); ms++)
        universe_run(u, 1);
    assert_true(has_started(u));
    universe_cut(u, 3, 4, true);
    universe_run(u, 15000);
    universe_cut(u, 3, 4, false);
    assert_true(universe_until(u, universe_is_ready, 120000));
    key[4] = '0';
    for (unsigned i = 0; key[4] < 'z'; i++, key[4]++)
        assert_true(universe_get(u, 1, key, &o) == 0 || !survives[i]);
}

static unsigned who_has_accepted(struct universe *u)
{
    for (unsigned i = 3; i < 5; i++)
        if (cluster_at(u, i)->bootstrap.stage == FORM_ACCEPTED)
            return i;
    return UNIVERSE_MAX;
}

/* Its start reaches it with the news that the epoch is served already: it has begun, and does not begin again under
 * the same id, for what it has acknowledged it would know no more. */
static void test_a_start_that_comes_with_its_outcome(void **state)
{
    struct universe *u = *state;
    start_all(u);
    restart_first(u, 3, 1000);
    for (unsigned ms = 0; ms < 60000 && who_has_accepted(u) == UNIVERSE_MAX; ms++)
        universe_run(u, 1);
    unsigned late = who_has_accepted(u);
    assert_in_range(late, 3, 4);
    universe_pause(u, late, true);
    universe_run(u, 10000);
    struct cluster *c = cluster_at(u, late);
    struct peer *p = mesh_peer(&c->mesh, cluster_at(u, 0)->incarnation);
    p->beacon.state = PEER_MEMBER;
    p->beacon.serving = true;
    p->beacon.epoch = cluster_at(u, 0)->meta.state->epoch;
    p->beacon.cluster_id = c->meta.state->cluster_id;
    cluster_mesh_hooks.beacon(c, p); /* this one is there first */
    universe_pause(u, late, false);
    universe_run(u, 5000);
    assert_int_equal(cluster_at(u, late)->phase, PHASE_MEMBER);
    await_ready(u, 10000);
}

/* How many partitions there are is fixed when the cluster forms, whatever a later node was told, and whatever those
 * were told who form it again. */
static void keep_partitions(struct universe *u, uint16_t partitions, uint16_t told_later)
{
    struct status_partition p[ROUTER_PARTITIONS_MAX];
    u->config.partitions = partitions;
    start_all(u);
    write_all(u, 0, NULL);
    u->config.partitions = told_later;
    restart(u, 4);
    await_ready(u, 60000);
    expect_all(u, 4, NULL);
    restart_first(u, 3, 500);
    await_ready(u, 120000);
    write_all(u, 4, "again");
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(cluster_partition_count(cluster_at(u, i)), partitions);
        assert_int_equal(cluster_partitions(cluster_at(u, i), p, 0, ROUTER_PARTITIONS_MAX), partitions);
        assert_int_equal(cluster_at(u, i)->mesh.malformed, 0);
        expect_all(u, i, "again");
    }
}

static void test_fewer_partitions_than_told_later(void **state)
{
    keep_partitions(*state, 8, 64);
}

static void test_more_partitions_than_told_later(void **state)
{
    keep_partitions(*state, 64, 8);
}

static void test_one_partition(void **state)
{
    keep_partitions(*state, 1, 64);
}

/* R-TIME: of a partition where nothing happens, too: a replica that has heard a stamp late hears others in time. */
static void test_time_is_told_where_nothing_happens(void **state)
{
    struct universe *u = *state;
    start_all(u);
    universe_run(u, 30000);
    for (unsigned i = 0; i < partitions_of(cluster_at(u, 0)); i++)
        for (unsigned k = 0; k < 5; k++) {
            const struct partition *p = &cluster_at(u, k)->partitions.at[i];
            if (p->replica)
                assert_in_range(partition_now_ms(p) - store_stamp_ms(p->store), 0, 6000);
        }
}

/* R-PLEDGE: a beacon that a cut had held up says that its node serves, of when it did. Who has pledged itself does not
 * throw away for that what it holds. */
static void test_an_old_beacon_is_no_news(void **state)
{
    struct universe *u = *state;
    start_all(u);
    for (unsigned i = 0; i < 3; i++)
        universe_kill(u, i);
    universe_run(u, 15000);
    struct cluster *c = cluster_at(u, 3);
    struct peer *p = mesh_peer(&c->mesh, cluster_at(u, 4)->incarnation);
    assert_int_equal(c->phase, PHASE_STRANDED);
    bootstrap_freeze(c);
    p->beacon.state = PEER_MEMBER;
    p->beacon.serving = true;
    cluster_mesh_hooks.beacon(c, p);
    assert_int_equal(c->next, NEXT_SAME);
}

/* An alias of a node in the list of peers is no other node: nobody waits for it. */
static void test_aliases_do_not_hold_up_forming(void **state)
{
    struct universe *u = *state;
    static const char *const extra[] = {"10.1.0.1", "10.1.0.3"};
    struct cluster_candidate list[7];
    u->heard = "is this node itself";
    for (unsigned i = 0; i < 7; i++)
        list[i] = (struct cluster_candidate){i < 5 ? u->machine[i].address : extra[i - 5], 4369};
    for (unsigned i = 0; i < 5; i++) {
        universe_start(u, i);
        cluster_set_candidates(u->machine[i].cluster, list, 7, 7, true, true);
    }
    await_ready(u, 10000);
    assert_int_equal(u->heard_count, 2);
    assert_int_equal(cluster_n(cluster_at(u, 0)), 5);
}

/* R-FORM: nodes see each other where they say that they are. Three that advertise loopback reach each other by what
 * discovery lists; a cluster of them could serve nothing. Each is told. */
static void test_who_cannot_be_reached_is_not_formed_with(void **state)
{
    struct universe *u = *state;
    struct cluster_candidate list[3];
    u->config.expected = 3;
    u->advertise = UNIVERSE_LOOPBACK;
    u->heard = "cannot connect to this node at 127.0.0.1";
    for (unsigned i = 0; i < 3; i++)
        list[i] = (struct cluster_candidate){u->machine[i].address, 4369};
    for (unsigned i = 0; i < 3; i++) {
        universe_start(u, i);
        cluster_set_candidates(u->machine[i].cluster, list, 3, 3, true, true);
    }
    universe_run(u, 90000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(universe_status(u, i).state, STATUS_SEEKING);
    assert_in_range(u->heard_count, 3, 18);
}

/* Nor is it let into a cluster that is there, whose nodes reach it where discovery lists it. */
static void test_who_cannot_be_reached_is_not_admitted(void **state)
{
    struct universe *u = *state;
    struct cluster_candidate list[6];
    start_all(u);
    for (unsigned i = 0; i < 6; i++)
        list[i] = (struct cluster_candidate){u->machine[i].address, 4369};
    for (unsigned i = 0; i < 5; i++)
        cluster_set_candidates(u->machine[i].cluster, list, 6, 6, true, true);
    u->advertise = UNIVERSE_LOOPBACK;
    u->heard = "cannot connect to this node at 127.0.0.1";
    universe_start(u, 5);
    universe_run(u, 20000);
    assert_int_equal(universe_status(u, 5).state, STATUS_SEEKING);
    assert_int_equal(universe_status(u, 0).member_count, 5);
    assert_in_range(u->heard_count, 1, 5);
}

/* The log says why nothing happens: once when it has lasted a little, then once in a minute. */
static void test_who_waits_says_why(void **state)
{
    struct universe *u = *state;
    u->heard = "in no cluster: sees 2 of 5 nodes";
    universe_start(u, 0);
    universe_start(u, 1);
    universe_run(u, 10000);
    assert_int_equal(u->heard_count, 2);
    universe_run(u, 120000);
    assert_in_range(u->heard_count, 5, 6);
    u->heard = "10.0.0.3 port 4369: no node of this cluster answers";
    u->heard_count = 0;
    universe_run(u, 120000);
    assert_in_range(u->heard_count, 3, 4);
}

/* Who leads the cluster says whom it misses, and what is done about it. */
static void test_a_missing_member_is_told(void **state)
{
    struct universe *u = *state;
    start_all(u);
    universe_kill(u, (meta_leader(u) + 1) % 5);
    u->heard = "does not answer: others take over";
    for (unsigned i = 0; i < 800 && !u->heard_count; i++)
        universe_run(u, 10);
    assert_int_equal(u->heard_count, 1);
    u->heard = "partitions have their copies again";
    u->heard_count = 0;
    universe_run(u, 20000);
    assert_int_equal(u->heard_count, 1);
}

static void test_full_memory_is_told_once_in_a_minute(void **state)
{
    struct universe *u = *state;
    start_all(u);
    u->heard = "memory is full";
    for (unsigned s = 0; s < 130; s++) {
        u->machine[0].metrics.writes_refused_full += 10;
        universe_run(u, 1000);
    }
    assert_int_equal(u->heard_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_lost_start_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_start_that_comes_with_its_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fewer_partitions_than_told_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_partitions_than_told_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_is_told_where_nothing_happens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_old_beacon_is_no_news, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aliases_do_not_hold_up_forming, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_cannot_be_reached_is_not_admitted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_waits_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_missing_member_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_memory_is_told_once_in_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_cannot_be_reached_is_not_formed_with, setup, teardown),
    };
    cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
