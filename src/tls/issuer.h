/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate has signed another one. Only for src/tls. */
#ifndef TLS_ISSUER_H
#define TLS_ISSUER_H

#include <openssl/x509_vfy.h>

/* For X509_STORE_set_get_issuer(): chooses by the signature. OpenSSL chooses by the issuer's name, and by key
 * identifiers where both certificates have them: of two roots of one name it takes the first that is valid, and then
 * refuses what the other one has signed. All roots that F5's recipe makes have the same name, and neither they nor the
 * users' certificates have key identifiers. */
int issuer_find(X509 **issuer, X509_STORE_CTX *ctx, X509 *x);

#endif
