/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/session_ticket.h"

#include "base/bytes.h"
#include "base/err.h"
#include "tls/cert_name.h"
#include "tls/pem_read.h"
#include "tls/reason.h"
#include "tls/tls_engine.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#define NAME_SIZE 16 /* of a key, in front of its tickets: OpenSSL's TLSEXT_KEYNAME_LENGTH */
#define IV_SIZE   16
#define KEY_SIZE  32

/* Of one secret and one role. */
struct ticket_key {
    uint8_t name[NAME_SIZE];
    uint8_t cipher[KEY_SIZE]; /* AES-256-CBC */
    uint8_t mac[KEY_SIZE];    /* HMAC-SHA256 over name, IV and ciphertext (RFC 5077 4) */
};
_Static_assert(sizeof(struct ticket_key) == NAME_SIZE + 2 * KEY_SIZE, "it is derived as one run of bytes");

struct session_tickets {
    const struct tls_ctx *ctx;
    const char *role;
    EVP_CIPHER *cipher; /* fetched once: a look-up in each handshake costs more than the cipher */
    unsigned count, current;
    struct ticket_key key[TLS_TICKET_SECRETS_MAX];
    bool shared;    /* with other nodes, who rotate them; else they are this context's own */
    int64_t made_s; /* of own ones: when the current was made */
};

/* --- scope --- */

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_DIGEST_LENGTH);
}

static int digest(const void *data, size_t size, uint8_t out[SESSION_SCOPE_SIZE])
{
    return EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : E_TLS;
}

/* role, NUL, and the digests of the roots in their order */
static int describe_scope(const char *role, const STACK_OF(X509) * roots, struct buf *out)
{
    size_t n = (size_t)sk_X509_num(roots);
    uint8_t *of = calloc(n ? n : 1, SHA256_DIGEST_LENGTH);
    int err = of ? 0 : E_NOMEM;
    for (size_t i = 0; !err && i < n; i++)
        if (X509_digest(sk_X509_value(roots, (int)i), EVP_sha256(), of + i * SHA256_DIGEST_LENGTH, NULL) != 1)
            err = E_TLS;
    if (!err) {
        qsort(of, n, SHA256_DIGEST_LENGTH, compare_digests);
        err = buf_append(out, role, strlen(role) + 1);
    }
    if (!err)
        err = buf_append(out, of, n * SHA256_DIGEST_LENGTH);
    free(of);
    return err;
}

int session_scope(const char *role, const STACK_OF(X509) * roots, uint8_t out[SESSION_SCOPE_SIZE])
{
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    int err = describe_scope(role, roots, &text);
    if (!err)
        err = digest(buf_slice(&text).data, buf_len(&text), out);
    buf_fini(&text);
    return err;
}

/* --- keys --- */

/* HKDF-SHA256 (RFC 5869): a secret serves all roles, and none of them can read another's tickets. */
static int derive(const uint8_t secret[TLS_TICKET_SECRET_SIZE], const char *role, struct ticket_key *out)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, TLS_TICKET_SECRET_SIZE),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)role, strlen(role)),
        OSSL_PARAM_construct_end()};
    int ok = ctx && EVP_KDF_derive(ctx, (unsigned char *)out, sizeof *out, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok ? 0 : E_TLS;
}

static void wipe(struct session_tickets *t)
{
    OPENSSL_cleanse(t->key, sizeof t->key);
    t->count = t->current = 0;
}

/* A new own key in front; the one before still decrypts. */
static int make_own(struct session_tickets *t)
{
    uint8_t secret[TLS_TICKET_SECRET_SIZE];
    struct ticket_key key;
    int err = RAND_priv_bytes(secret, sizeof secret) == 1 ? derive(secret, t->role, &key) : E_TLS;
    OPENSSL_cleanse(secret, sizeof secret);
    if (err)
        return err;
    t->key[1] = t->key[0];
    t->key[0] = key;
    t->count = t->count ? 2 : 1;
    t->current = 0;
    t->made_s = tls_ctx_now(t->ctx);
    OPENSSL_cleanse(&key, sizeof key);
    return 0;
}

static int share(struct session_tickets *t, const struct tls_ticket_secrets *s)
{
    struct ticket_key key[TLS_TICKET_SECRETS_MAX] = {0};
    int err = 0;
    for (unsigned i = 0; !err && i < s->count; i++)
        err = derive(s->secret[i], t->role, &key[i]);
    if (!err) {
        memcpy(t->key, key, sizeof key);
        t->count = s->count;
        t->current = s->current;
        t->shared = true;
    }
    OPENSSL_cleanse(key, sizeof key);
    return err;
}

int session_tickets_share(struct session_tickets *t, const struct tls_ticket_secrets *secrets)
{
    if (secrets->count > TLS_TICKET_SECRETS_MAX || (secrets->count && secrets->current >= secrets->count))
        return E_INVALID;
    if (secrets->count)
        return share(t, secrets);
    if (!t->shared)
        return 0;
    wipe(t);
    t->shared = false;
    return make_own(t);
}

