/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/pem_write.h"

#include "base/err.h"
#include "tls/reason.h"

#include <openssl/pem.h>

/* What was written to `bio`, which is freed. */
static int take(BIO *bio, bool is_written, struct buf *out)
{
    char *text;
    long len = is_written ? BIO_get_mem_data(bio, &text) : 0;
    int err = len > 0 ? buf_append(out, text, (size_t)len) : E_NOMEM;
    BIO_free(bio);
    reason_drop();
    return err;
}

int pem_write_cert(const X509 *cert, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take(bio, bio && PEM_write_bio_X509(bio, cert) == 1, out);
}

int pem_write_key(const EVP_PKEY *key, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_secmem()); /* overwritten when it is freed */
    return take(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, out);
}
