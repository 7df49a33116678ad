/* The hits of an index query that are to be answered in order: all of them, or the first so many. */
#ifndef SERVER_HITS_H
#define SERVER_HITS_H

#include "cluster/router.h"

struct hit; /* owned */

struct hits {
    bool integer;      /* how terms are ordered */
    size_t limit;      /* how many are kept; SIZE_MAX: all */
    size_t bytes_max;  /* of terms and keys */
    struct hit **heap; /* the last in the order first, until hits_sort() */
    size_t count, cap, bytes;
};

/* limit > 0 */
void hits_init(struct hits *h, bool integer, size_t limit, size_t bytes_max);
void hits_fini(struct hits *h);
/* Unless so many are before it. E_NOMEM, E_TOO_LARGE. */
int hits_add(struct hits *h, const struct router_hit *hit);
/* True: there are as many as are wanted, and only what is before *last can still be one of them. Borrowed until the
 * next hits_add(). */
bool hits_full(const struct hits *h, struct router_hit *last);
/* Afterwards the i-th hit is hits_at(h, i). */
void hits_sort(struct hits *h);
struct router_hit hits_at(const struct hits *h, size_t i);

#endif
