/* SPDX-License-Identifier: Apache-2.0 */
/* A counted run of bytes that never changes once it is shared: a large value travels from the socket into the store and
 * out again without being copied. Not thread-safe: one loop owns them all. */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
    size_t refs;
    size_t size; /* of data, in bytes */
    uint8_t data[];
};

/* One reference, contents undefined; NULL when there is no memory. */
struct blob *blob_create(size_t size);
struct blob *blob_get(struct blob *b); /* one more reference */
void blob_put(struct blob *b);         /* one less; the last frees. NULL is allowed. */
/* What it costs the heap, allocator's overhead included. */
size_t blob_footprint(const struct blob *b);

#endif
