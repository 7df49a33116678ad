/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/ports.h"

#include "base/err.h"

#include <string.h>
#include <sysexits.h>

/* Three connections from each member, and some of nodes that were there before. */
#define PEER_CONNECTIONS_MAX 512

/* What a port is; all is borrowed. */
struct port_row {
    const char *option, *variable; /* that name it */
    const char *address;
    uint16_t number;
    struct tls_ctx *tls;
    bool tls_first;
    const struct protocol *protocol; /* that clients speak there; NULL: a port of the nodes */
    void *arg;                       /* the protocol's */
};

static void list_ports(const struct ports *p, struct port_row rows[PORTS])
{
    const struct config *c = p->config;
    struct tls_ctx *nodes = p->certificates->peer_server, *clients = p->certificates->server;
    rows[PORT_EPMD] = (struct port_row){"epmd-port", "PORT_EPMD", p->listen, c->epmd_port, nodes, true, NULL, NULL};
    rows[PORT_HANDOFF] =
        (struct port_row){"handoff-port", "PORT_HANDOFF", p->listen, c->handoff_port, nodes, true, NULL, NULL};
    rows[PORT_PROTO] = (struct port_row){"proto-port", "PORT_PROTO", p->listen,      c->proto_port,
                                         clients,      false,        &riak_protocol, p->riak};
}

void ports_init(struct ports *p, const struct config *config, const struct log *log, struct net_loop *loop,
                const struct certificates *certificates)
{
    *p = (struct ports){.config = config, .log = log, .loop = loop, .certificates = certificates};
}

void ports_serve(struct ports *p, struct server *server, struct riak *riak)
{
    struct port_row rows[PORTS];
    p->riak = riak;
    list_ports(p, rows);
    for (unsigned i = NODE_PORTS; i < PORTS; i++)
        session_acceptor_init(&p->port[i].sessions, rows[i].protocol, server, rows[i].arg);
}

void ports_fini(struct ports *p)
{
    for (unsigned i = NODE_PORTS; i < PORTS; i++)
        session_acceptor_fini(&p->port[i].sessions);
}

/* By default both families are served, where the machine has both. */
static void choose_listen(struct ports *p)
{
    p->listen = p->config->listen;
    if (!p->config->listen_by_default || listener_check(p->listen, 0, p->loop) == 0)
        return;
    p->listen = "0.0.0.0";
    log_info(p->log, "net", "this machine has no IPv6: listening on 0.0.0.0");
    if (strchr(p->config->advertise, ':'))
        log_warn(p->log, "net", "the other nodes cannot connect to %s, which is advertised: this machine has no IPv6",
                 p->config->advertise);
}

/* The exit status. */
static int listen_failed(const struct ports *p, int err, const struct port_row *row)
{
    if (err == E_EXISTS)
        log_error(p->log, "net",
                  "port %u on %s is taken by another process: end that one, or give another port (%s, %s)", row->number,
                  row->address, row->option, row->variable);
    else if (err == E_INVALID)
        log_error(p->log, "net",
                  "'%s' is no address of this machine: give a numeric one that is (listen), or :: or 0.0.0.0 for all",
                  row->address);
    else if (err == E_UNSUPPORTED)
        log_error(p->log, "net", "cannot listen on '%s': this machine has no IPv6; give an IPv4 address (listen)",
                  row->address);
    else if (err == E_DENIED)
        log_error(p->log, "net", "not allowed to listen on %s port %u: ports under 1024 need privileges", row->address,
                  row->number);
    else
        log_error(p->log, "net", "cannot listen on %s port %u: %s", row->address, row->number, err_text(err));
    return err == E_DENIED ? EX_NOPERM : EX_UNAVAILABLE;
}

int ports_check(struct ports *p)
{
    struct port_row rows[PORTS];
    choose_listen(p);
    list_ports(p, rows);
    for (unsigned i = 0; i < PORTS; i++) {
        int err = listener_check(rows[i].address, rows[i].number, p->loop);
        if (err)
            return listen_failed(p, err, &rows[i]);
    }
    return 0;
}

static struct listener_config for_clients(const struct ports *p, const struct descriptor_shares *shares,
                                          struct metrics *metrics)
{
    return (struct listener_config){.connections_max = shares->clients,
                                    .reserve = shares->operators,
                                    .handshakes_max = shares->strangers,
                                    .stall_timeout_ms = p->config->stall_timeout_ms,
                                    .log = p->log,
                                    .metrics = metrics};
}

static struct listener_config for_nodes(const struct ports *p, const struct descriptor_shares *shares)
{
    return (struct listener_config){.connections_max = PEER_CONNECTIONS_MAX,
                                    .handshakes_max = shares->node_strangers,
                                    .stall_timeout_ms = p->config->stall_timeout_ms,
                                    .handshake_timeout_ms = p->config->handshake_timeout_ms,
                                    .between_nodes = true,
                                    .log = p->log};
}

int ports_open(struct ports *p, const struct descriptor_shares *shares, struct acceptor *nodes, struct metrics *metrics)
{
    struct port_row rows[PORTS];
    choose_listen(p);
    list_ports(p, rows);
    for (; p->open < PORTS; p->open++) {
        const struct port_row *row = &rows[p->open];
        struct listener_config c = row->protocol ? for_clients(p, shares, metrics) : for_nodes(p, shares);
        c.address = row->address;
        c.port = row->number;
        c.tls = row->tls;
        c.tls_first = row->tls_first;
        c.acceptor = row->protocol ? &p->port[p->open].sessions.acceptor : nodes;
        int err = listener_start(&p->port[p->open].listener, &c, p->loop);
        if (err)
            return listen_failed(p, err, row);
    }
    return 0;
}

void ports_abandon(struct ports *p)
{
    while (ports_close_last(p, NULL, NULL))
        continue;
}

bool ports_close_last(struct ports *p, void (*closed)(void *arg), void *arg)
{
    if (!p->open)
        return false;
    listener_stop(&p->port[--p->open].listener, closed, arg);
    return true;
}

size_t ports_count_clients(const struct ports *p)
{
    size_t n = 0;
    for (unsigned i = NODE_PORTS; i < p->open; i++)
        n += listener_count(&p->port[i].listener);
    return n;
}
