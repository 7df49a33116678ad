/* SPDX-License-Identifier: Apache-2.0 */
/* The log of one Raft group, in memory: a ring of entries, each a run of bytes in a counted blob. It knows nothing of
 * Raft but that an entry has a term and that what lies before its first entry is a snapshot, whose last index and term
 * it remembers. */
#ifndef CONSENSUS_ENTRY_LOG_H
#define CONSENSUS_ENTRY_LOG_H

#include "base/blob.h"
#include "base/slice.h"

struct entry {
    uint64_t term;
    struct slice data; /* in `blob` */
    struct blob *blob; /* NULL: there is no data */
    uint8_t type;
};

struct entry_log {
    struct entry *ring;
    uint64_t cap;       /* a power of two, or 0 */
    uint64_t first;     /* index of the first entry that is here */
    uint64_t last;      /* first - 1 when there is none */
    uint64_t base_term; /* of the entry before the first; 0 when that is index 0 */
    size_t bytes;       /* of data and of the ring's places in use */
};

/* Empty, after a snapshot of that last index and term; 0, 0: after nothing. */
void entry_log_init(struct entry_log *l, uint64_t index, uint64_t term);
void entry_log_fini(struct entry_log *l);
/* Forgets all, as entry_log_init(), but keeps the ring. */
void entry_log_reset(struct entry_log *l, uint64_t index, uint64_t term);

/* Room for n more entries, so that the next n entry_log_append() cannot fail. E_NOMEM. */
int entry_log_reserve(struct entry_log *l, uint64_t n);
/* The entry's reference to its blob is taken. */
void entry_log_append(struct entry_log *l, const struct entry *e);
/* Drops `from` and what follows. */
void entry_log_truncate(struct entry_log *l, uint64_t from);
/* Drops everything up to `last`, which is an index that is here. */
void entry_log_trim(struct entry_log *l, uint64_t last);

/* first <= index <= last; borrowed until the log changes. */
const struct entry *entry_log_at(const struct entry_log *l, uint64_t index);
/* 0: not known, as it lies outside. */
uint64_t entry_log_term(const struct entry_log *l, uint64_t index);

#endif
