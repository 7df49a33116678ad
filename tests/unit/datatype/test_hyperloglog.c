/* SPDX-License-Identifier: Apache-2.0 */
/* HyperLogLogs: how near the estimate is, and that fewer registers are what they would have been from the start. */
#include "support.h"

#include "base/err.h"
#include "datatype/datatype.h"
#include "datatype/operation.h"

#include <math.h>
#include <stdio.h>

/* Adds the elements from..to-1 with that precision; `state` is replaced. */
static void add(struct buf *state, unsigned precision, unsigned from, unsigned to)
{
    struct buf op, after;
    uint64_t absent;
    char name[16];
    buf_init(&op, SIZE_MAX / 2);
    buf_init(&after, SIZE_MAX / 2);
    assert_int_equal(operation_put_byte(&op, (uint8_t)precision), 0);
    assert_int_equal(operation_put_count(&op, to - from), 0);
    for (unsigned i = from; i < to; i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(operation_put_name(&op, slice_str(name)), 0);
    }
    struct datatype_update u = {.kind = DATATYPE_HLL, .op = buf_slice(&op), .seq = 1};
    assert_int_equal(datatype_apply(&u, buf_slice(state), &after, &absent), 0);
    buf_fini(state);
    *state = after;
    buf_fini(&op);
}

static uint64_t estimate(const struct buf *state)
{
    struct slice payload;
    assert_true(datatype_check(DATATYPE_HLL, buf_slice(state), &payload));
    return datatype_cardinality(payload);
}

static void test_few_are_counted(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= 50; n++) {
        struct buf s;
        buf_init(&s, SIZE_MAX / 2);
        add(&s, 14, 0, n);
        add(&s, 14, 0, n); /* again: no difference */
        assert_int_equal(estimate(&s), n);
        buf_fini(&s);
    }
}

/* The standard error is 1.04 / sqrt(registers). */
static void test_many_are_estimated(void **state)
{
    (void)state;
    for (unsigned precision = 4; precision <= 16; precision++) {
        struct buf s;
        unsigned n = 0;
        double bound = 4 * 1.04 / sqrt((double)(1u << precision));
        buf_init(&s, SIZE_MAX / 2);
        for (unsigned to = 1000; to <= 256000; to *= 4) {
            for (; n < to; n += n + 50000 < to ? 50000 : to - n)
                add(&s, precision, n, n + 50000 < to ? n + 50000 : to);
            assert_true(fabs((double)estimate(&s) - to) < bound * to + 1);
        }
        assert_int_equal(buf_len(&s), DATATYPE_HEAD + 1 + ((size_t)1 << precision));
        buf_fini(&s);
    }
}

static void test_precision_can_be_reduced(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 20000; n *= 7)
        for (unsigned high = 5; high <= 16; high++)
            for (unsigned low = 4; low < high; low++) {
                struct buf reduced, fresh;
                buf_init(&reduced, SIZE_MAX / 2);
                buf_init(&fresh, SIZE_MAX / 2);
                add(&reduced, high, 0, n);
                add(&reduced, low, 0, 0);
                add(&reduced, high, 0, 0); /* never increased again */
                add(&fresh, low, 0, n);
                assert_slice_equal(buf_slice(&reduced), buf_slice(&fresh));
                buf_fini(&reduced);
                buf_fini(&fresh);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_are_counted),
        cmocka_unit_test(test_many_are_estimated),
        cmocka_unit_test(test_precision_can_be_reduced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
