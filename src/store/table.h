/* SPDX-License-Identifier: Apache-2.0 */
/* The table of one bucket's keys: records packed side by side in small blocks, one block per slot of a linear hash. A
 * block is one allocation of about a kilobyte, so the cost per key is its bytes, a tenth of a pointer and no padding.
 *
 * Growing and shrinking moves one slot per change. The blocks that hold expiring keys stand in a heap by their earliest
 * due time, so that what is due is found without a queue entry per key. Knows nothing of siblings' meaning; references
 * of removed records are released here. */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "store/lhash.h"
#include "store/record.h"

#define TABLE_BLOCK_TARGET                                                                                             \
    1024 /* mean bytes of records per slot: a lookup reads half of it, a change moves half of it */

struct table_block;

/* Sums over all tables of a store. */
struct table_totals {
    uint64_t count, dead;
};

struct table {
    struct lhash lhash;
    struct table_block **slots;
    size_t slots_cap;
    size_t count;   /* records */
    size_t dead;    /* of them, records whose siblings are all tombstones */
    size_t bytes;   /* of all records */
    uint32_t *heap; /* slots with due records, the earliest first */
    uint32_t heap_len, heap_cap;
    struct store_memory *memory;
    struct table_totals *totals;
};

/* Hash of a key of this table, as the table must have it again to divide a slot. */
typedef uint64_t (*table_hash)(const void *arg, struct slice key);

/* `memory` and `totals` are borrowed. E_NOMEM. */
int table_init(struct table *t, struct store_memory *memory, struct table_totals *totals);
void table_fini(struct table *t);

/* Borrowed until the table changes. */
bool table_find(const struct table *t, uint64_t hash, struct slice key, struct record *out);

/* Stores a packed record in place of the one with its key, if there is one, whose references are released. The
 * references in `packed` pass to the table. E_NOMEM: nothing has changed, the references stay the caller's. */
int table_put(struct table *t, uint64_t hash, struct slice packed, table_hash rehash, const void *arg);

/* Removes the key's record and releases what it holds; false: there was none. */
bool table_remove(struct table *t, uint64_t hash, struct slice key, table_hash rehash, const void *arg);

/* Earliest due time in the table, ms since the base; UINT64_MAX: nothing expires. */
uint64_t table_due(const struct table *t);

/* Removes the records of one block that are due at `now`; calls `gone` for each before (may be NULL). Returns how many.
 */
typedef void (*table_gone)(void *arg, const struct record *r);
size_t table_expire_block(struct table *t, uint64_t now, table_gone gone, void *gone_arg, table_hash rehash,
                          const void *arg);

/* Calls f for each record of the slot at *order and moves *order past it; false: that was the last one. f must not
 * change the table. */
typedef void (*table_visit)(void *arg, const struct record *r);
bool table_walk(const struct table *t, uint64_t *order, table_visit f, void *arg);

/* For tests: checks every invariant, ASSERTs. */
void table_check(const struct table *t, table_hash rehash, const void *arg);

#endif
