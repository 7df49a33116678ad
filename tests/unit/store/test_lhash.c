/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "store/lhash.h"
#include "support.h"

#include <stdlib.h>

static void test_order_is_its_own_inverse(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&r);
        assert_int_equal(lhash_order(lhash_order(x)), x);
    }
    assert_int_equal(lhash_order(1), UINT64_C(1) << 63);
}

/* At every size, a walk meets every slot once, and a slot's range holds just the hashes that are addressed to it. */
static void test_walk_covers_every_slot_once(void **state)
{
    struct lhash l = {0};
    struct rng r;
    (void)state;
    rng_seed(&r, 2);
    for (size_t slots = 1; slots < 200; slots++) {
        unsigned char *seen = calloc(slots, 1);
        uint64_t order = 0;
        bool more = true;
        size_t steps = 0;
        assert_int_equal(lhash_slots(&l), slots);
        while (more) {
            uint64_t first = order;
            size_t slot = lhash_walk(&l, &order, &more);
            assert_true(slot < slots);
            assert_int_equal(seen[slot]++, 0);
            uint64_t last = order - 1;
            for (int i = 0; i < 20; i++) {
                uint64_t at = first + (last - first == UINT64_MAX ? rng_next(&r) : rng_below(&r, last - first + 1));
                assert_int_equal(lhash_slot(&l, lhash_order(at)), slot);
            }
            steps++;
        }
        assert_int_equal(steps, slots);
        free(seen);
        lhash_grow(&l);
    }
}

/* Growing divides one slot in two; shrinking undoes it. */
static void test_grow_and_shrink_move_one_slot(void **state)
{
    struct lhash l = {0};
    struct rng r;
    (void)state;
    rng_seed(&r, 3);
    for (size_t slots = 1; slots < 300; slots++) {
        struct lhash before = l;
        size_t from = lhash_grow(&l);
        for (int i = 0; i < 100; i++) {
            uint64_t hash = rng_next(&r);
            size_t was = lhash_slot(&before, hash), is = lhash_slot(&l, hash);
            assert_true(was == is || (was == from && is == slots));
        }
        struct lhash back = l;
        assert_int_equal(lhash_shrink(&back), from);
        assert_int_equal(back.level, before.level);
        assert_int_equal(back.split, before.split);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_its_own_inverse),
        cmocka_unit_test(test_walk_covers_every_slot_once),
        cmocka_unit_test(test_grow_and_shrink_move_one_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
