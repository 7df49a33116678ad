/* SPDX-License-Identifier: Apache-2.0 */
/* One machine of the world: its clocks, and on it, while it runs, the daemon's parts as the daemon puts them together
 * (ephemerald/daemon.c). */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/timers.h"
#include "cluster/cluster.h"
#include "io/dialer.h"
#include "riak/riak.h"
#include "session/accept.h"
#include "sim/orchestrator.h"

struct world;

struct node {
    struct world *world;
    unsigned number;
    char address[16], name[16];
    /* The machine. */
    bool powered; /* what is sent to it is answered by its system, if by nobody else */
    bool paused;
    bool resumes;     /* its next turn is the one in which it was stopped */
    uint32_t slow_us; /* that a turn of its loop takes at most, beside the usual */
    struct rng chance;
    int32_t drift_ppm;
    uint64_t boot_us, boot_at_us; /* its boot clock then, and the true time */
    int64_t wall_ahead_ms;        /* its wall clock, of true time */
    struct pod pod;
    /* The process. */
    struct cluster *cluster; /* NULL: none runs */
    bool ended;              /* it wants to end */
    bool dying;              /* nothing that it does reaches anybody any more */
    unsigned fail_one_in;    /* of its allocations; 0: none */
    uint64_t turn_ms;        /* its clock, the same for a turn of its loop */
    uint64_t asked;          /* how often it has asked for the time in this turn */
    struct clock clock;
    struct timers timers;
    struct log log;
    struct metrics metrics;
    struct dialer dialer;
    struct server server;
    struct riak riak;
    struct session_acceptor sessions;
    struct incarnation incarnation; /* that its certificate names */
    struct list ends;               /* connections with something to do */
    struct timer turn, wake, discovery;
    uint64_t busy_until_us;
    unsigned starts;
};

void node_init(struct node *n, struct world *w, unsigned number);
void node_fini(struct node *n);

/* Starts the process, on a machine that runs. */
void node_start(struct node *n);
/* Ends it as by SIGKILL; silently: the whole machine. */
void node_kill(struct node *n, bool silently);
/* As by SIGTERM: ends once it has given up what it holds. */
void node_leave(struct node *n);
void node_pause(struct node *n, bool on);
/* It has something to do, as soon as it can. */
void node_touch(struct node *n);

uint64_t node_boot_us(const struct node *n); /* its boot clock now */
void node_set_drift(struct node *n, int32_t ppm);
/* What discovery has found, as of now. */
void node_discover(struct node *n);
/* What its orchestrator's API has answered. */
void node_hear_roster(struct node *n, const struct cluster_roster *r);

static inline bool node_runs(const struct node *n)
{
    return n->cluster && !n->paused;
}

#endif
