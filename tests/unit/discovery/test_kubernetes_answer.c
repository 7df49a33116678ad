/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of pods and what else the API of Kubernetes answers, by honest servers and by others. */
#include "base/err.h"
#include "discovery/kubernetes_answer.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define OWNER                                                                                                          \
    "\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"ephemeral-store\",\"controller\":true,\"uid\":\"u\"}]"

static const struct kubernetes_question question = {.pod = "store-0", .address = "", .epmd_port = 4369};

struct answer {
    struct kubernetes_pods pods;
    char why[256];
};

/* From a block of its own, so that a sanitizer sees who reads beyond it. */
static int add(struct answer *a, const struct kubernetes_question *q, const char *body)
{
    size_t size = strlen(body);
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, body, size);
    int err = kubernetes_pods_add(&a->pods, copy, size, q, a->why, sizeof a->why);
    free(copy);
    return err;
}

static void read_items(struct answer *a, const struct kubernetes_question *q, const char *items)
{
    char body[8192];
    snprintf(body, sizeof body, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[%s]}", items);
    kubernetes_pods_init(&a->pods);
    if (add(a, q, body))
        fail_msg("%s", a->why);
}

static void assert_places(const struct kubernetes_places *p, const char *expected)
{
    char text[4096] = "";
    for (size_t i = 0; i < p->count; i++) {
        assert_int_equal(p->list[i].epmd_port, 4369);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", p->list[i].address);
    }
    assert_string_equal(text, expected);
}

/* As a server of 1.30 says it, in short. */
static void test_a_pod(void **state)
{
    struct answer a;
    (void)state;
    read_items(&a, &question,
               "{\"metadata\":{\"name\":\"store-0\"," OWNER "},\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"phase\":"
               "\"Running\",\"hostIP\":\"192.0.2.1\",\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":"
               "\"FD00::0001\"}]}}");
    assert_int_equal(a.pods.pods, 1);
    assert_int_equal(a.pods.live, 1);
    assert_true(a.pods.lists_self);
    assert_true(a.pods.whole);
    assert_string_equal(a.pods.owner, "ephemeral-store");
    assert_string_equal(a.pods.next, "");
    assert_places(&a.pods.candidates, "10.0.0.1 fd00::1");
    assert_places(&a.pods.all, "10.0.0.1 fd00::1");
}

struct kind {
    const char *metadata, *spec, *status;
    bool live, listed, whole;
};

