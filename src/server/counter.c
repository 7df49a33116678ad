/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of Riak 1.4, in buckets of the type "default" (riak-pb.md section 11). */
#include "base/err.h"
#include "datatype/operation.h"
#include "server/datatype.h"
#include "server/dispatch.h"
#include "wire/datatype_msg.h"

static void send_value(struct session *s, uint8_t code, bool has_value, int64_t value)
{
    size_t mark;
    int err = frame_begin(session_out(s), code, &mark);
    if (!err && has_value)
        err = datatype_counter_resp_encode(session_out(s), value);
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}

static void on_read(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct slice payload;
    bool has_value;
    if (err == E_NOT_FOUND)
        send_value(s, MSG_COUNTER_GET_RESP, false, 0);
    else if (state_take(s, err, r, &payload, &has_value))
        send_value(s, MSG_COUNTER_GET_RESP, has_value, has_value ? datatype_counter(payload) : 0);
    session_finish(s);
}

static void on_updated(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    if (err)
        update_refuse(s, err, r);
    else
        send_value(s, MSG_COUNTER_UPDATE_RESP, s->request.datatype.value, (int64_t)r->number);
    session_finish(s);
}

static const struct bucket_rules *resolve(struct session *s, enum permission what,
                                          const struct datatype_counter_req *req, struct store_key *k)
{
    struct kv_names n = {.bucket = req->bucket, .key = req->key};
    if (!kv_check_not_empty(s, &n, true) || !kv_check_lengths(s, &n))
        return NULL;
    return kv_resolve(s, what, &n, k);
}

void counter_get(struct session *s, struct slice body)
{
    struct datatype_counter_req req;
    struct store_key k;
    if (datatype_counter_get_req_decode(body, &req)) {
        kv_malformed(s, "RpbCounterGetReq");
        return;
    }
    const struct bucket_rules *rules = resolve(s, MAY_GET, &req, &k);
    const struct kv_quorum quorums[] = {{req.r, rules ? rules->r : 0}, {req.pr, rules ? rules->pr : 0}};
    if (!rules || !kv_check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req.node_confirms, rules->n_val))
        return;
    struct router_request *q = session_ask(s, 0, on_read);
    s->request.datatype.kind = DATATYPE_COUNTER;
    router_read(s->server->router, q, &k, kv_is_any_replica(req.r, req.pr, rules));
}

static bool check_update(struct session *s, const struct datatype_counter_req *req, const struct bucket_rules *rules)
{
    const struct kv_quorum quorums[] = {{req->w, rules->w}, {req->dw, rules->dw}, {req->pw, rules->pw}};
    if (!rules->allow_mult) {
        session_error(s, "\"Counters require bucket property 'allow_mult=true'\"");
        return false;
    }
    return kv_check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req->node_confirms, rules->n_val);
}

void counter_update(struct session *s, struct slice body)
{
    struct datatype_counter_req req;
    struct store_key k;
    struct buf *scratch = &s->server->operation;
    if (datatype_counter_update_req_decode(body, &req) || !req.has_amount) {
        kv_malformed(s, "RpbCounterUpdateReq");
        return;
    }
    const struct bucket_rules *rules = resolve(s, MAY_PUT, &req, &k);
    if (!rules || !check_update(s, &req, rules))
        return;
    buf_consume(scratch, buf_len(scratch));
    int err = operation_put_number(scratch, req.amount);
    if (err) {
        session_error(s, "%s", err_text(err));
        return;
    }
    struct update u = {.kind = DATATYPE_COUNTER, .op = buf_slice(scratch)};
    s->request.datatype.kind = DATATYPE_COUNTER;
    s->request.datatype.value = req.return_value;
    update_ask(s, &u, &k, rules, on_updated);
}
