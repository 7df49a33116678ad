/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a node's data memory: every allocation of the data itself is charged with what it costs the heap,
 * allocator's overhead included. One account serves all 64 partitions and the catalog of a node. */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "base/hash.h"

#include <malloc.h>

struct store_memory {
    size_t used;  /* bytes */
    size_t limit; /* bytes; writes that would pass it are refused before they are applied (R-MEMORY) */
};

/* Heap bytes that one allocation takes: glibc keeps one size word in front of the usable bytes. 0 for NULL. */
static inline size_t memory_footprint(const void *p)
{
    return p ? malloc_usable_size((void *)(uintptr_t)p) + sizeof(size_t) : 0;
}

static inline void memory_charge(struct store_memory *m, const void *p)
{
    m->used += memory_footprint(p);
}

static inline void memory_release(struct store_memory *m, const void *p)
{
    m->used -= memory_footprint(p);
}

static inline bool memory_has_room(const struct store_memory *m, size_t bytes)
{
    return bytes <= m->limit && m->used <= m->limit - bytes;
}

#endif
