/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "discovery/marathon_app.h"
#include "support.h"

#include <stdio.h>

static struct marathon_app app; /* 70 KB */
static char why[256];

static const struct marathon_question question = {.app_id = "/ephemeral-store", .task_id = "", .epmd_port = 4369};

static int read_as(const struct marathon_question *q, const char *body)
{
    why[0] = '\0';
    return marathon_app_read(&app, body, strlen(body), q, why, sizeof why);
}

static void read_good(const char *body)
{
    if (read_as(&question, body))
        fail_msg("%s", why);
}

static void read_bad(const char *body, int err, const char *part)
{
    assert_int_equal(read_as(&question, body), err);
    if (!strstr(why, part))
        fail_msg("'%s' says '%s'", body, why);
}

static void assert_task(size_t i, const char *host, bool is_address, bool runs, uint16_t port)
{
    assert_string_equal(app.task[i].host, host);
    assert_int_equal(app.task[i].is_address, is_address);
    assert_int_equal(app.task[i].runs, runs);
    assert_int_equal(app.task[i].port, port);
}

/* --- answers --- */

/* As Marathon 1.4 writes it, shortened. */
static const char marathon_1_4[] =
    "{\"app\":{\"id\":\"/ephemeral-store\",\"cmd\":null,\"instances\":5,\"cpus\":1,\"mem\":1024,"
    "\"env\":{\"ORCHESTRATION\":\"marathon\"},"
    "\"container\":{\"type\":\"DOCKER\",\"docker\":{\"image\":\"x\",\"network\":\"HOST\",\"portMappings\":[]}},"
    "\"portDefinitions\":[{\"port\":8087,\"protocol\":\"tcp\",\"name\":\"proto\",\"labels\":{\"VIP_0\":\"s:8087\"}},"
    "{\"port\":4369,\"protocol\":\"tcp\",\"name\":\"epmd\",\"labels\":{}},"
    "{\"port\":8099,\"protocol\":\"tcp\",\"name\":\"handoff\",\"labels\":{}}],"
    "\"ports\":[8087,4369,8099],\"tasksStaged\":1,\"tasksRunning\":2,"
    "\"tasks\":["
    "{\"id\":\"ephemeral-store.1\",\"host\":\"agent-1.example\",\"ports\":[31001,31002,31003],"
    "\"startedAt\":\"2017-01-01T00:00:00.000Z\",\"stagedAt\":\"x\",\"state\":\"TASK_RUNNING\"},"
    "{\"id\":\"ephemeral-store.2\",\"host\":\"10.0.0.2\",\"ports\":[8087,4369,8099],\"state\":\"TASK_RUNNING\"},"
    "{\"id\":\"ephemeral-store.3\",\"host\":\"10.0.0.3\",\"ports\":[8087,4369,8099],\"startedAt\":null,"
    "\"state\":\"TASK_STAGING\"}]}}";

static void test_an_answer(void **state)
{
    (void)state;
    read_good(marathon_1_4);
    assert_int_equal(app.instances, 5);
    assert_int_equal(app.tasks, 3);
    assert_int_equal(app.count, 3);
    assert_int_equal(app.running, 2);
    assert_true(app.lists_self);
    assert_task(0, "agent-1.example", false, true, 31002);
    assert_task(1, "10.0.0.2", true, true, 4369);
    assert_task(2, "10.0.0.3", true, false, 4369);
}

#define APP(rest) "{\"app\":{\"id\":\"/ephemeral-store\",\"instances\":3," rest "}}"

/* The answer that F5's documentation shows has no names of ports and no states. */
static void test_the_documented_old_answer(void **state)
{
    (void)state;
    read_good(APP("\"ports\":[8087,4369,8099],\"tasksRunning\":5,\"tasks\":["
                  "{\"host\":\"a\",\"ports\":[31000,31001,31002]},"
                  "{\"host\":\"b\",\"ports\":[1,2,3],\"startedAt\":null},"
                  "{\"host\":\"c\",\"ports\":[1,2,3],\"startedAt\":\"2017\"}]"));
    assert_task(0, "a", false, true, 31001);
    assert_task(1, "b", false, false, 2);
    assert_task(2, "c", false, true, 2);
}

static void test_which_port(void **state)
{
    (void)state;
    /* Of the container, where Marathon 1.5 and a bridge have it. */
    read_good(APP("\"container\":{\"portMappings\":[{\"name\":\"epmd\"},{\"name\":\"proto\"}]},"
                  "\"tasks\":[{\"host\":\"a\",\"ports\":[77,78]}]"));
    assert_task(0, "a", false, true, 77);
    read_good(APP("\"container\":{\"docker\":{\"portMappings\":[{\"name\":\"proto\"},{\"name\":\"epmd\"}]}},"
                  "\"tasks\":[{\"host\":\"a\",\"ports\":[77,78]}]"));
    assert_task(0, "a", false, true, 78);
    /* By number, without a name. */
    read_good(APP("\"portDefinitions\":[{\"port\":1},{\"port\":4369}],\"tasks\":[{\"host\":\"a\",\"ports\":[77,78]}]"));
    assert_task(0, "a", false, true, 78);
    /* This node's own where nothing says which, or what says so is no port. */
    read_good(APP("\"tasks\":[{\"host\":\"a\",\"ports\":[77,78]},{\"host\":\"b\"}]"));
    assert_task(0, "a", false, true, 4369);
    assert_task(1, "b", false, true, 4369);
    read_good(
        APP("\"portDefinitions\":[{\"name\":\"epmd\"}],\"tasks\":[{\"host\":\"a\",\"ports\":[0]},"
            "{\"host\":\"b\",\"ports\":[65536]},{\"host\":\"c\",\"ports\":[\"77\"]},{\"host\":\"d\",\"ports\":{}},"
            "{\"host\":\"e\",\"ports\":[-1]},{\"host\":\"f\",\"ports\":[65535]}]"));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(app.task[i].port, 4369);
    assert_int_equal(app.task[5].port, 65535);
}

