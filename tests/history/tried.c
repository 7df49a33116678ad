/* SPDX-License-Identifier: Apache-2.0 */
#include "history/tried.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    ASSERT(p);
    return p;
}

uint64_t tried_mark(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

static size_t find_slot(const struct tried *t, uint64_t hash)
{
    size_t i = hash & (t->slots - 1);
    while (t->hash[i] && t->hash[i] != hash)
        i = (i + 1) & (t->slots - 1);
    return i;
}

static void grow_slots(struct tried *t)
{
    struct tried old = *t;
    t->slots = old.slots ? 2 * old.slots : 1024;
    t->hash = allocate(t->slots, sizeof *t->hash);
    t->latest = allocate(t->slots, sizeof *t->latest);
    for (size_t i = 0; i < old.slots; i++)
        if (old.hash[i]) {
            size_t at = find_slot(t, old.hash[i]);
            t->hash[at] = old.hash[i];
            t->latest[at] = old.latest[i];
        }
    free(old.hash);
    free(old.latest);
}

static void add_set(struct tried *t, size_t slot, const uint64_t *set)
{
    if (t->sets == t->sets_cap) {
        t->sets_cap = t->sets_cap ? 2 * t->sets_cap : 1024;
        t->set = realloc(t->set, t->sets_cap * t->words * sizeof *t->set);
        t->before = realloc(t->before, t->sets_cap * sizeof *t->before);
        ASSERT(t->set && t->before);
    }
    memcpy(t->set + t->sets * t->words, set, t->words * sizeof *set);
    t->before[t->sets] = t->latest[slot];
    t->latest[slot] = ++t->sets;
}

static bool is_subset(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (a[i] & ~b[i])
            return false;
    return true;
}

bool tried_add(struct tried *t, uint64_t marks, uint32_t belief, const uint64_t *spares)
{
    uint64_t hash = marks ^ tried_mark(belief ^ 0x9e3779b97f4a7c15ULL); /* apart from all marks */
    hash = hash ? hash : 1;
    if (2 * (t->used + 1) > t->slots)
        grow_slots(t);
    size_t slot = find_slot(t, hash);
    for (size_t i = t->latest[slot]; i; i = t->before[i - 1])
        if (is_subset(t->set + (i - 1) * t->words, spares, t->words))
            return false;
    t->used += !t->hash[slot];
    t->hash[slot] = hash;
    add_set(t, slot, spares);
    return true;
}

void tried_fini(struct tried *t)
{
    free(t->hash);
    free(t->latest);
    free(t->set);
    free(t->before);
    *t = (struct tried){0};
}
