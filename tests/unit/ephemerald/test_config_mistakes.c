/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a configuration: why it is refused, what is logged, and what --help shows. */
#include "base/version.h"
#include "ephemerald/manual.h"
#include "ephemerald/options.h"
#include "ephemerald/variables.h"
#include "failing_alloc.h"
#include "rig.h"

#include <stdlib.h>
#include <sysexits.h>

struct mistake {
    const char *flag, *value;
    int status;
    const char *says;
};

static void test_mistakes_in_flags(void **state)
{
    static const struct mistake mistakes[] = {
        {"--proto-prot", "1", EX_USAGE, "command line: unknown option 'proto-prot': did you mean 'proto-port'?"},
        {"--colour", "1", EX_USAGE, "command line: unknown option 'colour': --help lists them all"},
        {"8087", "1", EX_USAGE, "command line: '8087' is no option"},
        {"--listen", NULL, EX_USAGE, "command line: --listen needs a value (ADDRESS)"},
        {"--listen", "localhost", EX_CONFIG,
         "flag --listen: 'localhost' is no numeric address: give one like 0.0.0.0, 10.1.2.3 or ::"},
        {"--listen", "10.1.2", EX_CONFIG, "flag --listen: '10.1.2' is no numeric address"},
        {"--proto-port", "4369", EX_CONFIG,
         "proto-port (flag --proto-port) and epmd-port (default) are both 4369: each needs a port of its own"},
        {"--handoff-port", "4369", EX_CONFIG,
         "epmd-port (default) and handoff-port (flag --handoff-port) are both 4369: each needs a port of its own"},
        {"--orchestration", "swarm", EX_CONFIG,
         "flag --orchestration: 'swarm' is not known: give marathon, kubernetes or none"},
        {"--log-level", "loud", EX_CONFIG, "flag --log-level: 'loud' is no level: give error, warn, info or debug"},
        {"--legacy-suites", "perhaps", EX_CONFIG, "flag --legacy-suites: 'perhaps' is no value for legacy-suites"},
        {"--memory", "63MiB", EX_CONFIG, "flag --memory: '63MiB' is no value for memory: give SIZE from 67108864 to"},
        {"--user", "[]", EX_DATAERR, "flag --user: an empty array: nobody could connect"},
        {"--user", "{\"name\":", EX_DATAERR, "flag --user: not valid JSON: "},
        {"--user", "{\"name\":", EX_DATAERR, "(line 1, column 8)"},
        {"--user", "{\"name\":\"a\",\"auth_mode\":\"password\"}", EX_DATAERR,
         "flag --user: auth_mode \"password\" of user \"a\" is not served: only \"certificate\" is"},
        {"--bucket-types", "{\"any\":{}}", EX_DATAERR,
         "flag --bucket-types: bucket type \"any\": a name has 1 to 255 bytes, and \"default\" and \"any\" are "
         "reserved"},
        {"--bucket-types", "{\"t\":{\"tll\":1}}", EX_DATAERR,
         "flag --bucket-types: bucket type \"t\": unknown property \"tll\""},
        {"--bucket-types", "{\"t\":{\"ttl\":1,\"ttl\":2}}", EX_DATAERR,
         "flag --bucket-types: not valid JSON: duplicate object key"},
        {"--config", "/nonexistent/x.conf", EX_NOINPUT,
         "configuration file /nonexistent/x.conf cannot be read: No such file or directory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct rig r;
        rig_init(&r);
        int status = read_config(&r, mistakes[i].flag, mistakes[i].value, NULL);
        if (status != mistakes[i].status)
            fail_msg("%s %s: %d (%s)", mistakes[i].flag, mistakes[i].value, status, r.why);
        assert_why(&r, mistakes[i].says);
        rig_fini(&r);
    }
}

/* Each number is read, and says what it is when it is none. */
static void test_bad_number_for_each_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < daemon_option_count; i++) {
        const struct option *o = &daemon_options[i];
        struct rig r;
        char flag[64], expected[128];
        if (o->type != OPTION_NUMBER && o->type != OPTION_SIZE && o->type != OPTION_DURATION_MS)
            continue;
        rig_init(&r);
        snprintf(flag, sizeof flag, "--%s", o->name);
        snprintf(expected, sizeof expected, "flag %s: 'many' is no value for %s: give %s from ", flag, o->name,
                 o->argument);
        assert_int_equal(read_config(&r, flag, "many", NULL), EX_CONFIG);
        assert_why(&r, expected);
        rig_fini(&r);
    }
}

