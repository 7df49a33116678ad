/* SPDX-License-Identifier: Apache-2.0 */
/* What discovery and the cluster know of the other nodes, put together: for `ephemeralctl discovery`, and for the log
 * while this node seeks others. Also lets discovery know that it seeks. */
#ifndef EPHEMERALD_DISCOVERY_REPORT_H
#define EPHEMERALD_DISCOVERY_REPORT_H

#include "cluster/cluster.h"
#include "discovery/discovery.h"

/* A node finds others within seconds, where all is well. */
#define REPORT_FIRST_MS 10000
#define REPORT_AGAIN_MS 60000

struct discovery_report {
    struct discovery *discovery; /* all borrowed */
    const struct cluster *cluster;
    struct timers *timers;
    const struct clock *clock;
    const struct log *log;
    struct timer timer; /* runs while this node seeks */
    bool seeks;
    uint64_t since_ms;
};

/* Once discovery has started; `log` may be NULL. */
void discovery_report_init(struct discovery_report *r, struct discovery *d, const struct cluster *c,
                           struct timers *timers, const struct clock *clock, const struct log *log);
void discovery_report_fini(struct discovery_report *r);

/* At the end of each turn of the loop: whether this node seeks may have changed. */
void discovery_report_turn(struct discovery_report *r);

/* Candidates from number `from` on: those of discovery, then those that only the cluster has heard of. */
void discovery_report_fill(const struct discovery_report *r, unsigned from, struct status_discovery *out);

#endif
