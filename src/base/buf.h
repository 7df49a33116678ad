/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes, born with a maximum that it never passes. Owns its memory. Not a queue: consuming from the
 * front moves an offset (buf_consume), and the room is taken back when the buffer runs empty or must grow. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    uint8_t *data; /* allocation, NULL when cap == 0 */
    size_t start;  /* first byte not consumed */
    size_t end;    /* one past the last byte */
    size_t cap;
    size_t max; /* largest end - start */
};

/* No memory is taken before the first byte. */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
/* Forgets the contents and gives the memory back. */
void buf_release(struct buf *b);
/* The same of a secret: the memory is written over. Where the buffer grew, earlier and shorter copies are not. */
void buf_wipe(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->data ? b->data + b->start : NULL, b->end - b->start);
}

int buf_grow(struct buf *b, size_t n); /* the slow path of buf_reserve */

/* Room for n more bytes at *out (borrowed until the next call), to be followed by buf_commit() of at most n.
 * E_TOO_LARGE past the maximum, E_NOMEM; the contents stay in both cases. */
static inline int buf_reserve(struct buf *b, size_t n, uint8_t **out)
{
    if (__builtin_expect(b->cap - b->end < n, 0)) {
        int err = buf_grow(b, n);
        if (err)
            return err;
    }
    *out = b->data ? b->data + b->end : NULL; /* NULL: no room was asked for */
    return 0;
}

static inline void buf_commit(struct buf *b, size_t n)
{
    b->end += n;
}

int buf_append(struct buf *b, const void *data, size_t n);
int buf_append_slice(struct buf *b, struct slice s);
/* Drops the first n bytes, n <= buf_len(). Keeps the memory. */
void buf_consume(struct buf *b, size_t n);

#endif
