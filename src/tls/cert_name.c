/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/cert_name.h"

#include "base/err.h"
#include "tls/reason.h"

#include <openssl/x509.h>
#include <strings.h>

/* Left "" when it does not fit or a reader of C strings would see less than stands there. */
static void copy_text(const ASN1_STRING *text, char out[CERT_CN_SIZE])
{
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, text);
    if (n > 0 && n < CERT_CN_SIZE && !memchr(utf8, '\0', (size_t)n)) {
        memcpy(out, utf8, (size_t)n);
        out[n] = '\0';
    }
    if (n < 0)
        reason_drop();
    else
        OPENSSL_free(utf8);
}

void cert_name_cn(const struct X509_name_st *subject, struct cert_cn *out)
{
    *out = (struct cert_cn){0};
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
        if (out->count++ == 0)
            copy_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), out->first);
    }
}

void cert_name_line(const struct X509_name_st *name, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = -1;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_read(bio, out, (int)size - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
    reason_drop();
}

static bool parse_name(struct slice der, struct cert_cn *out)
{
    const unsigned char *p = der.data;
    X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.len);
    bool whole = name && p == der.data + der.len;
    if (whole)
        cert_name_cn(name, out);
    X509_NAME_free(name);
    reason_drop();
    return whole;
}

static bool parse_certificate(struct slice der, struct cert_cn *out)
{
    const unsigned char *p = der.data;
    X509 *cert = d2i_X509(NULL, &p, (long)der.len);
    bool whole = cert && p == der.data + der.len;
    if (whole)
        cert_name_cn(X509_get_subject_name(cert), out);
    X509_free(cert);
    reason_drop();
    return whole;
}

int cert_name_parse(struct slice der, struct cert_cn *out)
{
    *out = (struct cert_cn){0};
    if (der.len == 0 || der.len > INT32_MAX)
        return E_MALFORMED;
    return parse_certificate(der, out) || parse_name(der, out) ? 0 : E_MALFORMED;
}

bool cert_name_equal(const char *a, const char *b)
{
    return cert_name_equal_slice(slice_str(a), b);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool cert_name_equal_slice(struct slice a, const char *b)
{
    if (a.len == 0 || a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower((uint8_t)b[i]))
            return false;
    return true;
}
