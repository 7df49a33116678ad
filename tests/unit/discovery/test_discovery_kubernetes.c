/* SPDX-License-Identifier: Apache-2.0 */
/* The Kubernetes API as a source: what is asked and how often, what becomes of its answers, and the headless service's
 * name at its side. */
#include "base/err.h"
#include "discovery/source.h"
#include "failing_alloc.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define API     "https://10.96.0.1:443"
#define PODS    API "/api/v1/namespaces/blue/pods?labelSelector=name%3Dephemeral-store&limit=16"
#define SET     API "/apis/apps/v1/namespaces/blue/statefulsets/store"
#define OLD_SET API "/apis/apps/v1beta1/namespaces/blue/statefulsets/store"
#define SERVICE "store-info.blue.svc"

#define POD(name, ip)                                                                                                  \
    "{\"metadata\":{\"name\":\"" name "\",\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"store\","          \
    "\"controller\":true}]},\"spec\":{\"nodeName\":\"n\"},\"status\":{\"phase\":\"Running\",\"podIP\":\"" ip "\"}}"
#define PAGE(next, items)                                                                                              \
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"" next "\"},\"items\":[" items "]}"
#define REPLICAS(n) "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":" #n "}}"
#define STATUS(n)   "{\"kind\":\"Status\",\"message\":\"no, " #n "\"}"

static const struct discovery_kubernetes with_rights = {.api = API,
                                                        .account = "/account",
                                                        .space = "blue",
                                                        .selector = "name=ephemeral-store",
                                                        .pod = "store-0",
                                                        .address = ""};

static void begin(struct rig *r)
{
    rig_init_kubernetes(r, &with_rights, NULL);
    discovery_start(r->d);
}

static void begin_with_service(struct rig *r)
{
    struct discovery_kubernetes k = with_rights;
    k.service = SERVICE;
    rig_init_kubernetes(r, &k, NULL);
    discovery_start(r->d);
}

static struct discovery_source api_of(const struct rig *r)
{
    struct discovery_source s;
    discovery_source_get(r->d, 0, &s);
    return s;
}

static unsigned count_lines(const struct rig *r, const char *part)
{
    unsigned n = 0;
    for (const char *p = r->lines; (p = strstr(p, part)); p++)
        n++;
    return n;
}

/* --- answers --- */

static void test_pods_and_how_many_there_are_to_be(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_string_equal(r.call.url, PODS);
    assert_string_equal(r.call.files, "/account/token - - /account/ca.crt");
    assert_int_equal(r.call.body_max, 128 << 10);
    assert_false(r.view.answered);
    rig_pass(&r, 100);
    rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1") "," POD("store-1", "10.0.0.2")));
    assert_string_equal(r.call.url, SET);
    assert_string_equal(r.call.files, "/account/token - - /account/ca.crt");
    rig_http(&r, 200, REPLICAS(5));
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 5);
    assert_true(r.view.answered);
    assert_true(r.view.authoritative);
    assert_int_equal(r.listed, 1);
    assert_string_equal(r.places, "10.0.0.1:4369 10.0.0.2:4369");
    assert_true(r.roster.whole);
    assert_int_equal(r.roster.asked_ms, 1000000);
    assert_string_equal(api_of(&r).note, "2 of 5 pods, 0 of them terminating");
    assert_string_equal(api_of(&r).name, "Kubernetes' API, pods name=ephemeral-store in blue");
    assert_int_equal(api_of(&r).size, 5);
    rig_fini(&r);
}

static void answer_all(struct rig *r)
{
    rig_http(r, 200,
             strstr(r->call.url, "statefulsets") ? REPLICAS(2)
                                                 : PAGE("", POD("store-0", "10.0.0.1") "," POD("store-1", "10.0.0.2")));
}

/* At most a request in ten seconds while nothing changes. */
static void test_how_often(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    answer_all(&r);
    answer_all(&r);
    unsigned first = r.calls, pods = 0;
    for (int s = 0; s < 600; s++) {
        rig_pass(&r, 1000);
        while (r.call.under_way) {
            pods += strcmp(r.call.url, PODS) == 0;
            answer_all(&r);
        }
    }
    assert_true(r.calls - first <= 60);
    assert_true(pods >= 45);
    assert_true(r.calls - first > pods); /* the size is asked, too */
    assert_int_equal(r.listed, pods + 1);
    rig_fini(&r);
}

