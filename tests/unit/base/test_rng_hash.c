/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/rng.h"
#include "support.h"

/* The vectors of the reference implementation: key 00 01 ... 0f, input 00 01 ... of 0 to 63 bytes. */
static const uint64_t siphash_2_4[64] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d, 0xcf2794e0277187b7,
    0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462, 0x9e0082df0ba9e4b0,
    0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee,
    0xa129ca6149be45e5, 0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
    0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8, 0xb8ad50c6f649af94,
    0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad, 0xde4daaaca71dc9a5, 0xa6a2506687956571,
    0xad87a3535c49ef28, 0x32d892fad841c342, 0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238,
    0x15e034d40fa197ae, 0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
    0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95, 0xf935451de4f21df2,
    0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb, 0xe612a3cb9ecba951, 0xc766e62cfcadaf96,
    0xee64435a9752fe72, 0xa192d576b245165a, 0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea,
    0x245731c13ca42499, 0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
    0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572,
};

static void test_siphash_reference(void **state)
{
    const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t input[64];
    (void)state;
    for (size_t len = 0; len < 64; len++) {
        input[len] = (uint8_t)len;
        assert_int_equal(hash_bytes(&key, slice_make(input, len)), siphash_2_4[len]);
    }
    assert_int_equal(hash_bytes(&key, slice_make(NULL, 0)), siphash_2_4[0]);
}

/* Where the bytes lie makes no difference. */
static void test_siphash_at_every_address(void **state)
{
    const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    uint8_t room[64 + 8];
    (void)state;
    for (size_t at = 0; at < 8; at++) {
        for (size_t i = 0; i < 63; i++)
            room[at + i] = (uint8_t)i;
        assert_int_equal(hash_bytes(&key, slice_make(room + at, 63)), siphash_2_4[63]);
    }
}

static void test_siphash_depends_on_all(void **state)
{
    const struct hash_key key = {1, 2}, other[] = {{1, 3}, {3, 2}, {2, 1}};
    uint8_t input[40] = {0};
    (void)state;
    uint64_t h = hash_bytes(&key, slice_make(input, sizeof input));
    for (size_t i = 0; i < 3; i++)
        assert_int_not_equal(hash_bytes(&other[i], slice_make(input, sizeof input)), h);
    for (size_t i = 0; i < sizeof input; i++) {
        input[i] = 1;
        assert_int_not_equal(hash_bytes(&key, slice_make(input, sizeof input)), h);
        input[i] = 0;
    }
    assert_int_not_equal(hash_bytes(&key, slice_make(input, sizeof input - 1)), h); /* zeros count */
}

/* The first outputs of Vigna's splitmix64.c for the seed 1234567. */
static void test_seeded_by_splitmix(void **state)
{
    static const uint64_t expected[] = {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                        4593380528125082431U};
    struct rng r;
    (void)state;
    rng_seed(&r, 1234567);
    for (int i = 0; i < 4; i++)
        assert_int_equal(r.s[i], expected[i]);
}

/* The first outputs of xoshiro256starstar.c for the state 1, 2, 3, 4. */
static void test_rng_reference(void **state)
{
    static const uint64_t expected[] = {11520,
                                        0,
                                        1509978240,
                                        1215971899390074240U,
                                        1216172134540287360U,
                                        607988272756665600U,
                                        16172922978634559625U,
                                        8476171486693032832U,
                                        10595114339597558777U,
                                        2904607092377533576U};
    struct rng r = {{1, 2, 3, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(rng_next(&r), expected[i]);
}

static void test_same_seed_same_numbers(void **state)
{
    struct rng a, b, c;
    unsigned equal = 0;
    (void)state;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    rng_seed(&c, 43);
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&a);
        assert_int_equal(rng_next(&b), x);
        equal += rng_next(&c) == x;
    }
    assert_int_equal(equal, 0);
    rng_seed(&a, 0); /* a state of zeros would give only zeros */
    assert_int_not_equal(rng_next(&a) | rng_next(&a), 0);
}

static void test_below(void **state)
{
    static const uint64_t bounds[] = {2, 3, 10, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    struct rng r;
    (void)state;
    rng_seed(&r, 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_below(&r, 1), 0);
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++)
        for (int i = 0; i < 1000; i++)
            assert_true(rng_below(&r, bounds[b]) < bounds[b]);
}

/* The numbers below 2^64 mod n are drawn again: of 11520, 0, 1509978240, ... the 0 is. */
static void test_below_draws_again(void **state)
{
    struct rng r = {{1, 2, 3, 4}};
    (void)state;
    assert_int_equal(rng_below(&r, 7), 11520 % 7);
    assert_int_equal(rng_below(&r, 7), 1509978240 % 7);
    assert_int_equal(rng_next(&r), 1215971899390074240);
}

/* Each of six faces about 10000 times: ten standard deviations (of 91) are allowed. */
static void test_below_is_uniform(void **state)
{
    struct rng r;
    int faces[6] = {0};
    (void)state;
    rng_seed(&r, 1);
    for (int i = 0; i < 60000; i++)
        faces[rng_below(&r, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(faces[i], 10000 - 910, 10000 + 910);
}

/* Fills just what it is asked to, of any length, with the numbers of rng_next(). */
static void test_fill(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 20; n++) {
        struct rng a, b;
        uint8_t got[32];
        rng_seed(&a, n);
        rng_seed(&b, n);
        uint64_t expected[3] = {rng_next(&b), rng_next(&b), rng_next(&b)};
        memset(got, 0xee, sizeof got);
        rng_fill(&a, got, n);
        assert_memory_equal(got, expected, n);
        for (size_t i = n; i < sizeof got; i++)
            assert_int_equal(got[i], 0xee);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_reference),
        cmocka_unit_test(test_siphash_at_every_address),
        cmocka_unit_test(test_siphash_depends_on_all),
        cmocka_unit_test(test_seeded_by_splitmix),
        cmocka_unit_test(test_rng_reference),
        cmocka_unit_test(test_same_seed_same_numbers),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_below_draws_again),
        cmocka_unit_test(test_below_is_uniform),
        cmocka_unit_test(test_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
