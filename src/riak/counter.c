/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of Riak 1.4, in buckets of the type "default" (riak-protocol.md section 11). */
#include "api/answer.h"
#include "api/ask.h"
#include "base/err.h"
#include "datatype/operation.h"
#include "riak/datatype.h"
#include "riak/dispatch.h"
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
    struct outcome refused;
    if (!answer_of_update(&s->server->api, DATATYPE_COUNTER, err, r, q->timeout_ms, &refused))
        update_refuse(s, &refused);
    else
        send_value(s, MSG_COUNTER_UPDATE_RESP, riak_request(s)->datatype.value, (int64_t)r->number);
    session_finish(s);
}

static bool resolve(struct session *s, enum permission what, const struct datatype_counter_req *req, struct target *t,
                    struct outcome *why)
{
    struct key_names n = {.bucket = req->bucket, .key = req->key};
    return key_names_check_given(&n, why) && key_names_check_lengths(&n, why) &&
           target_resolve(&s->server->api, &s->who, what, &n, t, why);
}

static struct quorums quorums_of(const struct datatype_counter_req *req)
{
    return (struct quorums){
        .r = req->r, .pr = req->pr, .w = req->w, .dw = req->dw, .pw = req->pw, .node_confirms = req->node_confirms};
}

void counter_get(struct session *s, struct slice body)
{
    struct datatype_counter_req req;
    struct target t;
    struct outcome refused;
    if (datatype_counter_get_req_decode(body, &req)) {
        riak_refuse_malformed(s, "RpbCounterGetReq");
        return;
    }
    struct quorums quorums = quorums_of(&req);
    if (!resolve(s, MAY_GET, &req, &t, &refused) || !target_check_quorums(&t, QUORUMS_READ, &quorums, &refused)) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    if (!session_claim(s, t.tag))
        return;
    struct router_request *q = session_ask(s, 0, on_read);
    riak_request(s)->datatype.kind = DATATYPE_COUNTER;
    router_deliver(q, ask_read(&s->server->api, q, &t.key, target_is_any_replica(&t, &quorums)));
}

/* The operation, in the server's scratch. */
static bool convert(struct session *s, int64_t amount, struct slice *op, struct outcome *why)
{
    struct buf *scratch = &riak_of(s)->operation;
    buf_consume(scratch, buf_len(scratch));
    int err = operation_put_number(scratch, amount);
    *op = buf_slice(scratch);
    return !err || outcome_fail(why, err);
}

void counter_update(struct session *s, struct slice body)
{
    static const struct riak_words words = {.text = {[OUTCOME_NO_ALLOW_MULT] = RIAK_COUNTER_NEEDS_ALLOW_MULT}};
    struct datatype_counter_req req;
    struct target t;
    struct outcome refused;
    struct update u = {.kind = DATATYPE_COUNTER};
    if (datatype_counter_update_req_decode(body, &req) || !req.has_amount) {
        riak_refuse_malformed(s, "RpbCounterUpdateReq");
        return;
    }
    struct quorums quorums = quorums_of(&req);
    if (!resolve(s, MAY_PUT, &req, &t, &refused) || !target_check_update(&t, DATATYPE_COUNTER, &refused) ||
        !target_check_quorums(&t, QUORUMS_WRITE, &quorums, &refused) || !convert(s, req.amount, &u.op, &refused)) {
        riak_refuse(s, &words, &refused);
        return;
    }
    riak_request(s)->datatype.kind = DATATYPE_COUNTER;
    riak_request(s)->datatype.value = req.return_value;
    update_ask(s, &u, &t, on_updated);
}
