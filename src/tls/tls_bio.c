/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls_bio.h"

#include "base/assert.h"

static int wire_read(BIO *bio, char *out, size_t cap, size_t *n)
{
    struct tls_wire *w = BIO_get_data(bio);
    size_t have = w->in ? w->in->len : 0;
    BIO_clear_retry_flags(bio);
    *n = have < cap ? have : cap;
    if (*n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, w->in->data, *n);
    *w->in = slice_skip(*w->in, *n);
    return 1;
}

static int wire_write(BIO *bio, const char *data, size_t len, size_t *n)
{
    struct tls_wire *w = BIO_get_data(bio);
    ASSERT(w->out);
    BIO_clear_retry_flags(bio);
    w->failure = buf_append(w->out, data, len);
    *n = w->failure ? 0 : len;
    return !w->failure;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int wire_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *tls_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "caller's memory");
    if (m && BIO_meth_set_read_ex(m, wire_read) && BIO_meth_set_write_ex(m, wire_write) &&
        BIO_meth_set_ctrl(m, wire_ctrl) && BIO_meth_set_create(m, wire_create))
        return m;
    BIO_meth_free(m);
    return NULL;
}
