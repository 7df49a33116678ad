/* SPDX-License-Identifier: Apache-2.0 */
/* PEM texts made into OpenSSL's objects, and what both roots and clients ask of them. Only for src/tls. */
#ifndef TLS_PEM_READ_H
#define TLS_PEM_READ_H

#include "tls/pem.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* At least one certificate, in the order of the text; returned owned (OSSL_STACK_OF_X509_free). As pem_normalize(). */
int pem_read_certs(struct slice text, STACK_OF(X509) * *out, char *why, size_t why_size);
/* Returned owned. As pem_normalize(). */
int pem_read_key(struct slice text, EVP_PKEY **out, char *why, size_t why_size);

void pem_free_certs(STACK_OF(X509) * certs); /* NULL is allowed */

/* E_UNSUPPORTED for a key that TLS peers at security level 2 refuse (112 bits: RSA 2048, EC 224), or of a kind that
 * cannot sign. `whose` begins the sentence: "the root's key". */
int pem_check_strength(const EVP_PKEY *key, const char *whose, char *why, size_t why_size);

/* Seconds since the epoch; INT64_MIN when t is not a time. */
int64_t pem_time(const ASN1_TIME *t);

#endif
