/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls_engine.h"

#include "base/assert.h"
#include "base/err.h"
#include "tls/cert_name.h"
#include "tls/pem_write.h"
#include "tls/reason.h"
#include "tls/session_ticket.h"
#include "tls/tls_bio.h"
#include "tls/tls_ctx.h"

#include <openssl/ssl.h>
#include <stdlib.h>

_Static_assert(sizeof((struct tls_peer *)NULL)->cn == CERT_CN_SIZE, "a peer's name is a certificate's");

/* SHAKING -> OPEN -> LEAVING -> ENDED; any -> ENDED. LEAVING: the peer has said goodbye, and may still be told
 * something. */
enum engine_state { ENGINE_SHAKING, ENGINE_OPEN, ENGINE_LEAVING, ENGINE_ENDED };

struct tls_engine {
    enum engine_state state;
    struct tls_ctx *ctx;
    SSL *ssl;
    struct tls_wire wire;
    const char *error; /* static, or `text`; NULL: nothing went wrong */
    char *text;        /* owned */
    struct tls_peer peer;
};

int tls_engine_create(struct tls_ctx *ctx, struct tls_engine **out)
{
    struct tls_engine *e = calloc(1, sizeof *e);
    SSL *ssl = tls_ctx_new_ssl(ctx);
    BIO *bio = BIO_new(tls_ctx_bio(ctx));
    if (!e || !ssl || !bio) {
        free(e);
        SSL_free(ssl);
        BIO_free(bio);
        reason_drop();
        return E_NOMEM;
    }
    e->ctx = ctx;
    e->ssl = ssl;
    if (tls_ctx_is_server(ctx))
        SSL_set_app_data(ssl, &e->peer); /* note_expired() of tls_ctx.c writes there */
    BIO_set_data(bio, &e->wire);
    SSL_set_bio(ssl, bio, bio);
    *out = e;
    return 0;
}

void tls_engine_take_bare(struct tls_engine *e)
{
    SSL_set_verify(e->ssl, SSL_VERIFY_PEER, NULL);
}

