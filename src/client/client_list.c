/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call.h"
#include "wire/bucket_msg.h"

/* One frame of the stream; *done is set by its last. */
static int take_names(struct client *c, struct slice body, client_each each, void *arg, bool *done)
{
    struct slice name;
    int more;
    while ((more = bucket_list_resp_next(&body, &name, done)) > 0)
        if (!each(arg, name))
            return call_fail(c, E_CLOSED, "the listing was not read to its end");
    return more < 0 ? call_fail(c, more, "the server's listing cannot be decoded") : 0;
}

static int take_all(struct client *c, uint8_t code, struct frame f, client_each each, void *arg)
{
    bool done = false;
    int err = take_names(c, f.body, each, arg, &done);
    while (!err && !done) {
        err = call_next(c, code, &f);
        if (!err)
            err = take_names(c, f.body, each, arg, &done);
    }
    return err;
}

int client_list_keys(struct client *c, struct slice type, struct slice bucket, client_each each, void *arg)
{
    struct bucket_list_keys_req req = {.bucket = bucket, .type = type, .has_type = type.len > 0};
    struct frame f;
    size_t mark;
    int err = call_announce(c);
    if (err)
        return err;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    err = frame_begin(b, MSG_LIST_KEYS_REQ, &mark);
    if (!err)
        err = bucket_list_keys_req_encode(b, &req);
    err = call_finish(c, err, mark, MSG_LIST_KEYS_RESP, &f);
    return err ? err : take_all(c, MSG_LIST_KEYS_RESP, f, each, arg);
}

int client_list_buckets(struct client *c, struct slice type, client_each each, void *arg)
{
    struct bucket_list_buckets_req req = {.type = type, .has_type = type.len > 0, .stream = true};
    struct frame f;
    size_t mark;
    int err = call_announce(c);
    if (err)
        return err;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    err = frame_begin(b, MSG_LIST_BUCKETS_REQ, &mark);
    if (!err)
        err = bucket_list_buckets_req_encode(b, &req);
    err = call_finish(c, err, mark, MSG_LIST_BUCKETS_RESP, &f);
    return err ? err : take_all(c, MSG_LIST_BUCKETS_RESP, f, each, arg);
}

int client_list_types(struct client *c, client_each each, void *arg)
{
    struct frame f;
    int err = client_exchange(c, MSG_LIST_TYPES_REQ, slice_make(NULL, 0), MSG_LIST_TYPES_RESP, &f);
    return err ? err : take_all(c, MSG_LIST_TYPES_RESP, f, each, arg);
}
