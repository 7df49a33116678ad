/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include "base/assert.h"

int frame_put_empty(struct buf *out, uint8_t code)
{
    uint8_t *p;
    int err = buf_reserve(out, FRAME_HEAD, &p);
    if (err)
        return err;
    frame_head_put(p, code, 0);
    buf_commit(out, FRAME_HEAD);
    return 0;
}

/* The mark counts from the first byte not consumed, so that it survives a move of the buffer. */
int frame_begin(struct buf *out, uint8_t code, size_t *mark)
{
    *mark = buf_len(out);
    return frame_put_empty(out, code);
}

void frame_end(struct buf *out, size_t mark)
{
    ASSERT(buf_len(out) >= mark + FRAME_HEAD);
    uint8_t *p = out->data + out->start + mark;
    frame_head_put(p, p[4], buf_len(out) - mark - FRAME_HEAD);
}