/* Where they are used: a node alone has nobody who would rotate them. */
static int rotate_own(struct session_tickets *t)
{
    int64_t age_s = tls_ctx_now(t->ctx) - t->made_s;
    return !t->shared && (age_s < 0 || age_s >= TLS_SESSION_S) ? make_own(t) : 0;
}

static const struct ticket_key *find_key(const struct session_tickets *t, const uint8_t name[NAME_SIZE])
{
    for (unsigned i = 0; i < t->count; i++)
        if (memcmp(t->key[i].name, name, NAME_SIZE) == 0)
            return &t->key[i];
    return NULL;
}

/* --- what a ticket says of the peer --- */

#define PEER_VERSION 1
#define PEER_CERT    1
#define PEER_V1      2
#define PEER_NODE    4
/* version, flags, count of names, end, incarnation; then the name. Zeros where there is no certificate. */
#define PEER_HEAD (1 + 1 + 4 + 8 + ID_SIZE)
#define PEER_MAX  (PEER_HEAD + sizeof((struct tls_peer *)NULL)->cn)

static size_t write_peer(const struct tls_peer *peer, uint8_t out[PEER_MAX])
{
    size_t name = strlen(peer->cn);
    uint8_t *p = bytes_put(out, PEER_VERSION, 1);
    p = bytes_put(p, (peer->has_cert ? PEER_CERT : 0u) | (peer->v1 ? PEER_V1 : 0u) | (peer->is_node ? PEER_NODE : 0u),
                  1);
    p = bytes_put(p, peer->cn_count, 4);
    p = bytes_put(p, (uint64_t)peer->not_after, 8);
    memcpy(p, peer->incarnation.b, ID_SIZE);
    memcpy(p + ID_SIZE, peer->cn, name);
    return PEER_HEAD + name;
}

/* False: that is not what write_peer() has made, in this version of it. */
static bool read_peer(const uint8_t *p, size_t size, struct tls_peer *out)
{
    *out = (struct tls_peer){0};
    if (size < PEER_HEAD || size - PEER_HEAD >= sizeof out->cn || p[0] != PEER_VERSION)
        return false;
    out->has_cert = p[1] & PEER_CERT;
    out->v1 = p[1] & PEER_V1;
    out->is_node = p[1] & PEER_NODE;
    out->cn_count = (size_t)bytes_get(p + 2, 4);
    out->not_after = (int64_t)bytes_get(p + 6, 8);
    memcpy(out->incarnation.b, p + 14, ID_SIZE);
    memcpy(out->cn, p + PEER_HEAD, size - PEER_HEAD);
    return true;
}

static bool peer_in(SSL_SESSION *session, struct tls_peer *out)
{
    void *data;
    size_t size;
    return SSL_SESSION_get0_ticket_appdata(session, &data, &size) == 1 && data && read_peer(data, size, out);
}

static void peer_of(const X509 *cert, struct tls_peer *out)
{
    struct cert_cn cn;
    *out = (struct tls_peer){.has_cert = cert != NULL};
    if (!cert)
        return;
    cert_name_cn(X509_get_subject_name(cert), &cn);
    out->cn_count = cn.count;
    memcpy(out->cn, cn.first, sizeof out->cn);
    out->not_after = pem_time(X509_get0_notAfter(cert));
    out->v1 = X509_get_version(cert) == X509_VERSION_1;
    out->is_node = !out->v1 && cert_role_is_node(cert);
    if (out->is_node)
        cert_role_incarnation(cert, &out->incarnation);
}

void session_peer(const SSL *ssl, struct tls_peer *out)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    if (!session || !peer_in(session, out))
        peer_of(SSL_get0_peer_certificate(ssl), out);
}

/* --- the certificate goes --- */

/* Of SSL_SESSION_ASN1: peer [3] EXPLICIT Certificate */
#define PEER_TAG 3

struct der {
    unsigned char *at, *end;
};

