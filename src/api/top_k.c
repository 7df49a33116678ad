/* SPDX-License-Identifier: Apache-2.0 */
#include "api/top_k.h"

#include "base/err.h"
#include "router/index_match.h"

#include <stdlib.h>

/* Chunks double from the least to the largest, which goes back to the system as soon as it is freed. */
#define CHUNK_MIN ((size_t)4 * 1024)
#define CHUNK_MAX ((size_t)128 * 1024)

/* In a place of a size of its class: its bytes are the term, then the key. */
struct hit {
    union {
        struct {
            uint32_t term_len, key_len;
        };
        struct hit *next; /* of those that are unused */
    };
    uint8_t bytes[];
};

struct top_k_chunk {
    struct top_k_chunk *next;
    size_t used, size;
    uint8_t bytes[];
};

void top_k_init(struct top_k *h, bool integer, size_t limit)
{
    *h = (struct top_k){.integer = integer, .limit = limit};
}

void top_k_fini(struct top_k *h)
{
    struct top_k_chunk *next;
    for (struct top_k_chunk *c = h->chunks; c; c = next) {
        next = c->next;
        free(c);
    }
    free(h->heap);
    *h = (struct top_k){0};
}

void top_k_clear(struct top_k *h)
{
    bool integer = h->integer;
    size_t limit = h->limit;
    top_k_fini(h);
    top_k_init(h, integer, limit);
}

static struct router_hit view(const struct hit *hit)
{
    return (struct router_hit){slice_make(hit->bytes, hit->term_len),
                               slice_make(hit->bytes + hit->term_len, hit->key_len)};
}

static int cmp(const struct top_k *h, size_t a, size_t b)
{
    struct router_hit x = view(h->heap[a]), y = view(h->heap[b]);
    return index_match_cmp_hits(h->integer, &x, &y);
}

static void swap(struct top_k *h, size_t a, size_t b)
{
    struct hit *x = h->heap[a];
    h->heap[a] = h->heap[b];
    h->heap[b] = x;
}

static void sift_up(struct top_k *h, size_t i)
{
    for (; i && cmp(h, i, (i - 1) / 2) > 0; i = (i - 1) / 2)
        swap(h, i, (i - 1) / 2);
}

/* Among the first n. */
static void sift_down(struct top_k *h, size_t i, size_t n)
{
    for (;;) {
        size_t greatest = i, left = 2 * i + 1;
        for (size_t child = left; child < n && child <= left + 1; child++)
            greatest = cmp(h, child, greatest) > 0 ? child : greatest;
        if (greatest == i)
            return;
        swap(h, i, greatest);
        i = greatest;
    }
}

/* --- places --- */

/* 16, 32, 64 and so on bytes. */
static unsigned class_of(size_t size)
{
    unsigned c = 0;
    while (((size_t)16 << c) < size)
        c++;
    return c;
}

static struct top_k_chunk *add_chunk(struct top_k *h, size_t size)
{
    size_t whole = h->chunks ? 2 * (h->chunks->size + sizeof(struct top_k_chunk)) : CHUNK_MIN;
    if (whole > CHUNK_MAX)
        whole = CHUNK_MAX;
    if (whole < size + sizeof(struct top_k_chunk))
        whole = size + sizeof(struct top_k_chunk);
    struct top_k_chunk *c = malloc(whole);
    if (!c)
        return NULL;
    *c = (struct top_k_chunk){.next = h->chunks, .size = whole - sizeof *c};
    h->chunks = c;
    return c;
}

/* Where all are kept, nothing is ever replaced: places are no larger than they must be. */
static struct hit *take_place(struct top_k *h, size_t size)
{
    unsigned c = class_of(size);
    struct hit *unused = h->unused[c];
    if (unused) {
        h->unused[c] = unused->next;
        return unused;
    }
    size = h->limit == SIZE_MAX ? (size + 7) & ~(size_t)7 : (size_t)16 << c;
    struct top_k_chunk *chunk = h->chunks;
    if ((!chunk || chunk->size - chunk->used < size) && !(chunk = add_chunk(h, size)))
        return NULL;
    chunk->used += size;
    h->bytes += size;
    return (struct hit *)(void *)(chunk->bytes + chunk->used - size);
}

static size_t size_of(size_t term_len, size_t key_len)
{
    return sizeof(struct hit) + term_len + key_len;
}

static void free_place(struct top_k *h, struct hit *hit)
{
    unsigned c = class_of(size_of(hit->term_len, hit->key_len));
    hit->next = h->unused[c];
    h->unused[c] = hit;
}

static struct hit *copy(struct top_k *h, const struct router_hit *from)
{
    struct hit *hit = take_place(h, size_of(from->term.len, from->key.len));
    if (!hit)
        return NULL;
    hit->term_len = (uint32_t)from->term.len;
    hit->key_len = (uint32_t)from->key.len;
    if (from->term.len)
        memcpy(hit->bytes, from->term.data, from->term.len);
    if (from->key.len)
        memcpy(hit->bytes + from->term.len, from->key.data, from->key.len);
    return hit;
}

static bool make_room(struct top_k *h)
{
    if (h->count < h->cap)
        return true;
    size_t cap = h->cap ? 2 * h->cap : 64;
    struct hit **heap = realloc(h->heap, cap * sizeof(struct hit *));
    if (!heap)
        return false;
    h->bytes += (cap - h->cap) * sizeof(struct hit *);
    h->heap = heap;
    h->cap = cap;
    return true;
}

/* --- the heap --- */

int top_k_add(struct top_k *h, const struct router_hit *from)
{
    struct router_hit last;
    bool full = top_k_full(h, &last);
    if (full && index_match_cmp_hits(h->integer, from, &last) >= 0)
        return 0;
    struct hit *hit = make_room(h) ? copy(h, from) : NULL;
    if (!hit)
        return E_NOMEM;
    if (full) {
        free_place(h, h->heap[0]);
        h->heap[0] = hit;
        sift_down(h, 0, h->count);
        return 0;
    }
    h->heap[h->count] = hit;
    sift_up(h, h->count++);
    return 0;
}

bool top_k_full(const struct top_k *h, struct router_hit *last)
{
    if (h->count < h->limit)
        return false;
    *last = view(h->heap[0]);
    return true;
}

bool top_k_sort_some(struct top_k *h, size_t count)
{
    for (; count && h->sorted < h->count; count--) {
        size_t last = h->count - 1 - h->sorted++;
        swap(h, 0, last);
        sift_down(h, 0, last);
    }
    return h->sorted == h->count;
}

struct router_hit top_k_at(const struct top_k *h, size_t i)
{
    return view(h->heap[i]);
}
