/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, accepted or dialed: io/stream.h over TCP and, from start_tls or from the first byte on, over a
 * tls_engine. It moves bytes between the socket, the engine and the stream's user, and knows nothing of what they mean.
 *
 * Handshakes are worked on in a queue of their own with a bounded share of each turn, because each costs a private-key
 * operation; established connections are read at once.
 *
 * The user hears closed() from the loop alone, when no call of its own is on the stack. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/log.h"
#include "base/metric.h"
#include "base/repeats.h"
#include "io/dialer.h"
#include "net/loop.h"
#include "tls/tls_engine.h"

struct conn;
struct conn_owner;

struct strangers;

struct conn_owner_ops {
    /* The peer has authenticated. False: there is no place for it. */
    bool (*trusted)(struct conn_owner *o, struct conn *c);
    void (*gone)(struct conn_owner *o, struct conn *c);
};

/* What the connections of one port, or of one dialer, have in common, and who keeps account of them. Pointers are
 * borrowed until the last connection is gone. */
struct conn_owner {
    const struct conn_owner_ops *ops;
    struct net_loop *loop;
    struct tls_ctx *tls;
    const struct log *log;         /* NULL: the user alone is told */
    struct metrics *metrics;       /* NULL: nothing is counted */
    struct strangers *strangers;   /* where those who have not authenticated are counted; NULL: there are none */
    bool tls_first;                /* TLS from the first byte */
    bool between_nodes;            /* who has shown a certificate is trusted; a peer that vanished is noticed soon */
    uint64_t stall_timeout_ms;     /* what is sent makes no progress for so long: closed */
    uint64_t handshake_timeout_ms; /* from the beginning to the end of the handshake; 0: the user sees to it */
    struct list conns;
    size_t count;
    struct repeats repeats; /* what the log was told of them */
};

/* Numeric. E_INVALID. */
int conn_parse_address(const char *text, uint16_t port, struct sockaddr_storage *out);

/* Takes the connection that waits at `listening`; nothing is read from it before conn_admit(). E_NOMEM: it goes on
 * waiting. */
int conn_accept(struct conn_owner *owner, uv_tcp_t *listening, struct acceptor *acceptor, struct conn **out);
/* The acceptor gives its user, and it begins. */
void conn_admit(struct conn *c, struct acceptor *acceptor);
/* Begins a connection, as a dialer does. */
int conn_dial(struct conn_owner *owner, const struct sockaddr *to, struct stream_user *user, struct conn **out);

/* Ends the connection after what is queued. */
void conn_end(struct conn *c);
void conn_end_all(struct conn_owner *owner);
struct stream *conn_stream(struct conn *c);

#endif
