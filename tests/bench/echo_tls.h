/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS side of the echo server: OpenSSL with the same kind of certificates as a node (minted from the same root, RSA
 * and ECDSA), a client certificate required, sessions resumable. Its memory BIO takes ciphertext from where libuv put
 * it and leaves ciphertext in one buffer, so that nothing is copied but by the cipher: what is measured is TLS and the
 * two system calls, which is the limit that a store cannot pass. */
#ifndef BENCH_ECHO_TLS_H
#define BENCH_ECHO_TLS_H

#include "base/buf.h"
#include "bench/bench.h"

#include <openssl/ssl.h>

/* Where a connection's bytes are during one call into OpenSSL. */
struct echo_wire {
    struct slice in; /* ciphertext not yet read */
    struct buf *out; /* ciphertext to be sent */
};

struct echo_tls {
    SSL_CTX *ctx;
    BIO_METHOD *method;
};

/* Ends the program when the certificates cannot be read or made. */
void echo_tls_init(struct echo_tls *t, const struct bench_options *o);
/* `wire` is borrowed until the SSL is freed. */
SSL *echo_tls_accept(struct echo_tls *t, struct echo_wire *wire);

#endif
