/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call.h"

#include "store/props.h"

struct kv_get_req client_get_request(struct slice type, struct slice bucket, struct slice key)
{
    return (struct kv_get_req){.bucket = bucket,
                               .key = key,
                               .type = type,
                               .has_bucket = true,
                               .has_key = true,
                               .has_type = type.len > 0,
                               .r = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .notfound_ok = true};
}

struct kv_put_req client_put_request(struct slice type, struct slice bucket, struct slice key, struct slice value)
{
    return (struct kv_put_req){.bucket = bucket,
                               .key = key,
                               .type = type,
                               .content = {.value = value, .has_value = true},
                               .has_bucket = true,
                               .has_key = key.len > 0,
                               .has_type = type.len > 0,
                               .has_content = true,
                               .w = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT};
}

struct kv_del_req client_del_request(struct slice type, struct slice bucket, struct slice key)
{
    return (struct kv_del_req){.bucket = bucket,
                               .key = key,
                               .type = type,
                               .has_bucket = true,
                               .has_key = true,
                               .has_type = type.len > 0,
                               .rw = QUORUM_DEFAULT,
                               .r = QUORUM_DEFAULT,
                               .w = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT};
}

static int decode(struct client *c, struct slice body, bool is_put, struct kv_resp *out)
{
    int err = kv_resp_decode(body, is_put, out);
    return err ? call_fail(c, err, "the server's answer cannot be decoded") : 0;
}

int client_get(struct client *c, const struct kv_get_req *req, struct kv_resp *out)
{
    struct frame f;
    struct buf *b = call_begin(c);
    struct kv_get_req timed = *req;
    if (!b)
        return E_CLOSED;
    if (!timed.timeout_ms)
        timed.timeout_ms = call_server_ms(c);
    int err = call_finish(c, kv_get_req_encode(b, &timed), CALL_WHOLE, MSG_GET_RESP, &f);
    if (!err)
        err = decode(c, f.body, false, out);
    return !err && out->count == 0 && !out->unchanged ? E_NOT_FOUND : err;
}

int client_put(struct client *c, const struct kv_put_req *req, struct slice meta, struct kv_resp *out)
{
    struct frame f;
    struct buf *b = call_begin(c);
    struct kv_put_req timed = *req;
    if (!b)
        return E_CLOSED;
    c->changes = true;
    if (!timed.timeout_ms)
        timed.timeout_ms = call_server_ms(c);
    int err = call_finish(c, kv_put_req_encode(b, &timed, meta), CALL_WHOLE, MSG_PUT_RESP, &f);
    return err ? err : decode(c, f.body, true, out);
}

int client_del(struct client *c, const struct kv_del_req *req)
{
    struct frame f;
    struct buf *b = call_begin(c);
    struct kv_del_req timed = *req;
    if (!b)
        return E_CLOSED;
    c->changes = true;
    if (!timed.timeout_ms)
        timed.timeout_ms = call_server_ms(c);
    return call_finish(c, kv_del_req_encode(b, &timed), CALL_WHOLE, MSG_DEL_RESP, &f);
}
