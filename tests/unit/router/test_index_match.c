/* SPDX-License-Identifier: Apache-2.0 */
/* The order of hits, and what a query hits. */
#include "support.h"

#include "base/err.h"
#include "router/index_match.h"

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void test_integers_of_any_size(void **state)
{
    static const char *const rising[] = {"-12345678901234567890123", "-100", "-99", "-1", "0", "7", "10", "99", "100",
                                         "12345678901234567890123"};
    enum { COUNT = sizeof rising / sizeof rising[0] };
    (void)state;
    for (int a = 0; a < COUNT; a++)
        for (int b = 0; b < COUNT; b++)
            assert_int_equal(sign(index_match_cmp_terms(true, slice_str(rising[a]), slice_str(rising[b]))),
                             sign(a - b));
    assert_true(index_match_cmp_terms(false, slice_str("10"), slice_str("7")) < 0); /* bytes */
}

static void test_hits_by_term_then_key(void **state)
{
    struct router_hit a = {slice_str("9"), slice_str("z")}, b = {slice_str("10"), slice_str("a")},
                      c = {slice_str("10"), slice_str("b")};
    (void)state;
    assert_true(index_match_cmp_hits(true, &a, &b) < 0);
    assert_true(index_match_cmp_hits(false, &a, &b) > 0);
    assert_true(index_match_cmp_hits(true, &b, &c) < 0);
    assert_int_equal(index_match_cmp_hits(true, &b, &b), 0);
}

static void test_by_suffix(void **state)
{
    (void)state;
    assert_true(index_match_is_integer(slice_str("a_int")));
    assert_true(index_match_is_integer(slice_str("_int")));
    assert_false(index_match_is_integer(slice_str("int")));
    assert_false(index_match_is_integer(slice_str("a_bin")));
    assert_false(index_match_is_integer(slice_str("$key")));
}

static void test_code(void **state)
{
    struct router_query q = {.index = slice_str("a_bin"),
                             .min = slice_str("a"),
                             .max = slice_str("b"),
                             .has_after = true,
                             .after = {slice_str("at"), slice_str("ak")},
                             .has_below = true,
                             .below = {slice_str("bt"), slice_str("bk")}},
                        out;
    struct buf b;
    (void)state;
    buf_init(&b, SIZE_MAX / 2);
    struct coder w = coder_writer(&b);
    index_match_code(&w, &q);
    assert_int_equal(w.err, 0);
    struct coder r = coder_reader(buf_slice(&b));
    index_match_code(&r, &out);
    assert_int_equal(coder_end(&r), 0);
    assert_slice_is(out.index, "a_bin");
    assert_slice_is(out.max, "b");
    assert_slice_is(out.after.key, "ak");
    assert_slice_is(out.below.term, "bt");
    assert_true(out.has_after && out.has_below);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_of_any_size),
        cmocka_unit_test(test_hits_by_term_then_key),
        cmocka_unit_test(test_by_suffix),
        cmocka_unit_test(test_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
