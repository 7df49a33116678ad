/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call.h"
#include "wire/admin_msg.h"
#include "wire/bucket_msg.h"

int client_ping(struct client *c)
{
    struct frame f;
    return client_exchange(c, MSG_PING_REQ, slice_make(NULL, 0), MSG_PING_RESP, &f);
}

static int ask_info(struct client *c, uint8_t code, struct client_server_info *out)
{
    struct frame f;
    *out = (struct client_server_info){0};
    int err = client_exchange(c, code, slice_make(NULL, 0), (uint8_t)(code + 1), &f);
    if (err)
        return err;
    err = admin_server_info_decode(f.body, &out->node, &out->version);
    return err ? call_fail(c, err, "the server's answer cannot be decoded") : 0;
}

int client_server_info(struct client *c, struct client_server_info *out)
{
    return ask_info(c, MSG_GET_SERVER_INFO_REQ, out);
}

int client_self_test(struct client *c, struct client_server_info *out)
{
    return ask_info(c, MSG_SELF_TEST_REQ, out);
}

static int encode_bucket_call(struct buf *b, uint8_t code, const struct bucket_req *req)
{
    switch (code) {
    case MSG_SET_BUCKET_REQ:
        return bucket_set_req_encode(b, req);
    case MSG_GET_BUCKET_TYPE_REQ:
        return bucket_get_type_req_encode(b, req);
    case MSG_SET_BUCKET_TYPE_REQ:
    case MSG_CREATE_TYPE_REQ:
        return bucket_set_type_req_encode(b, req);
    default:
        return bucket_get_req_encode(b, req);
    }
}

static int bucket_call(struct client *c, uint8_t code, const struct bucket_req *req, uint8_t expected,
                       struct frame *out)
{
    bool changes = expected != MSG_GET_BUCKET_RESP;
    size_t mark;
    int err = changes ? call_announce(c) : 0;
    if (err)
        return err;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    c->changes = changes;
    err = frame_begin(b, code, &mark);
    if (!err)
        err = encode_bucket_call(b, code, req);
    return call_finish(c, err, mark, expected, out);
}

static int get_props(struct client *c, uint8_t code, const struct bucket_req *req, struct bucket_props *out)
{
    struct frame f;
    int err = bucket_call(c, code, req, MSG_GET_BUCKET_RESP, &f);
    if (err)
        return err;
    err = bucket_get_resp_decode(f.body, &c->arena, out);
    return err ? call_fail(c, err, "the server's answer cannot be decoded") : 0;
}

int client_get_props(struct client *c, struct slice type, struct slice bucket, struct bucket_props *out)
{
    struct bucket_req req = {.bucket = bucket, .type = type, .has_type = type.len > 0};
    return get_props(c, MSG_GET_BUCKET_REQ, &req, out);
}

int client_set_props(struct client *c, struct slice type, struct slice bucket, const struct bucket_props *props)
{
    struct bucket_req req = {.bucket = bucket, .type = type, .has_type = type.len > 0, .props = *props};
    struct frame f;
    return bucket_call(c, MSG_SET_BUCKET_REQ, &req, MSG_SET_BUCKET_RESP, &f);
}

/* RpbResetBucketReq has the form of RpbGetBucketReq. */
int client_reset_props(struct client *c, struct slice type, struct slice bucket)
{
    struct bucket_req req = {.bucket = bucket, .type = type, .has_type = type.len > 0};
    struct frame f;
    return bucket_call(c, MSG_RESET_BUCKET_REQ, &req, MSG_RESET_BUCKET_RESP, &f);
}

int client_get_type(struct client *c, struct slice type, struct bucket_props *out)
{
    struct bucket_req req = {.type = type};
    return get_props(c, MSG_GET_BUCKET_TYPE_REQ, &req, out);
}

int client_set_type(struct client *c, struct slice type, const struct bucket_props *props)
{
    struct bucket_req req = {.type = type, .props = *props};
    struct frame f;
    return bucket_call(c, MSG_SET_BUCKET_TYPE_REQ, &req, MSG_SET_BUCKET_RESP, &f);
}

int client_create_type(struct client *c, struct slice type, const struct bucket_props *props)
{
    struct bucket_req req = {.type = type, .props = *props};
    struct frame f;
    return bucket_call(c, MSG_CREATE_TYPE_REQ, &req, MSG_CREATE_TYPE_RESP, &f);
}
