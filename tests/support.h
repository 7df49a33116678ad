/* SPDX-License-Identifier: Apache-2.0 */
/* What every test program needs: cmocka with its headers, and comparisons of slices. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

#define assert_slice_is(s, text)                                                                                       \
    do {                                                                                                               \
        struct slice assert_slice_got = (s);                                                                           \
        assert_int_equal(assert_slice_got.len, strlen(text));                                                          \
        assert_memory_equal(assert_slice_got.data, text, strlen(text));                                                \
    } while (0)

#define assert_slice_equal(a, b)                                                                                       \
    do {                                                                                                               \
        struct slice assert_slice_a = (a), assert_slice_b = (b);                                                       \
        assert_int_equal(assert_slice_a.len, assert_slice_b.len);                                                      \
        if (assert_slice_a.len)                                                                                        \
            assert_memory_equal(assert_slice_a.data, assert_slice_b.data, assert_slice_a.len);                         \
    } while (0)

#endif
