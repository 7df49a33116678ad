/* SPDX-License-Identifier: Apache-2.0 */
/* The eye that sees all nodes at once: what must never be, whatever goes wrong, and what has been lost by right,
 * because all who held it were gone. Looks into src/cluster; changes nothing. */
#ifndef SIM_WITNESS_H
#define SIM_WITNESS_H

#include "base/timers.h"
#include "sim/client.h"
#include "sim/options.h"

#include <stdbool.h>
#include <stddef.h>

struct node;
struct world;

/* The most that was committed of a partition, as far as any replica has known. */
struct committed {
    uint64_t epoch, index;
    uint32_t generation;
};

/* What a replica knew to be committed when it was last looked at. */
struct seen_commit {
    uint64_t epoch, replica, index;
};

struct witness {
    struct world *world;
    uint64_t epoch; /* the latest that served */
    struct cluster_id cluster_id;
    uint32_t values;   /* that clients have made up */
    uint64_t answered; /* requests */
    struct committed committed[64];
    struct seen_commit meta_commit[SIM_NODES_MAX], commit[SIM_NODES_MAX][64];
    bool losing;       /* what keys held may be lost, each as often as it was: */
    size_t first_loss; /* in the history, of those that are not over */
    uint64_t losses;
    struct timer timer;
};

void witness_init(struct witness *v, struct world *w);
void witness_begin(struct witness *v);
void witness_stop(struct witness *v);

/* Promise 4, R-READ, and that epochs and what is committed never go back: behind each turn of a node. */
void witness_turn(struct node *n);
/* Before a node's process ends: was it the last that held something? */
void witness_kill(struct node *n);
/* Somebody who runs has heard of the last epoch that served. `but`: without that one; NULL: whoever it is. */
bool witness_epoch_is_known(const struct world *w, const struct node *but);
/* Anything may be lost from now on, until all is whole again. */
void witness_lose_all(struct world *w);

/* The orchestrator has given up those who run and are not listed any more: what only they hold may be lost. */
void witness_give_up(struct world *w);

/* Whether a vclock (29 bytes) is of the epoch and the generation that the key's partition is in now, and was in since
 * then, as far as any node knows. */
bool witness_is_current(struct world *w, unsigned key, const uint8_t *vclock);

/* Every node runs, is a member of one epoch and ready, and every partition has all its replicas. */
bool witness_is_whole(struct world *w);
/* Says what is missing, in the world's trace. */
void witness_explain(struct world *w);
/* All replicas of each partition have applied and hold the same. */
bool witness_replicas_are_equal(struct world *w);
void witness_compare_replicas(struct world *w); /* says where not, and ends the world */

#endif
