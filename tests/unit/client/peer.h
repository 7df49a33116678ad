/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a client's connection, in the test's own process: a TLS server over the real engine that answers
 * frames as a test says, and the certificates for both, made as F5's recipe makes them (X.509 v1). */
#ifndef TESTS_CLIENT_PEER_H
#define TESTS_CLIENT_PEER_H

#include "client/conn.h"
#include "client/identity.h"
#include "tls/tls_ctx.h"

#define PEER_PEM_SIZE 4096

struct peer_certs {
    char root[PEER_PEM_SIZE], root_key[PEER_PEM_SIZE]; /* PEM */
    char user[PEER_PEM_SIZE], user_key[PEER_PEM_SIZE];
};

/* A root CN=rootCA, and a certificate of it for CN=`user`; NULL: without any common name. */
void peer_certs_make(struct peer_certs *c, const char *user);

/* What a server of these certificates shares. */
struct tls_ctx *peer_server_ctx(const struct peer_certs *c);
/* Returned owned; the test fails when it cannot be made. `user` as in client_identity_options. */
struct client_identity *peer_identity(const struct peer_certs *c, const char *user);

/* One connection. */
struct peer {
    struct tls_engine *engine;
    bool starttls; /* the next thing to come is RpbStartTls in the clear */
    struct buf received, plain_out, out;
    /* Appends what is answered to `f`, whole frames, in plaintext. */
    void (*answer)(struct peer *p, const struct frame *f, struct buf *plain_out);
    void *arg;
    unsigned requests; /* frames seen, those of the handshake included */
    unsigned reads;    /* pieces of plaintext: one record each */
    int failure;       /* of the engine */
};

void peer_init(struct peer *p, struct tls_ctx *ctx, bool starttls);
void peer_fini(struct peer *p);
/* Takes bytes that came from the client; what is to be sent stands in p->out. */
void peer_feed(struct peer *p, struct slice in);

/* RpbAuthReq is accepted, ping is answered, a get is answered with its own body. */
void peer_answer_default(struct peer *p, const struct frame *f, struct buf *plain_out);

/* Moves bytes between the two until neither has any, at most `step` at a time to the client (0: all). What feeding the
 * client returned in the end. */
int peer_pump(struct peer *p, struct client_conn *c, size_t step);

#endif
