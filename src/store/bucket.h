/* SPDX-License-Identifier: Apache-2.0 */
/* The buckets of one partition: a dictionary by (type, name), grown slot by slot, and a heap by what is due first. A
 * bucket exists while its table holds a record. */
#ifndef STORE_BUCKET_H
#define STORE_BUCKET_H

#include "store/command.h"
#include "store/ordered_set.h"
#include "store/table.h"

struct bucket {
    struct bucket *next; /* in the slot's chain */
    struct table table;
    struct ordered_set *index; /* of the terms (store/index.h); NULL: no object has one */
    struct hash_key key;       /* hashes the keys of this bucket */
    uint64_t hash;
    uint64_t due;      /* as it stands in the heap */
    uint32_t heap_pos; /* 1 + place; 0: nothing here expires */
    uint32_t type_len, name_len;
    uint8_t text[]; /* type, then name */
};

static inline struct slice bucket_type(const struct bucket *b)
{
    return slice_make(b->text, b->type_len);
}

static inline struct slice bucket_name(const struct bucket *b)
{
    return slice_make(b->text + b->type_len, b->name_len);
}

struct bucket_dict {
    struct lhash lhash;
    struct bucket **slots;
    size_t slots_cap;
    size_t count;
    struct bucket **heap;
    size_t heap_len, heap_cap;
    struct store_memory *memory;
    struct table_totals totals;
};

/* Hash of a bucket, and the key that hashes the keys in it: both follow from the partition's hash key and the name. */
uint64_t bucket_hash(const struct hash_key *key, struct slice type, struct slice name);
struct hash_key bucket_hash_key(const struct hash_key *key, uint64_t bucket_hash);
/* A table_hash over a struct bucket. */
uint64_t bucket_rehash(const void *bucket, struct slice key);

int bucket_dict_init(struct bucket_dict *d, struct store_memory *memory);
void bucket_dict_fini(struct bucket_dict *d);

struct bucket *bucket_find(const struct bucket_dict *d, uint64_t hash, struct slice type, struct slice name);
/* Finds or creates. E_NOMEM. */
int bucket_obtain(struct bucket_dict *d, const struct hash_key *key, const struct store_key *k, struct bucket **out);
/* After every change of b's table: its place in the heap, and its end when it is empty (b is gone then). */
void bucket_settle(struct bucket_dict *d, struct bucket *b);
/* The bucket's index, made if there is none. E_NOMEM. */
int bucket_obtain_index(struct bucket_dict *d, struct bucket *b);
/* Frees an index that is empty. */
void bucket_settle_index(struct bucket_dict *d, struct bucket *b);
/* The bucket with the earliest due time, or NULL. */
struct bucket *bucket_earliest(const struct bucket_dict *d);

/* A position in the order of buckets (by lhash_order of the hash, then type, then name). */
struct bucket_position {
    uint64_t order;
    struct slice type, name;
};
int bucket_position_cmp(const struct bucket_position *a, const struct bucket_position *b);
struct bucket_position bucket_position_of(const struct bucket *b);
/* The first bucket after `after` (NULL: the first of all), or NULL. The table shrinks with its buckets, so few empty
 * slots are stepped over. */
struct bucket *bucket_next(const struct bucket_dict *d, const struct bucket_position *after);

#endif
