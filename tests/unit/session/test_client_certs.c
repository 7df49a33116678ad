/* SPDX-License-Identifier: Apache-2.0 */
#include "session/client_certs.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

#define NOW    ((int64_t)1800000000)
#define DAY    ((int64_t)86400)
#define DAY_MS ((uint64_t)86400 * 1000)

static struct client_certs certs;
static struct log a_log;
static uint64_t elapsed_ms;
static unsigned lines;
static char last[512];

static uint64_t boot_ms(void *arg)
{
    (void)arg;
    return 1000 + elapsed_ms;
}

static uint64_t wall_ms(void *arg)
{
    (void)arg;
    return (uint64_t)NOW * 1000 + elapsed_ms;
}

static const struct clock a_clock = {.boot_ms = boot_ms, .wall_ms = wall_ms};

static void keep_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    assert_int_equal(level, LOG_WARN);
    lines++;
    snprintf(last, sizeof last, "%s", line);
}

static int set_up(void **state)
{
    (void)state;
    memset(&certs, 0, sizeof certs);
    a_log = (struct log){.level = LOG_INFO, .sink = keep_line};
    elapsed_ms = 0;
    lines = 0;
    return 0;
}

static void opened(const char *user, int64_t not_after)
{
    client_certs_open(&certs, &a_clock, &a_log, user, not_after);
}

static void closed(const char *user, int64_t not_after)
{
    client_certs_close(&certs, &a_clock, user, not_after);
}

/* Some days later. */
static void turn(unsigned days)
{
    elapsed_ms += days * DAY_MS;
    client_certs_turn(&certs, &a_clock, &a_log);
}

static void expect(unsigned count, const char *part)
{
    assert_int_equal(lines, count);
    if (!strstr(last, part))
        fail_msg("'%s' does not say '%s'", last, part);
}

static void each_stage_is_said_once(void **state)
{
    int64_t end = NOW + 32 * DAY;
    (void)state;
    opened("joe", end);
    for (int i = 0; i < 100; i++) { /* of one user and one certificate */
        opened("joe", end);
        closed("joe", end);
    }
    turn(1);
    assert_int_equal(lines, 0);
    turn(1);
    expect(1, "the certificate of user 'joe' ends in 30 days (2027-02-16T08:00:00Z), and is refused after that");
    turn(1);
    opened("joe", end);
    turn(1);
    assert_int_equal(lines, 1);
    turn(14);
    expect(2, "ends in 14 days");
    turn(7);
    expect(3, "ends in 7 days");
    turn(6);
    expect(4, "ends in 1 days");
    turn(1);
    assert_int_equal(lines, 4);
    turn(1);
    expect(5, "the certificate of user 'joe' expired at 2027-02-16T08:00:00Z: its open connections continue");
    turn(1);
    assert_int_equal(lines, 5);
}

static void the_strongest_stage_at_the_first(void **state)
{
    (void)state;
    opened("joe", NOW + 5 * DAY);
    expect(1, "ends in 5 days");
    opened("ann", NOW + 6 * DAY);
    expect(2, "'ann' ends in 6 days");
}

static void looks_once_a_minute(void **state)
{
    (void)state;
    turn(0);
    opened("joe", NOW + 7 * DAY + 30);
    assert_int_equal(lines, 1);
    elapsed_ms += CLIENT_CERTS_CHECK_MS - 1;
    turn(0);
    assert_int_equal(certs.entry[0].stage, 7);
    elapsed_ms = 6 * DAY_MS + 31000;
    turn(0);
    assert_int_equal(certs.entry[0].stage, 1);
}

static void the_first_end_of_those_in_use(void **state)
{
    (void)state;
    assert_null(client_certs_first(&certs));
    opened("joe", NOW + 50 * DAY);
    opened("ann", NOW + 40 * DAY);
    assert_string_equal(client_certs_first(&certs)->user, "ann");
    closed("ann", NOW + 40 * DAY);
    elapsed_ms += CLIENT_CERTS_KEPT_MS;
    turn(0);
    assert_string_equal(client_certs_first(&certs)->user, "ann"); /* a day long */
    elapsed_ms += CLIENT_CERTS_CHECK_MS;
    turn(0);
    assert_string_equal(client_certs_first(&certs)->user, "joe");
    assert_int_equal(lines, 0);
}

static void a_renewed_certificate_takes_the_place(void **state)
{
    (void)state;
    opened("joe", NOW + 5 * DAY);
    opened("joe", NOW + 300 * DAY);
    assert_int_equal(client_certs_first(&certs)->not_after, NOW + 5 * DAY); /* another program of joe's has it still */
    closed("joe", NOW + 5 * DAY);
    opened("joe", NOW + 300 * DAY);
    assert_int_equal(client_certs_first(&certs)->not_after, NOW + 300 * DAY);
    closed("joe", NOW + 5 * DAY); /* not known any more */
    assert_int_equal(lines, 1);
}

static void a_full_table_keeps_the_first_ends(void **state)
{
    char user[16];
    (void)state;
    for (int i = 0; i < 2 * CLIENT_CERTS_MAX; i++) {
        snprintf(user, sizeof user, "user%d", i);
        opened(user, NOW + (100 + i) * DAY);
    }
    assert_string_equal(client_certs_first(&certs)->user, "user0");
    opened("late", NOW + 500 * DAY);
    opened("soon", NOW + 2 * DAY);
    expect(1, "'soon' ends in 2 days");
    assert_string_equal(client_certs_first(&certs)->user, "soon");
    for (size_t i = 0; i < CLIENT_CERTS_MAX; i++)
        assert_string_not_equal(certs.entry[i].user, "late");
    closed("late", NOW + 500 * DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_stage_is_said_once, set_up),
        cmocka_unit_test_setup(the_strongest_stage_at_the_first, set_up),
        cmocka_unit_test_setup(looks_once_a_minute, set_up),
        cmocka_unit_test_setup(the_first_end_of_those_in_use, set_up),
        cmocka_unit_test_setup(a_renewed_certificate_takes_the_place, set_up),
        cmocka_unit_test_setup(a_full_table_keeps_the_first_ends, set_up),
    };
    return cmocka_run_group_tests_name("session/client_certs", tests, NULL, NULL);
}
