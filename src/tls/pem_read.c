/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/pem_read.h"

#include "base/err.h"
#include "tls/reason.h"
#include "tls/why.h"

#include <openssl/pem.h>
#include <time.h>

#define STRENGTH_MIN_BITS 112 /* OpenSSL's security level 2, which tls_ctx sets */

void pem_free_certs(STACK_OF(X509) * certs)
{
    sk_X509_pop_free(certs, X509_free);
}

/* OpenSSL would ask the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf, (void)size, (void)rwflag, (void)arg;
    return -1;
}

static BIO *open_buf(const struct buf *pem)
{
    struct slice s = buf_slice(pem);
    return BIO_new_mem_buf(s.data, (int)s.len);
}

/* pem_normalize() has counted the blocks: any that does not parse is an error, not the end. */
static int read_all(BIO *bio, STACK_OF(X509) * certs, char *why, size_t why_size)
{
    while (BIO_pending(bio) > 0) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (!cert)
            return why_say(E_MALFORMED, why, why_size,
                           "certificate %d of the PEM cannot be read (%s): was it damaged when it was copied?",
                           sk_X509_num(certs) + 1, reason_take());
        if (!sk_X509_push(certs, cert)) {
            X509_free(cert);
            return E_NOMEM;
        }
    }
    return 0;
}

static int read_certs(const struct buf *pem, STACK_OF(X509) * *out, char *why, size_t why_size)
{
    int err = E_NOMEM;
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = open_buf(pem);
    if (certs && bio)
        err = read_all(bio, certs, why, why_size);
    BIO_free(bio);
    if (err)
        pem_free_certs(certs);
    else
        *out = certs;
    return err;
}

int pem_read_certs(struct slice text, STACK_OF(X509) * *out, char *why, size_t why_size)
{
    struct buf pem;
    buf_init(&pem, PEM_OUT_MAX);
    int err = pem_normalize(PEM_CERTIFICATE, text, &pem, why, why_size);
    if (!err) {
        err = read_certs(&pem, out, why, why_size);
        if (err == E_NOMEM)
            why_say(err, why, why_size, "no memory to read the certificate");
    }
    buf_fini(&pem);
    return err;
}

int pem_read_key(struct slice text, EVP_PKEY **out, char *why, size_t why_size)
{
    struct buf pem;
    buf_init(&pem, PEM_OUT_MAX);
    int err = pem_normalize(PEM_PRIVATE_KEY, text, &pem, why, why_size);
    if (!err) {
        BIO *bio = open_buf(&pem);
        *out = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
        BIO_free(bio);
        if (!*out)
            err = why_say(E_MALFORMED, why, why_size,
                          "the private key cannot be read (%s): was it damaged when it was copied?", reason_take());
    }
    pem_wipe(&pem);
    return err;
}

int pem_check_strength(const EVP_PKEY *key, const char *whose, char *why, size_t why_size)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        break;
    default:
        return why_say(E_UNSUPPORTED, why, why_size, "%s is of a kind that is not supported: use RSA or EC", whose);
    }
    if (EVP_PKEY_get_security_bits(key) < STRENGTH_MIN_BITS)
        return why_say(E_UNSUPPORTED, why, why_size,
                       "%s is too weak (%d bits): make one of RSA 2048 or EC P-256 or better", whose,
                       EVP_PKEY_get_bits(key));
    return 0;
}

int64_t pem_time(const ASN1_TIME *t)
{
    struct tm tm;
    if (!t || !ASN1_TIME_to_tm(t, &tm)) {
        reason_drop();
        return INT64_MIN;
    }
    return (int64_t)timegm(&tm);
}