static void test_mistakes_in_the_environment(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    set("PORT_PROTO", "65536");
    assert_int_equal(read_config(&r, NULL), EX_CONFIG);
    assert_why(&r, "environment variable PORT_PROTO: '65536' is no value for proto-port: give PORT from 1 to 65535");
    unsetenv("PORT_PROTO");
    set("EPHEMERAL_STORE_USER", "{\"name\":\"a\",\"name\":\"b\"}");
    assert_int_equal(read_config(&r, NULL), EX_DATAERR);
    assert_why(&r, "environment variable EPHEMERAL_STORE_USER: not valid JSON: duplicate object key");
    unsetenv("EPHEMERAL_STORE_USER");
    assert_int_equal(read_config(&r, NULL), EX_CONFIG);
    assert_why(&r, "no user is given, so that nobody could connect: set EPHEMERAL_STORE_USER to {\"name\":\"myUser\"");
    rig_fini(&r);
}

static void test_mistakes_in_the_file(void **state)
{
    static const struct mistake mistakes[] = {
        {NULL, "\nproto-prot = 1\n", EX_CONFIG, "line 2: unknown option 'proto-prot': did you mean 'proto-port'?"},
        {NULL, "proto-port\n", EX_CONFIG, "line 1: 'proto-port' is no setting: write name = value"},
        {NULL, "proto-port = 1\nconfig = other.conf\n", EX_CONFIG,
         "line 2: a file cannot name another one: give 'config' as a flag or in the environment"},
        {NULL, "proto-port = x\n", EX_CONFIG, "line 1: 'x' is no value for proto-port: give PORT from 1 to 65535"},
        {NULL, "bucket-types = <<END\n{\n\"t\":30}", EX_CONFIG, "line 1: the text that begins here with <<END has no"},
        {NULL, "bucket-types = <<END\n{\n\"t\":x}\nEND\n", EX_DATAERR,
         "line 1: not valid JSON: invalid token near 'x'"},
        {NULL, "bucket-types = <<END\n{\n\"t\":x}\nEND\n", EX_DATAERR, "(line 2, column 5)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct rig r;
        rig_init(&r);
        int status = read_config(&r, "--config", write_file(&r, mistakes[i].value), NULL);
        if (status != mistakes[i].status)
            fail_msg("%s: %d (%s)", mistakes[i].value, status, r.why);
        assert_why(&r, mistakes[i].says);
        assert_why(&r, r.path);
        rig_fini(&r);
    }
}

/* --- wishes --- */

static void test_wishes(void **state)
{
    static const struct {
        const char *word;
        enum config_wish wish;
    } wishes[] = {{"--help", CONFIG_HELP},
                  {"-h", CONFIG_HELP},
                  {"--help-markdown", CONFIG_HELP_MARKDOWN},
                  {"--version", CONFIG_VERSION}};
    struct rig r;
    (void)state;
    rig_init_bare(&r); /* they need no configuration, and look at none */
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        assert_int_equal(read_config(&r, wishes[i].word, NULL), 0);
        assert_int_equal(r.wish, wishes[i].wish);
        assert_int_equal(read_config(&r, "--proto-prot", wishes[i].word, NULL), 0);
        assert_int_equal(r.wish, wishes[i].wish);
    }
    rig_fini(&r);
}

