/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls_ctx.h"

#include "base/err.h"
#include "tls/cert_name.h"
#include "tls/issuer.h"
#include "tls/pem_read.h"
#include "tls/reason.h"
#include "tls/session_ticket.h"
#include "tls/tls_bio.h"
#include "tls/tls_engine.h"
#include "tls/why.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#define SECURITY_LEVEL 2           /* 112 bits: RSA 2048, no SHA-1 signatures; as Debian's default */
#define CHAIN_DEPTH    4           /* certificates between a peer's and the root */
#define CHAIN_BYTES    (32 * 1024) /* of a peer's certificates: a few of RSA 4096 */

#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_MODERN                                                                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"                         \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* Forward secrecy before none, then what costs less. */
#define SUITES_LEGACY                                                                                                  \
    ":DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:"                \
    "DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:"           \
    "AES128-SHA:AES256-SHA"

struct tls_ctx {
    SSL_CTX *ssl_ctx;
    BIO_METHOD *bio;
    const char *role; /* servers for clients only, as the next; borrowed */
    struct session_tickets *tickets;
    bool is_server;
    tls_clock clock;
    void *clock_arg;
    int64_t renew_at[2], not_after[2]; /* of the certificates in use: RSA, ECDSA; INT64_MAX: there is none */
    char sni[CERT_NAME_SIZE_MAX + 1];  /* clients only; "": none is sent */
};

/* What is being built, and where to say why it can't. */
struct making {
    struct tls_ctx *ctx;
    char *why;
    size_t why_size;
};

#define REFUSE(m, err, ...) why_say(err, (m)->why, (m)->why_size, __VA_ARGS__)

static int fail_openssl(const struct making *m, const char *what)
{
    return REFUSE(m, E_TLS, "%s: %s", what, reason_take());
}

static int64_t system_time(void *arg)
{
    (void)arg;
    return (int64_t)time(NULL);
}

static int protocol(enum tls_version version, int any)
{
    return version == TLS_VERSION_1_2 ? TLS1_2_VERSION : version == TLS_VERSION_1_3 ? TLS1_3_VERSION : any;
}

/* --- common to both roles --- */

static int set_protocols(const struct making *m, enum tls_version min, enum tls_version max)
{
    SSL_CTX *s = m->ctx->ssl_ctx;
    int from = protocol(min, TLS1_2_VERSION), to = protocol(max, TLS1_3_VERSION);
    if (from > to)
        return REFUSE(m, E_INVALID, "the lowest TLS version is above the highest");
    if (SSL_CTX_set_min_proto_version(s, from) == 1 && SSL_CTX_set_max_proto_version(s, to) == 1)
        return 0;
    return fail_openssl(m, "TLS versions");
}

static int set_suites(const struct making *m, const char *list)
{
    SSL_CTX *s = m->ctx->ssl_ctx;
    if (SSL_CTX_set_cipher_list(s, list) != 1) {
        reason_drop();
        return REFUSE(m, E_INVALID, "the list of TLS 1.2 suites holds none that is known");
    }
    return SSL_CTX_set_ciphersuites(s, SUITES_1_3) == 1 ? 0 : fail_openssl(m, "TLS 1.3 suites");
}

static void set_habits(SSL_CTX *s)
{
    SSL_CTX_set_security_level(s, SECURITY_LEVEL);
    SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_max_cert_list(s, CHAIN_BYTES);
    SSL_CTX_set_read_ahead(s, 1);                  /* a record's head and body with one look at the input */
    SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS); /* an idle connection holds none: half of its memory */
    X509_VERIFY_PARAM_set_depth(SSL_CTX_get0_param(s), CHAIN_DEPTH);
}

static int believe_in(const struct making *m, X509_STORE *store, const STACK_OF(X509) * certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(certs, i)) != 1)
            return fail_openssl(m, "root certificate");
    return 0;
}

static int believe(const struct making *m, const STACK_OF(X509) * certs)
{
    return believe_in(m, SSL_CTX_get_cert_store(m->ctx->ssl_ctx), certs);
}

