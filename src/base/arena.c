/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define ARENA_CHUNK 4096 /* a small request with its decoded message fits */

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap, used;
    alignas(max_align_t) uint8_t data[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

static void free_chunks(struct arena_chunk *c)
{
    while (c) {
        struct arena_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_fini(struct arena *a)
{
    free_chunks(a->first);
    a->first = a->last = NULL;
}

void arena_reset(struct arena *a)
{
    a->used = 0;
    if (!a->first)
        return;
    free_chunks(a->first->next);
    a->first->next = NULL;
    a->first->used = 0;
    a->last = a->first;
}

static struct arena_chunk *add_chunk(struct arena *a, size_t n)
{
    /* The first chunk is of the standard size, so that a large request is not kept in it. */
    size_t cap = !a->first || n < ARENA_CHUNK ? ARENA_CHUNK : n;
    struct arena_chunk *c = malloc(sizeof *c + cap);
    if (!c)
        return NULL;
    *c = (struct arena_chunk){.cap = cap};
    if (a->last)
        a->last->next = c;
    else
        a->first = c;
    a->last = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > a->max || a->used > a->max - n)
        return NULL;
    n = (n + align - 1) / align * align;
    while (!a->last || a->last->cap - a->last->used < n)
        if (!add_chunk(a, n))
            return NULL;
    void *p = a->last->data + a->last->used;
    a->last->used += n;
    a->used += n;
    return p;
}

char *arena_strdup(struct arena *a, struct slice s)
{
    char *p = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;
    if (!p)
        return NULL;
    if (s.len)
        memcpy(p, s.data, s.len);
    p[s.len] = '\0';
    return p;
}
