/* SPDX-License-Identifier: Apache-2.0 */
/* What is no state and no operation is refused, and changes nothing. */
#include "support.h"

#include "base/err.h"
#include "datatype/datatype.h"
#include "datatype/operation.h"

#define BYTES(text) slice_make(text, sizeof(text) - 1)
#define TEXT(text)  text, sizeof(text) - 1

static int apply(enum datatype kind, struct slice state, struct slice op, struct buf *out)
{
    uint64_t absent;
    struct datatype_update u = {.kind = kind, .op = op, .seq = 5};
    return datatype_apply(&u, state, out, &absent);
}

struct wrong {
    enum datatype kind;
    const char *text;
    size_t len;
};

static void test_no_states(void **state)
{
    static const struct wrong wrong[] = {
        {DATATYPE_COUNTER, TEXT("E")},
        {DATATYPE_COUNTER, TEXT("E\1\1\2")},                           /* another version */
        {DATATYPE_COUNTER, TEXT("E\2\5\2")},                           /* a set's */
        {DATATYPE_COUNTER, TEXT("E\2\1")},                             /* no number */
        {DATATYPE_COUNTER, TEXT("E\2\1\2\2")},                         /* two */
        {DATATYPE_COUNTER, TEXT("E\2\1\x82\0")},                       /* a needless byte */
        {DATATYPE_SET, TEXT("E\2\5\1\1")},                             /* cut off */
        {DATATYPE_SET, TEXT("E\2\5\0\1a")},                            /* never added */
        {DATATYPE_SET, TEXT("E\2\5\1\1b\1\1a")},                       /* not in order */
        {DATATYPE_SET, TEXT("E\2\5\1\1a\1\1a")},                       /* twice */
        {DATATYPE_HLL, TEXT("E\2\7")},                                 /* no precision */
        {DATATYPE_HLL, TEXT("E\2\7\3")},                               /* too low */
        {DATATYPE_HLL, TEXT("E\2\7\x11")},                             /* too high */
        {DATATYPE_HLL, TEXT("E\2\7\4\0\1\0")},                         /* a rank of 0 */
        {DATATYPE_HLL, TEXT("E\2\7\4\0\1\76")},                        /* a rank of 62 */
        {DATATYPE_HLL, TEXT("E\2\7\4\0\20\1")},                        /* register 16 */
        {DATATYPE_HLL, TEXT("E\2\7\4\0\2\1\0\1\1")},                   /* not in order */
        {DATATYPE_MAP, TEXT("E\2\3\1\1a\1\0\0\0\0")},                  /* a counter without its number */
        {DATATYPE_MAP, TEXT("E\2\3\6\1a\1\0\0\0\0")},                  /* a gset in a map */
        {DATATYPE_MAP, TEXT("E\2\3\1\1a\0\0\0\0\1\2")},                /* never updated */
        {DATATYPE_MAP, TEXT("E\2\3\2\1a\1\0\0\0\1")},                  /* cut off */
        {DATATYPE_MAP, TEXT("E\2\3\2\1a\1\0\0\0\0\1\1a\1\0\0\0\1\2")}, /* not in order */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct slice payload;
        struct buf out;
        buf_init(&out, SIZE_MAX / 2);
        assert_false(datatype_check(wrong[i].kind, slice_make(wrong[i].text, wrong[i].len), &payload));
        assert_int_equal(apply(wrong[i].kind, slice_make(wrong[i].text, wrong[i].len), BYTES("\0\0"), &out), E_INVALID);
        assert_int_equal(buf_len(&out), 0);
        buf_fini(&out);
    }
}

