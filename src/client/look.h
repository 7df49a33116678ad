/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that a server shows to any client, without believing them, and without a certificate of our
 * own. Nothing is asked of the server beyond RpbStartTls and the TLS handshake. */
#ifndef CLIENT_LOOK_H
#define CLIENT_LOOK_H

#include "base/buf.h"
#include "tls/pem.h"

struct client_look_options {
    const char *host;        /* name or address */
    uint16_t port;           /* 0: CLIENT_PORT_DEFAULT */
    unsigned timeout_ms;     /* of the whole; 0: the default */
    bool direct_tls;         /* TLS from the first byte instead of RpbStartTls */
    bool old_riak;           /* TLS 1.2 and the suites of Riak's Node.js client */
    const char *server_name; /* for SNI; NULL: the host */
};

struct client_look {
    struct buf chain_pem; /* the server's certificate first */
    /* Of the handshake; "" where the server ended it because we have no certificate (TLS 1.2). */
    char version[16], suite[64];
};

/* client_look_fini() in every case. 0 when the server showed a certificate; E_TLS: it showed none, `why` says why.
 * Otherwise as client_connect(). */
int client_look(const struct client_look_options *options, struct client_look *out, char *why, size_t why_size);
void client_look_fini(struct client_look *look);

#endif
