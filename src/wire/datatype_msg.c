/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/datatype_msg.h"

#include "base/zigzag.h"
#include "datatype/operation.h"
#include "store/props.h"
#include "wire/frame.h"
#include "wire/pb.h"

/* --- requests --- */

static bool fetch_field(const struct pb_field *f, struct datatype_fetch_req *out)
{
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        return pb_to_bytes(f, &out->type, &out->has_type);
    case 4:
        return pb_to_u32(f, &out->r);
    case 5:
        return pb_to_u32(f, &out->pr);
    case 6: /* basic_quorum, notfound_ok: a quorum's not-found is one */
    case 7:
    case 9: /* sloppy_quorum: every quorum here is a strict one */
        return pb_is_varint(f);
    case 8:
        return pb_to_u32(f, &out->timeout_ms);
    case 10:
        out->has_n_val = true;
        return pb_to_u32(f, &out->n_val);
    case 11:
        return pb_to_bool(f, &out->include_context);
    case 12:
        return pb_to_u32(f, &out->node_confirms);
    }
    return true;
}

int datatype_fetch_req_decode(struct slice body, struct datatype_fetch_req *out)
{
    *out = (struct datatype_fetch_req){.r = QUORUM_DEFAULT, .pr = QUORUM_DEFAULT, .include_context = true};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!fetch_field(&f, out))
            return E_MALFORMED;
    return more;
}

static bool update_field(const struct pb_field *f, struct datatype_update_req *out)
{
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        return pb_to_bytes(f, &out->type, &out->has_type);
    case 4:
        return pb_to_bytes(f, &out->context, &out->has_context);
    case 5:
        return !out->has_op && pb_to_bytes(f, &out->op, &out->has_op);
    case 6:
        return pb_to_u32(f, &out->w);
    case 7:
        return pb_to_u32(f, &out->dw);
    case 8:
        return pb_to_u32(f, &out->pw);
    case 9:
        return pb_to_bool(f, &out->return_body);
    case 10:
        return pb_to_u32(f, &out->timeout_ms);
    case 11: /* sloppy_quorum */
        return pb_is_varint(f);
    case 12:
        out->has_n_val = true;
        return pb_to_u32(f, &out->n_val);
    case 13:
        return pb_to_bool(f, &out->include_context);
    case 14:
        return pb_to_u32(f, &out->node_confirms);
    }
    return true;
}

int datatype_update_req_decode(struct slice body, struct datatype_update_req *out)
{
    *out = (struct datatype_update_req){
        .w = QUORUM_DEFAULT, .dw = QUORUM_DEFAULT, .pw = QUORUM_DEFAULT, .include_context = true};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!update_field(&f, out))
            return E_MALFORMED;
    return more;
}

static bool counter_get_field(const struct pb_field *f, struct datatype_counter_req *out)
{
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        return pb_to_u32(f, &out->r);
    case 4:
        return pb_to_u32(f, &out->pr);
    case 5: /* basic_quorum, notfound_ok */
    case 6:
        return pb_is_varint(f);
    case 7:
        return pb_to_u32(f, &out->node_confirms);
    }
    return true;
}

static bool counter_update_field(const struct pb_field *f, struct datatype_counter_req *out)
{
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        out->amount = unzigzag(f->value);
        out->has_amount = true;
        return pb_is_varint(f);
    case 4:
        return pb_to_u32(f, &out->w);
    case 5:
        return pb_to_u32(f, &out->dw);
    case 6:
        return pb_to_u32(f, &out->pw);
    case 7:
        return pb_to_bool(f, &out->return_value);
    case 8:
        return pb_to_u32(f, &out->node_confirms);
    }
    return true;
}

static int counter_decode(struct slice body, bool (*field)(const struct pb_field *, struct datatype_counter_req *),
                          struct datatype_counter_req *out)
{
    *out = (struct datatype_counter_req){
        .r = QUORUM_DEFAULT, .pr = QUORUM_DEFAULT, .w = QUORUM_DEFAULT, .dw = QUORUM_DEFAULT, .pw = QUORUM_DEFAULT};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!field(&f, out))
            return E_MALFORMED;
    return more;
}

