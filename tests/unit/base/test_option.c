/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include "base/err.h"
#include "failing_alloc.h"
#include "support.h"

#include <stdlib.h>
#include <unistd.h>

static const struct option table[] = {
    {"name", "T_NAME", OPTION_TEXT, "NAME", "nobody", 0, 0, false, "A name."},
    {"port", "T_PORT T_OLD_PORT", OPTION_NUMBER, "PORT", "80", 1, 65535, false, "A port."},
    {"size", NULL, OPTION_SIZE, "SIZE", NULL, 10, UINT64_C(1) << 40, false, "A size."},
    {"time", "T_TIME", OPTION_DURATION_MS, "TIME", "1s", 0, 86400000, false, "A time."},
    {"quiet", NULL, OPTION_FLAG, "on|off", "off", 0, 0, false, "No words."},
    {"the-key", "T_KEY", OPTION_TEXT, "PEM", NULL, 0, 0, true, "A secret."},
    {"file", NULL, OPTION_TEXT, "FILE", NULL, 0, 0, false, "The file."},
};

#define COUNT (sizeof table / sizeof table[0])

struct rig {
    struct option_set set;
    char why[512];
    char path[64]; /* of the file, when there is one */
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){0};
    unsetenv("T_NAME");
    unsetenv("T_PORT");
    unsetenv("T_OLD_PORT");
    unsetenv("T_TIME");
    unsetenv("T_KEY");
    assert_int_equal(option_set_init(&r->set, table, COUNT), 0);
}

static void rig_fini(struct rig *r)
{
    if (*r->path)
        unlink(r->path);
    option_set_fini(&r->set);
}

static int read_flags(struct rig *r, char *a, char *b, char *c)
{
    char *argv[] = {"program", a, b, c, NULL};
    int argc = 1 + (a != NULL) + (b != NULL) + (c != NULL);
    return option_read_flags(&r->set, argc, argv, r->why, sizeof r->why);
}

static int read_environment(struct rig *r)
{
    return option_read_environment(&r->set, r->why, sizeof r->why);
}

static int read_bytes(struct rig *r, const void *data, size_t len)
{
    strcpy(r->path, "/tmp/ephemeral-option-XXXXXX");
    int fd = mkstemp(r->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    int err = option_read_file(&r->set, "file", r->path, r->why, sizeof r->why);
    unlink(r->path);
    return err;
}

static int read_file(struct rig *r, const char *text)
{
    return read_bytes(r, text, strlen(text));
}

static void assert_value(const struct rig *r, const char *name, const char *text, const char *origin)
{
    if (text)
        assert_string_equal(option_text(&r->set, name), text);
    else
        assert_null(option_text(&r->set, name));
    assert_non_null(strstr(option_origin(&r->set, name), origin));
}

static void assert_why(const struct rig *r, const char *part)
{
    if (!strstr(r->why, part))
        fail_msg("\"%s\" does not say \"%s\"", r->why, part);
}

static void test_defaults(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_flags(&r, NULL, NULL, NULL), 0);
    assert_int_equal(read_environment(&r), 0);
    assert_int_equal(read_file(&r, ""), 0);
    assert_value(&r, "name", "nobody", "default");
    assert_value(&r, "size", NULL, "");
    assert_null(option_text(&r.set, "nosuch"));
    assert_int_equal(option_find(&r.set, "nosuch"), -1);
    assert_int_equal(option_find(&r.set, "size"), 2);
    rig_fini(&r);
}

/* --- flags --- */

static void test_flags_in_both_spellings(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_flags(&r, "--name", "a b", "--port=443"), 0);
    assert_value(&r, "name", "a b", "flag --name");
    assert_value(&r, "port", "443", "flag --port");
    assert_int_equal(read_flags(&r, "--name=", NULL, NULL), 0);
    assert_value(&r, "name", "", "flag --name");
    assert_int_equal(read_flags(&r, "--name=a=b", NULL, NULL), 0);
    assert_value(&r, "name", "a=b", "flag --name");
    assert_int_equal(read_flags(&r, "--the-key", "-----BEGIN", NULL), 0); /* a value may begin with -- */
    assert_value(&r, "the-key", "-----BEGIN", "flag --the-key");
    rig_fini(&r);
}

