/* SPDX-License-Identifier: Apache-2.0 */
/* Marathon's API as a source: which URL is asked, what becomes of its answers, and Mesos-DNS at its side. */
#include "base/err.h"
#include "discovery/source.h"
#include "failing_alloc.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define URL_1 "http://marathon.mesos:8080/v2/apps/ephemeral-store?embed=app.tasks"
#define URL_2 "http://leader.mesos:8080/v2/apps/ephemeral-store?embed=app.tasks"

#define SERVICE "_epmd._ephemeral-store._tcp.marathon.mesos"
#define NAME    "ephemeral-store.marathon.mesos"

#define APP(instances, tasks)                                                                                          \
    "{\"app\":{\"id\":\"/ephemeral-store\",\"instances\":" #instances ",\"portDefinitions\":[{\"name\":\"epmd\"}],"    \
    "\"env\":{\"EPHEMERAL_STORE_ROOT_CA_KEY\":\"secret\"},\"tasks\":[" tasks "]}}"
#define TASK(id, host, state) "{\"id\":\"" id "\",\"host\":\"" host "\",\"ports\":[4369],\"state\":\"TASK_" state "\"}"

static const struct discovery_marathon plain = {.app_id = "/ephemeral-store", .task_id = "t1"};

/* Mesos-DNS has nothing. */
static void answer_names(struct rig *r)
{
    while (r->question_count)
        rig_fail(r, NULL, 0);
}

static void begin(struct rig *r, const struct discovery_marathon *marathon)
{
    rig_init_marathon(r, marathon, NULL);
    discovery_start(r->d);
    answer_names(r);
}

static unsigned count_lines(const struct rig *r, const char *part)
{
    unsigned n = 0;
    for (const char *p = r->lines; (p = strstr(p, part)); p++)
        n++;
    return n;
}

static struct discovery_source api_of(const struct rig *r)
{
    struct discovery_source s;
    discovery_source_get(r->d, 0, &s);
    return s;
}

/* --- answers --- */

static void test_an_answer(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    assert_string_equal(r.call.url, URL_1);
    assert_string_equal(r.call.files, "- - - -");
    assert_int_equal(r.call.body_max, 256 * 1024);
    assert_false(r.view.answered);
    rig_pass(&r, 120);
    rig_http(&r, 200,
             APP(5, TASK("t1", "10.0.0.1", "RUNNING") "," TASK("t2", "10.0.0.2", "RUNNING") "," TASK("t3", "10.0.0.3",
                                                                                                     "STAGING")));
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 5); /* five are to be there, and two have an address */
    assert_true(r.view.answered);
    assert_int_equal(r.listed, 1);
    assert_string_equal(r.places, "10.0.0.1:4369 10.0.0.2:4369 10.0.0.3:4369"); /* in whatever state */
    assert_true(r.roster.whole);
    assert_true(r.roster.lists_self);
    assert_int_equal(r.roster.asked_ms, 1000000);
    const struct discovery_source s = api_of(&r);
    assert_string_equal(s.name, "Marathon's API, app /ephemeral-store");
    assert_string_equal(s.note, "2 of 5 instances run, 3 tasks, says http://marathon.mesos:8080");
    assert_string_equal(s.problem, "");
    assert_int_equal(s.answered_ms, 1000120);
    assert_int_equal(s.took_ms, 120);
    assert_int_equal(s.nodes, 5);
    assert_int_equal(s.addresses, 2);
    assert_int_equal(s.size, 5);
    assert_true(s.authoritative);
    assert_int_equal(s.failed_ms, 0);
    assert_true(discovery_source_lists(r.d, 0, &r.view.candidates[1]));
    assert_false(discovery_source_lists(r.d, 1, &r.view.candidates[1]));
    assert_null(strstr(r.lines, "secret"));
    rig_fini(&r);
}

/* While an app is scaled or rolled there may be more tasks than instances: all count. */
static void test_more_tasks_than_instances(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING") "," TASK("t2", "10.0.0.2", "KILLING")));
    assert_seen(&r, "10.0.0.1:4369", 2);
    rig_fini(&r);
}

