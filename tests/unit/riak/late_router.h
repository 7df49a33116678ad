/* SPDX-License-Identifier: Apache-2.0 */
/* A double of the router that answers on command: a server whose api.ops is &late_router_calls asks here, and what it
 * asks goes on to the real router at once, or, while `holds` is set, when the test says so. What was borrowed for the
 * call is copied, so that a caller who relies on more is found out. */
#ifndef LATE_ROUTER_H
#define LATE_ROUTER_H

#include "api/ask.h"
#include "cluster/cluster.h"

struct late_router {
    struct cluster *cluster; /* whose turn ends behind each answer */
    bool holds;
    const char *unavailable; /* what router_unavailable() says */
    const char *obstacle;    /* and router_obstacle() */
    uint64_t timeout_ms;     /* of the last request */
    bool wants_object;       /* the last request */
    unsigned asked, forgotten;
    struct list held;
};

extern const struct router_ops late_router_calls;

/* One at a time in a program. */
void late_router_start(struct late_router *l);
void late_router_stop(struct late_router *l); /* none may be held any more */

/* The oldest request that is held: done as the real router does it, and answered. False: none is held. Changes of the
 * catalog were made when they were asked for. */
bool late_router_answer(struct late_router *l);
/* The same of the one that was asked last. */
bool late_router_answer_last(struct late_router *l);
/* The oldest is answered with `err`, and has had no effect. */
bool late_router_fail(struct late_router *l, int err);

#endif
