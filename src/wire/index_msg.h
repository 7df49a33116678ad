/* SPDX-License-Identifier: Apache-2.0 */
/* RpbIndexReq and RpbIndexResp (riak-protocol.md section 10): bodies, decoded as views. */
#ifndef WIRE_INDEX_MSG_H
#define WIRE_INDEX_MSG_H

#include "base/buf.h"
#include "base/err.h"

struct index_req {
    struct slice bucket, index, key, min, max, continuation, type, term_regex;
    uint32_t max_results, timeout_ms;
    bool is_range; /* else for one term */
    bool has_bucket, has_index, has_key, has_min, has_max, has_continuation, has_type, has_term_regex, has_max_results;
    bool return_terms, stream, pagination_sort;
};
int index_req_decode(struct slice body, struct index_req *out);

/* With `terms`, names are pairs of a term and a key; else keys. The continuation: empty when there is none. E_NOMEM,
 * E_TOO_LARGE. */
int index_resp_encode(struct buf *out, const struct slice *names, size_t count, bool terms, struct slice continuation,
                      bool done);

/* Where the next page begins, as text that a client only hands back: the term and the key of the last hit. */
int index_continuation_encode(struct buf *out, struct slice term, struct slice key);
/* The bytes of both are appended to `bytes`, which they are views of then. E_MALFORMED: it is none of ours. */
int index_continuation_decode(struct slice text, struct buf *bytes, struct slice *term, struct slice *key);

#endif