int datatype_counter_get_req_decode(struct slice body, struct datatype_counter_req *out)
{
    return counter_decode(body, counter_get_field, out);
}

int datatype_counter_update_req_decode(struct slice body, struct datatype_counter_req *out)
{
    return counter_decode(body, counter_update_field, out);
}

/* --- operations --- */

/* MapField.type on the wire, by number. */
static const enum datatype field_kinds[] = {DATATYPE_NONE,     DATATYPE_COUNTER, DATATYPE_SET,
                                            DATATYPE_REGISTER, DATATYPE_FLAG,    DATATYPE_MAP};
#define FIELD_KINDS (sizeof field_kinds / sizeof field_kinds[0])

static uint64_t field_number(enum datatype kind)
{
    uint64_t n = 1;
    while (n < FIELD_KINDS - 1 && field_kinds[n] != kind)
        n++;
    return n;
}

struct conversion {
    struct buf *out;
    unsigned hll_precision, depth;
    size_t items; /* that may still come */
};

static int convert_map(struct conversion *c, struct slice op);

/* How often the field stands in the message. E_MALFORMED: not as bytes, or the message is none. */
static int count_fields(struct slice message, uint32_t number, size_t *count)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    int more;
    *count = 0;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == number && f.wire != PB_BYTES)
            return E_MALFORMED;
        *count += f.number == number;
    }
    return more;
}

/* Count and elements of a repeated field of bytes; `each`: how one is written. */
static int convert_list(struct conversion *c, struct slice message, uint32_t number,
                        int (*each)(struct conversion *c, struct slice item))
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    size_t count;
    int err = count_fields(message, number, &count);
    if (!err && count > c->items)
        err = E_TOO_MANY;
    if (err)
        return err;
    c->items -= count;
    err = operation_put_count(c->out, count);
    while (!err && pb_next(&r, &f) > 0)
        if (f.number == number)
            err = each(c, f.bytes);
    return err;
}

static int convert_element(struct conversion *c, struct slice item)
{
    return operation_put_name(c->out, item);
}

static int convert_counter(struct conversion *c, struct slice op)
{
    struct pb_reader r = pb_reader_of(op);
    struct pb_field f;
    int64_t increment = 1;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == 1 && !pb_is_varint(&f))
            return E_MALFORMED;
        if (f.number == 1)
            increment = unzigzag(f.value);
    }
    return more ? more : operation_put_number(c->out, increment);
}

static int convert_set(struct conversion *c, struct slice op)
{
    int err = convert_list(c, op, 1, convert_element);
    return err ? err : convert_list(c, op, 2, convert_element);
}

static int convert_gset(struct conversion *c, struct slice op)
{
    int err = convert_list(c, op, 1, convert_element);
    return err ? err : operation_put_count(c->out, 0);
}

static int convert_hll(struct conversion *c, struct slice op)
{
    int err = operation_put_byte(c->out, (uint8_t)c->hll_precision);
    return err ? err : convert_list(c, op, 1, convert_element);
}

static int convert_field(struct conversion *c, struct slice message, enum datatype *kind)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    struct slice name = {0};
    uint64_t number = 0;
    bool has_name = false;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == 1 && !pb_to_bytes(&f, &name, &has_name))
            return E_MALFORMED;
        if (f.number == 2)
            number = pb_is_varint(&f) ? f.value : 0;
    }
    if (more || !has_name || number == 0 || number >= FIELD_KINDS)
        return E_MALFORMED;
    *kind = field_kinds[number];
    return operation_put_field(c->out, *kind, name);
}

static int convert_removal(struct conversion *c, struct slice message)
{
    enum datatype kind;
    return convert_field(c, message, &kind);
}

static int convert_flag(struct conversion *c, const struct pb_field *f)
{
    if (!pb_is_varint(f) || f->value < 1 || f->value > 2)
        return E_MALFORMED;
    return operation_put_byte(c->out, f->value == 1);
}

