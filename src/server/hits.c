#include "server/hits.h"

#include "base/err.h"
#include "cluster/query.h"

#include <stdlib.h>

struct hit {
    struct router_hit slices; /* of `bytes` */
    uint8_t bytes[];
};

void hits_init(struct hits *h, bool integer, size_t limit, size_t bytes_max)
{
    *h = (struct hits){.integer = integer, .limit = limit, .bytes_max = bytes_max};
}

void hits_fini(struct hits *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->heap[i]);
    free(h->heap);
    *h = (struct hits){0};
}

static int cmp(const struct hits *h, size_t a, size_t b)
{
    return query_cmp_hits(h->integer, &h->heap[a]->slices, &h->heap[b]->slices);
}

static void swap(struct hits *h, size_t a, size_t b)
{
    struct hit *x = h->heap[a];
    h->heap[a] = h->heap[b];
    h->heap[b] = x;
}

static void sift_up(struct hits *h, size_t i)
{
    for (; i && cmp(h, i, (i - 1) / 2) > 0; i = (i - 1) / 2)
        swap(h, i, (i - 1) / 2);
}

/* Among the first n. */
static void sift_down(struct hits *h, size_t i, size_t n)
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

static size_t size_of(const struct router_hit *hit)
{
    return hit->term.len + hit->key.len;
}

static struct hit *copy(const struct router_hit *from)
{
    struct hit *hit = malloc(sizeof *hit + size_of(from));
    if (!hit)
        return NULL;
    if (from->term.len)
        memcpy(hit->bytes, from->term.data, from->term.len);
    if (from->key.len)
        memcpy(hit->bytes + from->term.len, from->key.data, from->key.len);
    hit->slices.term = slice_make(hit->bytes, from->term.len);
    hit->slices.key = slice_make(hit->bytes + from->term.len, from->key.len);
    return hit;
}

static bool make_room(struct hits *h)
{
    if (h->count < h->cap)
        return true;
    size_t cap = h->cap ? 2 * h->cap : 64;
    struct hit **heap = realloc(h->heap, cap * sizeof(struct hit *));
    if (!heap)
        return false;
    h->heap = heap;
    h->cap = cap;
    return true;
}

static void replace_last(struct hits *h, struct hit *hit)
{
    h->bytes -= size_of(&h->heap[0]->slices);
    free(h->heap[0]);
    h->heap[0] = hit;
    sift_down(h, 0, h->count);
}

int hits_add(struct hits *h, const struct router_hit *from)
{
    struct router_hit last;
    bool full = hits_full(h, &last);
    if (full && query_cmp_hits(h->integer, from, &last) >= 0)
        return 0;
    if (h->bytes + size_of(from) > h->bytes_max)
        return E_TOO_LARGE;
    struct hit *hit = make_room(h) ? copy(from) : NULL;
    if (!hit)
        return E_NOMEM;
    h->bytes += size_of(from);
    if (full) {
        replace_last(h, hit);
        return 0;
    }
    h->heap[h->count] = hit;
    sift_up(h, h->count++);
    return 0;
}

bool hits_full(const struct hits *h, struct router_hit *last)
{
    if (h->count < h->limit)
        return false;
    *last = h->heap[0]->slices;
    return true;
}

void hits_sort(struct hits *h)
{
    for (size_t n = h->count; n > 1; n--) {
        swap(h, 0, n - 1);
        sift_down(h, 0, n - 1);
    }
}

struct router_hit hits_at(const struct hits *h, size_t i)
{
    return h->heap[i]->slices;
}
