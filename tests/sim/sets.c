#include "sim/sets.h"

#include "base/assert.h"
#include "wire/bucket_msg.h"
#include "wire/frame.h"
#include "wire/pb.h"

#include <stdio.h>

#define REQUEST_MAX 256

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
    return pb_put_bytes(p, 3, slice_str(SIM_SET_TYPE));
}

void sets_put_type(struct buf *out)
{
    struct bucket_req req = {
        .type = slice_str(SIM_SET_TYPE),
        .props = {.set = PROP_BIT(PROP_DATATYPE), .datatype = slice_str("set")},
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

void sets_put_update(struct buf *out, unsigned set, unsigned adds, unsigned removes, const struct set_seen *seen,
                     uint32_t timeout_ms)
{
    uint8_t body[REQUEST_MAX], elements[64], op[80], *p = put_names(body, set);
    uint8_t *e = put_elements(elements, 1, adds);
    e = put_elements(e, 2, removes);
    uint8_t *o = pb_put_bytes(op, 2, slice_make(elements, (size_t)(e - elements)));
    if (removes && seen->has_context)
        p = pb_put_bytes(p, 4, slice_make(seen->context, VCLOCK_SIZE));
    p = pb_put_bytes(p, 5, slice_make(op, (size_t)(o - op)));
    p = pb_put_uint(p, 10, timeout_ms);
    put_frame(out, MSG_DT_UPDATE_REQ, body, p);
}

static bool read_value(struct slice value, struct set_seen *out)
{
    struct pb_reader r = pb_reader_of(value);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        bool good = f.number == 2 && f.wire == PB_BYTES && f.bytes.len == 1 && f.bytes.data[0] >= 'a' &&
                    f.bytes.data[0] < 'a' + SIM_ELEMENTS && !out->in[f.bytes.data[0] - 'a'];
        if (!good)
            return false;
        out->in[f.bytes.data[0] - 'a'] = true;
    }
    return more == 0;
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