static struct tls_ctx *allocate(const SSL_METHOD *method, tls_clock clock, void *clock_arg)
{
    struct tls_ctx *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return NULL;
    ctx->clock = clock ? clock : system_time;
    ctx->clock_arg = clock ? clock_arg : NULL;
    ctx->renew_at[0] = ctx->renew_at[1] = ctx->not_after[0] = ctx->not_after[1] = INT64_MAX;
    ctx->ssl_ctx = SSL_CTX_new(method);
    ctx->bio = tls_bio_method();
    if (!ctx->ssl_ctx || !ctx->bio)
        tls_ctx_destroy(&ctx);
    else
        X509_STORE_set_get_issuer(SSL_CTX_get_cert_store(ctx->ssl_ctx), issuer_find);
    reason_drop();
    return ctx;
}

/* --- server --- */

static int use_cert(const struct making *m, int slot, const struct cert *cert, STACK_OF(X509) * chain)
{
    if (!cert)
        return 0;
    if (SSL_CTX_use_cert_and_key(m->ctx->ssl_ctx, cert_x509(cert), cert_key_of(cert), chain, 1) != 1)
        return fail_openssl(m, "the node's certificate");
    m->ctx->renew_at[slot] = cert_renew_at(cert);
    m->ctx->not_after[slot] = cert_not_after(cert);
    return 0;
}

static void free_names(STACK_OF(X509_NAME) * names)
{
    sk_X509_NAME_pop_free(names, X509_NAME_free);
}

/* Returned owned; NULL: no memory. */
static STACK_OF(X509_NAME) * names_of(const STACK_OF(X509) * certs)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    for (int i = 0; names && i < sk_X509_num(certs); i++) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(sk_X509_value(certs, i)));
        if (!name || !sk_X509_NAME_push(names, name)) {
            X509_NAME_free(name);
            free_names(names);
            return NULL;
        }
    }
    return names;
}

/* So that a client with several certificates knows which one to show. */
static int name_authorities(const struct making *m, const STACK_OF(X509) * anchors)
{
    STACK_OF(X509_NAME) *names = names_of(anchors);
    if (!names)
        return fail_openssl(m, "names of the roots");
    SSL_CTX_set_client_CA_list(m->ctx->ssl_ctx, names);
    return 0;
}

/* Sessions end with what they were accepted under. */
static int bind_sessions(const struct making *m, const STACK_OF(X509) * anchors)
{
    uint8_t scope[SESSION_SCOPE_SIZE];
    if (session_scope(m->ctx->role, anchors, scope) == 0 &&
        SSL_CTX_set_session_id_context(m->ctx->ssl_ctx, scope, sizeof scope) == 1)
        return 0;
    return fail_openssl(m, "scope of sessions");
}

/* Of a session that this process keeps, for a client that knows no tickets: it ends with the certificate that it stands
 * for. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_ctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    X509 *peer = SSL_SESSION_get0_peer(session);
    int64_t left = peer ? pem_time(X509_get0_notAfter(peer)) - tls_ctx_now(ctx) : TLS_SESSION_S;
    if (left < TLS_SESSION_S)
        SSL_SESSION_set_timeout(session, left > 0 ? (long)left : 0);
    return 0; /* no reference is kept */
}

static int set_sessions(const struct making *m, const struct tls_server_config *config)
{
    SSL_CTX *s = m->ctx->ssl_ctx;
    m->ctx->role = config->role ? config->role : "client";
    SSL_CTX_set_app_data(s, m->ctx);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(s, (long)(config->sessions_max ? config->sessions_max : TLS_SESSIONS_DEFAULT));
    SSL_CTX_set_timeout(s, TLS_SESSION_S);
    SSL_CTX_sess_set_new_cb(s, on_new_session);
    int err = bind_sessions(m, ca_anchors(config->ca));
    if (!err && session_tickets_create(m->ctx, s, m->ctx->role, &m->ctx->tickets))
        err = fail_openssl(m, "session tickets");
    if (!err && SSL_CTX_set_num_tickets(s, 1) != 1)
        err = fail_openssl(m, "sessions");
    return err;
}

