/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own names are asked for until they are known, and nothing waits for that. */
#include "ephemerald/own_names.h"

#include "base/err.h"
#include "base/list.h"
#include "support.h"

#include <stdlib.h>

#define ASKED_MAX 8

struct asked {
    enum resolver_kind kind;
    char name[64];
    resolver_done done;
    void *arg;
};

struct rig {
    struct config config;
    struct own_names *names;
    struct timers timers;
    struct clock clock;
    struct resolver resolver;
    struct log log;
    uint64_t now_ms;
    struct asked asked[ASKED_MAX]; /* not answered yet */
    size_t asked_count;
    int resolve_err; /* what the resolver answers with at once */
    unsigned questions, placed, named, warnings;
    char address[46], full_name[64], warning[1024];
    const char *route; /* NULL: none is known */
};

static uint64_t now_ms(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static int resolve(struct resolver *resolver, enum resolver_kind kind, const char *name, resolver_done done, void *arg)
{
    struct rig *r = LIST_ENTRY(resolver, struct rig, resolver);
    struct asked *a = &r->asked[r->asked_count];
    r->questions++;
    if (r->resolve_err)
        return r->resolve_err;
    assert_true(r->asked_count < ASKED_MAX);
    *a = (struct asked){.kind = kind, .done = done, .arg = arg};
    snprintf(a->name, sizeof a->name, "%s", name);
    r->asked_count++;
    return 0;
}

static const struct resolver_ops ops = {resolve};

static bool route(void *arg, char *out)
{
    const struct rig *r = arg;
    if (r->route)
        strcpy(out, r->route);
    return r->route != NULL;
}

static void on_placed(void *arg, const char *address)
{
    struct rig *r = arg;
    r->placed++;
    snprintf(r->address, sizeof r->address, "%s", address);
}

static void on_named(void *arg, const char *full_name)
{
    struct rig *r = arg;
    r->named++;
    snprintf(r->full_name, sizeof r->full_name, "%s", full_name);
}

static void on_line(void *arg, enum log_level level, const char *line)
{
    struct rig *r = arg;
    if (level != LOG_WARN)
        return;
    r->warnings++;
    snprintf(r->warning, sizeof r->warning, "%s", line);
}

/* The names that may give the address; the configuration keeps them. */
static void rig_init(struct rig *r, uint32_t cluster_size, const char *host_name, const char *first, const char *second)
{
    *r = (struct rig){.now_ms = 1000, .resolver = {&ops}};
    r->clock = (struct clock){.boot_ms = now_ms, .arg = r};
    timers_init(&r->timers, now_ms, NULL, r);
    r->log = (struct log){.level = LOG_INFO, .sink = on_line, .arg = r};
    r->config.cluster_size = cluster_size;
    r->config.host_name = (char *)(uintptr_t)host_name;
    r->config.advertise_names[0] = (char *)(uintptr_t)first;
    r->config.advertise_names[1] = (char *)(uintptr_t)second;
    r->config.advertise_name_count = second ? 2 : first ? 1 : 0;
    if (!first)
        strcpy(r->config.advertise, "10.1.2.3");
}

static void begin(struct rig *r)
{
    struct own_names_config config = {.config = &r->config,
                                      .listen = "0.0.0.0",
                                      .resolver = &r->resolver,
                                      .timers = &r->timers,
                                      .clock = &r->clock,
                                      .log = &r->log,
                                      .route = route,
                                      .placed = on_placed,
                                      .named = on_named,
                                      .arg = r};
    assert_int_equal(own_names_create(&config, &r->names), 0);
    own_names_start(r->names);
    assert_int_equal(r->questions, 0); /* not from inside */
    timers_run(&r->timers);
}

static void rig_fini(struct rig *r)
{
    own_names_destroy(&r->names);
    assert_null(r->names);
    timers_fini(&r->timers);
}

/* Until the next timer at the latest. */
static void sleep_ms(struct rig *r, uint64_t ms)
{
    for (uint64_t end = r->now_ms + ms; r->now_ms < end;) {
        uint64_t next = timers_next_ms(&r->timers);
        r->now_ms = next < end ? (next > r->now_ms ? next : r->now_ms + 1) : end;
        timers_run(&r->timers);
    }
}

/* The question for that name is answered: two addresses, of which either may be NULL. */
static void answer(struct rig *r, const char *name, int err, const char *full_name, const char *one, const char *two)
{
    struct resolved found[2] = {{.full_name = full_name}, {.full_name = full_name}};
    size_t at = 0, count = 0;
    while (at < r->asked_count && strcmp(r->asked[at].name, name) != 0)
        at++;
    assert_true(at < r->asked_count);
    struct asked a = r->asked[at];
    r->asked[at] = r->asked[--r->asked_count];
    if (one)
        strcpy(found[count++].address, one);
    if (two)
        strcpy(found[count++].address, two);
    a.done(a.arg, err, found, count);
}

static void test_address_of_the_host(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "node-7", "node-7", NULL);
    begin(&r);
    assert_int_equal(r.asked_count, 1);
    assert_int_equal(r.asked[0].kind, RESOLVE_HOST);
    answer(&r, "node-7", 0, "node-7.dc.example", "127.0.1.1", "10.7.7.7"); /* the first as on Debian */
    assert_int_equal(r.placed, 1);
    assert_string_equal(r.address, "10.7.7.7");
    assert_int_equal(r.named, 1);
    assert_string_equal(r.full_name, "node-7.dc.example");
    sleep_ms(&r, 600000);
    assert_int_equal(r.questions, 1);
    assert_int_equal(r.warnings, 0);
    rig_fini(&r);
}

