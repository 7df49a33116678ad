/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct store, for the files of this folder only. */
#ifndef STORE_STORE_IMPL_H
#define STORE_STORE_IMPL_H

#include "store/bucket.h"
#include "store/object.h"
#include "store/dedup.h"
#include "store/index.h"
#include "store/store.h"

struct store {
    struct hash_key key;
    struct store_memory *memory;
    struct bucket_dict buckets;
    bool started;
    uint64_t base_ms; /* of all times in records, ms since the Unix epoch: the first stamp */
    uint64_t stamp;   /* the applied stamp, ms since the base */
    uint64_t epoch;
    uint32_t generation;
    uint64_t floor; /* seq at which the present epoch and generation began */
    uint64_t seq;   /* of the last command */
    uint64_t expired;
    struct dedup dedup;
    struct store_snapshot *copy;  /* hears of every change while it walks; NULL: none */
    struct buf packed;            /* the record being written */
    struct sibling_list siblings; /* of the object being written */
    struct buf state;             /* of the data type being updated */
    store_term_next next_term;    /* NULL: no index is kept */
    struct index_change *indexed; /* NULL: no object has had a term */
    bool index_changes;           /* between store_index_begin() and store_index_end() */
};

void store_view(const struct store *s, const struct record *r, struct object *out);

/* Stores the record in s->packed, of s->siblings, in place of `old` (NULL: there is none, or the bucket has no index).
 * E_NOMEM: nothing has changed. */
int store_put_packed(struct store *s, struct bucket *b, const struct store_key *k, const struct record *old);
/* Removes the key's record, if there is one. b may be gone then. */
void store_remove_key(struct store *s, struct bucket *b, const struct store_key *k);

/* store_index.c: keep the bucket's index as the record of `k` becomes what s->siblings holds. Before the change, which
 * ends the life of `old` (NULL: there is none): E_NOMEM, and nothing has changed. */
int store_index_begin(struct store *s, struct bucket *b, struct slice key, const struct record *old);
/* After it: it was made, or failed. */
void store_index_end(struct store *s, struct bucket *b, bool made);
/* The most heap bytes that the terms of s->siblings take. */
size_t store_index_need(const struct store *s, size_t key_len);
/* Before the record is removed. Returns how many entries were. */
unsigned store_index_remove(struct store *s, struct bucket *b, const struct record *r);
void store_index_check(const struct store *s, const struct bucket *b);

#endif
