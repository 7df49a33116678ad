#include "ephemerald/daemon.h"

#include "base/err.h"
#include "net/listener.h"
#include "tls/tls_ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Of the memory limit: the data, the bodies on their way, and the rest for connections and the program itself. */
#define DATA_NUMERATOR     3
#define DATA_DENOMINATOR   4
#define BODIES_DENOMINATOR 8

#define CERT_CHECK_MS  ((uint64_t)3600 * 1000)
#define RENEW_RETRY_MS ((uint64_t)60 * 1000)

struct daemon {
    const struct config *config;
    const struct log *log;
    struct net_loop loop;
    struct metrics metrics;
    struct ca *ca;
    struct cert *rsa, *ecdsa;
    struct tls_ctx *tls;
    struct router *router;
    struct server server;
    struct listener listener;
    uv_signal_t sigterm, sigint;
    struct timer cert_check;
    int warned_stage; /* of the root's end: 30, 14, 7, 1 days; 0: not yet */
    uv_work_t renewal;
    bool renewing, stopping;
};

static int64_t now_s(const struct daemon *d)
{
    return (int64_t)(clock_wall_ms(&d->loop.clock) / 1000);
}

/* --- certificates --- */

static int mint(const struct daemon *d, enum cert_key key, struct cert **out, char *why, size_t why_size)
{
    struct cert_request req = {.names = (const char *const *)d->config->names,
                               .name_count = d->config->name_count,
                               .now = now_s(d),
                               .life_s = (int64_t)d->config->certificate_days * 86400};
    return cert_mint_server(d->ca, &req, key, out, why, why_size);
}

static int mint_both(const struct daemon *d, struct cert **rsa, struct cert **ecdsa, char *why, size_t why_size)
{
    int err = mint(d, CERT_RSA_2048, rsa, why, why_size);
    return err ? err : mint(d, CERT_ECDSA_P256, ecdsa, why, why_size);
}

static void warn_of_end(struct daemon *d)
{
    int64_t days = cert_days_left(ca_not_after(d->ca), now_s(d));
    int stage = cert_warn_stage(days);
    if (stage && stage != d->warned_stage)
        log_warn(d->log, "tls",
                 "the root certificate (%s) ends in %lld days: make a new root and user certificates and start the "
                 "nodes with them, or no client can connect any more",
                 ca_subject(d->ca), (long long)days);
    d->warned_stage = stage;
}

/* On a worker thread: an RSA key takes too long for the loop. */
struct renewal {
    struct daemon *daemon;
    struct cert *rsa, *ecdsa;
    int err;
    char why[256];
};

static void renew_on_worker(uv_work_t *work)
{
    struct renewal *r = work->data;
    r->err = mint_both(r->daemon, &r->rsa, &r->ecdsa, r->why, sizeof r->why);
}

static void renewed(uv_work_t *work, int status)
{
    struct renewal *r = work->data;
    struct daemon *d = r->daemon;
    d->renewing = false;
    if (!status && !r->err)
        r->err = tls_ctx_renew(d->tls, r->rsa, r->ecdsa, r->why, sizeof r->why);
    if (r->err)
        log_error(d->log, "tls", "the server certificate could not be renewed: %s; trying again in a minute", r->why);
    else if (!status)
        log_info(d->log, "tls", "server certificate renewed");
    if (r->err && !d->stopping)
        timer_start(&d->loop.timers, &d->cert_check, RENEW_RETRY_MS);
    cert_destroy(&r->rsa);
    cert_destroy(&r->ecdsa);
    free(r);
}

static void renew(struct daemon *d)
{
    struct renewal *r = d->renewing ? NULL : calloc(1, sizeof *r);
    if (!r)
        return;
    r->daemon = d;
    d->renewal.data = r;
    d->renewing = uv_queue_work(&d->loop.uv, &d->renewal, renew_on_worker, renewed) == 0;
    if (!d->renewing)
        free(r);
}

static void on_cert_check(struct timer *t)
{
    struct daemon *d = LIST_ENTRY(t, struct daemon, cert_check);
    warn_of_end(d);
    if (now_s(d) >= tls_ctx_renew_at(d->tls))
        renew(d);
    timer_start(&d->loop.timers, &d->cert_check, CERT_CHECK_MS);
}

static int make_tls(struct daemon *d)
{
    char why[512] = "";
    const struct config *c = d->config;
    int err = ca_create(slice_str(c->root_ca_cert), slice_str(c->root_ca_key), now_s(d), &d->ca, why, sizeof why);
    if (err) {
        log_error(d->log, "tls", "the root CA cannot be used: %s", why);
        return EX_CONFIG;
    }
    err = mint_both(d, &d->rsa, &d->ecdsa, why, sizeof why);
    struct tls_server_config tls = {.ca = d->ca,
                                    .rsa = d->rsa,
                                    .ecdsa = d->ecdsa,
                                    .legacy_suites = c->legacy_suites,
                                    .sessions_max = c->connections_max};
    if (!err)
        err = tls_ctx_create_server(&tls, &d->tls, why, sizeof why);
    if (err) {
        log_error(d->log, "tls", "the server certificate could not be made: %s", why);
        return EX_SOFTWARE;
    }
    if (ca_is_v1(d->ca))
        log_warn(d->log, "tls",
                 "the root (%s) is an X.509 v1 certificate: accepted, though v3 would say what it is for",
                 ca_subject(d->ca));
    warn_of_end(d);
    return 0;
}

/* --- the parts --- */

