/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/echo_tls.h"

#include "base/err.h"
#include "tls/cert.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The store's choice, or the two would be measured with different ciphers. */
#define ECHO_SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

static int wire_read(BIO *bio, char *out, size_t cap, size_t *n)
{
    struct echo_wire *w = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *n = w->in.len < cap ? w->in.len : cap;
    if (*n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, w->in.data, *n);
    w->in = slice_skip(w->in, *n);
    return 1;
}

static int wire_write(BIO *bio, const char *data, size_t len, size_t *n)
{
    struct echo_wire *w = BIO_get_data(bio);
    *n = len;
    return buf_append(w->out, data, len) == 0;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int wire_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static _Noreturn void die_openssl(const char *what)
{
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    bench_die("%s: %s", what, text);
}

static struct slice load(const char *dir, const char *name, char *text, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f)
        bench_die("cannot read %s: the echo server mints its certificates from the root's key", path);
    size_t n = fread(text, 1, size, f);
    fclose(f);
    return slice_make(text, n);
}

static struct ca *load_root(const char *dir)
{
    char cert[PEM_TEXT_MAX], key[PEM_TEXT_MAX], why[TLS_WHY_MAX];
    struct ca *ca;
    if (ca_create(load(dir, "rootCA.crt", cert, sizeof cert), load(dir, "rootCA.key", key, sizeof key), time(NULL), &ca,
                  why, sizeof why))
        bench_die("%s", why);
    return ca;
}

static void use_minted(SSL_CTX *ctx, const struct ca *ca, enum cert_key kind)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    char why[TLS_WHY_MAX];
    struct cert *cert;
    struct cert_request request = {.names = names, .name_count = 2, .now = time(NULL)};
    if (cert_mint_server(ca, &request, kind, &cert, why, sizeof why))
        bench_die("%s", why);
    if (SSL_CTX_use_certificate(ctx, cert_x509(cert)) != 1 || SSL_CTX_use_PrivateKey(ctx, cert_key_of(cert)) != 1)
        die_openssl("certificate");
    cert_destroy(&cert);
}

static void make_method(struct echo_tls *t)
{
    t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (!t->method || !BIO_meth_set_read_ex(t->method, wire_read) || !BIO_meth_set_write_ex(t->method, wire_write) ||
        !BIO_meth_set_ctrl(t->method, wire_ctrl) || !BIO_meth_set_create(t->method, wire_create))
        die_openssl("BIO");
}

void echo_tls_init(struct echo_tls *t, const struct bench_options *o)
{
    if (!o->certs)
        bench_die("the echo server needs --certs with rootCA.crt and rootCA.key");
    struct ca *ca = load_root(o->certs);
    make_method(t);
    t->ctx = SSL_CTX_new(TLS_server_method());
    if (!t->ctx || SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1 ||
        X509_STORE_add_cert(SSL_CTX_get_cert_store(t->ctx), ca_x509(ca)) != 1 ||
        SSL_CTX_set_session_id_context(t->ctx, (const unsigned char *)"echo", 4) != 1 ||
        SSL_CTX_set_num_tickets(t->ctx, 1) != 1 || SSL_CTX_set_ciphersuites(t->ctx, ECHO_SUITES) != 1)
        die_openssl("context");
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_SERVER); /* cheaper than tickets, as src/tls found */
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_read_ahead(t->ctx, 1);
    if (o->release)
        SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
    use_minted(t->ctx, ca, CERT_RSA_2048);
    use_minted(t->ctx, ca, CERT_ECDSA_P256);
    ca_destroy(&ca);
}

SSL *echo_tls_accept(struct echo_tls *t, struct echo_wire *wire)
{
    SSL *ssl = SSL_new(t->ctx);
    BIO *bio = BIO_new(t->method);
    if (!ssl || !bio)
        die_openssl("connection");
    BIO_set_data(bio, wire);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    return ssl;
}
