/* SPDX-License-Identifier: Apache-2.0 */
/* Listing buckets and keys (riak-protocol.md section 8). */
#include "api/ask.h"
#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/kv.h"
#include "riak/error_reply.h"
#include "session/scan.h"
#include "wire/bucket_msg.h"

#include <stdlib.h>

static void add_name(void *arg, struct slice name)
{
    scan_add(arg, &name, 1, 0);
}

static enum router_state step_keys(struct scan *w, struct router_request *q)
{
    return ask_list_keys(&w->session->server->api, q, &w->router, scan_type(w), scan_bucket(w), add_name, w);
}

static enum router_state step_buckets(struct scan *w, struct router_request *q)
{
    return ask_list_buckets(&w->session->server->api, q, &w->router, scan_type(w), add_name, w);
}

static int add(struct scan *w, struct buf *out, const struct slice *names, size_t count)
{
    (void)w;
    return bucket_list_resp_encode(out, names, count, false);
}

static int end(struct scan *w, struct buf *out)
{
    return bucket_list_resp_encode(out, NULL, 0, w->streamed);
}

static void destroy(struct scan *w)
{
    free(w);
}

static const struct scan_ops keys_ops = {MSG_LIST_KEYS_RESP, step_keys, NULL,   riak_part_begin, add, end,
                                         riak_part_close,    NULL,      destroy};
static const struct scan_ops buckets_ops = {MSG_LIST_BUCKETS_RESP, step_buckets, NULL,   riak_part_begin, add, end,
                                            riak_part_close,       NULL,         destroy};

/* What may be listed, and for whom. */
static bool check(struct session *s, enum permission what, struct slice type, struct slice bucket)
{
    static const struct riak_words words = {.no_type_before = "No bucket-type named '"};
    struct outcome refused;
    bool may = bucket_check_scan(&s->server->api, &s->who, what, type, bucket, &refused);
    if (!may)
        riak_refuse(s, &words, &refused);
    return may;
}

static void begin(struct session *s, const struct scan_ops *ops, bool streamed, struct slice type, struct slice bucket,
                  uint32_t timeout_ms)
{
    struct scan *w = calloc(1, sizeof *w);
    if (!w) {
        riak_refuse_memory(s);
        return;
    }
    w->ops = ops;
    w->what = "the list";
    w->streamed = streamed;
    scan_begin(s, w, bucket_type_of(type), bucket, timeout_ms);
}

void list_buckets(struct session *s, struct slice body)
{
    struct bucket_list_buckets_req req;
    arena_reset(&riak_of(s)->arena);
    if (bucket_list_buckets_req_decode(body, &riak_of(s)->arena, &req))
        riak_refuse_malformed(s, "RpbListBucketsReq");
    else if (check(s, MAY_LIST_BUCKETS, req.type, slice_make(NULL, 0)))
        begin(s, &buckets_ops, req.stream, req.type, slice_make(NULL, 0), req.timeout_ms);
}

void list_keys(struct session *s, struct slice body)
{
    struct bucket_list_keys_req req;
    arena_reset(&riak_of(s)->arena);
    if (bucket_list_keys_req_decode(body, &riak_of(s)->arena, &req))
        riak_refuse_malformed(s, "RpbListKeysReq");
    else if (check(s, MAY_LIST_KEYS, req.type, req.bucket))
        begin(s, &keys_ops, true, req.type, req.bucket, req.timeout_ms);
}