/* What is scaled is known soon. */
static void test_scaling(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    answer_all(&r);
    answer_all(&r);
    assert_int_equal(r.view.listed, 2);
    rig_pass(&r, 12000);
    rig_http(&r, 200,
             PAGE("", POD("store-0", "10.0.0.1") "," POD("store-1", "10.0.0.2") "," POD("store-2", "10.0.0.3")));
    assert_string_equal(r.call.url, SET);
    rig_http(&r, 200, REPLICAS(3));
    assert_int_equal(r.view.listed, 3);
    rig_pass(&r, 12000);
    rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1")));
    assert_string_equal(r.call.url, SET);
    rig_http(&r, 200, REPLICAS(1));
    assert_seen(&r, "10.0.0.1:4369 (10.0.0.2:4369) (10.0.0.3:4369)", 1);
    assert_true(r.view.authoritative);
    rig_fini(&r);
}

static void test_servers_before_1_9(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1")));
    rig_http(&r, 404, "404 page not found\n");
    assert_string_equal(r.call.url, OLD_SET);
    rig_http(&r, 200, REPLICAS(5));
    assert_int_equal(r.view.listed, 5);
    rig_pass(&r, 12000);
    rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1")));
    assert_string_equal(r.call.url, OLD_SET);
    rig_http(&r, 404, "404 page not found\n");
    assert_int_equal(api_of(&r).size, -1);
    assert_true(api_of(&r).authoritative);
    rig_fini(&r);
}

/* The pods are known all the same; permission is asked for again after some minutes. */
static void test_no_right_to_know_the_size(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1")));
    rig_http(&r, 403, STATUS(403));
    assert_seen(&r, "10.0.0.1:4369", 1);
    assert_true(r.view.authoritative);
    assert_true(r.roster.whole);
    assert_non_null(strstr(r.lines, "resources [statefulsets], verbs [get]"));
    unsigned asked = 0;
    for (int i = 0; i < 100; i++) {
        rig_pass(&r, 12000);
        rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1")));
        if (r.call.under_way) {
            asked++;
            rig_http(&r, 403, STATUS(403));
        }
    }
    assert_int_equal(asked, 2);
    assert_int_equal(r.listed, 101);
    rig_fini(&r);
}

static void test_a_size_that_is_not_told(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    answer_all(&r);
    rig_http(&r, 200, REPLICAS(7));
    assert_int_equal(r.view.listed, 7);
    rig_pass(&r, 12000);
    answer_all(&r);
    rig_http_fails(&r, E_TIMEOUT, "it did not answer");
    assert_int_equal(r.view.listed, 7); /* what was known stays */
    assert_int_equal(r.listed, 2);
    rig_pass(&r, 12000);
    answer_all(&r);
    rig_http(&r, 200, "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":\"many\"}}");
    assert_int_equal(r.view.listed, 7);
    assert_non_null(strstr(api_of(&r).note, "no usable spec.replicas"));
    rig_fini(&r);
}

/* --- pages --- */

static void test_pages(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_pass(&r, 10);
    rig_http(&r, 200, PAGE("a/b=", POD("store-0", "10.0.0.1")));
    assert_string_equal(r.call.url, PODS "&continue=a%2Fb%3D");
    assert_int_equal(r.listed, 0); /* half a list is none */
    rig_pass(&r, 10);
    rig_http(&r, 200, PAGE("", POD("store-1", "10.0.0.2")));
    rig_http(&r, 200, REPLICAS(2));
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 2);
    assert_true(r.roster.whole);
    assert_int_equal(r.roster.asked_ms, 1000000);
    rig_fini(&r);
}

/* The list is asked for once more from its beginning, and counts from then. */
static void test_an_expired_list(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http(&r, 200, PAGE("a", POD("store-0", "10.0.0.9")));
    rig_pass(&r, 50);
    rig_http(&r, 410, STATUS(410));
    assert_string_equal(r.call.url, PODS);
    rig_http(&r, 200, PAGE("", POD("store-0", "10.0.0.1")));
    rig_http(&r, 200, REPLICAS(1));
    assert_seen(&r, "10.0.0.1:4369", 1);
    assert_int_equal(r.roster.asked_ms, 1000050);
    assert_true(r.roster.whole);
    rig_fini(&r);
}