static void test_check(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_config(&r, "--proto-port", "7", "--check", "--epmd-port", "8", NULL), 0);
    assert_int_equal(r.wish, CONFIG_CHECK);
    assert_int_equal(r.c->proto_port, 7);
    assert_int_equal(r.c->epmd_port, 8);
    assert_int_equal(read_config(&r, "--check", NULL), EX_CONFIG); /* the key has left the environment */
    assert_int_equal(r.wish, CONFIG_CHECK);
    rig_fini(&r);
}

/* --- what is said of it --- */

struct lines {
    char text[4096];
    unsigned warnings;
};

static void keep(void *arg, enum log_level level, const char *line)
{
    struct lines *l = arg;
    size_t len = strlen(l->text);
    l->warnings += level == LOG_WARN;
    snprintf(l->text + len, sizeof l->text - len, "%s\n", line);
}

static void log_config(const struct rig *r, struct lines *l)
{
    struct log log = {.level = LOG_DEBUG, .sink = keep, .arg = l};
    *l = (struct lines){0};
    config_log(r->c, &log);
}

/* A pod in a namespace with services named ephemeral-store and ephemeral-store-proto starts, and says what it left. */
static void test_service_links_are_ignored(void **state)
{
    struct rig r;
    struct lines l;
    (void)state;
    rig_init(&r);
    set("EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7:8087");
    set("EPHEMERAL_STORE_EPMD_PORT", "tcp://10.96.0.7:4369");
    set("EPHEMERAL_STORE_HANDOFF_PORT", "18099");
    set("EPHEMERAL_STORE_SERVICE_HOST", "10.96.0.7");
    assert_good(&r, read_config(&r, NULL));
    assert_int_equal(r.c->proto_port, 8087);
    assert_int_equal(r.c->epmd_port, 4369);
    assert_int_equal(r.c->handoff_port, 18099);
    log_config(&r, &l);
    assert_non_null(strstr(l.text, "info  config: environment variable EPHEMERAL_STORE_PROTO_PORT is a service link of "
                                   "Kubernetes ('tcp://10.96.0.7:8087'), not an option: ignored"));
    assert_non_null(strstr(l.text, "info  config: environment variable EPHEMERAL_STORE_EPMD_PORT is"));
    assert_non_null(strstr(l.text, "debug config: environment variable EPHEMERAL_STORE_SERVICE_HOST is"));
    assert_null(strstr(l.text, "EPHEMERAL_STORE_HANDOFF_PORT"));
    unsetenv("EPHEMERAL_STORE_SERVICE_HOST");
    rig_fini(&r);
}

/* The kernel would end the node before the node refuses a write. */
static void test_more_memory_than_the_control_group_has(void **state)
{
    struct rig r;
    struct lines l;
    (void)state;
    rig_init(&r);
    fake_host_add_file("/sys/fs/cgroup/memory.max", "134217728\n");
    assert_good(&r, read_config(&r, "--cluster-size", "1", "--memory", "256Mi", NULL));
    assert_int_equal(r.c->memory_bytes, 256 << 20);
    log_config(&r, &l);
    assert_non_null(strstr(l.text, "memory is 256 MiB (flag --memory), but the control group allows 128 MiB "
                                   "(/sys/fs/cgroup/memory.max)"));
    assert_int_equal(l.warnings, 2); /* and of object-size-max */
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--cluster-size", "1", "--memory", "128Mi", NULL));
    log_config(&r, &l);
    assert_null(strstr(l.text, "control group"));
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--cluster-size", "1", "--memory", "1000000T", NULL));
    log_config(&r, &l);
    assert_non_null(strstr(l.text, "but the control group allows 128 MiB"));
    fake_host_reset();
    assert_good(&r, read_config(&r, "--root-ca-key", KEY, "--cluster-size", "1", "--memory", "1000000T", NULL));
    log_config(&r, &l);
    assert_non_null(strstr(l.text, "but this machine has "));
    rig_fini(&r);
}

