/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of families of messages have in common: a buffer, and the one frame that was written there. */
#ifndef WIRE_WRITTEN_H
#define WIRE_WRITTEN_H

#include "support.h"
#include "wire/frame.h"

static struct buf b;

static int set_up(void **state)
{
    (void)state;
    buf_init(&b, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&b);
    return 0;
}

/* The body of the one frame that was just written. */
static struct slice written(int err, uint8_t code)
{
    struct slice in = buf_slice(&b);
    struct frame f;
    assert_int_equal(err, 0);
    assert_int_equal(frame_take(&in, UINT32_MAX, &f), 1);
    assert_int_equal(in.len, 0);
    assert_int_equal(f.code, code);
    buf_consume(&b, buf_len(&b)); /* the bytes stay until the next write */
    return f.body;
}

#endif
