/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include "base/assert.h"
#include "base/err.h"

void record_read(const uint8_t *p, struct record *out)
{
    uint64_t size, key_len;
    out->start = p;
    out->flags = *p;
    p = varint_get(p + 1, &size);
    const uint8_t *end = p + size;
    out->size = (size_t)(end - out->start);
    p = varint_get(p, &key_len);
    out->key = slice_make(p, (size_t)key_len);
    out->body = slice_make(p + key_len, (size_t)(end - p) - (size_t)key_len);
}

uint64_t record_due(const struct record *r)
{
    uint64_t due = UINT64_MAX;
    if (r->flags & RECORD_DUE)
        varint_get(r->body.data, &due);
    return due;
}

static struct slice siblings_of(const struct record *r)
{
    uint64_t due;
    if (!(r->flags & RECORD_DUE))
        return r->body;
    return slice_skip(r->body, (size_t)(varint_get(r->body.data, &due) - r->body.data));
}

static const uint8_t *read_reference(const uint8_t *p, struct content_bytes *out)
{
    uint64_t offset, len;
    memcpy(&out->blob, p, sizeof out->blob);
    p = varint_get(p + sizeof out->blob, &offset);
    p = varint_get(p, &len);
    out->bytes = slice_make(out->blob->data + offset, (size_t)len);
    return p;
}

static void read_sibling(uint8_t flags, struct slice s, struct sibling *out)
{
    const uint8_t *p = s.data, *end = s.data + s.len;
    uint64_t len;
    *out = (struct sibling){.tombstone = (flags & RECORD_TOMBSTONE) != 0};
    p = varint_get(p, &out->seq);
    p = varint_get(p, &out->stamp);
    if (flags & RECORD_META_BLOB) {
        p = read_reference(p, &out->meta);
    } else if (flags & RECORD_META) {
        p = varint_get(p, &len);
        out->meta.bytes = slice_make(p, (size_t)len);
        p += len;
    }
    if (flags & RECORD_BLOB)
        read_reference(p, &out->value);
    else
        out->value.bytes = slice_make(p, (size_t)(end - p));
}

bool record_next_sibling(const struct record *r, struct sibling_cursor *c, struct sibling *out)
{
    if (!c->started) {
        c->started = true;
        c->rest = siblings_of(r);
    }
    if (c->rest.len == 0)
        return false;
    if (!(r->flags & RECORD_MANY)) {
        read_sibling(r->flags, c->rest, out);
        c->rest.len = 0;
        return true;
    }
    uint64_t size;
    uint8_t flags = *c->rest.data;
    const uint8_t *p = varint_get(c->rest.data + 1, &size);
    read_sibling(flags, slice_make(p, (size_t)size), out);
    c->rest = slice_make(p + size, c->rest.len - (size_t)(p + size - c->rest.data));
    return true;
}

size_t record_sibling_count(const struct record *r)
{
    struct sibling_cursor c = {0};
    struct sibling s;
    size_t n = 0;
    if (!(r->flags & RECORD_MANY))
        return 1;
    while (record_next_sibling(r, &c, &s))
        n++;
    return n;
}

bool record_is_dead(const struct record *r)
{
    struct sibling_cursor c = {0};
    struct sibling s;
    if (!(r->flags & RECORD_MANY))
        return (r->flags & RECORD_TOMBSTONE) != 0;
    while (record_next_sibling(r, &c, &s))
        if (!s.tombstone)
            return false;
    return true;
}

uint64_t record_seq(const struct record *r)
{
    struct sibling_cursor c = {0};
    struct sibling s;
    uint64_t newest = 0;
    while (record_next_sibling(r, &c, &s))
        if (s.seq > newest)
            newest = s.seq;
    return newest;
}

static size_t reference_size(const struct content_bytes *b)
{
    return sizeof b->blob + varint_size((uint64_t)(b->bytes.data - b->blob->data)) + varint_size(b->bytes.len);
}

static size_t sibling_size(const struct sibling *s)
{
    size_t meta = !s->meta.bytes.len ? 0
                  : s->meta.blob     ? reference_size(&s->meta)
                                     : varint_size(s->meta.bytes.len) + s->meta.bytes.len;
    size_t value = s->value.blob ? reference_size(&s->value) : s->value.bytes.len;
    return varint_size(s->seq) + varint_size(s->stamp) + meta + value;
}

static uint8_t sibling_flags(const struct sibling *s)
{
    return (uint8_t)((s->tombstone ? RECORD_TOMBSTONE : 0) | (s->meta.bytes.len ? RECORD_META : 0) |
                     (s->meta.bytes.len && s->meta.blob ? RECORD_META_BLOB : 0) | (s->value.blob ? RECORD_BLOB : 0));
}

static uint8_t *put_slice(uint8_t *p, struct slice s)
{
    if (s.len)
        memcpy(p, s.data, s.len);
    return p + s.len;
}

static uint8_t *put_reference(uint8_t *p, const struct content_bytes *b)
{
    memcpy(p, &b->blob, sizeof b->blob);
    p = varint_put(p + sizeof b->blob, (uint64_t)(b->bytes.data - b->blob->data));
    return varint_put(p, b->bytes.len);
}

