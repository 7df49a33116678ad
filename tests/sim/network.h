/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between nodes, and from clients to nodes, as TCP and TLS make them: bytes arrive in order and once, or
 * the connection ends. What the network does to the segments below that is by chance, and what faults make of it: late,
 * lost and sent again, held up by a cut, ended in the middle. What was sent before an end may still arrive after it,
 * behind what another connection has brought meanwhile.
 *
 * Implements io/stream.h and io/dialer.h for nodes and for clients alike. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "base/list.h"
#include "base/rng.h"
#include "base/timers.h"
#include "io/dialer.h"
#include "sim/options.h"

/* Places in the network: the nodes by their numbers, then that of all clients. */
#define SITE_CLIENTS SIM_NODES_MAX
#define SITES        (SIM_NODES_MAX + 1)

#define PORT_EPMD    4369
#define PORT_HANDOFF 8099
#define PORT_PROTO   8087

struct node;
struct world;
struct wire;

enum end_state {
    END_DIALING, /* until the other side has accepted it */
    END_COMING,  /* the other side of that */
    END_OPEN,
    END_CLOSING, /* by its user, who has yet to hear that it is closed */
    END_CLOSED
};

/* One end of a connection, as its place sees it. */
struct end {
    struct stream stream; /* first */
    struct wire *wire;
    unsigned side, site;
    struct node *node;        /* NULL: a client's, who takes at once what comes */
    struct stream_user *user; /* NULL: nobody yet */
    enum end_state state;
    bool held;                   /* its user wants no input now */
    bool tls, secured;           /* a handshake is expected; it is done */
    bool is_operator;            /* a client's, with the certificate of a node */
    bool written;                /* its user is to be told when the queue has run low */
    const char *broken;          /* why it is over, once its user can be told */
    struct list place;           /* in its node's list of ends that have something to do */
    struct list inbox;           /* segments that have come, in order */
    struct list early;           /* segments that came before an earlier one */
    struct list flying;          /* segments sent from here that are on their way */
    struct list parked;          /* segments sent from here that a cut holds up */
    uint64_t sent, acknowledged; /* segments sent from here: the other side has all before that one */
    uint64_t next;               /* segment to be taken in here */
    size_t window;               /* bytes sent from here that the other side's user has not taken */
    struct timer silence;        /* of what is sent and not acknowledged; before the end of the handshake: of that */
    uint64_t silence_mark;
};

struct network {
    struct world *world;
    struct rng chance;
    struct list wires;
    uint64_t numbered;
    struct list client_ends; /* with something to do, as a node has its own */
    struct timer client_turn;
    bool cut[SITES][SITES]; /* what is sent from the first to the second */
    /* What faults add. */
    uint32_t late_us[SITES][SITES]; /* at most, uniformly */
    unsigned lost_percent[SITES][SITES];
    uint64_t resets;
    uint64_t latest_us; /* the longest that anything between nodes was under way, cuts aside */
};

void network_init(struct network *n, struct world *w, uint64_t seed);
/* All connections must be closed. */
void network_fini(struct network *n);

/* From a node (or a client: NULL) to an address and port, as dialer_ops.dial. */
int network_dial(struct network *n, struct node *from, const char *address, uint16_t port, struct stream_user *user,
                 struct stream **out);

/* A client that was just dialed shows the certificate of a node. */
void network_operate(struct stream *s);

/* The node's turn: what has come is given to its users. */
void network_serve(struct node *n);
/* The node's process ends. `silently`: its machine too, so that nobody hears of it. Users are told. */
void network_end_node(struct network *n, struct node *node, bool silently);

/* What is sent from one place to another: held up, or let through again with all that was. */
void network_cut(struct network *n, unsigned from, unsigned to, bool on);
/* Ends one connection by chance, in the middle of what it does; false: there is none. */
bool network_reset_one(struct network *n);

/* Whether there is a way both ways. */
static inline bool network_joins(const struct network *n, unsigned a, unsigned b)
{
    return !n->cut[a][b] && !n->cut[b][a];
}

#endif
