/* SPDX-License-Identifier: Apache-2.0 */
/* A client's engine and a server's, and the bytes between them, in memory and under a clock of the test's own. */
#ifndef TESTS_TLS_LINK_H
#define TESTS_TLS_LINK_H

#include "tls/tls_ctx.h"
#include "tls/tls_engine.h"
#include "unit/tls/pki.h"

/* Made once for a program: an RSA key takes long. */
struct link_world {
    int64_t now;
    struct pki root, user;
    struct ca *ca;
    struct cert *rsa, *ecdsa;
};
void link_world_init(struct link_world *w);
void link_world_fini(struct link_world *w);

/* With both certificates and the legacy suites; the caller changes what it likes. */
struct tls_server_config link_server_config(struct link_world *w);
/* As the world's user. */
struct tls_client_config link_client_config(struct link_world *w);
/* `cert`: of a node. */
struct tls_peer_config link_peer_config(struct link_world *w, bool is_server, const struct cert *cert);
/* The test fails when it cannot be made. */
struct tls_ctx *link_peer(const struct tls_peer_config *config);
struct tls_ctx *link_server(const struct tls_server_config *config);
struct tls_ctx *link_client(const struct tls_client_config *config);

struct link_end {
    struct tls_engine *engine;
    struct buf in;  /* ciphertext on its way to it */
    struct buf got; /* plaintext that came */
    int err;        /* what reading returned in the end */
};
struct link {
    struct link_end client, server;
};

void link_open(struct link *l, struct tls_ctx *client, struct tls_ctx *server);
void link_close(struct link *l);
/* Moves bytes, at most `step` at a time (0: all), until neither end has any or both have failed. */
void link_pump(struct link *l, size_t step);
/* True when both are open. */
bool link_shake(struct link *l);
/* From one end to the other, and there it is the same. */
void link_check(struct link *l, struct link_end *from, struct link_end *to, struct slice plain, size_t step);

#endif
