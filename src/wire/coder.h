/* SPDX-License-Identifier: Apache-2.0 */
/* One description of a message's fields for both directions: the same function writes a struct as bytes, or fills it
 * from bytes. Numbers are big-endian.
 *
 * The first error stays: later reads give zero, later writes write nothing. The caller checks `err` once, at the end.
 * Reading never passes the end of the input. Writing a value above its limit sets E_TOO_LARGE. A count above its limit
 * is also reset to 0; writing leaves all other fields unchanged. */
#ifndef WIRE_CODER_H
#define WIRE_CODER_H

#include "base/buf.h"
#include "base/err.h"

struct coder {
    struct buf *out; /* NULL: reads */
    struct slice in; /* what is still to be read */
    int err;         /* E_MALFORMED when reading; E_NOMEM, E_TOO_LARGE when writing */
};

static inline struct coder coder_writer(struct buf *out)
{
    return (struct coder){.out = out};
}

static inline struct coder coder_reader(struct slice in)
{
    return (struct coder){.in = in};
}

/* Numbers of `size` bytes, 1 to 8. */
uint64_t code_number(struct coder *c, uint64_t value, unsigned size);

static inline void code_u8(struct coder *c, uint8_t *v)
{
    *v = (uint8_t)code_number(c, *v, 1);
}

static inline void code_u16(struct coder *c, uint16_t *v)
{
    *v = (uint16_t)code_number(c, *v, 2);
}

static inline void code_u32(struct coder *c, uint32_t *v)
{
    *v = (uint32_t)code_number(c, *v, 4);
}

static inline void code_u64(struct coder *c, uint64_t *v)
{
    *v = code_number(c, *v, 8);
}

void code_bool(struct coder *c, bool *v); /* one byte, 0 or 1 */
/* One byte, at most `max`. */
void code_enum(struct coder *c, unsigned *v, unsigned max);
/* A count of what follows, two bytes, at most `max`. */
void code_count(struct coder *c, unsigned *n, unsigned max);
void code_bytes(struct coder *c, void *bytes, size_t n);
/* A length of four bytes and that many bytes; read, it is a view. */
void code_slice(struct coder *c, struct slice *s);
/* A length of one byte and that many, none of them 0, fewer than `size`; `text` is ended by 0. */
void code_text(struct coder *c, char *text, size_t size);
/* Reading: nothing may be left. */
int coder_end(struct coder *c);

#endif
