/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "discovery/marathon_names.h"
#include "support.h"

#include <stdio.h>

static void assert_id(const char *text, const char *id)
{
    char out[MARATHON_ID_SIZE];
    assert_int_equal(marathon_id(text, out), id ? 0 : E_INVALID);
    if (id)
        assert_string_equal(out, id);
}

static void test_ids(void **state)
{
    char longest[MARATHON_ID_SIZE + 1] = "/";
    (void)state;
    assert_id("/ephemeral-store", "/ephemeral-store");
    assert_id("ephemeral-store", "/ephemeral-store");
    assert_id("/prod/eu.west/ephemeral-store", "/prod/eu.west/ephemeral-store");
    static const char *const bad[] = {"",        "/",  "//a",  "/a//b", "/a/",   "/..",
                                      "/a/../b", "/.", "/a b", "/a?b",  "/a%2f", "/\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_id(bad[i], NULL);
    memset(longest + 1, 'a', MARATHON_ID_SIZE - 2);
    assert_id(longest, longest);
    longest[MARATHON_ID_SIZE - 1] = 'a';
    assert_id(longest, NULL);
}

static void assert_label(const char *id, const char *label)
{
    char out[MARATHON_LABEL_SIZE];
    marathon_label(id, out);
    assert_string_equal(out, label);
}

static void test_labels(void **state)
{
    (void)state;
    assert_label("/ephemeral-store", "ephemeral-store");
    assert_label("/prod/ephemeral-store", "ephemeral-store-prod");
    assert_label("/a/b/c", "c-b-a");
    assert_label("/Prod/Store.v2", "store-v2-prod");
    /* What is too long for DNS is cut, and ends with no dash. */
    assert_label("/x/0123456789012345678901234567890123456789012345678901234567890", /* 61 */
                 "0123456789012345678901234567890123456789012345678901234567890-x");
    assert_label("/x/01234567890123456789012345678901234567890123456789012345678901", /* 62 */
                 "01234567890123456789012345678901234567890123456789012345678901");
    assert_label("/x/0123456789012345678901234567890123456789012345678901234567890123456789",
                 "012345678901234567890123456789012345678901234567890123456789012");
}

static void assert_urls(const char *text, size_t count, const char *first, const char *last)
{
    struct marathon_urls urls;
    char why[256] = "";
    if (marathon_urls_parse(text, &urls, why, sizeof why))
        fail_msg("%s: %s", text, why);
    assert_int_equal(urls.count, count);
    assert_string_equal(urls.url[0], first);
    assert_string_equal(urls.url[count - 1], last);
}

static void test_urls(void **state)
{
    (void)state;
    assert_urls(MARATHON_DEFAULT_URLS, 2, "http://marathon.mesos:8080", "http://leader.mesos:8080");
    assert_urls("marathon.example:8080", 1, "http://marathon.example:8080", "http://marathon.example:8080");
    assert_urls(" https://dcos.example/service/marathon/ , 10.0.0.1:8080", 2, "https://dcos.example/service/marathon",
                "http://10.0.0.1:8080");
    assert_urls("HTTPS://[fd00::1]:8443", 1, "HTTPS://[fd00::1]:8443", "HTTPS://[fd00::1]:8443");
    assert_urls("a,b,c,d,e,f,g,h", 8, "http://a", "http://h");
}

static void assert_bad(const char *text, int err, const char *part)
{
    struct marathon_urls urls;
    char why[256] = "";
    assert_int_equal(marathon_urls_parse(text, &urls, why, sizeof why), err);
    if (!strstr(why, part))
        fail_msg("'%s' says '%s'", text, why);
    assert_null(strstr(why, "secret"));
}

static void test_bad_urls(void **state)
{
    char longest[300] = "";
    (void)state;
    assert_bad("", E_INVALID, "URL 1 is not usable: it names no host");
    assert_bad("http://a,,http://b", E_INVALID, "URL 2 is not usable: it names no host");
    assert_bad("http:///v2", E_INVALID, "names no host");
    assert_bad("a,https://", E_INVALID, "URL 2 is not usable: it names no host");
    assert_bad("http://,a", E_INVALID, "URL 1 is not usable: it names no host");
    assert_bad("http://:8080", E_INVALID, "names no host");
    assert_bad("http:/", E_INVALID, "the port after its : is missing");
    assert_bad("m:", E_INVALID, "the port after its : is missing");
    assert_bad("ftp://a", E_INVALID, "neither http nor https");
    assert_bad("http://joe:secret@a:8080", E_INVALID, "marathon-password-file");
    assert_bad("joe:secret@a:8080", E_INVALID, "marathon-password-file");
    assert_bad("http://a b", E_INVALID, "blank");
    assert_bad("http://a\nb", E_INVALID, "control character");
    assert_bad("http://a/x?y=1", E_INVALID, "query");
    assert_bad("a,b,c,d,e,f,g,h,i", E_TOO_MANY, "more than 8 URLs");
    memset(longest, 'a', sizeof longest - 1);
    assert_bad(longest, E_INVALID, "longer than 255 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_bad_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
