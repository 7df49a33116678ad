/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bucket.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

uint64_t bucket_hash(const struct hash_key *key, struct slice type, struct slice name)
{
    struct hash_key k = *key;
    if (type.len)
        k.k0 ^= hash_bytes(key, type);
    return hash_bytes(&k, name);
}

struct hash_key bucket_hash_key(const struct hash_key *key, uint64_t hash)
{
    return (struct hash_key){key->k0 ^ hash, key->k1 + hash};
}

uint64_t bucket_rehash(const void *bucket, struct slice key)
{
    return hash_bytes(&((const struct bucket *)bucket)->key, key);
}

int bucket_dict_init(struct bucket_dict *d, struct store_memory *memory)
{
    *d = (struct bucket_dict){.memory = memory, .slots_cap = 1};
    d->slots = calloc(1, sizeof(struct bucket *));
    if (!d->slots)
        return E_NOMEM;
    memory_charge(memory, d->slots);
    return 0;
}

static void free_index(struct bucket_dict *d, struct bucket *b)
{
    ordered_set_fini(b->index);
    memory_release(d->memory, b->index);
    free(b->index);
    b->index = NULL;
}

int bucket_obtain_index(struct bucket_dict *d, struct bucket *b)
{
    if (b->index)
        return 0;
    b->index = malloc(sizeof *b->index);
    if (!b->index)
        return E_NOMEM;
    memory_charge(d->memory, b->index);
    ordered_set_init(b->index, d->memory);
    return 0;
}

void bucket_settle_index(struct bucket_dict *d, struct bucket *b)
{
    if (b->index && b->index->count == 0)
        free_index(d, b);
}

static void bucket_free(struct bucket_dict *d, struct bucket *b)
{
    if (b->index)
        free_index(d, b);
    table_fini(&b->table);
    memory_release(d->memory, b);
    free(b);
}

void bucket_dict_fini(struct bucket_dict *d)
{
    for (size_t i = 0; d->slots && i < lhash_slots(&d->lhash); i++)
        for (struct bucket *b = d->slots[i], *next; b; b = next) {
            next = b->next;
            bucket_free(d, b);
        }
    memory_release(d->memory, d->slots);
    memory_release(d->memory, d->heap);
    free(d->slots);
    free(d->heap);
    d->slots = d->heap = NULL;
}

struct bucket *bucket_find(const struct bucket_dict *d, uint64_t hash, struct slice type, struct slice name)
{
    struct bucket *b = d->slots[lhash_slot(&d->lhash, hash)];
    while (b && !(b->hash == hash && slice_eq(bucket_type(b), type) && slice_eq(bucket_name(b), name)))
        b = b->next;
    return b;
}

/* Room for `n` pointers in an array of *cap. */
static int reserve(struct bucket_dict *d, struct bucket ***array, size_t *cap, size_t n)
{
    if (n <= *cap)
        return 0;
    size_t grown = n + n / 4 + 1, old = memory_footprint(*array);
    struct bucket **p = realloc(*array, grown * sizeof(struct bucket *));
    if (!p)
        return E_NOMEM;
    memset(p + *cap, 0, (grown - *cap) * sizeof(struct bucket *));
    d->memory->used -= old;
    memory_charge(d->memory, p);
    *array = p;
    *cap = grown;
    return 0;
}

static void chain_push(struct bucket_dict *d, size_t slot, struct bucket *b)
{
    b->next = d->slots[slot];
    d->slots[slot] = b;
}

/* Hangs the chain of one slot in the slots where its buckets belong now. */
static void rehang(struct bucket_dict *d, size_t slot)
{
    struct bucket *b = d->slots[slot];
    d->slots[slot] = NULL;
    while (b) {
        struct bucket *next = b->next;
        chain_push(d, lhash_slot(&d->lhash, b->hash), b);
        b = next;
    }
}

static int dict_grow(struct bucket_dict *d)
{
    size_t slots = lhash_slots(&d->lhash);
    if (d->count < slots)
        return 0;
    int err = reserve(d, &d->slots, &d->slots_cap, slots + 1);
    if (!err)
        rehang(d, lhash_grow(&d->lhash));
    return err;
}

static void dict_shrink(struct bucket_dict *d)
{
    size_t slots = lhash_slots(&d->lhash);
    if (slots == 1 || d->count > slots / 4)
        return;
    lhash_shrink(&d->lhash);
    rehang(d, slots - 1);
}

