/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a table that grows and shrinks by one slot at a time (linear hashing; Litwin 1980), so that no single
 * request pays for a resize. Pure arithmetic: the slots are the caller's.
 *
 * A slot holds the hashes that agree in their low bits. Walks go in the *order* of a hash, which is its bits reversed:
 * in that order a slot is one contiguous range, whatever the size of the table, so a cursor is a position in the order
 * and stays right while the table is resized under it (R-COPY 1). */
#ifndef STORE_LHASH_H
#define STORE_LHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Slots: 2^level + split. Slots below `split`, and their images above 2^level, are addressed by level + 1 bits. */
struct lhash {
    size_t split;
    unsigned level;
};

#define LHASH_LEVEL_MAX 40

static inline size_t lhash_slots(const struct lhash *l)
{
    return ((size_t)1 << l->level) + l->split;
}

static inline size_t lhash_slot(const struct lhash *l, uint64_t hash)
{
    size_t slot = (size_t)hash & (((size_t)1 << l->level) - 1);
    return slot < l->split ? (size_t)hash & (((size_t)2 << l->level) - 1) : slot;
}

/* The next slot to divide, and the new one that takes a part of its entries; the caller moves them after. */
static inline size_t lhash_grow(struct lhash *l)
{
    size_t from = l->split++;
    if (l->split == (size_t)1 << l->level) {
        l->level++;
        l->split = 0;
    }
    return from;
}

/* Gives up the last slot: returns the one that takes its entries. Only with more than one slot. */
static inline size_t lhash_shrink(struct lhash *l)
{
    if (l->split == 0) {
        l->level--;
        l->split = (size_t)1 << l->level;
    }
    return --l->split;
}

/* Bits reversed: hash to order and order to hash. */
static inline uint64_t lhash_order(uint64_t hash)
{
    uint64_t x = __builtin_bswap64(hash);
    x = (x & 0x0f0f0f0f0f0f0f0fULL) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0fULL);
    x = (x & 0x3333333333333333ULL) << 2 | (x >> 2 & 0x3333333333333333ULL);
    return (x & 0x5555555555555555ULL) << 1 | (x >> 1 & 0x5555555555555555ULL);
}

/* The slot that holds the position *order, which is moved to the first position after that slot. False in *more: that
 * was the last one. */
static inline size_t lhash_walk(const struct lhash *l, uint64_t *order, bool *more)
{
    uint64_t hash = lhash_order(*order);
    size_t slot = lhash_slot(l, hash);
    unsigned bits = l->level + (((size_t)hash & (((size_t)1 << l->level) - 1)) < l->split);
    uint64_t last = bits ? *order | (UINT64_MAX >> bits) : UINT64_MAX;
    *more = last != UINT64_MAX;
    *order = last + 1;
    return slot;
}

#endif
