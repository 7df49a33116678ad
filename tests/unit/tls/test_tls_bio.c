/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "tls/tls_bio.h"

struct fixture {
    BIO_METHOD *method;
    BIO *bio;
    struct tls_wire wire;
    struct buf out;
};

static void start(struct fixture *f, size_t max)
{
    f->method = tls_bio_method();
    f->bio = BIO_new(f->method);
    assert_non_null(f->bio);
    buf_init(&f->out, max);
    f->wire = (struct tls_wire){.out = &f->out};
    BIO_set_data(f->bio, &f->wire);
}

static void stop(struct fixture *f)
{
    BIO_free(f->bio);
    BIO_meth_free(f->method);
    buf_fini(&f->out);
}

static void reads_what_is_there(void **state)
{
    struct fixture f;
    struct slice in = slice_str("0123456789");
    char got[16];
    size_t n;
    (void)state;
    start(&f, 100);
    f.wire.in = &in;
    assert_int_equal(BIO_read_ex(f.bio, got, 4, &n), 1);
    assert_slice_is(slice_make(got, n), "0123");
    assert_slice_is(in, "456789"); /* the caller's slice moved */
    assert_int_equal(BIO_read_ex(f.bio, got, sizeof got, &n), 1);
    assert_slice_is(slice_make(got, n), "456789");
    stop(&f);
}

/* Nothing to read is no end: OpenSSL is to ask again. */
static void nothing_is_a_reason_to_wait(void **state)
{
    struct fixture f;
    struct slice empty = {0};
    char got[4];
    size_t n = 1;
    (void)state;
    start(&f, 100);
    assert_int_equal(BIO_read_ex(f.bio, got, 4, &n), 0);
    assert_true(BIO_should_retry(f.bio) && BIO_should_read(f.bio));
    f.wire.in = &empty;
    assert_int_equal(BIO_read_ex(f.bio, got, 4, &n), 0);
    assert_true(BIO_should_retry(f.bio) && BIO_should_read(f.bio));
    empty = slice_str("x");
    assert_int_equal(BIO_read_ex(f.bio, got, 4, &n), 1);
    assert_false(BIO_should_retry(f.bio));
    stop(&f);
}

static void writes_all_or_fails(void **state)
{
    struct fixture f;
    size_t n;
    (void)state;
    start(&f, 6);
    assert_int_equal(BIO_write_ex(f.bio, "abc", 3, &n), 1);
    assert_int_equal(n, 3);
    assert_int_equal(f.wire.failure, 0);
    assert_int_equal(BIO_write_ex(f.bio, "defg", 4, &n), 0);
    assert_int_equal(f.wire.failure, E_TOO_LARGE);
    assert_false(BIO_should_retry(f.bio));
    assert_slice_is(buf_slice(&f.out), "abc");
    assert_int_equal(BIO_write_ex(f.bio, "def", 3, &n), 1);
    assert_int_equal(f.wire.failure, 0);
    assert_slice_is(buf_slice(&f.out), "abcdef");
    stop(&f);
}

static void flushes_and_knows_nothing_else(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 100);
    assert_int_equal(BIO_flush(f.bio), 1);
    assert_int_equal(BIO_pending(f.bio), 0);
    assert_false(BIO_eof(f.bio));
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_there),
        cmocka_unit_test(nothing_is_a_reason_to_wait),
        cmocka_unit_test(writes_all_or_fails),
        cmocka_unit_test(flushes_and_knows_nothing_else),
    };
    return cmocka_run_group_tests_name("tls/tls_bio", tests, NULL, NULL);
}
