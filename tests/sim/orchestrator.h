/* SPDX-License-Identifier: Apache-2.0 */
/* An orchestrator as the nodes see it: its API, which each asks for itself, with what may be wrong about an answer. It
 * knows which machines hold a node; who runs is another matter. */
#ifndef SIM_ORCHESTRATOR_H
#define SIM_ORCHESTRATOR_H

#include "base/timers.h"
#include "sim/options.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct world;

/* What it has to do with one machine, and what the node there knows of its API. */
struct pod {
    bool listed;    /* the machine is to hold a node; true of all where there is no orchestrator */
    bool denied;    /* the API does not say so (FAULT_LIE) */
    bool cut_off;   /* it does not reach the API, nor is it reached */
    uint64_t to_us; /* it was listed last then, if it is not now */
    uint64_t from_us;
    /* The node's questions. */
    struct timer question, answer;
    uint64_t asked_us, asked_ms; /* in true time; by its clock */
    bool asking, refreshes;
    unsigned wrong; /* with its answers (enum answer), ... */
    uint64_t wrong_until_us;
    bool was_old;       /* the last answer was older than a lease */
    uint64_t frozen_us; /* all its answers are of then, ... */
    uint64_t thaw_us;   /* ... until then */
};

/* In this life there is one. */
bool orchestrator_is(const struct sim_options *o);
/* Machines beyond the nodes, to move them to. */
unsigned orchestrator_spares(const struct sim_options *o);
uint32_t orchestrator_fence_ms(const struct sim_options *o); /* 0: off */

void orchestrator_init(struct node *n);
/* A process starts there, or has ended. */
void orchestrator_begin(struct node *n);
void orchestrator_end(struct node *n);
/* cluster_config.refresh of a struct node. */
void orchestrator_refresh(void *node);

/* From now on the machine is to hold a node, or not any more. */
void orchestrator_list(struct node *n, bool listed);

#endif
