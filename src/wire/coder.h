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

#include <endian.h>

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

/* The first error stays. */
static inline void coder_fail(struct coder *c, int err)
{
    if (!c->err)
        c->err = err;
}

/* Room for the next n bytes; NULL: there is none, and c->err says why. */
static inline uint8_t *coder_room(struct coder *c, size_t n)
{
    uint8_t *p;
    if (c->err || (c->err = buf_reserve(c->out, n, &p)) != 0)
        return NULL;
    buf_commit(c->out, n);
    return p;
}

/* Numbers of `size` bytes, 1 to 8. Messages between nodes are mostly numbers of a size that the compiler knows: in the
 * header it makes one store or load of each. */
static inline uint64_t code_number(struct coder *c, uint64_t value, unsigned size)
{
    uint64_t big_endian = htobe64(value << (64 - 8 * size));
    if (c->out) {
        uint8_t *p = coder_room(c, size);
        if (p)
            memcpy(p, &big_endian, size);
        return value;
    }
    if (c->err || c->in.len < size) {
        coder_fail(c, E_MALFORMED);
        return 0;
    }
    big_endian = 0;
    memcpy(&big_endian, c->in.data, size);
    c->in = slice_skip(c->in, size);
    return be64toh(big_endian) >> (64 - 8 * size);
}

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
