/* SPDX-License-Identifier: Apache-2.0 */
/* Against OpenSSL's own PBKDF2, which does all at once. */
#include "security/password.h"
#include "support.h"

#include <openssl/evp.h>

static void same_as_the_library(void **state)
{
    static const char *const texts[] = {"", "a", "secret word", "\xc3\xbc\xc3\xa9 \x01"};
    static const uint32_t rounds[] = {1, 2, 1000, 4097};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) {
            struct password p = {.salt = "0123456789abcde", .iterations = rounds[k]};
            uint8_t wanted[PASSWORD_HASH];
            assert_int_equal(password_make(&p, slice_str(texts[i])), 0);
            assert_int_equal(PKCS5_PBKDF2_HMAC(texts[i], (int)strlen(texts[i]), p.salt, sizeof p.salt, (int)rounds[k],
                                               EVP_sha256(), sizeof wanted, wanted),
                             1);
            assert_memory_equal(p.hash, wanted, sizeof wanted);
        }
}

static void long_ones_too(void **state)
{
    static char text[1000];
    struct password p = {.salt = "fedcba987654321", .iterations = 3};
    uint8_t wanted[PASSWORD_HASH];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(password_make(&p, slice_make(text, sizeof text)), 0);
    assert_int_equal(
        PKCS5_PBKDF2_HMAC(text, sizeof text, p.salt, sizeof p.salt, 3, EVP_sha256(), sizeof wanted, wanted), 1);
    assert_memory_equal(p.hash, wanted, sizeof wanted);
}

static bool try_in_steps(const struct password *p, const char *text, uint32_t step)
{
    struct password_try t;
    assert_int_equal(password_begin(&t, p, slice_str(text)), 0);
    unsigned steps = 1;
    while (!password_step(&t, step))
        steps++;
    assert_true(steps >= (p->iterations - 1) / step);
    return password_end(&t, p);
}

static void checked_in_steps(void **state)
{
    struct password p = {.iterations = 1000};
    (void)state;
    assert_int_equal(password_make(&p, slice_str("secret")), 0);
    for (uint32_t step = 1; step < 3000; step = step * 3 + 1) {
        assert_true(try_in_steps(&p, "secret", step));
        assert_false(try_in_steps(&p, "Secret", step));
        assert_false(try_in_steps(&p, "", step));
    }
}

/* Given up on the way: whatever stands there is no yes. */
static void half_a_check_is_none(void **state)
{
    struct password p = {.iterations = 1000};
    struct password_try t;
    (void)state;
    assert_int_equal(password_make(&p, slice_str("secret")), 0);
    assert_int_equal(password_begin(&t, &p, slice_str("secret")), 0);
    assert_false(password_step(&t, 500));
    assert_false(password_end(&t, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_library),
        cmocka_unit_test(long_ones_too),
        cmocka_unit_test(checked_in_steps),
        cmocka_unit_test(half_a_check_is_none),
    };
    return cmocka_run_group_tests_name("security/password", tests, NULL, NULL);
}
