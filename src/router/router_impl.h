/* SPDX-License-Identifier: Apache-2.0 */
/* The router of a node as its owner has it: what it needs to know, and what is brought to it. What others ask of it
 * stands in router.h. */
#ifndef ROUTER_ROUTER_IMPL_H
#define ROUTER_ROUTER_IMPL_H

#include "base/id.h"
#include "partition/partition.h"
#include "router/router.h"

struct op;

struct router_hooks {
    /* Why requests cannot be made; static text. Asked where the cluster's state is not there. */
    const char *(*unavailable)(const void *arg);
    bool (*obstacle)(const void *arg, char *out, size_t size); /* router_obstacle() */
    bool (*lease_is_valid)(const void *arg);
    /* The open connection to that member; NULL: none is open. */
    struct link *(*link_to)(const void *arg, uint64_t member, enum peer_plane plane);
    /* R-MEMORY: a member that keeps this partition has said that it can take no more. */
    bool (*is_full)(const void *arg, const struct partition_map *map);
    /* Takes a change of the catalog that is dispatched (PEER_CATALOG), and ends it, now or later. */
    void (*propose_catalog)(void *arg, struct op *w);
};

/* Borrowed to the end. The owner keeps up to date what is pointed to in the last group. */
struct router_env {
    const struct router_hooks *hooks;
    void *arg;
    const struct clock *clock;
    struct timers *timers;
    struct metrics *metrics;
    struct mesh *mesh;
    uint64_t silent_ms; /* a node that was silent for so long is not asked: all others say something before */
    struct partitions *partitions;
    const struct store_memory *memory;
    struct meta_state *const *state; /* *state NULL: in no cluster */
    const bool *whole;               /* the state is there, not only begun */
    const uint64_t *self;            /* this node's member id */
    const struct incarnation *incarnation;
    const uint64_t *catalog_version;
};

struct router {
    struct router_env env;
    struct op *called;                   /* that a call is about to return DONE or PENDING for */
    const struct op *decoded_op;         /* while it is dispatched for the first time: */
    const struct store_command *decoded; /* what it writes */
    struct list queue;                   /* ops to be dispatched at the end of the turn */
    struct op *free;                     /* kept for the next */
    unsigned free_count;
    struct list waits; /* ops that wait for their next try */
    uint64_t requests; /* made of other nodes */
    bool applying;     /* a group is calling: nothing may call into it */
};

void router_init(struct router *r, const struct router_env *env);
void router_fini(struct router *r);
/* At the end of a turn, before the partitions'. */
void router_turn(struct router *r);
/* Called by a partition (partition_hooks). */
void router_applied(struct router *r, struct partition *p, uint64_t index, const struct blob *blob, int err,
                    const struct store_result *result);
/* The replica does not lead any more, or is gone: what waits here is tried elsewhere. */
void router_deposed(struct partition *p);
void router_serve_reads(struct partition *p);
/* PEER_REQUEST and PEER_ANSWER. E_MALFORMED: nobody of ours says that; E_NOMEM. */
int router_frame(struct router *r, struct link *l, unsigned kind, struct slice body);
void router_link_closed(struct link *l);
/* The cluster's map is another: what waits is tried again. */
void router_map_changed(struct router *r);
/* This node is in no cluster any more: whoever waits for an answer is told that there will be none. */
void router_end(struct router *r);

#endif
