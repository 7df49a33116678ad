/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of one for tests of what stands on it: it is formed when alone_create() returns, and talks to nobody. */
#ifndef ALONE_H
#define ALONE_H

#include "cluster/cluster.h"

struct alone {
    struct dialer dialer; /* refuses */
    struct cluster *cluster;
};

/* All borrowed until alone_destroy(); `log` may be NULL. What cluster_create() returns. */
int alone_create(struct alone *a, const struct clock *clock, struct timers *timers, const struct log *log,
                 struct metrics *metrics, size_t memory_limit);
void alone_destroy(struct alone *a); /* also when there is none */

#endif
