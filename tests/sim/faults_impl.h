/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the faults share, and nobody else sees. */
#ifndef SIM_FAULTS_IMPL_H
#define SIM_FAULTS_IMPL_H

#include "sim/faults.h"
#include "sim/world.h"

static inline struct rng *faults_chance(struct world *w)
{
    return &w->faults.chance;
}

uint64_t faults_lost_after_us(const struct world *w); /* so long one may be silent before it counts as lost */
uint64_t faults_short_us(struct world *w);            /* by chance: less than that */
unsigned faults_any_node(struct world *w);            /* one of those that are listed */

/* faults_network.c. Those that begin return how long it lasts, as all do (faults.c). */
uint64_t faults_begin_delay(struct actor *a);
void faults_end_delay(struct actor *a);
uint64_t faults_begin_loss(struct actor *a);
void faults_end_loss(struct actor *a);
uint64_t faults_begin_reset(struct actor *a);
uint64_t faults_begin_cut(struct actor *a);
uint64_t faults_begin_one_way(struct actor *a);
void faults_end_cut(struct actor *a); /* of any kind that cuts */
/* Nothing goes from one side to the other, both ways. */
void faults_cut_apart(struct actor *a, const bool side[SIM_NODES_MAX]);

#endif
