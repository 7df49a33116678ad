/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blob.h"

#include "base/assert.h"

#include <malloc.h>
#include <stdlib.h>

struct blob *blob_create(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct blob))
        return NULL;
    struct blob *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->refs = 1;
    b->size = size;
    return b;
}

struct blob *blob_get(struct blob *b)
{
    ASSERT(b->refs > 0);
    b->refs++;
    return b;
}

void blob_put(struct blob *b)
{
    if (!b)
        return;
    ASSERT(b->refs > 0);
    if (--b->refs == 0)
        free(b);
}

size_t blob_footprint(const struct blob *b)
{
    return malloc_usable_size((void *)(uintptr_t)b) + sizeof(size_t);
}
