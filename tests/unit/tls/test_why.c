/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/why.h"

static void formats_and_returns_the_code(void **state)
{
    char why[32];
    (void)state;
    assert_int_equal(why_say(E_CERT, why, sizeof why, "%s of %d", "one", 2), E_CERT);
    assert_string_equal(why, "one of 2");
}

static void is_cut_to_fit(void **state)
{
    char why[8] = "xxxxxxx";
    (void)state;
    assert_int_equal(why_say(E_TLS, why, 5, "0123456789"), E_TLS);
    assert_string_equal(why, "0123");
    assert_int_equal(why[5], 'x');
    assert_int_equal(why_say(E_TLS, why, 1, "0123456789"), E_TLS);
    assert_string_equal(why, "");
}

static void nobody_asks(void **state)
{
    char why[] = "as it was";
    (void)state;
    assert_int_equal(why_say(E_TLS, NULL, 100, "%s", "unheard"), E_TLS);
    assert_int_equal(why_say(E_TLS, why, 0, "%s", "unheard"), E_TLS);
    assert_string_equal(why, "as it was");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_returns_the_code),
        cmocka_unit_test(is_cut_to_fit),
        cmocka_unit_test(nobody_asks),
    };
    return cmocka_run_group_tests_name("tls/why", tests, NULL, NULL);
}
