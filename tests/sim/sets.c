/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sets.h"

#include "base/assert.h"
#include "wire/bucket_msg.h"
#include "wire/frame.h"
#include "wire/pb.h"

#include <stdio.h>

#define REQUEST_MAX 256
#define FIELD       "elements" /* of the maps */
#define FIELD_SET   2          /* MapField's type */
#define ENTRY_SET   3          /* MapEntry's elements */

static const struct form {
    const char *type, *datatype;
    uint32_t number; /* of DtOp's and of DtValue's field */
} set = {"sets", "set", 2}, map = {"maps", "map", 3}, hll = {"hlls", "hll", 4}, gset = {"gsets", "gset", 5};

static const struct form *const forms[SIM_SETS] = {&set, &set, &map, &map, &hll, &gset};

const char *sets_type(unsigned number)
{
    return forms[number]->type;
}

bool sets_only_grows(unsigned number)
{
    return forms[number] == &hll || forms[number] == &gset;
}

static void put_frame(struct buf *out, uint8_t code, const uint8_t *body, const uint8_t *end)
{
    size_t mark;
    ASSERT(end - body <= REQUEST_MAX);
    ASSERT(frame_begin(out, code, &mark) == 0);
    ASSERT(buf_append(out, body, (size_t)(end - body)) == 0);
    frame_end(out, mark);
}

static uint8_t *put_names(uint8_t *p, unsigned number)
{
    char key[16];
    snprintf(key, sizeof key, "set-%u", number);
    p = pb_put_bytes(p, 1, slice_str(SIM_SET_NAMES));
    p = pb_put_bytes(p, 2, slice_str(key));
    return pb_put_bytes(p, 3, slice_str(sets_type(number)));
}

void sets_put_type(struct buf *out, unsigned number)
{
    struct bucket_req req = {
        .type = slice_str(sets_type(number)),
        .props = {.set = PROP_BIT(PROP_DATATYPE), .datatype = slice_str(forms[number]->datatype)},
    };
    size_t mark;
    ASSERT(frame_begin(out, MSG_CREATE_TYPE_REQ, &mark) == 0);
    ASSERT(bucket_set_type_req_encode(out, &req) == 0);
    frame_end(out, mark);
}

void sets_put_fetch(struct buf *out, unsigned number, uint32_t timeout_ms)
{
    uint8_t body[REQUEST_MAX], *p = put_names(body, number);
    p = pb_put_uint(p, 8, timeout_ms);
    put_frame(out, MSG_DT_FETCH_REQ, body, p);
}

static uint8_t *put_elements(uint8_t *p, uint32_t field, unsigned elements)
{
    for (unsigned i = 0; i < SIM_ELEMENTS; i++)
        if (elements & 1u << i) {
            uint8_t name = (uint8_t)('a' + i);
            p = pb_put_bytes(p, field, slice_make(&name, 1));
        }
    return p;
}

static uint8_t *put_field(uint8_t *p, uint32_t number)
{
    uint8_t field[32], *f = pb_put_bytes(field, 1, slice_str(FIELD));
    f = pb_put_uint(f, 2, FIELD_SET);
    return pb_put_bytes(p, number, slice_make(field, (size_t)(f - field)));
}

/* A MapOp: whoever removes all that he has seen removes the field. */
static uint8_t *put_map_op(uint8_t *p, struct slice set_op, unsigned removes, const struct set_seen *seen)
{
    uint8_t update[128], *u;
    if (removes && removes == seen->in)
        return put_field(p, 1);
    u = put_field(update, 1);
    u = pb_put_bytes(u, 3, set_op);
    return pb_put_bytes(p, 2, slice_make(update, (size_t)(u - update)));
}

void sets_put_update(struct buf *out, unsigned number, unsigned adds, unsigned removes, const struct set_seen *seen,
                     uint32_t timeout_ms)
{
    const struct form *form = forms[number];
    uint8_t body[REQUEST_MAX], elements[64], in_map[160], op[176], *p = put_names(body, number);
    uint8_t *e = put_elements(elements, 1, adds);
    e = put_elements(e, 2, removes);
    struct slice change = slice_make(elements, (size_t)(e - elements));
    if (form == &map)
        change = slice_make(in_map, (size_t)(put_map_op(in_map, change, removes, seen) - in_map));
    uint8_t *o = pb_put_bytes(op, form->number, change);
    if (removes && seen->has_context)
        p = pb_put_bytes(p, 4, slice_make(seen->context, VCLOCK_SIZE));
    p = pb_put_bytes(p, 5, slice_make(op, (size_t)(o - op)));
    p = pb_put_uint(p, 10, timeout_ms);
    put_frame(out, MSG_DT_UPDATE_REQ, body, p);
}

static bool read_element(struct slice name, struct set_seen *out)
{
    unsigned element = name.len == 1 ? name.data[0] - (unsigned)'a' : SIM_ELEMENTS;
    bool good = element < SIM_ELEMENTS && !(out->in & UINT64_C(1) << element);
    if (good)
        out->in |= UINT64_C(1) << element;
    return good;
}

/* A MapEntry: the field, and its elements. */
static bool read_entry(struct slice entry, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(entry);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (f.number != 1 && (f.number != ENTRY_SET || f.wire != PB_BYTES || !read_element(f.bytes, out)))
            return false;
    return more == 0;
}

static bool read_count(uint64_t count, struct set_seen *out)
{
    out->in = count ? (UINT64_C(1) << SIM_ELEMENTS) - 1 : 0;
    out->vague = count && count < SIM_ELEMENTS;
    return count <= SIM_ELEMENTS;
}

/* A DtValue: the elements, or the one entry of the map, or their count. */
static bool read_value(const struct form *form, struct slice value, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(value);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        bool good = f.number == form->number && f.wire == (form == &hll ? PB_VARINT : PB_BYTES) &&
                    (form == &hll   ? read_count(f.value, out)
                     : form == &map ? read_entry(f.bytes, out)
                                    : read_element(f.bytes, out));
        if (!good)
            return false;
    }
    return more == 0;
}

bool sets_read(unsigned number, struct slice body, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    *out = (struct set_seen){0};
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == 1 && f.wire == PB_BYTES && f.bytes.len == VCLOCK_SIZE) {
            memcpy(out->context, f.bytes.data, VCLOCK_SIZE);
            out->has_context = true;
        } else if (f.number == 3 ? !read_value(forms[number], f.bytes, out) : f.number != 2) {
            return false;
        }
    }
    return more == 0;
}
