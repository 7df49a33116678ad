/* The first of many hits, in order, against sorting all of them. */
#include "support.h"

#include "base/err.h"
#include "base/rng.h"
#include "server/hits.h"

#include <stdio.h>
#include <stdlib.h>

#define MANY 500

static int terms[MANY]; /* sorted */

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void add(struct hits *h, int term)
{
    char text[16];
    snprintf(text, sizeof text, "%d", term);
    struct router_hit hit = {slice_str(text), slice_str("key")};
    assert_int_equal(hits_add(h, &hit), 0);
}

static void fill(struct hits *h, uint64_t seed)
{
    struct rng r;
    rng_seed(&r, seed);
    for (int i = 0; i < MANY; i++) {
        terms[i] = (int)rng_below(&r, 2000) - 1000;
        add(h, terms[i]);
    }
    qsort(terms, MANY, sizeof *terms, by_number);
}

static void expect_first(struct hits *h, size_t count)
{
    assert_int_equal(h->count, count);
    hits_sort(h);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(atoi((const char *)hits_at(h, i).term.data), terms[i]);
}

static void test_the_first_are_kept(void **state)
{
    static const size_t limits[] = {1, 2, 7, 64, 100, MANY, SIZE_MAX};
    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (uint64_t seed = 1; seed < 10; seed++) {
            struct hits h;
            struct router_hit last;
            hits_init(&h, true, limits[i], SIZE_MAX);
            assert_false(hits_full(&h, &last));
            fill(&h, seed);
            size_t count = limits[i] < MANY ? limits[i] : MANY;
            assert_int_equal(hits_full(&h, &last), limits[i] <= MANY);
            if (limits[i] <= MANY)
                assert_int_equal(atoi((const char *)last.term.data), terms[count - 1]);
            expect_first(&h, count);
            hits_fini(&h);
        }
}

static void test_bytes_are_bounded(void **state)
{
    struct hits h;
    struct router_hit hit = {slice_str("term"), slice_str("keys")};
    (void)state;
    hits_init(&h, false, SIZE_MAX, 20);
    assert_int_equal(hits_add(&h, &hit), 0);
    assert_int_equal(hits_add(&h, &hit), 0);
    assert_int_equal(hits_add(&h, &hit), E_TOO_LARGE);
    hits_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_are_kept),
        cmocka_unit_test(test_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
