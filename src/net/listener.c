/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include "base/err.h"
#include "net/conn_impl.h"

#include <stdlib.h>

#define BACKLOG 1024 /* a storm of reconnecting clients waits here */
/* Accepted in one millisecond, so that a storm does not stop the loop: some 30 us each. */
#define ACCEPTS_MAX 32
/* Until a connection that waits for a place, or for memory, is looked at again. */
#define RETRY_MS 50

static struct listener *listener_of(struct conn_owner *o)
{
    return LIST_ENTRY(o, struct listener, owner);
}

static uint64_t now_ms(const struct listener *l)
{
    return clock_boot_ms(&l->owner.loop->clock);
}

/* Once in a minute for the whole port: those who are refused may be thousands. */
static bool is_news(struct listener *l, enum conn_cause cause, char again[REPEATS_TEXT_SIZE])
{
    return repeats_log(&l->owner.repeats, l->owner.log, now_ms(l), cause, "", again);
}

/* --- who has no place --- */

static void note_refused(struct listener *l, const struct conn *c, size_t max, const char *what)
{
    char name[CONN_NAME_SIZE], again[REPEATS_TEXT_SIZE];
    if (l->owner.metrics)
        l->owner.metrics->connections_refused++;
    if (is_news(l, CONN_REFUSED, again))
        log_warn(l->owner.log, "net", "%s: connection to port %u refused: %zu %s%s", conn_name(c, name),
                 listener_port(l), max, what, again);
}

static void close_stranger(struct listener *l, struct stranger *g)
{
    struct conn *c = LIST_ENTRY(g, struct conn, stranger);
    char name[CONN_NAME_SIZE], again[REPEATS_TEXT_SIZE];
    if (l->owner.metrics)
        l->owner.metrics->strangers_closed++;
    if (is_news(l, CONN_GAVE_WAY, again))
        log_warn(l->owner.log, "net",
                 "%s: silent connection to port %u closed to make room: all %zu places of connections that have not "
                 "authenticated are taken%s",
                 conn_name(c, name), listener_port(l), l->strangers.max, again);
    strangers_remove(&l->strangers, g);
    conn_close_now(c, "its place was needed for another connection");
}

/* --- accepting --- */

static void retry_in(struct listener *l, uint64_t ms)
{
    timer_start(&l->owner.loop->timers, &l->retry, ms);
}

/* libuv has accepted one. False: no memory. */
static bool take(struct listener *l)
{
    l->blocked = conn_accept(&l->owner, &l->tcp, l->acceptor, &l->door) != 0;
    return !l->blocked;
}

static bool make_place(struct listener *l)
{
    if (!strangers_are_full(&l->strangers))
        return true;
    struct stranger *g = strangers_give_way(&l->strangers, &l->door->stranger, now_ms(l));
    if (g)
        close_stranger(l, g);
    return g != NULL;
}

static void admit(struct listener *l)
{
    struct conn *c = l->door;
    l->door = NULL;
    strangers_add(&l->strangers, &c->stranger);
    if (l->owner.metrics)
        l->owner.metrics->connections_accepted++;
    conn_admit(c, l->acceptor);
}

/* False: it waits. */
static bool turn_away(struct listener *l)
{
    struct conn *c = l->door;
    if (!l->owner.between_nodes)
        return false;
    l->door = NULL;
    note_refused(l, c, l->strangers.max, "connections that have not authenticated are open, which is the maximum");
    conn_close_now(c, NULL);
    return true;
}

/* False: the one at the door waits for a place. */
static bool see_to_door(struct listener *l)
{
    if (!make_place(l))
        return turn_away(l);
    admit(l);
    return true;
}

static bool may_accept(struct listener *l)
{
    if (now_ms(l) != l->accept_ms) {
        l->accept_ms = now_ms(l);
        l->accepted = 0;
    }
    return ++l->accepted <= ACCEPTS_MAX;
}

static void accept_waiting(struct listener *l)
{
    while (l->open && (l->door || l->blocked)) {
        if (!may_accept(l)) {
            retry_in(l, 1);
            return;
        }
        if ((!l->door && !take(l)) || !see_to_door(l)) {
            retry_in(l, RETRY_MS);
            return;
        }
    }
}

static void on_retry(struct timer *t)
{
    accept_waiting(LIST_ENTRY(t, struct listener, retry));
}

/* Not accepting here leaves the connection with libuv, which asks the kernel for no more until it is taken. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status < 0) {
        char again[REPEATS_TEXT_SIZE];
        if (is_news(l, CONN_ACCEPT_FAILED, again))
            log_warn(l->owner.log, "net", "a connection to port %u could not be accepted: %s%s", listener_port(l),
                     uv_strerror(status), again);
        return;
    }
    l->blocked = true;
    if (!timer_runs(&l->retry))
        accept_waiting(l);
}

/* A place may be free. */
static void look_again(struct listener *l)
{
    if (l->open && (l->door || l->blocked))
        retry_in(l, 0);
}