static void test_a_list_that_always_expires(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    for (int i = 0; i < 4; i++) {
        rig_http(&r, 200, PAGE("a", POD("store-0", "10.0.0.1")));
        rig_http(&r, 410, STATUS(410));
    }
    assert_false(r.call.under_way);
    assert_int_equal(r.listed, 0);
    assert_non_null(strstr(r.lines, "it answered with HTTP status 410: no, 410"));
    rig_fini(&r);
}

/* Half a list that breaks off is forgotten: what was known stays. */
static void test_a_broken_list(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    answer_all(&r);
    answer_all(&r);
    rig_pass(&r, 12000);
    rig_http(&r, 200, PAGE("a", POD("store-0", "10.0.0.1")));
    rig_http(&r, 200, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 2);
    assert_int_equal(r.listed, 1);
    rig_fini(&r);
}

static void test_pages_without_end(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    while (r.call.under_way && !strstr(r.call.url, "statefulsets")) {
        assert_true(r.calls < 100);
        rig_http(&r, 200, PAGE("again", POD("store-0", "10.0.0.1")));
    }
    rig_http(&r, 200, REPLICAS(1));
    assert_false(r.roster.whole);
    assert_int_equal(r.listed, 1);
    rig_fini(&r);
}

/* Fewer pods are asked for at once. */
static void test_large_pods(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http_fails(&r, E_TOO_LARGE, "too large");
    assert_non_null(strstr(r.call.url, "&limit=4"));
    rig_http_fails(&r, E_TOO_LARGE, "too large");
    assert_non_null(strstr(r.call.url, "&limit=1"));
    assert_int_equal(r.call.body_max, 256 << 10);
    rig_http_fails(&r, E_TOO_LARGE, "its answer is larger than that");
    assert_false(r.call.under_way);
    assert_non_null(strstr(r.lines, "its answer is larger than that"));
    rig_pass(&r, 500);
    assert_null(strstr(r.call.url, "&limit=16"));
    answer_all(&r);
    answer_all(&r);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 2);
    rig_pass(&r, 12000);
    assert_null(strstr(r.call.url, "&limit=16"));
    for (unsigned i = 0; i < 2; i++) { /* not for good: a question is answered late, and the next is another */
        rig_pass(&r, 600000);
        while (r.call.under_way)
            answer_all(&r);
    }
    rig_pass(&r, 12000);
    assert_non_null(strstr(r.call.url, "&limit=16"));
    rig_fini(&r);
}

/* --- no permission, no way --- */

static void test_without_permission_dns_alone(void **state)
{
    struct rig r;
    (void)state;
    begin_with_service(&r);
    rig_http(&r, 403, STATUS(403));
    assert_non_null(strstr(r.lines, "the service account may not list pods in namespace blue (403): bind it to a Role "
                                    "with apiGroups [\"\"], resources [pods], verbs [list] and apiGroups [apps], "
                                    "resources [statefulsets], verbs [get]"));
    assert_false(r.view.answered);
    rig_answer(&r, SERVICE, "10.0.0.1 10.0.0.2");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 2);
    assert_true(r.view.answered); /* the API certainly says nothing */
    assert_false(r.view.authoritative);
    assert_int_equal(r.listed, 0);
    unsigned calls = r.calls;
    for (int s = 0; s < 3600; s++) {
        rig_pass(&r, 1000);
        if (r.question_count)
            rig_answer(&r, SERVICE, "10.0.0.1 10.0.0.2");
        if (r.call.under_way)
            rig_http(&r, 403, STATUS(403));
        discovery_refresh(r.d); /* does not press it */
    }
    assert_in_range(r.calls - calls, 12, 20);
    assert_int_equal(count_lines(&r, "may not list pods"), 1);
    /* Now it may. */
    while (!r.call.under_way) {
        rig_pass(&r, 1000);
        if (r.question_count)
            rig_answer(&r, SERVICE, "10.0.0.1 10.0.0.2");
    }
    answer_all(&r);
    answer_all(&r);
    assert_true(r.view.authoritative);
    rig_pass(&r, 12000);
    assert_true(r.call.under_way);
    answer_all(&r);
    rig_fini(&r);
}

