/* SPDX-License-Identifier: Apache-2.0 */
/* Delete (riak-protocol.md section 6). */
#include "api/answer.h"
#include "api/ask.h"
#include "riak/dispatch.h"
#include "riak/kv.h"

static void on_deleted(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct outcome refused;
    if (answer_of_key(&s->server->api, err, r, riak_request(s)->put.consistent, q->timeout_ms, &refused))
        riak_reply_empty(s, MSG_DEL_RESP);
    else
        riak_refuse(s, NULL, &refused);
    session_finish(s);
}

void kv_del(struct session *s, struct slice body)
{
    struct kv_del_req req;
    struct prepared_write p;
    struct outcome refused;
    if (kv_del_req_decode(body, &req)) {
        riak_refuse_malformed(s, "RpbDelReq");
        return;
    }
    struct delete_request r = {
        .names = {req.type, req.bucket, req.key, req.has_type},
        .quorums = {.has_n_val = req.has_n_val,
                    .n_val = req.n_val,
                    .rw = req.rw,
                    .r = req.r,
                    .w = req.w,
                    .pr = req.pr,
                    .pw = req.pw,
                    .dw = req.dw},
        .vclock = req.vclock,
    };
    if (!request_prepare_delete(&s->server->api, &s->who, &r, &p, &refused)) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    if (!session_claim(s, p.target.tag))
        return;
    riak_request(s)->put.consistent = p.target.rules->consistent;
    struct router_request *q = session_ask(s, req.timeout_ms, on_deleted);
    router_deliver(q, ask_write(&s->server->api, q, &p.command));
}
