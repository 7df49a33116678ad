/* SPDX-License-Identifier: Apache-2.0 */
/* DtFetchReq/Resp, DtUpdateReq/Resp (riak-protocol.md section 12) and the counters of Riak 1.4 (riak-protocol.md
 * section 11): requests decoded as views, operations turned into those of datatype/operation.h, answers written from a
 * state. All input is hostile; nesting is bounded by DATATYPE_DEPTH_MAX. */
#ifndef WIRE_DATATYPE_MSG_H
#define WIRE_DATATYPE_MSG_H

#include "base/buf.h"
#include "datatype/datatype.h"

struct datatype_fetch_req {
    struct slice bucket, key, type;
    uint32_t r, pr, timeout_ms, n_val, node_confirms; /* QUORUM_DEFAULT (r, pr) or 0 when absent */
    bool has_bucket, has_key, has_type, has_n_val, include_context;
};

struct datatype_update_req {
    struct slice bucket, key, type, context, op; /* op: DtOp */
    uint32_t w, dw, pw, timeout_ms, n_val, node_confirms;
    bool has_bucket, has_key, has_type, has_n_val, has_context, has_op, return_body, include_context;
};

/* RpbCounterGetReq and RpbCounterUpdateReq. */
struct datatype_counter_req {
    struct slice bucket, key;
    uint32_t r, pr, w, dw, pw, node_confirms;
    int64_t amount;
    bool has_bucket, has_key, has_amount, return_value;
};

int datatype_fetch_req_decode(struct slice body, struct datatype_fetch_req *out);
int datatype_update_req_decode(struct slice body, struct datatype_update_req *out);
int datatype_counter_get_req_decode(struct slice body, struct datatype_counter_req *out);
int datatype_counter_update_req_decode(struct slice body, struct datatype_counter_req *out);

/* The kind of operation that a DtOp holds. E_MALFORMED: none, or several. */
int datatype_op_kind(struct slice op, enum datatype *kind);
/* Appends the operation. `hll_precision`: of the bucket. E_MALFORMED, also when it is nested too deep; E_TOO_MANY: over
 * DATATYPE_ITEMS_MAX elements and fields; E_NOMEM, E_TOO_LARGE. */
int datatype_op_convert(struct slice op, unsigned hll_precision, struct buf *out);

/* Bodies of the answers. `payload`: NULL when there is no value; `context`, `key`: empty when there is none. */
int datatype_fetch_resp_encode(struct buf *out, enum datatype kind, const struct slice *payload, struct slice context);
int datatype_update_resp_encode(struct buf *out, enum datatype kind, const struct slice *payload, struct slice context,
                                struct slice key);
/* DtUpdateResp of a counter that came to that. */
int datatype_count_resp_encode(struct buf *out, int64_t value, struct slice key);
/* RpbCounterGetResp and RpbCounterUpdateResp, where there is a value. */
int datatype_counter_resp_encode(struct buf *out, int64_t value);

/* --- the client's direction --- */

/* Whole frames; of the quorums and node_confirms nothing is sent. */
int datatype_counter_update_req_encode(struct buf *out, const struct datatype_counter_req *req);
int datatype_counter_get_req_encode(struct buf *out, const struct datatype_counter_req *req);
/* RpbCounterUpdateResp, RpbCounterGetResp. E_MALFORMED. */
int datatype_counter_resp_decode(struct slice body, bool *has_value, int64_t *value);

#endif
