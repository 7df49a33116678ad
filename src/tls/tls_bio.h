/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's input and output as memory of the caller's: it reads ciphertext from a slice and appends ciphertext to a
 * buffer. Nothing waits in it between two calls. Only for src/tls. */
#ifndef TLS_TLS_BIO_H
#define TLS_TLS_BIO_H

#include "base/buf.h"

#include <openssl/bio.h>

/* What a BIO's data points to: where the bytes are during one call. */
struct tls_wire {
    struct slice *in; /* advanced past what was read; NULL: there is nothing to read */
    struct buf *out;
    int failure; /* the code of an append that failed, until someone looks */
};

/* Returned owned; NULL: no memory. */
BIO_METHOD *tls_bio_method(void);

#endif
