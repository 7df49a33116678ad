/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include "wire/frame.h"
#include "wire/pb.h"

size_t variables_find(const struct variables *v, struct slice name)
{
    size_t i = 0;
    while (i < v->count && slice_cmp(v->one[i].name, name) != 0)
        i++;
    return i;
}

static bool compose_fields(const struct field *f, const struct variables *known, struct buf *out, const char **why);

static bool put_number(struct buf *out, uint32_t number, enum pb_wire wire, uint64_t value)
{
    uint8_t bytes[32], *p = pb_put_tag(bytes, number, wire);
    size_t width = wire == PB_FIXED32 ? 4 : 8;
    if (wire == PB_VARINT) {
        p = pb_put_varint(p, value);
    } else {
        for (size_t i = 0; i < width; i++)
            *p++ = (uint8_t)(value >> (8 * i));
    }
    return buf_append(out, bytes, (size_t)(p - bytes)) == 0;
}

static bool put_bytes(struct buf *out, uint32_t number, struct slice s)
{
    uint8_t head[32], *p = pb_put_head(head, number, s.len);
    return buf_append(out, head, (size_t)(p - head)) == 0 && buf_append_slice(out, s) == 0;
}

static bool compose_message(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    struct buf inner;
    buf_init(&inner, SIZE_MAX / 2);
    bool good = compose_fields(f->first, known, &inner, why) && put_bytes(out, f->number, buf_slice(&inner));
    buf_fini(&inner);
    return good;
}

static bool compose_variable(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    size_t i = variables_find(known, f->bytes);
    if (i == known->count) {
        *why = "a variable has no value";
        return false;
    }
    return known->one[i].is_number ? put_number(out, f->number, PB_VARINT, known->one[i].value)
                                   : put_bytes(out, f->number, known->one[i].bytes);
}

static bool compose_field(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    switch (f->kind) {
    case FIELD_BYTES:
        return put_bytes(out, f->number, f->bytes);
    case FIELD_VARINT:
        return put_number(out, f->number, PB_VARINT, f->value);
    case FIELD_FIXED32:
        return put_number(out, f->number, PB_FIXED32, f->value);
    case FIELD_FIXED64:
        return put_number(out, f->number, PB_FIXED64, f->value);
    case FIELD_MESSAGE:
        return compose_message(f, known, out, why);
    case FIELD_VARIABLE:
        return compose_variable(f, known, out, why);
    default:
        *why = "this can only stand in an answer";
        return false;
    }
}

static bool compose_fields(const struct field *f, const struct variables *known, struct buf *out, const char **why)
{
    for (; f; f = f->next)
        if (!compose_field(f, known, out, why))
            return false;
    return true;
}

static bool compose_hex(const struct message *m, struct buf *out, const char **why)
{
    for (size_t i = 0; i < m->hex_count; i++) {
        uint8_t byte = (uint8_t)m->hex[i];
        if (m->hex[i] < 0 || buf_append(out, &byte, 1)) {
            *why = "?? cannot be sent";
            return false;
        }
    }
    return true;
}

bool message_compose(const struct message *m, const struct variables *known, struct buf *out, const char **why)
{
    size_t mark;
    if (m->code < 0)
        return compose_hex(m, out, why);
    if (frame_begin(out, (uint8_t)m->code, &mark))
        return false;
    bool good = m->is_hex ? compose_hex(m, out, why) : compose_fields(m->first, known, out, why);
    if (good)
        frame_end(out, mark);
    return good;
}