/* The operation of a MapUpdate, of the kind that its field has; f->number 0: there is none. */
static int convert_field_op(struct conversion *c, enum datatype kind, const struct pb_field *f)
{
    static const enum datatype kinds[] = {[0] = DATATYPE_NONE,     [2] = DATATYPE_COUNTER, [3] = DATATYPE_SET,
                                          [4] = DATATYPE_REGISTER, [5] = DATATYPE_FLAG,    [6] = DATATYPE_MAP};
    if (kinds[f->number] != kind)
        return E_MALFORMED;
    if (kind == DATATYPE_FLAG)
        return convert_flag(c, f);
    if (f->wire != PB_BYTES)
        return E_MALFORMED;
    switch (kind) {
    case DATATYPE_COUNTER:
        return convert_counter(c, f->bytes);
    case DATATYPE_SET:
        return convert_set(c, f->bytes);
    case DATATYPE_MAP:
        return convert_map(c, f->bytes);
    default:
        return buf_append_slice(c->out, f->bytes);
    }
}

static bool is_field_op(const struct pb_field *f)
{
    return f->number >= 2 && f->number <= 6;
}

/* Finds the field and the operation on it; op->number is 0 where there is none. */
static int find_update(struct slice message, struct slice *field, struct pb_field *op)
{
    struct pb_reader r = pb_reader_of(message);
    struct pb_field f;
    bool has_field = false;
    int more;
    *op = (struct pb_field){0};
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == 1 && (has_field || !pb_to_bytes(&f, field, &has_field)))
            return E_MALFORMED;
        if (!is_field_op(&f))
            continue;
        if (op->number)
            return E_MALFORMED;
        *op = f;
    }
    return more ? more : has_field ? 0 : E_MALFORMED;
}

static int convert_update(struct conversion *c, struct slice message)
{
    struct slice field = {0};
    struct pb_field op;
    enum datatype kind;
    size_t mark;
    int err = find_update(message, &field, &op);
    if (!err)
        err = convert_field(c, field, &kind);
    if (!err)
        err = operation_begin(c->out, &mark);
    /* A register without an operation becomes empty, as in OpenRiak: clients leave out what is empty. */
    if (!err && (op.number || kind != DATATYPE_REGISTER))
        err = convert_field_op(c, kind, &op);
    return err ? err : operation_end(c->out, mark);
}

static int convert_map(struct conversion *c, struct slice op)
{
    if (c->depth == DATATYPE_DEPTH_MAX)
        return E_MALFORMED;
    c->depth++;
    int err = convert_list(c, op, 1, convert_removal);
    if (!err)
        err = convert_list(c, op, 2, convert_update);
    c->depth--;
    return err;
}

static int find_op(struct slice op, enum datatype *kind, struct slice *body)
{
    static const enum datatype kinds[] = {DATATYPE_NONE, DATATYPE_COUNTER, DATATYPE_SET,
                                          DATATYPE_MAP,  DATATYPE_HLL,     DATATYPE_GSET};
    struct pb_reader r = pb_reader_of(op);
    struct pb_field f;
    int more;
    *kind = DATATYPE_NONE;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number >= sizeof kinds / sizeof kinds[0])
            continue;
        if (f.wire != PB_BYTES || *kind != DATATYPE_NONE)
            return E_MALFORMED;
        *kind = kinds[f.number];
        *body = f.bytes;
    }
    return more ? more : *kind == DATATYPE_NONE ? E_MALFORMED : 0;
}

int datatype_op_kind(struct slice op, enum datatype *kind)
{
    struct slice body;
    return find_op(op, kind, &body);
}

