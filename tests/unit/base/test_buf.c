/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "failing_alloc.h"
#include "support.h"

static void test_nothing(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 10);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(buf_slice(&b).len, 0);
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_int_equal(buf_append_slice(&b, slice_make(NULL, 0)), 0);
    buf_consume(&b, 0);
    assert_null(b.data); /* no memory is taken before the first byte */
    buf_fini(&b);
}

static void test_one_and_two(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_append(&b, "one", 3), 0);
    assert_slice_is(buf_slice(&b), "one");
    assert_int_equal(buf_append_slice(&b, slice_str("two")), 0);
    assert_slice_is(buf_slice(&b), "onetwo");
    buf_consume(&b, 4);
    assert_slice_is(buf_slice(&b), "wo");
    buf_consume(&b, 2);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(b.start, 0); /* ran empty: the room is taken back */
    buf_fini(&b);
}

static void test_reserve_and_commit(void **state)
{
    struct buf b;
    uint8_t *out = NULL;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_reserve(&b, 500, &out), 0);
    assert_int_equal(buf_len(&b), 0);
    memset(out, 'x', 500);
    memcpy(out, "abc", 3);
    buf_commit(&b, 3);
    assert_slice_is(buf_slice(&b), "abc");
    assert_int_equal(buf_reserve(&b, 997, &out), 0);
    memset(out, 'y', 997);
    buf_commit(&b, 997);
    assert_int_equal(buf_len(&b), 1000);
    assert_memory_equal(buf_slice(&b).data, "abcyyy", 6);
    buf_fini(&b);
}

static void test_maximum(void **state)
{
    struct buf b;
    uint8_t *out = NULL;
    (void)state;
    buf_init(&b, 6);
    assert_int_equal(buf_append(&b, "1234567", 7), E_TOO_LARGE);
    assert_int_equal(buf_append(&b, "1234", 4), 0);
    assert_int_equal(buf_append(&b, "567", 3), E_TOO_LARGE);
    assert_int_equal(buf_reserve(&b, SIZE_MAX, &out), E_TOO_LARGE);
    assert_slice_is(buf_slice(&b), "1234");
    assert_int_equal(buf_append(&b, "56", 2), 0);
    assert_int_equal(buf_append(&b, "7", 1), E_TOO_LARGE);
    assert_slice_is(buf_slice(&b), "123456");
    buf_fini(&b);
}

/* What was consumed does not count, and its room is used again. */
static void test_consumed_room_comes_back(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 6);
    assert_int_equal(buf_append(&b, "123456", 6), 0);
    buf_consume(&b, 4);
    assert_int_equal(buf_append(&b, "abcde", 5), E_TOO_LARGE);
    assert_slice_is(buf_slice(&b), "56");
    assert_int_equal(buf_append(&b, "abcd", 4), 0);
    assert_slice_is(buf_slice(&b), "56abcd");
    assert_int_equal(b.cap, 6);
    buf_fini(&b);
}

static void test_release_gives_memory_back(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_append(&b, "abc", 3), 0);
    buf_release(&b);
    assert_null(b.data);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(buf_append(&b, "d", 1), 0);
    assert_slice_is(buf_slice(&b), "d");
    buf_fini(&b);
}

/* The bytes that go in are 0, 1, 2, ...; the same come out, whatever the pieces are. */
static void test_many_pieces_keep_their_order(void **state)
{
    struct buf b;
    struct rng r;
    uint8_t piece[700], in = 0, out = 0;
    (void)state;
    rng_seed(&r, 1);
    buf_init(&b, 5000);
    for (int i = 0; i < 3000; i++) {
        size_t before = buf_len(&b), n = rng_below(&r, sizeof piece);
        for (size_t k = 0; k < n; k++)
            piece[k] = (uint8_t)(in + k);
        int err = buf_append(&b, piece, n);
        assert_int_equal(err, before + n > 5000 ? E_TOO_LARGE : 0);
        in = (uint8_t)(in + (err ? 0 : n));
        n = rng_below(&r, buf_len(&b) + 1);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(buf_slice(&b).data[k], out++);
        buf_consume(&b, n);
    }
    buf_fini(&b);
}

/* Larger than where the growth slows down, up to a maximum that is no power of two. */
static void test_grows_to_megabytes(void **state)
{
    static uint8_t piece[100000];
    const size_t max = (size_t)3 << 20 | 12345;
    struct buf b;
    size_t sum = 0;
    (void)state;
    buf_init(&b, max);
    while (buf_append(&b, piece, sizeof piece) == 0)
        sum += sizeof piece;
    assert_int_equal(sum, max / sizeof piece * sizeof piece);
    assert_int_equal(buf_append(&b, piece, max - sum), 0);
    assert_int_equal(b.cap, max);
    buf_fini(&b);
}

static void test_out_of_memory_keeps_the_contents(void **state)
{
    static const uint8_t large[1000];
    struct buf b;
    (void)state;
    buf_init(&b, 10000);
    failing_alloc_start(1);
    assert_int_equal(buf_append(&b, "abc", 3), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_int_equal(buf_append(&b, "abc", 3), 0);
    buf_consume(&b, 1);
    failing_alloc_start(1);
    assert_int_equal(buf_append(&b, large, sizeof large), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_slice_is(buf_slice(&b), "bc");
    assert_int_equal(buf_append(&b, large, sizeof large), 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_one_and_two),
        cmocka_unit_test(test_reserve_and_commit),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_consumed_room_comes_back),
        cmocka_unit_test(test_release_gives_memory_back),
        cmocka_unit_test(test_many_pieces_keep_their_order),
        cmocka_unit_test(test_grows_to_megabytes),
        cmocka_unit_test(test_out_of_memory_keeps_the_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
