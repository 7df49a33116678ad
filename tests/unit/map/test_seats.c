/* SPDX-License-Identifier: Apache-2.0 */
/* R-SEATS: whatever sizes the cluster had before, no two of its meta groups can both have a quorum. */
#include "map/seats.h"

#include "support.h"

#define SIZE_MAX_TESTED 64

typedef unsigned (*formula)(unsigned n, unsigned configured);

/* Why `f` does not do for these sizes; NULL: it does. */
static const char *wrong_with(formula f, unsigned n, unsigned configured)
{
    unsigned seats = f(n, configured), smallest_quorum = configured / 2 + 1;
    if (seats % 2 == 0)
        return "even";
    if (seats < configured)
        return "fewer than the configured size";
    if (seats_quorum(seats) + smallest_quorum <= n)
        return "another group of the smallest size can have a quorum";
    for (unsigned older = configured; older <= n; older++)
        if (seats_quorum(seats) + seats_quorum(f(older, configured)) <= n)
            return "an older group can have a quorum";
    return NULL;
}

static unsigned count_wrong(formula f)
{
    unsigned wrong = 0;
    for (unsigned configured = 1; configured <= SIZE_MAX_TESTED; configured++)
        for (unsigned n = 1; n <= SIZE_MAX_TESTED; n++)
            wrong += wrong_with(f, n, configured) != NULL;
    return wrong;
}

static void test_r_seats_two_groups_never_both_have_a_quorum(void **state)
{
    (void)state;
    for (unsigned configured = 1; configured <= SIZE_MAX_TESTED; configured++)
        for (unsigned n = 1; n <= SIZE_MAX_TESTED; n++) {
            const char *why = wrong_with(seats_count, n, configured);
            if (why)
                fail_msg("N %u, E0 %u: %u seats: %s", n, configured, seats_count(n, configured), why);
        }
}

/* An operator's word may have made a group smaller than any that was configured: until it has grown again the guard
 * counts with that one. */
static void test_r_seats_counts_with_a_group_that_was_made_smaller(void **state)
{
    (void)state;
    for (unsigned configured = 1; configured <= SIZE_MAX_TESTED; configured++)
        for (unsigned n = configured; n <= SIZE_MAX_TESTED; n++)
            for (unsigned lowered = 1; lowered <= configured; lowered += 2) {
                unsigned quorum = seats_quorum(seats_count_after(n, configured, lowered));
                assert_true(quorum + seats_quorum(lowered) > n);
                assert_true(quorum >= seats_quorum(seats_count(n, configured)));
            }
    assert_int_equal(seats_count_after(5, 5, 0), 5);
    assert_int_equal(seats_count_after(5, 5, 3), 7); /* 2 of those 3 and 4 of 7 are more than 5 */
}

/* All that run: a majority of them, and no more, is a quorum. */
static void test_r_seats_of_all(void **state)
{
    static const unsigned seats[] = {1, 1, 3, 3, 5, 5, 7};
    (void)state;
    for (unsigned nodes = 1; nodes < sizeof seats / sizeof seats[0]; nodes++)
        assert_int_equal(seats_of_all(nodes), seats[nodes]);
}

/* A majority of N nodes, where they are as many as configured or more, is always within reach of a group's quorum. */
static void test_r_seats_all_nodes_are_enough_for_a_quorum(void **state)
{
    (void)state;
    for (unsigned configured = 1; configured <= SIZE_MAX_TESTED; configured++)
        for (unsigned n = configured; n <= SIZE_MAX_TESTED; n++)
            assert_true(seats_quorum(seats_count(n, configured)) <= n);
}

/* Two fewer break a rule, or are fewer than there are nodes to sit. */
static unsigned two_fewer(unsigned n, unsigned configured)
{
    unsigned seats = seats_count(n, configured);
    return seats > 2 ? seats - 2 : seats;
}

static void test_r_seats_no_more_seats_than_it_takes(void **state)
{
    (void)state;
    for (unsigned configured = 1; configured <= SIZE_MAX_TESTED; configured++)
        for (unsigned n = configured; n <= SIZE_MAX_TESTED; n++) {
            unsigned seats = two_fewer(n, configured);
            assert_true(seats <= 1 || seats < n || wrong_with(two_fewer, n, configured));
        }
}

static void test_r_seats_examples_of_the_design(void **state)
{
    (void)state;
    assert_int_equal(seats_count(5, 5), 5);
    assert_int_equal(seats_count(1, 1), 1);
    assert_int_equal(seats_count(3, 3), 3);
    assert_int_equal(seats_count(4, 4), 5); /* odd */
    assert_int_equal(seats_count(3, 5), 5); /* never under E0 */
    assert_int_equal(seats_count(0, 5), 5);
    assert_int_equal(seats_count(6, 5), 7);
    assert_int_equal(seats_count(7, 5), 9); /* 3 of the older 5 and 5 of 9 are more than 7 */
    assert_int_equal(seats_count(10, 5), 15);
    assert_int_equal(seats_count(2, 1), 3); /* both, for each may have been alone */
    assert_int_equal(seats_quorum(5), 3);
    assert_int_equal(seats_quorum(1), 1);
}

/* --- what the properties are worth: formulas that look as good --- */

static unsigned odd_majority(unsigned n, unsigned configured)
{
    return (n > configured ? n : configured) / 2 * 2 + 1;
}

static unsigned without_the_larger(unsigned n, unsigned configured)
{
    unsigned quorum = configured / 2 + 1;
    return 2 * (n > quorum ? n - quorum : 0) + 1;
}

static unsigned of_a_quorum_too_large(unsigned n, unsigned configured)
{
    unsigned quorum = configured / 2 + 2, half = (n > configured ? n : configured) / 2;
    unsigned others = n > quorum ? n - quorum : 0;
    return 2 * (others > half ? others : half) + 1;
}

static unsigned of_the_configured_size(unsigned n, unsigned configured)
{
    (void)n;
    return configured | 1;
}

static unsigned without_the_one(unsigned n, unsigned configured)
{
    return seats_count(n, configured) - 1;
}

static void test_r_seats_other_formulas_fail(void **state)
{
    (void)state;
    assert_int_equal(count_wrong(seats_count), 0);
    assert_int_not_equal(count_wrong(odd_majority), 0);
    assert_int_not_equal(count_wrong(without_the_larger), 0);
    assert_int_not_equal(count_wrong(of_a_quorum_too_large), 0);
    assert_int_not_equal(count_wrong(of_the_configured_size), 0);
    assert_int_not_equal(count_wrong(without_the_one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_r_seats_two_groups_never_both_have_a_quorum),
        cmocka_unit_test(test_r_seats_counts_with_a_group_that_was_made_smaller),
        cmocka_unit_test(test_r_seats_of_all),
        cmocka_unit_test(test_r_seats_all_nodes_are_enough_for_a_quorum),
        cmocka_unit_test(test_r_seats_no_more_seats_than_it_takes),
        cmocka_unit_test(test_r_seats_examples_of_the_design),
        cmocka_unit_test(test_r_seats_other_formulas_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
