/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/entry_log.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

#define CAP_MIN 16

static struct entry *place(const struct entry_log *l, uint64_t index)
{
    return &l->ring[index & (l->cap - 1)];
}

static uint64_t count(const struct entry_log *l)
{
    return l->last + 1 - l->first;
}

static size_t cost(const struct entry *e)
{
    return e->data.len + sizeof *e;
}

static void drop(struct entry_log *l, uint64_t index)
{
    struct entry *e = place(l, index);
    l->bytes -= cost(e);
    blob_put(e->blob);
}

void entry_log_init(struct entry_log *l, uint64_t index, uint64_t term)
{
    *l = (struct entry_log){.first = index + 1, .last = index, .base_term = term};
}

void entry_log_reset(struct entry_log *l, uint64_t index, uint64_t term)
{
    for (uint64_t i = l->first; i <= l->last; i++)
        drop(l, i);
    l->first = index + 1;
    l->last = index;
    l->base_term = term;
}

void entry_log_fini(struct entry_log *l)
{
    entry_log_reset(l, 0, 0);
    free(l->ring);
    l->ring = NULL;
    l->cap = 0;
}

static int resize(struct entry_log *l, uint64_t cap)
{
    struct entry *ring = malloc(cap * sizeof *ring);
    if (!ring)
        return E_NOMEM;
    for (uint64_t i = l->first; i <= l->last; i++)
        ring[i & (cap - 1)] = *place(l, i);
    free(l->ring);
    l->ring = ring;
    l->cap = cap;
    return 0;
}

int entry_log_reserve(struct entry_log *l, uint64_t n)
{
    uint64_t cap = l->cap ? l->cap : CAP_MIN;
    while (cap < count(l) + n)
        cap *= 2;
    return cap == l->cap ? 0 : resize(l, cap);
}

void entry_log_append(struct entry_log *l, const struct entry *e)
{
    ASSERT(count(l) < l->cap);
    l->last++;
    *place(l, l->last) = *e;
    l->bytes += cost(e);
}

void entry_log_truncate(struct entry_log *l, uint64_t from)
{
    ASSERT(from >= l->first);
    for (; l->last >= from; l->last--)
        drop(l, l->last);
}

void entry_log_trim(struct entry_log *l, uint64_t last)
{
    ASSERT(last >= l->first && last <= l->last);
    l->base_term = entry_log_at(l, last)->term;
    for (; l->first <= last; l->first++)
        drop(l, l->first);
    /* A burst is over. That there is no memory for less of it is no harm. */
    if (l->cap > CAP_MIN && count(l) < l->cap / 8)
        resize(l, l->cap / 4);
}

const struct entry *entry_log_at(const struct entry_log *l, uint64_t index)
{
    ASSERT(index >= l->first && index <= l->last);
    return place(l, index);
}

uint64_t entry_log_term(const struct entry_log *l, uint64_t index)
{
    if (index + 1 == l->first)
        return l->base_term;
    return index >= l->first && index <= l->last ? place(l, index)->term : 0;
}
