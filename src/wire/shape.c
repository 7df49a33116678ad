/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/shape.h"

#include "base/assert.h"
#include "base/err.h"
#include "wire/frame.h"
#include "wire/pb.h"

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "numbers are read and written as uint32_t");
_Static_assert(sizeof(int) == sizeof(uint32_t), "numbers are read and written as uint32_t");

/* --- writing --- */

static uint64_t load(const struct shape_field *f, const void *at)
{
    uint32_t n;
    switch (f->kind) {
    case UINT64:
    case UINT64_OR_UNKNOWN:
        return *(const uint64_t *)at;
    case UINT16:
        return *(const uint16_t *)at;
    case BOOL:
        return *(const bool *)at;
    default:
        memcpy(&n, at, sizeof n);
        return n;
    }
}

static bool is_left_out(const struct shape_field *f, const void *at)
{
    return (f->kind == UINT64_OR_UNKNOWN && load(f, at) == UINT64_MAX) ||
           (f->kind == INT_OR_UNKNOWN && *(const int *)at < 0) || (f->kind == CHOICE_OR_NONE && load(f, at) == 0);
}

static struct slice bytes_at(const struct shape_field *f, const void *at)
{
    return slice_make(at, f->kind == TEXT ? strnlen(at, f->max - 1) : f->max);
}

static size_t list_length(const struct shape_field *f, const uint8_t *base)
{
    size_t n = *(const size_t *)(const void *)(base + f->count_from);
    ASSERT(n <= f->max);
    return n;
}

static size_t value_size(size_t len)
{
    return pb_varint_size(len) + len;
}

/* Without the tags of its elements, as what follows. */
static size_t list_size(const struct shape_field *f, const uint8_t *base)
{
    size_t size = 0;
    for (size_t i = 0, n = list_length(f, base); i < n; i++)
        size += value_size(shape_size(f->shape, base + f->offset + i * f->element));
    return size;
}

size_t shape_size(const struct shape *s, const void *from)
{
    const uint8_t *base = from;
    size_t size = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct shape_field *f = &s->field[i];
        const uint8_t *at = base + f->offset;
        size_t tag = pb_varint_size((uint64_t)(i + 1) << 3);
        if (f->kind == LIST)
            size += list_length(f, base) * tag + list_size(f, base);
        else if (f->kind == TEXT || f->kind == BYTES)
            size += tag + value_size(bytes_at(f, at).len);
        else if (!is_left_out(f, at))
            size += tag + pb_varint_size(load(f, at));
    }
    return size;
}

static uint8_t *list_put(uint8_t *p, uint32_t number, const struct shape_field *f, const uint8_t *base)
{
    for (size_t i = 0, n = list_length(f, base); i < n; i++) {
        const uint8_t *element = base + f->offset + i * f->element;
        p = shape_put(pb_put_head(p, number, shape_size(f->shape, element)), f->shape, element);
    }
    return p;
}

uint8_t *shape_put(uint8_t *p, const struct shape *s, const void *from)
{
    const uint8_t *base = from;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct shape_field *f = &s->field[i];
        const uint8_t *at = base + f->offset;
        if (f->kind == LIST)
            p = list_put(p, i + 1, f, base);
        else if (f->kind == TEXT || f->kind == BYTES)
            p = pb_put_bytes(p, i + 1, bytes_at(f, at));
        else if (!is_left_out(f, at))
            p = pb_put_uint(p, i + 1, load(f, at));
    }
    return p;
}

int shape_put_frame(struct buf *out, uint8_t code, const struct shape *s, const void *from)
{
    size_t body = shape_size(s, from);
    uint8_t *p;
    int err = buf_reserve(out, FRAME_HEAD + body, &p);
    if (err)
        return err;
    uint8_t *end = shape_put(frame_head_put(p, code, body), s, from);
    ASSERT(end == p + FRAME_HEAD + body);
    buf_commit(out, FRAME_HEAD + body);
    return 0;
}

