/* SPDX-License-Identifier: Apache-2.0 */
/* The spellings of PEM. What comes out is canonical: it comes out of itself, and OpenSSL reads every block of it. */
#include "fuzz.h"
#include "base/err.h"
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static size_t count_blocks(struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    char *name, *header;
    unsigned char *data;
    long len;
    size_t n = 0;
    ASSERT(bio);
    while (BIO_pending(bio) > 0) {
        ASSERT(PEM_read_bio(bio, &name, &header, &data, &len) == 1);
        ASSERT(*header == '\0' && len > 0);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
        n++;
    }
    BIO_free(bio);
    ERR_clear_error();
    return n;
}

static void check_lines(struct slice pem)
{
    ASSERT(pem.len && pem.data[pem.len - 1] == '\n');
    for (size_t i = 0, column = 0; i < pem.len; i++) {
        column = pem.data[i] == '\n' ? 0 : column + 1;
        ASSERT(column <= 64 && (pem.data[i] == '\n' || (pem.data[i] >= ' ' && pem.data[i] < 0x7f)));
    }
}

static void check_again(enum pem_kind kind, struct slice pem)
{
    struct buf again;
    char why[TLS_WHY_MAX] = "";
    buf_init(&again, PEM_OUT_MAX);
    ASSERT(pem.len > PEM_TEXT_MAX || pem_normalize(kind, pem, &again, why, sizeof why) == 0);
    ASSERT(pem.len > PEM_TEXT_MAX || slice_eq(buf_slice(&again), pem));
    pem_wipe(&again);
}

static void fuzz_kind(enum pem_kind kind, struct slice text)
{
    struct buf out;
    char why[TLS_WHY_MAX] = "";
    buf_init(&out, PEM_OUT_MAX);
    int err = pem_normalize(kind, text, &out, why, sizeof why);
    if (err == 0) {
        size_t blocks = count_blocks(buf_slice(&out));
        ASSERT(*why == '\0');
        ASSERT(blocks >= 1 && blocks <= (kind == PEM_CERTIFICATE ? PEM_CERT_MAX : 1));
        check_lines(buf_slice(&out));
        check_again(kind, buf_slice(&out));
    } else {
        ASSERT(err != E_NOMEM && buf_len(&out) == 0);
        ASSERT(*why && strlen(why) < sizeof why && !strchr(why, '\n'));
    }
    pem_wipe(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_kind(PEM_CERTIFICATE, slice_make(data, size));
    fuzz_kind(PEM_PRIVATE_KEY, slice_make(data, size));
    return 0;
}
