/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

#define BUF_FIRST 256 /* most frames are smaller */

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->start = b->end = b->cap = 0;
}

void buf_wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_release(b);
}

void buf_fini(struct buf *b)
{
    buf_release(b);
}

static void move_to_front(struct buf *b)
{
    size_t len = buf_len(b);
    if (b->start && len)
        memmove(b->data, b->data + b->start, len);
    b->start = 0;
    b->end = len;
}

static size_t next_cap(const struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < need)
        cap += cap < 1024 * 1024 ? cap : cap / 4;
    return cap < b->max ? cap : b->max;
}

int buf_grow(struct buf *b, size_t n)
{
    size_t len = buf_len(b);
    if (n > b->max || len > b->max - n)
        return E_TOO_LARGE;
    if (b->start)
        move_to_front(b);
    if (b->cap - len >= n)
        return 0;
    size_t cap = next_cap(b, len + n);
    uint8_t *data = realloc(b->data, cap);
    if (!data)
        return E_NOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
    uint8_t *out;
    if (n == 0)
        return 0;
    int err = buf_reserve(b, n, &out);
    if (err)
        return err;
    memcpy(out, data, n);
    buf_commit(b, n);
    return 0;
}

int buf_append_slice(struct buf *b, struct slice s)
{
    return buf_append(b, s.data, s.len);
}

void buf_consume(struct buf *b, size_t n)
{
    ASSERT(n <= buf_len(b));
    b->start += n;
    if (b->start == b->end)
        b->start = b->end = 0;
}
