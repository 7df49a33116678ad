/* SPDX-License-Identifier: Apache-2.0 */
/* ephemeral-bench: a load generator over the client library's machine (client/conn.h), one thread, epoll. This header
 * is what its files share: the options, the modes, and the end of the program on what cannot go on. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "bench/report.h"
#include "bench/servers.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct client_identity;

struct bench_options {
    const char *hosts; /* addresses, with commas between: connections go round */
    uint16_t port;
    const char *certs, *ca, *cert, *key, *user;
    const char *tls;    /* "1.2" or "1.3" */
    const char *suites; /* for TLS 1.2, or NULL */
    bool starttls;
    bool echo;           /* drives a bare echo server in place of the store */
    bool release;        /* the echo server gives record buffers back (SSL_MODE_RELEASE_BUFFERS) */
    uint32_t server_cpu; /* the echo server's core + 1; 0: any */
    const char *pids;    /* of the servers, with commas between; NULL: unknown, their costs are not reported */
    uint32_t connections, pipeline;
    uint32_t gets, puts; /* the mix */
    uint32_t r;          /* of gets; 0: the bucket's own */
    uint32_t rate;       /* operations a second over all connections; 0: as many as are answered */
    uint32_t keys, key_size, value_size;
    const char *bucket;
    uint32_t ttl_s; /* given to the bucket as its property; 0: the bucket is left alone */
    double seconds, warmup_s, settle_s;
    uint64_t requests; /* 0: by time */
    const char *until; /* a file: measuring ends when it is there; NULL: none */
    uint32_t victim;   /* of outage: a process to end */
    bool resume, elsewhere;
    uint64_t seed;
    bool json;
};

/* What a mode works with. */
struct bench {
    const struct bench_options *options;
    struct client_identity *identity;
    struct servers servers;
    uint16_t port; /* of the servers, the echo server's own included */
    struct report report;
};

/* The modes; each fills the report. */
void mode_run(struct bench *b);
void mode_load(struct bench *b);
void mode_handshakes(struct bench *b);
void mode_idle(struct bench *b);
void mode_expire(struct bench *b);
void mode_outage(struct bench *b);
void mode_index(struct bench *b);
void mode_ready(struct bench *b);
/* Never returns but by a signal. */
int echo_server(const struct bench_options *o);

/* Parses; ends the program after help or a usage error. */
void bench_options_parse(int argc, char **argv, struct bench_options *o, const char **mode);

/* One line on stderr, and the end. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* malloc that ends the program instead of failing. */
void *bench_alloc(size_t count, size_t size);
/* Gives the bucket the property ttl, through one blocking client. */
void bench_set_ttl(struct bench *b);

#endif
