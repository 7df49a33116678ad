/* SPDX-License-Identifier: Apache-2.0 */
/* Bucket properties, bucket types and listings (riak-protocol.md sections 8 and 9), by protobuf-c: bodies, without
 * frames. What is decoded is borrowed from the arena. Decoders return E_MALFORMED for what cannot be decoded, lacks a
 * required field, or is larger than the arena allows; of properties E_TOO_MANY for more than PROPS_HOOKS_MAX hooks in a
 * list. Texts are of any length (store/props_check.h). */
#ifndef WIRE_BUCKET_MSG_H
#define WIRE_BUCKET_MSG_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/props.h"

/* RpbGetBucketReq, RpbResetBucketReq, RpbGetBucketTypeReq (no bucket), RpbSetBucketReq and RpbSetBucketTypeReq (with
 * props). */
struct bucket_req {
    struct slice bucket, type;
    bool has_type;
    struct bucket_props props;
};
int bucket_get_req_decode(struct slice body, struct arena *arena, struct bucket_req *out);
int bucket_reset_req_decode(struct slice body, struct arena *arena, struct bucket_req *out);
int bucket_get_type_req_decode(struct slice body, struct arena *arena, struct bucket_req *out);
int bucket_set_req_decode(struct slice body, struct arena *arena, struct bucket_req *out);
int bucket_set_type_req_decode(struct slice body, struct arena *arena, struct bucket_req *out);

/* RpbGetBucketResp. E_NOMEM, E_TOO_LARGE. */
int bucket_get_resp_encode(struct buf *out, const struct bucket_props *props);

struct bucket_list_buckets_req {
    struct slice type;
    bool has_type, stream;
    uint32_t timeout_ms;
};
int bucket_list_buckets_req_decode(struct slice body, struct arena *arena, struct bucket_list_buckets_req *out);

struct bucket_list_keys_req {
    struct slice bucket, type;
    bool has_type;
    uint32_t timeout_ms;
};
int bucket_list_keys_req_decode(struct slice body, struct arena *arena, struct bucket_list_keys_req *out);

/* RpbListBucketsResp or RpbListKeysResp, which have the same form: names, and `done` where it is set. */
int bucket_list_resp_encode(struct buf *out, const struct slice *names, size_t count, bool done);

/* RpbGetBucketKeyPreflistReq: who keeps a key. */
struct bucket_preflist_req {
    struct slice bucket, key, type;
    bool has_type;
};
int bucket_preflist_req_decode(struct slice body, struct arena *arena, struct bucket_preflist_req *out);
/* One item of the RpbGetBucketKeyPreflistResp; `node` is Riak's name of it. */
int bucket_preflist_item_encode(struct buf *out, uint32_t partition, struct slice node);

/* --- the client's direction --- */

int bucket_get_req_encode(struct buf *out, const struct bucket_req *req);
int bucket_set_req_encode(struct buf *out, const struct bucket_req *req);
int bucket_get_type_req_encode(struct buf *out, const struct bucket_req *req);
int bucket_set_type_req_encode(struct buf *out, const struct bucket_req *req);
int bucket_get_resp_decode(struct slice body, struct arena *arena, struct bucket_props *out);
int bucket_list_buckets_req_encode(struct buf *out, const struct bucket_list_buckets_req *req);
int bucket_list_keys_req_encode(struct buf *out, const struct bucket_list_keys_req *req);
/* Steps through the names of a listing's answer: start with *rest = body. 1 and *name, 0 at the end, or E_MALFORMED;
 * *done is set when that field is met. Views. */
int bucket_list_resp_next(struct slice *rest, struct slice *name, bool *done);

#endif
