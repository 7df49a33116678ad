#include "net/listener.h"

#include "base/err.h"

#include <stdlib.h>

#define BACKLOG 1024 /* a storm of reconnecting clients waits here */

static struct listener *listener_of(struct conn_owner *o)
{
    return LIST_ENTRY(o, struct listener, owner);
}

static bool has_room(const struct listener *l)
{
    return l->stranger_count < l->handshakes_max;
}

static void refuse(struct listener *l, struct conn *c)
{
    if (l->owner.metrics)
        l->owner.metrics->connections_refused++;
    log_warn(l->owner.log, "net", "connection refused: %zu are open, which is the maximum (max-connections)",
             l->connections_max);
    conn_end(c);
}

static void accept_one(struct listener *l)
{
    struct conn *c;
    l->blocked = conn_accept(&l->owner, &l->tcp, l->acceptor, &c) != 0;
    if (l->blocked)
        return; /* without memory it goes on waiting */
    if (l->owner.metrics)
        l->owner.metrics->connections_accepted++;
    l->stranger_count++;
    if (l->owner.count > l->connections_max)
        refuse(l, c);
}

/* Not accepting here leaves the connection with libuv, which asks the kernel for no more until it is taken. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status < 0) {
        log_warn(l->owner.log, "net", "accept failed: %s", uv_strerror(status));
        return;
    }
    l->blocked = true;
    if (has_room(l))
        accept_one(l);
}

static void accept_waiting(struct listener *l)
{
    if (l->open && l->blocked && has_room(l))
        accept_one(l);
}

static void on_trusted(struct conn_owner *o)
{
    struct listener *l = listener_of(o);
    l->stranger_count--;
    accept_waiting(l);
}

static void check_stopped(struct listener *l)
{
    if (!l->open && l->owner.count == 0 && l->stopped && !uv_is_active((uv_handle_t *)&l->tcp)) {
        void (*stopped)(void *arg) = l->stopped;
        l->stopped = NULL;
        stopped(l->stopped_arg);
    }
}

static void on_gone(struct conn_owner *o, bool was_trusted)
{
    struct listener *l = listener_of(o);
    l->stranger_count -= !was_trusted;
    accept_waiting(l);
    check_stopped(l);
}

static const struct conn_owner_ops owner_ops = {on_trusted, on_gone};

static void fill(struct listener *l, const struct listener_config *config, struct net_loop *loop)
{
    *l = (struct listener){.acceptor = config->acceptor,
                           .connections_max = config->connections_max,
                           .handshakes_max = config->handshakes_max,
                           .owner = {.ops = &owner_ops,
                                     .loop = loop,
                                     .tls = config->tls,
                                     .log = config->log,
                                     .metrics = config->metrics,
                                     .tls_first = config->tls_first,
                                     .between_nodes = config->between_nodes,
                                     .stall_timeout_ms = config->stall_timeout_ms,
                                     .handshake_timeout_ms = config->handshake_timeout_ms}};
    list_init(&l->owner.conns);
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
    conn_end_all(&l->owner);
    uv_close((uv_handle_t *)&l->tcp, on_port_closed);
}
