/* SPDX-License-Identifier: Apache-2.0 */
/* RpbIndexReq, its continuations, and what is answered: protobuf-c reads it to the last byte. */
#include "fuzz.h"
#include "oracle.h"
#include "wire/index_msg.h"

#include <riak.pb-c.h>

static void decode_continuation(struct slice text)
{
    struct buf bytes, again;
    struct slice term, key;
    buf_init(&bytes, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    if (index_continuation_decode(text, &bytes, &term, &key) == 0) {
        ASSERT(index_continuation_encode(&again, term, key) == 0);
        ASSERT(slice_eq(buf_slice(&again), text));
    }
    buf_fini(&bytes);
    buf_fini(&again);
}

static void answer(const struct index_req *req)
{
    struct slice names[] = {req->index, req->key, req->min, req->max};
    struct buf out;
    struct arena arena;
    buf_init(&out, SIZE_MAX / 2);
    arena_init(&arena, ORACLE_ARENA);
    ASSERT(index_resp_encode(&out, names, 4, req->return_terms, req->continuation, req->stream) == 0);
    const ProtobufCMessage *m = protobuf_unpack(&rpb_index_resp__descriptor, &arena, buf_slice(&out));
    ASSERT(m && m->n_unknown_fields == 0);
    ASSERT(slice_eq(oracle_pack(m, &arena), buf_slice(&out)));
    arena_fini(&arena);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct index_req req;
    decode_continuation(in);
    if (index_req_decode(in, &req))
        return 0;
    ASSERT(fuzz_inside(req.bucket, in) && fuzz_inside(req.term_regex, in) && fuzz_inside(req.type, in));
    decode_continuation(req.continuation);
    answer(&req);
    return 0;
}