/* Each answer is told of, also when it says the same. */
static void test_a_roster_for_each_answer(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    for (unsigned i = 1; i <= 3; i++) {
        rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
        assert_int_equal(r.listed, i);
        uint64_t answered = r.now_ms;
        rig_pass(&r, 10000);
        assert_int_equal(r.calls, i + 1); /* not more often than this */
        assert_int_equal(r.roster.asked_ms, i == 1 ? 1000000 : answered);
    }
    unsigned told = r.told;
    rig_http_fails(&r, E_TIMEOUT, "timed out");
    rig_pass(&r, 0);
    rig_http_fails(&r, E_TIMEOUT, "timed out");
    assert_int_equal(r.listed, 3); /* no answer is no roster */
    assert_int_equal(r.told, told);
    answer_names(&r);
    rig_fini(&r);
}

/* An answer that does not know this task is used, but nobody is gone by its word, and N does not fall. */
static void test_an_answer_without_this_task(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http(&r, 200, APP(5, TASK("t7", "10.0.0.7", "RUNNING")));
    assert_seen(&r, "10.0.0.7:4369", 5);
    assert_false(r.roster.whole);
    assert_false(api_of(&r).authoritative);
    assert_non_null(strstr(api_of(&r).problem, "does not list this task (t1)"));
    assert_int_equal(count_lines(&r, "does not list this task (t1)"), 1);
    rig_pass(&r, 10000);
    answer_names(&r);
    rig_http(&r, 200, APP(5, TASK("t7", "10.0.0.7", "RUNNING") "," TASK("t1", "10.0.0.1", "RUNNING")));
    assert_true(r.roster.whole);
    assert_true(api_of(&r).authoritative);
    assert_string_equal(api_of(&r).problem, "");
    assert_int_equal(count_lines(&r, "API, app /ephemeral-store: answered again: 2 address"), 1);
    rig_fini(&r);
}

/* --- names of hosts --- */

static void test_hosts_with_names(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http(&r, 200,
             APP(3, TASK("t1", "a.example", "RUNNING") "," TASK("t2", "b.example", "STAGING") "," TASK("t3", "10.0.0.3",
                                                                                                       "RUNNING")));
    assert_int_equal(r.listed, 0); /* not before all are known */
    assert_int_equal(r.question_count, 2);
    rig_answer(&r, "a.example", "10.0.0.1 fd00::1");
    assert_int_equal(r.listed, 0);
    rig_answer(&r, "b.example", "10.0.0.2");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.3:4369 fd00::1:4369", 3);
    assert_string_equal(r.places, "10.0.0.1:4369 fd00::1:4369 10.0.0.2:4369 10.0.0.3:4369");
    assert_true(r.roster.whole);
    rig_fini(&r);
}

static void assert_not_whole(const char *list, int err, const char *problem)
{
    struct rig r;
    begin(&r, &plain);
    rig_http(&r, 200, APP(2, TASK("t1", "10.0.0.1", "RUNNING") "," TASK("t2", "b.example", "RUNNING")));
    if (err)
        rig_fail(&r, "b.example", err);
    else
        rig_answer(&r, "b.example", list);
    assert_seen(&r, "10.0.0.1:4369", 2);
    assert_string_equal(r.places, "10.0.0.1:4369");
    assert_false(r.roster.whole);
    assert_non_null(strstr(api_of(&r).problem, problem));
    assert_true(api_of(&r).authoritative); /* for the number of nodes its word is good */
    rig_fini(&r);
}

static void test_a_name_without_an_address(void **state)
{
    (void)state;
    assert_not_whole(NULL, 0, "no address was found for b.example");
    assert_not_whole(NULL, E_TIMEOUT, "no address was found for b.example");
    assert_not_whole("127.0.1.1", 0, "no address was found for b.example"); /* Debian's name for the host itself */
    assert_not_whole("::1 127.0.0.1", 0, "no address was found for b.example");
    assert_not_whole("0.0.0.0", 0, "no address was found for b.example");
}

