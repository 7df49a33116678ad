/* SPDX-License-Identifier: Apache-2.0 */
/* What Marathon says to its tasks, and how its API is asked. */
#include "rig.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* The key leaves the environment with each reading. */
#define read_again(r, ...) read_config(r, "--root-ca-key", KEY, __VA_ARGS__)

/* As F5's JSON starts a task: no list of peers, no URL. */
static void begin(struct rig *r)
{
    rig_init(r);
    unsetenv("EPHEMERAL_STORE_PEERS");
    set("ORCHESTRATION", "marathon");
    set("MARATHON_APP_ID", "/ephemeral-store");
    set("MESOS_TASK_ID", "ephemeral-store.1");
}

static void test_a_task(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->marathon.app_id, "/ephemeral-store");
    assert_string_equal(r.c->marathon.task_id, "ephemeral-store.1");
    assert_null(r.c->marathon.urls);
    assert_null(r.c->peers);
    set("MARATHON_APP_ID", "prod/store");
    unsetenv("MESOS_TASK_ID");
    set("MARATHON_URL", "m1.example:8080,https://m2.example");
    assert_good(&r, read_again(&r, NULL));
    assert_string_equal(r.c->marathon.app_id, "/prod/store");
    assert_null(r.c->marathon.task_id);
    assert_string_equal(r.c->marathon.urls, "m1.example:8080,https://m2.example");
    rig_fini(&r);
    unsetenv("MESOS_TASK_ID");
}

/* Elsewhere these are any shell's variables. */
static void test_without_orchestration(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    set("ORCHESTRATION", "none");
    set("EPHEMERAL_STORE_PEERS", PEERS);
    set("MARATHON_URL", "ftp://");
    assert_good(&r, read_again(&r, NULL));
    assert_null(r.c->marathon.app_id);
    assert_null(r.c->marathon.urls);
    rig_fini(&r);
}

static void test_without_an_id(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    static const char *const none[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        if (none[i])
            set("MARATHON_APP_ID", none[i]);
        else
            unsetenv("MARATHON_APP_ID");
        unsetenv("EPHEMERAL_STORE_PEERS");
        assert_int_equal(read_again(&r, NULL), EX_CONFIG);
        assert_why(&r, "MARATHON_APP_ID is not set: Marathon cannot be asked for them");
        set("EPHEMERAL_STORE_PEERS", PEERS); /* will do */
        assert_good(&r, read_again(&r, NULL));
        assert_null(r.c->marathon.app_id);
    }
    rig_fini(&r);
}

static void test_who_asks(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    write_file(&r, "secret\n");
    assert_good(&r, read_again(&r, "--marathon-user", "joe", "--marathon-password-file", r.path,
                               "--marathon-root-ca-file", r.path, NULL));
    assert_string_equal(r.c->marathon.user, "joe");
    assert_string_equal(r.c->marathon.password_file, r.path);
    assert_string_equal(r.c->marathon.root_ca_file, r.path);
    assert_good(&r, read_again(&r, "--marathon-token-file", r.path, NULL));
    assert_string_equal(r.c->marathon.token_file, r.path);
    rig_fini(&r);
}

static void assert_mistake(struct rig *r, const char *name, const char *value, int status, const char *why)
{
    assert_int_equal(read_again(r, name, value, NULL), status);
    assert_why(r, why);
}

static void test_mistakes(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_mistake(&r, "--marathon-url", "http://joe:secret@m", EX_CONFIG,
                   "flag --marathon-url: URL 1 is not usable: it holds a user");
    assert_null(strstr(r.why, "secret"));
    assert_mistake(&r, "--marathon-user", "joe", EX_CONFIG, "marathon-password-file is not given");
    assert_mistake(&r, "--marathon-token-file", "/no/such/file", EX_NOINPUT,
                   "flag --marathon-token-file: the file '/no/such/file' cannot be read");
    write_file(&r, "secret");
    assert_mistake(&r, "--marathon-password-file", r.path, EX_CONFIG, "marathon-user is not given");
    assert_int_equal(read_again(&r, "--marathon-password-file", r.path, "--marathon-user", "joe",
                                "--marathon-token-file", r.path, NULL),
                     EX_CONFIG);
    assert_why(&r, "a request carries only one of them");
    set("MARATHON_APP_ID", "/a b");
    assert_mistake(&r, "--marathon-url", "m", EX_CONFIG, "MARATHON_APP_ID: '/a b' is not an app's id");
    rig_fini(&r);
}

/* --- the log --- */

static char lines[4096];

static void keep(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s %s\n", level == LOG_WARN ? "WARN" : "", line);
}

static void test_log(void **state)
{
    struct log log = {.level = LOG_INFO, .sink = keep};
    struct rig r;
    (void)state;
    begin(&r);
    write_file(&r, "secret");
    assert_good(&r, read_again(&r, "--marathon-token-file", r.path, NULL));
    config_log(r.c, &log);
    assert_non_null(strstr(lines, "Marathon's API is asked for the app /ephemeral-store at "
                                  "http://marathon.mesos:8080,http://leader.mesos:8080, with a token"));
    assert_null(strstr(lines, "WARN"));
    assert_null(strstr(lines, "secret"));
    unsetenv("MARATHON_APP_ID");
    set("EPHEMERAL_STORE_PEERS", PEERS);
    assert_good(&r, read_again(&r, NULL));
    config_log(r.c, &log);
    assert_non_null(strstr(lines, "WARN"));
    assert_non_null(strstr(lines, "MARATHON_APP_ID is not set: Marathon's API is not asked"));
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task),        cmocka_unit_test(test_without_orchestration),
        cmocka_unit_test(test_without_an_id), cmocka_unit_test(test_who_asks),
        cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
