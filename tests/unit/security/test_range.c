/* SPDX-License-Identifier: Apache-2.0 */
#include "security/range.h"
#include "support.h"

static void texts_come_back(void **state)
{
    static const struct {
        const char *in, *out;
    } good[] = {
        {"127.0.0.1", "127.0.0.1/32"},
        {"127.0.0.1/32", "127.0.0.1/32"},
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"192.168.128.0/17", "192.168.128.0/17"},
        {"::/0", "::/0"},
        {"::1", "::1/128"},
        {"fd00::/8", "fd00::/8"},
        {"2001:db8::/33", "2001:db8::/33"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct address_range r, again;
        const char *why;
        char text[RANGE_TEXT_SIZE];
        assert_true(range_parse(good[i].in, &r, &why));
        range_text(&r, text, sizeof text);
        assert_string_equal(text, good[i].out);
        assert_true(range_parse(text, &again, &why));
        assert_true(range_equal(&r, &again));
    }
}

static void what_is_no_range(void **state)
{
    static const char *const bad[] = {
        "",     "/",          "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "10.0.0/8",     "::/129",
        "host", "10.0.0.1/8", "fd00::1/8",   "10.0.0.0/ 8", "1.2.3.4:5", "[::1]/128",   "10.0.0.0/08/1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct address_range r;
        const char *why = NULL;
        assert_false(range_parse(bad[i], &r, &why));
        assert_non_null(why);
    }
}

static bool holds(const char *range, const char *address)
{
    struct address_range r;
    struct address a;
    const char *why;
    assert_true(range_parse(range, &r, &why));
    assert_true(address_parse(address, &a));
    return range_holds(&r, &a);
}

static void which_addresses_a_range_holds(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.1.2"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("10.1.2.3", "10.1.2.3:4711"));
    assert_false(holds("10.1.2.3", "10.1.2.2"));
    assert_true(holds("192.168.128.0/17", "192.168.200.1"));
    assert_false(holds("192.168.128.0/17", "192.168.127.255"));
    assert_true(holds("0.0.0.0/0", "1.2.3.4"));
    assert_false(holds("0.0.0.0/0", "::1")); /* as in Riak */
    assert_true(holds("::/0", "1.2.3.4"));
    assert_true(holds("::/0", "[fe80::1%eth0]:80"));
    assert_true(holds("10.0.0.0/8", "[::ffff:10.1.1.1]:5"));
    assert_true(holds("fd00::/8", "fd12::9"));
    assert_false(holds("fd00::/8", "fe00::9"));
    assert_true(holds("::1", "::1"));
}

static void what_is_no_address(void **state)
{
    static const char *const bad[] = {"", "host:1", "1.2.3", "[", "[]", "1.2.3.4.5", ":::", "unknown"};
    struct address a;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(address_parse(bad[i], &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(what_is_no_range),
        cmocka_unit_test(which_addresses_a_range_holds),
        cmocka_unit_test(what_is_no_address),
    };
    return cmocka_run_group_tests_name("security/range", tests, NULL, NULL);
}
