#include "ephemeralctl/options.h"

#include "support.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static struct options o;
static unsigned used;
static char complaint[512];

#define ARGS_MAX 8

/* Parses `line`, split at spaces; what is complained about stands in `complaint`. */
static bool parse(const char *line)
{
    static char words[256];
    char *args[ARGS_MAX + 1] = {(char[]){"ephemeralctl"}};
    int count = 1, rest;
    strncpy(words, line, sizeof words - 1);
    for (char *word = strtok(words, " "); word && count < ARGS_MAX; word = strtok(NULL, " "))
        args[count++] = word;
    FILE *real = stderr;
    memset(complaint, 0, sizeof complaint);
    stderr = fmemopen(complaint, sizeof complaint - 1, "w");
    assert_non_null(stderr);
    optind = 0; /* begins anew */
    bool ok = options_parse(count, args, &o, &rest, &used);
    fclose(stderr);
    stderr = real;
    return ok;
}

static void of_the_cluster(void **state)
{
    (void)state;
    assert_true(parse("wait-ready --timeout 5 --probe"));
    assert_int_equal(o.wait_s, 5);
    assert_int_equal(o.timeout_ms, 0);
    assert_true(o.probe);
    assert_int_equal(used, SCOPE_WAIT);
    assert_true(parse("wait-ready --timeout-ms 7"));
    assert_int_equal(o.wait_s, 0);
    assert_int_equal(o.timeout_ms, 7);
    assert_int_equal(used, SCOPE_CONNECT);
    assert_true(parse("reform --survivors"));
    assert_true(o.survivors);
    assert_int_equal(used, SCOPE_REFORM);
    assert_true(parse("status -o json"));
    assert_int_equal(o.output, OUTPUT_JSON);
}

/* A flag wins over the environment, which is read by the names that the daemon knows. */
static void of_the_root(void **state)
{
    (void)state;
    unsetenv("EPHEMERAL_STORE_ROOT_CA_CERT");
    unsetenv("EPHEMERAL_STORE_ROOT_CA_KEY");
    assert_true(parse("leave"));
    assert_null(o.root_cert);
    setenv("EPHEMERAL_STORE_ROOT_CA_CERT", "a cert", 1);
    setenv("EPHEMERAL_STORE_ROOT_CA_KEY", "a key", 1);
    assert_true(parse("leave"));
    assert_string_equal(o.root_cert, "a cert");
    assert_string_equal(o.root_key, "a key");
    assert_int_equal(used, 0);
    assert_true(parse("leave --root-ca-cert c.pem --root-ca-key k.pem -u me"));
    assert_string_equal(o.root_cert, "c.pem");
    assert_string_equal(o.root_key, "k.pem");
    assert_string_equal(o.user, "me");
    assert_int_equal(used, SCOPE_ROOT | SCOPE_CONNECT);
}

static void mistakes(void **state)
{
    static const struct {
        const char *line, *text;
    } bad[] = {
        {"wait-ready --timeout", "an argument is missing after '--timeout'"},
        {"wait-ready --timeout 0", "--timeout takes a number from 1"},
        {"wait-ready --timeout soon", "not 'soon'"},
        {"wait-ready --timeout 4294967296", "to 4294967295"},
        {"reform --survivor=3", "unknown option"},
        {"status --output xml", "--output is text or json, not 'xml'"},
        {"status --nonsense", "unknown option '--nonsense'"},
        {"leave --root-ca-key", "an argument is missing after '--root-ca-key'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(parse(bad[i].line));
        if (!strstr(complaint, bad[i].text))
            fail_msg("'%s' does not say '%s'", complaint, bad[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_the_cluster),
        cmocka_unit_test(of_the_root),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests_name("ephemeralctl/options", tests, NULL, NULL);
}
