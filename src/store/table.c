/* SPDX-License-Identifier: Apache-2.0 */
#include "store/table.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

struct table_block {
    uint32_t used;     /* bytes of records */
    uint32_t heap_pos; /* 1 + place in the heap; 0: nothing here expires */
    uint64_t min_due;  /* of the records; UINT64_MAX: none */
    uint8_t data[];
};

#define BLOCK_SLACK 64 /* bytes a block may hold unused before it is made smaller */

int table_init(struct table *t, struct store_memory *memory, struct table_totals *totals)
{
    *t = (struct table){.memory = memory, .totals = totals, .slots_cap = 1};
    t->slots = calloc(1, sizeof(struct table_block *));
    if (!t->slots)
        return E_NOMEM;
    memory_charge(memory, t->slots);
    return 0;
}

static void release_records(struct table *t, struct table_block *b)
{
    struct record r;
    for (uint32_t at = 0; at < b->used; at += (uint32_t)r.size) {
        record_read(b->data + at, &r);
        record_release(&r, t->memory);
    }
}

static void free_charged(struct store_memory *m, void *p)
{
    memory_release(m, p);
    free(p);
}

void table_fini(struct table *t)
{
    t->totals->count -= t->count;
    t->totals->dead -= t->dead;
    for (size_t i = 0; t->slots && i < lhash_slots(&t->lhash); i++) {
        if (t->slots[i])
            release_records(t, t->slots[i]);
        free_charged(t->memory, t->slots[i]);
    }
    free_charged(t->memory, t->slots);
    free_charged(t->memory, t->heap);
    t->slots = NULL;
    t->heap = NULL;
}

/* --- the heap of blocks with a due time --- */

static uint64_t heap_key(const struct table *t, uint32_t i)
{
    return t->slots[t->heap[i]]->min_due;
}

static void heap_set(struct table *t, uint32_t i, uint32_t slot)
{
    t->heap[i] = slot;
    t->slots[slot]->heap_pos = i + 1;
}

static void heap_up(struct table *t, uint32_t i)
{
    uint32_t slot = t->heap[i];
    uint64_t key = t->slots[slot]->min_due;
    for (; i > 0 && heap_key(t, (i - 1) / 2) > key; i = (i - 1) / 2)
        heap_set(t, i, t->heap[(i - 1) / 2]);
    heap_set(t, i, slot);
}

static void heap_down(struct table *t, uint32_t i)
{
    uint32_t slot = t->heap[i];
    uint64_t key = t->slots[slot]->min_due;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= t->heap_len)
            break;
        if (child + 1 < t->heap_len && heap_key(t, child + 1) < heap_key(t, child))
            child++;
        if (heap_key(t, child) >= key)
            break;
        heap_set(t, i, t->heap[child]);
        i = child;
    }
    heap_set(t, i, slot);
}

static void heap_remove(struct table *t, struct table_block *b)
{
    uint32_t i = b->heap_pos - 1;
    b->heap_pos = 0;
    uint32_t last = t->heap[--t->heap_len];
    if (i == t->heap_len)
        return;
    heap_set(t, i, last);
    heap_up(t, i);
    heap_down(t, t->slots[last]->heap_pos - 1);
}

/* Every slot may come to stand in the heap, so there is room for all before anything is changed. */
static int heap_reserve(struct table *t, size_t slots)
{
    if (t->heap_cap >= slots)
        return 0;
    size_t cap = slots + slots / 8 + 1;
    uint32_t *old = t->heap;
    size_t old_footprint = memory_footprint(old);
    uint32_t *heap = realloc(old, cap * sizeof *heap);
    if (!heap)
        return E_NOMEM;
    t->heap = heap;
    t->heap_cap = (uint32_t)cap;
    t->memory->used -= old_footprint;
    memory_charge(t->memory, heap);
    return 0;
}

/* The block at `slot` has a new earliest due time. */
static void set_min_due(struct table *t, size_t slot, uint64_t due)
{
    struct table_block *b = t->slots[slot];
    if (b->min_due == due && (b->heap_pos != 0) == (due != UINT64_MAX))
        return;
    b->min_due = due;
    if (due == UINT64_MAX) {
        if (b->heap_pos)
            heap_remove(t, b);
        return;
    }
    if (!b->heap_pos) {
        ASSERT(t->heap_len < t->heap_cap);
        heap_set(t, t->heap_len++, (uint32_t)slot);
    }
    heap_up(t, b->heap_pos - 1);
    heap_down(t, b->heap_pos - 1);
}

