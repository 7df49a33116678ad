/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets of TLS session tickets: all members have the same, rotate them together, and are given each before any of
 * them uses it. In virtual time. */
#include "support.h"

#include "cluster/cluster_impl.h"
#include "scenario.h"

#define ROTATION_MS 20000

static const uint8_t *secret(const struct machine *m, unsigned i)
{
    assert_true(i < m->tickets.count);
    return m->tickets.secret[i];
}

static const uint8_t *current(const struct machine *m)
{
    return secret(m, m->tickets.current);
}

static bool knows(const struct machine *m, const uint8_t *one)
{
    for (unsigned i = 0; i < m->tickets.count; i++)
        if (memcmp(m->tickets.secret[i], one, CLUSTER_TICKET_SECRET_SIZE) == 0)
            return true;
    return false;
}

static bool are_same(struct universe *u)
{
    for (unsigned i = 1; i < u->count; i++)
        if (cluster_at(u, i) && memcmp(&u->machine[i].tickets, &u->machine[0].tickets, sizeof u->machine[0].tickets))
            return false;
    return true;
}

/* What any of them makes, each of the others takes. */
static void expect_understanding(struct universe *u)
{
    for (unsigned i = 0; i < u->count; i++)
        for (unsigned k = 0; k < u->count; k++)
            if (cluster_at(u, i) && cluster_at(u, k))
                assert_true(knows(&u->machine[k], current(&u->machine[i])));
}

static void run_understanding(struct universe *u, uint64_t ms)
{
    for (uint64_t t = 0; t < ms; t++) {
        universe_run(u, 1);
        expect_understanding(u);
    }
}

static uint32_t rotations(struct universe *u, unsigned i)
{
    return cluster_at(u, i)->meta.state->tickets.generation;
}

static void test_all_have_the_same(void **state)
{
    struct universe *u = *state;
    start_all(u);
    assert_true(are_same(u));
    const struct machine *m = &u->machine[3];
    assert_int_equal(m->tickets.count, 2);
    assert_memory_not_equal(secret(m, 0), secret(m, 1), CLUSTER_TICKET_SECRET_SIZE);
    struct machine before = *m;
    universe_run(u, 2 * ROTATION_MS); /* here they are not rotated */
    assert_memory_equal(&before.tickets, &m->tickets, sizeof m->tickets);
}

static void test_they_rotate_together(void **state)
{
    struct universe *u = *state;
    u->config.tickets_ms = ROTATION_MS;
    start_all(u);
    for (uint32_t i = rotations(u, 0); i < 4; i++) {
        struct machine before = u->machine[0];
        run_understanding(u, ROTATION_MS);
        assert_true(are_same(u));
        assert_int_equal(rotations(u, 0), i + 1);
        const struct machine *m = &u->machine[0];
        assert_int_equal(m->tickets.count, 3);
        assert_memory_equal(current(m), secret(&before, 0), CLUSTER_TICKET_SECRET_SIZE);
        assert_memory_equal(secret(m, 2), current(&before), CLUSTER_TICKET_SECRET_SIZE);
        assert_false(knows(&before, secret(m, 0)));
    }
}

static void test_under_another_leader(void **state)
{
    struct universe *u = *state;
    u->config.tickets_ms = ROTATION_MS;
    start_all(u);
    uint32_t before = rotations(u, 0);
    unsigned leader = meta_leader(u);
    universe_kill(u, leader);
    unsigned other = (leader + 1) % u->count;
    universe_run(u, 3 * ROTATION_MS);
    assert_int_equal(rotations(u, other), before + 3);
    expect_understanding(u);
    universe_start(u, leader); /* who joins has them with the state */
    await_ready(u, 90000);
    expect_understanding(u);
    assert_true(are_same(u));
}

/* The old leader's and the new one's, at the same time. */
static void test_of_two_commands_one_counts(void **state)
{
    struct universe *u = *state;
    start_all(u);
    struct cluster *c = cluster_at(u, meta_leader(u));
    struct meta_command m = {.kind = META_TICKETS, .generation = c->meta.state->tickets.generation};
    uint64_t index;
    for (uint8_t i = 1; i <= 2; i++) {
        m.random[0] = i;
        assert_int_equal(meta_propose(c, &m, &index), 0);
    }
    universe_run(u, 2000);
    assert_int_equal(c->meta.state->tickets.generation, m.generation + 1);
    assert_true(are_same(u));
}

static bool is_forgotten(struct universe *u)
{
    return u->machine[1].tickets.count == 0;
}

/* Cut off until the others have given it up, it is in no cluster when it hears so; then it joins again. */
static void test_who_is_in_no_cluster_has_none(void **state)
{
    struct universe *u = *state;
    u->config.tickets_ms = ROTATION_MS;
    start_all(u);
    for (unsigned i = 0; i < u->count; i++)
        if (i != 1)
            universe_cut(u, 1, i, true);
    universe_run(u, 90000);
    assert_int_equal(universe_status(u, 0).member_count, 4);
    for (unsigned i = 0; i < u->count; i++)
        universe_cut(u, 1, i, false);
    assert_true(universe_until(u, is_forgotten, 30000));
    await_ready(u, 60000);
    assert_true(are_same(u));
}

static bool are_stranded(struct universe *u)
{
    return universe_status(u, 0).state == STATUS_STRANDED && universe_status(u, 1).state == STATUS_STRANDED;
}

static void test_the_next_epoch_goes_on_with_them(void **state)
{
    struct universe *u = *state;
    char why[256];
    start_all(u);
    struct machine before = u->machine[0];
    for (unsigned i = 2; i < u->count; i++)
        universe_kill(u, i);
    assert_true(universe_until(u, are_stranded, 30000));
    assert_int_equal(cluster_reform_survivors(cluster_at(u, 0), 2, why, sizeof why), 0);
    await_ready(u, 30000);
    assert_memory_equal(&before.tickets, &u->machine[0].tickets, sizeof before.tickets);
    assert_memory_equal(&before.tickets, &u->machine[1].tickets, sizeof before.tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_have_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_they_rotate_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_under_another_leader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_two_commands_one_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_in_no_cluster_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_next_epoch_goes_on_with_them, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