static void test_states(void **state)
{
    (void)state;
    read_good(APP(
        "\"tasks\":[{\"host\":\"a\",\"state\":\"TASK_STARTING\"},{\"host\":\"a\",\"state\":\"TASK_LOST\"},"
        "{\"host\":\"a\",\"state\":\"TASK_UNREACHABLE\"},{\"host\":\"a\",\"state\":\"TASK_KILLING\"},"
        "{\"host\":\"a\",\"state\":7},{\"host\":\"a\",\"state\":null},{\"host\":\"a\",\"state\":\"TASK_RUNNING\"}]"));
    assert_int_equal(app.tasks, 7);
    assert_int_equal(app.running, 1);
    assert_true(app.task[6].runs);
}

/* What is not understood counts as a task, without a place. */
static void test_tasks_that_are_none(void **state)
{
    (void)state;
    read_good(APP("\"tasks\":[7,null,[],{},{\"host\":7},{\"host\":\"\"},{\"host\":\"a b\"},{\"host\":\"0.0.0.0\"},"
                  "{\"host\":\"1.2.3\"},{\"host\":\"224.0.0.1\"}]"));
    assert_int_equal(app.tasks, 10);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(app.task[i].host, "");
    assert_false(app.task[0].runs);
}

static void test_addresses_in_their_shortest_spelling(void **state)
{
    (void)state;
    read_good(APP("\"tasks\":[{\"host\":\"::ffff:10.0.0.1\"},{\"host\":\"FD00:0::0001\"}]"));
    assert_task(0, "10.0.0.1", true, true, 4369);
    assert_task(1, "fd00::1", true, true, 4369);
}

static void test_this_task(void **state)
{
    struct marathon_question q = question;
    (void)state;
    q.task_id = "ephemeral-store.2";
    assert_int_equal(read_as(&q, marathon_1_4), 0);
    assert_true(app.lists_self);
    assert_true(app.task[1].is_self);
    q.task_id = "ephemeral-store.4";
    assert_int_equal(read_as(&q, marathon_1_4), 0);
    assert_false(app.lists_self);
}

static void test_more_tasks_than_places(void **state)
{
    static char body[64 * 1024] = "{\"app\":{\"id\":\"/ephemeral-store\",\"instances\":300,\"tasks\":[";
    size_t len = strlen(body);
    (void)state;
    for (int i = 0; i < 300; i++)
        len += (size_t)sprintf(body + len, "%s{\"host\":\"10.0.%d.%d\"}", i ? "," : "", i / 250, i % 250 + 1);
    strcpy(body + len, "]}}");
    read_good(body);
    assert_int_equal(app.tasks, 300);
    assert_int_equal(app.count, MARATHON_TASKS_MAX);
}

/* --- what is no answer --- */

static void test_bad_answers(void **state)
{
    (void)state;
    read_bad("", E_MALFORMED, "not JSON (line");
    read_bad("<html>secret</html>", E_MALFORMED, "not JSON");
    assert_null(strstr(why, "secret"));
    read_bad("[]", E_INVALID, "it has no app.id");
    read_bad("{}", E_INVALID, "it has no app.id");
    read_bad("{\"app\":[]}", E_INVALID, "it has no app.id");
    read_bad("{\"app\":{\"id\":7}}", E_INVALID, "it has no app.id");
    read_bad("{\"app\":{\"id\":\"/other\",\"instances\":1,\"tasks\":[]}}", E_MISMATCH,
             "about the app /other, but this task belongs to /ephemeral-store");
    read_bad("{\"app\":{\"id\":\"/ephemeral-store\",\"tasks\":[]}}", E_INVALID, "app.instances");
    static const char *const numbers[] = {"-1", "\"5\"", "5.0", "null", "1000001", "true"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"app\":{\"id\":\"/ephemeral-store\",\"instances\":%s,\"tasks\":[]}}",
                 numbers[i]);
        read_bad(body, E_INVALID, "app.instances");
    }
    read_bad(APP("\"x\":1"), E_INVALID, "app.tasks");
    read_bad(APP("\"tasks\":{}"), E_INVALID, "app.tasks");
}

/* The id of the app is with or without the slash at its front. */
static void test_an_id_without_a_slash(void **state)
{
    (void)state;
    read_good("{\"app\":{\"id\":\"ephemeral-store\",\"instances\":0,\"tasks\":[]}}");
    assert_int_equal(app.tasks, 0);
}

static void assert_message(const char *body, const char *message)
{
    char out[32];
    marathon_message(body, strlen(body), out, sizeof out);
    assert_string_equal(out, message);
}

static void test_messages(void **state)
{
    (void)state;
    assert_message("{\"message\":\"App '/x' does not exist\"}", "App '/x' does not exist");
    assert_message("{\"message\":7}", "");
    assert_message("<html>", "");
    assert_message("", "");
    assert_message("{\"message\":\"0123456789012345678901234567890123456789\"}", "0123456789012345678901234567890");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_the_documented_old_answer),
        cmocka_unit_test(test_which_port),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_tasks_that_are_none),
        cmocka_unit_test(test_addresses_in_their_shortest_spelling),
        cmocka_unit_test(test_this_task),
        cmocka_unit_test(test_more_tasks_than_places),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_an_id_without_a_slash),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