static uint8_t *put_sibling(uint8_t *p, const struct sibling *s)
{
    p = varint_put(p, s->seq);
    p = varint_put(p, s->stamp);
    if (s->meta.bytes.len && s->meta.blob)
        p = put_reference(p, &s->meta);
    else if (s->meta.bytes.len)
        p = put_slice(varint_put(p, s->meta.bytes.len), s->meta.bytes);
    return s->value.blob ? put_reference(p, &s->value) : put_slice(p, s->value.bytes);
}

static size_t siblings_size(const struct sibling *siblings, size_t count)
{
    if (count == 1)
        return sibling_size(siblings);
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t one = sibling_size(&siblings[i]);
        size += 1 + varint_size(one) + one;
    }
    return size;
}

int record_pack(struct buf *out, struct slice key, uint64_t due, const struct sibling *siblings, size_t count)
{
    ASSERT(count >= 1);
    bool has_due = due != UINT64_MAX;
    size_t inner = varint_size(key.len) + key.len + (has_due ? varint_size(due) : 0) + siblings_size(siblings, count);
    size_t size = 1 + varint_size(inner) + inner;
    uint8_t *p;
    buf_consume(out, buf_len(out));
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    *p++ = (uint8_t)((has_due ? RECORD_DUE : 0) | (count > 1 ? RECORD_MANY : sibling_flags(siblings)));
    p = varint_put(p, inner);
    p = put_slice(varint_put(p, key.len), key);
    if (has_due)
        p = varint_put(p, due);
    if (count == 1)
        p = put_sibling(p, siblings);
    for (size_t i = 0; count > 1 && i < count; i++) {
        *p++ = sibling_flags(&siblings[i]);
        p = varint_put(p, sibling_size(&siblings[i]));
        p = put_sibling(p, &siblings[i]);
    }
    buf_commit(out, size);
    return 0;
}

/* --- flat siblings --- */

/* Without the blobs, which are only where the bytes lie. */
static bool next_flat(const struct record *r, struct sibling_cursor *c, struct sibling *s, size_t *size)
{
    if (!record_next_sibling(r, c, s))
        return false;
    s->value.blob = s->meta.blob = NULL;
    *size = sibling_size(s);
    return true;
}

int record_put_flat(struct buf *out, const struct record *r)
{
    struct sibling_cursor c = {0}, again = {0};
    struct sibling s;
    size_t one, size = 0;
    uint8_t *p;
    while (next_flat(r, &c, &s, &one))
        size += 1 + varint_size(one) + one;
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    while (next_flat(r, &again, &s, &one)) {
        *p++ = sibling_flags(&s);
        p = put_sibling(varint_put(p, one), &s);
    }
    buf_commit(out, size);
    return 0;
}

/* A varint of its shortest form: it has one encoding. */
static bool take_varint(struct slice *in, uint64_t *value)
{
    size_t n = 0;
    while (n < in->len && n < 10 && in->data[n] & 0x80)
        n++;
    if (n == in->len || n == 10 || (n == 9 && in->data[n] > 1) || (n && in->data[n] == 0))
        return false;
    varint_get(in->data, value);
    *in = slice_skip(*in, n + 1);
    return true;
}

static bool is_flat_sibling(uint8_t flags, struct slice s)
{
    uint64_t seq, stamp, meta;
    if (flags & ~(RECORD_TOMBSTONE | RECORD_META) || !take_varint(&s, &seq) || !take_varint(&s, &stamp))
        return false;
    return !(flags & RECORD_META) || (take_varint(&s, &meta) && meta > 0 && meta <= s.len);
}

bool record_read_flat(struct slice in, struct record *out)
{
    *out = (struct record){.flags = RECORD_MANY, .body = in};
    do {
        uint64_t size;
        uint8_t flags = in.len ? *in.data : 0;
        if (in.len)
            in = slice_skip(in, 1);
        if (!take_varint(&in, &size) || size > in.len || !is_flat_sibling(flags, slice_make(in.data, (size_t)size)))
            return false;
        in = slice_skip(in, (size_t)size);
    } while (in.len);
    return true;
}

size_t record_blob_footprint(const struct record *r)
{
    struct sibling_cursor c = {0};
    struct sibling s;
    size_t bytes = 0;
    while (record_next_sibling(r, &c, &s))
        bytes += (s.value.blob ? blob_footprint(s.value.blob) : 0) + (s.meta.blob ? blob_footprint(s.meta.blob) : 0);
    return bytes;
}

void record_release(const struct record *r, struct store_memory *memory)
{
    struct sibling_cursor c = {0};
    struct sibling s;
    if (!(r->flags & (RECORD_BLOB | RECORD_META_BLOB | RECORD_MANY)))
        return;
    memory->used -= record_blob_footprint(r);
    while (record_next_sibling(r, &c, &s)) {
        blob_put(s.value.blob);
        blob_put(s.meta.blob);
    }
}
