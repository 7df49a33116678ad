/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest of the base: lists, slices, the table of errors. */
#include "base/err.h"
#include "base/list.h"
#include "support.h"

#include <limits.h>

struct item {
    int number;
    struct list node;
};

/* Their numbers are `from`, `from` + `step`, ..., both ways round. */
static void assert_numbers(const struct list *l, int from, int step, int count)
{
    int n = from;
    for (const struct list *p = l->next; p != l; p = p->next, n += step)
        assert_int_equal(LIST_ENTRY(p, struct item, node)->number, n);
    assert_int_equal(n, from + step * count);
    for (const struct list *p = l->prev; p != l; p = p->prev)
        assert_int_equal(LIST_ENTRY(p, struct item, node)->number, n -= step);
    assert_int_equal(n, from);
}

static void test_list_of_none_one_and_two(void **state)
{
    struct list l;
    struct item i[2] = {{.number = 0}, {.number = 1}};
    (void)state;
    list_init(&l);
    assert_true(list_empty(&l));
    assert_numbers(&l, 0, 1, 0);
    list_append(&l, &i[0].node);
    assert_false(list_empty(&l));
    assert_numbers(&l, 0, 1, 1);
    list_append(&l, &i[1].node);
    assert_numbers(&l, 0, 1, 2);
    list_remove(&i[0].node);
    assert_numbers(&l, 1, 1, 1);
    list_remove(&i[1].node);
    assert_true(list_empty(&l));
}

static void test_list_of_many(void **state)
{
    struct list l;
    struct item i[100];
    (void)state;
    list_init(&l);
    for (int n = 0; n < 100; n++) {
        i[n].number = n;
        list_append(&l, &i[n].node);
    }
    assert_numbers(&l, 0, 1, 100);
    for (int n = 1; n < 100; n += 2)
        list_remove(&i[n].node);
    assert_numbers(&l, 0, 2, 50);
    for (int n = 0; n < 100; n += 2)
        list_remove(&i[n].node);
    assert_true(list_empty(&l));
}

static void test_list_that_is_taken(void **state)
{
    struct list l, taken;
    struct item i[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    (void)state;
    list_init(&l);
    for (int count = 0; count <= 3; count++) {
        for (int n = 0; n < count; n++)
            list_append(&l, &i[n].node);
        list_take(&l, &taken);
        assert_true(list_empty(&l));
        assert_numbers(&taken, 0, 1, count);
        for (int n = 0; n < count; n++)
            list_remove(&i[n].node);
        assert_true(list_empty(&taken));
    }
}

/* A node that is in no list may be taken out again, and goes into another list. */
static void test_node_in_no_list(void **state)
{
    struct list l, m;
    struct item i = {.number = 7}, other = {.number = 8};
    (void)state;
    list_init(&l);
    list_init(&m);
    list_init(&i.node);
    list_remove(&i.node);
    assert_true(list_empty(&i.node));
    list_append(&l, &other.node);
    list_append(&l, &i.node);
    list_remove(&i.node);
    assert_true(list_empty(&i.node));
    list_remove(&i.node);
    list_append(&m, &i.node);
    assert_numbers(&l, 8, 1, 1);
    assert_numbers(&m, 7, 1, 1);
}

static void test_slices_compare(void **state)
{
    struct slice none = slice_make(NULL, 0);
    (void)state;
    assert_true(slice_eq(none, slice_str("")));
    assert_true(slice_is(none, ""));
    assert_true(slice_is(slice_str("ab"), "ab"));
    assert_false(slice_is(slice_str("ab"), "abc"));
    assert_false(slice_eq(slice_str("ab"), slice_str("ac")));
    assert_true(slice_eq(slice_make("a\0b", 3), slice_make("a\0b", 3)));
    assert_false(slice_eq(slice_make("a\0b", 3), slice_make("a\0c", 3)));
}

static void test_slices_have_an_order(void **state)
{
    static const char *const sorted[] = {"", "a", "aa", "ab", "b", "\xff"};
    const int count = sizeof sorted / sizeof sorted[0];
    (void)state;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < count; k++) {
            int c = slice_cmp(slice_str(sorted[i]), slice_str(sorted[k]));
            assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
        }
    assert_int_equal(slice_cmp(slice_make(NULL, 0), slice_str("")), 0);
}

static void test_slices_skip(void **state)
{
    (void)state;
    assert_slice_is(slice_skip(slice_str("abc"), 0), "abc");
    assert_slice_is(slice_skip(slice_str("abc"), 2), "c");
    assert_int_equal(slice_skip(slice_str("abc"), 3).len, 0);
    assert_int_equal(slice_skip(slice_make(NULL, 0), 0).len, 0);
}

struct err_row {
    int err;
    bool retryable;
    const char *text;
};

static const struct err_row err_rows[] = {
#define X(name, number, retryable, text) {name, retryable, text},
    ERR_TABLE(X)
#undef X
};

/* Every code is negative and means one thing. */
static void test_errors(void **state)
{
    const size_t count = sizeof err_rows / sizeof err_rows[0];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(err_rows[i].err < 0);
        assert_string_equal(err_text(err_rows[i].err), err_rows[i].text);
        assert_int_equal(err_retryable(err_rows[i].err), err_rows[i].retryable);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(err_rows[i].err, err_rows[k].err);
            assert_string_not_equal(err_rows[i].text, err_rows[k].text);
        }
    }
}

static void test_what_is_no_error_code(void **state)
{
    static const int strange[] = {1, 1000, -1000, INT_MAX, INT_MIN};
    (void)state;
    assert_string_equal(err_text(0), "success");
    assert_false(err_retryable(0));
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(err_text(strange[i]), "unknown error");
        assert_false(err_retryable(strange[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_of_none_one_and_two),
        cmocka_unit_test(test_list_of_many),
        cmocka_unit_test(test_list_that_is_taken),
        cmocka_unit_test(test_node_in_no_list),
        cmocka_unit_test(test_slices_compare),
        cmocka_unit_test(test_slices_have_an_order),
        cmocka_unit_test(test_slices_skip),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_what_is_no_error_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