static void test_flag_without_a_value(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_flags(&r, "--quiet", NULL, NULL), 0);
    assert_value(&r, "quiet", "on", "flag --quiet");
    assert_int_equal(read_flags(&r, "--quiet", "no", NULL), 0);
    assert_value(&r, "quiet", "no", "flag --quiet");
    assert_int_equal(read_flags(&r, "--quiet", "--name", "n"), 0);
    assert_value(&r, "quiet", "on", "flag --quiet");
    assert_value(&r, "name", "n", "flag --name");
    assert_int_equal(read_flags(&r, "--port", NULL, NULL), E_INVALID);
    assert_why(&r, "command line: --port needs a value (PORT)");
    rig_fini(&r);
}

static void test_unknown_flag(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_flags(&r, "--prot", "1", NULL), E_NOT_FOUND);
    assert_why(&r, "command line: unknown option 'prot': did you mean 'port'?");
    assert_int_equal(read_flags(&r, "--thekey=x", NULL, NULL), E_NOT_FOUND);
    assert_why(&r, "did you mean 'the-key'?");
    assert_int_equal(read_flags(&r, "--something-else", "1", NULL), E_NOT_FOUND);
    assert_why(&r, "unknown option 'something-else': --help lists them all");
    assert_int_equal(read_flags(&r, "name", "x", NULL), E_INVALID);
    assert_why(&r, "'name' is no option");
    assert_int_equal(read_flags(&r, "-n", NULL, NULL), E_INVALID);
    rig_fini(&r);
}

static void test_very_long_unknown_flag(void **state)
{
    struct rig r;
    char flag[300] = "--";
    (void)state;
    rig_init(&r);
    memset(flag + 2, 'x', sizeof flag - 3);
    assert_int_equal(read_flags(&r, flag, "1", NULL), E_NOT_FOUND);
    assert_why(&r, "--help lists them all");
    rig_fini(&r);
}

/* --- the environment --- */

static void test_environment(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    setenv("T_NAME", "n", 1);
    setenv("T_OLD_PORT", "1", 1);
    setenv("T_TIME", "", 1); /* as good as not set */
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "name", "n", "environment variable T_NAME");
    assert_value(&r, "port", "1", "environment variable T_OLD_PORT");
    assert_value(&r, "time", "1s", "default");
    setenv("T_PORT", "2", 1);
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "port", "2", "environment variable T_PORT"); /* the first of the two counts */
    rig_fini(&r);
}

/* Kubernetes sets such for a service whose name is like the option's. The next variable of the option counts. */
static void test_service_link_is_no_value(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    setenv("T_PORT", "tcp://10.96.0.7:8087", 1);
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "port", "80", "default");
    setenv("T_OLD_PORT", "1", 1);
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "port", "1", "environment variable T_OLD_PORT");
    rig_fini(&r);
}

static void test_secret_variable_is_wiped(void **state)
{
    static char variable[] = "T_KEY=secret";
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(putenv(variable), 0); /* the environment uses this very memory */
    setenv("T_NAME", "public", 1);
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "the-key", "secret", "environment variable T_KEY");
    assert_memory_equal(variable, "T_KEY=\0\0\0\0\0\0", sizeof variable);
    assert_null(getenv("T_KEY"));
    assert_string_equal(getenv("T_NAME"), "public");
    rig_fini(&r);
}

/* Also when a flag has the say. */
static void test_secret_variable_is_wiped_unused(void **state)
{
    static char variable[] = "T_KEY=secret";
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_flags(&r, "--the-key", "other", NULL), 0);
    assert_int_equal(putenv(variable), 0);
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "the-key", "other", "flag --the-key");
    assert_memory_equal(variable, "T_KEY=\0\0\0\0\0\0", sizeof variable);
    assert_null(getenv("T_KEY"));
    rig_fini(&r);
}

/* --- the file --- */

static void test_file(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_file(&r, "# a comment\n\n  name  =  a b = c # no comment  \r\nport=1\nsize =\n\tquiet = yes"),
                     0);
    assert_value(&r, "name", "a b = c # no comment", "line 3");
    assert_value(&r, "name", "a b = c # no comment", r.path);
    assert_value(&r, "port", "1", "line 4");
    assert_value(&r, "size", "", "line 5");
    assert_value(&r, "quiet", "yes", "line 6");
    rig_fini(&r);
}

