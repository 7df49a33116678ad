/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "discovery/peers.h"
#include "failing_alloc.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define PORT 4369

/* "kind name port" of each entry, with a line end after each. */
static void assert_peers(const char *text, const char *expected)
{
    static const char *const kinds[] = {"address", "host", "service"};
    char got[1024] = "", why[256] = "";
    struct peer *list;
    size_t count;
    if (peers_parse(text, PORT, &list, &count, why, sizeof why))
        fail_msg("'%s': %s", text, why);
    for (size_t i = 0; i < count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s %s %u\n", kinds[list[i].kind], list[i].name,
                 list[i].port);
    assert_string_equal(got, expected);
    free(list);
}

static void assert_bad(const char *text, const char *expected)
{
    char why[256] = "";
    struct peer *list;
    size_t count;
    if (peers_parse(text, PORT, &list, &count, why, sizeof why) == 0)
        fail_msg("'%s' was taken", text);
    if (!strstr(why, expected))
        fail_msg("'%s': \"%s\" does not say \"%s\"", text, why, expected);
    assert_null(list);
    assert_int_equal(count, 0);
}

static void test_nothing(void **state)
{
    (void)state;
    assert_peers(NULL, "");
    assert_peers("", "");
    assert_peers(" \n", "");
}

static void test_one(void **state)
{
    (void)state;
    assert_peers("10.1.2.3", "address 10.1.2.3 4369\n");
    assert_peers("10.1.2.3:1", "address 10.1.2.3 1\n");
    assert_peers("[fd00::1]", "address fd00::1 4369\n");
    assert_peers("[FD00:0:0::1]:65535", "address fd00::1 65535\n");
    assert_peers("fd00::1", "address fd00::1 4369\n");
    assert_peers("::ffff:10.1.2.3", "address 10.1.2.3 4369\n");
    assert_peers("store-1", "host store-1 4369\n");
    assert_peers("store.example.:7", "host store.example. 7\n");
    assert_peers("3com.example", "host 3com.example 4369\n");
    assert_peers("srv:_epmd._tcp.store.example", "service _epmd._tcp.store.example 0\n");
}

static void test_many(void **state)
{
    (void)state;
    assert_peers(" 10.0.0.1 ,\n10.0.0.2:5,a ,srv:_b.c\t", "address 10.0.0.1 4369\naddress 10.0.0.2 5\nhost a 4369\n"
                                                          "service _b.c 0\n");
}

static void test_equal_ones_are_taken_once(void **state)
{
    (void)state;
    assert_peers("10.0.0.1,a,[::ffff:10.0.0.1]:4369,a,a:5,10.0.0.1:4369",
                 "address 10.0.0.1 4369\nhost a 4369\nhost a 5\n");
}

static void test_bad_entries(void **state)
{
    static const char name[] = "it is neither an address nor a DNS name";
    static const char port[] = "its port is no number from 1 to 65535";
    (void)state;
    assert_bad("a,b c", "entry 2, 'b c': it is neither an address nor a DNS name: give 10.1.2.3");
    assert_bad("10.0.0.300", name);
    assert_bad("10.0.0", name);
    assert_bad("a..b", name);
    assert_bad(".", name);
    assert_bad("-a", name);
    assert_bad("a-.b", name);
    assert_bad("http://a", port);
    assert_bad(":4369", name);
    assert_bad("fe80::1%eth0", port);
    assert_bad("a:", port);
    assert_bad("a:0", port);
    assert_bad("a:65536", port);
    assert_bad("a:99999999999999999999", port);
    assert_bad("a:1x", port);
    assert_bad("a:+1", port);
    assert_bad("10.0.0.1:0", port);
    assert_bad("[fd00::1]:0", port);
    assert_bad("[fd00::1", "entry 1, '[fd00::1': the ] after the address is missing");
    assert_bad("[10.0.0.1]", "what stands in [ ] is no IPv6 address");
    assert_bad("[fd00::1]4369", "after the ] only : and a port may stand");
    assert_bad("srv:", "what stands after srv: is no DNS name");
    assert_bad("srv:a:5", "SRV records bring their ports: leave the port out");
    assert_bad("a,,b", "entry 2, '': it is empty");
    assert_bad("a,", "entry 2, '': it is empty");
    assert_bad(",", "entry 1, '': it is empty");
}

static void test_addresses_of_nobody(void **state)
{
    static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255",
                                      "::",      "[::]:1",  "[ff02::1]", "::ffff:0.0.0.0"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_bad(bad[i], "no node can be reached at this address");
}

static void test_lengths_of_names(void **state)
{
    char text[400] = "", expected[sizeof text + 32];
    (void)state;
    snprintf(text, sizeof text, "%063d.a", 7); /* a label of 63 */
    snprintf(expected, sizeof expected, "host %s 4369\n", text);
    assert_peers(text, expected);
    snprintf(text, sizeof text, "%064d.a", 7);
    assert_bad(text, "neither an address nor a DNS name");
    memset(text, 0, sizeof text);
    for (int i = 0; i < 126; i++)
        strcat(text, "a.");
    strcat(text, "bc"); /* 254 */
    snprintf(expected, sizeof expected, "service %s 0\n", text);
    char with_prefix[420];
    snprintf(with_prefix, sizeof with_prefix, "srv:%s", text);
    assert_peers(with_prefix, expected);
    strcat(text, "d");
    assert_bad(text, "neither an address nor a DNS name");
    memset(text, 'a', sizeof text - 1);
    assert_bad(text, "it is longer than a DNS name can be");
}

static char *numbered(int count)
{
    char *text = calloc(1, (size_t)count * 16 + 1);
    assert_non_null(text);
    for (int i = 0; i < count; i++)
        sprintf(text + strlen(text), "%s10.0.%d.%d", i ? "," : "", i / 250, i % 250 + 1);
    return text;
}

static void test_too_many(void **state)
{
    char why[256] = "", *most = numbered(256), *more = numbered(257);
    struct peer *list;
    size_t count;
    (void)state;
    assert_int_equal(peers_parse(most, PORT, &list, &count, why, sizeof why), 0);
    assert_int_equal(count, 256);
    free(list);
    assert_int_equal(peers_parse(more, PORT, &list, &count, why, sizeof why), E_TOO_MANY);
    assert_string_equal(why, "more than 256 entries: give a DNS name that has several addresses");
    free(most);
    free(more);
}

static void test_no_memory(void **state)
{
    char why[256] = "";
    struct peer *list;
    size_t count;
    (void)state;
    failing_alloc_start(1);
    int err = peers_parse("a", PORT, &list, &count, why, sizeof why);
    assert_true(failing_alloc_stop());
    assert_int_equal(err, E_NOMEM);
    assert_string_equal(why, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_equal_ones_are_taken_once),
        cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_addresses_of_nobody),
        cmocka_unit_test(test_lengths_of_names),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
