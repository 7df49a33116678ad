/* SPDX-License-Identifier: Apache-2.0 */
/* Five nodes in virtual time: forming, requests through every node, losing and regaining nodes. */
#include "support.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "scenario.h"

#include <stdio.h>

static void test_forms(void **state)
{
    struct universe *u = *state;
    uint64_t began = u->now_ms;
    start_all(u);
    assert_in_range(u->now_ms - began, 1, 3000);
    struct status_node s = universe_status(u, 3);
    assert_int_equal(s.member_count, 5);
    assert_int_equal(s.seats, 5);
    assert_int_equal(s.partitions_incomplete, 0);
}

/* Its name has no address yet: it takes part as soon as it has one, and nobody is troubled before. */
static void test_address_that_comes_later(void **state)
{
    struct universe *u = *state;
    u->machine[2].placed_later = true;
    for (unsigned i = 0; i < 5; i++)
        universe_start(u, i);
    universe_run(u, 20000);
    for (unsigned i = 0; i < 5; i++)
        assert_non_null(router_unavailable(cluster_router(u->machine[i].cluster)));
    universe_place(u, 2);
    assert_true(universe_until(u, universe_is_ready, 15000));
    assert_int_equal(universe_status(u, 2).member_count, 5);
}

static void test_address_of_one_that_comes_later(void **state)
{
    struct universe *u = *state;
    u->count = u->config.expected = 1;
    u->machine[0].placed_later = true;
    universe_start(u, 0);
    universe_run(u, 1000);
    assert_non_null(router_unavailable(cluster_router(u->machine[0].cluster)));
    universe_place(u, 0);
    assert_true(universe_until(u, universe_is_ready, 1000));
    assert_int_equal(universe_put(u, 0, "key", "value"), 0);
}

/* Whoever comes is dialed at once, however often nobody has answered there. */
static void test_who_comes_is_seen_at_once(void **state)
{
    struct universe *u = *state;
    for (unsigned i = 0; i < 4; i++)
        universe_start(u, i);
    universe_run(u, 20000);
    for (unsigned round = 0; round < 5; round++) {
        universe_start(u, 4);
        universe_run(u, 20);
        for (unsigned i = 0; i < 4; i++) {
            const struct mesh *m = &u->machine[i].cluster->mesh;
            assert_true(mesh_sees(m, mesh_peer(m, u->machine[4].incarnation)));
        }
        universe_kill(u, 4);
        universe_run(u, 4700 + 130 * round);
    }
}

static void test_every_node_serves(void **state)
{
    struct universe *u = *state;
    struct client_op o;
    char key[32];
    start_all(u);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        assert_int_equal(universe_put(u, i % 5, key, key), 0);
        assert_int_equal(universe_get(u, (i + 2) % 5, key, &o), 0);
        assert_string_equal(o.value, key);
    }
    assert_int_equal(universe_get(u, 0, "absent", &o), E_NOT_FOUND);
}

static void test_one_creates(void **state)
{
    struct universe *u = *state;
    struct client_op o[10];
    unsigned won = 0;
    start_all(u);
    for (unsigned i = 0; i < 10; i++)
        client_op_put(u, &o[i], i % 5, "claim", i % 2 ? "odd" : "even", OP_CREATE, 10000);
    for (unsigned i = 0; i < 10; i++) {
        client_op_wait(u, &o[i]);
        won += o[i].err == 0;
        assert_true(o[i].err == 0 || o[i].err == E_EXISTS);
    }
    assert_int_equal(won, 1);
}

static unsigned count_hectic(struct universe *u, unsigned i, unsigned ms)
{
    unsigned n = 0;
    while (ms--) {
        universe_run(u, 1);
        n += timers_next_ms(&u->machine[i].timers) < u->now_ms;
    }
    return n;
}

/* A node that waits for the cluster's state sleeps until something comes, instead of turning its loop over and over. */
static void test_joiner_sleeps(void **state)
{
    struct universe *u = *state;
    start_all(u);
    universe_kill(u, 4);
    universe_run(u, 1000);
    universe_start(u, 4);
    while (universe_status(u, 4).state != STATUS_JOINING)
        universe_run(u, 1);
    for (unsigned i = 0; i < 4; i++)
        universe_cut(u, i, 4, true);
    assert_true(count_hectic(u, 4, 1000) < 300);
    assert_int_equal(universe_status(u, 4).state, STATUS_JOINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_address_that_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_address_of_one_that_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_comes_is_seen_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_node_serves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_creates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_joiner_sleeps, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
