/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS connection as a machine: bytes in, bytes out. It never sees a socket; the caller moves the bytes. Nothing is
 * copied but by the cipher itself: ciphertext is read from the caller's memory, plaintext lands in the caller's memory,
 * and the output is appended to the caller's buffer, so that one scratch buffer serves all connections of a loop.
 *
 * Life: create -> tls_engine_read() until tls_engine_open() -> read and write -> tls_engine_close() -> destroy.
 * A private-key operation (about a millisecond for RSA-2048) runs inside tls_engine_read() during the handshake: the
 * caller bounds how many of those calls it makes per turn of its loop. */
#ifndef TLS_TLS_ENGINE_H
#define TLS_TLS_ENGINE_H

#include "base/buf.h"
#include "base/id.h"
#include "tls/cert_role.h"

struct tls_ctx;
struct tls_engine;

/* What the peer's certificate says, after it was verified against the root. */
struct tls_peer {
    bool has_cert;
    size_t cn_count;                /* common names in the subject; an acceptable user certificate has exactly one */
    char cn[256];                   /* the first one, NUL-terminated; "" when absent, too long, or holding a NUL */
    int64_t not_after;              /* seconds since the epoch */
    bool v1;                        /* an X.509 v1 certificate, as F5's recipe makes them */
    bool is_node;                   /* it has the role node (cert_role.h) */
    struct incarnation incarnation; /* of a node: what its certificate names; zeros: nothing */
};

/* The context is borrowed and must outlive the engine. The role (server or client) is the context's. E_NOMEM. */
int tls_engine_create(struct tls_ctx *ctx, struct tls_engine **out);
/* Of a server, before anything is read: a client without a certificate is taken too; a bad one is still refused. */
void tls_engine_take_bare(struct tls_engine *e);
void tls_engine_destroy(struct tls_engine **e);

/* Takes ciphertext from the front of *in (which is advanced past what was taken), advances the handshake and decrypts
 * at most `cap` bytes to `plain` (*n of them). Replies of the handshake, alerts and key updates are appended to `out`.
 *   0, *n > 0    plaintext; call again, there may be more even if *in is empty
 *   0, *n == 0   all of *in was taken and more is needed
 *   E_CLOSED     the peer closed the connection properly
 *   E_TLS        it failed for good (tls_engine_error() says why; an alert to be sent may stand in `out`)
 * A client starts its handshake with an empty *in. */
int tls_engine_read(struct tls_engine *e, struct slice *in, uint8_t *plain, size_t cap, size_t *n, struct buf *out);

/* Whether tls_engine_read() holds bytes that it took before: a record of which not all fit in `plain`, or a part of
 * one. False, and nothing left in *in: another call would find nothing. */
bool tls_engine_pending(const struct tls_engine *e);

/* Whether the engine keeps its two record buffers, 34 KB, between calls [false]. A connection that is busy saves two
 * allocations for each record that way. */
void tls_engine_keep_buffers(struct tls_engine *e, bool keep);

/* Encrypts all of `plain` and appends the records to `out`. Only when open. E_TLS, E_NOMEM or E_TOO_LARGE: fatal. */
int tls_engine_write(struct tls_engine *e, struct slice plain, struct buf *out);

/* Appends close_notify, if it was open. */
void tls_engine_close(struct tls_engine *e, struct buf *out);

bool tls_engine_open(
    const struct tls_engine *e); /* the handshake is complete, the peer verified; it can be told more */
bool tls_engine_resumed(const struct tls_engine *e); /* the handshake resumed a session */
/* Filled once open; borrowed until the engine is destroyed. */
const struct tls_peer *tls_engine_peer(const struct tls_engine *e);
const char *tls_engine_version(const struct tls_engine *e); /* "TLSv1.3"; static */
const char *tls_engine_cipher(const struct tls_engine *e);  /* OpenSSL's name of the suite; static */
/* Why it failed, for the log, without addresses or secrets: "client sent no certificate", "certificate of 'joe' has
 * expired"
 * ... Borrowed until the engine is destroyed.
 */
const char *tls_engine_error(const struct tls_engine *e);
/* Of a client: appends what the server showed, its own certificate first, as PEM; also when the handshake failed after
 * that. `out` must allow PEM_OUT_MAX bytes. E_NOT_FOUND: it has shown nothing. E_NOMEM, E_TOO_LARGE. */
int tls_engine_chain_pem(const struct tls_engine *e, struct buf *out);
/* Sends the session of a finished client connection to the next: client contexts only. */
void tls_engine_reuse(struct tls_engine *e, const struct tls_engine *finished);

#endif
