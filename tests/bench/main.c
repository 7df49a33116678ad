/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"
#include "bench/echo_child.h"
#include "client/client.h"
#include "client/identity.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
    const char *name;
    void (*run)(struct bench *b);
} modes[] = {
    {"run", mode_run},       {"load", mode_load},     {"handshakes", mode_handshakes}, {"idle", mode_idle},
    {"expire", mode_expire}, {"outage", mode_outage}, {"index", mode_index},           {"ready", mode_ready},
};

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ephemeral-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *bench_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p)
        bench_die("out of memory");
    return p;
}

/* Thousands of connections need as many descriptors. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct client_identity *make_identity(const struct bench_options *o)
{
    char why[TLS_WHY_MAX];
    enum tls_version version = strcmp(o->tls, "1.2") == 0 ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
    struct client_identity *id;
    struct client_identity_options options = {
        .certs_dir = o->certs,
        .ca = o->ca,
        .cert = o->cert,
        .key = o->key,
        .user = o->user,
        .min = version,
        .max = version,
        .suites = o->suites,
    };
    if (client_identity_create(&options, &id, why, sizeof why))
        bench_die("%s", why);
    return id;
}

void bench_set_ttl(struct bench *b)
{
    char why[TLS_WHY_MAX];
    struct client *c;
    struct client_options options = {.identity = b->identity,
                                     .host = servers_host(&b->servers, 0),
                                     .port = b->port,
                                     .direct_tls = !b->options->starttls};
    struct bucket_props props = {.set = PROP_BIT(PROP_TTL), .ttl_s = b->options->ttl_s};
    if (client_connect(&options, &c, why, sizeof why))
        bench_die("cannot connect: %s", why);
    if (client_set_props(c, slice_str(""), slice_str(b->options->bucket), &props))
        bench_die("cannot set the bucket's ttl: %s", client_error(c));
    client_close(&c);
}

static void run_mode(const struct bench_options *o, void (*run)(struct bench *b))
{
    struct bench b = {.options = o, .identity = make_identity(o), .port = o->port};
    struct echo_child echo = {0};
    servers_parse(o->hosts, o->pids, &b.servers);
    if (o->echo) {
        echo_child_start(o, &echo);
        b.port = echo.port;
        b.servers.pids = 1;
        b.servers.pid[0] = echo.pid;
    }
    run(&b);
    report_print(&b.report, o->json);
    client_identity_destroy(&b.identity);
    if (o->echo)
        echo_child_stop(&echo);
}

int main(int argc, char **argv)
{
    struct bench_options o;
    const char *mode;
    bench_options_parse(argc, argv, &o, &mode);
    raise_descriptors();
    if (strcmp(mode, "echo-server") == 0)
        return echo_server(&o);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i].name, mode) == 0) {
            run_mode(&o, modes[i].run);
            return 0;
        }
    bench_die("there is no mode '%s'; see --help", mode);
}
