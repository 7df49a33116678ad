/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. Each target is one file with the entry point of libFuzzer; without libFuzzer the same
 * file is linked with replay.c, which gives it the committed corpus.
 *
 * A target states what must hold for any input with ASSERT, beside what the sanitizers see. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/assert.h"
#include "base/slice.h"

/* 0; an input has exactly `size` bytes of its own, so that a sanitizer sees one byte too far. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes choices from the front of an input; 0 when it is used up. */
static inline uint8_t fuzz_byte(struct slice *in)
{
    if (in->len == 0)
        return 0;
    uint8_t byte = in->data[0];
    *in = slice_skip(*in, 1);
    return byte;
}

static inline uint64_t fuzz_number(struct slice *in, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | fuzz_byte(in);
    return value;
}

/* At most n bytes. */
static inline struct slice fuzz_take(struct slice *in, size_t n)
{
    struct slice s = slice_make(in->data, n < in->len ? n : in->len);
    *in = slice_skip(*in, s.len);
    return s;
}

/* Whether `part` lies in `whole`: views must not point anywhere else. */
static inline bool fuzz_inside(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

#endif