static bool on_trusted(struct conn_owner *o, struct conn *c)
{
    struct listener *l = listener_of(o);
    if (l->trusted_count >= l->connections_max + (c->is_node ? l->reserve : 0)) {
        note_refused(l, c, l->trusted_count,
                     l->owner.between_nodes ? "connections of nodes are open, which is the maximum"
                                            : "clients are connected, which is the maximum (max-connections)");
        return false;
    }
    strangers_remove(&l->strangers, &c->stranger);
    l->trusted_count++;
    look_again(l);
    return true;
}

static void check_stopped(struct listener *l)
{
    if (!l->open && l->owner.count == 0 && l->stopped && !uv_is_active((uv_handle_t *)&l->tcp)) {
        void (*stopped)(void *arg) = l->stopped;
        l->stopped = NULL;
        stopped(l->stopped_arg);
    }
}

static void on_gone(struct conn_owner *o, struct conn *c)
{
    struct listener *l = listener_of(o);
    if (l->door == c) /* accepting it failed */
        l->door = NULL;
    strangers_remove(&l->strangers, &c->stranger);
    l->trusted_count -= c->trusted;
    look_again(l);
    check_stopped(l);
}

static const struct conn_owner_ops owner_ops = {on_trusted, on_gone};

static void fill(struct listener *l, const struct listener_config *config, struct net_loop *loop)
{
    struct hash_key key;
    *l = (struct listener){.acceptor = config->acceptor,
                           .connections_max = config->connections_max,
                           .reserve = config->reserve,
                           .owner = {.ops = &owner_ops,
                                     .loop = loop,
                                     .tls = config->tls,
                                     .log = config->log,
                                     .metrics = config->metrics,
                                     .strangers = &l->strangers,
                                     .tls_first = config->tls_first,
                                     .between_nodes = config->between_nodes,
                                     .stall_timeout_ms = config->stall_timeout_ms,
                                     .handshake_timeout_ms = config->handshake_timeout_ms}};
    list_init(&l->owner.conns);
    timer_init(&l->retry, on_retry);
    clock_random(&loop->clock, &key, sizeof key);
    strangers_init(&l->strangers, config->handshakes_max, &key);
}

int listener_start(struct listener *l, const struct listener_config *config, struct net_loop *loop)
{
    struct sockaddr_storage address;
    fill(l, config, loop);
    int err = conn_parse_address(config->address, config->port, &address);
    if (err)
        return err;
    err = uv_tcp_init(&loop->uv, &l->tcp);
    if (err)
        return net_error(err);
    l->tcp.data = l;
    err = uv_tcp_bind(&l->tcp, (const struct sockaddr *)&address, 0);
    if (!err)
        err = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    if (err)
        uv_close((uv_handle_t *)&l->tcp, NULL);
    l->open = !err;
    return err == UV_EAFNOSUPPORT ? E_UNSUPPORTED : net_error(err);
}

static void on_checked(uv_handle_t *handle)
{
    free(handle);
}

int listener_check(const char *address, uint16_t port, struct net_loop *loop)
{
    struct sockaddr_storage a;
    uv_tcp_t *tcp;
    int err = conn_parse_address(address, port, &a);
    if (err)
        return err;
    tcp = malloc(sizeof *tcp);
    if (!tcp)
        return E_NOMEM;
    err = uv_tcp_init(&loop->uv, tcp);
    if (err) {
        free(tcp);
        return net_error(err);
    }
    /* libuv keeps EADDRINUSE for uv_listen(), which is not called. */
    err = uv_tcp_bind(tcp, (const struct sockaddr *)&a, 0);
    uv_close((uv_handle_t *)tcp, on_checked);
    return err == UV_EAFNOSUPPORT ? E_UNSUPPORTED : net_error(err);
}

uint16_t listener_port(const struct listener *l)
{
    struct sockaddr_storage address = {0};
    int len = sizeof address;
    if (uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&address, &len))
        return 0;
    return ntohs(((const struct sockaddr_in *)&address)->sin_port); /* at the same place in sockaddr_in6 */
}

size_t listener_count(const struct listener *l)
{
    return l->owner.count;
}

static void on_port_closed(uv_handle_t *handle)
{
    check_stopped(handle->data);
}

void listener_stop(struct listener *l, void (*stopped)(void *arg), void *arg)
{
    l->open = false;
    l->stopped = stopped;
    l->stopped_arg = arg;
    l->door = NULL;
    timer_stop(&l->owner.loop->timers, &l->retry);
    conn_end_all(&l->owner);
    uv_close((uv_handle_t *)&l->tcp, on_port_closed);
}