static void test_no_operations(void **state)
{
    static const struct wrong wrong[] = {
        {DATATYPE_COUNTER, TEXT("")},
        {DATATYPE_COUNTER, TEXT("\2\2")},
        {DATATYPE_SET, TEXT("")},
        {DATATYPE_SET, TEXT("\1\1a")},
        {DATATYPE_SET, TEXT("\2\1a\0")},
        {DATATYPE_SET, TEXT("\0\0\0")},
        {DATATYPE_GSET, TEXT("\0\1\1a")}, /* nothing is ever removed */
        {DATATYPE_HLL, TEXT("\3\0")},
        {DATATYPE_HLL, TEXT("\21\0")},
        {DATATYPE_MAP, TEXT("\0")},
        {DATATYPE_MAP, TEXT("\1\7\1a\0")},
        {DATATYPE_MAP, TEXT("\0\1\4\1a\0\0\0\1\2")}, /* neither on nor off */
        {DATATYPE_MAP, TEXT("\0\1\4\1a\0\0\0\0")},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX / 2);
        assert_int_equal(apply(wrong[i].kind, slice_make(NULL, 0), slice_make(wrong[i].text, wrong[i].len), &out),
                         E_MALFORMED);
        assert_int_equal(buf_len(&out), 0);
        buf_fini(&out);
    }
}

/* A map in a map in a map, `depth` of them, with a register innermost. */
static void nest(struct buf *op, unsigned depth)
{
    size_t mark[64];
    assert_true(depth <= 64);
    for (unsigned i = 0; i < depth; i++) {
        bool last = i + 1 == depth;
        assert_int_equal(operation_put_count(op, 0), 0);
        assert_int_equal(operation_put_count(op, 1), 0);
        assert_int_equal(operation_put_field(op, last ? DATATYPE_REGISTER : DATATYPE_MAP, BYTES("m")), 0);
        assert_int_equal(operation_begin(op, &mark[i]), 0);
    }
    while (depth)
        assert_int_equal(operation_end(op, mark[--depth]), 0);
}

static void test_nesting_has_an_end(void **state)
{
    (void)state;
    for (unsigned depth = DATATYPE_DEPTH_MAX; depth <= DATATYPE_DEPTH_MAX + 1; depth++) {
        struct buf op, out;
        struct slice payload;
        bool fits = depth <= DATATYPE_DEPTH_MAX;
        buf_init(&op, SIZE_MAX / 2);
        buf_init(&out, SIZE_MAX / 2);
        nest(&op, depth);
        assert_int_equal(apply(DATATYPE_MAP, slice_make(NULL, 0), buf_slice(&op), &out), fits ? 0 : E_MALFORMED);
        if (fits)
            assert_true(datatype_check(DATATYPE_MAP, buf_slice(&out), &payload));
        buf_fini(&op);
        buf_fini(&out);
    }
}

static void test_a_counter_wraps(void **state)
{
    struct buf op, out;
    struct slice payload;
    (void)state;
    buf_init(&op, SIZE_MAX / 2);
    buf_init(&out, SIZE_MAX / 2);
    assert_int_equal(operation_put_number(&op, INT64_MAX), 0);
    assert_int_equal(apply(DATATYPE_COUNTER, BYTES("E\2\1\4"), buf_slice(&op), &out), 0);
    assert_true(datatype_check(DATATYPE_COUNTER, buf_slice(&out), &payload));
    assert_int_equal(datatype_counter(payload), INT64_MIN + 1);
    buf_fini(&op);
    buf_fini(&out);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(datatype_by_name(slice_str("set")), DATATYPE_SET);
    assert_int_equal(datatype_by_name(slice_str("hll")), DATATYPE_HLL);
    assert_int_equal(datatype_by_name(slice_str("register")), DATATYPE_NONE); /* of fields alone */
    assert_int_equal(datatype_by_name(slice_str("")), DATATYPE_NONE);
    assert_string_equal(datatype_name(DATATYPE_NONE), "undefined");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_states),
        cmocka_unit_test(test_no_operations),
        cmocka_unit_test(test_nesting_has_an_end),
        cmocka_unit_test(test_a_counter_wraps),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
