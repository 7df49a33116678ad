/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/entry_log.h"

#include "base/err.h"
#include "support.h"

static int setup(void **state)
{
    static struct entry_log l;
    entry_log_init(&l, 0, 0);
    *state = &l;
    return 0;
}

static int teardown(void **state)
{
    entry_log_fini(*state);
    return 0;
}

static void add(struct entry_log *l, uint64_t term, size_t size)
{
    struct blob *b = blob_create(size);
    struct entry e = {.term = term, .data = slice_make(b->data, size), .blob = b, .type = 1};
    assert_int_equal(entry_log_reserve(l, 1), 0);
    entry_log_append(l, &e);
}

static void test_empty(void **state)
{
    struct entry_log *l = *state;
    assert_int_equal(l->first, 1);
    assert_int_equal(l->last, 0);
    assert_int_equal(l->bytes, 0);
    assert_int_equal(entry_log_term(l, 0), 0);
    assert_int_equal(entry_log_term(l, 1), 0);
}

static void test_grows_and_shrinks_in_order(void **state)
{
    struct entry_log *l = *state;
    for (uint64_t i = 1; i <= 1000; i++)
        add(l, 1 + i / 100, i);
    size_t cap = l->cap;
    for (uint64_t i = 1; i <= 1000; i++) {
        assert_int_equal(entry_log_at(l, i)->data.len, i);
        assert_int_equal(entry_log_term(l, i), 1 + i / 100);
    }
    assert_int_equal(l->bytes, 1000 * 1001 / 2 + 1000 * sizeof(struct entry));
    entry_log_trim(l, 990);
    assert_true(l->cap < cap);
    assert_int_equal(l->first, 991);
    assert_int_equal(entry_log_term(l, 990), 10); /* of what lies before is known */
    assert_int_equal(entry_log_term(l, 989), 0);
    assert_int_equal(entry_log_at(l, 1000)->data.len, 1000);
    entry_log_trim(l, 1000);
    assert_int_equal(l->bytes, 0);
    assert_int_equal(l->last, 1000);
    add(l, 12, 5);
    assert_int_equal(entry_log_at(l, 1001)->term, 12);
}

static void test_truncates(void **state)
{
    struct entry_log *l = *state;
    for (uint64_t i = 1; i <= 20; i++)
        add(l, 1, 10);
    entry_log_truncate(l, 11);
    assert_int_equal(l->last, 10);
    assert_int_equal(l->bytes, 10 * (10 + sizeof(struct entry)));
    add(l, 2, 10);
    assert_int_equal(entry_log_term(l, 11), 2);
    entry_log_truncate(l, 1);
    assert_int_equal(l->last, 0);
}

static void test_reset_to_a_snapshot(void **state)
{
    struct entry_log *l = *state;
    add(l, 1, 10);
    entry_log_reset(l, 500, 7);
    assert_int_equal(l->first, 501);
    assert_int_equal(l->last, 500);
    assert_int_equal(l->bytes, 0);
    assert_int_equal(entry_log_term(l, 500), 7);
    add(l, 8, 1);
    assert_int_equal(entry_log_at(l, 501)->term, 8);
}

/* The entries of one batch share its bytes. */
static void test_shared_blobs(void **state)
{
    struct entry_log *l = *state;
    struct blob *b = blob_create(10);
    assert_int_equal(entry_log_reserve(l, 2), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct entry e = {.term = 1, .data = slice_make(b->data + 5 * i, 5), .blob = blob_get(b), .type = 1};
        entry_log_append(l, &e);
    }
    entry_log_trim(l, 1);
    assert_int_equal(b->refs, 2);
    entry_log_truncate(l, 2);
    assert_int_equal(b->refs, 1);
    blob_put(b);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_empty),        CASE(test_grows_and_shrinks_in_order),
        CASE(test_truncates),    CASE(test_reset_to_a_snapshot),
        CASE(test_shared_blobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
