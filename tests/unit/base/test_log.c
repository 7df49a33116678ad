/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "support.h"

#include <stdio.h>

/* Keeps the last line and counts all. */
struct sink {
    struct log log;
    unsigned lines;
    enum log_level level;
    char line[2048];
    uint64_t wall_ms;
};

static void keep(void *arg, enum log_level level, const char *line)
{
    struct sink *s = arg;
    s->lines++;
    s->level = level;
    assert_true(strlen(line) < sizeof s->line);
    strcpy(s->line, line);
}

static uint64_t wall_ms(void *arg)
{
    return ((struct sink *)arg)->wall_ms;
}

static void sink_init(struct sink *s, enum log_level level)
{
    *s = (struct sink){.log = {.level = level, .sink = keep, .arg = s}};
}

static void test_a_line(void **state)
{
    struct sink s;
    (void)state;
    sink_init(&s, LOG_INFO);
    log_warn(&s.log, "tls", "certificate of %s ends in %d days", "myuser", 7);
    assert_int_equal(s.lines, 1);
    assert_int_equal(s.level, LOG_WARN);
    assert_string_equal(s.line, "warn  tls: certificate of myuser ends in 7 days");
    log_error(&s.log, "net", "two");
    assert_string_equal(s.line, "error net: two");
}

static void test_levels(void **state)
{
    struct sink s;
    (void)state;
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        sink_init(&s, (enum log_level)level);
        log_error(&s.log, "a", "x");
        log_warn(&s.log, "a", "x");
        log_info(&s.log, "a", "x");
        log_debug(&s.log, "a", "x");
        assert_int_equal(s.lines, level + 1);
        assert_int_equal(s.level, level);
    }
}

static void test_no_log_at_all(void **state)
{
    (void)state;
    log_error(NULL, "a", "%s", "nobody reads this");
}

static void test_time_in_front(void **state)
{
    struct sink s;
    (void)state;
    sink_init(&s, LOG_INFO);
    s.log.wall_ms = wall_ms;
    log_info(&s.log, "a", "x");
    assert_string_equal(s.line, "1970-01-01T00:00:00.000Z info  a: x");
    s.wall_ms = 1709210096007; /* a leap day */
    log_info(&s.log, "a", "x");
    assert_string_equal(s.line, "2024-02-29T12:34:56.007Z info  a: x");
}

/* What a client sends cannot forge a line or move a terminal's cursor. */
static void test_control_characters(void **state)
{
    struct sink s;
    (void)state;
    sink_init(&s, LOG_INFO);
    log_info(&s.log, "a", "user %s", "x\n2024 error: y\r\t\x1b[2J\x7f");
    assert_string_equal(s.line, "info  a: user x?2024 error: y???[2J?");
    log_info(&s.log, "a", "%s", "gr\xc3\xbc\xc3\x9f"); /* UTF-8 stays */
    assert_string_equal(s.line, "info  a: gr\xc3\xbc\xc3\x9f");
}

static void test_long_lines_are_cut(void **state)
{
    struct sink s;
    char text[5000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    sink_init(&s, LOG_INFO);
    log_info(&s.log, "a", "%s", text);
    assert_int_equal(strlen(s.line), 1023);
    log_info(&s.log, "a", "%.1013s!", text); /* fits to the last byte, behind "info  a: " */
    assert_int_equal(strlen(s.line), 1023);
    assert_int_equal(s.line[1022], '!');
    log_info(&s.log, "a", "%.1014s!", text);
    assert_int_equal(strlen(s.line), 1023);
    assert_int_equal(s.line[1022], 'x');
    log_info(&s.log, "a", "short");
    assert_string_equal(s.line, "info  a: short");
}

static void test_names_of_levels(void **state)
{
    enum log_level level;
    (void)state;
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        assert_true(log_level_parse(log_level_name((enum log_level)i), &level));
        assert_int_equal(level, i);
    }
    assert_true(log_level_parse("WARN", &level));
    assert_int_equal(level, LOG_WARN);
    assert_false(log_level_parse("", &level));
    assert_false(log_level_parse("warning", &level));
    assert_int_equal(level, LOG_WARN);
}

/* The time in front is that of this century. */
static void test_with_the_time_of_day(void **state)
{
    struct sink s = {0};
    unsigned year, day, ms;
    (void)state;
    log_init(&s.log, LOG_INFO, keep, &s);
    log_debug(&s.log, "a", "not said");
    log_info(&s.log, "a", "one");
    assert_int_equal(s.lines, 1);
    assert_int_equal(sscanf(s.line, "20%2u-%*2u-%2uT%*2u:%*2u:%*2u.%3uZ ", &year, &day, &ms), 3);
    assert_string_equal(s.line + 25, "info  a: one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_no_log_at_all),
        cmocka_unit_test(test_time_in_front),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_names_of_levels),
        cmocka_unit_test(test_with_the_time_of_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