int datatype_op_convert(struct slice op, unsigned hll_precision, struct buf *out)
{
    struct conversion c = {.out = out, .hll_precision = hll_precision, .items = DATATYPE_ITEMS_MAX};
    enum datatype kind;
    struct slice body;
    int err = find_op(op, &kind, &body);
    if (err)
        return err;
    switch (kind) {
    case DATATYPE_COUNTER:
        return convert_counter(&c, body);
    case DATATYPE_SET:
        return convert_set(&c, body);
    case DATATYPE_GSET:
        return convert_gset(&c, body);
    case DATATYPE_HLL:
        return convert_hll(&c, body);
    default:
        return convert_map(&c, body);
    }
}

/* --- answers --- */

/* The field numbers of a value: they differ between DtValue, DtUpdateResp and MapEntry. All are under 16. */
struct numbers {
    uint32_t counter, set, map, hll, gset, reg, flag;
};
static const struct numbers in_value = {.counter = 1, .set = 2, .map = 3, .hll = 4, .gset = 5};
static const struct numbers in_update = {.counter = 3, .set = 4, .map = 5, .hll = 6, .gset = 7};
static const struct numbers in_entry = {.counter = 2, .set = 3, .reg = 4, .flag = 5, .map = 6};

static size_t uint_size(uint64_t value)
{
    return 1 + pb_varint_size(value);
}

static int put_uint(struct buf *out, uint32_t number, uint64_t value)
{
    uint8_t *p;
    int err = buf_reserve(out, uint_size(value), &p);
    if (err)
        return err;
    pb_put_uint(p, number, value);
    buf_commit(out, uint_size(value));
    return 0;
}

static int put_head(struct buf *out, uint32_t number, size_t len)
{
    uint8_t *p;
    int err = buf_reserve(out, uint_size(len), &p);
    if (err)
        return err;
    pb_put_head(p, number, len);
    buf_commit(out, uint_size(len));
    return 0;
}

static int put_bytes(struct buf *out, uint32_t number, struct slice s)
{
    int err = put_head(out, number, s.len);
    return err ? err : buf_append_slice(out, s);
}

static size_t elements_size(struct slice payload)
{
    struct slice element;
    size_t size = 0;
    while (datatype_next_element(&payload, &element))
        size += pb_bytes_size(element.len);
    return size;
}

static size_t entry_size(const struct datatype_field *f);

static size_t entries_size(struct slice payload)
{
    struct datatype_field f;
    size_t size = 0;
    while (datatype_next_field(&payload, &f))
        size += pb_bytes_size(entry_size(&f));
    return size;
}

static size_t value_size(enum datatype kind, struct slice payload)
{
    switch (kind) {
    case DATATYPE_COUNTER:
        return uint_size(zigzag(datatype_counter(payload)));
    case DATATYPE_REGISTER:
        return pb_bytes_size(payload.len);
    case DATATYPE_FLAG:
        return uint_size(1);
    case DATATYPE_SET:
    case DATATYPE_GSET:
        return elements_size(payload);
    case DATATYPE_HLL:
        return uint_size(datatype_cardinality(payload));
    case DATATYPE_MAP:
        return entries_size(payload);
    case DATATYPE_NONE:
        break;
    }
    return 0;
}

/* MapField */
static size_t id_size(const struct datatype_field *f)
{
    return pb_bytes_size(f->name.len) + uint_size(field_number(f->kind));
}

static size_t entry_size(const struct datatype_field *f)
{
    return pb_bytes_size(id_size(f)) + value_size(f->kind, f->payload);
}

static int put_value(struct buf *out, const struct numbers *n, enum datatype kind, struct slice payload);

static int put_entry(struct buf *out, uint32_t number, const struct datatype_field *f)
{
    int err = put_head(out, number, entry_size(f));
    if (!err)
        err = put_head(out, 1, id_size(f));
    if (!err)
        err = put_bytes(out, 1, f->name);
    if (!err)
        err = put_uint(out, 2, field_number(f->kind));
    return err ? err : put_value(out, &in_entry, f->kind, f->payload);
}

static int put_elements(struct buf *out, uint32_t number, struct slice payload)
{
    struct slice element;
    int err = 0;
    while (!err && datatype_next_element(&payload, &element))
        err = put_bytes(out, number, element);
    return err;
}

