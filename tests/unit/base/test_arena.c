/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/rng.h"
#include "failing_alloc.h"
#include "support.h"

#include <stdalign.h>

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % alignof(max_align_t) == 0;
}

static void test_takes_no_memory_before_it_is_asked(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1000);
    assert_null(a.first);
    arena_reset(&a);
    assert_null(a.first);
    arena_fini(&a);
}

static void test_one_and_two(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1000);
    uint8_t *one = arena_alloc(&a, 1), *two = arena_alloc(&a, 20);
    assert_non_null(one);
    assert_non_null(two);
    assert_true(is_aligned(one) && is_aligned(two));
    *one = 1;
    memset(two, 2, 20);
    assert_int_equal(*one, 1);
    assert_non_null(arena_alloc(&a, 0));
    arena_fini(&a);
}

/* Each piece gets a byte of its own, and still has it when all are handed out. */
static void fill(struct arena *a, struct rng *r, unsigned pieces)
{
    uint8_t *at[500];
    size_t len[500];
    for (unsigned i = 0; i < pieces; i++) {
        len[i] = 1 + rng_below(r, i % 20 ? 200 : 20000);
        at[i] = arena_alloc(a, len[i]);
        assert_non_null(at[i]);
        assert_true(is_aligned(at[i]));
        memset(at[i], (int)i, len[i]);
    }
    for (unsigned i = 0; i < pieces; i++)
        for (size_t k = 0; k < len[i]; k++)
            assert_int_equal(at[i][k], i & 0xff);
}

static void test_many_of_all_sizes(void **state)
{
    struct arena a;
    struct rng r;
    (void)state;
    rng_seed(&r, 1);
    arena_init(&a, (size_t)16 << 20);
    for (unsigned pieces = 1; pieces <= 500; pieces += 83) {
        fill(&a, &r, pieces);
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    arena_fini(&a);
}

/* A request that fits the first chunk takes nothing from the heap, also after one that was large. */
static void test_first_chunk_stays(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, (size_t)1 << 20);
    void *large = arena_alloc(&a, 100000);
    assert_non_null(large);
    memset(large, 1, 100000);
    for (int i = 0; i < 3; i++) {
        arena_reset(&a);
        failing_alloc_start(1);
        void *p = arena_alloc(&a, 4000);
        assert_false(failing_alloc_stop());
        assert_non_null(p);
        memset(p, 2, 4000);
    }
    arena_fini(&a);
}

static void test_maximum(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1024);
    assert_null(arena_alloc(&a, 1025));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 512));
    assert_null(arena_alloc(&a, 513));
    assert_non_null(arena_alloc(&a, 512));
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1024));
    arena_fini(&a);
}

/* Rounding up to the alignment does not let many small pieces pass the maximum. */
static void test_maximum_of_small_pieces(void **state)
{
    struct arena a;
    size_t pieces = 0;
    (void)state;
    arena_init(&a, 1024);
    while (arena_alloc(&a, 1))
        pieces++;
    assert_int_equal(pieces, 1024 / alignof(max_align_t));
    arena_fini(&a);
}

static void test_strdup(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 64);
    assert_string_equal(arena_strdup(&a, slice_str("abc")), "abc");
    assert_string_equal(arena_strdup(&a, slice_make(NULL, 0)), "");
    char *p = arena_strdup(&a, slice_make("a\0b", 3));
    assert_memory_equal(p, "a\0b", 4);
    assert_null(arena_strdup(&a, slice_make("", SIZE_MAX)));
    arena_reset(&a);
    static const char text[64] = "x";
    assert_null(arena_strdup(&a, slice_make(text, 64))); /* the NUL does not fit */
    assert_non_null(arena_strdup(&a, slice_make(text, 63)));
    arena_fini(&a);
}

static void test_out_of_memory(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 100000);
    failing_alloc_start(1);
    assert_null(arena_alloc(&a, 10));
    failing_alloc_start(1);
    assert_null(arena_strdup(&a, slice_str("abc")));
    failing_alloc_start(2); /* the first chunk is there, the large one is not */
    assert_null(arena_alloc(&a, 10000));
    assert_true(failing_alloc_stop());
    assert_int_equal(a.used, 0);
    uint8_t *p = arena_alloc(&a, 10000);
    assert_non_null(p);
    p[9999] = 1;
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_no_memory_before_it_is_asked),
        cmocka_unit_test(test_one_and_two),
        cmocka_unit_test(test_many_of_all_sizes),
        cmocka_unit_test(test_first_chunk_stays),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_maximum_of_small_pieces),
        cmocka_unit_test(test_strdup),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