static void test_file_with_a_block(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_file(&r, "the-key = <<END\none\r\n two  \n\n# three\n END \nname = <<X\nX\nport = 7\n"), 0);
    assert_value(&r, "the-key", "one\n two\n\n# three\n", "line 1");
    assert_value(&r, "name", "", "line 7");
    assert_value(&r, "port", "7", "line 9");
    assert_int_equal(read_file(&r, "\xef\xbb\xbfname = marked\n"), 0); /* a byte order mark */
    assert_value(&r, "name", "marked", "line 1");
    assert_int_equal(read_file(&r, "name = a\n\xef\xbb\xbfport = 7\n"), E_NOT_FOUND); /* only at the front */
    assert_int_equal(read_file(&r, "name = <<END\nlast\nEND"), 0);
    assert_value(&r, "name", "last\n", "line 1");
    assert_int_equal(read_file(&r, "name = <<"), 0); /* no word: an ordinary value */
    assert_value(&r, "name", "<<", "line 1");
    rig_fini(&r);
}

static void test_file_with_a_block_that_does_not_end(void **state)
{
    static const char *const texts[] = {"\nname = <<END\none\ntwo", "\nname = <<END\none\ntwo\n", "\nname = <<END\n",
                                        "\nname = <<END", "\nname = <<END\none\nEN"};
    struct rig r;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        rig_init(&r);
        assert_int_equal(read_file(&r, texts[i]), E_INVALID);
        assert_why(&r, "line 2: the text that begins here with <<END has no line END at its end");
        assert_why(&r, r.path);
        assert_value(&r, "name", "nobody", "default");
        rig_fini(&r);
    }
}

static void test_file_with_mistakes(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_file(&r, "port = 1\nname\n"), E_INVALID);
    assert_why(&r, "line 2: 'name' is no setting: write name = value");
    assert_why(&r, r.path);
    assert_int_equal(read_file(&r, "nmae = x\n"), E_NOT_FOUND);
    assert_why(&r, "line 1: unknown option 'nmae': did you mean 'name'?");
    assert_why(&r, r.path);
    assert_int_equal(read_file(&r, "= x\n"), E_NOT_FOUND);
    assert_why(&r, "unknown option ''");
    assert_int_equal(read_file(&r, "port = 1\nfile = other.conf\n"), E_INVALID);
    assert_why(&r, "line 2: a file cannot name another one: give 'file' as a flag or in the environment");
    assert_int_equal(read_bytes(&r, "name = x\0y\n", 11), E_INVALID);
    assert_why(&r, "holds a NUL byte");
    rig_fini(&r);
}

static void test_file_that_cannot_be_read(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(option_read_file(&r.set, "file", "/nonexistent/x.conf", r.why, sizeof r.why), E_IO);
    assert_why(&r, "/nonexistent/x.conf cannot be read: No such file or directory");
    assert_int_equal(option_read_file(&r.set, "file", "/tmp", r.why, sizeof r.why), E_IO);
    assert_why(&r, "/tmp cannot be read: Is a directory");
    rig_fini(&r);
}

static void test_file_of_the_largest_size(void **state)
{
    struct rig r;
    char *text = malloc(OPTION_FILE_MAX + 1);
    (void)state;
    assert_non_null(text);
    rig_init(&r);
    memset(text, '#', OPTION_FILE_MAX + 1);
    memcpy(text, "port = 7\n", 9);
    assert_int_equal(read_bytes(&r, text, OPTION_FILE_MAX), 0);
    assert_value(&r, "port", "7", "line 1");
    assert_int_equal(read_bytes(&r, text, OPTION_FILE_MAX + 1), E_TOO_LARGE);
    assert_why(&r, "larger than 1 MiB");
    rig_fini(&r);
    free(text);
}

/* --- who wins --- */

/* The same whatever the order in which they are read. */
static void test_precedence(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_file(&r, "name = file\ntime = 3s\nport = 4\n"), 0);
    assert_value(&r, "name", "file", "file ");
    assert_int_equal(read_flags(&r, "--port", "1", NULL), 0);
    setenv("T_NAME", "environment", 1);
    setenv("T_PORT", "2", 1);
    assert_int_equal(read_environment(&r), 0);
    assert_value(&r, "name", "environment", "environment variable T_NAME");
    assert_int_equal(read_file(&r, "name = file\nport = 4\n"), 0);
    assert_value(&r, "name", "environment", "environment variable T_NAME");
    assert_value(&r, "port", "1", "flag --port");
    assert_value(&r, "time", "3s", "file ");
    assert_value(&r, "quiet", "off", "default");
    rig_fini(&r);
}

