/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/heap.h"

#include "base/assert.h"

#include <jansson.h>
#include <raft.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
size_t __wrap_malloc_usable_size(void *p);

/* In front of each block: how much was asked for. What the C library gives beyond that depends on what the process has
 * done before, and what a node says of its memory would, too. */
struct head {
    size_t size;
    uint64_t mark;
};
#define MARK 0x73696d2068656170ULL

_Static_assert(sizeof(struct head) == 16, "blocks stay aligned");

/* The one global of the simulation: the heap is the process's. */
static struct {
    size_t blocks;
    struct rng *chance;
    unsigned one_in;
    bool failing;
} heap;

static bool fails(void)
{
    return heap.failing && heap.one_in && rng_below(heap.chance, heap.one_in) == 0;
}

static struct head *head_of(void *p)
{
    struct head *h = (struct head *)p - 1;
    ASSERT(h->mark == MARK);
    return h;
}

/* As glibc rounds, and all of it may be used. */
static size_t rounded(size_t size)
{
    return ((size + 8 + 15) & ~(size_t)15) - 8;
}

/* A block as the program sees it. */
static void *give(struct head *h, size_t size, bool is_new)
{
    if (!h)
        return NULL;
    *h = (struct head){size, MARK};
    heap.blocks += is_new;
    return h + 1;
}

static void *take(size_t size)
{
    return size > SIZE_MAX / 2 ? NULL : give(__real_malloc(rounded(size) + sizeof(struct head)), rounded(size), true);
}

static void *take_zeroed(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / 2 / size)
        return NULL;
    return give(__real_calloc(1, rounded(n * size) + sizeof(struct head)), rounded(n * size), true);
}

static void *take_again(void *p, size_t size)
{
    if (!p)
        return take(size);
    return size > SIZE_MAX / 2
               ? NULL
               : give(__real_realloc(head_of(p), rounded(size) + sizeof(struct head)), rounded(size), false);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : take(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : take_zeroed(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : take_again(p, size);
}

void __wrap_free(void *p)
{
    if (!p)
        return;
    struct head *h = head_of(p);
    h->mark = 0;
    heap.blocks--;
    __real_free(h);
}

size_t __wrap_malloc_usable_size(void *p)
{
    return p ? head_of(p)->size : 0;
}

/* The Raft library's own allocations are counted and never fail: it does not survive that (0.22.1 frees what it does
 * not own when memory runs out while a snapshot is taken over). */
static void *raft_take(void *data, size_t size)
{
    (void)data;
    return take(size);
}

static void raft_give(void *data, void *p)
{
    (void)data;
    __wrap_free(p);
}

static void *raft_take_zeroed(void *data, size_t n, size_t size)
{
    (void)data;
    return take_zeroed(n, size);
}

static void *raft_take_again(void *data, void *p, size_t size)
{
    (void)data;
    return take_again(p, size);
}

/* For its own files, of which there are none here. */
static void *raft_take_aligned(void *data, size_t alignment, size_t size)
{
    (void)data;
    (void)alignment;
    (void)size;
    return NULL;
}

static void raft_give_aligned(void *data, size_t alignment, void *p)
{
    (void)data;
    (void)alignment;
    (void)p;
}

void heap_watch_libraries(void)
{
    static struct raft_heap ours = {
        NULL, raft_take, raft_give, raft_take_zeroed, raft_take_again, raft_take_aligned, raft_give_aligned};
    raft_heap_set(&ours);
    json_set_alloc_funcs(malloc, free);
}

size_t heap_blocks(void)
{
    return heap.blocks;
}

void heap_fail(struct rng *r, unsigned one_in)
{
    heap.chance = r;
    heap.one_in = one_in;
    heap.failing = one_in != 0;
}

bool heap_pause(void)
{
    bool was = heap.failing;
    heap.failing = false;
    return was;
}

void heap_resume(bool failing)
{
    heap.failing = failing;
}
