/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be sent on one connection: small bytes, copied, and large values, by reference to their blobs, in order.
 * The producer appends, the transport takes pieces from the front. Its length is what back-pressure is judged by; it
 * has no maximum of its own, because a response that was begun must be finished: the producer begins none while the
 * queue is long. */
#ifndef BASE_OUTQ_H
#define BASE_OUTQ_H

#include "base/blob.h"
#include "base/buf.h"

struct outq_piece;

struct outq {
    struct buf tail; /* after all pieces; the only part in the common case */
    struct outq_piece *first, *last;
    size_t pieces_len; /* bytes in the pieces */
};

void outq_init(struct outq *q);
void outq_fini(struct outq *q);

static inline size_t outq_len(const struct outq *q)
{
    return q->pieces_len + buf_len(&q->tail);
}

/* Where small bytes are appended. Borrowed; the next outq_push_blob() moves what stands in it. */
static inline struct buf *outq_tail(struct outq *q)
{
    return &q->tail;
}

/* Appends blob->data[offset, offset + len), with a reference of its own. E_NOMEM. */
int outq_push_blob(struct outq *q, struct blob *blob, size_t offset, size_t len);

/* Appends all that stands in `b`, which gives its memory away and is empty afterwards. E_NOMEM: it has it still. */
int outq_push_buf(struct outq *q, struct buf *b);

/* Moves all of `from` to the end of `q`. E_NOMEM: nothing was moved. */
int outq_append(struct outq *q, struct outq *from);

/* The first bytes that are contiguous; empty when there are none. Borrowed until the next change. */
struct slice outq_front(const struct outq *q);
void outq_consume(struct outq *q, size_t n); /* n <= the front's length */

#endif
