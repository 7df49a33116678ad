/* SPDX-License-Identifier: Apache-2.0 */
#include "session/budget.h"
#include "session/share.h"
#include "support.h"

struct rig {
    struct budget b;
    struct budget_share alice, bob;
    struct budget_waiter w[4];
    unsigned granted; /* a bit for each */
};

static struct rig r;

static void granted(struct budget_waiter *w)
{
    r.granted |= 1U << (w - r.w);
}

static void begin(size_t limit)
{
    r = (struct rig){0};
    budget_init(&r.b, limit);
    budget_share_init(&r.alice);
    budget_share_init(&r.bob);
    for (unsigned i = 0; i < 4; i++)
        budget_waiter_init(&r.w[i], granted);
}

static bool take(struct budget_share *share, size_t size, unsigned i)
{
    return budget_take(&r.b, share, BUDGET_BODIES, size, &r.w[i]);
}

static void give_back(struct budget_share *share, size_t size)
{
    budget_return(&r.b, share, BUDGET_BODIES, size);
}

static void test_takes_and_returns(void **state)
{
    (void)state;
    begin(100);
    assert_true(take(&r.alice, 60, 0));
    assert_true(budget_try(&r.b, &r.bob, BUDGET_ANSWERS, 40));
    assert_int_equal(r.b.used, 100);
    assert_int_equal(r.b.purpose[BUDGET_BODIES], 60);
    assert_int_equal(r.b.purpose[BUDGET_ANSWERS], 40);
    assert_false(budget_try(&r.b, &r.bob, BUDGET_ANSWERS, 1));
    give_back(&r.alice, 60);
    budget_return(&r.b, &r.bob, BUDGET_ANSWERS, 40);
    assert_int_equal(r.b.used, 0);
    assert_int_equal(r.alice.used + r.bob.used, 0);
}

static void test_waits_in_line(void **state)
{
    (void)state;
    begin(100);
    assert_true(take(&r.alice, 70, 0));
    assert_true(take(&r.bob, 20, 0));
    assert_false(take(&r.bob, 50, 1));
    assert_false(take(&r.bob, 10, 2));                          /* would fit, but its user came before */
    assert_false(budget_try(&r.b, &r.alice, BUDGET_BODIES, 5)); /* so would that, and bob waits for what is all's */
    give_back(&r.alice, 70);
    assert_int_equal(r.granted, 1 << 1);
    give_back(&r.bob, 20);
    assert_int_equal(r.granted, 1 << 1 | 1 << 2);
    assert_int_equal(r.b.used, 60);
}

/* One user leaves a quarter to others, and who waits for his own share holds nobody up. */
static void test_shares(void **state)
{
    (void)state;
    begin(100);
    assert_true(take(&r.alice, 75, 0));
    assert_false(take(&r.alice, 5, 0));
    assert_true(take(&r.bob, 10, 1));
    assert_false(budget_is_exhausted(&r.b, &r.bob));
    assert_true(budget_is_exhausted(&r.b, &r.alice));
    assert_false(take(&r.bob, 20, 1));
    give_back(&r.bob, 10);
    assert_int_equal(r.granted, 1 << 1);
    give_back(&r.alice, 75);
    assert_int_equal(r.granted, 1 << 0 | 1 << 1);
}

/* What is larger than a share is charged as one: two of them never pass at once. */
static void test_larger_than_all_goes_alone(void **state)
{
    (void)state;
    begin(100);
    assert_true(take(&r.alice, 500, 0));
    assert_int_equal(r.alice.used, 75);
    assert_true(take(&r.bob, 1, 1));
    assert_false(take(&r.bob, 500, 1));
    give_back(&r.alice, budget_charge(&r.b, 500));
    assert_int_equal(r.granted, 0); /* bob has one of his share */
    give_back(&r.bob, 1);
    assert_int_equal(r.granted, 1 << 1);
    assert_int_equal(r.b.used, 75);
}

/* Who is gone holds up nobody any more. */
static void test_forgets_who_is_gone(void **state)
{
    (void)state;
    begin(100);
    assert_true(take(&r.alice, 75, 0));
    assert_false(take(&r.bob, 70, 1));
    assert_false(take(&r.bob, 20, 2));
    budget_forget(&r.w[1]);
    budget_forget(&r.w[1]);
    assert_int_equal(r.granted, 1 << 2);
    assert_int_equal(r.b.used, 95);
}

static void test_force_passes_the_limit(void **state)
{
    (void)state;
    begin(100);
    budget_force(&r.b, &r.alice, BUDGET_ANSWERS, 150);
    assert_true(budget_is_exhausted(&r.b, &r.bob));
    assert_false(take(&r.bob, 1, 0));
    budget_return(&r.b, &r.alice, BUDGET_ANSWERS, 50);
    assert_int_equal(r.granted, 0);
    budget_return(&r.b, &r.alice, BUDGET_ANSWERS, 1);
    assert_int_equal(r.granted, 1);
}

/* All connections of a user have one share. */
static void test_shares_of_users(void **state)
{
    struct shares all;
    (void)state;
    shares_init(&all);
    struct share *a = share_get(&all, "alice"), *b = share_get(&all, "bob"), *stranger = share_of_strangers(&all);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(share_get(&all, "alice"), a);
    share_put(a);
    share_put(a);
    share_put(b);
    share_put(stranger);
    shares_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_and_returns),
        cmocka_unit_test(test_waits_in_line),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_larger_than_all_goes_alone),
        cmocka_unit_test(test_forgets_who_is_gone),
        cmocka_unit_test(test_force_passes_the_limit),
        cmocka_unit_test(test_shares_of_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