static uint64_t find_min_due(const struct table_block *b)
{
    uint64_t min = UINT64_MAX;
    struct record r;
    for (uint32_t at = 0; at < b->used; at += (uint32_t)r.size) {
        record_read(b->data + at, &r);
        uint64_t due = record_due(&r);
        if (due < min)
            min = due;
    }
    return min;
}

uint64_t table_due(const struct table *t)
{
    return t->heap_len ? heap_key(t, 0) : UINT64_MAX;
}

/* --- blocks --- */

static size_t block_size(size_t used)
{
    return sizeof(struct table_block) + used;
}

/* Gives the block at `slot` room for `used` bytes of records; creates it, or makes it smaller where that is worth it.
 */
static int block_resize(struct table *t, size_t slot, size_t used)
{
    struct table_block *b = t->slots[slot];
    size_t have = b ? malloc_usable_size(b) : 0, need = block_size(used);
    if (used > UINT32_MAX - RECORD_KEY_MAX)
        return E_TOO_LARGE;
    if (b && need <= have && have - need < BLOCK_SLACK)
        return 0;
    size_t old_footprint = memory_footprint(b);
    struct table_block *moved = realloc(b, need);
    if (!moved)
        return need <= have ? 0 : E_NOMEM;
    if (!b) {
        moved->used = moved->heap_pos = 0;
        moved->min_due = UINT64_MAX;
    }
    t->slots[slot] = moved;
    t->memory->used -= old_footprint;
    memory_charge(t->memory, moved);
    return 0;
}

static void block_free(struct table *t, size_t slot)
{
    struct table_block *b = t->slots[slot];
    if (b->heap_pos)
        heap_remove(t, b);
    free_charged(t->memory, b);
    t->slots[slot] = NULL;
}

/* After records left the block at `slot`. */
static void block_settle(struct table *t, size_t slot)
{
    struct table_block *b = t->slots[slot];
    if (b->used == 0) {
        block_free(t, slot);
        return;
    }
    block_resize(t, slot, b->used);
    set_min_due(t, slot, find_min_due(t->slots[slot]));
}

/* The records of a block are chained by their sizes, which hides the next cache line from the processor: ask for them
 * all. */
static inline void prefetch(const uint8_t *p, const uint8_t *end)
{
    if (end - p > 2 * TABLE_BLOCK_TARGET)
        end = p + 2 * TABLE_BLOCK_TARGET;
    for (; p < end; p += 64)
        __builtin_prefetch(p);
}

/* The keys of a bucket are often of one length and begin alike: the ends tell them apart without a call. */
static inline bool is_key(const uint8_t *k, uint64_t len, struct slice key)
{
    uint64_t a, b;
    if (len != key.len)
        return false;
    if (len < sizeof a)
        return len == 0 || memcmp(k, key.data, len) == 0;
    memcpy(&a, k + len - sizeof a, sizeof a);
    memcpy(&b, key.data + len - sizeof b, sizeof b);
    return a == b && memcmp(k, key.data, len - sizeof a) == 0;
}

/* Steps over a record that is not the one looked for, reading as little of it as possible. */
static bool block_find(const struct table_block *b, struct slice key, struct record *out)
{
    const uint8_t *p = b ? b->data : NULL, *end = b ? p + b->used : NULL;
    prefetch(p, end);
    while (p < end) {
        uint64_t size, key_len;
        const uint8_t *after = varint_get(p + 1, &size);
        const uint8_t *k = varint_get(after, &key_len);
        if (is_key(k, key_len, key)) {
            record_read(p, out);
            return true;
        }
        p = after + size;
    }
    return false;
}

bool table_find(const struct table *t, uint64_t hash, struct slice key, struct record *out)
{
    return block_find(t->slots[lhash_slot(&t->lhash, hash)], key, out);
}

/* --- growing and shrinking, one slot at a time --- */

static int slots_reserve(struct table *t, size_t n)
{
    if (n <= t->slots_cap)
        return 0;
    size_t cap = n + n / 8 + 1;
    if (t->heap_len && heap_reserve(t, cap))
        return E_NOMEM;
    size_t old_footprint = memory_footprint(t->slots);
    struct table_block **slots = realloc(t->slots, cap * sizeof(struct table_block *));
    if (!slots)
        return E_NOMEM;
    memset(slots + t->slots_cap, 0, (cap - t->slots_cap) * sizeof(struct table_block *));
    t->slots = slots;
    t->slots_cap = cap;
    t->memory->used -= old_footprint;
    memory_charge(t->memory, slots);
    return 0;
}