/* In front of a body that is shorter than it was, so that there is room. */
static unsigned char *put_head(unsigned char *body, const unsigned char *end, size_t *size)
{
    int left = (int)(end - body);
    unsigned char *begin = body - (ASN1_object_size(1, left, V_ASN1_SEQUENCE) - left), *to = begin;
    ASN1_put_object(&to, 1, left, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    *size = (size_t)(end - begin);
    return begin;
}

/* Cuts the field with that context tag out of a SEQUENCE, in place, and returns where the SEQUENCE begins then; NULL:
 * it has none. */
static unsigned char *cut_field(struct der whole, int field, size_t *size)
{
    const unsigned char *p = whole.at;
    long len;
    int tag, class;
    if (ASN1_get_object(&p, &len, &tag, &class, whole.end - whole.at) & 0x80 || tag != V_ASN1_SEQUENCE)
        return NULL;
    unsigned char *body = whole.at + (p - whole.at);
    while (p < whole.end) {
        unsigned char *head = whole.at + (p - whole.at);
        if (ASN1_get_object(&p, &len, &tag, &class, whole.end - p) & 0x80)
            return NULL;
        p += len;
        if (class != V_ASN1_CONTEXT_SPECIFIC || tag != field)
            continue;
        unsigned char *moved = body + (p - head);
        memmove(moved, body, (size_t)(head - body));
        return put_head(moved, whole.end, size);
    }
    return NULL;
}

/* There is no call that takes the certificate out of a session, but one that reads a session again in place. If it
 * does not work, the ticket is longer, and that is all. */
static void drop_certificate(SSL_SESSION *session)
{
    int size = SSL_SESSION_get0_peer(session) ? i2d_SSL_SESSION(session, NULL) : 0;
    unsigned char *text = size > 0 ? OPENSSL_malloc((size_t)size) : NULL, *p = text;
    size_t left = 0;
    if (text && i2d_SSL_SESSION(session, &p) == size) {
        const unsigned char *without = cut_field((struct der){text, text + size}, PEER_TAG, &left);
        if (without)
            d2i_SSL_SESSION(&session, &without, (long)left);
    }
    OPENSSL_clear_free(text, (size_t)size);
    reason_drop();
}

/* --- OpenSSL's calls --- */

/* A session ends with the certificate that it stands for. */
static void limit_life(SSL_SESSION *session, const struct tls_peer *peer, int64_t now)
{
    int64_t left = peer->has_cert ? peer->not_after - now : TLS_SESSION_S;
    if (left < TLS_SESSION_S)
        SSL_SESSION_set_timeout(session, left > 0 ? (long)left : 0);
}

/* Before a session becomes a ticket. 0: that fails the handshake. */
static int on_issue(SSL *ssl, void *arg)
{
    const struct session_tickets *t = arg;
    SSL_SESSION *session = SSL_get_session(ssl);
    struct tls_peer peer;
    uint8_t data[PEER_MAX];
    session_peer(ssl, &peer);
    limit_life(session, &peer, tls_ctx_now(t->ctx));
    if (SSL_SESSION_set1_ticket_appdata(session, data, write_peer(&peer, data)) != 1)
        return 0;
    drop_certificate(session);
    return 1;
}

static bool may_resume(const struct session_tickets *t, const SSL *ssl, SSL_SESSION *session)
{
    struct tls_peer peer;
    if (!session || !peer_in(session, &peer))
        return false;
    if (!peer.has_cert) /* it may have been made where none was wanted */
        return !(SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    return peer.not_after > tls_ctx_now(t->ctx);
}

/* After a ticket was decrypted, or could not be. What is not resumed is a full handshake. */
static SSL_TICKET_RETURN on_take(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_size,
                                 SSL_TICKET_STATUS status, void *arg)
{
    const struct session_tickets *t = arg;
    (void)name;
    (void)name_size;
    if ((status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW) && may_resume(t, ssl, session))
        return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
    return SSL_TICKET_RETURN_IGNORE_RENEW;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int encrypt(struct session_tickets *t, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac)
{
    const struct ticket_key *key = &t->key[t->current];
    if (RAND_bytes(iv, IV_SIZE) != 1 || EVP_EncryptInit_ex(cipher, t->cipher, NULL, key->cipher, iv) != 1 ||
        !set_mac(mac, key))
        return -1;
    memcpy(name, key->name, NAME_SIZE);
    return 1;
}

/* Of TLS 1.3, each ticket is used once (RFC 8446 C.4), so that connections cannot be linked by it: a new one follows.
 * Before, where the current key has changed. */
static int decrypt(const struct session_tickets *t, const SSL *ssl, const unsigned char *name, const unsigned char *iv,
                   EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct ticket_key *key = find_key(t, name);
    if (!key)
        return 0;
    if (EVP_DecryptInit_ex(cipher, t->cipher, NULL, key->cipher, iv) != 1 || !set_mac(mac, key))
        return -1;
    return SSL_version(ssl) >= TLS1_3_VERSION || key != &t->key[t->current] ? 2 : 1;
}

static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                  int is_encrypt)
{
    struct session_tickets *t = tls_ctx_tickets(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (rotate_own(t))
        return -1;
    return is_encrypt ? encrypt(t, name, iv, cipher, mac) : decrypt(t, ssl, name, iv, cipher, mac);
}

/* --- life --- */

int session_tickets_create(struct tls_ctx *ctx, SSL_CTX *ssl_ctx, const char *role, struct session_tickets **out)
{
    struct session_tickets *t = *out = calloc(1, sizeof *t);
    if (!t)
        return E_NOMEM;
    t->ctx = ctx;
    t->role = role;
    t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (t->cipher && make_own(t) == 0 && SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl_ctx, on_key) == 1 &&
        SSL_CTX_set_session_ticket_cb(ssl_ctx, on_issue, on_take, t) == 1)
        return 0;
    session_tickets_destroy(out);
    return E_TLS;
}

void session_tickets_destroy(struct session_tickets **tp)
{
    struct session_tickets *t = *tp;
    *tp = NULL;
    if (!t)
        return;
    wipe(t);
    EVP_CIPHER_free(t->cipher);
    free(t);
}