static void test_the_later_of_equals_wins(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_flags(&r, "--port=1", "--port=2", "--port=3"), 0);
    assert_value(&r, "port", "3", "flag --port");
    rig_fini(&r);
}

/* --- what values mean --- */

struct number_case {
    const char *name, *text;
    uint64_t value;
};

static void test_numbers(void **state)
{
    static const struct number_case good[] = {
        {"port", "1", 1},
        {"port", "65535", 65535},
        {"port", "0080", 80},
        {"size", "10", 10},
        {"size", "10B", 10},
        {"size", "1K", 1024},
        {"size", "1 KiB", 1024},
        {"size", "3m", 3 << 20},
        {"size", "2MiB", 2 << 20},
        {"size", "5G", UINT64_C(5) << 30},
        {"size", "1024gib", UINT64_C(1) << 40},
        {"size", "512Mi", 512 << 20},
        {"size", "1Gi", 1 << 30},
        {"size", "1g", 1 << 30},
        {"size", "1G", 1 << 30},
        {"size", "1M", 1 << 20},
        {"size", "2k", 2048},
        {"size", "1T", UINT64_C(1) << 40},
        {"size", "1 Ti", UINT64_C(1) << 40},
        {"size", "1tib", UINT64_C(1) << 40},
        {"size", "1KB", 1000},
        {"size", "3mb", 3000000},
        {"size", "1GB", 1000000000},
        {"size", "1TB", UINT64_C(1000000000000)},
        {"time", "0", 0},
        {"time", "7", 7},
        {"time", "7ms", 7},
        {"time", "7s", 7000},
        {"time", "2m", 120000},
        {"time", "24h", 86400000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct rig r;
        uint64_t got = 1;
        char flag[16];
        rig_init(&r);
        snprintf(flag, sizeof flag, "--%s", good[i].name);
        assert_int_equal(read_flags(&r, flag, (char *)(uintptr_t)good[i].text, NULL), 0);
        assert_int_equal(option_number(&r.set, good[i].name, &got, r.why, sizeof r.why), 0);
        assert_int_equal(got, good[i].value);
        rig_fini(&r);
    }
}

static void test_bad_numbers(void **state)
{
    static const struct number_case bad[] = {
        {"port", "", 0},        {"port", "0", 0},
        {"port", "65536", 0},   {"port", "-1", 0},
        {"port", "+1", 0},      {"port", " 1", 0},
        {"port", "1x", 0},      {"port", "1K", 0},
        {"port", "0x10", 0},    {"port", "18446744073709551616", 0},
        {"size", "9", 0},       {"size", "1.5K", 0},
        {"size", "1Kib1", 0},   {"size", "1s", 0},
        {"size", "1025GiB", 0}, {"size", "17179869184G", 0}, /* 2^64 */
        {"time", "1d", 0},      {"time", "86400001", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rig r;
        uint64_t got;
        char flag[16], expected[128];
        rig_init(&r);
        snprintf(flag, sizeof flag, "--%s", bad[i].name);
        assert_int_equal(read_flags(&r, flag, (char *)(uintptr_t)bad[i].text, NULL), 0);
        assert_int_equal(option_number(&r.set, bad[i].name, &got, r.why, sizeof r.why), E_INVALID);
        snprintf(expected, sizeof expected, "flag --%s: '%s' is no value for %s: give ", bad[i].name, bad[i].text,
                 bad[i].name);
        assert_why(&r, expected);
        rig_fini(&r);
    }
}

static void test_bad_number_names_its_range(void **state)
{
    struct rig r;
    uint64_t got;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_file(&r, "port = 0\nsize = 1\ntime = 2d\n"), 0);
    assert_int_equal(option_number(&r.set, "port", &got, r.why, sizeof r.why), E_INVALID);
    assert_why(&r, "line 1: '0' is no value for port: give PORT from 1 to 65535");
    assert_int_equal(option_number(&r.set, "size", &got, r.why, sizeof r.why), E_INVALID);
    assert_why(&r, "line 2: '1' is no value for size: give SIZE from 10 to 1099511627776 bytes, or with a unit: K, M, "
                   "G, T (the same: "
                   "KiB or Ki, MiB, GiB, TiB, powers of 1024), or KB, MB, GB, TB (powers of 1000)");
    assert_int_equal(option_number(&r.set, "time", &got, r.why, sizeof r.why), E_INVALID);
    assert_why(&r, "line 3: '2d' is no value for time: give TIME from 0 to 86400000 ms, or with a unit: ms, s, m, h");
    rig_fini(&r);
}

static void test_words_of_a_flag(void **state)
{
    static const char *const words[] = {"off", "on", "no", "YES", "false", "True", "0", "1"};
    struct rig r;
    bool got;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        got = i % 2 == 0;
        assert_int_equal(read_flags(&r, "--quiet", (char *)(uintptr_t)words[i], NULL), 0);
        assert_int_equal(option_flag(&r.set, "quiet", &got, r.why, sizeof r.why), 0);
        assert_int_equal(got, i % 2 == 1);
    }
    assert_int_equal(read_flags(&r, "--quiet=perhaps", NULL, NULL), 0);
    assert_int_equal(option_flag(&r.set, "quiet", &got, r.why, sizeof r.why), E_INVALID);
    assert_why(&r, "flag --quiet: 'perhaps' is no value for quiet: give on or off");
    rig_fini(&r);
}

