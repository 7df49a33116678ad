/* SPDX-License-Identifier: Apache-2.0 */
/* Data types: operations as a client sends them, one after the other on one key; operations as a log holds them, which
 * may be any bytes; states as a plain put leaves them. What is applied is a state again, and what is answered of it,
 * protobuf-c reads to the last byte. Input: a script; see step(). */
#include "fuzz.h"
#include "oracle.h"
#include "base/err.h"
#include "datatype/operation.h"
#include "wire/datatype_msg.h"

#include <riak.pb-c.h>

#define PIECE_MAX 255

static void check_answer(const struct buf *out, const ProtobufCMessageDescriptor *descriptor)
{
    struct arena arena;
    arena_init(&arena, ORACLE_ARENA);
    const ProtobufCMessage *m = protobuf_unpack(descriptor, &arena, buf_slice(out));
    ASSERT(m && m->n_unknown_fields == 0);
    ASSERT(slice_eq(oracle_pack(m, &arena), buf_slice(out)));
    arena_fini(&arena);
}

static void answer(enum datatype kind, struct slice payload)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    ASSERT(datatype_fetch_resp_encode(&out, kind, &payload, slice_str("context")) == 0);
    check_answer(&out, &dt_fetch_resp__descriptor);
    buf_consume(&out, buf_len(&out));
    ASSERT(datatype_update_resp_encode(&out, kind, &payload, slice_make(NULL, 0), slice_str("key")) == 0);
    check_answer(&out, &dt_update_resp__descriptor);
    buf_fini(&out);
}

static enum datatype key_kind(struct slice *in)
{
    static const enum datatype kinds[] = {DATATYPE_MAP, DATATYPE_SET, DATATYPE_COUNTER, DATATYPE_HLL, DATATYPE_GSET};
    return kinds[fuzz_byte(in) % 5];
}

struct key {
    enum datatype kind;
    struct buf state;
    uint64_t seq;
};

static void apply(struct key *k, struct slice op, struct slice *in, bool converted)
{
    struct buf after;
    struct slice payload, name;
    enum datatype field;
    uint64_t absent = 0;
    uint8_t context = fuzz_byte(in);
    struct datatype_update u = {.kind = k->kind,
                                .op = op,
                                .seq = ++k->seq,
                                .has_context = context & 1,
                                .seen_seq = k->seq - 1 - (context >> 1) % k->seq};
    buf_init(&after, SIZE_MAX / 2);
    int err = datatype_apply(&u, buf_slice(&k->state), &after, &absent);
    ASSERT(err == 0 || err == E_ABSENT || (err == E_MALFORMED && !converted));
    if (err == E_ABSENT)
        ASSERT(operation_removal(op, absent, &name, &field) && fuzz_inside(name, op));
    if (err == 0) {
        ASSERT(datatype_check(k->kind, buf_slice(&after), &payload));
        answer(k->kind, payload);
        buf_fini(&k->state);
        k->state = after;
    } else {
        ASSERT(buf_len(&after) == 0);
        buf_fini(&after);
    }
}

static void convert(struct key *k, struct slice op, struct slice *in)
{
    struct buf out;
    enum datatype kind;
    buf_init(&out, SIZE_MAX / 2);
    int err = datatype_op_convert(op, 14, &out);
    ASSERT(err == 0 || err == E_MALFORMED || err == E_TOO_MANY);
    if (err == 0) {
        ASSERT(datatype_op_kind(op, &kind) == 0);
        k->kind = k->seq ? k->kind : kind;
        if (kind == k->kind)
            apply(k, buf_slice(&out), in, true);
    }
    buf_fini(&out);
}

static void read_state(struct key *k, struct slice state)
{
    struct slice payload;
    if (k->seq || !datatype_check(k->kind, state, &payload))
        return;
    ASSERT(buf_append_slice(&k->state, state) == 0);
    k->seq = UINT64_MAX / 2; /* behind all that stands in it, nearly always */
    answer(k->kind, payload);
}

static void decode_requests(struct slice body)
{
    struct datatype_fetch_req fetch;
    struct datatype_update_req update;
    struct datatype_counter_req counter;
    if (datatype_fetch_req_decode(body, &fetch) == 0)
        ASSERT(fuzz_inside(fetch.key, body) && fuzz_inside(fetch.type, body));
    if (datatype_update_req_decode(body, &update) == 0)
        ASSERT(fuzz_inside(update.op, body) && fuzz_inside(update.context, body));
    if (datatype_counter_get_req_decode(body, &counter) == 0)
        ASSERT(fuzz_inside(counter.bucket, body));
    if (datatype_counter_update_req_decode(body, &counter) == 0)
        ASSERT(fuzz_inside(counter.key, body));
}

/* What is done, a length, so many bytes. */
static void step(struct key *k, struct slice *in)
{
    uint8_t what = fuzz_byte(in);
    struct slice piece = fuzz_take(in, fuzz_number(in, 1));
    switch (what % 4) {
    case 0:
        convert(k, piece, in);
        break;
    case 1:
        apply(k, piece, in, false);
        break;
    case 2:
        read_state(k, piece);
        break;
    default:
        decode_requests(piece);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct key k = {.kind = key_kind(&in)};
    buf_init(&k.state, SIZE_MAX / 2);
    while (in.len)
        step(&k, &in);
    buf_fini(&k.state);
    return 0;
}