static void test_the_first_name_that_has_one(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "node-7", "agent-3", "node-7");
    begin(&r);
    assert_int_equal(r.asked_count, 2);
    answer(&r, "node-7", 0, "node-7", "10.7.7.7", NULL);
    assert_int_equal(r.placed, 0); /* the other counts before it */
    answer(&r, "agent-3", 0, NULL, "fd00::3", "10.3.3.3");
    assert_string_equal(r.address, "10.3.3.3"); /* IPv6 is not served */
    assert_int_equal(r.placed, 1);
    assert_int_equal(r.named, 0); /* it has no dot */
    rig_fini(&r);
    rig_init(&r, 5, "node-7", "agent-3", "node-7");
    begin(&r);
    answer(&r, "agent-3", E_IO, NULL, NULL, NULL);
    answer(&r, "node-7", 0, "node-7", "10.7.7.7", NULL);
    assert_string_equal(r.address, "10.7.7.7");
    rig_fini(&r);
}

/* Again and again, at growing intervals, with a line in the log each minute; and the first answer is taken. */
static void test_name_server_that_does_not_answer(void **state)
{
    struct rig r;
    unsigned rounds = 0;
    (void)state;
    rig_init(&r, 5, "node-7", "store.example", NULL);
    r.config.advertise_given = true;
    begin(&r);
    for (uint64_t end = r.now_ms + 5 * 60000; r.now_ms < end; rounds++) {
        assert_int_equal(r.asked_count, 2);
        sleep_ms(&r, 10000);
        answer(&r, "store.example", E_TIMEOUT, NULL, NULL, NULL);
        assert_int_equal(r.asked_count, 1);
        answer(&r, "node-7", E_TIMEOUT, NULL, NULL, NULL);
        if (rounds == 0)
            assert_int_equal(r.warnings, 1);
        sleep_ms(&r, OWN_NAMES_LAST_MS);
    }
    assert_in_range(rounds, 10, 13);
    assert_in_range(r.warnings, 4, 6);
    assert_non_null(strstr(r.warning, "this node has no address yet, so it cannot take part in the cluster: "
                                      "'store.example': no name server answers in time. It asks again"));
    answer(&r, "node-7", 0, "node-7.example", "10.9.9.9", NULL);
    answer(&r, "store.example", 0, NULL, "127.0.0.5", NULL); /* given: loopback will do */
    assert_int_equal(r.placed, 1);
    assert_string_equal(r.address, "127.0.0.5");
    assert_string_equal(r.full_name, "node-7.example");
    unsigned questions = r.questions;
    sleep_ms(&r, 600000);
    assert_int_equal(r.questions, questions);
    rig_fini(&r);
}

static void test_name_without_an_address(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "node-7", "node-7", NULL);
    begin(&r);
    answer(&r, "node-7", 0, "localhost", "127.0.0.1", NULL);
    assert_int_equal(r.placed, 0);
    assert_non_null(strstr(r.warning, "'node-7': it has no address that the others could connect to"));
    sleep_ms(&r, OWN_NAMES_FIRST_MS);
    assert_int_equal(r.asked[0].kind, RESOLVE_ADDRESS); /* the full name is known */
    answer(&r, "node-7", 0, NULL, "10.7.7.7", NULL);
    assert_string_equal(r.address, "10.7.7.7");
    rig_fini(&r);
}

/* The address is known: only the full name is asked for. */
static void test_full_name_alone(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "node-7", NULL, NULL);
    begin(&r);
    answer(&r, "node-7", E_IO, NULL, NULL, NULL);
    assert_int_equal(r.warnings, 0);
    sleep_ms(&r, OWN_NAMES_FIRST_MS);
    answer(&r, "node-7", 0, "node-7.example", "10.9.9.9", NULL);
    assert_int_equal(r.placed, 0);
    assert_int_equal(r.named, 1);
    rig_fini(&r);
    rig_init(&r, 5, "(none)", NULL, NULL); /* no name that can be asked for */
    begin(&r);
    assert_int_equal(r.questions, 0);
    rig_fini(&r);
}

