/* SPDX-License-Identifier: Apache-2.0 */
#include "datatype/code.h"

#include "base/err.h"
#include "datatype/hyperloglog.h"

static const char *const names[] = {
    [DATATYPE_NONE] = "undefined", [DATATYPE_COUNTER] = "counter", [DATATYPE_REGISTER] = "register",
    [DATATYPE_MAP] = "map",        [DATATYPE_FLAG] = "flag",       [DATATYPE_SET] = "set",
    [DATATYPE_GSET] = "gset",      [DATATYPE_HLL] = "hll"};

const char *datatype_name(enum datatype kind)
{
    return names[kind];
}

enum datatype datatype_by_name(struct slice name)
{
    static const enum datatype of_keys[] = {DATATYPE_COUNTER, DATATYPE_SET, DATATYPE_MAP, DATATYPE_GSET, DATATYPE_HLL};
    for (size_t i = 0; i < sizeof of_keys / sizeof of_keys[0]; i++)
        if (slice_is(name, names[of_keys[i]]))
            return of_keys[i];
    return DATATYPE_NONE;
}

/* --- the small ones --- */

static int counter_apply(struct slice payload, struct slice op, struct buf *out)
{
    struct reader now = reader_of(payload), by = reader_of(op);
    uint64_t value = payload.len ? (uint64_t)unzigzag(read_varint(&now)) : 0;
    value += (uint64_t)unzigzag(read_varint(&by));
    if (now.bad || by.bad || reader_more(&now) || reader_more(&by))
        return E_MALFORMED;
    return put_varint(out, zigzag((int64_t)value));
}

/* Disabled is what was enabled before the context; without one, whatever there is. */
static int flag_apply(const struct datatype_update *u, struct slice payload, struct slice op, struct buf *out)
{
    struct reader now = reader_of(payload);
    uint64_t enabled = payload.len ? read_varint(&now) : 0;
    if (now.bad || reader_more(&now) || op.len != 1 || op.data[0] > 1)
        return E_MALFORMED;
    if (op.data[0])
        enabled = u->seq;
    else if (!u->has_context || enabled <= u->seen_seq)
        enabled = 0;
    return put_varint(out, enabled);
}

static int flag_reset(struct slice payload, uint64_t seen_seq, struct buf *out)
{
    struct reader r = reader_of(payload);
    uint64_t enabled = read_varint(&r);
    return put_varint(out, enabled <= seen_seq ? 0 : enabled);
}

static bool number_check(struct slice payload)
{
    struct reader r = reader_of(payload);
    read_varint(&r);
    return !r.bad && !reader_more(&r);
}

/* --- all --- */

int payload_apply(struct application *a, enum datatype kind, struct slice payload, struct slice op, struct buf *out)
{
    switch (kind) {
    case DATATYPE_COUNTER:
        return counter_apply(payload, op, out);
    case DATATYPE_REGISTER:
        return buf_append_slice(out, op);
    case DATATYPE_FLAG:
        return flag_apply(a->update, payload, op, out);
    case DATATYPE_SET:
    case DATATYPE_GSET:
        return set_apply(a, payload, op, out);
    case DATATYPE_HLL:
        return hll_apply(payload, op, out);
    case DATATYPE_MAP:
        return map_apply(a, payload, op, out);
    case DATATYPE_NONE:
        break;
    }
    return E_MALFORMED;
}

/* Counters and registers know no parts: one that was changed after the context stays as it is. */
int payload_reset(enum datatype kind, struct slice payload, uint64_t seen_seq, struct buf *out)
{
    switch (kind) {
    case DATATYPE_SET:
        return set_reset(payload, seen_seq, out);
    case DATATYPE_MAP:
        return map_reset(payload, seen_seq, out);
    case DATATYPE_FLAG:
        return flag_reset(payload, seen_seq, out);
    default:
        return buf_append_slice(out, payload);
    }
}

bool payload_check(enum datatype kind, struct slice payload, unsigned depth)
{
    switch (kind) {
    case DATATYPE_COUNTER:
    case DATATYPE_FLAG:
        return number_check(payload);
    case DATATYPE_REGISTER:
        return true;
    case DATATYPE_SET:
    case DATATYPE_GSET:
        return set_check(payload);
    case DATATYPE_HLL:
        return hll_check(payload);
    case DATATYPE_MAP:
        return map_check(payload, depth);
    case DATATYPE_NONE:
        break;
    }
    return false;
}

static const uint8_t magic[] = {'E', 2};

bool datatype_check(enum datatype kind, struct slice state, struct slice *payload)
{
    if (state.len < DATATYPE_HEAD || memcmp(state.data, magic, sizeof magic) != 0 || state.data[sizeof magic] != kind)
        return false;
    *payload = slice_skip(state, DATATYPE_HEAD);
    return payload_check(kind, *payload, 0);
}

int datatype_apply(const struct datatype_update *u, struct slice state, struct buf *out, uint64_t *absent)
{
    struct application a = {.update = u, .absent = UINT64_MAX};
    struct slice payload = {0};
    size_t before = buf_len(out);
    if (state.len && !datatype_check(u->kind, state, &payload))
        return E_INVALID;
    int err = buf_append(out, magic, sizeof magic);
    if (!err)
        err = put_byte(out, (uint8_t)u->kind);
    if (!err)
        err = payload_apply(&a, u->kind, payload, u->op, out);
    if (!err && a.absent != UINT64_MAX) {
        *absent = a.absent;
        err = E_ABSENT;
    }
    if (err)
        out->end = out->start + before;
    return err;
}

int64_t datatype_counter(struct slice payload)
{
    struct reader r = reader_of(payload);
    return unzigzag(read_varint(&r));
}

bool datatype_flag(struct slice payload)
{
    struct reader r = reader_of(payload);
    return read_varint(&r) != 0;
}

uint64_t datatype_cardinality(struct slice payload)
{
    return hll_estimate(payload);
}
