/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of one connection as a machine: bytes in, bytes out, requests queued, responses taken. It never sees
 * a socket, a clock or a thread; client.h moves its bytes with blocking calls, and a program with thousands of
 * connections moves them with its own loop. Requests are pipelined: the server answers them in their order.
 *
 *     STARTTLS --RpbStartTls answered--> HANDSHAKE --open--> AUTH --RpbAuthResp--> READY
 *        |                                   |                 |                     |
 *        +-----------------------------------+-----------------+---------------------+--> FAILED
 *
 * Without `starttls` it begins in HANDSHAKE, without a user AUTH is skipped. Not a pool, and no retries: what a failed
 * connection had in flight has an unknown outcome, and only the caller knows whether it may be sent again. */
#ifndef CLIENT_CONN_H
#define CLIENT_CONN_H

#include "base/buf.h"
#include "tls/tls_engine.h"
#include "wire/frame.h"

struct client_conn;
struct tls_ctx;

enum client_phase {
    CLIENT_PHASE_STARTTLS,
    CLIENT_PHASE_HANDSHAKE,
    CLIENT_PHASE_AUTH,
    CLIENT_PHASE_READY,
    CLIENT_PHASE_FAILED
};

/* The server's object limit is 50 MiB by default and may be raised; a response carries all siblings of a key. */
#define CLIENT_FRAME_MAX ((size_t)256 * 1024 * 1024)

struct client_conn_config {
    struct tls_ctx *tls;              /* of a client; borrowed, must outlive the connection */
    const char *user;                 /* for RpbAuthReq; NULL: none is sent. Borrowed during the call */
    const char *password;             /* "" or NULL for users with a certificate. Borrowed during the call */
    bool starttls;                    /* ask with RpbStartTls first; else TLS from the first byte */
    const struct client_conn *resume; /* an earlier connection to the same server whose TLS session is taken up, or
                                         NULL. Borrowed during the call */
};

/* The first bytes to be sent stand in client_conn_pending() at once. E_NOMEM, E_TOO_LARGE (user, password), E_TLS. */
int client_conn_create(const struct client_conn_config *config, struct client_conn **out);
void client_conn_destroy(struct client_conn **c);

enum client_phase client_conn_phase(const struct client_conn *c);

/* Takes all of `in`, which came from the socket. An error is final: E_CLOSED (the peer closed properly), E_TLS,
 * E_DENIED (authentication), E_AGAIN (no place for another client), E_UNSUPPORTED (no RpbStartTls there), E_MALFORMED,
 * E_TOO_LARGE, E_NOMEM; client_conn_error() says more, an alert may be pending, and complete responses that came before
 * can still be taken.
 */
int client_conn_feed(struct client_conn *c, struct slice in);

/* What is to be written to the socket; borrowed until the next call that changes the connection. */
struct slice client_conn_pending(const struct client_conn *c);
/* The first n bytes of it have been written. */
void client_conn_sent(struct client_conn *c, size_t n);

/* Where whole request frames are appended (kv_get_req_encode() ...); borrowed. A request may be queued in any phase. */
struct buf *client_conn_requests(struct client_conn *c);
/* Encrypts all queued requests together, in as few records as they fit, once the connection is READY (before that they
 * wait). E_TLS, E_TOO_LARGE or E_NOMEM: final. */
int client_conn_flush(struct client_conn *c);

/* The next whole response: 1, 0 when none is there, or a final error. The body is borrowed until the next
 * client_conn_feed(). What answers the connection's own RpbAuthReq is never seen here. */
int client_conn_take(struct client_conn *c, struct frame *out);

/* Appends close_notify to what is pending. */
void client_conn_close(struct client_conn *c);

bool client_conn_resumed(const struct client_conn *c);
/* "TLSv1.3" and the like, and the suite's name; static. Only once the handshake is complete. */
const char *client_conn_tls_version(const struct client_conn *c);
const char *client_conn_tls_cipher(const struct client_conn *c);
/* When the server's certificate ends, seconds since the epoch; 0: not known. Only once the handshake is complete. */
int64_t client_conn_server_not_after(const struct client_conn *c);
/* What the server showed, also after a failure: as tls_engine_chain_pem(). */
int client_conn_chain_pem(const struct client_conn *c, struct buf *out);
/* Why it failed, in one line; "" while it did not. Borrowed. */
const char *client_conn_error(const struct client_conn *c);

#endif
