/* SPDX-License-Identifier: Apache-2.0 */
#include "datatype/code.h"

#include "base/bytes.h"
#include "base/err.h"

#include <stdlib.h>

struct reader reader_of(struct slice s)
{
    return (struct reader){s.data, s.data ? s.data + s.len : s.data, false};
}

struct slice read_bytes(struct reader *r, size_t n)
{
    const uint8_t *p = r->p;
    r->bad = r->bad || (size_t)(r->end - r->p) < n;
    if (r->bad || n == 0)
        return slice_make(NULL, 0);
    r->p += n;
    return slice_make(p, n);
}

uint8_t read_byte(struct reader *r)
{
    struct slice s = read_bytes(r, 1);
    return s.len ? s.data[0] : 0;
}

uint32_t read_u32(struct reader *r)
{
    struct slice s = read_bytes(r, 4);
    return s.len ? (uint32_t)bytes_get(s.data, 4) : 0;
}

/* The shortest form alone: a state has one encoding. */
uint64_t read_varint(struct reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_byte(r);
        r->bad = r->bad || (shift == 63 && byte > 1) || (shift && byte == 0);
        if (r->bad)
            return 0;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->bad = true;
    return 0;
}

struct slice read_name(struct reader *r)
{
    uint64_t len = read_varint(r);
    r->bad = r->bad || len > (size_t)(r->end - r->p);
    return read_bytes(r, r->bad ? 0 : (size_t)len);
}

int put_byte(struct buf *out, uint8_t b)
{
    return buf_append(out, &b, 1);
}

int put_varint(struct buf *out, uint64_t v)
{
    uint8_t bytes[10], *p = bytes;
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return buf_append(out, bytes, (size_t)(p - bytes));
}

int put_name(struct buf *out, struct slice name)
{
    int err = put_varint(out, name.len);
    return err ? err : buf_append_slice(out, name);
}

int begin_sized(struct buf *out, size_t *mark)
{
    int err = buf_append(out, "\0\0\0\0", 4);
    *mark = buf_len(out);
    return err;
}

int end_sized(struct buf *out, size_t mark)
{
    size_t size = buf_len(out) - mark;
    if (size > UINT32_MAX)
        return E_TOO_LARGE;
    bytes_put(out->data + out->start + mark - 4, size, 4);
    return 0;
}

/* --- items --- */

int item_cmp(const struct item *a, const struct item *b)
{
    int c = slice_cmp(a->name, b->name);
    return c ? c : (a->kind > b->kind) - (a->kind < b->kind);
}

static int compare(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;
    int c = item_cmp(a, b);
    return c ? c : (a->at > b->at) - (a->at < b->at);
}

static void read_item(struct reader *r, bool fields, bool updates, struct item *i)
{
    *i = (struct item){.at = r->p};
    i->kind = fields ? (enum datatype)read_byte(r) : DATATYPE_NONE;
    i->name = read_name(r);
    i->op = updates ? read_bytes(r, read_u32(r)) : slice_make(NULL, 0);
    r->bad = r->bad || (fields && (i->kind < DATATYPE_COUNTER || i->kind > DATATYPE_SET));
}

int items_read(struct reader *r, bool fields, bool updates, struct items *out)
{
    uint64_t count = read_varint(r);
    *out = (struct items){0};
    if (r->bad || count > DATATYPE_ITEMS_MAX || count > (size_t)(r->end - r->p))
        return E_MALFORMED;
    if (count == 0)
        return 0;
    out->at = malloc((size_t)count * sizeof *out->at);
    if (!out->at)
        return E_NOMEM;
    for (; out->count < count; out->count++)
        read_item(r, fields, updates, &out->at[out->count]);
    if (r->bad)
        return E_MALFORMED;
    qsort(out->at, out->count, sizeof *out->at, compare);
    return 0;
}

void items_fini(struct items *l)
{
    free(l->at);
    *l = (struct items){0};
}