/* Bytes of the records at `from` that now belong to `to`. */
static size_t count_moving(const struct table *t, size_t from, size_t to, table_hash rehash, const void *arg)
{
    const struct table_block *b = t->slots[from];
    size_t moving = 0;
    struct record r;
    for (uint32_t at = 0; at < b->used; at += (uint32_t)r.size) {
        record_read(b->data + at, &r);
        if (lhash_slot(&t->lhash, rehash(arg, r.key)) == to)
            moving += r.size;
    }
    return moving;
}

/* Moves the records that now belong to `to` there. `to` has room for all of them. */
static void divide(struct table *t, size_t from, size_t to, table_hash rehash, const void *arg)
{
    struct table_block *a = t->slots[from], *b = t->slots[to];
    uint32_t kept = 0;
    struct record r;
    for (uint32_t at = 0; at < a->used; at += (uint32_t)r.size) {
        record_read(a->data + at, &r);
        if (lhash_slot(&t->lhash, rehash(arg, r.key)) == to) {
            memcpy(b->data + b->used, r.start, r.size);
            b->used += (uint32_t)r.size;
        } else {
            memmove(a->data + kept, r.start, r.size);
            kept += (uint32_t)r.size;
        }
    }
    a->used = kept;
}

static void grow(struct table *t, table_hash rehash, const void *arg)
{
    size_t to = lhash_slots(&t->lhash), from = t->lhash.split;
    struct table_block *a = t->slots[from];
    struct lhash before = t->lhash;
    /* Without memory the table stays as it is: slower, not wrong. */
    if (t->lhash.level >= LHASH_LEVEL_MAX || to >= UINT32_MAX || slots_reserve(t, to + 1) ||
        (a && a->heap_pos && heap_reserve(t, to + 1)))
        return;
    lhash_grow(&t->lhash);
    /* The new block gets just what it needs: one that is made smaller afterwards leaves a hole in the heap, and all
     * holes together were a tenth of the memory. To count costs each key one more hash, once in its life or twice. */
    size_t moving = a ? count_moving(t, from, to, rehash, arg) : 0;
    if (moving == 0)
        return;
    if (block_resize(t, to, moving)) {
        t->lhash = before;
        return;
    }
    divide(t, from, to, rehash, arg);
    block_settle(t, from);
    block_settle(t, to);
}

static void shrink(struct table *t)
{
    size_t last = lhash_slots(&t->lhash) - 1;
    struct table_block *b = t->slots[last];
    struct lhash smaller = t->lhash;
    size_t into = lhash_shrink(&smaller);
    if (b) {
        struct table_block *a = t->slots[into];
        if (block_resize(t, into, (a ? a->used : 0) + b->used))
            return;
        a = t->slots[into];
        memcpy(a->data + a->used, b->data, b->used);
        a->used += b->used;
        uint64_t due = a->min_due < b->min_due ? a->min_due : b->min_due;
        block_free(t, last);
        set_min_due(t, into, due);
    }
    t->lhash = smaller;
}

static void adapt(struct table *t, table_hash rehash, const void *arg)
{
    size_t slots = lhash_slots(&t->lhash);
    if (t->bytes > slots * TABLE_BLOCK_TARGET)
        grow(t, rehash, arg);
    else if (slots > 1 && t->bytes < slots * (TABLE_BLOCK_TARGET / 4))
        shrink(t);
}

/* --- changes --- */

static void count_record(struct table *t, const struct record *r)
{
    bool dead = record_is_dead(r);
    t->count++;
    t->dead += dead;
    t->totals->count++;
    t->totals->dead += dead;
    t->bytes += r->size;
}

/* Takes r's account and references; its bytes are still there. */
static void discount_record(struct table *t, const struct record *r)
{
    bool dead = record_is_dead(r);
    t->count--;
    t->dead -= dead;
    t->totals->count--;
    t->totals->dead -= dead;
    t->bytes -= r->size;
    record_release(r, t->memory);
}

static void put_at(struct table_block *b, size_t at, size_t old_size, struct slice packed)
{
    uint8_t *p = b->data + at;
    if (old_size != packed.len)
        memmove(p + packed.len, p + old_size, b->used - at - old_size);
    memcpy(p, packed.data, packed.len);
    b->used = (uint32_t)(b->used - old_size + packed.len);
}