static void test_other_refusals(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http(&r, 401, STATUS(401));
    assert_non_null(strstr(r.lines, "the API does not accept the token in /account/token (401)"));
    assert_true(r.view.answered);
    rig_fini(&r);
    begin(&r);
    rig_http_fails(&r, E_NOT_FOUND, "cannot read /account/token: No such file or directory");
    assert_non_null(strstr(r.lines, "no service account is mounted in this pod"));
    assert_true(r.view.answered);
    rig_fini(&r);
    begin(&r);
    rig_http_fails(&r, E_UNSUPPORTED, "libcurl.so.4 cannot be used");
    assert_true(r.view.answered);
    rig_fini(&r);
}

/* It is said once, also just after something else was. */
static void test_a_refusal_after_a_failure(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http_fails(&r, E_IO, "cannot connect");
    rig_pass(&r, 500);
    rig_http(&r, 403, STATUS(403));
    assert_int_equal(count_lines(&r, "may not list pods"), 1);
    rig_pass(&r, 5000);
    rig_http_fails(&r, E_IO, "cannot connect");
    rig_pass(&r, 1000);
    rig_http(&r, 403, STATUS(403));
    assert_int_equal(count_lines(&r, "may not list pods"), 1);
    rig_fini(&r);
}

/* A right that is taken away: what is listed no more is kept for a while. */
static void test_refused_later(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    answer_all(&r);
    answer_all(&r);
    rig_pass(&r, 12000);
    rig_http(&r, 403, STATUS(403));
    assert_seen(&r, "(10.0.0.1:4369) (10.0.0.2:4369)", 0);
    assert_false(r.view.authoritative);
    rig_fini(&r);
}

static void test_other_answers(void **state)
{
    static const struct {
        unsigned status;
        const char *body, *says;
    } all[] = {{404, "404 page not found\n", "what answers there is not a Kubernetes API (HTTP status 404)"},
               {404, STATUS(404), "it answered with HTTP status 404: no, 404"},
               {302, "", "it answered with HTTP status 302"},
               {503, "busy", "it answered with HTTP status 503"},
               {429, STATUS(429), "it answered with HTTP status 429: no, 429"},
               {200, "{}", "its answer is not a list of pods"},
               {410, "", "it answered with HTTP status 410"}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct rig r;
        begin(&r);
        rig_http(&r, all[i].status, all[i].body);
        if (!strstr(r.lines, all[i].says))
            fail_msg("\"%s\" does not say \"%s\"", r.lines, all[i].says);
        assert_false(r.view.answered);
        rig_pass(&r, 500);
        assert_true(r.call.under_way); /* soon */
        answer_all(&r);
        answer_all(&r);
        assert_true(r.view.answered);
        rig_fini(&r);
    }
}

/* Who cannot reach it does not wait for it for ever; when it comes back, its word counts. */
static void test_no_route(void **state)
{
    struct rig r;
    (void)state;
    begin_with_service(&r);
    rig_answer(&r, SERVICE, NULL);
    rig_http_fails(&r, E_IO, "cannot connect to 10.96.0.1 port 443: No route to host");
    assert_false(r.view.answered);
    rig_pass(&r, 500);
    rig_http_fails(&r, E_IO, "cannot connect to 10.96.0.1 port 443: No route to host");
    assert_true(r.view.answered);
    assert_false(r.view.authoritative);
    assert_int_equal(count_lines(&r, "No route to host"), 1); /* of many */
    rig_pass(&r, 1000);
    answer_all(&r);
    answer_all(&r);
    assert_true(r.view.authoritative);
    while (r.question_count)
        rig_answer(&r, SERVICE, NULL);
    rig_fini(&r);
}

/* --- side by side --- */

/* The API's word counts for N; what only DNS says is tried as well. */
static void test_dns_at_its_side(void **state)
{
    struct rig r;
    (void)state;
    begin_with_service(&r);
    rig_answer(&r, SERVICE, "10.0.0.1 10.0.0.7");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.7:4369", 2);
    assert_false(r.view.answered);
    answer_all(&r);
    answer_all(&r);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369 10.0.0.7:4369", 2);
    assert_true(r.view.authoritative);
    assert_true(r.view.answered);
    rig_fini(&r);
}

static void test_dns_that_does_not_answer(void **state)
{
    struct rig r;
    (void)state;
    begin_with_service(&r);
    answer_all(&r);
    answer_all(&r);
    assert_true(r.view.answered);
    rig_fail(&r, SERVICE, E_TIMEOUT);
    assert_true(r.view.answered);
    rig_fini(&r);
}

