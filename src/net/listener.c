#include "net/listener.h"

#include "base/err.h"

#define BACKLOG 1024 /* a storm of reconnecting clients waits here */

static bool has_room(const struct listener *l)
{
    return l->stranger_count < l->config.handshakes_max;
}

static void accept_one(struct listener *l)
{
    struct conn *c;
    l->blocked = conn_accept(l, &c) != 0;
    if (l->blocked)
        return; /* without memory it goes on waiting */
    l->server->metrics->connections_accepted++;
    list_append(&l->conns, conn_link(c));
    l->conn_count++;
    l->stranger_count++;
    if (l->conn_count > l->config.connections_max) {
        l->server->metrics->connections_refused++;
        log_warn(l->server->log, "net", "connection refused: %zu are open, which is the maximum (max-connections)",
                 l->config.connections_max);
        conn_end(c);
    }
}

/* Not accepting here leaves the connection with libuv, which asks the kernel for no more until it is taken. */
static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status < 0) {
        log_warn(l->server->log, "net", "accept failed: %s", uv_strerror(status));
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

void listener_authenticated(struct listener *l)
{
    l->stranger_count--;
    accept_waiting(l);
}

static void check_stopped(struct listener *l)
{
    if (!l->open && l->conn_count == 0 && l->stopped && !uv_is_active((uv_handle_t *)&l->tcp)) {
        void (*stopped)(void *arg) = l->stopped;
        l->stopped = NULL;
        stopped(l->stopped_arg);
    }
}

void listener_gone(struct listener *l, struct conn *c, bool was_stranger)
{
    list_remove(conn_link(c));
    l->conn_count--;
    l->stranger_count -= was_stranger;
    accept_waiting(l);
    check_stopped(l);
}

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) == 0 ||
        uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) == 0)
        return 0;
    return E_INVALID;
}

int listener_start(struct listener *l, const struct listener_config *config, struct net_loop *loop,
                   struct server *server, struct tls_ctx *tls)
{
    struct sockaddr_storage address;
    *l = (struct listener){.config = *config, .loop = loop, .server = server, .tls = tls};
    list_init(&l->conns);
    int err = parse_address(config->address, config->port, &address);
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
    return net_error(err);
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
    for (struct list *i = l->conns.next, *next; i != &l->conns; i = next) {
        next = i->next;
        conn_end(conn_of_link(i));
    }
    uv_close((uv_handle_t *)&l->tcp, on_port_closed);
}
