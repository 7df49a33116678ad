/* SPDX-License-Identifier: Apache-2.0 */
/* The protobuf wire format, read as views and written in place: what the requests of the hot path (get, put, delete)
 * are decoded and encoded with, because protobuf-c copies every value. Everything else goes through protobuf-c; tests
 * compare the two. Source: protobuf.dev, "Encoding".
 *
 * All input is hostile: every length is checked against what is there. */
#ifndef WIRE_PB_H
#define WIRE_PB_H

#include "base/err.h"
#include "base/slice.h"

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
    const uint8_t *p, *end;
};

struct pb_field {
    uint32_t number; /* 1 .. 2^29-1 */
    enum pb_wire wire;
    uint64_t value;     /* of a varint or fixed field */
    struct slice bytes; /* of a length-delimited field; borrowed from the input */
};

static inline struct pb_reader pb_reader_of(struct slice s)
{
    return (struct pb_reader){s.data, s.data ? s.data + s.len : s.data};
}

static inline bool pb_read_varint(struct pb_reader *r, uint64_t *out)
{
    if (r->p < r->end && *r->p < 0x80) {
        *out = *r->p++;
        return true;
    }
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        uint8_t byte = *r->p++;
        if (shift == 63 && byte > 1)
            return false; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* The next field: 1, or 0 at the end, or E_MALFORMED. Groups (long deprecated, in no message of ours) are malformed. */
static inline int pb_next(struct pb_reader *r, struct pb_field *f)
{
    uint64_t tag, n;
    if (r->p == r->end)
        return 0;
    if (!pb_read_varint(r, &tag) || tag < 8 || tag > UINT32_MAX)
        return E_MALFORMED;
    f->number = (uint32_t)tag >> 3;
    f->wire = (enum pb_wire)(tag & 7);
    switch (f->wire) {
    case PB_VARINT:
        return pb_read_varint(r, &f->value) ? 1 : E_MALFORMED;
    case PB_BYTES:
        if (!pb_read_varint(r, &n) || n > (uint64_t)(r->end - r->p))
            return E_MALFORMED;
        f->bytes = slice_make(r->p, (size_t)n);
        r->p += n;
        return 1;
    case PB_FIXED64:
    case PB_FIXED32:
        n = f->wire == PB_FIXED64 ? 8 : 4;
        if ((uint64_t)(r->end - r->p) < n)
            return E_MALFORMED;
        f->value = 0;
        memcpy(&f->value, r->p, (size_t)n);
        r->p += n;
        return 1;
    }
    return E_MALFORMED;
}

/* Where a decoded field goes; each returns false when the wire type is not the field's. */
static inline bool pb_to_bytes(const struct pb_field *f, struct slice *out, bool *has)
{
    if (f->wire != PB_BYTES)
        return false;
    *out = f->bytes;
    *has = true;
    return true;
}

static inline bool pb_to_u32(const struct pb_field *f, uint32_t *out)
{
    if (f->wire != PB_VARINT)
        return false;
    *out = (uint32_t)f->value;
    return true;
}

static inline bool pb_to_bool(const struct pb_field *f, bool *out)
{
    if (f->wire != PB_VARINT)
        return false;
    *out = f->value != 0;
    return true;
}

static inline bool pb_is_varint(const struct pb_field *f)
{
    return f->wire == PB_VARINT;
}

static inline size_t pb_varint_size(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

/* Size of a length-delimited field whose number is under 16. */
static inline size_t pb_bytes_size(size_t len)
{
    return 1 + pb_varint_size(len) + len;
}

static inline uint8_t *pb_put_varint(uint8_t *p, uint64_t value)
{
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

static inline uint8_t *pb_put_tag(uint8_t *p, uint32_t number, enum pb_wire wire)
{
    return pb_put_varint(p, (uint64_t)number << 3 | (unsigned)wire);
}

static inline uint8_t *pb_put_uint(uint8_t *p, uint32_t number, uint64_t value)
{
    return pb_put_varint(pb_put_tag(p, number, PB_VARINT), value);
}

/* Tag and length of a length-delimited field; its bytes follow. */
static inline uint8_t *pb_put_head(uint8_t *p, uint32_t number, size_t len)
{
    return pb_put_varint(pb_put_tag(p, number, PB_BYTES), len);
}

static inline uint8_t *pb_put_bytes(uint8_t *p, uint32_t number, struct slice s)
{
    p = pb_put_head(p, number, s.len);
    if (s.len)
        memcpy(p, s.data, s.len);
    return p + s.len;
}

#endif