/* Where the machine's own name is of loopback, this node itself is the one that cannot look itself up. */
static void test_this_node_needs_no_address(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http(&r, 200, APP(2, TASK("t1", "a.example", "RUNNING") "," TASK("t2", "b.example", "RUNNING")));
    rig_answer(&r, "a.example", "127.0.1.1");
    rig_answer(&r, "b.example", "10.0.0.2");
    assert_string_equal(r.places, "10.0.0.2:4369");
    assert_true(r.roster.whole);
    assert_true(r.roster.lists_self);
    assert_string_equal(api_of(&r).problem, "");
    rig_fini(&r);
}

static void test_a_resolver_that_takes_no_question(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    r.refuse = E_TOO_MANY;
    rig_http(&r, 200, APP(2, TASK("t1", "10.0.0.1", "RUNNING") "," TASK("t2", "a.example", "RUNNING")));
    assert_int_equal(r.listed, 1);
    assert_false(r.roster.whole);
    rig_fini(&r);
}

static void test_a_task_without_a_host(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http(&r, 200, APP(2, TASK("t1", "10.0.0.1", "RUNNING") ",{\"id\":\"t2\",\"state\":\"TASK_STAGING\"}"));
    assert_false(r.roster.whole);
    assert_non_null(strstr(api_of(&r).problem, "a task without a usable host"));
    rig_fini(&r);
}

/* The source goes while an answer or a name is owed. */
static void test_it_ends_meanwhile(void **state)
{
    struct rig r;
    (void)state;
    rig_init_marathon(&r, &plain, NULL);
    discovery_start(r.d);
    rig_fini(&r); /* the request is cancelled */
    begin(&r, &plain);
    rig_http(&r, 200, APP(2, TASK("t1", "a", "RUNNING") "," TASK("t2", "b", "RUNNING")));
    rig_answer(&r, "a", "10.0.0.1");
    rig_fini(&r);
    assert_int_equal(r.listed, 0);
}

/* --- several URLs --- */

static void test_the_url_that_answers_is_remembered(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http_fails(&r, E_IO, "no connection");
    assert_string_equal(r.call.url, URL_2);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    assert_int_equal(r.roster.asked_ms, 1000000);
    assert_string_equal(api_of(&r).note, "1 of 1 instances run, 1 tasks, says http://leader.mesos:8080");
    rig_pass(&r, 10000);
    answer_names(&r);
    assert_string_equal(r.call.url, URL_2);
    rig_http(&r, 503, "no leader");
    assert_string_equal(r.call.url, URL_1);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    assert_int_equal(r.listed, 2);
    assert_int_equal(api_of(&r).failed_ms, 0);
    rig_fini(&r);
}

/* The image has no roots of the system's. */
static void test_a_certificate_that_is_not_trusted(void **state)
{
    const struct discovery_marathon with = {
        .urls = "https://m", .app_id = "/ephemeral-store", .task_id = "t1", .root_file = "/r"};
    const struct discovery_marathon without = {.urls = "https://m", .app_id = "/ephemeral-store", .task_id = "t1"};
    struct rig r;
    (void)state;
    begin(&r, &without);
    rig_http_fails(&r, E_TLS, "the certificate is not good");
    assert_string_equal(api_of(&r).error, "https://m: the certificate is not good; if its root is your own, set "
                                          "marathon-root-ca-file");
    answer_names(&r);
    rig_fini(&r);
    begin(&r, &with);
    rig_http_fails(&r, E_TLS, "the certificate is not good");
    assert_string_equal(api_of(&r).error, "https://m: the certificate is not good");
    answer_names(&r);
    rig_fini(&r);
}

