/* SPDX-License-Identifier: Apache-2.0 */
/* The first of many hits, in order, against sorting all of them. */
#include "support.h"

#include "base/err.h"
#include "base/rng.h"
#include "api/top_k.h"

#include <stdio.h>
#include <stdlib.h>

#define MANY 500

static int terms[MANY]; /* sorted */

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void add(struct top_k *h, int term)
{
    char text[16];
    snprintf(text, sizeof text, "%d", term);
    struct router_hit hit = {slice_str(text), slice_str("key")};
    assert_int_equal(top_k_add(h, &hit), 0);
}

static void fill(struct top_k *h, uint64_t seed)
{
    struct rng r;
    rng_seed(&r, seed);
    for (int i = 0; i < MANY; i++) {
        terms[i] = (int)rng_below(&r, 2000) - 1000;
        add(h, terms[i]);
    }
    qsort(terms, MANY, sizeof *terms, by_number);
}

static int number_of(struct slice term)
{
    char text[16];
    snprintf(text, sizeof text, "%.*s", (int)term.len, (const char *)term.data);
    return atoi(text);
}

static int term_at(const struct top_k *h, size_t i)
{
    return number_of(top_k_at(h, i).term);
}

static void expect_first(struct top_k *h, size_t count)
{
    assert_int_equal(h->count, count);
    while (!top_k_sort_some(h, 7))
        continue;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(term_at(h, i), terms[i]);
}

static void test_the_first_are_kept(void **state)
{
    static const size_t limits[] = {1, 2, 7, 64, 100, MANY, SIZE_MAX};
    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (uint64_t seed = 1; seed < 10; seed++) {
            struct top_k h;
            struct router_hit last;
            top_k_init(&h, true, limits[i]);
            assert_false(top_k_full(&h, &last));
            fill(&h, seed);
            size_t count = limits[i] < MANY ? limits[i] : MANY;
            assert_int_equal(top_k_full(&h, &last), limits[i] <= MANY);
            if (limits[i] <= MANY)
                assert_int_equal(number_of(last.term), terms[count - 1]);
            expect_first(&h, count);
            top_k_fini(&h);
        }
}

/* What is replaced leaves its place to others: whatever comes in whatever order, memory is of what is kept. */
static void test_places_are_used_again(void **state)
{
    struct top_k h;
    (void)state;
    top_k_init(&h, true, 100);
    for (int i = 0; i < 20000; i++)
        add(&h, 20000 - i);
    assert_int_equal(h.count, 100);
    assert_true(h.bytes < 100 * 64);
    while (!top_k_sort_some(&h, SIZE_MAX))
        continue;
    for (size_t i = 0; i < h.count; i++)
        assert_int_equal(term_at(&h, i), i + 1);
    top_k_fini(&h);
}

/* A step sorts no more than it is told, and the last of all is known at once. */
static void test_sorts_in_steps(void **state)
{
    struct top_k h;
    unsigned steps = 1;
    (void)state;
    top_k_init(&h, true, SIZE_MAX);
    fill(&h, 42);
    while (!top_k_sort_some(&h, 100))
        steps++;
    assert_int_equal(steps, MANY / 100);
    top_k_clear(&h);
    assert_int_equal(h.count, 0);
    assert_int_equal(h.bytes, 0);
    fill(&h, 43);
    expect_first(&h, MANY);
    top_k_fini(&h);
}

static void test_long_names(void **state)
{
    struct top_k h;
    static uint8_t bytes[65536];
    struct router_hit hit = {slice_make(bytes, sizeof bytes), slice_make(bytes, sizeof bytes)};
    (void)state;
    top_k_init(&h, false, 2);
    for (unsigned i = 0; i < 8; i++) {
        bytes[0] = (uint8_t)(100 - i);
        assert_int_equal(top_k_add(&h, &hit), 0);
    }
    assert_int_equal(h.count, 2);
    top_k_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_are_kept),
        cmocka_unit_test(test_places_are_used_again),
        cmocka_unit_test(test_sorts_in_steps),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
