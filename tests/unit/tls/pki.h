/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for the tests of src/tls, made by OpenSSL itself: roots, and what they sign. */
#ifndef TESTS_TLS_PKI_H
#define TESTS_TLS_PKI_H

#include "base/slice.h"

#include <openssl/x509.h>

/* The tests' present, so that nothing depends on the day: 2027-01-15 08:00:00Z. */
#define PKI_NOW ((int64_t)1800000000)
#define PKI_DAY ((int64_t)86400)

#define PKI_PEM_SIZE 8192

struct pki {
    X509 *cert;
    EVP_PKEY *key;
    char cert_pem[PKI_PEM_SIZE], key_pem[PKI_PEM_SIZE];
};

struct pki_plan {
    const char *cn; /* NULL: none, an organisation instead */
    const char *second_cn;
    const struct pki *issuer;  /* NULL: self-signed */
    EVP_PKEY *key;             /* borrowed; NULL: a new one on P-256 */
    bool ca;                   /* v3, with a CA's extensions: as tools/recipe makes roots */
    const char *ext_key_usage; /* v3, with this one */
    const char *alt_names;     /* v3 too: "URI:urn:a,DNS:b"; NULL: none */
    int64_t from, to;          /* 0: a day before PKI_NOW, 300 days after it */
};

/* The test fails when it cannot be made. */
void pki_make(struct pki *p, const struct pki_plan *plan);
void pki_free(struct pki *p);

/* Whether the text holds a run of 12 base64 characters of the key. */
bool pki_tells_key(const struct pki *p, const char *text);

#endif