static void test_no_url_answers(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    rig_http_fails(&r, E_IO, "the name was not found");
    rig_pass(&r, 300);
    rig_http(&r, 404, "{\"message\":\"App '/ephemeral-store' does not exist\"}");
    const struct discovery_source s = api_of(&r);
    assert_string_equal(s.error,
                        "http://marathon.mesos:8080: the name was not found; http://leader.mesos:8080: it knows no app "
                        "/ephemeral-store (404): is it the Marathon that runs this task? (marathon-url)");
    assert_int_equal(s.failed_ms, 1000300);
    assert_int_equal(s.answered_ms, 0);
    assert_int_equal(count_lines(&r, "Marathon's API, app /ephemeral-store: http://marathon.mesos:8080: the name"), 1);
    assert_false(r.view.answered);
    unsigned calls = r.calls;
    rig_pass(&r, 500);
    assert_int_equal(r.calls, calls + 1);
    answer_names(&r);
    rig_fini(&r);
}

static void assert_said(unsigned status, const char *body, const char *part)
{
    struct rig r;
    struct discovery_marathon one = plain;
    one.urls = "http://m";
    begin(&r, &one);
    rig_http(&r, status, body);
    if (!strstr(api_of(&r).error, part))
        fail_msg("%u %s: %s", status, body, api_of(&r).error);
    rig_fini(&r);
}

static void test_what_is_said_of_bad_answers(void **state)
{
    (void)state;
    assert_said(401, "", "set marathon-user and marathon-password-file, or marathon-token-file");
    assert_said(403, "{}", "does not let this user see the app (403)");
    assert_said(302, "", "HTTP status 302");
    assert_said(500, "{\"message\":\"no ZooKeeper\"}", "HTTP status 500: no ZooKeeper");
    assert_said(200, "<html>secret", "http://m: its answer is not JSON");
    assert_said(200, "{\"app\":{\"id\":\"/b\",\"instances\":1,\"tasks\":[]}}", "about the app /b");
}

static void test_a_request_that_cannot_be_made(void **state)
{
    struct rig r;
    (void)state;
    rig_init_marathon(&r, &plain, NULL);
    r.refuse_call = E_NOMEM;
    discovery_start(r.d);
    answer_names(&r);
    assert_string_equal(api_of(&r).error,
                        "http://marathon.mesos:8080: out of memory; http://leader.mesos:8080: out of memory");
    r.refuse_call = 0;
    rig_pass(&r, 500);
    answer_names(&r);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    assert_int_equal(r.listed, 1);
    rig_fini(&r);
}

static void test_who_asks(void **state)
{
    struct rig r;
    const struct discovery_marathon asks = {.urls = "https://m:8443/x/",
                                            .app_id = "prod/store",
                                            .user = "joe",
                                            .password_file = "/p",
                                            .token_file = "/t",
                                            .root_file = "/r"};
    (void)state;
    begin(&r, &asks);
    assert_string_equal(r.call.url, "https://m:8443/x/v2/apps/prod/store?embed=app.tasks");
    assert_string_equal(r.call.files, "/t joe /p /r");
    rig_http(&r, 200, "{\"app\":{\"id\":\"/prod/store\",\"instances\":1,\"tasks\":[{\"host\":\"10.0.0.1\"}]}}");
    assert_true(r.roster.whole); /* this task's id is not known */
    rig_fini(&r);
}

/* --- Mesos-DNS --- */

static void test_mesos_dns(void **state)
{
    struct rig r;
    (void)state;
    rig_init_marathon(&r, &plain, NULL);
    discovery_start(r.d);
    assert_int_equal(discovery_source_count(r.d), 3);
    rig_answer_service(&r, SERVICE, "10.0.0.2", 4370);
    rig_answer(&r, NAME, "10.0.0.3");
    assert_seen(&r, "10.0.0.2:4370 10.0.0.3:4369", 2); /* also without the API */
    assert_false(r.view.authoritative);
    assert_int_equal(r.listed, 0);
    rig_http(&r, 200, APP(3, TASK("t1", "10.0.0.1", "RUNNING") "," TASK("t3", "10.0.0.3", "RUNNING")));
    assert_non_null(strstr(r.seen, "10.0.0.1:4369 10.0.0.2:4370 10.0.0.3:4369"));
    rig_fini(&r);
}

