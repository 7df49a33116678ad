/* SPDX-License-Identifier: Apache-2.0 */
/* The hits of an index query that are to be answered in order: all of them, or the first so many. Nothing here takes
 * longer the more of them there are, but hits_sort_some(), which is called until all are in order. */
#ifndef SERVER_HITS_H
#define SERVER_HITS_H

#include "cluster/router.h"

struct hit;
struct hits_chunk;

#define HITS_CLASSES 20 /* of sizes, each twice the one before: a term and a key have at most 128 KiB */

struct hits {
    bool integer;      /* how terms are ordered */
    size_t limit;      /* how many are kept; SIZE_MAX: all */
    struct hit **heap; /* the last in the order first, until they are sorted */
    size_t count, cap;
    size_t sorted;                    /* so many stand at their place, at the end */
    size_t bytes;                     /* of memory that they take */
    struct hits_chunk *chunks;        /* in which they lie, the newest first */
    struct hit *unused[HITS_CLASSES]; /* places of those that were replaced */
};

/* limit > 0 */
void hits_init(struct hits *h, bool integer, size_t limit);
void hits_fini(struct hits *h);
/* Forgets all of them. */
void hits_clear(struct hits *h);
/* Unless so many are before it. E_NOMEM. */
int hits_add(struct hits *h, const struct router_hit *hit);
/* True: there are as many as are wanted, and only what is before *last can still be one of them. Borrowed until the
 * next hits_add(). */
bool hits_full(const struct hits *h, struct router_hit *last);
/* Puts `count` more of them at their place. True: all are; afterwards the i-th hit is hits_at(h, i). */
bool hits_sort_some(struct hits *h, size_t count);
struct router_hit hits_at(const struct hits *h, size_t i);

#endif