/* Who may be running, who is tried, and of whom it is not known where he is. */
static void test_states_of_pods(void **state)
{
    static const struct kind kinds[] = {
        {"", "{\"nodeName\":\"n\"}", "{\"phase\":\"Pending\",\"podIP\":\"10.0.0.2\"}", true, true, true},
        {"", "{\"nodeName\":\"n\"}", "{\"phase\":\"Running\",\"podIP\":\"10.0.0.2\"}", true, true, true},
        {"", "{\"nodeName\":\"n\"}", "{\"phase\":\"Unknown\",\"podIP\":\"10.0.0.2\"}", true, true, true},
        {",\"deletionTimestamp\":\"2026-11-30T00:00:00Z\"", "{}", "{\"phase\":\"Running\",\"podIP\":\"10.0.0.2\"}",
         false, true, true},
        {"", "{}", "{\"phase\":\"Failed\",\"podIP\":\"10.0.0.2\"}", false, true, true},
        {"", "{}", "{\"phase\":\"Succeeded\",\"podIP\":\"10.0.0.2\"}", false, true, true},
        /* on no machine yet */
        {"", "{}", "{\"phase\":\"Pending\"}", true, false, true},
        {"", "{}", "{\"phase\":\"Pending\",\"podIP\":\"\",\"podIPs\":[]}", true, false, true},
        /* its kubelet may be late to say where it is */
        {"", "{\"nodeName\":\"n\"}", "{\"phase\":\"Pending\"}", true, false, false},
        {"", "{}", "{\"phase\":\"Pending\",\"hostIP\":\"192.0.2.1\"}", true, false, false},
        {"", "null", "{\"phase\":\"Pending\"}", true, false, false},
        {"", "{}", "{\"phase\":\"Running\"}", true, false, false},
        {"", "{}", "{\"phase\":\"Failed\"}", false, false, false},
        {"", "{}", "{}", true, false, false},
        {"", "{}", "null", true, false, false},
        {"", "{}", "17", true, false, false},
        /* not understood */
        {"", "{}", "{\"phase\":\"Pending\",\"podIP\":7}", true, false, false},
        {"", "{}", "{\"phase\":\"Running\",\"podIP\":\"somewhere\"}", true, false, false},
        {"", "{}", "{\"phase\":\"Running\",\"podIP\":\"0.0.0.0\"}", true, false, false},
        {"", "{}", "{\"phase\":\"Running\",\"podIP\":\"10.0.0.2\",\"podIPs\":{}}", true, true, false},
        {"", "{}", "{\"phase\":\"Running\",\"podIP\":\"10.0.0.2\",\"podIPs\":[{\"ip\":\"x\"}]}", true, true, false},
        {"", "{}", "{\"phase\":\"Running\",\"podIP\":\"10.0.0.2\",\"podIPs\":[7]}", true, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct answer a;
        char item[512];
        snprintf(item, sizeof item, "{\"metadata\":{\"name\":\"store-1\"%s},\"spec\":%s,\"status\":%s}",
                 kinds[i].metadata, kinds[i].spec, kinds[i].status);
        read_items(&a, &question, item);
        if (a.pods.live != kinds[i].live || a.pods.whole != kinds[i].whole)
            print_error("%s\n", item);
        assert_int_equal(a.pods.pods, 1);
        assert_int_equal(a.pods.live, kinds[i].live);
        assert_int_equal(a.pods.whole, kinds[i].whole);
        assert_places(&a.pods.all, kinds[i].listed ? "10.0.0.2" : "");
        assert_places(&a.pods.candidates, kinds[i].listed && kinds[i].live ? "10.0.0.2" : "");
        assert_string_equal(a.pods.nowhere, kinds[i].whole ? "" : "store-1");
        assert_false(a.pods.lists_self);
    }
}

static void test_odd_items(void **state)
{
    struct answer a;
    (void)state;
    read_items(&a, &question, "7,null,[],\"x\",{},{\"metadata\":{\"name\":5},\"status\":{\"podIP\":\"10.0.0.1\"}}");
    assert_int_equal(a.pods.pods, 6);
    assert_false(a.pods.whole);
    assert_places(&a.pods.candidates, "10.0.0.1");
}

/* By its name, or by its address where the name is not known. */
static void test_which_pod_is_this_one(void **state)
{
    static const char items[] = "{\"metadata\":{\"name\":\"store-0\"},\"status\":{\"podIPs\":[{\"ip\":\"10.0.0.1\"},"
                                "{\"ip\":\"fd00::1\"}]}}";
    static const struct {
        const char *pod, *address;
        bool is;
    } all[] = {{"store-0", "", true},
               {"store-1", "", false},
               {"", "10.0.0.1", true},
               {"", "fd00::1", true},
               {"host.example", "10.0.0.1", true},
               {"", "10.0.0.2", false},
               {"", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct kubernetes_question q = {.pod = all[i].pod, .address = all[i].address, .epmd_port = 4369};
        struct answer a;
        read_items(&a, &q, items);
        assert_int_equal(a.pods.lists_self, all[i].is);
    }
}

#define OWNED(name, kind, controller, owner)                                                                           \
    "{\"metadata\":{\"name\":\"" name "\",\"ownerReferences\":[{\"kind\":\"" kind "\",\"controller\":" controller      \
    ",\"name\":\"" owner "\"}]},\"status\":{\"podIP\":\"10.0.0.1\"}}"

static void test_owners(void **state)
{
    struct answer a;
    (void)state;
    read_items(&a, &question,
               OWNED("store-1", "StatefulSet", "true", "other") "," OWNED(
                   "store-0", "StatefulSet", "true", "mine") "," OWNED("store-2", "StatefulSet", "true", "third"));
    assert_string_equal(a.pods.owner, "mine");
    read_items(&a, &question, OWNED("store-1", "StatefulSet", "true", "other"));
    assert_string_equal(a.pods.owner, "other");
    read_items(&a, &question,
               OWNED("store-0", "ReplicaSet", "true", "x") "," OWNED("store-1", "StatefulSet", "false", "y"));
    assert_string_equal(a.pods.owner, "");
    read_items(&a, &question,
               "{\"metadata\":{\"ownerReferences\":[7,null,{\"kind\":\"StatefulSet\",\"controller\":true,"
               "\"name\":[]}]},\"status\":{}}");
    assert_string_equal(a.pods.owner, "");
}

static void test_pages(void **state)
{
    struct answer a;
    (void)state;
    kubernetes_pods_init(&a.pods);
    assert_int_equal(add(&a, &question,
                         "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"abc=\","
                         "\"remainingItemCount\":1},\"items\":[{\"metadata\":{\"name\":\"store-0\"},\"status\":{"
                         "\"podIP\":\"10.0.0.1\"}}]}"),
                     0);
    assert_string_equal(a.pods.next, "abc=");
    assert_int_equal(add(&a, &question,
                         "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"\"},\"items\":[{"
                         "\"metadata\":{\"name\":\"store-1\"},\"status\":{\"podIP\":\"10.0.0.2\"}}]}"),
                     0);
    assert_string_equal(a.pods.next, "");
    assert_places(&a.pods.candidates, "10.0.0.1 10.0.0.2");
    assert_true(a.pods.whole && a.pods.lists_self);
    assert_int_equal(add(&a, &question, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":null}"), 0);
    assert_int_equal(a.pods.pods, 2);
}

static void test_more_pods_than_there_is_room_for(void **state)
{
    static char items[64 * 1024];
    static struct answer a;
    (void)state;
    size_t len = 0;
    for (int i = 0; i < 300; i++)
        len += (size_t)snprintf(items + len, sizeof items - len,
                                "%s{\"metadata\":{\"name\":\"p%d\"},\"status\":{\"podIP\":\"10.0.%d.%d\"}}",
                                i ? "," : "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[", i, 1 + i / 200,
                                1 + i % 200);
    snprintf(items + len, sizeof items - len, "]}");
    kubernetes_pods_init(&a.pods);
    assert_int_equal(add(&a, &question, items), 0);
    assert_int_equal(a.pods.live, 300);
    assert_int_equal(a.pods.candidates.count, DISCOVERY_CANDIDATES_MAX);
    assert_int_equal(a.pods.all.count, DISCOVERY_CANDIDATES_MAX);
    assert_false(a.pods.whole);
}

static void test_no_lists(void **state)
{
    static const struct {
        const char *body;
        int err;
    } all[] = {
        {"", E_MALFORMED},
        {"{", E_MALFORMED},
        {"<html>", E_MALFORMED},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"na", E_MALFORMED},
        {"[]", E_INVALID},
        {"{}", E_INVALID},
        {"null", E_MALFORMED},
        {"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"items\":[]}", E_INVALID},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v2\",\"items\":[]}", E_INVALID},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\"}", E_INVALID},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":{}}", E_INVALID},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[],\"metadata\":{\"continue\":7}}", E_INVALID},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{}],\"metadata\":{\"continue\":[]}}", E_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct answer a = {.why = ""};
        kubernetes_pods_init(&a.pods);
        assert_int_equal(add(&a, &question, all[i].body), all[i].err);
        assert_int_equal(a.pods.pods, 0);
        assert_true(*a.why);
    }
}

