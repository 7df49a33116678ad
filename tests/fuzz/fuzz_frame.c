/* SPDX-License-Identifier: Apache-2.0 */
/* The frame parser. Input: one byte that chooses the largest frame, then what a peer sends. */
#include "fuzz.h"
#include "wire/frame.h"

/* Whatever is known of a head stays true when more bytes come. */
static void check_prefixes(struct slice in, size_t max)
{
    uint8_t code = 0, whole_code = 0;
    size_t len = 0, whole_len = 0;
    int whole = frame_head_parse(in, max, &whole_code, &whole_len);
    for (size_t n = 0; n <= in.len && n <= FRAME_HEAD; n++) {
        int err = frame_head_parse(slice_make(in.data, n), max, &code, &len);
        ASSERT(err == E_AGAIN ? n < FRAME_HEAD : err == whole);
        ASSERT(err || (code == whole_code && len == whole_len));
    }
}

/* What was taken, written again, is what came. */
static void check_written(const struct frame *f, struct slice bytes)
{
    struct buf out;
    size_t mark;
    buf_init(&out, SIZE_MAX / 2);
    ASSERT(frame_begin(&out, f->code, &mark) == 0);
    ASSERT(buf_append_slice(&out, f->body) == 0);
    frame_end(&out, mark);
    ASSERT(slice_eq(buf_slice(&out), bytes));
    if (f->body.len == 0) {
        buf_consume(&out, buf_len(&out));
        ASSERT(frame_put_empty(&out, f->code) == 0);
        ASSERT(slice_eq(buf_slice(&out), bytes));
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = {1, 16, 300, 65536, UINT32_MAX};
    struct slice in = slice_make(data, size);
    size_t max = maxima[fuzz_byte(&in) % (sizeof maxima / sizeof maxima[0])];
    for (;;) {
        struct slice before = in;
        struct frame f;
        check_prefixes(in, max);
        int got = frame_take(&in, max, &f);
        if (got != 1) {
            ASSERT(got == 0 || got == E_MALFORMED || got == E_TOO_LARGE);
            ASSERT(in.data == before.data && in.len == before.len);
            return 0;
        }
        ASSERT(fuzz_inside(f.body, before) && f.body.len + 1 <= max);
        ASSERT(before.len - in.len == FRAME_HEAD + f.body.len);
        check_written(&f, slice_make(before.data, before.len - in.len));
    }
}
