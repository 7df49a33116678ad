/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes were applied before, and how they ended (R-RETRY): a command that comes again, because its answer was
 * lost on the way, has its effect once and the same answer twice.
 *
 * Part of the partition's state: the same on all replicas, and in every copy. For each origin it keeps the results
 * above a mark, below which everything was answered, in the order of their sequences. A new result mostly belongs at
 * the end and the mark drops them from the front, so that a write costs a few comparisons and no allocation. */
#ifndef STORE_DEDUP_H
#define STORE_DEDUP_H

#include "base/id.h"
#include "store/command.h"
#include "store/memory.h"

struct dedup_result {
    uint64_t sequence;
    uint64_t number; /* the write's seq (store/store.h); with E_TOO_MANY and E_TOO_LARGE, by how much */
    int err;         /* one that dedup_keeps() */
};

struct dedup_origin {
    struct incarnation incarnation;
    uint64_t born; /* seq of the command that brought it: forgotten and come again, it is another */
    uint64_t mark; /* what is at or below it was acknowledged */
    uint64_t sent; /* results at or below it have gone out with the copy under way */
    struct dedup_result *at;
    uint32_t start, count, cap; /* results are at[start .. start + count) */
};

struct dedup {
    struct store_memory *memory;
    struct dedup_origin *origins;
    uint32_t count, cap;
    uint32_t last;    /* who came last probably comes next; no part of the state */
    uint64_t results; /* of all origins */
};

void dedup_init(struct dedup *t, struct store_memory *memory);
void dedup_fini(struct dedup *t);

/* Whether a command may be applied; its sequence is not 0. `seq` is the command's own.
 *   0             *known: its result, from when it was applied before; or NULL: it is new, and there is room for
 *                 dedup_record(). What it acknowledges is dropped.
 *   E_STALE       it was acknowledged, by itself or before; nothing has changed
 *   E_TOO_MANY    too many origins, or too many results of this one
 *   E_NOMEM */
int dedup_admit(struct dedup *t, const struct store_origin *o, uint64_t seq, const struct dedup_result **known);
/* The result of the command that was just admitted as new. */
void dedup_record(struct dedup *t, const struct store_origin *o, int err, uint64_t number);
void dedup_forget(struct dedup *t, struct incarnation incarnation);
/* Whether such an end is recorded: 0 and every refusal that follows from the state. */
bool dedup_keeps(int err);

/* --- the copy --- */

/* Nothing has been sent. */
void dedup_rewind(struct dedup *t);
/* The results of an origin that were not sent yet, in order; *n of them. Borrowed until the next change. */
const struct dedup_result *dedup_unsent(const struct dedup_origin *o, size_t *n);

/* Puts the i-th origin of the sender into its place, with what is held of it above its mark. What it replaces at i
 * stays after it until dedup_restored(). E_MALFORMED: it was there already, or its mark has gone back. E_NOMEM. */
int dedup_restore_origin(struct dedup *t, uint32_t i, const struct dedup_origin *sent);
/* The sender has these `count` origins and no others. */
void dedup_restored(struct dedup *t, uint32_t count);
/* A result of the i-th origin; one that is there must be the same. E_MALFORMED, E_NOMEM. */
int dedup_restore_result(struct dedup *t, uint32_t i, const struct dedup_result *r);

void dedup_check(const struct dedup *t); /* for tests: every invariant, ASSERTs */

#endif
