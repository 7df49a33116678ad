/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the search for an order share: nobody else sees it. */
#ifndef HISTORY_LINEAR_IMPL_H
#define HISTORY_LINEAR_IMPL_H

#include "history/belief.h"
#include "history/check_impl.h"
#include "history/tried.h"

#define LINEAR_CHAIN_MAX 16  /* spares before one operation */
#define LINEAR_WAYS_MAX  512 /* in which one operation may fit */

struct call {
    const struct history_op *op;
    uint64_t end;
    bool had_effect; /* it was not answered, but its value was seen */
    uint32_t leaves; /* what the key holds when a spare has written */
    bool used;       /* it stands in the order */
    size_t needs;    /* 1 + the place among must[] of who writes what it needs to find; 0: anybody, or none */
    uint64_t mark;   /* in the hash of what stands in the order; of no spare */
};

/* One way in which an operation may come next. */
struct way {
    uint32_t after; /* what the key may hold then */
    unsigned chain; /* spares before it */
    uint32_t spare[LINEAR_CHAIN_MAX];
};

struct frame {
    size_t call, way;
    uint32_t before;
    struct way taken;
};

struct node {
    size_t next, prev; /* places in the list; SIZE_MAX: none */
    uint64_t time;
};

struct search {
    const struct key_history *key;
    struct call *must, *spare;
    size_t musts, spares;
    struct node *node; /* 2i: the begin of must[i]; 2i + 1: its end */
    size_t first;
    struct frame *stack;
    size_t depth;
    struct beliefs beliefs;
    uint32_t belief;
    uint64_t hash;
    struct tried tried;
    uint64_t *set;      /* room for one */
    unsigned chain_max; /* longer chains of spares lead nowhere */
    size_t losses;      /* that do not stand in the order yet */
    bool limited;       /* there were more spares, or ways, than are looked at: what is not found may be there */
    size_t *best;       /* the longest order that was found */
    size_t best_count;
    uint32_t best_belief;
};

/* The one value that it needs to find, or has no effect; 0: there is none such. */
static inline uint32_t linear_needed(const struct history_op *op)
{
    return op->kind == HISTORY_CAS ? op->expected : op->kind == HISTORY_EXPIRE ? op->value : 0;
}

/* linear_input.c: what is to be ordered. */
void linear_init(struct search *s, const struct key_history *k);
void linear_fini(struct search *s);

/* linear_ways.c: the ways in which it may come next, as things are; how many. */
size_t linear_find_ways(struct search *s, const struct call *c, struct way ways[LINEAR_WAYS_MAX]);
/* Where it comes now, without spares; BELIEF_NONE: it was told otherwise. */
uint32_t linear_come(struct search *s, const struct call *c, uint32_t belief);

/* linear_story.c: how far an order was found, and what cannot come then. */
void linear_tell(const struct search *s, struct check_report *r);

#endif