/* --- reading --- */

static void store32(void *at, uint32_t n)
{
    memcpy(at, &n, sizeof n);
}

static bool store(const struct shape_field *f, uint64_t n, void *at)
{
    switch (f->kind) {
    case UINT64:
    case UINT64_OR_UNKNOWN:
        *(uint64_t *)at = n;
        return true;
    case UINT16:
        *(uint16_t *)at = (uint16_t)n;
        return n <= UINT16_MAX;
    case BOOL:
        *(bool *)at = n != 0;
        return true;
    case CHOICE:
    case CHOICE_OR_NONE:
        store32(at, n <= f->max ? (uint32_t)n : 0);
        return n >= 1 && n <= f->max;
    case INT_OR_UNKNOWN:
        store32(at, n <= INT32_MAX ? (uint32_t)n : 0);
        return n <= INT32_MAX;
    default:
        store32(at, n <= UINT32_MAX ? (uint32_t)n : 0);
        return n <= UINT32_MAX;
    }
}

static bool store_bytes(const struct shape_field *f, struct slice bytes, void *at)
{
    bool fits = f->kind == BYTES ? bytes.len == f->max : bytes.len < f->max;
    if (!fits || (f->kind == TEXT && bytes.len && memchr(bytes.data, '\0', bytes.len)))
        return false;
    if (f->kind == TEXT)
        memset(at, 0, f->max); /* the field may come twice, the second shorter */
    if (bytes.len)
        memcpy(at, bytes.data, bytes.len);
    return true;
}

/* What a field is that does not come; everything is zero before. */
static void set_defaults(const struct shape *s, uint8_t *base)
{
    for (const struct shape_field *f = s->field; f < s->field + s->count; f++) {
        if (f->kind == UINT64_OR_UNKNOWN)
            *(uint64_t *)(void *)(base + f->offset) = UINT64_MAX;
        else if (f->kind == INT_OR_UNKNOWN)
            *(int *)(void *)(base + f->offset) = -1;
    }
}

static int shape_get(const struct shape *s, struct slice in, uint8_t *base);

static int list_get(const struct shape_field *f, struct slice in, uint8_t *base)
{
    size_t *count = (void *)(base + f->count_from);
    if (*count == f->max)
        return E_TOO_MANY;
    return shape_get(f->shape, in, base + f->offset + (*count)++ * f->element);
}

static int field_get(const struct shape_field *f, const struct pb_field *in, uint8_t *base)
{
    bool is_bytes = f->kind == LIST || f->kind == TEXT || f->kind == BYTES;
    if (in->wire != (is_bytes ? PB_BYTES : PB_VARINT))
        return E_MALFORMED;
    if (f->kind == LIST)
        return list_get(f, in->bytes, base);
    bool fits = is_bytes ? store_bytes(f, in->bytes, base + f->offset) : store(f, in->value, base + f->offset);
    return fits ? 0 : E_MALFORMED;
}

static bool choices_came(const struct shape *s, const uint8_t *base)
{
    for (const struct shape_field *f = s->field; f < s->field + s->count; f++)
        if (f->kind == CHOICE && load(f, base + f->offset) == 0)
            return false;
    return true;
}

/* Into zeroed memory. The recursion is as deep as the tables: a list in a list. */
static int shape_get(const struct shape *s, struct slice in, uint8_t *base)
{
    struct pb_reader r = pb_reader_of(in);
    struct pb_field f;
    int more;
    set_defaults(s, base);
    while ((more = pb_next(&r, &f)) > 0) {
        int err = f.number <= s->count ? field_get(&s->field[f.number - 1], &f, base) : 0;
        if (err)
            return err;
    }
    return more ? more : choices_came(s, base) ? 0 : E_MALFORMED;
}

int shape_decode(const struct shape *s, struct slice body, void *out, size_t size)
{
    memset(out, 0, size);
    return shape_get(s, body, out);
}
