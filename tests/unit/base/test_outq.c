/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outq.h"

#include "base/err.h"
#include "base/rng.h"
#include "failing_alloc.h"
#include "support.h"

static struct blob *blob_of(const char *text)
{
    struct blob *b = blob_create(strlen(text));
    assert_non_null(b);
    memcpy(b->data, text, b->size);
    return b;
}

/* Takes everything out, piece by piece. */
static void assert_gives(struct outq *q, const char *text)
{
    char got[256];
    size_t len = 0;
    assert_int_equal(outq_len(q), strlen(text));
    while (outq_len(q)) {
        struct slice s = outq_front(q);
        assert_true(s.len > 0 && len + s.len <= sizeof got);
        memcpy(got + len, s.data, s.len);
        len += s.len;
        outq_consume(q, s.len);
    }
    assert_slice_is(slice_make(got, len), text);
    assert_int_equal(outq_front(q).len, 0);
}

static void test_blob_counts_its_references(void **state)
{
    struct blob *b = blob_of("abc");
    (void)state;
    assert_int_equal(b->refs, 1);
    assert_ptr_equal(blob_get(b), b);
    assert_int_equal(b->refs, 2);
    blob_put(b);
    assert_int_equal(b->refs, 1);
    assert_true(blob_footprint(b) >= sizeof *b + 3);
    blob_put(b);
    blob_put(NULL);
}

static void test_blob_of_every_size(void **state)
{
    struct blob *b = blob_create(0);
    (void)state;
    assert_int_equal(b->size, 0);
    blob_put(b);
    assert_null(blob_create(SIZE_MAX));
    failing_alloc_start(1);
    assert_null(blob_create(10));
    assert_true(failing_alloc_stop());
}

static void test_nothing(void **state)
{
    struct outq q;
    (void)state;
    outq_init(&q);
    assert_int_equal(outq_len(&q), 0);
    assert_int_equal(outq_front(&q).len, 0);
    outq_consume(&q, 0);
    outq_fini(&q);
}

static void test_small_bytes(void **state)
{
    struct outq q;
    (void)state;
    outq_init(&q);
    assert_int_equal(buf_append(outq_tail(&q), "one", 3), 0);
    assert_int_equal(buf_append(outq_tail(&q), "two", 3), 0);
    assert_slice_is(outq_front(&q), "onetwo");
    outq_consume(&q, 2);
    assert_slice_is(outq_front(&q), "etwo");
    assert_gives(&q, "etwo");
    outq_fini(&q);
}

static void test_bytes_and_values_in_order(void **state)
{
    struct outq q;
    struct blob *b = blob_of("0123456789");
    (void)state;
    outq_init(&q);
    assert_int_equal(buf_append(outq_tail(&q), "head ", 5), 0);
    assert_int_equal(outq_push_blob(&q, b, 0, 10), 0);
    assert_int_equal(outq_push_blob(&q, b, 3, 2), 0);
    assert_int_equal(buf_append(outq_tail(&q), " tail", 5), 0);
    assert_int_equal(outq_push_blob(&q, b, 9, 1), 0);
    assert_int_equal(b->refs, 4);
    assert_gives(&q, "head 012345678934 tail9");
    assert_int_equal(b->refs, 1);
    outq_fini(&q);
    blob_put(b);
}

/* A reference goes as soon as its last byte is consumed, not before. */
static void test_lets_go_of_each_value(void **state)
{
    struct outq q;
    struct blob *b = blob_of("abcd");
    (void)state;
    outq_init(&q);
    assert_int_equal(outq_push_blob(&q, b, 0, 4), 0);
    assert_int_equal(outq_push_blob(&q, b, 0, 4), 0);
    outq_consume(&q, 3);
    assert_int_equal(b->refs, 3);
    assert_int_equal(outq_len(&q), 5);
    outq_consume(&q, 1);
    assert_int_equal(b->refs, 2);
    outq_fini(&q);
    assert_int_equal(b->refs, 1);
    blob_put(b);
}

/* The queue holds the value for as long as it needs it, also when nobody else does. */
static void test_outlives_the_owner(void **state)
{
    struct outq q;
    struct blob *b = blob_of("value");
    (void)state;
    outq_init(&q);
    assert_int_equal(outq_push_blob(&q, b, 0, 5), 0);
    blob_put(b);
    assert_gives(&q, "value");
    outq_fini(&q);
}

