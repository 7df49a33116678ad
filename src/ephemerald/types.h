/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket types of the configuration: created when the node is in a cluster that lacks them, never overwritten; what
 * is there otherwise is logged. */
#ifndef EPHEMERALD_TYPES_H
#define EPHEMERALD_TYPES_H

#include "base/timers.h"
#include "router/router.h"
#include "ephemerald/config.h"

/* What could not be created for lack of memory, time or a leader is asked for again so much later. */
#define TYPES_RETRY_MS 1000

struct types {
    const struct config *config;
    const struct log *log;
    struct timers *timers;
    struct router *router;
    struct router_request request;
    struct timer retry;
    bool goes_on; /* types_turn() is on the stack */
    bool asking;
    bool warned; /* of the type that is looked at next */
    size_t next; /* the type that is looked at next */
};

/* All borrowed until types_fini(). */
void types_init(struct types *t, const struct config *config, const struct log *log, struct timers *timers,
                struct router *router);
/* Goes on, where it can: once per turn of the loop. */
void types_turn(struct types *t);
void types_fini(struct types *t); /* also twice */

#endif
