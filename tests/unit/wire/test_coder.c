/* SPDX-License-Identifier: Apache-2.0 */
/* Fields in both directions: what is written is read again, and nothing else is. */
#include "wire/coder.h"

#include "support.h"

/* One of everything. */
struct all {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    bool yes, no;
    unsigned choice, count;
    uint8_t bytes[3];
    struct slice slice;
    char text[6];
};

static void code_all(struct coder *c, struct all *a)
{
    code_u8(c, &a->u8);
    code_u16(c, &a->u16);
    code_u32(c, &a->u32);
    code_u64(c, &a->u64);
    code_bool(c, &a->yes);
    code_bool(c, &a->no);
    code_enum(c, &a->choice, 7);
    code_count(c, &a->count, 300);
    code_bytes(c, a->bytes, sizeof a->bytes);
    code_slice(c, &a->slice);
    code_text(c, a->text, sizeof a->text);
}

static struct all example(void)
{
    return (struct all){.u8 = 0xfe,
                        .u16 = 0xfedc,
                        .u32 = 0xfedcba98,
                        .u64 = UINT64_C(0xfedcba9876543210),
                        .yes = true,
                        .choice = 7,
                        .count = 300,
                        .bytes = {1, 0, 3},
                        .slice = slice_str("value"),
                        .text = "texts"};
}

static const uint8_t written[] = {0xfe, 0xfe, 0xdc, 0xfe, 0xdc, 0xba, 0x98, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54,
                                  0x32, 0x10, 1,    0,    7,    0x01, 0x2c, 1,    0,    3,    0,    0,    0,
                                  5,    'v',  'a',  'l',  'u',  'e',  5,    't',  'e',  'x',  't',  's'};

static void test_fields_are_written_and_read(void **state)
{
    struct all a = example(), out;
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    struct coder w = coder_writer(&b);
    code_all(&w, &a);
    assert_int_equal(coder_end(&w), 0);
    assert_int_equal(buf_len(&b), sizeof written);
    assert_memory_equal(buf_slice(&b).data, written, sizeof written);
    memset(&out, 0xff, sizeof out);
    struct coder r = coder_reader(buf_slice(&b));
    code_all(&r, &out);
    assert_int_equal(coder_end(&r), 0);
    assert_int_equal(out.u8, a.u8);
    assert_int_equal(out.u16, a.u16);
    assert_int_equal(out.u32, a.u32);
    assert_true(out.u64 == a.u64);
    assert_true(out.yes && !out.no);
    assert_int_equal(out.choice, 7);
    assert_int_equal(out.count, 300);
    assert_memory_equal(out.bytes, a.bytes, sizeof a.bytes);
    assert_slice_is(out.slice, "value");
    assert_string_equal(out.text, "texts");
    buf_fini(&b);
}

static void test_what_is_cut_is_malformed_and_the_rest_zero(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof written; n++) {
        struct all out;
        struct coder r = coder_reader(slice_make(written, n));
        memset(&out, 0xff, sizeof out);
        code_all(&r, &out);
        assert_int_equal(r.err, E_MALFORMED);
        assert_int_equal(coder_end(&r), E_MALFORMED);
        assert_string_equal(out.text, "");
        if (n < 32)
            assert_int_equal(out.slice.len, 0);
        if (n < 20)
            assert_int_equal(out.count, 0);
    }
}

static void test_nothing_may_be_left(void **state)
{
    uint8_t bytes[sizeof written + 1] = {0}, none = 0;
    struct all out;
    (void)state;
    memcpy(bytes, written, sizeof written);
    struct coder r = coder_reader(slice_make(bytes, sizeof bytes));
    code_all(&r, &out);
    assert_int_equal(r.err, 0);
    assert_int_equal(r.in.len, 1);
    assert_int_equal(coder_end(&r), E_MALFORMED);
    r = coder_reader(slice_make(&none, 0));
    assert_int_equal(coder_end(&r), 0);
}

/* Bytes of what is over its bound, in the place of the field at `at`. */
static int read_changed(size_t at, uint8_t byte)
{
    uint8_t bytes[sizeof written];
    struct all out;
    memcpy(bytes, written, sizeof written);
    bytes[at] = byte;
    struct coder r = coder_reader(slice_make(bytes, sizeof bytes));
    code_all(&r, &out);
    return coder_end(&r);
}

static void test_bounds_when_reading(void **state)
{
    (void)state;
    assert_int_equal(read_changed(0, 0), 0);
    for (unsigned byte = 2; byte < 256; byte++)
        assert_int_equal(read_changed(15, (uint8_t)byte), E_MALFORMED); /* a bool */
    assert_int_equal(read_changed(16, 1), 0);
    assert_int_equal(read_changed(17, 8), E_MALFORMED);    /* a choice */
    assert_int_equal(read_changed(19, 0x2d), E_MALFORMED); /* a count */
    assert_int_equal(read_changed(23, 0xff), E_MALFORMED); /* a length that nobody has sent */
    assert_int_equal(read_changed(32, 6), E_MALFORMED);    /* a text without room for its end */
    assert_int_equal(read_changed(35, 0), E_MALFORMED);    /* a text with 0 in it */
}

static int write_one(const struct all *a, size_t max)
{
    struct all copy = *a;
    struct buf b;
    buf_init(&b, max);
    struct coder w = coder_writer(&b);
    code_all(&w, &copy);
    int err = coder_end(&w);
    if (copy.count != a->count) { /* nothing is to be counted any more */
        assert_int_equal(copy.count, 0);
        copy.count = a->count;
    }
    assert_memory_equal(&copy, a, sizeof copy); /* writing changes nothing else */
    buf_fini(&b);
    return err;
}

static void test_bounds_when_writing(void **state)
{
    struct all a = example();
    (void)state;
    assert_int_equal(write_one(&a, sizeof written), 0);
    for (size_t max = 0; max < sizeof written; max++)
        assert_int_equal(write_one(&a, max), E_TOO_LARGE);
    a.count = 301;
    assert_int_equal(write_one(&a, 1000), E_TOO_LARGE);
    a = example();
    a.choice = 8;
    assert_int_equal(write_one(&a, 1000), E_TOO_LARGE);
    a = example();
    memset(a.text, 'x', sizeof a.text); /* without an end */
    assert_int_equal(write_one(&a, 1000), E_TOO_LARGE);
    a = example();
    a.slice.len = (size_t)UINT32_MAX + 1;
    assert_int_equal(write_one(&a, 1000), E_TOO_LARGE);
}

static void test_the_first_error_stays(void **state)
{
    struct buf b;
    unsigned much = 9;
    uint8_t byte = 0;
    (void)state;
    buf_init(&b, 1000);
    struct coder w = coder_writer(&b);
    w.err = E_NOMEM;
    code_count(&w, &much, 8);
    code_enum(&w, &much, 8);
    code_u8(&w, &byte);
    assert_int_equal(coder_end(&w), E_NOMEM);
    assert_int_equal(buf_len(&b), 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_written_and_read),
        cmocka_unit_test(test_what_is_cut_is_malformed_and_the_rest_zero),
        cmocka_unit_test(test_nothing_may_be_left),
        cmocka_unit_test(test_bounds_when_reading),
        cmocka_unit_test(test_bounds_when_writing),
        cmocka_unit_test(test_the_first_error_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
