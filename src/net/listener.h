/* The client port: accepts connections, bounded in number, and bounded in those that have not authenticated yet: over
 * that, new ones wait in the kernel's queue until others are through or out of time. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/conn.h"

struct tls_ctx;

struct listener_config {
    const char *address; /* numeric IPv4 or IPv6 */
    uint16_t port;
    size_t connections_max;
    size_t handshakes_max;     /* connections that are not authenticated yet */
    uint64_t stall_timeout_ms; /* an answer that cannot be sent for so long ends its connection */
};

struct listener {
    struct listener_config config;
    struct net_loop *loop;
    struct server *server;
    struct tls_ctx *tls;
    uv_tcp_t tcp;
    struct list conns;
    size_t conn_count, stranger_count;
    bool blocked; /* a connection waits to be accepted */
    bool open;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* Binds and listens. All pointers borrowed until it has stopped. E_EXISTS: the port is taken; E_DENIED; E_INVALID: not
 * an address of this machine. On error nothing is left to stop. */
int listener_start(struct listener *l, const struct listener_config *config, struct net_loop *loop,
                   struct server *server, struct tls_ctx *tls);
/* Closes the port and ends all connections; `stopped` is called when the last is gone. */
void listener_stop(struct listener *l, void (*stopped)(void *arg), void *arg);

/* --- for conn.c --- */
void listener_authenticated(struct listener *l); /* one stranger less */
void listener_gone(struct listener *l, struct conn *c, bool was_stranger);

#endif
