/* SPDX-License-Identifier: Apache-2.0 */
/* From which address of this machine others are reached. */
#include "net/route.h"

#include "base/err.h"
#include "support.h"

static void test_loopback_is_reached_from_itself(void **state)
{
    char out[46];
    (void)state;
    assert_int_equal(net_route_source("127.0.0.1", out), 0);
    assert_string_equal(out, "127.0.0.1");
    assert_int_equal(net_route_source("127.9.8.7", out), 0);
    assert_int_equal(strncmp(out, "127.", 4), 0);
}

static void test_no_address_and_no_route(void **state)
{
    char out[46];
    (void)state;
    assert_int_equal(net_route_source("", out), E_INVALID);
    assert_int_equal(net_route_source("host.example", out), E_INVALID);
    assert_int_equal(net_route_source("255.255.255.255", out), E_IO); /* asking for a broadcast is refused */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_is_reached_from_itself),
        cmocka_unit_test(test_no_address_and_no_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