static void test_mesos_dns_of_a_nested_app(void **state)
{
    struct rig r;
    const struct discovery_marathon nested = {.app_id = "/prod/ephemeral-store"};
    (void)state;
    rig_init_marathon(&r, &nested, NULL);
    discovery_start(r.d);
    rig_answer_service(&r, "_epmd._ephemeral-store-prod._tcp.marathon.mesos", "10.0.0.2", 4369);
    rig_answer(&r, "ephemeral-store-prod.marathon.mesos", "10.0.0.2");
    assert_seen(&r, "10.0.0.2:4369", 1);
    rig_fini(&r);
}

/* Where Mesos-DNS is not there, or does not know the app, one line is enough. */
static void test_mesos_dns_is_not_missed(void **state)
{
    struct rig r;
    (void)state;
    rig_init_marathon(&r, &plain, NULL);
    discovery_start(r.d);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    for (int i = 0; i < 600; i++) {
        answer_names(&r);
        rig_pass(&r, 1000);
        if (r.call.under_way)
            rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    }
    assert_int_equal(count_lines(&r, "Mesos-DNS " SERVICE), 1);
    assert_int_equal(count_lines(&r, "Mesos-DNS " NAME), 1);
    answer_names(&r);
    rig_fini(&r);
}

/* --- with a list of peers --- */

static void test_beside_a_list_of_peers(void **state)
{
    struct rig r;
    (void)state;
    rig_init_marathon(&r, &plain, "10.0.0.9");
    discovery_start(r.d);
    answer_names(&r);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    assert_seen(&r, "10.0.0.1:4369 10.0.0.9:4369", 2);
    assert_int_equal(discovery_reload(r.d, "10.0.0.8", r.why, sizeof r.why), 0);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.8:4369", 2); /* what the API knows has stayed */
    assert_int_equal(r.calls, 1);
    assert_int_equal(discovery_reload(r.d, "10.0.0.256", r.why, sizeof r.why), E_INVALID);
    assert_int_equal(discovery_source_count(r.d), 4);
    rig_pass(&r, 10000);
    assert_int_equal(r.calls, 2);
    answer_names(&r);
    rig_fini(&r);
}

/* --- how often --- */

/* Milliseconds until the next request, while answers are the same. */
static uint64_t wait_for_call(struct rig *r, const char *answer)
{
    uint64_t begun = r->now_ms;
    rig_http(r, 200, answer);
    while (!r->call.under_way) {
        rig_pass(r, 1);
        answer_names(r);
    }
    return r->now_ms - begun;
}

static void test_a_seeking_node_asks_more_often(void **state)
{
    static const char one[] = APP(2, TASK("t1", "10.0.0.1", "RUNNING"));
    static const char two[] = APP(2, TASK("t1", "10.0.0.1", "RUNNING") "," TASK("t2", "10.0.0.2", "RUNNING"));
    struct rig r;
    (void)state;
    begin(&r, &plain);
    discovery_seek(r.d, true);
    assert_int_equal(r.calls, 1); /* one is under way */
    assert_in_range(wait_for_call(&r, one), 250, 500);
    assert_in_range(wait_for_call(&r, one), 500, 1000);
    assert_in_range(wait_for_call(&r, one), 1000, 2000);
    assert_in_range(wait_for_call(&r, two), 250, 500); /* there is news: more may follow */
    assert_in_range(wait_for_call(&r, two), 500, 1000);
    for (int i = 0; i < 10; i++)
        wait_for_call(&r, two);
    assert_in_range(wait_for_call(&r, two), 5000, 10000);
    discovery_seek(r.d, false);
    assert_int_equal(wait_for_call(&r, two), 10000);
    rig_http(&r, 200, two);
    discovery_seek(r.d, true); /* what it seeks now it seeks at once */
    rig_pass(&r, 500);
    assert_true(r.call.under_way);
    answer_names(&r);
    rig_fini(&r);
}

/* --- memory --- */

