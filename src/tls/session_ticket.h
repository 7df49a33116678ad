/* SPDX-License-Identifier: Apache-2.0 */
/* Session tickets (RFC 5077, and RFC 8446 4.6.1): the client keeps the session, encrypted, and any server with the same
 * secrets and the same scope resumes it. For src/tls alone.
 *
 * A ticket holds what the peer's certificate said (struct tls_peer), not the certificate itself: OpenSSL would decode
 * that at each resumption, which costs OpenSSL 3.0 as much as a full handshake. A ticket is valid until its certificate
 * ends, and for TLS_SESSION_S at most. */
#ifndef TLS_SESSION_TICKET_H
#define TLS_SESSION_TICKET_H

#include "tls/tls_ctx.h"

struct session_tickets; /* the keys of one context */
struct ssl_ctx_st;
struct stack_st_X509;
struct tls_peer;

#define SESSION_SCOPE_SIZE 32

/* The session id context: a context resumes sessions that were made for the same role under the same roots, in any
 * order. E_TLS. */
int session_scope(const char *role, const struct stack_st_X509 *roots, uint8_t out[SESSION_SCOPE_SIZE]);

/* Makes the context issue and take tickets, with a secret of its own until session_tickets_share(). All are borrowed
 * until destroy. E_NOMEM, E_TLS. */
int session_tickets_create(struct tls_ctx *ctx, struct ssl_ctx_st *ssl_ctx, const char *role,
                           struct session_tickets **out);
void session_tickets_destroy(struct session_tickets **t); /* not before `ssl_ctx` */
/* As tls_ctx_share_tickets(). */
int session_tickets_share(struct session_tickets *t, const struct tls_ticket_secrets *secrets);

/* What the peer of a finished handshake has shown: in this one, or in the one that the session is from. */
void session_peer(const struct ssl_st *ssl, struct tls_peer *out);

#endif