/* --- help --- */

static char *print(void (*f)(const struct option *t, size_t count, FILE *out), size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    f(table, count, out);
    fclose(out);
    return text;
}

static void test_help(void **state)
{
    char *text = print(option_print_help, COUNT);
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        char head[64];
        snprintf(head, sizeof head, "  --%s %s", table[i].name, table[i].argument);
        assert_non_null(strstr(text, head));
        assert_non_null(strstr(text, table[i].help));
    }
    assert_non_null(strstr(text, "--port PORT  (default 80)\n      environment: T_PORT T_OLD_PORT\n"));
    assert_non_null(strstr(text, "--size SIZE\n"));
    free(text);
    text = print(option_print_help, 0);
    assert_string_equal(text, "");
    free(text);
}

static void test_markdown(void **state)
{
    char *text = print(option_print_markdown, COUNT);
    (void)state;
    assert_non_null(strstr(text, "| `--name NAME` | `T_NAME` | nobody | A name. |\n"));
    assert_non_null(strstr(text, "| `--port PORT` | `T_PORT`, `T_OLD_PORT` | 80 | A port. |\n"));
    assert_non_null(strstr(text, "| `--size SIZE` |  |  | A size. |\n"));
    /* a bar would begin a new column, also inside of `...` */
    assert_non_null(strstr(text, "| `--quiet on\\|off` |  | off | No words. |\n"));
    free(text);
}

/* --- out of memory --- */

static void test_out_of_memory_at_the_start(void **state)
{
    struct option_set s;
    (void)state;
    for (size_t n = 1;; n++) {
        failing_alloc_start(n);
        int err = option_set_init(&s, table, COUNT);
        bool failed = failing_alloc_stop();
        option_set_fini(&s);
        assert_int_equal(err, failed ? E_NOMEM : 0);
        if (!failed)
            break;
        assert_true(n < 100);
    }
}

/* The value that was there stays. */
static void test_out_of_memory_for_a_value(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    failing_alloc_start(1);
    assert_int_equal(read_flags(&r, "--name=x", NULL, NULL), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_true(*r.why);
    setenv("T_NAME", "x", 1);
    failing_alloc_start(1);
    assert_int_equal(read_environment(&r), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_why(&r, "environment: out of memory");
    for (size_t n = 1; n <= 2; n++) { /* the file, then the value in it */
        *r.why = '\0';
        failing_alloc_start(n);
        assert_int_equal(read_file(&r, "name = x\n"), E_NOMEM);
        assert_true(failing_alloc_stop());
        assert_why(&r, "out of memory");
    }
    assert_value(&r, "name", "nobody", "default");
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_flags_in_both_spellings),
        cmocka_unit_test(test_flag_without_a_value),
        cmocka_unit_test(test_unknown_flag),
        cmocka_unit_test(test_very_long_unknown_flag),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_service_link_is_no_value),
        cmocka_unit_test(test_secret_variable_is_wiped),
        cmocka_unit_test(test_secret_variable_is_wiped_unused),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_with_a_block),
        cmocka_unit_test(test_file_with_a_block_that_does_not_end),
        cmocka_unit_test(test_file_with_mistakes),
        cmocka_unit_test(test_file_that_cannot_be_read),
        cmocka_unit_test(test_file_of_the_largest_size),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_the_later_of_equals_wins),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_bad_number_names_its_range),
        cmocka_unit_test(test_words_of_a_flag),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_out_of_memory_at_the_start),
        cmocka_unit_test(test_out_of_memory_for_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
