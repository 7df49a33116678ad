/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager hears of a node, over a real socket; time is the test's. */
#include "ephemerald/service.h"

#include "support.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct rig {
    int manager;
    char name[64], pid[16];
    uint64_t now_ms;
    struct timers timers;
    struct log log;
    struct service service;
    const char *state;
    unsigned warnings;
};

static uint64_t rig_now(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static void describe(void *arg, char *out, size_t size)
{
    snprintf(out, size, "%s", ((struct rig *)arg)->state);
}

static void on_line(void *arg, enum log_level level, const char *line)
{
    (void)line;
    ((struct rig *)arg)->warnings += level == LOG_WARN;
}

/* The manager's socket, of the abstract name space: nothing stays on disk. */
static void rig_init(struct rig *r)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    *r = (struct rig){.state = "seeking"};
    snprintf(r->name, sizeof r->name, "@ephemeral-store-test-%d", (int)getpid());
    snprintf(r->pid, sizeof r->pid, "%d", (int)getpid());
    memcpy(a.sun_path + 1, r->name + 1, strlen(r->name) - 1);
    r->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(r->manager >= 0);
    assert_int_equal(
        bind(r->manager, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(r->name))),
        0);
    timers_init(&r->timers, rig_now, NULL, r);
    log_init(&r->log, LOG_DEBUG, on_line, r);
}

static void rig_start(struct rig *r, const char *socket, const char *watchdog_usec, const char *watchdog_pid)
{
    struct service_config config = {.socket = socket,
                                    .watchdog_usec = watchdog_usec,
                                    .watchdog_pid = watchdog_pid,
                                    .timers = &r->timers,
                                    .log = &r->log,
                                    .describe = describe,
                                    .arg = r};
    service_start(&r->service, &config);
}

static void rig_fini(struct rig *r)
{
    service_end(&r->service);
    assert_int_equal(timers_next_ms(&r->timers), UINT64_MAX);
    timers_fini(&r->timers);
    if (r->manager >= 0)
        close(r->manager);
}

static void expect_heard(struct rig *r, const char *wanted)
{
    char text[512];
    ssize_t n = recv(r->manager, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    assert_string_equal(text, wanted);
}

static void pass(struct rig *r, uint64_t ms)
{
    r->now_ms += ms;
    timers_run(&r->timers);
}

static void test_a_life(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_start(&r, r.name, NULL, NULL);
    expect_heard(&r, "READY=1");
    expect_heard(&r, "STATUS=seeking");
    pass(&r, 1000);
    expect_heard(&r, ""); /* nothing has changed, and nobody watches */
    r.state = "member of 5,\nREADY=0";
    pass(&r, 1000);
    expect_heard(&r, "STATUS=member of 5, READY=0");
    service_reloading(&r.service);
    char text[128];
    ssize_t n = recv(r.manager, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_int_equal(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    assert_true(strtoull(text + 27, NULL, 10) > 0);
    service_reloaded(&r.service);
    expect_heard(&r, "READY=1");
    r.state = "leaving";
    service_stopping(&r.service);
    expect_heard(&r, "STOPPING=1");
    expect_heard(&r, "STATUS=leaving");
    rig_fini(&r);
}

static void test_the_watchdog_is_fed_twice_as_often_as_asked(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_start(&r, r.name, "1000000", r.pid);
    expect_heard(&r, "READY=1");
    expect_heard(&r, "STATUS=seeking");
    for (int i = 0; i < 3; i++) {
        pass(&r, 499);
        expect_heard(&r, "");
        pass(&r, 1);
        expect_heard(&r, "WATCHDOG=1");
    }
    rig_fini(&r);
}

static void test_the_watchdog_of_another_process_is_not(void **state)
{
    static const char *const wrong[][2] = {{"1000000", "1"}, {"soon", NULL}, {"0", NULL}, {NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rig r;
        rig_init(&r);
        rig_start(&r, r.name, wrong[i][0], wrong[i][1]);
        expect_heard(&r, "READY=1");
        expect_heard(&r, "STATUS=seeking");
        pass(&r, 5000);
        expect_heard(&r, "");
        rig_fini(&r);
    }
}

/* A manager that reads nothing for a while: a word that it must hear is said again. */
static void test_a_word_without_room_is_said_again(void **state)
{
    struct rig r;
    char text[512];
    (void)state;
    rig_init(&r);
    rig_start(&r, r.name, NULL, NULL);
    while (sd_notify_tell(&r.service.notify, "STATUS=full") == 0)
        ;
    service_reloaded(&r.service);
    r.state = "member";
    pass(&r, 1000);
    while (recv(r.manager, text, sizeof text, 0) > 0)
        ;
    pass(&r, 1000);
    expect_heard(&r, "READY=1");
    expect_heard(&r, "STATUS=member");
    expect_heard(&r, "");
    rig_fini(&r);
}

static void test_without_a_manager_nothing_runs(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_start(&r, NULL, "1000000", NULL);
    assert_int_equal(timers_next_ms(&r.timers), UINT64_MAX);
    service_reloading(&r.service);
    service_reloaded(&r.service);
    service_stopping(&r.service);
    assert_int_equal(r.warnings, 0);
    rig_fini(&r);
    rig_init(&r);
    rig_start(&r, "vsock:2:1234", NULL, NULL);
    assert_int_equal(r.warnings, 1);
    rig_fini(&r);
}

/* One that has ended: nothing but the words is lost. */
static void test_a_manager_that_has_gone(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_start(&r, r.name, "1000000", r.pid);
    close(r.manager);
    r.manager = -1;
    for (int i = 0; i < 4; i++)
        pass(&r, 1000);
    service_stopping(&r.service);
    rig_fini(&r);
}

static void test_a_state_in_one_line(void **state)
{
    char text[SERVICE_STATUS_MAX];
    struct status_node s = {.state = STATUS_SEEKING, .why = "hears 1 of 5"};
    (void)state;
    service_describe(&s, text, sizeof text);
    assert_string_equal(text, "seeking: hears 1 of 5");
    s = (struct status_node){.state = STATUS_MEMBER, .health = STATUS_HEALTHY, .member_count = 5};
    service_describe(&s, text, sizeof text);
    assert_string_equal(text, "member of 5, healthy");
    s = (struct status_node){
        .state = STATUS_MEMBER, .health = STATUS_DEGRADED, .member_count = 5, .why = "10.0.0.2 does not answer"};
    service_describe(&s, text, sizeof text);
    assert_string_equal(text, "member of 5, degraded: 10.0.0.2 does not answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_the_watchdog_is_fed_twice_as_often_as_asked),
        cmocka_unit_test(test_the_watchdog_of_another_process_is_not),
        cmocka_unit_test(test_a_word_without_room_is_said_again),
        cmocka_unit_test(test_without_a_manager_nothing_runs),
        cmocka_unit_test(test_a_manager_that_has_gone),
        cmocka_unit_test(test_a_state_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
