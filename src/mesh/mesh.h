/* SPDX-License-Identifier: Apache-2.0 */
/* The other nodes as this one sees them: where they might be, who answered there, and the connections to them. It says
 * hello and carries frames; what they mean is not its business, but for the two that tell who somebody is (hello and
 * beacon).
 *
 * Each node dials each other and says on its own connections what it has to say; on those that it accepted it listens,
 * and answers requests. So what a node hears on a connection that it dialed is from the process that has that address
 * now, which is what a proof of death needs (R-PROOF). */
#ifndef MESH_MESH_H
#define MESH_MESH_H

#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/repeats.h"
#include "base/timers.h"
#include "io/clock.h"
#include "io/dialer.h"
#include "wire/peer_msg.h"

#define MESH_ENDPOINTS_MAX 256
#define MESH_PEERS_MAX     256
/* Accepted connections on which nobody has said hello yet: twice what both ports let in, as some are being closed. */
#define MESH_STRANGERS_MAX 512
#define MESH_FAILURE_SIZE  128 /* of a text, with its NUL */
#define MESH_IN_MAX        8 /* accepted connections of one peer for one plane: it makes one, and leaves some behind */
/* Bytes that wait on one connection, over which nothing is said there any more. */
#define MESH_BACKLOG_MAX ((size_t)64 * 1024 * 1024)

struct mesh;
struct peer;

/* One connection. */
struct link {
    struct stream_user user;
    struct stream *stream; /* NULL: it has ended */
    struct mesh *mesh;
    struct endpoint *endpoint; /* that was dialed; NULL: it was accepted */
    struct peer *peer;         /* who is at the other end, once it has said hello */
    unsigned plane;
    bool secure, dirty, leaves;
    bool later;                   /* something waits there for the next message, or for the mesh's timer */
    bool stranger;                /* accepted, and nobody has said hello */
    char from[PEER_ADDRESS_SIZE]; /* accepted: the address at the other end; or empty */
    struct incarnation certified; /* the incarnation that its certificate names */
    uint64_t begun_ms;
    struct buf in;      /* the beginning of a frame, */
    size_t need;        /* and how long that is to become, as far as can be told */
    size_t frame;       /* where the one being written begins */
    struct timer hello; /* runs until the other side has said it */
    struct list place;  /* in the mesh */
};

/* An address where a node might be. */
struct endpoint {
    char address[PEER_ADDRESS_SIZE];
    uint16_t port; /* of the control plane */
    bool candidate;
    bool listed; /* a candidate of mesh_set_candidates(), else one that was heard of */
    bool self;
    bool wants_data;   /* connections of the data plane too */
    struct peer *peer; /* who answered last; NULL: nobody has */
    uint64_t begun_ms; /* the dial that it answered */
    uint64_t known_ms; /* since when it was heard of */
    struct link *out[PLANE_COUNT];
    uint64_t dial_ms[PLANE_COUNT]; /* not before */
    unsigned failures[PLANE_COUNT];
    bool told;                       /* the log was told that nobody answers there */
    char failure[MESH_FAILURE_SIZE]; /* why the last dial of the control plane failed; empty: none since it answered */
    const char *refusal;             /* why this node does not talk to who is there; NULL: it does. Static, */
    uint64_t refused_ms;             /* as it was then */
};

/* A node that has said hello: one incarnation. */
struct peer {
    struct peer_hello hello; /* the same on all its connections, but for the plane */
    struct peer_beacon beacon;
    bool has_beacon;
    uint64_t heard_ms;             /* anything, on a connection of its own */
    uint64_t answered_ms;          /* anything, on one that this node dialed */
    unsigned in[PLANE_COUNT];      /* its connections to here */
    struct link *out[PLANE_COUNT]; /* this node's to it */
    struct list requests;          /* the cluster's: made of it and not answered yet, */
    struct list served;            /* and made by it, */
    size_t served_bytes;           /* which take so much memory */
};

struct mesh_hooks {
    /* Everything but hello. E_MALFORMED: nobody of ours says that, the connection is closed and it is counted. */
    int (*frame)(void *arg, struct link *l, unsigned kind, struct slice body);
    void (*beacon)(void *arg, struct peer *p);
    /* A connection that this node dialed is open, or any connection is gone (its requests are to be forgotten). */
    void (*opened)(void *arg, struct link *l);
    void (*closed)(void *arg, struct link *l);
    /* The node's connections have ended, and a dial that was begun since then has failed or was answered by another
     * incarnation: its process has most likely ended. It is a hint for speed and proves nothing (mesh_proves_dead()
     * does). May come several times. */
    void (*ended)(void *arg, const struct peer *p);
    /* What was written over a connection of the bulk plane has left. */
    void (*drained)(void *arg, struct link *l);
};

