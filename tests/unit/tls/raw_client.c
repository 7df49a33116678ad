/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/raw_client.h"

#include "support.h"

#include "base/err.h"

#define WIRE_MAX ((size_t)1 << 20)

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct raw_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(c->session);
    c->session = session;
    return 1;
}

void raw_client_init(struct raw_client *c, int version, uint64_t options, const struct pki *who)
{
    c->session = NULL;
    c->ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(c->ctx);
    SSL_CTX_set_app_data(c->ctx, c);
    SSL_CTX_set_options(c->ctx, options);
    assert_int_equal(SSL_CTX_set_min_proto_version(c->ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(c->ctx, version), 1);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ctx, on_session);
    if (!who)
        return;
    assert_int_equal(SSL_CTX_use_certificate(c->ctx, who->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(c->ctx, who->key), 1);
}

void raw_client_fini(struct raw_client *c)
{
    SSL_SESSION_free(c->session);
    SSL_CTX_free(c->ctx);
}

struct wire {
    SSL *ssl;
    struct tls_engine *server;
    int err; /* the server's last */
};

static void to_server(struct wire *w)
{
    char bytes[WIRE_MAX / 16];
    int n = BIO_read(SSL_get_wbio(w->ssl), bytes, sizeof bytes);
    struct slice in = slice_make(bytes, n > 0 ? (size_t)n : 0);
    struct buf out;
    uint8_t plain[256];
    size_t got = 1;
    buf_init(&out, WIRE_MAX);
    while (!w->err && (in.len || got))
        w->err = tls_engine_read(w->server, &in, plain, sizeof plain, &got, &out);
    assert_int_equal(BIO_write(SSL_get_rbio(w->ssl), buf_slice(&out).data, (int)buf_len(&out)), buf_len(&out));
    buf_fini(&out);
}

/* A few flights are enough for any handshake, and for the tickets behind it. */
static void shake(struct wire *w)
{
    char plain[256];
    for (int i = 0; i < 6; i++) {
        if (SSL_do_handshake(w->ssl) == 1)
            SSL_read(w->ssl, plain, sizeof plain);
        to_server(w);
    }
}

static void end_with(struct wire *w, enum raw_end how)
{
    static const uint8_t record[5 + 32] = {23, 3, 3, 0, 32, 1, 2, 3};
    if (w->err)
        return;
    if (how == RAW_GOODBYE)
        SSL_shutdown(w->ssl);
    else
        assert_int_equal(BIO_write(SSL_get_wbio(w->ssl), record, sizeof record), sizeof record);
    to_server(w);
    assert_int_equal(w->err, how == RAW_GOODBYE ? E_CLOSED : E_TLS);
    SSL_set_shutdown(w->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

static SSL *new_ssl(const struct raw_client *c)
{
    SSL *ssl = SSL_new(c->ctx);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    assert_true(ssl && in && out);
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    if (c->session)
        assert_int_equal(SSL_set_session(ssl, c->session), 1);
    return ssl;
}

void raw_client_connect(struct raw_client *c, struct tls_ctx *server, bool bare, enum raw_end end,
                        struct raw_outcome *out)
{
    struct wire w = {.ssl = new_ssl(c)};
    assert_int_equal(tls_engine_create(server, &w.server), 0);
    if (bare)
        tls_engine_take_bare(w.server);
    shake(&w);
    *out = (struct raw_outcome){.open = !w.err && tls_engine_open(w.server),
                                .resumed = tls_engine_resumed(w.server),
                                .peer = *tls_engine_peer(w.server)};
    snprintf(out->error, sizeof out->error, "%s", tls_engine_error(w.server));
    if (out->open)
        assert_int_equal(SSL_session_reused(w.ssl), out->resumed);
    end_with(&w, end);
    if (out->open && SSL_version(w.ssl) == TLS1_2_VERSION) { /* a new ticket in a resumed handshake is not called out */
        SSL_SESSION_free(c->session);
        c->session = SSL_get1_session(w.ssl);
    }
    tls_engine_destroy(&w.server);
    SSL_free(w.ssl);
}

size_t raw_client_ticket(const struct raw_client *c)
{
    const unsigned char *ticket;
    size_t size = 0;
    if (c->session)
        SSL_SESSION_get0_ticket(c->session, &ticket, &size);
    return size;
}

/* OpenSSL has no call for it: the ticket is found in the session's text. */
void raw_client_damage(struct raw_client *c, size_t at)
{
    const unsigned char *ticket;
    size_t size;
    unsigned char text[8192], *p = text;
    SSL_SESSION_get0_ticket(c->session, &ticket, &size);
    assert_true(at < size);
    int len = i2d_SSL_SESSION(c->session, &p);
    assert_true(len > 0 && (size_t)len <= sizeof text);
    unsigned char *found = memmem(text, (size_t)len, ticket, size);
    assert_non_null(found);
    found[at] ^= 0x10;
    const unsigned char *from = text;
    SSL_SESSION_free(c->session);
    c->session = d2i_SSL_SESSION(NULL, &from, len);
    assert_non_null(c->session);
}
