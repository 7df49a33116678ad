/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outq.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

#define TAIL_KEPT ((size_t)8 * 1024) /* by a queue that has run empty: many small answers, no large one */

/* Bytes of its own in front, then a part of a blob. */
struct outq_piece {
    struct outq_piece *next;
    struct buf bytes;
    struct blob *blob;
    size_t offset, len;
};

void outq_init(struct outq *q)
{
    *q = (struct outq){0};
    buf_init(&q->tail, SIZE_MAX / 2);
}

static void free_first(struct outq *q)
{
    struct outq_piece *p = q->first;
    q->first = p->next;
    if (!q->first)
        q->last = NULL;
    buf_fini(&p->bytes);
    blob_put(p->blob);
    free(p);
}

void outq_fini(struct outq *q)
{
    while (q->first)
        free_first(q);
    q->pieces_len = 0;
    buf_fini(&q->tail);
}

/* The tail is in it, and begins empty. */
static void append_piece(struct outq *q, struct outq_piece *p, struct outq_piece piece)
{
    *p = piece;
    q->pieces_len += buf_len(&p->bytes) + p->len;
    buf_init(&q->tail, SIZE_MAX / 2);
    if (q->last)
        q->last->next = p;
    else
        q->first = p;
    q->last = p;
}

int outq_push_blob(struct outq *q, struct blob *blob, size_t offset, size_t len)
{
    ASSERT(offset <= blob->size && len <= blob->size - offset);
    if (len == 0)
        return 0; /* an empty piece would hide what follows it */
    struct outq_piece *p = malloc(sizeof *p);
    if (!p)
        return E_NOMEM;
    append_piece(q, p, (struct outq_piece){.bytes = q->tail, .blob = blob_get(blob), .offset = offset, .len = len});
    return 0;
}

int outq_push_buf(struct outq *q, struct buf *b)
{
    struct outq_piece *p = buf_len(&q->tail) ? malloc(sizeof *p) : NULL;
    if (buf_len(&q->tail) && !p)
        return E_NOMEM;
    if (p)
        append_piece(q, p, (struct outq_piece){.bytes = q->tail});
    else
        buf_fini(&q->tail);
    q->tail = *b;
    q->tail.max = SIZE_MAX / 2;
    buf_init(b, b->max);
    return 0;
}

/* What stands in the tail comes before the piece's own bytes. */
static int join(struct outq *q, struct outq_piece *first)
{
    int err = buf_append_slice(&q->tail, buf_slice(&first->bytes));
    if (err)
        return err;
    buf_fini(&first->bytes);
    first->bytes = q->tail;
    return 0;
}

int outq_append(struct outq *q, struct outq *from)
{
    size_t tail_len = buf_len(&q->tail);
    if (!from->first) {
        int err = buf_append_slice(&q->tail, buf_slice(&from->tail));
        if (!err)
            buf_release(&from->tail);
        return err;
    }
    int err = join(q, from->first);
    if (err)
        return err;
    if (q->last)
        q->last->next = from->first;
    else
        q->first = from->first;
    q->last = from->last;
    q->pieces_len += tail_len + from->pieces_len;
    q->tail = from->tail;
    outq_init(from);
    return 0;
}

struct slice outq_front(const struct outq *q)
{
    const struct outq_piece *p = q->first;
    if (!p)
        return buf_slice(&q->tail);
    if (buf_len(&p->bytes))
        return buf_slice(&p->bytes);
    return slice_make(p->blob->data + p->offset, p->len);
}

void outq_consume(struct outq *q, size_t n)
{
    struct outq_piece *p = q->first;
    if (!p) {
        buf_consume(&q->tail, n);
        if (buf_len(&q->tail) == 0 && q->tail.cap > TAIL_KEPT)
            buf_release(&q->tail);
        return;
    }
    ASSERT(n <= outq_front(q).len);
    q->pieces_len -= n;
    if (buf_len(&p->bytes)) {
        buf_consume(&p->bytes, n);
    } else {
        p->offset += n;
        p->len -= n;
    }
    if (buf_len(&p->bytes) == 0 && p->len == 0)
        free_first(q);
}
