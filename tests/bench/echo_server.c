/* SPDX-License-Identifier: Apache-2.0 */
/* A bare TLS echo server: one thread, libuv, OpenSSL over memory. What it reads it writes back, a record for a record;
 * nothing else is done, and nothing is done twice. The measure for what a store may cost. */
#include "bench/echo_tls.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define BACKLOG      511
#define RECORD_MAX   16384
#define RECEIVE_SIZE (64 * 1024)
#define PENDING_MAX  ((size_t)16 * 1024 * 1024) /* of one loop turn and connection */

struct echo {
    uv_loop_t loop;
    uv_tcp_t listener;
    struct echo_tls tls;
    struct buf out; /* one for all connections: it is empty between callbacks */
    char received[RECEIVE_SIZE];
    char plain[RECORD_MAX];
};

struct echo_conn {
    uv_tcp_t tcp;
    struct echo *echo;
    SSL *ssl;
    struct echo_wire wire;
};

struct late_write {
    uv_write_t req;
    char data[];
};

static void on_closed(uv_handle_t *handle)
{
    struct echo_conn *c = handle->data;
    SSL_free(c->ssl);
    free(c);
}

static void hang_up(struct echo_conn *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_written(uv_write_t *req, int status)
{
    (void)status; /* a broken connection is seen by its reader */
    free(req->data);
}

/* What the socket does not take at once waits in libuv's queue, in its own memory. */
static void write_late(struct echo_conn *c, const char *data, size_t len)
{
    struct late_write *w = bench_alloc(1, sizeof *w + len);
    memcpy(w->data, data, len);
    w->req.data = w;
    uv_buf_t buf = uv_buf_init(w->data, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0) {
        free(w);
        hang_up(c);
    }
}

static void send_out(struct echo_conn *c)
{
    struct slice s = buf_slice(&c->echo->out);
    if (s.len == 0)
        return;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)s.data, (unsigned)s.len);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (n < 0 && n != UV_EAGAIN)
        hang_up(c);
    else if (sent < s.len)
        write_late(c, (const char *)s.data + sent, s.len - sent);
    buf_consume(&c->echo->out, s.len);
}

static bool echo_records(struct echo_conn *c)
{
    char *plain = c->echo->plain;
    int n;
    while ((n = SSL_read(c->ssl, plain, RECORD_MAX)) > 0)
        if (SSL_write(c->ssl, plain, n) != n)
            return false;
    if (SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ)
        return true;
    ERR_clear_error();
    return false;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct echo_conn *c = stream->data;
    if (n < 0) {
        hang_up(c);
        return;
    }
    c->wire.in = slice_make(buf->base, (size_t)n);
    bool alive = echo_records(c);
    send_out(c);
    if (!alive)
        hang_up(c);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct echo_conn *c = handle->data;
    (void)wanted;
    *buf = uv_buf_init(c->echo->received, RECEIVE_SIZE);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct echo *e = listener->data;
    if (status < 0)
        return;
    struct echo_conn *c = bench_alloc(1, sizeof *c);
    c->echo = e;
    c->wire.out = &e->out;
    uv_tcp_init(&e->loop, &c->tcp);
    c->tcp.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
        hang_up(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    c->ssl = echo_tls_accept(&e->tls, &c->wire);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void check(int result, const char *what)
{
    if (result < 0)
        bench_die("%s: %s", what, uv_strerror(result));
}

static void listen_on(struct echo *e, const struct bench_options *o)
{
    struct sockaddr_in address;
    int len = sizeof address;
    check(uv_ip4_addr(o->hosts, o->port, &address), "address");
    check(uv_tcp_init(&e->loop, &e->listener), "socket");
    e->listener.data = e;
    check(uv_tcp_bind(&e->listener, (const struct sockaddr *)&address, 0), "bind");
    check(uv_listen((uv_stream_t *)&e->listener, BACKLOG, on_connection), "listen");
    check(uv_tcp_getsockname(&e->listener, (struct sockaddr *)&address, &len), "address");
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
}

int echo_server(const struct bench_options *o)
{
    struct echo *e = bench_alloc(1, sizeof *e);
    signal(SIGPIPE, SIG_IGN);
    buf_init(&e->out, PENDING_MAX);
    echo_tls_init(&e->tls, o);
    check(uv_loop_init(&e->loop), "loop");
    listen_on(e, o);
    return uv_run(&e->loop, UV_RUN_DEFAULT);
}
