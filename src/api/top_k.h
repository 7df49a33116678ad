/* SPDX-License-Identifier: Apache-2.0 */
/* The hits of an index query that are to be answered in order: all of them, or the first so many. Nothing here takes
 * longer the more of them there are, but top_k_sort_some(), which is called until all are in order. */
#ifndef API_TOP_K_H
#define API_TOP_K_H

#include "router/router.h"

struct hit;
struct top_k_chunk;

#define HITS_CLASSES 20 /* of sizes, each twice the one before: a term and a key have at most 128 KiB */

struct top_k {
    bool integer;      /* how terms are ordered */
    size_t limit;      /* how many are kept; SIZE_MAX: all */
    struct hit **heap; /* the last in the order first, until they are sorted */
    size_t count, cap;
    size_t sorted;                    /* so many stand at their place, at the end */
    size_t bytes;                     /* of memory that they take */
    struct top_k_chunk *chunks;       /* in which they lie, the newest first */
    struct hit *unused[HITS_CLASSES]; /* places of those that were replaced */
};

/* limit > 0 */
void top_k_init(struct top_k *h, bool integer, size_t limit);
void top_k_fini(struct top_k *h);
/* Forgets all of them. */
void top_k_clear(struct top_k *h);
/* Unless so many are before it. E_NOMEM. */
int top_k_add(struct top_k *h, const struct router_hit *hit);
/* True: there are as many as are wanted, and only what is before *last can still be one of them. Borrowed until the
 * next top_k_add(). */
bool top_k_full(const struct top_k *h, struct router_hit *last);
/* Puts `count` more of them at their place. True: all are; afterwards the i-th hit is top_k_at(h, i). */
bool top_k_sort_some(struct top_k *h, size_t count);
struct router_hit top_k_at(const struct top_k *h, size_t i);

#endif
