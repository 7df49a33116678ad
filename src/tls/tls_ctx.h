/* SPDX-License-Identifier: Apache-2.0 */
/* What all TLS connections of one port share: versions, suites, certificates, whom to believe, and the sessions that
 * may be resumed. One thread owns a context and its engines.
 *
 * Server: TLS 1.2 and 1.3. A peer's certificate must lead to a root within a short chain, be in date, and, if it
 * carries an extended key usage, be meant for clients; X.509 v1 certificates are accepted. Nobody's name is judged
 * here: that is the session's work, on tls_engine_peer(). Sessions are resumed for TLS_SESSION_S at most, by tickets,
 * at every server that has the same secrets, role and roots; of TLS 1.2 clients that know no tickets, from a bounded
 * cache in this process, the oldest making room. A resumed connection has what its peer's certificate said, and is not
 * resumed after the end of that. No renegotiation, no compression, no early data.
 */
#ifndef TLS_TLS_CTX_H
#define TLS_TLS_CTX_H

#include "tls/cert.h"

struct tls_ctx;

#define TLS_SESSIONS_DEFAULT ((size_t)1024)
#define TLS_SESSION_S        3600 /* seconds for which a session may be resumed */

enum tls_version { TLS_VERSION_ANY, TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Wall clock in seconds since the epoch: certificates' ends are judged by it. */
typedef int64_t (*tls_clock)(void *arg);

struct tls_server_config {
    const struct ca *ca;       /* borrowed during the call */
    const struct cert *rsa;    /* borrowed during the call; at least one of the two */
    const struct cert *ecdsa;  /* preferred by all clients that know it; may be NULL */
    bool client_cert_optional; /* a connection without a certificate opens too; a bad one is refused still */
    bool legacy_suites;  /* for TLS 1.2 also DHE and RSA key exchange with AES in CBC mode, after the modern ones: the
                            only suites of Riak's Node.js client */
    size_t sessions_max; /* kept for clients without tickets, about 4 KB each; 0: TLS_SESSIONS_DEFAULT */
    const char *role;    /* what this server is for: a session of another role is not resumed. Borrowed until destroy;
                            NULL: "client" */
    enum tls_version min, max; /* ANY: 1.2 and 1.3 */
    tls_clock clock;           /* NULL: time() */
    void *clock_arg;           /* borrowed until destroy */
};

/* Fast: the certificates are already minted. E_INVALID, E_NOMEM, E_TLS. */
int tls_ctx_create_server(const struct tls_server_config *config, struct tls_ctx **out, char *why, size_t why_size);

#define TLS_TICKET_SECRET_SIZE 32
#define TLS_TICKET_SECRETS_MAX 3

/* What the keys of tickets are made from. All decrypt; the current one encrypts. One that is new to the servers is to
 * be given to all of them before it becomes current, and an old one is to stay for TLS_SESSION_S. */
struct tls_ticket_secrets {
    unsigned count; /* 0: the context makes tickets for itself alone, as it does before the first call */
    unsigned current;
    uint8_t secret[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET_SIZE];
};

/* Of a server: these secrets from now on, and no others; those of before are wiped. Copied. E_INVALID (counts), E_TLS;
 * both leave the old ones in use. */
int tls_ctx_share_tickets(struct tls_ctx *ctx, const struct tls_ticket_secrets *secrets);

/* Between nodes, either side of it: TLS 1.3 alone, both show certificates. The peer's must lead to the root, be in
 * date, and have the role node; whose address it is reached at does not matter, for addresses change. Nothing is
 * resumed, and there is no early data: each connection proves who is there now. */
struct tls_peer_config {
    bool is_server;
    const struct ca *ca;     /* borrowed during the call */
    const struct cert *cert; /* borrowed during the call; of cert_mint_node() */
    tls_clock clock;         /* NULL: time() */
    void *clock_arg;         /* borrowed until destroy */
};

/* Fast. E_INVALID (no certificate), E_NOMEM, E_TLS. */
int tls_ctx_create_peer(const struct tls_peer_config *config, struct tls_ctx **out, char *why, size_t why_size);

/* New handshakes use these certificates from now on, with the chain of `ca`, which may be another one of the same
 * text; open connections and sessions live on. All borrowed during the call; a certificate that is NULL stays as it
 * was, with its chain. Between nodes there is only `ecdsa`. Fast. E_TLS leaves the old ones in use. */
int tls_ctx_renew(struct tls_ctx *ctx, const struct ca *ca, const struct cert *rsa, const struct cert *ecdsa, char *why,
                  size_t why_size);
/* New handshakes believe the roots of `ca` from now on, and no others; sessions of before are not resumed. Open
 * connections live on, and the certificates in use stay. Of a server or between nodes. `ca` is borrowed during the
 * call. Fast. E_TLS leaves everything as it was. */
int tls_ctx_trust(struct tls_ctx *ctx, const struct ca *ca, char *why, size_t why_size);
/* The earliest cert_renew_at() and cert_not_after() of the certificates in use. Not of clients. */
int64_t tls_ctx_renew_at(const struct tls_ctx *ctx);
int64_t tls_ctx_not_after(const struct tls_ctx *ctx);

struct tls_client_config {
    struct slice ca_pem;       /* whom to believe; all texts are borrowed during the call, in any spelling of pem.h */
    struct slice cert_pem;     /* the client's certificate, then its issuers if the server does not know them; may be
                                  empty */
    struct slice key_pem;      /* its key; empty with cert_pem */
    const char *server_name;   /* checked against the server's certificate (a DNS name or an address), and sent as SNI
                                  when it is a name; NULL: any name will do */
    enum tls_version min, max; /* ANY: 1.2 and 1.3 */
    const char *suites;        /* OpenSSL cipher list for TLS 1.2; NULL: the modern ones */
    tls_clock clock;           /* NULL: time() */
    void *clock_arg;           /* borrowed until destroy */
};

/* As pem_normalize(), and E_MISMATCH (the key does not fit the certificate), E_INVALID (server_name, suites), E_TLS. */
int tls_ctx_create_client(const struct tls_client_config *config, struct tls_ctx **out, char *why, size_t why_size);

/* A client that believes everybody and shows no certificate: for looking at what a server shows
 * (tls_engine_chain_pem()). Nothing secret may be sent over it, and nothing that comes is known to be the server's. */
struct tls_look_config {
    const char *server_name;   /* sent as SNI when it is a name; may be NULL */
    enum tls_version min, max; /* ANY: 1.2 and 1.3 */
    const char *suites;        /* OpenSSL cipher list for TLS 1.2; NULL: the modern ones */
};

/* The suites of Riak's Node.js client, which offers no others for TLS 1.2 when it authenticates. */
#define TLS_SUITES_OLD_RIAK                                                                                            \
    "DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA:"                               \
    "AES128-SHA256:AES128-SHA:AES256-SHA256:AES256-SHA"

/* E_INVALID (server_name, suites), E_NOMEM, E_TLS. */
int tls_ctx_create_look(const struct tls_look_config *config, struct tls_ctx **out, char *why, size_t why_size);

/* Not before its last engine is gone. */
void tls_ctx_destroy(struct tls_ctx **ctx);

/* For src/tls alone. */
struct ssl_st;
struct bio_method_st;
struct ssl_st *tls_ctx_new_ssl(struct tls_ctx *ctx); /* returned owned; NULL: no memory. Role and options are set. */
const struct bio_method_st *tls_ctx_bio(const struct tls_ctx *ctx);
int64_t tls_ctx_now(const struct tls_ctx *ctx);
bool tls_ctx_is_server(const struct tls_ctx *ctx);
struct session_tickets;
struct session_tickets *tls_ctx_tickets(const struct tls_ctx *ctx); /* borrowed; servers only, else NULL */

#endif
