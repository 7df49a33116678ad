/* SPDX-License-Identifier: Apache-2.0 */
#include "base/validity.h"
#include "support.h"

#define NOW ((int64_t)1800000000)
#define DAY ((int64_t)86400)

static void days(void **state)
{
    (void)state;
    assert_int_equal(validity_days_left(NOW, NOW), 0);
    assert_int_equal(validity_days_left(NOW + DAY - 1, NOW), 0);
    assert_int_equal(validity_days_left(NOW + DAY, NOW), 1);
    assert_int_equal(validity_days_left(NOW - 1, NOW), -1);
    assert_int_equal(validity_days_left(NOW - DAY, NOW), -1);
    assert_int_equal(validity_days_left(NOW - DAY - 1, NOW), -2);
}

static void stages(void **state)
{
    static const int cases[][2] = {{31, 0},
                                   {30, 30},
                                   {15, 30},
                                   {14, 14},
                                   {8, 14},
                                   {7, 7},
                                   {2, 7},
                                   {1, 1},
                                   {0, 1},
                                   {-1, VALIDITY_OVER},
                                   {-9, VALIDITY_OVER}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(validity_stage(cases[i][0]), cases[i][1]);
}

static void texts(void **state)
{
    char room[VALIDITY_TEXT_SIZE];
    (void)state;
    assert_string_equal(validity_text(NOW, room), "2027-01-15T08:00:00Z");
    assert_string_equal(validity_text(0, room), "1970-01-01T00:00:00Z");
    assert_string_equal(validity_text(-1, room), "unknown");
    assert_string_equal(validity_text(INT64_MAX, room), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(days), cmocka_unit_test(stages), cmocka_unit_test(texts)};
    return cmocka_run_group_tests_name("base/validity", tests, NULL, NULL);
}
