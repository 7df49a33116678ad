/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/link.h"

#include "support.h"

#define WIRE_MAX ((size_t)64 << 20)

static int64_t read_clock(void *arg)
{
    return ((const struct link_world *)arg)->now;
}

void link_world_init(struct link_world *w)
{
    static const char *const names[] = {"store.example", "127.0.0.1"};
    char why[TLS_WHY_MAX];
    struct cert_request request = {.names = names, .name_count = 2, .now = PKI_NOW};
    w->now = PKI_NOW;
    pki_make(&w->root, &(struct pki_plan){.cn = "rootCA"});
    pki_make(&w->user, &(struct pki_plan){.cn = "myuser", .issuer = &w->root});
    assert_int_equal(ca_create(slice_str(w->root.cert_pem), slice_str(w->root.key_pem), PKI_NOW, &w->ca, why, 512), 0);
    assert_int_equal(cert_mint_server(w->ca, &request, CERT_RSA_2048, &w->rsa, why, sizeof why), 0);
    assert_int_equal(cert_mint_server(w->ca, &request, CERT_ECDSA_P256, &w->ecdsa, why, sizeof why), 0);
}

void link_world_fini(struct link_world *w)
{
    cert_destroy(&w->rsa);
    cert_destroy(&w->ecdsa);
    ca_destroy(&w->ca);
    pki_free(&w->root);
    pki_free(&w->user);
}

struct tls_server_config link_server_config(struct link_world *w)
{
    return (struct tls_server_config){
        .ca = w->ca, .rsa = w->rsa, .ecdsa = w->ecdsa, .legacy_suites = true, .clock = read_clock, .clock_arg = w};
}

struct tls_client_config link_client_config(struct link_world *w)
{
    return (struct tls_client_config){.ca_pem = slice_str(w->root.cert_pem),
                                      .cert_pem = slice_str(w->user.cert_pem),
                                      .key_pem = slice_str(w->user.key_pem),
                                      .clock = read_clock,
                                      .clock_arg = w};
}

struct tls_peer_config link_peer_config(struct link_world *w, bool is_server, const struct cert *cert)
{
    return (struct tls_peer_config){
        .is_server = is_server, .ca = w->ca, .cert = cert, .clock = read_clock, .clock_arg = w};
}

struct tls_ctx *link_peer(const struct tls_peer_config *config)
{
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *ctx = NULL;
    if (tls_ctx_create_peer(config, &ctx, why, sizeof why))
        fail_msg("%s", why);
    return ctx;
}

struct tls_ctx *link_server(const struct tls_server_config *config)
{
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *ctx = NULL;
    if (tls_ctx_create_server(config, &ctx, why, sizeof why))
        fail_msg("%s", why);
    return ctx;
}

struct tls_ctx *link_client(const struct tls_client_config *config)
{
    char why[TLS_WHY_MAX] = "";
    struct tls_ctx *ctx = NULL;
    if (tls_ctx_create_client(config, &ctx, why, sizeof why))
        fail_msg("%s", why);
    return ctx;
}

static void open_end(struct link_end *e, struct tls_ctx *ctx)
{
    *e = (struct link_end){.err = 0};
    assert_int_equal(tls_engine_create(ctx, &e->engine), 0);
    buf_init(&e->in, WIRE_MAX);
    buf_init(&e->got, WIRE_MAX);
}

static void close_end(struct link_end *e)
{
    tls_engine_destroy(&e->engine);
    buf_fini(&e->in);
    buf_fini(&e->got);
}

void link_open(struct link *l, struct tls_ctx *client, struct tls_ctx *server)
{
    open_end(&l->client, client);
    open_end(&l->server, server);
}

void link_close(struct link *l)
{
    close_end(&l->client);
    close_end(&l->server);
}

static void feed(struct link_end *e, struct slice in, struct buf *out)
{
    uint8_t plain[5000];
    size_t n;
    do {
        e->err = tls_engine_read(e->engine, &in, plain, sizeof plain, &n, out);
        if (e->err)
            return;
        assert_int_equal(buf_append(&e->got, plain, n), 0);
    } while (n > 0);
    assert_int_equal(in.len, 0); /* the contract: all was taken */
}

static bool step_end(struct link_end *e, struct link_end *other, size_t step)
{
    size_t n = buf_len(&e->in);
    if (n == 0)
        return false;
    n = step && step < n ? step : n;
    if (!e->err)
        feed(e, slice_make(buf_slice(&e->in).data, n), &other->in);
    buf_consume(&e->in, n);
    return true;
}

void link_pump(struct link *l, size_t step)
{
    bool more = true;
    if (!l->client.err && !tls_engine_open(l->client.engine))
        feed(&l->client, slice_make(NULL, 0), &l->server.in);
    while (more) {
        more = step_end(&l->server, &l->client, step);
        more = step_end(&l->client, &l->server, step) || more;
    }
}

bool link_shake(struct link *l)
{
    link_pump(l, 0);
    return tls_engine_open(l->client.engine) && tls_engine_open(l->server.engine);
}

void link_check(struct link *l, struct link_end *from, struct link_end *to, struct slice plain, size_t step)
{
    assert_int_equal(tls_engine_write(from->engine, plain, &to->in), 0);
    link_pump(l, step);
    assert_int_equal(to->err, 0);
    assert_slice_equal(buf_slice(&to->got), plain);
    buf_consume(&to->got, buf_len(&to->got));
}
