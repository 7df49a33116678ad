/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of whole nodes, their network and their clients in one process and in virtual time: everything from the
 * store to the client's session is the code that the daemon runs; only sockets, TLS, clocks and chance are replaced.
 * One seed is one course of events, the same each time, to the last byte.
 *
 * True time is in microseconds since the world began. Nodes see it through clocks of their own, which drift. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/rng.h"
#include "base/timers.h"
#include "history/history.h"
#include "sim/client.h"
#include "sim/faults.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/options.h"
#include "sim/trace.h"
#include "sim/witness.h"

struct world {
    struct sim_options options;
    struct timers timers; /* of true time, in microseconds */
    uint64_t now_us;
    struct rng chance; /* from which the others are seeded */
    struct trace trace;
    struct network network;
    unsigned nodes;  /* machines that may run one */
    unsigned places; /* nodes that discovery lists: all, or some of them where an orchestrator moves them */
    struct node node[SIM_NODES_MAX];
    struct client client[SIM_CLIENTS_MAX];
    unsigned clients;
    struct history history;
    struct faults faults;
    struct witness witness;
    bool failed;
    char failure[1024]; /* what was found wrong first */
};

/* Lives through one seed from start to end. False: something was found wrong, and it is told on standard error, with
 * the last of what had happened. */
bool world_live(const struct sim_options *options, struct sim_result *result);

/* Ends the world: a promise is broken. Only the first is kept. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From now on, at most `us`, or until `f` holds (false: it does not). Ends early when the world has failed. */
typedef bool (*world_f)(struct world *w);
void world_run(struct world *w, uint64_t us);
bool world_until(struct world *w, world_f f, uint64_t us);

/* Starts a timer of true time. */
void world_timer(struct world *w, struct timer *t, uint64_t delay_us);

#define SECOND_US ((uint64_t)1000000)

/* Uniform in [low, high]. */
static inline uint64_t chance_between(struct rng *r, uint64_t low, uint64_t high)
{
    return low + rng_below(r, high - low + 1);
}

static inline bool chance_of(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

#endif