int table_put(struct table *t, uint64_t hash, struct slice packed, table_hash rehash, const void *arg)
{
    size_t slot = lhash_slot(&t->lhash, hash);
    struct table_block *b = t->slots[slot];
    struct record added, old;
    record_read(packed.data, &added);
    uint64_t due = record_due(&added), old_due = UINT64_MAX;
    bool replaces = block_find(b, added.key, &old);
    size_t used = b ? b->used : 0, at = replaces ? (size_t)(old.start - b->data) : used;
    size_t old_size = replaces ? old.size : 0;

    if (due != UINT64_MAX && heap_reserve(t, lhash_slots(&t->lhash)))
        return E_NOMEM;
    if (replaces)
        old_due = record_due(&old);
    if (used - old_size + packed.len > used || !b) {
        int err = block_resize(t, slot, used - old_size + packed.len);
        if (err)
            return err;
        b = t->slots[slot];
    }
    if (replaces) {
        record_read(b->data + at, &old);
        discount_record(t, &old);
    }
    put_at(b, at, old_size, packed);
    count_record(t, &added);
    t->memory->used += record_blob_footprint(&added);
    if (packed.len < old_size)
        block_resize(t, slot, b->used);
    b = t->slots[slot];
    if (due <= b->min_due)
        set_min_due(t, slot, due);
    else if (old_due == b->min_due)
        set_min_due(t, slot, find_min_due(b));
    adapt(t, rehash, arg);
    return 0;
}

static void remove_at(struct table *t, struct table_block *b, const struct record *r)
{
    size_t at = (size_t)(r->start - b->data), size = r->size;
    discount_record(t, r);
    memmove(b->data + at, b->data + at + size, b->used - at - size);
    b->used -= (uint32_t)size;
}

bool table_remove(struct table *t, uint64_t hash, struct slice key, table_hash rehash, const void *arg)
{
    size_t slot = lhash_slot(&t->lhash, hash);
    struct record r;
    if (!block_find(t->slots[slot], key, &r))
        return false;
    remove_at(t, t->slots[slot], &r);
    block_settle(t, slot);
    adapt(t, rehash, arg);
    return true;
}

size_t table_expire_block(struct table *t, uint64_t now, table_gone gone, void *gone_arg, table_hash rehash,
                          const void *arg)
{
    size_t removed = 0;
    if (table_due(t) > now)
        return 0;
    size_t slot = t->heap[0];
    struct table_block *b = t->slots[slot];
    struct record r;
    for (uint32_t at = 0; at < b->used;) {
        record_read(b->data + at, &r);
        if (record_due(&r) > now) {
            at += (uint32_t)r.size;
            continue;
        }
        if (gone)
            gone(gone_arg, &r);
        remove_at(t, b, &r);
        removed++;
    }
    block_settle(t, slot);
    adapt(t, rehash, arg);
    return removed;
}

bool table_walk(const struct table *t, uint64_t *order, table_visit f, void *arg)
{
    bool more;
    const struct table_block *b = t->slots[lhash_walk(&t->lhash, order, &more)];
    struct record r;
    for (uint32_t at = 0; b && at < b->used; at += (uint32_t)r.size) {
        record_read(b->data + at, &r);
        f(arg, &r);
    }
    return more;
}

void table_check(const struct table *t, table_hash rehash, const void *arg)
{
    size_t count = 0, bytes = 0, dead = 0, due_blocks = 0;
    for (size_t i = 0; i < lhash_slots(&t->lhash); i++) {
        const struct table_block *b = t->slots[i];
        struct record r;
        ASSERT(!b || b->used > 0);
        for (uint32_t at = 0; b && at < b->used; at += (uint32_t)r.size) {
            record_read(b->data + at, &r);
            ASSERT(lhash_slot(&t->lhash, rehash(arg, r.key)) == i);
            count++;
            bytes += r.size;
            dead += record_is_dead(&r);
        }
        if (b) {
            ASSERT(b->min_due == find_min_due(b));
            ASSERT((b->heap_pos != 0) == (b->min_due != UINT64_MAX));
            ASSERT(!b->heap_pos || t->heap[b->heap_pos - 1] == i);
            due_blocks += b->heap_pos != 0;
        }
    }
    ASSERT(count == t->count && bytes == t->bytes && dead == t->dead && due_blocks == t->heap_len);
    for (uint32_t i = 1; i < t->heap_len; i++)
        ASSERT(heap_key(t, (i - 1) / 2) <= heap_key(t, i));
}
