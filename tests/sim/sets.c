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

static bool is_in_map(unsigned set)
{
    return set >= SIM_SETS / 2;
}

const char *sets_type(unsigned set)
{
    return is_in_map(set) ? "maps" : "sets";
}

static void put_frame(struct buf *out, uint8_t code, const uint8_t *body, const uint8_t *end)
{
    size_t mark;
    ASSERT(end - body <= REQUEST_MAX);
    ASSERT(frame_begin(out, code, &mark) == 0);
    ASSERT(buf_append(out, body, (size_t)(end - body)) == 0);
    frame_end(out, mark);
}

static uint8_t *put_names(uint8_t *p, unsigned set)
{
    char key[16];
    snprintf(key, sizeof key, "set-%u", set);
    p = pb_put_bytes(p, 1, slice_str(SIM_SET_NAMES));
    p = pb_put_bytes(p, 2, slice_str(key));
    return pb_put_bytes(p, 3, slice_str(sets_type(set)));
}

void sets_put_type(struct buf *out, unsigned set)
{
    struct bucket_req req = {
        .type = slice_str(sets_type(set)),
        .props = {.set = PROP_BIT(PROP_DATATYPE), .datatype = slice_str(is_in_map(set) ? "map" : "set")},
    };
    size_t mark;
    ASSERT(frame_begin(out, MSG_CREATE_TYPE_REQ, &mark) == 0);
    ASSERT(bucket_set_type_req_encode(out, &req) == 0);
    frame_end(out, mark);
}

void sets_put_fetch(struct buf *out, unsigned set, uint32_t timeout_ms)
{
    uint8_t body[REQUEST_MAX], *p = put_names(body, set);
    p = pb_put_uint(p, 8, timeout_ms);
    put_frame(out, MSG_DT_FETCH_REQ, body, p);
}

static uint8_t *put_elements(uint8_t *p, uint32_t number, unsigned elements)
{
    for (unsigned i = 0; i < SIM_ELEMENTS; i++)
        if (elements & 1u << i) {
            uint8_t name = (uint8_t)('a' + i);
            p = pb_put_bytes(p, number, slice_make(&name, 1));
        }
    return p;
}

static uint8_t *put_field(uint8_t *p, uint32_t number)
{
    uint8_t field[32], *f = pb_put_bytes(field, 1, slice_str(FIELD));
    f = pb_put_uint(f, 2, FIELD_SET);
    return pb_put_bytes(p, number, slice_make(field, (size_t)(f - field)));
}

static unsigned elements_of(const struct set_seen *seen)
{
    unsigned elements = 0;
    for (unsigned i = 0; i < SIM_ELEMENTS; i++)
        elements |= seen->in[i] ? 1u << i : 0;
    return elements;
}

/* A MapOp: whoever removes all that he has seen removes the field. */
static uint8_t *put_map_op(uint8_t *p, struct slice set_op, unsigned removes, const struct set_seen *seen)
{
    uint8_t update[128], *u;
    if (removes && removes == elements_of(seen))
        return put_field(p, 1);
    u = put_field(update, 1);
    u = pb_put_bytes(u, 3, set_op);
    return pb_put_bytes(p, 2, slice_make(update, (size_t)(u - update)));
}

void sets_put_update(struct buf *out, unsigned set, unsigned adds, unsigned removes, const struct set_seen *seen,
                     uint32_t timeout_ms)
{
    uint8_t body[REQUEST_MAX], elements[64], map[160], op[176], *p = put_names(body, set);
    uint8_t *e = put_elements(elements, 1, adds);
    e = put_elements(e, 2, removes);
    struct slice set_op = slice_make(elements, (size_t)(e - elements));
    uint8_t *m = is_in_map(set) ? put_map_op(map, set_op, removes, seen) : map;
    uint8_t *o = is_in_map(set) ? pb_put_bytes(op, 3, slice_make(map, (size_t)(m - map))) : pb_put_bytes(op, 2, set_op);
    if (removes && seen->has_context)
        p = pb_put_bytes(p, 4, slice_make(seen->context, VCLOCK_SIZE));
    p = pb_put_bytes(p, 5, slice_make(op, (size_t)(o - op)));
    p = pb_put_uint(p, 10, timeout_ms);
    put_frame(out, MSG_DT_UPDATE_REQ, body, p);
}

/* The elements that stand under that number. */
static bool read_elements(struct slice in, uint32_t number, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(in);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        if (number == ENTRY_SET && f.number == 1) /* the field's name */
            continue;
        bool good = f.number == number && f.wire == PB_BYTES && f.bytes.len == 1 && f.bytes.data[0] >= 'a' &&
                    f.bytes.data[0] < 'a' + SIM_ELEMENTS && !out->in[f.bytes.data[0] - 'a'];
        if (!good)
            return false;
        out->in[f.bytes.data[0] - 'a'] = true;
    }
    return more == 0;
}

/* A DtValue: the elements, or the one entry of the map. */
static bool read_value(struct slice value, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(value);
    struct pb_field f;
    if (pb_next(&r, &f) <= 0 || f.number != 3)
        return read_elements(value, 2, out);
    return read_elements(f.bytes, ENTRY_SET, out) && pb_next(&r, &f) == 0;
}

bool sets_read(struct slice body, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    *out = (struct set_seen){0};
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == 1 && f.wire == PB_BYTES && f.bytes.len == VCLOCK_SIZE) {
            memcpy(out->context, f.bytes.data, VCLOCK_SIZE);
            out->has_context = true;
        } else if (f.number == 3 ? !read_value(f.bytes, out) : f.number != 2) {
            return false;
        }
    }
    return more == 0;
}
