/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's objects made into PEM texts. Only for src/tls. */
#ifndef TLS_PEM_WRITE_H
#define TLS_PEM_WRITE_H

#include "base/buf.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Both append. The key is PKCS#8 without a password; an empty buffer takes its room once, so that no copy of it stays
 * behind. E_NOMEM, E_TOO_LARGE. */
int pem_write_cert(const X509 *cert, struct buf *out);
int pem_write_key(const EVP_PKEY *key, struct buf *out);

#endif
