/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/repeats.h"

#include <stdio.h>

enum { REFUSED, FULL };

static bool said(struct repeats *r, uint64_t now_ms, unsigned cause, const char *subject)
{
    uint64_t untold;
    return repeats_note(r, now_ms, cause, subject, &untold);
}

static void test_first_is_said_then_one_in_a_minute(void **state)
{
    (void)state;
    static struct repeats r;
    uint64_t untold = 7;
    assert_true(repeats_note(&r, 5, REFUSED, "10.0.0.1", &untold));
    assert_int_equal(untold, 0);
    for (unsigned i = 1; i < 60; i++)
        assert_false(said(&r, 5 + i * 1000, REFUSED, "10.0.0.1"));
    assert_true(repeats_note(&r, 5 + REPEATS_PERIOD_MS, REFUSED, "10.0.0.1", &untold));
    assert_int_equal(untold, 60);
    assert_false(said(&r, 6 + REPEATS_PERIOD_MS, REFUSED, "10.0.0.1"));
}

static void test_causes_and_subjects_are_apart(void **state)
{
    (void)state;
    static struct repeats r;
    assert_true(said(&r, 1, REFUSED, "10.0.0.1"));
    assert_true(said(&r, 1, REFUSED, "10.0.0.2"));
    assert_true(said(&r, 1, FULL, "10.0.0.1"));
    assert_false(said(&r, 2, REFUSED, "10.0.0.2"));
}

static void test_what_is_over_is_new_again(void **state)
{
    (void)state;
    static struct repeats r;
    uint64_t untold;
    assert_true(said(&r, 1, REFUSED, "10.0.0.1"));
    assert_false(said(&r, 2, REFUSED, "10.0.0.1"));
    assert_true(repeats_note(&r, 2 + 2 * REPEATS_PERIOD_MS, REFUSED, "10.0.0.1", &untold));
    assert_int_equal(untold, 0);
    assert_true(repeats_end(&r, REFUSED, "10.0.0.1"));
    assert_false(repeats_end(&r, REFUSED, "10.0.0.1"));
    assert_true(said(&r, 3 + 2 * REPEATS_PERIOD_MS, REFUSED, "10.0.0.1"));
}

/* However many subjects there are, they make no more lines in a minute than the table has places, and one. */
static void test_more_subjects_than_places(void **state)
{
    (void)state;
    static struct repeats r;
    char subject[32];
    unsigned lines = 0;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(subject, sizeof subject, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        lines += said(&r, 1 + i, REFUSED, subject);
    }
    assert_int_equal(lines, REPEATS_MAX + 1);
    uint64_t untold;
    assert_true(repeats_note(&r, 1 + REPEATS_MAX + REPEATS_PERIOD_MS, REFUSED, "10.9.9.9", &untold));
    assert_int_equal(untold, 10000 - REPEATS_MAX);
}

static void test_long_subjects_are_cut(void **state)
{
    (void)state;
    static struct repeats r;
    char subject[3 * REPEATS_SUBJECT_SIZE];
    memset(subject, 'a', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    assert_true(said(&r, 1, REFUSED, subject));
    assert_false(said(&r, 2, REFUSED, subject));
}

static void test_text(void **state)
{
    (void)state;
    char text[REPEATS_TEXT_SIZE];
    assert_string_equal(repeats_text(0, text), "");
    assert_string_equal(repeats_text(12, text), " (12 times since this was last logged)");
}

static void no_sink(void *arg, enum log_level level, const char *line)
{
    (void)arg, (void)level, (void)line;
}

static void test_debug_logs_each(void **state)
{
    (void)state;
    static struct repeats r;
    char again[REPEATS_TEXT_SIZE];
    struct log log = {.level = LOG_INFO, .sink = no_sink};
    assert_true(repeats_log(&r, &log, 1, REFUSED, "a", again));
    assert_false(repeats_log(&r, &log, 2, REFUSED, "a", again));
    assert_true(repeats_log(&r, &log, 1 + REPEATS_PERIOD_MS, REFUSED, "a", again));
    assert_string_equal(again, " (2 times since this was last logged)");
    log.level = LOG_DEBUG;
    assert_true(repeats_log(&r, &log, 2 + REPEATS_PERIOD_MS, REFUSED, "a", again));
    assert_true(repeats_log(&r, &log, 1 + 2 * REPEATS_PERIOD_MS, REFUSED, "a", again));
    assert_string_equal(again, "");
    assert_false(repeats_log(&r, NULL, 2 + 2 * REPEATS_PERIOD_MS, REFUSED, "a", again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_is_said_then_one_in_a_minute),
        cmocka_unit_test(test_causes_and_subjects_are_apart),
        cmocka_unit_test(test_what_is_over_is_new_again),
        cmocka_unit_test(test_more_subjects_than_places),
        cmocka_unit_test(test_long_subjects_are_cut),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_debug_logs_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
