/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of the client protocol: 4 bytes big-endian length N, 1 byte message code, N-1 bytes body (riak-protocol.md
 * section 1). Only the envelope: what the body means is in the *_msg files. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/buf.h"
#include "base/err.h"

#define FRAME_HEAD 5 /* bytes of length and code */

/* Message codes of riak-protocol.md section 2 that this version answers or sends. */
enum msg_code {
    MSG_ERROR_RESP = 0,
    MSG_PING_REQ = 1,
    MSG_PING_RESP = 2,
    MSG_GET_CLIENT_ID_REQ = 3,
    MSG_GET_CLIENT_ID_RESP = 4,
    MSG_SET_CLIENT_ID_REQ = 5,
    MSG_SET_CLIENT_ID_RESP = 6,
    MSG_GET_SERVER_INFO_REQ = 7,
    MSG_GET_SERVER_INFO_RESP = 8,
    MSG_GET_REQ = 9,
    MSG_GET_RESP = 10,
    MSG_PUT_REQ = 11,
    MSG_PUT_RESP = 12,
    MSG_DEL_REQ = 13,
    MSG_DEL_RESP = 14,
    MSG_LIST_BUCKETS_REQ = 15,
    MSG_LIST_BUCKETS_RESP = 16,
    MSG_LIST_KEYS_REQ = 17,
    MSG_LIST_KEYS_RESP = 18,
    MSG_GET_BUCKET_REQ = 19,
    MSG_GET_BUCKET_RESP = 20,
    MSG_SET_BUCKET_REQ = 21,
    MSG_SET_BUCKET_RESP = 22,
    MSG_MAPRED_REQ = 23,
    MSG_MAPRED_RESP = 24,
    MSG_INDEX_REQ = 25,
    MSG_INDEX_RESP = 26,
    MSG_RESET_BUCKET_REQ = 29,
    MSG_RESET_BUCKET_RESP = 30,
    MSG_GET_BUCKET_TYPE_REQ = 31,
    MSG_SET_BUCKET_TYPE_REQ = 32,
    MSG_PREFLIST_REQ = 33,
    MSG_PREFLIST_RESP = 34,
    MSG_COUNTER_UPDATE_REQ = 50,
    MSG_COUNTER_UPDATE_RESP = 51,
    MSG_COUNTER_GET_REQ = 52,
    MSG_COUNTER_GET_RESP = 53,
    MSG_DT_FETCH_REQ = 80,
    MSG_DT_FETCH_RESP = 81,
    MSG_DT_UPDATE_REQ = 82,
    MSG_DT_UPDATE_RESP = 83,
    /* Ours, not Riak's: the liveness check, whose answer has the form of RpbGetServerInfoResp. */
    MSG_SELF_TEST_REQ = 228,
    MSG_SELF_TEST_RESP = 229,
    /* Ours, not Riak's: the time-out of what has no field for one (wire/admin_msg.h). */
    MSG_TIMEOUT_REQ = 230,
    MSG_TIMEOUT_RESP = 231,
    /* Users and what they may do (wire/security_msg.h). */
    MSG_SECURITY_CHANGE_REQ = 232,
    MSG_SECURITY_CHANGE_RESP = 233,
    MSG_SECURITY_LIST_REQ = 234,
    MSG_SECURITY_LIST_RESP = 235,
    /* Ours, too: types are made and listed by operators alone. The first has the form of RpbSetBucketTypeReq,
     * and an answer without a body; the second has none, and an answer of the form of RpbListBucketsResp. */
    MSG_CREATE_TYPE_REQ = 236,
    MSG_CREATE_TYPE_RESP = 237,
    MSG_LIST_TYPES_REQ = 238,
    MSG_LIST_TYPES_RESP = 239,
    /* Ours, not Riak's: cluster_msg.h. */
    MSG_CLUSTER_STATUS_REQ = 240,
    MSG_CLUSTER_STATUS_RESP = 241,
    MSG_CLUSTER_PARTITIONS_REQ = 242,
    MSG_CLUSTER_PARTITIONS_RESP = 243,
    MSG_CLUSTER_TRANSFERS_REQ = 244,
    MSG_CLUSTER_TRANSFERS_RESP = 245,
    MSG_CLUSTER_READY_REQ = 246,
    MSG_CLUSTER_READY_RESP = 247,
    MSG_CLUSTER_ACT_REQ = 248,
    MSG_CLUSTER_ACT_RESP = 249,
    MSG_CLUSTER_DISCOVERY_REQ = 250,
    MSG_CLUSTER_DISCOVERY_RESP = 251,
    MSG_AUTH_REQ = 253,
    MSG_AUTH_RESP = 254,
    MSG_START_TLS = 255
};

struct frame {
    uint8_t code;
    struct slice body; /* borrowed from the input */
};

/* Body length of the frame whose first bytes stand in `in`.
 *   0            *code and *body_len are set (the body itself need not have arrived)
 *   E_AGAIN      fewer than FRAME_HEAD bytes are there, and what is there is no error yet
 *   E_MALFORMED  N = 0: there is no code
 *   E_TOO_LARGE  N > max; *body_len = N - 1 */
static inline int frame_head_parse(struct slice in, size_t max, uint8_t *code, size_t *body_len)
{
    if (in.len < 4)
        return E_AGAIN;
    uint32_t n = (uint32_t)in.data[0] << 24 | (uint32_t)in.data[1] << 16 | (uint32_t)in.data[2] << 8 | in.data[3];
    if (n == 0)
        return E_MALFORMED;
    *body_len = n - 1;
    if (n > max)
        return E_TOO_LARGE;
    if (in.len < FRAME_HEAD)
        return E_AGAIN;
    *code = in.data[4];
    return 0;
}

/* Takes one whole frame from the front of *in: 1 and *in is advanced; 0 when it is not all there; or an error as above.
 */
static inline int frame_take(struct slice *in, size_t max, struct frame *out)
{
    size_t body_len;
    int err = frame_head_parse(*in, max, &out->code, &body_len);
    if (err)
        return err == E_AGAIN ? 0 : err;
    if (in->len - FRAME_HEAD < body_len)
        return 0;
    out->body = slice_make(in->data + FRAME_HEAD, body_len);
    *in = slice_skip(*in, FRAME_HEAD + body_len);
    return 1;
}

/* Writes the 5 bytes in front of a body and returns where the body goes. */
static inline uint8_t *frame_head_put(uint8_t *p, uint8_t code, size_t body_len)
{
    uint32_t n = (uint32_t)body_len + 1;
    p[0] = (uint8_t)(n >> 24);
    p[1] = (uint8_t)(n >> 16);
    p[2] = (uint8_t)(n >> 8);
    p[3] = (uint8_t)n;
    p[4] = code;
    return p + FRAME_HEAD;
}

/* Appends a frame without body. E_NOMEM, E_TOO_LARGE as buf_append(). */
int frame_put_empty(struct buf *out, uint8_t code);
/* A frame whose body is written by others into the same buffer: remember frame_begin()'s mark, write, frame_end(). */
int frame_begin(struct buf *out, uint8_t code, size_t *mark);
void frame_end(struct buf *out, size_t mark);

#endif
