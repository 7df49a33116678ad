/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors, shared out among clients, strangers, operators and nodes. */
#include "ephemerald/descriptors.h"

#include "support.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

static const struct config defaults = {.cluster_size = 5, .connections_max = 4096, .handshakes_max = 1024};

static size_t sum(const struct descriptor_shares *s)
{
    return s->clients + s->strangers + s->operators + 2 * s->node_strangers;
}

/* Something is left for the process itself and the nodes, and everybody gets something. */
static void check_shares(size_t limit, const struct config *config, size_t nodes)
{
    struct descriptor_shares s;
    assert_true(descriptors_share(&s, limit, config));
    assert_true(sum(&s) + 20 + 6 * nodes <= limit);
    assert_true(s.clients >= 8 && s.strangers >= 4 && s.operators >= 2 && s.node_strangers >= 6);
    assert_true(s.clients <= config->connections_max && s.strangers <= config->handshakes_max);
}

static void test_everybody_gets_a_share(void **state)
{
    (void)state;
    check_shares(100, &defaults, 6);
    check_shares(256, &defaults, 6);
    check_shares(1024, &defaults, 20);
    check_shares(4096, &defaults, 64);
    check_shares(65536, &defaults, 64);
    for (size_t limit = 98; limit < 3000; limit++)
        check_shares(limit, &defaults, 6);
}

static void test_as_configured_where_there_are_enough(void **state)
{
    struct descriptor_shares s;
    (void)state;
    assert_true(descriptors_share(&s, SIZE_MAX, &defaults));
    assert_int_equal(s.clients, 4096);
    assert_int_equal(s.strangers, 1024);
    assert_int_equal(s.operators, 8);
    assert_int_equal(s.node_strangers, 128);
    size_t whole = s.whole;
    assert_true(descriptors_share(&s, whole, &defaults));
    assert_int_equal(s.clients, 4096);
    assert_int_equal(s.strangers, 1024);
}

static void test_few_are_asked_for(void **state)
{
    const struct config few = {.cluster_size = 1, .connections_max = 3, .handshakes_max = 1};
    struct descriptor_shares s;
    (void)state;
    assert_true(descriptors_share(&s, 1024, &few));
    assert_int_equal(s.clients, 3);
    assert_int_equal(s.strangers, 1);
}

static void test_too_few_for_a_node(void **state)
{
    const struct config large = {.cluster_size = 63, .connections_max = 4096, .handshakes_max = 1024};
    struct descriptor_shares s;
    (void)state;
    assert_false(descriptors_share(&s, 64, &defaults));
    assert_true(s.least > 64 && s.least <= 100);
    size_t least = s.least;
    assert_true(descriptors_share(&s, least, &defaults));
    assert_false(descriptors_share(&s, least - 1, &defaults));
    assert_false(descriptors_share(&s, 256, &large));
    assert_true(descriptors_share(&s, s.least, &large));
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    (void)level;
    snprintf(arg, 512, "%s", line);
}

/* The soft limit goes up to the hard one, and what is too little is said. */
static void test_the_process(void **state)
{
    char line[512] = "";
    struct log log = {.level = LOG_WARN, .sink = keep_line, .arg = line};
    struct rlimit limit = {100, 200};
    struct descriptor_shares s;
    (void)state;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(descriptors_init(&s, &defaults, &log), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 200);
    assert_non_null(strstr(line, "200 file descriptors are enough for "));
    assert_non_null(strstr(line, " clients, not 4096 (max-connections)"));
    limit = (struct rlimit){50, 50};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(descriptors_init(&s, &defaults, &log), EX_OSERR);
    assert_non_null(strstr(line, "50 file descriptors are too few: a node in a cluster of 5 needs at least "));
}

/* Those that it was started with are not there to be shared out. */
static void test_what_the_process_has_already(void **state)
{
    char line[512] = "";
    struct log log = {.level = LOG_WARN, .sink = keep_line, .arg = line};
    struct rlimit limit = {300, 300};
    struct descriptor_shares s;
    int fd[60];
    (void)state;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(descriptors_init(&s, &defaults, &log), 0);
    size_t before = s.clients + s.strangers;
    for (int i = 0; i < 60; i++)
        assert_true((fd[i] = dup(0)) > 0);
    assert_int_equal(descriptors_init(&s, &defaults, &log), 0);
    for (int i = 0; i < 60; i++)
        close(fd[i]);
    assert_true(s.clients + s.strangers + 30 < before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_gets_a_share),
        cmocka_unit_test(test_as_configured_where_there_are_enough),
        cmocka_unit_test(test_few_are_asked_for),
        cmocka_unit_test(test_too_few_for_a_node),
        cmocka_unit_test(test_what_the_process_has_already),
        cmocka_unit_test(test_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
