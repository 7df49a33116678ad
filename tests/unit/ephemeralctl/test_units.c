/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/units.h"

#include "support.h"

static char room[UNITS_MAX];

static void bytes(void **state)
{
    (void)state;
    assert_string_equal(units_bytes(0, room), "0 B");
    assert_string_equal(units_bytes(1023, room), "1023 B");
    assert_string_equal(units_bytes(1024, room), "1.0 KiB");
    assert_string_equal(units_bytes(1536, room), "1.5 KiB");
    assert_string_equal(units_bytes((1 << 20) - 1, room), "1023.9 KiB");
    assert_string_equal(units_bytes(1 << 20, room), "1.0 MiB");
    assert_string_equal(units_bytes(805306368, room), "768.0 MiB");
    assert_string_equal(units_bytes(UINT64_MAX, room), "15.9 EiB");
}

static void ages(void **state)
{
    (void)state;
    assert_string_equal(units_age(0, room), "0s");
    assert_string_equal(units_age(59999, room), "59s");
    assert_string_equal(units_age(60000, room), "1m00s");
    assert_string_equal(units_age(192000, room), "3m12s");
    assert_string_equal(units_age(3600000, room), "1h00m");
    assert_string_equal(units_age(86399999, room), "23h59m");
    assert_string_equal(units_age(4 * 86400000ull + 3 * 3600000, room), "4d03h");
    assert_true(strlen(units_age(UINT64_MAX, room)) < UNITS_MAX);
}

static void ids_and_addresses(void **state)
{
    static const uint8_t id[16] = {0x01, 0xab, 0xff, [15] = 0x10};
    (void)state;
    assert_string_equal(units_hex(id, 4, room), "01abff00");
    assert_string_equal(units_hex(id, 16, room), "01abff00000000000000000000000010");
    assert_string_equal(units_hex(id, 0, room), "");
    assert_string_equal(units_address("10.0.0.1", 4369, room), "10.0.0.1:4369");
    assert_string_equal(units_address("fd00::1", 65535, room), "[fd00::1]:65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(ages),
        cmocka_unit_test(ids_and_addresses),
    };
    return cmocka_run_group_tests_name("ephemeralctl/units", tests, NULL, NULL);
}