/* Called as check_role() below is. The engine wants to know whose certificate has expired: when time is judged, the
 * signature has been. */
static int note_expired(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_peer *peer = SSL_get_app_data(ssl);
    struct cert_cn name;
    if (good || !peer || X509_STORE_CTX_get_error_depth(store) != 0 ||
        X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_HAS_EXPIRED)
        return good;
    cert_name_cn(X509_get_subject_name(X509_STORE_CTX_get_current_cert(store)), &name);
    memcpy(peer->cn, name.first, sizeof name.first);
    return good;
}

static int build_server(const struct making *m, const struct tls_server_config *config)
{
    SSL_CTX *s = m->ctx->ssl_ctx;
    if (!config->rsa && !config->ecdsa)
        return REFUSE(m, E_INVALID, "a server needs a certificate");
    m->ctx->is_server = true;
    set_habits(s);
    SSL_CTX_set_verify(s, SSL_VERIFY_PEER | (config->client_cert_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
                       note_expired);
    if (config->legacy_suites)
        SSL_CTX_set_dh_auto(s, 1);
    int err = set_protocols(m, config->min, config->max);
    if (!err)
        err = set_suites(m, config->legacy_suites ? SUITES_MODERN SUITES_LEGACY : SUITES_MODERN);
    if (!err)
        err = believe(m, ca_anchors(config->ca));
    if (!err)
        err = believe(m, ca_chain(config->ca)); /* no anchors, but clients need not send them */
    if (!err)
        err = name_authorities(m, ca_anchors(config->ca));
    if (!err)
        err = set_sessions(m, config);
    if (!err)
        err = use_cert(m, 0, config->rsa, ca_chain(config->ca));
    return err ? err : use_cert(m, 1, config->ecdsa, ca_chain(config->ca));
}

int tls_ctx_create_server(const struct tls_server_config *config, struct tls_ctx **out, char *why, size_t why_size)
{
    struct making m = {allocate(TLS_server_method(), config->clock, config->clock_arg), why, why_size};
    if (!m.ctx)
        return REFUSE(&m, E_NOMEM, "no memory for TLS");
    int err = build_server(&m, config);
    if (err)
        tls_ctx_destroy(&m.ctx);
    else
        *out = m.ctx;
    return err;
}

int tls_ctx_renew(struct tls_ctx *ctx, const struct ca *ca, const struct cert *rsa, const struct cert *ecdsa, char *why,
                  size_t why_size)
{
    struct making m = {ctx, why, why_size};
    int err = believe(&m, ca_chain(ca)); /* its roots are believed already: tls_ctx_trust() */
    if (!err)
        err = use_cert(&m, 0, rsa, ca_chain(ca));
    return err ? err : use_cert(&m, 1, ecdsa, ca_chain(ca));
}

/* A resumed session is not verified again. */
static void forget_sessions(SSL_CTX *s)
{
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
    SSL_CTX_flush_sessions_ex(s, 0); /* 0: all */
#else
    SSL_CTX_flush_sessions(s, 0);
#endif
}

int tls_ctx_trust(struct tls_ctx *ctx, const struct ca *ca, char *why, size_t why_size)
{
    struct making m = {ctx, why, why_size};
    X509_STORE *store = X509_STORE_new();
    int err = store ? 0 : fail_openssl(&m, "store of the roots");
    if (!err)
        err = believe_in(&m, store, ca_anchors(ca));
    if (!err)
        err = believe_in(&m, store, ca_chain(ca));
    if (!err && SSL_CTX_get_client_CA_list(ctx->ssl_ctx))
        err = name_authorities(&m, ca_anchors(ca));
    if (!err && ctx->tickets)
        err = bind_sessions(&m, ca_anchors(ca));
    if (err) {
        X509_STORE_free(store);
        return err;
    }
    X509_STORE_set_get_issuer(store, issuer_find);
    SSL_CTX_set_cert_store(ctx->ssl_ctx, store);
    forget_sessions(ctx->ssl_ctx);
    return 0;
}

int tls_ctx_share_tickets(struct tls_ctx *ctx, const struct tls_ticket_secrets *secrets)
{
    return session_tickets_share(ctx->tickets, secrets);
}

static int64_t earlier(const int64_t of[2])
{
    return of[0] < of[1] ? of[0] : of[1];
}

int64_t tls_ctx_renew_at(const struct tls_ctx *ctx)
{
    return earlier(ctx->renew_at);
}

int64_t tls_ctx_not_after(const struct tls_ctx *ctx)
{
    return earlier(ctx->not_after);
}

/* --- client --- */

static int expect_name(const struct making *m, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(m->ctx->ssl_ctx);
    if (!name)
        return 0;
    if (!*name || strlen(name) >= sizeof m->ctx->sni)
        return REFUSE(m, E_INVALID, "'%.64s' can't be the name of a server", name);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return 0;
    reason_drop();
    strcpy(m->ctx->sni, name);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 ? 0 : fail_openssl(m, "name of the server");
}

static int use_pair(const struct making *m, const STACK_OF(X509) * certs, EVP_PKEY *key)
{
    int err = 0;
    STACK_OF(X509) *chain = sk_X509_new_null();
    for (int i = 1; chain && i < sk_X509_num(certs); i++)
        sk_X509_push(chain, sk_X509_value(certs, i));
    if (X509_check_private_key(sk_X509_value(certs, 0), key) != 1) {
        reason_drop();
        err = REFUSE(m, E_MISMATCH, "the client's private key does not belong to its certificate");
    } else if (SSL_CTX_use_cert_and_key(m->ctx->ssl_ctx, sk_X509_value(certs, 0), key, chain, 1) != 1) {
        err = fail_openssl(m, "the client's certificate");
    }
    sk_X509_free(chain);
    return err;
}

static int use_own(const struct making *m, const struct tls_client_config *config)
{
    STACK_OF(X509) *certs = NULL;
    EVP_PKEY *key = NULL;
    if (config->cert_pem.len == 0)
        return 0;
    int err = pem_read_certs(config->cert_pem, &certs, m->why, m->why_size);
    if (!err)
        err = pem_read_key(config->key_pem, &key, m->why, m->why_size);
    if (!err)
        err = pem_check_strength(key, "the client's key", m->why, m->why_size);
    if (!err)
        err = use_pair(m, certs, key);
    pem_free_certs(certs);
    EVP_PKEY_free(key);
    return err;
}

static int believe_pem(const struct making *m, struct slice pem)
{
    STACK_OF(X509) *certs = NULL;
    int err = pem_read_certs(pem, &certs, m->why, m->why_size);
    if (!err)
        err = believe(m, certs);
    pem_free_certs(certs);
    return err;
}

static int build_client(const struct making *m, const struct tls_client_config *config)
{
    set_habits(m->ctx->ssl_ctx);
    SSL_CTX_set_verify(m->ctx->ssl_ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(m->ctx->ssl_ctx, SSL_SESS_CACHE_OFF); /* tls_engine_reuse() asks the engine */
    int err = set_protocols(m, config->min, config->max);
    if (!err)
        err = set_suites(m, config->suites ? config->suites : SUITES_MODERN);
    if (!err)
        err = believe_pem(m, config->ca_pem);
    if (!err)
        err = use_own(m, config);
    return err ? err : expect_name(m, config->server_name);
}

int tls_ctx_create_client(const struct tls_client_config *config, struct tls_ctx **out, char *why, size_t why_size)
{
    struct making m = {allocate(TLS_client_method(), config->clock, config->clock_arg), why, why_size};
    if (!m.ctx)
        return REFUSE(&m, E_NOMEM, "no memory for TLS");
    int err = build_client(&m, config);
    if (err)
        tls_ctx_destroy(&m.ctx);
    else
        *out = m.ctx;
    return err;
}

static int build_look(const struct making *m, const struct tls_look_config *config)
{
    SSL_CTX *s = m->ctx->ssl_ctx;
    set_habits(s);
    SSL_CTX_set_security_level(s, 0); /* a weak certificate is to be seen, too */
    SSL_CTX_set_verify(s, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    int err = set_protocols(m, config->min, config->max);
    if (!err)
        err = set_suites(m, config->suites ? config->suites : SUITES_MODERN);
    return err ? err : expect_name(m, config->server_name); /* for SNI: no verdict counts */
}

int tls_ctx_create_look(const struct tls_look_config *config, struct tls_ctx **out, char *why, size_t why_size)
{
    struct making m = {allocate(TLS_client_method(), NULL, NULL), why, why_size};
    if (!m.ctx)
        return REFUSE(&m, E_NOMEM, "no memory for TLS");
    int err = build_look(&m, config);
    if (err)
        tls_ctx_destroy(&m.ctx);
    else
        *out = m.ctx;
    return err;
}

/* --- between nodes --- */

/* Called for each certificate that is good so far, from the root to the peer's own, and for each that is not. That it
 * is not meant for this side of TLS is no other mistake than that it is not a node's. */
static int check_role(int good, X509_STORE_CTX *store)
{
    bool own = X509_STORE_CTX_get_error_depth(store) == 0;
    if (own && (good ? !cert_role_is_node(X509_STORE_CTX_get_current_cert(store))
                     : X509_STORE_CTX_get_error(store) == X509_V_ERR_INVALID_PURPOSE)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return good;
}

static int build_peer(const struct making *m, const struct tls_peer_config *config)
{
    SSL_CTX *s = m->ctx->ssl_ctx;
    if (!config->cert)
        return REFUSE(m, E_INVALID, "a node needs a certificate for other nodes");
    m->ctx->is_server = config->is_server;
    set_habits(s);
    SSL_CTX_set_verify(s, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, check_role);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(s, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(s, 0);
    int err = set_protocols(m, TLS_VERSION_1_3, TLS_VERSION_1_3);
    if (!err)
        err = set_suites(m, SUITES_MODERN);
    if (!err)
        err = believe(m, ca_anchors(config->ca));
    if (!err)
        err = believe(m, ca_chain(config->ca)); /* no anchors, but peers need not send them */
    return err ? err : use_cert(m, 1, config->cert, ca_chain(config->ca));
}

int tls_ctx_create_peer(const struct tls_peer_config *config, struct tls_ctx **out, char *why, size_t why_size)
{
    const SSL_METHOD *method = config->is_server ? TLS_server_method() : TLS_client_method();
    struct making m = {allocate(method, config->clock, config->clock_arg), why, why_size};
    if (!m.ctx)
        return REFUSE(&m, E_NOMEM, "no memory for TLS");
    int err = build_peer(&m, config);
    if (err)
        tls_ctx_destroy(&m.ctx);
    else
        *out = m.ctx;
    return err;
}

/* --- all --- */

void tls_ctx_destroy(struct tls_ctx **ctx)
{
    struct tls_ctx *c = *ctx;
    *ctx = NULL;
    if (!c)
        return;
    SSL_CTX_free(c->ssl_ctx);
    session_tickets_destroy(&c->tickets);
    BIO_meth_free(c->bio);
    free(c);
}

struct ssl_st *tls_ctx_new_ssl(struct tls_ctx *ctx)
{
    SSL *ssl = SSL_new(ctx->ssl_ctx); /* its app data: see note_expired() */
    if (!ssl)
        return NULL;
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)tls_ctx_now(ctx));
    if (ctx->is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    if (ctx->sni[0] && SSL_set_tlsext_host_name(ssl, ctx->sni) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

const struct bio_method_st *tls_ctx_bio(const struct tls_ctx *ctx)
{
    return ctx->bio;
}

int64_t tls_ctx_now(const struct tls_ctx *ctx)
{
    return ctx->clock(ctx->clock_arg);
}

bool tls_ctx_is_server(const struct tls_ctx *ctx)
{
    return ctx->is_server;
}

struct session_tickets *tls_ctx_tickets(const struct tls_ctx *ctx)
{
    return ctx->tickets;
}