static void on_type_created(void *arg, int err, const struct store_result *result)
{
    (void)result;
    *(int *)arg = err;
}

static int make_types(struct daemon *d)
{
    for (size_t i = 0; i < d->config->bucket_type_count; i++) {
        const struct config_bucket_type *t = &d->config->bucket_types[i];
        int err = 0;
        router_create_type(d->router, slice_str(t->name), &t->props, on_type_created, &err);
        if (err) {
            log_error(d->log, "config", "bucket type '%s' could not be created: %s", t->name, err_text(err));
            return EX_CONFIG;
        }
    }
    return 0;
}

static int make_router(struct daemon *d)
{
    struct router_config router = {.memory_limit = d->config->memory_bytes / DATA_DENOMINATOR * DATA_NUMERATOR,
                                   .clock = &d->loop.clock,
                                   .timers = &d->loop.timers,
                                   .log = d->log,
                                   .metrics = &d->metrics};
    if (router_create(&router, &d->router)) {
        log_error(d->log, "node", "not enough memory to start");
        return EX_OSERR;
    }
    return make_types(d);
}

static void make_server(struct daemon *d)
{
    const struct config *c = d->config;
    struct server_config server = {.node_name = c->node_name,
                                   .version = c->server_version,
                                   .users = (const char *const *)c->user_names,
                                   .user_count = c->user_count,
                                   .object_size_max = c->object_size_max_bytes,
                                   .body_budget = c->memory_bytes / BODIES_DENOMINATOR,
                                   .siblings_max = c->siblings_max,
                                   .reap_ms = c->delete_reap_ms,
                                   .handshake_timeout_ms = c->handshake_timeout_ms,
                                   .auth_failure_delay_ms = c->auth_failure_delay_ms,
                                   .stall_timeout_ms = c->stall_timeout_ms};
    server_init(&d->server, &server, d->router, &d->loop.timers, &d->loop.clock, d->log, &d->metrics);
}

static int listen_failed(const struct daemon *d, int err)
{
    const struct config *c = d->config;
    if (err == E_EXISTS)
        log_error(
            d->log, "net",
            "port %u on %s is taken by another process: end that one, or give another port (proto-port, PORT_PROTO)",
            c->proto_port, c->listen);
    else if (err == E_INVALID)
        log_error(d->log, "net", "'%s' is no address of this machine: give a numeric one that is (listen), or 0.0.0.0",
                  c->listen);
    else if (err == E_DENIED)
        log_error(d->log, "net", "not allowed to listen on %s port %u: ports under 1024 need privileges", c->listen,
                  c->proto_port);
    else
        log_error(d->log, "net", "cannot listen on %s port %u: %s", c->listen, c->proto_port, err_text(err));
    return err == E_DENIED ? EX_NOPERM : EX_UNAVAILABLE;
}

static int make_listener(struct daemon *d)
{
    const struct config *c = d->config;
    struct listener_config listener = {.address = c->listen,
                                       .port = c->proto_port,
                                       .connections_max = c->connections_max,
                                       .handshakes_max = c->handshakes_max,
                                       .stall_timeout_ms = c->stall_timeout_ms};
    int err = listener_start(&d->listener, &listener, &d->loop, &d->server, d->tls);
    return err ? listen_failed(d, err) : 0;
}

/* --- the end --- */

static void on_stopped(void *arg)
{
    struct daemon *d = arg;
    timer_stop(&d->loop.timers, &d->cert_check);
    uv_close((uv_handle_t *)&d->sigterm, NULL);
    uv_close((uv_handle_t *)&d->sigint, NULL);
    /* The only other handle that keeps the loop alive is its timer. */
    uv_stop(&d->loop.uv);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct daemon *d = handle->data;
    if (d->stopping)
        return;
    d->stopping = true;
    log_info(d->log, "node", "%s: closing %zu connections and ending", signum == SIGTERM ? "SIGTERM" : "SIGINT",
             d->listener.conn_count);
    listener_stop(&d->listener, on_stopped, d);
}

static void watch_signals(struct daemon *d)
{
    uv_signal_init(&d->loop.uv, &d->sigterm);
    uv_signal_init(&d->loop.uv, &d->sigint);
    d->sigterm.data = d->sigint.data = d;
    uv_signal_start(&d->sigterm, on_signal, SIGTERM);
    uv_signal_start(&d->sigint, on_signal, SIGINT);
}

static int serve(struct daemon *d)
{
    int status = make_router(d);
    if (status)
        return status;
    make_server(d);
    timer_init(&d->cert_check, on_cert_check);
    status = make_listener(d);
    if (!status) {
        watch_signals(d);
        timer_start(&d->loop.timers, &d->cert_check, CERT_CHECK_MS);
        log_info(d->log, "node", "ready: serving clients on %s port %u", d->config->listen, d->config->proto_port);
        net_loop_run(&d->loop);
        log_info(d->log, "node", "ended");
    }
    server_fini(&d->server);
    return status;
}

int daemon_run(const struct config *config, const struct log *log)
{
    struct daemon d = {.config = config, .log = log};
    if (net_loop_init(&d.loop)) {
        log_error(log, "node", "the event loop could not be made: not enough memory or file descriptors");
        return EX_OSERR;
    }
    int status = make_tls(&d);
    if (!status)
        status = serve(&d);
    router_destroy(&d.router);
    net_loop_fini(&d.loop);
    tls_ctx_destroy(&d.tls);
    cert_destroy(&d.rsa);
    cert_destroy(&d.ecdsa);
    ca_destroy(&d.ca);
    return status;
}
