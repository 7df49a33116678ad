#include "server/budget.h"
#include "support.h"

static void granted(struct budget_waiter *w)
{
    w->size = 0; /* a mark for the test */
}

static void test_takes_and_returns(void **state)
{
    struct budget b;
    struct budget_waiter w;
    (void)state;
    budget_init(&b, 100);
    budget_waiter_init(&w, granted);
    assert_true(budget_take(&b, &w, 60));
    assert_true(budget_take(&b, &w, 40));
    assert_int_equal(b.used, 100);
    budget_return(&b, 100);
    assert_int_equal(b.used, 0);
}

static void test_waits_in_line(void **state)
{
    struct budget b;
    struct budget_waiter w[3];
    (void)state;
    budget_init(&b, 100);
    for (int i = 0; i < 3; i++)
        budget_waiter_init(&w[i], granted);
    assert_true(budget_take(&b, &w[0], 80));
    assert_false(budget_take(&b, &w[1], 50));
    assert_false(budget_take(&b, &w[2], 10)); /* would fit, but others came before */
    budget_return(&b, 80);
    assert_int_equal(w[1].size, 0);
    assert_int_equal(w[2].size, 0);
    assert_int_equal(b.used, 60);
}

static void test_larger_than_all_goes_alone(void **state)
{
    struct budget b;
    struct budget_waiter w[2];
    (void)state;
    budget_init(&b, 100);
    budget_waiter_init(&w[0], granted);
    budget_waiter_init(&w[1], granted);
    assert_true(budget_take(&b, &w[0], 500));
    assert_false(budget_take(&b, &w[1], 1));
    budget_return(&b, 500);
    assert_int_equal(b.used, 1);
}

static void test_forgets_who_is_gone(void **state)
{
    struct budget b;
    struct budget_waiter w[3];
    (void)state;
    budget_init(&b, 100);
    for (int i = 0; i < 3; i++)
        budget_waiter_init(&w[i], granted);
    assert_true(budget_take(&b, &w[0], 100));
    assert_false(budget_take(&b, &w[1], 70));
    assert_false(budget_take(&b, &w[2], 30));
    budget_forget(&w[1]);
    budget_return(&b, 100);
    assert_int_equal(w[1].size, 70); /* not granted */
    assert_int_equal(w[2].size, 0);
    assert_int_equal(b.used, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_and_returns),
        cmocka_unit_test(test_waits_in_line),
        cmocka_unit_test(test_larger_than_all_goes_alone),
        cmocka_unit_test(test_forgets_who_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
