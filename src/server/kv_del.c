/* SPDX-License-Identifier: Apache-2.0 */
/* Delete (riak-pb.md section 6). */
#include "server/dispatch.h"
#include "server/kv.h"
#include "server/error_reply.h"

static void on_deleted(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    if (err)
        kv_refuse_write(s, s->request.put.consistent, err, r);
    else
        session_reply_empty(s, MSG_DEL_RESP);
    session_finish(s);
}

void kv_del(struct session *s, struct slice body)
{
    struct kv_del_req req;
    struct store_command c = {.op = STORE_DELETE};
    if (kv_del_req_decode(body, &req)) {
        kv_malformed(s, "RpbDelReq");
        return;
    }
    /* Riak does not ask for names that are not empty here: there is nothing to delete under such a name. */
    struct kv_names n = {req.bucket, req.key, req.type, req.has_type};
    if (!kv_check_lengths(s, &n))
        return;
    const struct bucket_rules *rules = kv_resolve(s, MAY_DELETE, &n, &c.key);
    if (!rules)
        return;
    uint32_t n_val = rules->n_val;
    const struct kv_quorum quorums[] = {{req.rw, rules->rw}, {req.r, rules->r},   {req.w, rules->w},
                                        {req.pr, rules->pr}, {req.pw, rules->pw}, {req.dw, rules->dw}};
    if (!kv_check_n_val(s, req.has_n_val, req.n_val, &n_val) ||
        !kv_check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], 0, n_val) ||
        !kv_read_context(s, req.vclock, &c.context))
        return;
    c.rules = kv_rules(s, rules);
    kv_require_context(rules, &c);
    s->request.put.consistent = rules->consistent;
    router_write(s->server->router, session_ask(s, req.timeout_ms, on_deleted), &c);
}