static int put_entries(struct buf *out, uint32_t number, struct slice payload)
{
    struct datatype_field f;
    int err = 0;
    while (!err && datatype_next_field(&payload, &f))
        err = put_entry(out, number, &f);
    return err;
}

static int put_value(struct buf *out, const struct numbers *n, enum datatype kind, struct slice payload)
{
    switch (kind) {
    case DATATYPE_COUNTER:
        return put_uint(out, n->counter, zigzag(datatype_counter(payload)));
    case DATATYPE_REGISTER:
        return put_bytes(out, n->reg, payload);
    case DATATYPE_FLAG:
        return put_uint(out, n->flag, datatype_flag(payload));
    case DATATYPE_SET:
        return put_elements(out, n->set, payload);
    case DATATYPE_GSET:
        return put_elements(out, n->gset, payload);
    case DATATYPE_HLL:
        return put_uint(out, n->hll, datatype_cardinality(payload));
    case DATATYPE_MAP:
        return put_entries(out, n->map, payload);
    case DATATYPE_NONE:
        break;
    }
    return 0;
}

/* DtFetchResp.type */
static uint64_t type_number(enum datatype kind)
{
    static const uint64_t numbers[] = {
        [DATATYPE_COUNTER] = 1, [DATATYPE_SET] = 2, [DATATYPE_MAP] = 3, [DATATYPE_HLL] = 4, [DATATYPE_GSET] = 5};
    return numbers[kind];
}

int datatype_fetch_resp_encode(struct buf *out, enum datatype kind, const struct slice *payload, struct slice context)
{
    int err = context.len ? put_bytes(out, 1, context) : 0;
    if (!err)
        err = put_uint(out, 2, type_number(kind));
    if (!err && payload)
        err = put_head(out, 3, value_size(kind, *payload));
    return err || !payload ? err : put_value(out, &in_value, kind, *payload);
}

int datatype_update_resp_encode(struct buf *out, enum datatype kind, const struct slice *payload, struct slice context,
                                struct slice key)
{
    int err = key.len ? put_bytes(out, 1, key) : 0;
    if (!err && context.len)
        err = put_bytes(out, 2, context);
    return err || !payload ? err : put_value(out, &in_update, kind, *payload);
}

int datatype_count_resp_encode(struct buf *out, int64_t value, struct slice key)
{
    int err = key.len ? put_bytes(out, 1, key) : 0;
    return err ? err : put_uint(out, in_update.counter, zigzag(value));
}

int datatype_counter_resp_encode(struct buf *out, int64_t value)
{
    return put_uint(out, 1, zigzag(value));
}

/* --- the client's direction --- */

static int put_names(struct buf *out, const struct datatype_counter_req *req)
{
    int err = put_bytes(out, 1, req->bucket);
    return err ? err : put_bytes(out, 2, req->key);
}

int datatype_counter_update_req_encode(struct buf *out, const struct datatype_counter_req *req)
{
    size_t mark;
    int err = frame_begin(out, MSG_COUNTER_UPDATE_REQ, &mark);
    if (!err)
        err = put_names(out, req);
    if (!err)
        err = put_uint(out, 3, zigzag(req->amount));
    if (!err && req->return_value)
        err = put_uint(out, 7, 1);
    if (!err)
        frame_end(out, mark);
    return err;
}

int datatype_counter_get_req_encode(struct buf *out, const struct datatype_counter_req *req)
{
    size_t mark;
    int err = frame_begin(out, MSG_COUNTER_GET_REQ, &mark);
    if (!err)
        err = put_names(out, req);
    if (!err)
        frame_end(out, mark);
    return err;
}

int datatype_counter_resp_decode(struct slice body, bool *has_value, int64_t *value)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    *has_value = false;
    *value = 0;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number != 1)
            continue;
        if (!pb_is_varint(&f))
            return E_MALFORMED;
        *has_value = true;
        *value = unzigzag(f.value);
    }
    return more;
}
