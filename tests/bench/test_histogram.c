/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/rng.h"
#include "bench/histogram.h"

#include <stdlib.h>

static struct histogram h;

static int reset(void **state)
{
    (void)state;
    histogram_reset(&h);
    return 0;
}

static void nothing(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    assert_int_equal(histogram_quantile(&h, 1), 0);
}

static void one(void **state)
{
    (void)state;
    histogram_record(&h, 12345);
    assert_int_equal(histogram_quantile(&h, 0), 12345);
    assert_int_equal(histogram_quantile(&h, 1), 12345);
    assert_int_equal(h.max, 12345);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t v = 1; v <= 100; v++)
        histogram_record(&h, v);
    assert_int_equal(histogram_quantile(&h, 0.5), 50);
    assert_int_equal(histogram_quantile(&h, 0.99), 99);
    assert_int_equal(histogram_quantile(&h, 1), 100);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

#define MANY 20000

/* Against the sorted values: never below the true quantile, and at most one part in 128 above. */
static void many(void **state)
{
    static uint64_t values[MANY];
    static const double quantiles[] = {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    struct rng rng;
    (void)state;
    rng_seed(&rng, 7);
    for (int i = 0; i < MANY; i++) {
        values[i] = rng_next(&rng) >> (24 + rng_below(&rng, 40));
        histogram_record(&h, values[i]);
    }
    qsort(values, MANY, sizeof values[0], by_value);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        double rank = quantiles[i] * MANY;
        uint64_t exact = values[(size_t)(rank > 1 ? rank + 0.9999 : 1) - 1];
        uint64_t got = histogram_quantile(&h, quantiles[i]);
        assert_true(got >= exact);
        assert_true(got <= exact + exact / 128);
    }
}

static void too_large_a_value_is_counted(void **state)
{
    (void)state;
    histogram_record(&h, UINT64_MAX);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.max, UINT64_MAX);
    assert_int_equal(h.buckets[HISTOGRAM_BUCKETS - 1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing, reset),
        cmocka_unit_test_setup(one, reset),
        cmocka_unit_test_setup(small_values_are_exact, reset),
        cmocka_unit_test_setup(many, reset),
        cmocka_unit_test_setup(too_large_a_value_is_counted, reset),
    };
    return cmocka_run_group_tests_name("bench/histogram", tests, NULL, NULL);
}