static void test_no_memory(void **state)
{
    const struct discovery_marathon asks = {.urls = "m",
                                            .app_id = "a",
                                            .task_id = "t",
                                            .user = "u",
                                            .password_file = "p",
                                            .token_file = "t",
                                            .root_file = "r"};
    struct rig r;
    bool failed = true;
    (void)state;
    rig_init(&r, NULL);
    discovery_destroy(&r.d);
    struct discovery_config config = {.marathon = &asks,
                                      .epmd_port = PORT,
                                      .timers = &r.timers,
                                      .clock = &r.clock,
                                      .http = &r.http,
                                      .resolver = &r.resolver};
    for (size_t n = 1; failed; n++) {
        failing_alloc_start(n);
        int err = discovery_create(&config, &r.d, r.why, sizeof r.why);
        failed = failing_alloc_stop();
        assert_int_equal(err, failed ? E_NOMEM : 0);
        discovery_destroy(&r.d);
    }
    rig_fini(&r);
}

static void test_no_memory_for_an_answer(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    failing_alloc_start(2); /* the first is of rig_http() */
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    assert_true(failing_alloc_stop());
    assert_int_equal(r.listed, 0);
    rig_http(&r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING"))); /* at the other URL */
    assert_int_equal(r.listed, 1);
    rig_fini(&r);
}

static void test_a_bad_id(void **state)
{
    const struct discovery_marathon bad = {.app_id = "/a b"};
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    discovery_destroy(&r.d);
    struct discovery_config config = {.marathon = &bad, .timers = &r.timers, .clock = &r.clock, .http = &r.http};
    assert_int_equal(discovery_create(&config, &r.d, r.why, sizeof r.why), E_INVALID);
    assert_null(r.d);
    rig_fini(&r);
}

/* --- out of turn --- */

static void answer_api(struct rig *r)
{
    rig_http(r, 200, APP(1, TASK("t1", "10.0.0.1", "RUNNING")));
    answer_names(r);
}

/* As often as the cluster likes to say it: once a second, and never twice at once. */
static void test_a_refresh_is_asked_for(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &plain);
    answer_api(&r);
    rig_pass(&r, 100);
    unsigned before = r.calls;
    for (unsigned i = 0; i < 5; i++) {
        discovery_refresh(r.d);
        assert_int_equal(r.calls, before); /* not from inside the call */
        rig_pass(&r, 10);
        assert_int_equal(r.calls, before + 1);
        discovery_refresh(r.d);
        rig_pass(&r, 10); /* it is being asked */
        assert_int_equal(r.calls, ++before);
        answer_api(&r);
        discovery_refresh(r.d);
        rig_pass(&r, DISCOVERY_REFRESH_MS - 40);
        assert_int_equal(r.calls, before);
        rig_pass(&r, 40);
        answer_names(&r);
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refresh_is_asked_for),
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_more_tasks_than_instances),
        cmocka_unit_test(test_a_roster_for_each_answer),
        cmocka_unit_test(test_an_answer_without_this_task),
        cmocka_unit_test(test_hosts_with_names),
        cmocka_unit_test(test_a_name_without_an_address),
        cmocka_unit_test(test_this_node_needs_no_address),
        cmocka_unit_test(test_a_resolver_that_takes_no_question),
        cmocka_unit_test(test_a_task_without_a_host),
        cmocka_unit_test(test_it_ends_meanwhile),
        cmocka_unit_test(test_the_url_that_answers_is_remembered),
        cmocka_unit_test(test_a_certificate_that_is_not_trusted),
        cmocka_unit_test(test_no_url_answers),
        cmocka_unit_test(test_what_is_said_of_bad_answers),
        cmocka_unit_test(test_a_request_that_cannot_be_made),
        cmocka_unit_test(test_who_asks),
        cmocka_unit_test(test_mesos_dns),
        cmocka_unit_test(test_mesos_dns_of_a_nested_app),
        cmocka_unit_test(test_mesos_dns_is_not_missed),
        cmocka_unit_test(test_beside_a_list_of_peers),
        cmocka_unit_test(test_a_seeking_node_asks_more_often),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_for_an_answer),
        cmocka_unit_test(test_a_bad_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
