/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/log_writer.h"

#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES      6000 /* more than the ring and the pipe hold */
#define GUARD_S    60   /* a call that blocks ends the test */
#define LINGER_MS  30000
#define OUTPUT_MAX ((size_t)2 * 1024 * 1024)

/* A writer whose lines go into a pipe. */
struct rig {
    struct log_writer *writer;
    struct log log;
    int in, out;
    char *text; /* what was read, NUL at its end */
};

static void rig_init(struct rig *r)
{
    int fd[2];
    alarm(GUARD_S);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fd), 0);
    *r = (struct rig){.in = fd[0], .out = fd[1], .text = malloc(OUTPUT_MAX)};
    assert_non_null(r->text);
    assert_int_equal(log_writer_create(r->out, &r->writer), 0);
    log_init(&r->log, LOG_INFO, log_writer_put, r->writer);
    r->log.wall_ms = NULL;
}

static void rig_fini(struct rig *r)
{
    log_writer_destroy(&r->writer, LINGER_MS);
    assert_null(r->writer);
    close(r->in);
    close(r->out);
    free(r->text);
    alarm(0);
}

/* Reads on until `part` is there. */
static void read_until(struct rig *r, const char *part)
{
    size_t len = 0;
    r->text[0] = '\0';
    while (!strstr(r->text, part)) {
        ssize_t n = read(r->in, r->text + len, OUTPUT_MAX - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
        r->text[len] = '\0';
    }
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, part)); p++)
        n++;
    return n;
}

struct lost {
    unsigned lines, severe;
};

/* The sum of what the notices in the text say. */
static struct lost lost_in(const char *text)
{
    static const char form[] = "log: %u line(s) of this log were lost here, %u of them";
    struct lost sum = {0}, one;
    for (const char *p = text; (p = strstr(p, "log: ")); p++)
        if (sscanf(p, form, &one.lines, &one.severe) == 2) {
            sum.lines += one.lines;
            sum.severe += one.severe;
        }
    return sum;
}

static void log_many(struct rig *r, enum log_level level, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        log_write(&r->log, level, "a", "line %u of many, which is about as long as the lines of a log are, or so", i);
}

static void test_lines_in_their_order(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    log_info(&r.log, "a", "one");
    log_error(&r.log, "b", "two");
    log_writer_destroy(&r.writer, LINGER_MS); /* what was logged is written before it returns */
    read_until(&r, "two\n");
    assert_string_equal(r.text, "info  a: one\nerror b: two\n");
    rig_fini(&r);
}

/* Nobody reads: every call returns. Then somebody does: the first lines, how many are missing, and what came after. */
static void test_nobody_reads_for_a_while(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    log_many(&r, LOG_INFO, LINES);
    log_warn(&r.log, "b", "a warning finds room");
    read_until(&r, "a warning finds room\n");
    struct lost lost = lost_in(r.text);
    assert_int_equal(lost.severe, 0);
    assert_true(lost.lines > 0 && lost.lines < LINES);
    assert_int_equal(count(r.text, "info  a: line ") + lost.lines, LINES);
    for (unsigned i = 0; i < 1000; i++) { /* those that were dropped are the newest */
        char line[32];
        snprintf(line, sizeof line, "info  a: line %u of", i);
        assert_non_null(strstr(r.text, line));
    }
    log_info(&r.log, "c", "as before");
    read_until(&r, "c: as before\n");
    assert_string_equal(r.text, "info  c: as before\n");
    rig_fini(&r);
}

/* What was lost last is said without waiting for a further line. */
static void test_loss_is_said_by_itself(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    log_many(&r, LOG_WARN, LINES);
    size_t len = 0;
    r.text[0] = '\0';
    while (count(r.text, "warn  a: line ") + lost_in(r.text).lines < LINES) {
        ssize_t n = read(r.in, r.text + len, OUTPUT_MAX - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
        r.text[len] = '\0';
    }
    struct lost lost = lost_in(r.text);
    assert_true(lost.lines > 0);
    assert_int_equal(lost.lines, lost.severe);
    assert_int_equal(count(r.text, "warn  a: line ") + lost.lines, LINES);
    rig_fini(&r);
}

/* Another process that shares standard error may have made it so. */
static void test_non_blocking_descriptor(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(fcntl(r.out, F_SETFL, O_NONBLOCK), 0);
    log_many(&r, LOG_INFO, LINES / 6);
    log_info(&r.log, "b", "the end");
    read_until(&r, "b: the end\n");
    assert_int_equal(count(r.text, "a: line "), LINES / 6);
    assert_null(strstr(r.text, "lost"));
    rig_fini(&r);
}

/* A disk that is full, and has room again. */
static void test_writes_that_fail(void **state)
{
    struct rig r;
    int into_pipe, full = open("/dev/full", O_WRONLY);
    (void)state;
    rig_init(&r);
    into_pipe = dup(r.out);
    assert_true(full >= 0 && into_pipe >= 0);
    assert_int_equal(dup2(full, r.out), r.out);
    log_error(&r.log, "a", "one");
    log_info(&r.log, "a", "two");
    while (log_writer_lost(r.writer) < 2)
        usleep(1000);
    assert_int_equal(dup2(into_pipe, r.out), r.out);
    log_info(&r.log, "a", "three");
    read_until(&r, "a: three\n");
    assert_non_null(strstr(r.text, "2 line(s) of this log were lost here, 1 of them warnings or errors: No space"));
    close(full);
    close(into_pipe);
    rig_fini(&r);
}

/* A thread that is stuck does not keep the process. */
static void test_end_while_nobody_reads(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    log_many(&r, LOG_INFO, LINES);
    log_writer_destroy(&r.writer, 20);
    assert_null(r.writer);
    alarm(0);
    free(r.text); /* the pipe stays: the thread writes into it until the program ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_their_order),   cmocka_unit_test(test_nobody_reads_for_a_while),
        cmocka_unit_test(test_loss_is_said_by_itself), cmocka_unit_test(test_non_blocking_descriptor),
        cmocka_unit_test(test_writes_that_fail),       cmocka_unit_test(test_end_while_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