void tls_engine_destroy(struct tls_engine **engine)
{
    struct tls_engine *e = *engine;
    *engine = NULL;
    if (!e)
        return;
    /* Else OpenSSL takes an end without goodbye for a failure and forgets the session, which a client whose machine or
     * network was cut off wants to resume. Where something did fail, it has forgotten it already. */
    if (tls_engine_open(e))
        SSL_set_shutdown(e->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(e->ssl);
    free(e->text);
    free(e);
}

/* A certificate that has expired is the operator's business: whose it is should be said. The name is in peer.cn. */
static const char *expired(struct tls_engine *e)
{
    if (!e->text && e->peer.cn[0] && asprintf(&e->text, "certificate of '%s' has expired", e->peer.cn) < 0)
        e->text = NULL;
    return e->text ? e->text : reason_of_verify(X509_V_ERR_CERT_HAS_EXPIRED);
}

static int fail(struct tls_engine *e)
{
    long verify = SSL_get_verify_result(e->ssl);
    const char *said = reason_take();
    e->state = ENGINE_ENDED;
    if (e->wire.failure)
        e->error = err_text(e->wire.failure);
    else if (verify == X509_V_ERR_CERT_HAS_EXPIRED)
        e->error = expired(e);
    else
        e->error = verify == X509_V_OK ? said : reason_of_verify(verify);
    return e->wire.failure ? e->wire.failure : E_TLS;
}

/* What a call into OpenSSL that did not succeed means. */
static int judge(struct tls_engine *e, int result)
{
    switch (SSL_get_error(e->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        e->state = e->state == ENGINE_OPEN ? ENGINE_LEAVING : ENGINE_ENDED;
        return E_CLOSED;
    default:
        return fail(e);
    }
}

static int shake(struct tls_engine *e)
{
    int result = SSL_do_handshake(e->ssl);
    if (result != 1)
        return judge(e, result);
    e->state = ENGINE_OPEN;
    session_peer(e->ssl, &e->peer);
    /* Nor is it asked for one: it may have been made where none was wanted. */
    if (!e->peer.has_cert && SSL_get_verify_mode(e->ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) {
        e->state = ENGINE_ENDED;
        e->error = "client sent no certificate";
        return E_TLS;
    }
    if (e->peer.has_cert && e->peer.not_after <= tls_ctx_now(e->ctx)) { /* a resumed session is not verified again */
        e->state = ENGINE_ENDED;
        e->error = expired(e);
        return E_TLS;
    }
    return 0;
}

int tls_engine_read(struct tls_engine *e, struct slice *in, uint8_t *plain, size_t cap, size_t *n, struct buf *out)
{
    int err = 0;
    *n = 0;
    if (e->state >= ENGINE_LEAVING)
        return e->error ? E_TLS : E_CLOSED;
    e->wire.in = in;
    e->wire.out = out;
    if (e->state == ENGINE_SHAKING)
        err = shake(e);
    if (!err && e->state == ENGINE_OPEN && SSL_read_ex(e->ssl, plain, cap, n) != 1)
        err = judge(e, 0);
    e->wire.in = NULL;
    e->wire.out = NULL;
    return err;
}

bool tls_engine_pending(const struct tls_engine *e)
{
    return SSL_has_pending(e->ssl) == 1;
}

void tls_engine_keep_buffers(struct tls_engine *e, bool keep)
{
    if (keep) {
        SSL_clear_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);
        return;
    }
    SSL_set_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_free_buffers(e->ssl); /* where a part of a record is kept, they go with the rest of it */
}

int tls_engine_write(struct tls_engine *e, struct slice plain, struct buf *out)
{
    size_t n;
    if (!tls_engine_open(e))
        return E_TLS;
    if (plain.len == 0)
        return 0;
    e->wire.out = out;
    int result = SSL_write_ex(e->ssl, plain.data, plain.len, &n);
    int err = result == 1 ? 0 : fail(e);
    e->wire.out = NULL;
    ASSERT(err || n == plain.len); /* partial writes are not switched on, and the BIO takes all or fails */
    return err;
}

void tls_engine_close(struct tls_engine *e, struct buf *out)
{
    if (!tls_engine_open(e))
        return;
    e->wire.out = out;
    if (SSL_shutdown(e->ssl) < 0)
        reason_drop();
    e->wire.out = NULL;
    e->state = ENGINE_ENDED;
}

bool tls_engine_open(const struct tls_engine *e)
{
    return e->state == ENGINE_OPEN || e->state == ENGINE_LEAVING;
}

bool tls_engine_resumed(const struct tls_engine *e)
{
    return SSL_session_reused(e->ssl) == 1;
}

const struct tls_peer *tls_engine_peer(const struct tls_engine *e)
{
    return &e->peer;
}

const char *tls_engine_version(const struct tls_engine *e)
{
    return SSL_get_version(e->ssl);
}

const char *tls_engine_cipher(const struct tls_engine *e)
{
    return SSL_get_cipher_name(e->ssl);
}

const char *tls_engine_error(const struct tls_engine *e)
{
    return e->error ? e->error : "";
}

int tls_engine_chain_pem(const struct tls_engine *e, struct buf *out)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(e->ssl);
    int n = chain ? sk_X509_num(chain) : 0, err = n > 0 ? 0 : E_NOT_FOUND;
    for (int i = 0; !err && i < n; i++)
        err = pem_write_cert(sk_X509_value(chain, i), out);
    return err;
}

void tls_engine_reuse(struct tls_engine *e, const struct tls_engine *finished)
{
    ASSERT(!tls_ctx_is_server(e->ctx) && e->state == ENGINE_SHAKING);
    SSL_SESSION *session = SSL_get1_session(finished->ssl);
    if (session && SSL_SESSION_is_resumable(session) && SSL_set_session(e->ssl, session) != 1)
        reason_drop();
    SSL_SESSION_free(session);
}