static void test_log_of_a_good_start(void **state)
{
    struct rig r;
    struct lines l;
    char expected[512];
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, "--cluster-size", "1", "--memory", "1GiB", "--bucket-types", "{\"t\":{}}", NULL));
    log_config(&r, &l);
    snprintf(expected, sizeof expected,
             "info  config: node riak@node-7, orchestration none, 1 user(s), 1 bucket type(s), memory "
             "1024 MiB (flag --memory), release %s\n"
             "info  config: cluster ephemeral-store of 1, 3 replica(s), this node at the address of node-7, peers "
             "10.7.7.7,10.7.7.8\n",
             version_text);
    assert_string_equal(l.text, expected);
    rig_fini(&r);
}

static void test_log_of_what_is_strange(void **state)
{
    struct rig r;
    struct lines l;
    (void)state;
    rig_init(&r);
    set("ORCHESTRATION", "marathon");
    set("MARATHON_APP_ID", "/store");
    assert_good(&r, read_config(&r, "--memory", "64MiB", "--replicas", "2", "--place", "here", NULL));
    log_config(&r, &l);
    assert_int_equal(l.warnings, 2);
    assert_non_null(strstr(l.text, "orchestration marathon"));
    assert_non_null(
        strstr(l.text, "cluster ephemeral-store of 5, 2 replica(s), this node at the address of node-7, place here,"));
    assert_non_null(strstr(l.text, "replicas is 2: with less than 3, the loss of one node stops some keys"));
    assert_non_null(strstr(l.text, "object-size-max is more than an eighth of the memory"));
    assert_null(strstr(l.text, "REVG")); /* nothing of the key */
    rig_fini(&r);
}

static void test_log_of_names_left_out(void **state)
{
    struct rig r;
    struct lines l;
    (void)state;
    rig_init(&r);
    assert_good(&r, read_config(&r, "--names", "a@b,c", NULL));
    log_config(&r, &l);
    assert_int_equal(l.warnings, 1);
    assert_non_null(strstr(l.text, "no certificate can carry these names of this node, so clients cannot check the "
                                   "node by them: 'a@b'. DNS names have labels of 1 to 63 letters"));
    rig_fini(&r);
}

