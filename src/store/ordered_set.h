/* SPDX-License-Identifier: Apache-2.0 */
/* A set of byte strings in the order of slice_cmp(). Entries are packed into blocks of about a kilobyte; an entry holds
 * only the bytes in which it differs from the entry before it in the block. An array of the blocks, in order, is
 * searched by halves.
 *
 * A change moves at most two blocks' bytes. A change of the number of blocks also moves a part of the array: eight
 * bytes per kilobyte of entries. Removing needs no memory. */
#ifndef STORE_ORDERED_SET_H
#define STORE_ORDERED_SET_H

#include "base/buf.h"
#include "store/memory.h"

#define ORDERED_SET_BLOCK_MAX 1024 /* bytes of entries in a block, unless one entry is larger */

struct ordered_block;

struct ordered_set {
    struct ordered_block **blocks;
    size_t block_count, blocks_cap;
    size_t count; /* entries */
    struct store_memory *memory;
};

/* `memory` is borrowed. Takes no memory before the first entry. */
void ordered_set_init(struct ordered_set *s, struct store_memory *memory);
void ordered_set_fini(struct ordered_set *s);

/* 0; E_EXISTS: it was there; E_NOMEM: nothing has changed. */
int ordered_set_add(struct ordered_set *s, struct slice entry);
/* False: it was not there. */
bool ordered_set_remove(struct ordered_set *s, struct slice entry);
bool ordered_set_has(const struct ordered_set *s, struct slice entry);

/* A walk in ascending order; void after a change of the set. */
struct ordered_cursor {
    const struct ordered_set *set;
    size_t block;
    uint32_t at;      /* the next entry, in that block */
    struct buf entry; /* the entry given last */
};

/* Starts before the first entry that is at or after `from`. E_NOMEM. ordered_cursor_fini() in any case. */
int ordered_cursor_init(struct ordered_cursor *c, const struct ordered_set *s, struct slice from);
/* Moves the cursor of the same set to another place. E_NOMEM. */
int ordered_cursor_seek(struct ordered_cursor *c, struct slice from);
void ordered_cursor_fini(struct ordered_cursor *c);
/* The next entry, borrowed until the next call: 1; 0 at the end; E_NOMEM. */
int ordered_cursor_next(struct ordered_cursor *c, struct slice *out);

/* For tests: checks every invariant, ASSERTs. */
void ordered_set_check(const struct ordered_set *s);

#endif
