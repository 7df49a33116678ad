/* SPDX-License-Identifier: Apache-2.0 */
/* One node among peers that hold valid certificates and mean it no good, in virtual time: the whole of src/cluster,
 * with clock, chance and sockets replaced. The peers answer what the node dials, say what a script lets them say, and,
 * while they are obedient, vote, acknowledge and confirm as good nodes do, so that the node comes to lead. */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include "cluster/cluster_impl.h"

#include "base/rng.h"

#define HOSTILE_PEERS                                                                                                  \
    4 /* members 2 and 3 of the cluster, a stranger, and one who says that it is where the first was */
#define HOSTILE_CONNS 1200 /* at once, dialed and accepted: what the mesh's own bounds allow */

struct world;

struct conn {
    struct stream stream; /* first */
    struct world *world;
    struct stream_user *user;
    unsigned peer; /* HOSTILE_PEERS: nobody is there */
    unsigned plane;
    bool dialed; /* by the node */
    bool secure, closing;
    bool stalled; /* the peer reads nothing */
    bool wrote;
    struct buf said; /* by the node, not heard yet */
    struct list place;
};

/* What the peers have learned from the node, for what they say next. */
struct learned {
    uint64_t proposal, epoch, request, sent_ms;
    struct cluster_id cluster_id;
    uint64_t term[META_PARTITIONS_MAX + 1],
        last_index[META_PARTITIONS_MAX + 1]; /* of groups; the last is the meta group */
};

struct world {
    uint64_t now_ms;
    struct rng rng;
    struct timers timers;
    struct clock clock;
    struct log log;
    struct metrics metrics;
    struct dialer dialer;
    struct cluster *cluster;
    struct list conns;
    unsigned conn_count;
    struct incarnation incarnation[HOSTILE_PEERS];
    char address[HOSTILE_PEERS][PEER_ADDRESS_SIZE];
    bool obedient, ended;
    bool moved;                 /* the last of the peers answers at the address that the first has too */
    struct store_memory memory; /* of `state` */
    struct meta_state *state;   /* that the cluster was formed with */
    struct learned learned;
};

void world_init(struct world *w);
/* The node closes and is destroyed. */
void world_fini(struct world *w);

/* All connections between the node and the first two peers, their hellos and beacons said. */
void world_connect(struct world *w);
/* Makes `state`: of the node and the first two peers, with all partitions, each on all three. */
void world_prepare(struct world *w);
/* The first peer has it form a cluster of three in that state. */
void world_form(struct world *w);

/* The latest such connection; one that the node accepts is made when there is none. NULL: there is none, or no room. */
struct conn *world_conn(struct world *w, unsigned peer, unsigned plane, bool dialed);
/* A new one that the node accepts; nothing is said on it. NULL: the node does not want it. */
struct conn *world_visit(struct world *w, unsigned peer, unsigned plane);
struct peer_hello world_hello(const struct world *w, unsigned peer, unsigned plane);
/* The peer's end closes. */
void world_hang_up(struct conn *c);

/* Bytes that the peer sends; the node's turn follows with world_settle(). */
void world_send(struct conn *c, struct slice bytes);
/* A frame around what `code` writes of m. */
void world_say(struct conn *c, unsigned kind, void (*code)(struct coder *, void *), void *m);
void world_say_hello(struct conn *c);
/* hostile_hear.c: what the node has said there is learned from, and answered while the peers are obedient. */
void world_hear(struct conn *c);
/* The end of a turn, and what follows from it at once. */
void world_settle(struct world *w);
void world_pass(struct world *w, uint64_t ms);

#endif