/* An empty part must not hide what stands behind it. */
static void test_empty_part(void **state)
{
    struct outq q;
    struct blob *b = blob_of("abc");
    (void)state;
    outq_init(&q);
    assert_int_equal(outq_push_blob(&q, b, 3, 0), 0);
    assert_int_equal(outq_len(&q), 0);
    assert_int_equal(buf_append(outq_tail(&q), "tail", 4), 0);
    assert_slice_is(outq_front(&q), "tail");
    assert_int_equal(outq_push_blob(&q, b, 0, 0), 0);
    assert_int_equal(outq_push_blob(&q, b, 0, 3), 0);
    assert_gives(&q, "tailabc");
    outq_fini(&q);
    assert_int_equal(b->refs, 1);
    blob_put(b);
}

/* Small bytes and values, moved behind nothing, behind small bytes and behind values. */
static void test_one_behind_another(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        struct outq q, from;
        struct blob *b = blob_of("value");
        char expected[64] = "";
        outq_init(&q);
        outq_init(&from);
        struct outq *at[] = {&q, &q, &from, &from};
        for (int part = 0; part < 4; part++) {
            if (!(i & 1 << part))
                continue;
            strcat(expected, part % 2 ? "value" : "small");
            if (part % 2)
                assert_int_equal(outq_push_blob(at[part], b, 0, 5), 0);
            else
                assert_int_equal(buf_append(outq_tail(at[part]), "small", 5), 0);
        }
        assert_int_equal(buf_append(outq_tail(&from), "end", 3), 0);
        strcat(expected, "end");
        assert_int_equal(outq_append(&q, &from), 0);
        assert_int_equal(outq_len(&q), strlen(expected));
        assert_int_equal(outq_len(&from), 0);
        assert_gives(&q, expected);
        outq_fini(&q);
        outq_fini(&from);
        assert_int_equal(b->refs, 1);
        blob_put(b);
    }
}

static void push_numbers(struct outq *q, struct rng *r, uint8_t *next)
{
    uint8_t bytes[300];
    size_t n = rng_below(r, sizeof bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(*next + i);
    *next = (uint8_t)(*next + n);
    if (rng_below(r, 2)) {
        assert_int_equal(buf_append(outq_tail(q), bytes, n), 0);
        return;
    }
    struct blob *b = blob_create(n + 20); /* its part stands in the middle */
    assert_non_null(b);
    memcpy(b->data + 10, bytes, n);
    assert_int_equal(outq_push_blob(q, b, 10, n), 0);
    blob_put(b);
}

static void test_many_pieces_keep_their_order(void **state)
{
    struct outq q;
    struct rng r;
    uint8_t in = 0, out = 0;
    (void)state;
    rng_seed(&r, 1);
    outq_init(&q);
    for (int i = 0; i < 5000; i++) {
        push_numbers(&q, &r, &in);
        struct slice s = outq_front(&q);
        assert_int_equal(s.len == 0, outq_len(&q) == 0);
        size_t before = outq_len(&q), n = rng_below(&r, s.len + 1);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(s.data[k], out++);
        outq_consume(&q, n);
        assert_int_equal(outq_len(&q), before - n);
    }
    outq_fini(&q);
}

/* Most answers are small: the room of a large one is given back when it is sent. */
static void test_keeps_little_room(void **state)
{
    static const char large[10000];
    struct outq q;
    (void)state;
    outq_init(&q);
    assert_int_equal(buf_append(outq_tail(&q), large, 1000), 0);
    outq_consume(&q, 1000);
    failing_alloc_start(1);
    assert_int_equal(buf_append(outq_tail(&q), large, 1000), 0); /* in the same room */
    assert_false(failing_alloc_stop());
    assert_int_equal(buf_append(outq_tail(&q), large, 10000), 0);
    outq_consume(&q, 10999);
    assert_non_null(outq_tail(&q)->data);
    outq_consume(&q, 1);
    assert_null(outq_tail(&q)->data);
    outq_fini(&q);
}

static void test_out_of_memory_changes_nothing(void **state)
{
    struct outq q;
    struct blob *b = blob_of("value");
    (void)state;
    outq_init(&q);
    assert_int_equal(buf_append(outq_tail(&q), "head", 4), 0);
    failing_alloc_start(1);
    assert_int_equal(outq_push_blob(&q, b, 0, 5), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_int_equal(b->refs, 1);
    assert_gives(&q, "head");
    outq_fini(&q);
    blob_put(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blob_counts_its_references),
        cmocka_unit_test(test_blob_of_every_size),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_small_bytes),
        cmocka_unit_test(test_bytes_and_values_in_order),
        cmocka_unit_test(test_lets_go_of_each_value),
        cmocka_unit_test(test_outlives_the_owner),
        cmocka_unit_test(test_empty_part),
        cmocka_unit_test(test_one_behind_another),
        cmocka_unit_test(test_many_pieces_keep_their_order),
        cmocka_unit_test(test_keeps_little_room),
        cmocka_unit_test(test_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
