/* SPDX-License-Identifier: Apache-2.0 */
/* RpbGetReq/Resp, RpbPutReq/Resp, RpbDelReq and RpbContent (riak-protocol.md sections 4 to 6), both directions. The hot
 * path: decoded as views into the frame, encoded straight into the output. Unknown fields are ignored, as protobuf
 * says; a field of the wrong wire type, a truncated one, or `content` given twice is E_MALFORMED. Whether a missing
 * bucket or key is an error is for the server to say: `has_*` tells absent from empty.
 *
 * Metadata: everything of a content but value, vtag, last_mod and deleted travels as one run of bytes in wire form
 * (fields 2, 3, 4, 6, 9, 10 of RpbContent, in that order), built once at put and given back verbatim at get. */
#ifndef WIRE_KV_MSG_H
#define WIRE_KV_MSG_H

#include "base/buf.h"

/* Values of RpbContent.last_mod_usecs are under a million. */

struct kv_get_req {
    struct slice bucket, key, type, if_modified;
    uint32_t r, pr, timeout_ms, n_val, node_confirms; /* QUORUM_DEFAULT (r, pr) or 0 when absent */
    bool has_bucket, has_key, has_type, has_if_modified, has_n_val;
    bool basic_quorum, notfound_ok, head, deletedvclock;
};

struct kv_content {
    struct slice value, content_type, charset, content_encoding;
    struct slice raw; /* the whole message, for kv_content_next() */
    bool has_value, has_content_type, has_charset, has_content_encoding, deleted;
    bool has_lists; /* any link, usermeta or index: else there is nothing to iterate */
};

struct kv_put_req {
    struct slice bucket, key, type, vclock;
    struct kv_content content;
    uint32_t w, dw, pw, timeout_ms, n_val, node_confirms; /* QUORUM_DEFAULT (w, dw, pw) or 0 when absent */
    bool has_bucket, has_key, has_type, has_content, has_n_val;
    bool return_body, return_head, if_not_modified, if_none_match, asis;
};

struct kv_del_req {
    struct slice bucket, key, type, vclock;
    uint32_t rw, r, w, pr, pw, dw, timeout_ms, n_val; /* QUORUM_DEFAULT or 0 when absent */
    bool has_bucket, has_key, has_type, has_n_val;
};

int kv_get_req_decode(struct slice body, struct kv_get_req *out);
int kv_put_req_decode(struct slice body, struct kv_put_req *out);
int kv_del_req_decode(struct slice body, struct kv_del_req *out);

/* A pair of usermeta or index; or a link, whose bucket, key and tag are in `key`, `value` and `tag`. */
enum kv_item_kind { KV_LINK = 6, KV_USERMETA = 9, KV_INDEX = 10 };
struct kv_item {
    enum kv_item_kind kind;
    struct slice key, value, tag;
    bool has_value;
};

/* Iterates links, usermeta and indexes in their order: start with *rest = content->raw (or with stored metadata). 1, 0
 * at the end, or E_MALFORMED (never for stored metadata). */
int kv_content_next(struct slice *rest, struct kv_item *out);

/* Appends one field of the metadata in wire form. E_NOMEM, E_TOO_LARGE. */
int kv_meta_put_text(struct buf *meta, uint32_t number, struct slice text); /* 2, 3, 4 */
int kv_meta_put_item(struct buf *meta, const struct kv_item *item);

#define KV_VTAG_SIZE 22

/* One sibling as it is answered. */
struct kv_sibling {
    struct slice value; /* empty for head */
    struct slice meta;
    char vtag[KV_VTAG_SIZE];
    uint64_t last_mod_ms; /* since the Unix epoch */
    bool deleted;
};

/* A response is built in pieces, so that a large value need not be copied: begin, then for each sibling its head (all
 * but the bytes of the value, which the caller sends next), then end. Sizes are known before the first byte. */
size_t kv_sibling_size(const struct kv_sibling *s); /* of the `content` field, the value included */
/* Body length of RpbGetResp or RpbPutResp; `siblings_size` is the sum over all; vclock and key may be empty (left out).
 */
size_t kv_resp_size(size_t siblings_size, struct slice vclock, struct slice key);
int kv_resp_begin(struct buf *out, uint8_t code, size_t body_len);
int kv_sibling_put_head(struct buf *out, const struct kv_sibling *s);
int kv_resp_end(struct buf *out, struct slice vclock, struct slice key);

/* vtag from 128 bits, as base 62. */
void kv_vtag(uint64_t high, uint64_t low, char out[KV_VTAG_SIZE]);

/* The client's direction: whole frames. Fields that are absent or default are left out. */
int kv_get_req_encode(struct buf *out, const struct kv_get_req *req);
int kv_put_req_encode(struct buf *out, const struct kv_put_req *req, struct slice meta);
int kv_del_req_encode(struct buf *out, const struct kv_del_req *req);

struct kv_resp_content {
    struct kv_content content;
    struct slice vtag;
    uint32_t last_mod, last_mod_usecs;
};

#define KV_RESP_SIBLINGS_MAX 128

struct kv_resp {
    size_t count; /* siblings; those past the maximum are counted in `more` */
    size_t more;
    struct kv_resp_content content[KV_RESP_SIBLINGS_MAX];
    struct slice vclock, key;
    bool unchanged;
};

/* Decodes RpbGetResp (is_put false) or RpbPutResp. Views into `body`. */
int kv_resp_decode(struct slice body, bool is_put, struct kv_resp *out);

#endif
