/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/client/peer.h"

#include "support.h"
#include "wire/admin_msg.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

static void must(bool ok)
{
    assert_true(ok);
}

static void to_pem(X509 *cert, EVP_PKEY *key, char cert_out[PEER_PEM_SIZE], char key_out[PEER_PEM_SIZE])
{
    BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());
    must(PEM_write_bio_X509(c, cert) == 1);
    must(PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) == 1);
    int n = BIO_read(c, cert_out, PEER_PEM_SIZE - 1), m = BIO_read(k, key_out, PEER_PEM_SIZE - 1);
    must(n > 0 && m > 0);
    cert_out[n] = key_out[m] = '\0';
    BIO_free(c);
    BIO_free(k);
}

/* Version 1, no extensions; signed by `issuer`, or by itself. */
static X509 *make_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, long serial)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(name, cn ? "CN" : "O", MBSTRING_UTF8, (const unsigned char *)(cn ? cn : "nobody"), -1,
                               -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(x, key);
    must(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

void peer_certs_make(struct peer_certs *c, const char *user)
{
    EVP_PKEY *root_key = EVP_EC_gen("P-256"), *user_key = EVP_EC_gen("P-256");
    must(root_key && user_key);
    X509 *root = make_cert("rootCA", root_key, NULL, root_key, 1);
    X509 *cert = make_cert(user, user_key, root, root_key, 2);
    to_pem(root, root_key, c->root, c->root_key);
    to_pem(cert, user_key, c->user, c->user_key);
    X509_free(root);
    X509_free(cert);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(user_key);
}

struct tls_ctx *peer_server_ctx(const struct peer_certs *c)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    char why[TLS_WHY_MAX];
    struct ca *ca;
    struct cert *cert;
    struct tls_ctx *ctx;
    struct cert_request request = {.names = names, .name_count = 2, .now = time(NULL)};
    assert_int_equal(ca_create(slice_str(c->root), slice_str(c->root_key), time(NULL), &ca, why, sizeof why), 0);
    assert_int_equal(cert_mint_server(ca, &request, CERT_ECDSA_P256, &cert, why, sizeof why), 0);
    struct tls_server_config config = {.ca = ca, .ecdsa = cert};
    assert_int_equal(tls_ctx_create_server(&config, &ctx, why, sizeof why), 0);
    cert_destroy(&cert);
    ca_destroy(&ca);
    return ctx;
}

struct client_identity *peer_identity(const struct peer_certs *c, const char *user)
{
    char why[TLS_WHY_MAX];
    struct client_identity *id;
    struct client_identity_options options = {.ca = c->root, .cert = c->user, .key = c->user_key, .user = user};
    assert_int_equal(client_identity_create(&options, &id, why, sizeof why), 0);
    return id;
}

void peer_init(struct peer *p, struct tls_ctx *ctx, bool starttls)
{
    *p = (struct peer){.starttls = starttls, .answer = peer_answer_default};
    assert_int_equal(tls_engine_create(ctx, &p->engine), 0);
    buf_init(&p->received, 1 << 20);
    buf_init(&p->plain_out, 1 << 20);
    buf_init(&p->out, 1 << 21);
}

void peer_fini(struct peer *p)
{
    tls_engine_destroy(&p->engine);
    buf_fini(&p->received);
    buf_fini(&p->plain_out);
    buf_fini(&p->out);
}

void peer_answer_default(struct peer *p, const struct frame *f, struct buf *plain_out)
{
    (void)p;
    size_t mark;
    if (f->code == MSG_AUTH_REQ) {
        must(frame_put_empty(plain_out, MSG_AUTH_RESP) == 0);
    } else if (f->code == MSG_PING_REQ) {
        must(frame_put_empty(plain_out, MSG_PING_RESP) == 0);
    } else if (f->code == MSG_GET_REQ) {
        must(frame_begin(plain_out, MSG_GET_RESP, &mark) == 0);
        must(buf_append_slice(plain_out, f->body) == 0);
        frame_end(plain_out, mark);
    } else {
        must(admin_error_put(plain_out, slice_str("Unknown message code")) == 0);
    }
}

static void answer_frames(struct peer *p)
{
    struct frame f;
    struct slice rest = buf_slice(&p->received);
    while (frame_take(&rest, 1 << 20, &f) > 0) {
        p->requests++;
        p->answer(p, &f, &p->plain_out);
    }
    buf_consume(&p->received, buf_len(&p->received) - rest.len);
    if (buf_len(&p->plain_out)) {
        must(tls_engine_write(p->engine, buf_slice(&p->plain_out), &p->out) == 0);
        buf_consume(&p->plain_out, buf_len(&p->plain_out));
    }
}

void peer_feed(struct peer *p, struct slice in)
{
    uint8_t plain[16384];
    size_t n;
    struct frame f;
    if (p->starttls && frame_take(&in, 64, &f) == 1) {
        assert_int_equal(f.code, MSG_START_TLS);
        p->starttls = false;
        p->requests++;
        must(frame_put_empty(&p->out, MSG_START_TLS) == 0);
    }
    do {
        p->failure = tls_engine_read(p->engine, &in, plain, sizeof plain, &n, &p->out);
        if (p->failure)
            return;
        p->reads += n > 0;
        must(buf_append(&p->received, plain, n) == 0);
    } while (n > 0);
    answer_frames(p);
}

static int feed_client(struct client_conn *c, struct buf *out, size_t step)
{
    int err = 0;
    while (buf_len(out) && !err) {
        size_t n = step && step < buf_len(out) ? step : buf_len(out);
        err = client_conn_feed(c, slice_make(buf_slice(out).data, n));
        buf_consume(out, n);
    }
    return err;
}

int peer_pump(struct peer *p, struct client_conn *c, size_t step)
{
    int err = 0;
    struct slice pending;
    while (!err && ((pending = client_conn_pending(c)).len || buf_len(&p->out))) {
        if (pending.len && !p->failure)
            peer_feed(p, pending);
        client_conn_sent(c, pending.len);
        err = feed_client(c, &p->out, step);
    }
    return err;
}
