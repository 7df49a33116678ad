/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the placement, over members that come and go by chance; and the few cases one can name. */
#include "map/placement.h"

#include "base/rng.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define P 64

struct map {
    uint64_t live[PLACEMENT_MEMBERS_MAX];
    unsigned live_count, replicas;
    uint64_t next_id;
    struct placement_partition p[P], before[P];
};

static void join(struct map *m)
{
    m->live[m->live_count++] = m->next_id++;
}

static void leave(struct map *m, unsigned i)
{
    m->live[i] = m->live[--m->live_count];
}

static bool is_live(const struct map *m, uint64_t id)
{
    for (unsigned i = 0; i < m->live_count; i++)
        if (m->live[i] == id)
            return true;
    return false;
}

static bool holds(const struct placement_partition *p, uint64_t id)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->member[i] == id)
            return true;
    return false;
}

static unsigned load_of(const struct map *m, uint64_t id, bool leaders)
{
    unsigned n = 0;
    for (unsigned i = 0; i < P; i++)
        n += leaders ? m->p[i].leader == id : holds(&m->p[i], id);
    return n;
}

static unsigned spread(const struct map *m, bool leaders)
{
    unsigned most = 0, least = UINT32_MAX;
    for (unsigned i = 0; i < m->live_count; i++) {
        unsigned n = load_of(m, m->live[i], leaders);
        most = n > most ? n : most;
        least = n < least ? n : least;
    }
    return most - least;
}

/* Replicas that are where they were not before. */
static unsigned moved(const struct map *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < P; i++)
        for (unsigned k = 0; k < m->p[i].count; k++)
            n += !holds(&m->before[i], m->p[i].member[k]);
    return n;
}

static void compute(struct map *m)
{
    memcpy(m->before, m->p, sizeof m->before);
    placement_compute(m->live, m->live_count, m->replicas, m->p, P);
}

static void expect_good(const struct map *m)
{
    unsigned count = m->replicas < m->live_count ? m->replicas : m->live_count;
    for (unsigned i = 0; i < P; i++) {
        const struct placement_partition *p = &m->p[i];
        assert_int_equal(p->count, count);
        assert_true(p->kept <= count);
        for (unsigned k = 0; k < count; k++)
            assert_int_equal(holds(&m->before[i], p->member[k]), k < p->kept);
        assert_true(count == 0 ? p->leader == 0 : holds(p, p->leader));
        for (unsigned k = 0; k < p->count; k++) {
            assert_true(is_live(m, p->member[k]));
            for (unsigned j = 0; j < k; j++)
                assert_true(p->member[j] != p->member[k]);
        }
    }
    if (m->live_count) {
        assert_true(spread(m, false) <= 1);
        assert_true(spread(m, true) <= 1);
    }
}

static struct map *map_of(unsigned members, unsigned replicas)
{
    struct map *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->next_id = 1;
    m->replicas = replicas;
    while (m->live_count < members)
        join(m);
    compute(m);
    expect_good(m);
    return m;
}

static void test_nobody_one_two(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= 2; n++) {
        struct map *m = map_of(n, 3);
        assert_int_equal(moved(m), P * n);
        free(m);
    }
}

static void test_what_is_good_stays(void **state)
{
    (void)state;
    struct map *m = map_of(5, 3);
    compute(m);
    assert_int_equal(moved(m), 0);
    for (unsigned i = 0; i < P; i++) {
        assert_int_equal(m->p[i].kept, 3);
        assert_memory_equal(m->p[i].member, m->before[i].member, sizeof m->p[i].member);
        assert_int_equal(m->p[i].leader, m->before[i].leader);
    }
    free(m);
}

static void test_a_newcomer_gets_its_share_and_nothing_else_moves(void **state)
{
    (void)state;
    for (unsigned n = 3; n <= 12; n++) {
        struct map *m = map_of(n, 3);
        join(m);
        compute(m);
        expect_good(m);
        assert_int_equal(moved(m), P * 3 / (n + 1));
        free(m);
    }
}

static void test_only_what_was_lost_is_replaced(void **state)
{
    (void)state;
    for (unsigned n = 4; n <= 12; n++) {
        struct map *m = map_of(n, 3);
        unsigned lost = load_of(m, m->live[1], false);
        leave(m, 1);
        compute(m);
        expect_good(m);
        assert_int_equal(moved(m), lost);
        free(m);
    }
}

/* Members by chance, from one to many and back. */
static void test_chance(void **state)
{
    struct rng rng;
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        rng_seed(&rng, seed);
        struct map *m = map_of(1 + (unsigned)rng_below(&rng, 9), 1 + (unsigned)rng_below(&rng, PLACEMENT_REPLICAS_MAX));
        for (unsigned i = 0; i < 20; i++) {
            for (uint64_t joins = rng_below(&rng, 3); joins && m->live_count < 20; joins--)
                join(m);
            for (uint64_t leaves = rng_below(&rng, 3); leaves && m->live_count > 1; leaves--)
                leave(m, (unsigned)rng_below(&rng, m->live_count));
            compute(m);
            expect_good(m);
        }
        free(m);
    }
}

static void test_fewer_replicas_than_before(void **state)
{
    (void)state;
    struct map *m = map_of(5, 5);
    m->replicas = 3;
    compute(m);
    expect_good(m);
    assert_int_equal(moved(m), 0);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_one_two),
        cmocka_unit_test(test_what_is_good_stays),
        cmocka_unit_test(test_a_newcomer_gets_its_share_and_nothing_else_moves),
        cmocka_unit_test(test_only_what_was_lost_is_replaced),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_fewer_replicas_than_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