/* A cluster of one does not wait long: nobody asks where it is. */
static void test_alone(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 1, "node-7", "node-7", NULL);
    begin(&r);
    sleep_ms(&r, OWN_NAMES_ALONE_MS);
    assert_int_equal(r.placed, 1);
    assert_string_equal(r.address, "127.0.0.1");
    answer(&r, "node-7", 0, "node-7.example", "10.7.7.7", NULL);
    assert_int_equal(r.placed, 1);
    assert_int_equal(r.named, 1);
    rig_fini(&r);
    rig_init(&r, 1, "node-7", "node-7", NULL);
    begin(&r);
    answer(&r, "node-7", E_IO, NULL, NULL, NULL);
    assert_string_equal(r.address, "127.0.0.1");
    assert_int_equal(r.warnings, 0);
    rig_fini(&r);
    rig_init(&r, 1, "node-7", "store.example", NULL); /* it was given: that it is then */
    r.config.advertise_given = true;
    begin(&r);
    answer(&r, "node-7", 0, NULL, NULL, NULL);
    answer(&r, "store.example", 0, NULL, NULL, NULL);
    sleep_ms(&r, OWN_NAMES_ALONE_MS);
    assert_int_equal(r.placed, 0);
    assert_int_equal(r.warnings, 1);
    answer(&r, "store.example", 0, NULL, "10.5.5.5", NULL);
    assert_string_equal(r.address, "10.5.5.5");
    rig_fini(&r);
}

static void test_resolver_that_refuses(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "node-7", "node-7", NULL);
    r.resolve_err = E_TOO_MANY;
    begin(&r);
    assert_int_equal(r.warnings, 1);
    r.resolve_err = 0;
    sleep_ms(&r, OWN_NAMES_FIRST_MS);
    answer(&r, "node-7", 0, "node-7", "10.7.7.7", NULL);
    assert_int_equal(r.placed, 1);
    rig_fini(&r);
}

static void test_answer_after_the_end(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "node-7", "agent-3", "node-7");
    begin(&r);
    rig_fini(&r);
    answer(&r, "node-7", 0, "node-7.example", "10.7.7.7", NULL);
    answer(&r, "agent-3", 0, NULL, "10.7.7.7", NULL);
    assert_int_equal(r.placed + r.named, 0);
}

/* Debian's installer gives a machine's own name to loopback. */
static void test_names_of_loopback_alone_leave_the_route(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "agent-1", "agent-1", NULL);
    begin(&r);
    own_names_routed(r.names);
    assert_int_equal(r.placed, 0); /* the names come first */
    answer(&r, "agent-1", 0, "agent-1.example", "127.0.1.1", NULL);
    assert_int_equal(r.placed, 0);
    r.route = "127.0.0.1";
    own_names_routed(r.names);
    assert_int_equal(r.placed, 0); /* no better than the name */
    r.route = "10.3.0.1";
    own_names_routed(r.names);
    assert_int_equal(r.placed, 1);
    assert_string_equal(r.address, "10.3.0.1");
    own_names_routed(r.names);
    sleep_ms(&r, 60000);
    assert_int_equal(r.placed, 1);
    rig_fini(&r);
}

static void test_the_route_is_there_first(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "agent-1", "agent-1", NULL);
    r.route = "10.3.0.1";
    begin(&r);
    answer(&r, "agent-1", 0, "agent-1.example", "127.0.1.1", NULL);
    assert_string_equal(r.address, "10.3.0.1");
    assert_int_equal(r.warnings, 0);
    rig_fini(&r);
}

static void test_a_name_that_was_given_is_waited_for(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5, "host", "store-1.example", NULL);
    r.config.advertise_given = true;
    r.route = "10.3.0.1";
    begin(&r);
    answer(&r, "store-1.example", 0, NULL, NULL, NULL);
    answer(&r, "host", 0, "host", "10.3.0.1", NULL);
    assert_int_equal(r.placed, 0);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_loopback_alone_leave_the_route),
        cmocka_unit_test(test_the_route_is_there_first),
        cmocka_unit_test(test_a_name_that_was_given_is_waited_for),
        cmocka_unit_test(test_address_of_the_host),
        cmocka_unit_test(test_the_first_name_that_has_one),
        cmocka_unit_test(test_name_server_that_does_not_answer),
        cmocka_unit_test(test_name_without_an_address),
        cmocka_unit_test(test_full_name_alone),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_resolver_that_refuses),
        cmocka_unit_test(test_answer_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
