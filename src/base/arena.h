/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one request: many small allocations, all freed in one call. The first chunk stays with the arena, so a
 * request that fits takes nothing from the heap. Limited: a decoder that wants more than the maximum gets NULL. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *first; /* kept over resets */
    struct arena_chunk *last;
    size_t used; /* bytes handed out since the last reset */
    size_t max;
};

void arena_init(struct arena *a, size_t max);
void arena_fini(struct arena *a);
/* Frees everything that was handed out. */
void arena_reset(struct arena *a);
/* n bytes aligned for any type, undefined contents, borrowed until the reset; NULL past the maximum or without memory.
 */
void *arena_alloc(struct arena *a, size_t n);
/* Copy of s followed by a NUL that does not count; NULL as above. */
char *arena_strdup(struct arena *a, struct slice s);

#endif