struct mesh_config {
    struct peer_hello self;    /* its address may be empty, until mesh_set_address() */
    size_t frame_max;          /* bytes */
    const struct clock *clock; /* borrowed, as what follows */
    struct timers *timers;
    const struct log *log;
    struct dialer *dialer;
    const struct mesh_hooks *hooks;
    void *arg;
};

struct mesh {
    struct mesh_config config;
    struct acceptor acceptor; /* for both ports: what a connection is for is said in its hello */
    unsigned endpoint_count;
    struct endpoint *endpoint[MESH_ENDPOINTS_MAX];
    unsigned peer_count;
    struct peer *peer[MESH_PEERS_MAX];
    struct list links, dirty_links;
    unsigned strangers;
    struct timer dial;
    struct timer later;     /* runs: something was written that waits */
    uint64_t malformed;     /* connections that were closed for what came over them */
    uint64_t forgotten_ms;  /* nodes that are peers no longer were not heard after this */
    struct repeats repeats; /* what the log was told, by enum refusal and address */
    bool ending;
};

void mesh_init(struct mesh *m, const struct mesh_config *config);
/* Closes all connections; their streams end later, in their own time, without another call to the hooks. Not before
 * the last of them has ended may `m` be given up: mesh_is_empty(). */
void mesh_end(struct mesh *m);
bool mesh_is_empty(const struct mesh *m);
void mesh_fini(struct mesh *m);

/* The candidates are these and no others; those where a node answers stay known as well. */
void mesh_set_candidates(struct mesh *m, const struct endpoint *list, size_t count);
/* An address that was heard of. The oldest of those where nobody answers makes room, but no listed one. NULL: there are
 * too many, or no memory. */
struct endpoint *mesh_endpoint(struct mesh *m, const char *address, uint16_t port);
/* NULL: that address is not known. */
struct endpoint *mesh_find(const struct mesh *m, const char *address, uint16_t port);
/* Once, if there was no address yet: until then connections are refused, and there may be no endpoint. */
void mesh_set_address(struct mesh *m, const char *address);
/* This node has another incarnation from now on: it makes new connections. */
void mesh_set_incarnation(struct mesh *m, struct incarnation incarnation);
/* Dials what is due, after something has changed that makes it so. */
void mesh_dial(struct mesh *m);

struct peer *mesh_peer(const struct mesh *m, struct incarnation incarnation); /* or NULL */
/* It is heard, and hears: connections stand both ways, and this node's leads to where the other says that it is: there
 * others would look for it. */
bool mesh_sees(const struct mesh *m, const struct peer *p);
/* At that address is this node itself, or one that it sees and that has said what it is. */
bool mesh_has_met(const struct mesh *m, const char *address, uint16_t port);
/* How many of the listed addresses lead, by connections that stand, to a node that another of them leads to. */
unsigned mesh_aliases(const struct mesh *m);
/* R-PROOF: the incarnation that was at that address is certainly dead: another has its port. That another has the name
 * of its place (the same pod, the same task) proves nothing, as an orchestrator may start the next while the one before
 * still runs, for seconds or beyond a cut. `known_ms`: since when it is known here to have lived, for one that was
 * never heard; who answered there before may be older than it. */
bool mesh_proves_dead(const struct mesh *m, struct incarnation incarnation, const char *address, uint16_t port,
                      uint64_t known_ms);

/* The open connection to that incarnation; NULL: there is none. */
struct link *mesh_link(const struct mesh *m, struct incarnation incarnation, enum peer_plane plane);

/* Begins a frame; its body is appended to what is returned. NULL: not connected, or no memory, or more waits already
 * than anybody leaves unread who means to read it: the message is lost, as the network may lose one. */
struct buf *link_begin(struct link *l, enum peer_msg_kind kind);
/* err: what was written is taken back; so is a frame over frame_max, for which the other side would close. */
void link_end(struct link *l, int err);
/* The same for what may wait for the next message there, a few milliseconds at most. */
void link_end_later(struct link *l, int err);
/* How many bytes wait to be sent. */
size_t link_backlog(const struct link *l);
void link_close(struct link *l);
/* Once per turn of the loop: what was written leaves. */
void mesh_flush(struct mesh *m);

#endif
