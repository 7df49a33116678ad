/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/root.h"

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

/* The linker's --wrap: which files can be read. */
static const char *readable[2];

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
    (void)mode;
    for (size_t i = 0; i < 2; i++)
        if (readable[i] && strcmp(readable[i], path) == 0)
            return 0;
    return -1;
}

static void choose(const char *line, bool needed)
{
    assert_true(parse(line));
    root_choose(&o, needed);
}

static void clear_variables(void)
{
    static const char *const names[] = {OPTIONS_ROOT_CERT_VARIABLE, OPTIONS_ROOT_KEY_VARIABLE, OPTIONS_USER_VARIABLE,
                                        "EPHEMERAL_CERTS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

/* A flag wins over the environment, which is read by the names that the daemon knows. */
static void of_the_root(void **state)
{
    (void)state;
    clear_variables();
    choose("leave", true);
    assert_null(o.root_cert);
    setenv(OPTIONS_ROOT_CERT_VARIABLE, "a cert", 1);
    setenv(OPTIONS_ROOT_KEY_VARIABLE, "a key", 1);
    choose("leave", true);
    assert_string_equal(o.root_cert, "a cert");
    assert_string_equal(o.root_key, "a key");
    assert_null(o.user);
    assert_int_equal(used, 0);
    choose("leave --root-ca-cert c.pem --root-ca-key k.pem -u me", true);
    assert_string_equal(o.root_cert, "c.pem");
    assert_string_equal(o.root_key, "k.pem");
    assert_string_equal(o.user, "me");
    assert_int_equal(used, SCOPE_CONNECT);
    clear_variables();
}

/* A user's certificate that is given is used, but where only the root's key will do. */
static void of_the_root_and_a_user(void **state)
{
    static const char *const lines[] = {"ping --certs d", "ping --cert c.pem", "ping --key k.pem"};
    (void)state;
    clear_variables();
    setenv(OPTIONS_ROOT_CERT_VARIABLE, "a cert", 1);
    setenv(OPTIONS_ROOT_KEY_VARIABLE, "a key", 1);
    choose("ping", false);
    assert_string_equal(o.root_cert, "a cert");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        choose(lines[i], false);
        assert_null(o.root_cert);
        assert_null(o.root_key);
        choose(lines[i], true);
        assert_string_equal(o.root_cert, "a cert");
    }
    choose("ping --certs d --root-ca-cert c --root-ca-key k", false);
    assert_string_equal(o.root_cert, "c");
    setenv("EPHEMERAL_CERTS", "d", 1);
    choose("ping", false);
    assert_null(o.root_cert);
    clear_variables();
    setenv(OPTIONS_ROOT_CERT_VARIABLE, "", 1); /* as if it were not set */
    choose("ping", false);
    assert_null(o.root_cert);
    clear_variables();
}

/* In a pod of F5's manifest: both are there, or nothing is minted. */
static void of_the_root_in_kubernetes(void **state)
{
    (void)state;
    clear_variables();
    readable[0] = ROOT_KUBERNETES_CERT;
    choose("ping", false);
    assert_null(o.root_cert);
    readable[1] = ROOT_KUBERNETES_KEY;
    choose("ping", false);
    assert_string_equal(o.root_cert, "/riak-bootstrap/ca-certs/tls.crt");
    assert_string_equal(o.root_key, "/riak-bootstrap/ca-certs/tls.key");
    choose("ping --certs d", false);
    assert_null(o.root_cert);
    setenv(OPTIONS_ROOT_CERT_VARIABLE, "a cert", 1); /* the key is missed then, not taken from elsewhere */
    choose("ping", false);
    assert_string_equal(o.root_cert, "a cert");
    assert_null(o.root_key);
    readable[0] = readable[1] = NULL;
    clear_variables();
}

static void user_of_the_daemon(void **state)
{
    static const struct {
        const char *text, *user;
    } all[] = {
        {"{ \"name\" : \"myUser\", \"auth_mode\" : \"certificate\" }", "myUser"}, /* as in F5's manifest */
        {"[{\"name\":\"a\"},{\"name\":\"b\"}]", "a"},
        {"\xef\xbb\xbf{\"name\":\"a\"}", "a"},
        {"[]", NULL},
        {"{\"name\":7}", NULL},
        {"{\"name\":\"\"}", NULL},
        {"myUser", NULL},
        {"", NULL},
    };
    (void)state;
    clear_variables();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        setenv(OPTIONS_USER_VARIABLE, all[i].text, 1);
        choose("ping --root-ca-cert c --root-ca-key k", false);
        if (all[i].user)
            assert_string_equal(o.user, all[i].user);
        else
            assert_null(o.user);
        choose("ping --root-ca-cert c --root-ca-key k --user me", false);
        assert_string_equal(o.user, "me");
        choose("ping --certs d", false); /* then the certificate says it */
        assert_null(o.user);
    }
    clear_variables();
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
        cmocka_unit_test(of_the_cluster),         cmocka_unit_test(of_the_root),
        cmocka_unit_test(of_the_root_and_a_user), cmocka_unit_test(of_the_root_in_kubernetes),
        cmocka_unit_test(user_of_the_daemon),     cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests_name("ephemeralctl/options", tests, NULL, NULL);
}
