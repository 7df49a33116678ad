/* SPDX-License-Identifier: Apache-2.0 */
/* Get (riak-protocol.md section 6). */
#include "api/answer.h"
#include "api/ask.h"
#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/kv.h"

static void remember(struct session *s, const struct kv_get_req *req)
{
    struct riak_request *mine = riak_request(s);
    mine->get.head = req->head;
    mine->get.deletedvclock = req->deletedvclock;
    mine->get.has_if_modified = req->has_if_modified;
    mine->get.if_modified_len = req->if_modified.len;
    if (req->if_modified.len && req->if_modified.len <= VCLOCK_SIZE)
        memcpy(mine->get.if_modified, req->if_modified.data, req->if_modified.len);
}

static void answer_unchanged(struct session *s)
{
    static const uint8_t unchanged[] = {3 << 3, 1};
    int err = kv_resp_begin(session_out(s), MSG_GET_RESP, sizeof unchanged);
    if (!err)
        err = buf_append(session_out(s), unchanged, sizeof unchanged);
    if (err)
        session_broken(s, err);
}

/* False: what was given for it is no vclock, which is answered. */
static bool check_if_modified(struct session *s, const struct object *o, bool *unmodified)
{
    const struct riak_request *mine = riak_request(s);
    struct slice given = slice_make(mine->get.if_modified, mine->get.if_modified_len);
    struct store_context context;
    struct outcome refused = {.code = OUTCOME_BAD_VCLOCK, .number = given.len};
    uint8_t bytes[VCLOCK_SIZE];
    *unmodified = false;
    if (!mine->get.has_if_modified)
        return true;
    if (given.len > VCLOCK_SIZE || !vclock_read(&s->server->api, s->request->key_tag, given, &context, &refused)) {
        riak_refuse(s, NULL, &refused);
        return false;
    }
    *unmodified = slice_eq(given, kv_encode_vclock(s, o->revision, bytes));
    return true;
}

static void answer_live(struct session *s, const struct object *o)
{
    struct kv_answer a = {.session = s, .code = MSG_GET_RESP, .head = riak_request(s)->get.head};
    bool unmodified;
    if (!check_if_modified(s, o, &unmodified))
        return;
    if (unmodified) {
        answer_unchanged(s);
        return;
    }
    size_t size = kv_siblings_size(o, a.head);
    if (size <= ANSWER_SMALL || session_take_answer(s, size))
        kv_answer_object(&a, o, size);
}

static void on_read(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct slice none = {0};
    struct outcome refused;
    uint8_t bytes[VCLOCK_SIZE];
    if (err == E_NOT_FOUND) /* whatever if_modified says (riak-protocol.md section 6) */
        riak_reply_empty(s, MSG_GET_RESP);
    else if (!answer_of_key(&s->server->api, err, r, false, q->timeout_ms, &refused))
        riak_refuse(s, NULL, &refused);
    else if (r->object.live)
        answer_live(s, &r->object);
    else
        kv_answer_bare(s, MSG_GET_RESP,
                       riak_request(s)->get.deletedvclock ? kv_encode_vclock(s, r->object.revision, bytes) : none,
                       none);
    session_finish(s);
}

void kv_get(struct session *s, struct slice body)
{
    struct kv_get_req req;
    struct prepared_read p;
    struct outcome refused;
    if (kv_get_req_decode(body, &req)) {
        riak_refuse_malformed(s, "RpbGetReq");
        return;
    }
    struct get_request g = {
        .names = {req.type, req.bucket, req.key, req.has_type},
        .quorums = {.has_n_val = req.has_n_val,
                    .n_val = req.n_val,
                    .r = req.r,
                    .pr = req.pr,
                    .node_confirms = req.node_confirms},
    };
    if (!request_prepare_get(&s->server->api, &s->who, &g, &p, &refused)) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    if (!session_claim(s, p.target.tag))
        return;
    struct router_request *q = session_ask(s, req.timeout_ms, on_read);
    session_may_repeat(s);
    remember(s, &req);
    router_deliver(q, ask_read(&s->server->api, q, &p.target.key, p.any_replica));
}
