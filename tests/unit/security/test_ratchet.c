/* SPDX-License-Identifier: Apache-2.0 */
#include "security/ratchet.h"

#include "support.h"

#include <stdio.h>

static void expect_hex(const uint8_t got[RATCHET_SIZE], const char *expected)
{
    char text[2 * RATCHET_SIZE + 1];
    for (unsigned i = 0; i < RATCHET_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", got[i]);
    assert_string_equal(text, expected);
}

/* By `printf '\x73...' | openssl mac -digest SHA256 -macopt hexkey:00..1f HMAC`: nodes of different releases agree. */
static void test_what_it_is(void **state)
{
    struct ratchet r;
    uint8_t random[RATCHET_SIZE], secret[RATCHET_SIZE];
    (void)state;
    for (uint8_t i = 0; i < RATCHET_SIZE; i++) {
        r.key[i] = i;
        random[i] = (uint8_t)(0xa0 + i);
    }
    assert_int_equal(ratchet_step(&r, random, secret), 0);
    expect_hex(secret, "01b9f29b81af564edb9c7007daf86fc44c2e9d4753c3fc63caf4d8c78cd5a9ce");
    expect_hex(r.key, "dd23fcf8f9b953ada40e2a02e67eb74aa20b2434f3cf9f314497ee2203f67364");
}

/* The same bytes again make another secret, and other bytes too. */
static void test_each_step_is_another(void **state)
{
    struct ratchet a = {{1}}, b = a, c = a;
    uint8_t zeros[RATCHET_SIZE] = {0}, one[RATCHET_SIZE] = {1}, x[RATCHET_SIZE], y[RATCHET_SIZE];
    (void)state;
    assert_int_equal(ratchet_step(&a, zeros, x), 0);
    assert_int_equal(ratchet_step(&b, zeros, y), 0);
    assert_memory_equal(x, y, sizeof x);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(ratchet_step(&b, zeros, y), 0);
    assert_memory_not_equal(x, y, sizeof x);
    assert_int_equal(ratchet_step(&c, one, y), 0);
    assert_memory_not_equal(x, y, sizeof x);
    assert_memory_not_equal(&a, &c, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_is),
        cmocka_unit_test(test_each_step_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
