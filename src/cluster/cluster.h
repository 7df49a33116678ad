/* SPDX-License-Identifier: Apache-2.0 */
/* One node's part in its cluster: it finds the others, forms or joins a cluster with them, holds a lease, holds its
 * replicas of partitions, and lets the router (router/router.h) reach every key. A machine without clock, socket or
 * chance of its own: those come through io/.
 *
 * The rules that it obeys have names (architecture.md, "The cluster's rules"), which stand at the lines that obey them.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "base/id.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/timers.h"
#include "router/router.h"
#include "cluster/status.h"
#include "io/clock.h"
#include "io/dialer.h"

/* Milliseconds; those of the cluster that a node joins replace its own, but for the last three. */
struct cluster_times {
    uint32_t heartbeat;      /* of Raft groups */
    uint32_t election;       /* without a leader for this long, up to twice as long by chance */
    uint32_t lease;          /* counted from when its renewal was sent */
    uint32_t margin;         /* between the end of a lease and what may follow from it */
    uint32_t lost_after;     /* T_lost: silence for so long counts as death */
    uint32_t form_grace;     /* for those who are still missing when a cluster is formed */
    uint32_t stranded_after; /* without a meta leader */
    uint32_t
        fence_after; /* R-FENCE: without seeing itself in its orchestrator's list, while members are missing; 0: off */
};

#define CLUSTER_TICKET_SECRETS_MAX 3
#define CLUSTER_TICKET_SECRET_SIZE 32

/* What all members of the cluster make the keys of TLS session tickets from: all decrypt, the current one encrypts. */
struct cluster_tickets {
    unsigned count; /* 0: this node is in no cluster */
    unsigned current;
    const uint8_t (*secret)[CLUSTER_TICKET_SECRET_SIZE];
};

struct cluster_config {
    const char *name;    /* nodes of another name are not talked to; under 65 bytes */
    const char *address; /* numeric, under which the others reach this node; empty: cluster_set_address() follows */
    uint16_t epmd_port, handoff_port;
    const char *place;   /* where it runs, or "" */
    uint32_t expected;   /* E0, the configured size */
    uint32_t replicas;   /* of a partition: 1 to PLACEMENT_REPLICAS_MAX */
    uint32_t partitions; /* P: 1 to ROUTER_PARTITIONS_MAX; a node that joins takes the cluster's */
    struct cluster_times times;
    uint32_t tickets_ms;       /* so often the secrets of TLS session tickets are rotated; 0: never */
    size_t memory_limit;       /* bytes for the data */
    size_t frame_max;          /* bytes of the largest command or object, names and all */
    const struct clock *clock; /* all borrowed until the end, texts too */
    struct timers *timers;
    const struct log *log;
    struct metrics *metrics;
    struct dialer *dialer;
    /* This node goes by another incarnation from now on, which its node certificate is to name; called first out of
     * cluster_create(). Nonzero: it could not be made, and the node cannot go on. */
    int (*identify)(void *arg, struct incarnation incarnation);
    /* A new answer of the orchestrator's API is wanted soon (cluster_set_roster()); may be NULL. It is called again, up
     * to ten times a second, as long as one is wanted: how often the API is asked, the callee decides. The answer must
     * not come from inside this call. */
    void (*refresh)(void *arg);
    /* These are the secrets of TLS session tickets from now on; may be NULL. Called out of cluster_create() and
     * cluster_turn(). Borrowed for the call. */
    void (*tickets)(void *arg, const struct cluster_tickets *t);
    /* It has left and ends, or cannot go on. */
    void (*ended)(void *arg);
    void *arg;
};

/* A cluster of one (expected 1) forms itself before this returns, if its address is known. E_NOMEM, or what `identify`
 * returned. */
int cluster_create(const struct cluster_config *config, struct cluster **out);
/* Closes the connections to other nodes, without leaving: to them it is as if the process had ended. cluster_destroy()
 * may follow once cluster_is_closed(). */
void cluster_close(struct cluster *c);
bool cluster_is_closed(const struct cluster *c);
void cluster_destroy(struct cluster **c);

/* For the listeners on both of the nodes' ports. */
struct acceptor *cluster_acceptor(struct cluster *c);
struct router *cluster_router(struct cluster *c);

struct cluster_candidate {
    const char *address; /* numeric, borrowed for the call */
    uint16_t epmd_port;
};
/* What discovery has found: all of it. `listed`: how many nodes it says there are, for N; `authoritative`: N may fall
 * by it. `answered`: every source has said something. */
void cluster_set_candidates(struct cluster *c, const struct cluster_candidate *list, size_t count, unsigned listed,
                            bool authoritative, bool answered);

/* An answer of the orchestrator's API. */
struct cluster_roster {
    /* Every address that it lists, in whatever state: terminating pods too, all addresses of a dual-stack pod. Numeric,
     * in the spelling of the nodes' own addresses; borrowed for the call. */
    const struct cluster_candidate *places;
    size_t count;
    uint64_t asked_ms; /* on the node's clock (boot), when the first page of this answer was asked for */
    /* All pages came, and each entry has an address: one without may be anybody's. */
    bool whole;
};
/* For each answer of the API, also when nothing has changed. What it is worth: R-GONE and R-FENCE (gone.c). */
void cluster_set_roster(struct cluster *c, const struct cluster_roster *r);

/* Once, if the configuration said no address: from now on the node takes part. No candidates may have been set before.
 * E_NOMEM. */
int cluster_set_address(struct cluster *c, const char *address);

/* Once per turn of the loop, after all that has come in: what waits leaves in batches. */
void cluster_turn(struct cluster *c);

#endif
