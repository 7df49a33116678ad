/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a world, when and for how long: by chance, each kind by itself. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim/network.h"
#include "sim/schedule.h"

#define ACTORS_MAX (2 * FAULT_COUNT)

struct world;

/* One kind of fault that comes and goes. */
struct actor {
    struct timer timer;
    struct world *world;
    enum fault kind;
    bool acts;                           /* now */
    unsigned node[SIM_NODES_MAX], count; /* that it has taken hold of */
    unsigned step, waited;
    size_t next;       /* of a schedule: the position from which it goes on */
    uint64_t again_us; /* until it is asked again */
    bool joined;       /* of a drain: the fresh nodes were members when the others were told to leave */
    bool cut[SITES][SITES];
};

struct faults {
    struct rng chance;
    struct schedule schedule;
    uint64_t began_us; /* the first fault could begin then */
    struct actor actor[ACTORS_MAX];
    unsigned actors;
    uint64_t began; /* times that one did */
    bool over;      /* nothing goes wrong any more */
    /* Of what one site sends to another: since when nothing arrives, and when something last could again. */
    uint64_t silent_us[SITES][SITES], freed_us[SITES][SITES];
};

void faults_init(struct faults *f, struct world *w);
/* From now on. */
void faults_begin(struct world *w);
/* All is mended: the network, the clocks, the nodes that stand still; those that are dead start again. */
void faults_end(struct world *w);

void faults_fini(struct world *w);

/* For those kinds that have files of their own (replaced.c). */
void faults_tell(const struct actor *a, const char *what, unsigned x, unsigned y);
void faults_apply_cuts(struct world *w); /* what any actor's `cut` says */
uint64_t replaced_begin(struct actor *a);
bool replaced_go_on(struct actor *a);
void replaced_end(struct actor *a);

/* Nobody is left who knows the last epoch that served: the next is above it only if most of those who form it have
 * clocks that have not gone back behind it (guarantees: all nodes end). So all but one are set right. */
void faults_keep_clocks(struct world *w);

/* Starts all nodes: at once, one shortly after the other, or each when the one before is ready. */
void faults_start_all(struct world *w);

/* Tells the node's cluster what discovery says now, true or not; when it will say more, or 0. */
struct node;
uint64_t faults_discover(struct node *n);

static inline bool faults_include(const struct sim_options *o, enum fault kind)
{
    return o->faults & 1u << kind;
}

/* For what is in files of its own. One more may end now, and another will come. */
bool faults_may_end_one(const struct actor *a);

/* Some are silent for so long now that they may count as lost. */
bool faults_silence_many(const struct world *w);
/* The same of any two, by cuts that followed one upon the other. */
bool faults_silence_long(const struct world *w);

/* Whatever ends, ends when all say that they are ready, and there is nothing else that could cost a replica: promise 5.
 */
bool faults_are_orderly(const struct world *w);

/* How far apart two nodes may be in what they think of a partition's time, as what tells them of it is late and their
 * clocks drift. */
uint64_t faults_clock_error_us(const struct world *w);
/* How long a partition may have nobody who serves it, and so nobody who sees that a key's time is over. */
uint64_t faults_outage_us(const struct world *w);

#endif