static struct bucket *bucket_create(struct bucket_dict *d, const struct hash_key *key, const struct store_key *k)
{
    struct bucket *b = calloc(1, sizeof *b + k->type.len + k->bucket.len);
    if (!b)
        return NULL;
    if (table_init(&b->table, d->memory, &d->totals)) {
        free(b);
        return NULL;
    }
    memory_charge(d->memory, b);
    b->hash = k->bucket_hash;
    b->key = bucket_hash_key(key, b->hash);
    b->due = UINT64_MAX;
    b->type_len = (uint32_t)k->type.len;
    b->name_len = (uint32_t)k->bucket.len;
    if (k->type.len)
        memcpy(b->text, k->type.data, k->type.len);
    if (k->bucket.len)
        memcpy(b->text + k->type.len, k->bucket.data, k->bucket.len);
    return b;
}

int bucket_obtain(struct bucket_dict *d, const struct hash_key *key, const struct store_key *k, struct bucket **out)
{
    *out = bucket_find(d, k->bucket_hash, k->type, k->bucket);
    if (*out)
        return 0;
    /* Room in the heap for every bucket is made here, so that settling never fails. */
    int err = reserve(d, &d->heap, &d->heap_cap, d->count + 1);
    if (!err)
        err = dict_grow(d);
    if (err)
        return err;
    *out = bucket_create(d, key, k);
    if (!*out)
        return E_NOMEM;
    chain_push(d, lhash_slot(&d->lhash, (*out)->hash), *out);
    d->count++;
    return 0;
}

/* --- the heap of buckets by due time --- */

static void heap_set(struct bucket_dict *d, size_t i, struct bucket *b)
{
    d->heap[i] = b;
    b->heap_pos = (uint32_t)i + 1;
}

static void heap_up(struct bucket_dict *d, size_t i)
{
    struct bucket *b = d->heap[i];
    for (; i > 0 && d->heap[(i - 1) / 2]->due > b->due; i = (i - 1) / 2)
        heap_set(d, i, d->heap[(i - 1) / 2]);
    heap_set(d, i, b);
}

static void heap_down(struct bucket_dict *d, size_t i)
{
    struct bucket *b = d->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= d->heap_len)
            break;
        if (child + 1 < d->heap_len && d->heap[child + 1]->due < d->heap[child]->due)
            child++;
        if (d->heap[child]->due >= b->due)
            break;
        heap_set(d, i, d->heap[child]);
        i = child;
    }
    heap_set(d, i, b);
}

static void heap_remove(struct bucket_dict *d, struct bucket *b)
{
    size_t i = b->heap_pos - 1;
    struct bucket *last = d->heap[--d->heap_len];
    b->heap_pos = 0;
    if (last == b)
        return;
    heap_set(d, i, last);
    heap_up(d, i);
    heap_down(d, last->heap_pos - 1);
}

struct bucket *bucket_earliest(const struct bucket_dict *d)
{
    return d->heap_len ? d->heap[0] : NULL;
}

static void bucket_end(struct bucket_dict *d, struct bucket *b)
{
    struct bucket **link = &d->slots[lhash_slot(&d->lhash, b->hash)];
    while (*link != b)
        link = &(*link)->next;
    *link = b->next;
    d->count--;
    bucket_free(d, b);
    dict_shrink(d);
}

void bucket_settle(struct bucket_dict *d, struct bucket *b)
{
    uint64_t due = table_due(&b->table);
    if (due != b->due) {
        b->due = due;
        if (due == UINT64_MAX)
            heap_remove(d, b);
        else if (!b->heap_pos)
            heap_set(d, d->heap_len++, b);
        if (b->heap_pos) {
            heap_up(d, b->heap_pos - 1);
            heap_down(d, b->heap_pos - 1);
        }
    }
    if (b->table.count == 0) {
        ASSERT(!b->heap_pos);
        bucket_end(d, b);
    }
}

/* --- the order of buckets --- */

int bucket_position_cmp(const struct bucket_position *a, const struct bucket_position *b)
{
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    int c = slice_cmp(a->type, b->type);
    return c ? c : slice_cmp(a->name, b->name);
}

struct bucket_position bucket_position_of(const struct bucket *b)
{
    return (struct bucket_position){lhash_order(b->hash), bucket_type(b), bucket_name(b)};
}

/* The first of a chain behind `after`. */
static struct bucket *first_behind(struct bucket *chain, const struct bucket_position *after)
{
    struct bucket *best = NULL;
    struct bucket_position best_at = {0};
    for (struct bucket *b = chain; b; b = b->next) {
        struct bucket_position at = bucket_position_of(b);
        if (after && bucket_position_cmp(&at, after) <= 0)
            continue;
        if (!best || bucket_position_cmp(&at, &best_at) < 0) {
            best = b;
            best_at = at;
        }
    }
    return best;
}

struct bucket *bucket_next(const struct bucket_dict *d, const struct bucket_position *after)
{
    uint64_t order = after ? after->order : 0;
    bool more = true;
    while (more) {
        struct bucket *b = first_behind(d->slots[lhash_walk(&d->lhash, &order, &more)], after);
        if (b)
            return b;
    }
    return NULL;
}