static void test_a_token_that_is_too_long(void **state)
{
    static char body[4 * KUBERNETES_CONTINUE_SIZE], token[KUBERNETES_CONTINUE_SIZE + 1];
    struct answer a;
    (void)state;
    for (size_t len = KUBERNETES_CONTINUE_SIZE - 1; len <= KUBERNETES_CONTINUE_SIZE; len++) {
        memset(token, 'x', len);
        snprintf(body, sizeof body,
                 "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[],\"metadata\":{\"continue\":\"%s\"}}", token);
        kubernetes_pods_init(&a.pods);
        assert_int_equal(add(&a, &question, body), len < KUBERNETES_CONTINUE_SIZE ? 0 : E_INVALID);
    }
}

static void test_replicas(void **state)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"kind\":\"StatefulSet\",\"spec\":{}}",
                                      "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":\"5\"}}",
                                      "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":5.5}}",
                                      "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":-1}}",
                                      "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":99999999999}}",
                                      "{\"kind\":\"Scale\",\"spec\":{\"replicas\":5}}"};
    static const char good[] = "{\"kind\":\"StatefulSet\",\"spec\":{\"replicas\":5}}";
    unsigned n = 77;
    char why[128];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(kubernetes_replicas(bad[i], strlen(bad[i]), &n, why, sizeof why) < 0);
        assert_int_equal(n, 77);
    }
    assert_int_equal(kubernetes_replicas(good, strlen(good), &n, why, sizeof why), 0);
    assert_int_equal(n, 5);
}

static void test_status(void **state)
{
    static const char refusal[] = "{\"kind\":\"Status\",\"message\":\"pods is\\nforbidden\",\"code\":403}";
    static const char plain[] = "404 page not found\n", odd[] = "{\"kind\":\"Status\",\"message\":7}";
    struct kubernetes_status s;
    (void)state;
    kubernetes_status_read(refusal, strlen(refusal), &s);
    assert_true(s.is_status);
    assert_string_equal(s.message, "pods is?forbidden");
    kubernetes_status_read(plain, strlen(plain), &s);
    assert_false(s.is_status);
    kubernetes_status_read(odd, strlen(odd), &s);
    assert_true(s.is_status);
    assert_string_equal(s.message, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pod),
        cmocka_unit_test(test_states_of_pods),
        cmocka_unit_test(test_odd_items),
        cmocka_unit_test(test_which_pod_is_this_one),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_more_pods_than_there_is_room_for),
        cmocka_unit_test(test_no_lists),
        cmocka_unit_test(test_a_token_that_is_too_long),
        cmocka_unit_test(test_replicas),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
