/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/fleet.h"

#include "bench/probe.h"
#include "client/identity.h"
#include "client/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX      256
#define RECEIVE_SIZE    (64 * 1024)
#define OPENING_MAX     32 /* connections that shake hands at once while all are opened */
#define OPEN_TIMEOUT_NS 30000000000u

struct fleet {
    const struct bench *bench;
    struct fleet_callbacks callbacks;
    int epoll;
    uint32_t size, ready_count;
    uint64_t now_ns;
    struct fleet_conn *conns;
    uint8_t received[RECEIVE_SIZE];
};

struct fleet *fleet_create(const struct bench *b, uint32_t size, const struct fleet_callbacks *callbacks)
{
    struct fleet *f = bench_alloc(1, sizeof *f);
    f->bench = b;
    f->callbacks = *callbacks;
    f->size = size;
    f->conns = bench_alloc(size, sizeof *f->conns);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (f->epoll < 0)
        bench_die("epoll: %s", strerror(errno));
    for (uint32_t i = 0; i < size; i++)
        f->conns[i] = (struct fleet_conn){.fd = -1, .index = i, .host = i};
    return f;
}

void fleet_destroy(struct fleet *f)
{
    for (uint32_t i = 0; i < f->size; i++)
        fleet_close(f, &f->conns[i]);
    close(f->epoll);
    free(f->conns);
    free(f);
}

struct fleet_conn *fleet_at(struct fleet *f, uint32_t index)
{
    return &f->conns[index];
}

static void watch(struct fleet *f, struct fleet_conn *c, bool write, int how)
{
    struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(f->epoll, how, c->fd, &e) < 0)
        bench_die("epoll: %s", strerror(errno));
    c->watches_write = write;
}

static _Noreturn void die_conn(const struct fleet_conn *c, int err)
{
    const char *why = client_conn_error(c->core);
    bench_die("connection %u failed: %s", c->index, *why ? why : err_text(err));
}

void fleet_open(struct fleet *f, struct fleet_conn *c, const struct client_conn *resume)
{
    const struct bench *b = f->bench;
    struct client_conn_config config = {
        .tls = client_identity_tls(b->identity),
        .user = b->options->echo ? NULL : client_identity_user(b->identity),
        .starttls = b->options->starttls && !b->options->echo,
        .resume = resume,
    };
    int err = client_conn_create(&config, &c->core);
    if (!err)
        err = client_socket_start(servers_host(&b->servers, c->host), b->port, &c->fd);
    if (err)
        bench_die("cannot connect to %s port %u: %s", servers_host(&b->servers, c->host), b->port, err_text(err));
    c->connected = c->ready = false;
    watch(f, c, true, EPOLL_CTL_ADD);
}

/* One write for all that is pending; what does not fit waits for the socket. */
static void send_pending(struct fleet *f, struct fleet_conn *c)
{
    size_t n;
    struct slice pending = client_conn_pending(c->core);
    if (pending.len) {
        int err = client_socket_send(c->fd, pending.data, pending.len, &n);
        if (err && err != E_AGAIN)
            return; /* the reason comes with the next read */
        client_conn_sent(c->core, n);
    }
    bool more = client_conn_pending(c->core).len > 0;
    if (more != c->watches_write)
        watch(f, c, more, EPOLL_CTL_MOD);
}

void fleet_send(struct fleet *f, struct fleet_conn *c)
{
    int err = client_conn_flush(c->core);
    if (err)
        die_conn(c, err);
    send_pending(f, c);
}

/* Says goodbye and leaves the socket; what the connection knows stays with its core, which is returned. */
static struct client_conn *hang_up(struct fleet *f, struct fleet_conn *c)
{
    size_t n;
    struct client_conn *core = c->core;
    client_conn_close(core);
    struct slice bye = client_conn_pending(c->core);
    if (bye.len && c->connected)
        client_socket_send(c->fd, bye.data, bye.len, &n);
    f->ready_count -= c->ready;
    close(c->fd);
    *c = (struct fleet_conn){.fd = -1, .index = c->index, .host = c->host, .owner = c->owner};
    return core;
}

void fleet_close(struct fleet *f, struct fleet_conn *c)
{
    if (!c->core)
        return;
    struct client_conn *core = hang_up(f, c);
    client_conn_destroy(&core);
}

void fleet_reopen(struct fleet *f, struct fleet_conn *c)
{
    struct client_conn *before = hang_up(f, c);
    c->host += f->bench->options->elsewhere;
    fleet_open(f, c, before);
    client_conn_destroy(&before);
}

static void tell_ready(struct fleet *f, struct fleet_conn *c)
{
    if (c->ready || client_conn_phase(c->core) != CLIENT_PHASE_READY)
        return;
    c->ready = true;
    f->ready_count++;
    if (f->callbacks.on_ready)
        f->callbacks.on_ready(f->callbacks.arg, c);
}

static void tell_responses(struct fleet *f, struct fleet_conn *c)
{
    struct frame frame;
    int got;
    while ((got = client_conn_take(c->core, &frame)) > 0)
        f->callbacks.on_response(f->callbacks.arg, c, &frame);
    if (got < 0)
        die_conn(c, got);
    if (c->ready && f->callbacks.on_drained)
        f->callbacks.on_drained(f->callbacks.arg, c);
}

static void receive(struct fleet *f, struct fleet_conn *c)
{
    size_t n;
    int err = client_socket_receive(c->fd, f->received, sizeof f->received, &n);
    if (err == E_AGAIN)
        return;
    f->now_ns = probe_now_ns();
    if (!err)
        err = client_conn_feed(c->core, slice_make(f->received, n));
    if (err)
        die_conn(c, err);
    tell_ready(f, c);
    tell_responses(f, c);
    if (c->connected) /* it may have been closed or opened anew */
        fleet_send(f, c);
}

static void finish_connect(struct fleet *f, struct fleet_conn *c)
{
    char why[128];
    if (client_socket_result(c->fd, why, sizeof why))
        bench_die("cannot connect to %s port %u: %s", servers_host(&f->bench->servers, c->host), f->bench->port, why);
    c->connected = true;
}

static void serve(struct fleet *f, const struct epoll_event *e)
{
    struct fleet_conn *c = e->data.ptr;
    if (!c->connected)
        finish_connect(f, c);
    if (e->events & EPOLLOUT)
        send_pending(f, c);
    if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(f, c);
}

uint64_t fleet_now_ns(const struct fleet *f)
{
    return f->now_ns;
}

void fleet_turn(struct fleet *f, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(f->epoll, events, EVENTS_MAX, wait_ms);
    if (n < 0 && errno != EINTR)
        bench_die("epoll: %s", strerror(errno));
    for (int i = 0; i < n; i++)
        serve(f, &events[i]);
}

void fleet_run_until(struct fleet *f, uint64_t end_ns)
{
    uint64_t now;
    while ((now = probe_now_ns()) < end_ns)
        fleet_turn(f, (int)((end_ns - now + 999999) / 1000000));
}

void fleet_open_all(struct fleet *f)
{
    uint32_t opened = 0;
    uint64_t end_ns = probe_now_ns() + OPEN_TIMEOUT_NS;
    while (f->ready_count < f->size) {
        while (opened < f->size && opened - f->ready_count < OPENING_MAX)
            fleet_open(f, &f->conns[opened++], NULL);
        fleet_turn(f, 1000);
        if (probe_now_ns() > end_ns)
            bench_die("%u of %u connections are ready after 30 seconds", f->ready_count, f->size);
    }
}
