/* SPDX-License-Identifier: Apache-2.0 */
/* A port: accepts connections. Those that have authenticated (trusted, io/stream.h) have their places, the others,
 * strangers, have places of their own (net/strangers.h), so that connections that never authenticate keep no client
 * out. When all places of strangers are taken and none gives way, a client waits in the kernel's queue. A node's port
 * closes such a connection: an expected one may wait after it. The clients' port and the two of the nodes are
 * each one of these.
 *
 * A port is bound without SO_REUSEPORT and is this process's alone until listener_stop(): that another incarnation
 * answers at a node's address proves that the one before has ended (R-PROOF). So the nodes' ports are
 * stopped last, when this node does nothing more in the cluster. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/conn.h"
#include "net/strangers.h"

struct tls_ctx;

/* All pointers are borrowed until the listener has stopped; the texts for the call. */
struct listener_config {
    const char *address;           /* numeric IPv4 or IPv6 */
    uint16_t port;                 /* 0: one that is free (listener_port) */
    size_t connections_max;        /* that have authenticated */
    size_t reserve;                /* and so many more with a node's certificate: an operator gets in */
    size_t handshakes_max;         /* connections that have not */
    uint64_t stall_timeout_ms;     /* what cannot be sent for so long ends its connection */
    uint64_t handshake_timeout_ms; /* from accept to the end of the TLS handshake; 0: the users see to it */
    struct tls_ctx *tls;
    bool tls_first;     /* TLS from the first byte, without a plain start */
    bool between_nodes; /* a vanished peer is noticed soon, and who has shown a certificate is trusted */
    struct acceptor *acceptor;
    const struct log *log;   /* may be NULL */
    struct metrics *metrics; /* NULL: nothing is counted */
};

struct listener {
    struct conn_owner owner;
    struct acceptor *acceptor;
    size_t connections_max, reserve;
    uv_tcp_t tcp;
    size_t trusted_count;
    struct strangers strangers;
    struct conn *door;  /* accepted, and waits for a place; NULL: none */
    bool blocked;       /* a connection waits to be accepted */
    struct timer retry; /* for those two */
    uint64_t accept_ms; /* the millisecond of the last accept, */
    unsigned accepted;  /* and how many there were in it */
    bool open;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* Binds and listens. E_EXISTS: the port is taken; E_DENIED; E_INVALID: not an address of this machine;
 * E_UNSUPPORTED: the machine has no such family of addresses. On error nothing is left to stop. */
int listener_start(struct listener *l, const struct listener_config *config, struct net_loop *loop);
/* Whether such a port could be opened but for other processes that hold it, without opening it: none of those, nor one
 * that starts meanwhile, is disturbed. As listener_start(), without E_EXISTS. */
int listener_check(const char *address, uint16_t port, struct net_loop *loop);
uint16_t listener_port(const struct listener *l);
/* Connections that are open now. */
size_t listener_count(const struct listener *l);
/* Closes the port and ends all connections; `stopped` is called when the last is gone. */
void listener_stop(struct listener *l, void (*stopped)(void *arg), void *arg);

#endif