/* A misspelled variable would else be without any effect or word. */
static void test_unknown_variables(void **state)
{
    static const struct {
        const char *name, *value, *says; /* NULL: it is not unknown */
    } all[] = {
        {"EPHEMERAL_STORE_CLUSTERSIZE", "3",
         "environment variable EPHEMERAL_STORE_CLUSTERSIZE is no option and has no effect: did you mean "
         "EPHEMERAL_STORE_CLUSTER_SIZE (option cluster-size)?"},
        {"EPHEMERAL_STORE_PROTO_PROT", "1", "did you mean EPHEMERAL_STORE_PROTO_PORT (option proto-port)?"},
        {"EPHEMERAL_STORE_ORCHESTRATION", "kubernetes", "did you mean ORCHESTRATION (option orchestration)?"},
        {"EPHEMERAL_STORE_EPMDPORT", "1", "did you mean EPHEMERAL_STORE_EPMD_PORT (option epmd-port)?"},
        {"EPHEMERAL_STORE_THIS_IS_NOTHING", "", "is no option and has no effect: --help lists them all"},
        {"EPHEMERAL_STORE_", "1", "is no option"},
        {"EPHEMERAL_STORE_SERVICE_HOST", "10.96.0.7", NULL},
        {"EPHEMERAL_STORE_PORT_8087_TCP", "tcp://10.96.0.7:8087", NULL},
        {"EPHEMERAL_STORE_PROTO_PORT", "tcp://10.96.0.7:8087", NULL},
        {"EPHEMERAL_STORE_LOG_LEVEL", "info", NULL},
        {"EPHEMERAL_CERTS", "d", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct rig r;
        struct lines l;
        rig_init(&r);
        set(all[i].name, all[i].value);
        assert_good(&r, read_config(&r, NULL));
        log_config(&r, &l);
        assert_int_equal(l.warnings, all[i].says != NULL);
        assert_int_equal(variables_log(&r.c->options, NULL), all[i].says != NULL);
        if (all[i].says && !strstr(l.text, all[i].says))
            fail_msg("\"%s\" does not say \"%s\"", l.text, all[i].says);
        unsetenv(all[i].name);
        rig_fini(&r);
    }
}

static void print(void (*f)(FILE *out), char **text)
{
    size_t size;
    FILE *out = open_memstream(text, &size);
    assert_non_null(out);
    f(out);
    fclose(out);
}

static void test_help_names_every_option(void **state)
{
    char *help, *markdown, *man, *completion, part[64];
    (void)state;
    print(manual_print_help, &help);
    print(manual_print_markdown, &markdown);
    print(manual_print_man, &man);
    print(manual_print_completion, &completion);
    for (size_t i = 0; i < daemon_option_count; i++) {
        snprintf(part, sizeof part, "\n  --%s ", daemon_options[i].name);
        assert_non_null(strstr(help, part));
        snprintf(part, sizeof part, "\n| `--%s ", daemon_options[i].name);
        assert_non_null(strstr(markdown, part));
        snprintf(part, sizeof part, " --%s", daemon_options[i].name);
        assert_non_null(strstr(completion, part));
    }
    assert_non_null(strstr(man, "\\fB\\-\\-handoff\\-port\\fR \\fIPORT\\fR\n"));
    assert_non_null(strstr(help, "usage: ephemerald [OPTION VALUE]..."));
    assert_non_null(strstr(help, "64 wrong usage, 65 bad JSON or PEM, 66 no such file"));
    free(help);
    free(markdown);
    free(man);
    free(completion);
}

/* Every row has five bars that count. */
static void test_markdown_is_a_table(void **state)
{
    char *text;
    size_t rows = 0;
    (void)state;
    print(manual_print_markdown, &text);
    for (const char *p = strstr(text, "\n| "); p; p = strstr(p, "\n| ")) {
        int bars = 0;
        for (p++; *p && *p != '\n'; p++)
            bars += *p == '|' && p[-1] != '\\';
        assert_int_equal(bars, 5);
        rows++;
    }
    assert_int_equal(rows, daemon_option_count + 1);
    free(text);
}

/* The help shows defaults: a secret has none. */
static void test_table_of_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < daemon_option_count; i++) {
        const struct option *o = &daemon_options[i];
        assert_true(*o->help && *o->argument);
        assert_true(!o->secret || !o->standard);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(o->name, daemon_options[k].name);
    }
}

/* --- out of memory --- */

static void test_out_of_memory(void **state)
{
    bool failed = true;
    (void)state;
    for (size_t n = 1; failed; n++) {
        struct rig r;
        rig_init(&r);
        write_file(&r, "names = a\nbucket-types = {\"t\":{}}\n");
        set("EPHEMERAL_STORE_CONFIG", r.path);
        set("EPHEMERAL_STORE_ROOT_CA_CERT", r.path);
        set("HOST", "10.1.2.3");
        failing_alloc_start(n);
        int status = read_config(&r, "--listen", "10.1.2.3", NULL);
        failed = failing_alloc_stop();
        if (failed)
            assert_why(&r, "out of memory");
        assert_int_equal(status, failed ? EX_OSERR : 0);
        rig_fini(&r);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_in_flags),
        cmocka_unit_test(test_bad_number_for_each_option),
        cmocka_unit_test(test_mistakes_in_the_environment),
        cmocka_unit_test(test_mistakes_in_the_file),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_service_links_are_ignored),
        cmocka_unit_test(test_more_memory_than_the_control_group_has),
        cmocka_unit_test(test_log_of_a_good_start),
        cmocka_unit_test(test_log_of_what_is_strange),
        cmocka_unit_test(test_log_of_names_left_out),
        cmocka_unit_test(test_unknown_variables),
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_markdown_is_a_table),
        cmocka_unit_test(test_table_of_options),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
