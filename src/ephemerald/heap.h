/* SPDX-License-Identifier: Apache-2.0 */
/* The process's heap, by glibc: what many requests at once have taken goes back to the system soon after them. */
#ifndef EPHEMERALD_HEAP_H
#define EPHEMERALD_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap {
    size_t peak;            /* of what requests have taken, since it was given back last, bytes */
    uint64_t calm_since_ms; /* since when they have much less; 0: they have not */
};

/* Before the first large allocation. */
void heap_init(void);
/* `used`: what requests take now, about; it may ask for nothing for long. */
void heap_turn(struct heap *h, uint64_t now_ms, size_t used);
/* What the whole process takes of the machine's memory now, bytes; UINT64_MAX: not known. */
uint64_t heap_resident(void);

#endif
