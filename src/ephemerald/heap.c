/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/heap.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* Larger blocks are the system's own, and go back to it when they are freed. To give both numbers keeps glibc from
 * raising them as it goes, after which large blocks would lie between small ones and go back never. */
#define MMAP_THRESHOLD (128 * 1024)
#define TRIM_THRESHOLD (1024 * 1024)
/* The heap's end goes up and down by as much as its logs hold and drop: it is not given back only to be asked for, and
 * zeroed by the kernel, again. */
#define TOP_PAD (1024 * 1024)

/* glibc keeps small free blocks apart ("fastbins") until it joins all of them with their neighbours at once: after many
 * keys have expired, hundreds of thousands, in one call that takes a tenth of a second. Without, each is joined when it
 * is freed. */
#define MAX_FAST 0

#define WORTH   ((size_t)4 * 1024 * 1024) /* less is not looked for: that takes some milliseconds */
#define CALM_MS 1000

void heap_init(void)
{
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    mallopt(M_TOP_PAD, TOP_PAD);
    mallopt(M_MXFAST, MAX_FAST);
    mallopt(M_ARENA_MAX, 1); /* the other threads allocate little, and what they free is for all */
}

void heap_turn(struct heap *h, uint64_t now_ms, size_t used)
{
    if (used > h->peak)
        h->peak = used;
    if (h->peak - used < WORTH || used > h->peak / 2) {
        h->calm_since_ms = 0;
    } else if (!h->calm_since_ms) {
        h->calm_since_ms = now_ms;
    } else if (now_ms - h->calm_since_ms >= CALM_MS) {
        malloc_trim(0);
        *h = (struct heap){.peak = used};
    }
}

/* proc(5): of /proc/self/statm the second number, in pages. */
uint64_t heap_resident(void)
{
    uint64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    bool good = f && fscanf(f, "%*u %" SCNu64, &pages) == 1;
    if (f)
        fclose(f);
    return good ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : UINT64_MAX;
}