static void test_peers_in_addition(void **state)
{
    struct rig r;
    (void)state;
    rig_init_kubernetes(&r, &with_rights, "10.0.0.1,10.0.0.9");
    discovery_start(r.d);
    answer_all(&r);
    answer_all(&r);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369 10.0.0.9:4369", 3);
    assert_true(r.view.authoritative);
    rig_fini(&r);
}

static void test_dns_alone(void **state)
{
    const struct discovery_kubernetes k = {.service = SERVICE};
    struct rig r;
    (void)state;
    rig_init_kubernetes(&r, &k, NULL);
    discovery_start(r.d);
    assert_int_equal(r.calls, 0);
    rig_answer(&r, SERVICE, "10.0.0.1");
    assert_seen(&r, "10.0.0.1:4369", 1);
    assert_false(r.view.authoritative);
    rig_fini(&r);
}

/* --- a list of others --- */

static void test_a_list_without_this_pod(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http(&r, 200, PAGE("", POD("other-0", "10.0.0.8")));
    assert_false(r.call.under_way); /* whose size, nobody knows */
    assert_seen(&r, "10.0.0.8:4369", 1);
    assert_false(r.view.authoritative);
    assert_false(r.roster.whole);
    assert_non_null(strstr(r.lines, "no pod with name=ephemeral-store is this one (store-0): give the pods that label, "
                                    "or set POD_LABEL_SELECTOR to theirs"));
    rig_fini(&r);
}

static void test_no_pods(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    rig_http(&r, 200, PAGE("", ""));
    assert_seen(&r, "", 0);
    assert_false(r.view.authoritative);
    assert_true(r.view.answered);
    assert_false(r.roster.whole);
    rig_fini(&r);
}

/* A peer of the same name as the service is a source of its own, as it is from the start: the list names it, so that it
 * counts for a node in addition to what the API says. */
static void test_a_peer_with_the_name_of_the_service(void **state)
{
    struct rig r;
    struct discovery_source last;
    struct discovery_kubernetes config = with_rights;
    (void)state;
    config.service = "c";
    rig_init_kubernetes(&r, &config, NULL);
    discovery_start(r.d);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(discovery_reload(r.d, "c", r.why, sizeof r.why), 0);
        assert_int_equal(discovery_source_count(r.d), 3);
        discovery_source_get(r.d, 2, &last);
        assert_string_equal(last.name, "peer c");
    }
    rig_fini(&r);
}

/* --- memory --- */

static void test_no_memory(void **state)
{
    struct rig r;
    (void)state;
    rig_init_kubernetes(&r, &with_rights, NULL);
    rig_fini(&r);
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        const struct discovery_config config = {.kubernetes = &with_rights,
                                                .epmd_port = PORT,
                                                .timers = &r.timers,
                                                .clock = &r.clock,
                                                .resolver = &r.resolver,
                                                .http = &r.http,
                                                .log = &r.log};
        failing_alloc_start(n);
        int err = discovery_create(&config, &r.d, r.why, sizeof r.why);
        failed = failing_alloc_stop();
        assert_int_equal(err, failed ? E_NOMEM : 0);
        discovery_destroy(&r.d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pods_and_how_many_there_are_to_be),
        cmocka_unit_test(test_how_often),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_servers_before_1_9),
        cmocka_unit_test(test_no_right_to_know_the_size),
        cmocka_unit_test(test_a_size_that_is_not_told),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_an_expired_list),
        cmocka_unit_test(test_a_list_that_always_expires),
        cmocka_unit_test(test_a_broken_list),
        cmocka_unit_test(test_pages_without_end),
        cmocka_unit_test(test_large_pods),
        cmocka_unit_test(test_without_permission_dns_alone),
        cmocka_unit_test(test_other_refusals),
        cmocka_unit_test(test_a_refusal_after_a_failure),
        cmocka_unit_test(test_refused_later),
        cmocka_unit_test(test_other_answers),
        cmocka_unit_test(test_no_route),
        cmocka_unit_test(test_dns_at_its_side),
        cmocka_unit_test(test_dns_that_does_not_answer),
        cmocka_unit_test(test_peers_in_addition),
        cmocka_unit_test(test_dns_alone),
        cmocka_unit_test(test_a_list_without_this_pod),
        cmocka_unit_test(test_no_pods),
        cmocka_unit_test(test_a_peer_with_the_name_of_the_service),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
