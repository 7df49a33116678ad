/* SPDX-License-Identifier: Apache-2.0 */
/* A client of OpenSSL's own beside a server's engine, in memory: it sees the tickets that it gets, may know none, and
 * may come with one that it has changed. */
#ifndef TESTS_TLS_RAW_CLIENT_H
#define TESTS_TLS_RAW_CLIENT_H

#include "tls/tls_ctx.h"
#include "tls/tls_engine.h"
#include "unit/tls/pki.h"

#include <openssl/ssl.h>

struct raw_client {
    SSL_CTX *ctx;
    SSL_SESSION *session; /* the newest that a server gave it; NULL: none */
};

struct raw_outcome {
    bool open;    /* for the server; false: the handshake failed */
    bool resumed; /* as both say */
    struct tls_peer peer;
    char error[128]; /* the server's */
};

/* `version`: TLS1_2_VERSION or TLS1_3_VERSION. `options`: of SSL_CTX_set_options(). `who` NULL: no certificate. */
void raw_client_init(struct raw_client *c, int version, uint64_t options, const struct pki *who);
void raw_client_fini(struct raw_client *c);

enum raw_end {
    RAW_GOODBYE, /* the client says goodbye */
    RAW_DAMAGE   /* a record is damaged on its way: the server ends with a fatal alert, and the client does not know */
};
/* One connection with the session that it has, if any. `bare`: the server takes it without a certificate. */
void raw_client_connect(struct raw_client *c, struct tls_ctx *server, bool bare, enum raw_end end,
                        struct raw_outcome *out);

/* The size of the session's ticket; 0: it has none. */
size_t raw_client_ticket(const struct raw_client *c);
/* Inverts a bit of the ticket, at that byte. */
void raw_client_damage(struct raw_client *c, size_t at);

#endif
