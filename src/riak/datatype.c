/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, sets, gsets, maps and HyperLogLogs of bucket types (riak-protocol.md section 12). An update is one command:
 * the partition's order makes it atomic, and its operation is applied on every replica. */
#include "api/ask.h"
#include "riak/datatype.h"

#include "api/answer.h"
#include "base/err.h"
#include "datatype/operation.h"
#include "riak/dispatch.h"
#include "wire/datatype_msg.h"

#define SHOWN_MAX 256 /* bytes of a name in an error */

/* --- updates and reads --- */

/* What cannot be removed is named to the client, by the operation: it has to stay until then. */
static int keep_operation(struct session *s, const struct update *u)
{
    if (u->context.len || (u->kind != DATATYPE_SET && u->kind != DATATYPE_MAP))
        return 0;
    riak_request(s)->operation = blob_create(u->op.len);
    if (!riak_request(s)->operation)
        return E_NOMEM;
    memcpy(riak_request(s)->operation->data, u->op.data, u->op.len);
    return 0;
}

static void drop_operation(struct session *s)
{
    blob_put(riak_request(s)->operation);
    riak_request(s)->operation = NULL;
}

void update_ask(struct session *s, const struct update *u, const struct target *t, router_done done)
{
    struct store_command c;
    struct outcome refused;
    if (!session_claim(s, t->tag))
        return;
    bool good =
        request_prepare_update(&s->server->api, t, u->kind, u->op, u->context, &s->server->put_scratch, &c, &refused);
    int err = good ? keep_operation(s, u) : 0;
    if (err)
        outcome_fail(&refused, err);
    if (!good || err) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    struct router_request *q = session_ask(s, u->timeout_ms, done);
    /* A counter's result says what it came to: as an object it would be what it is now, when others have come between
     * (R-RETRY). */
    q->wants_object = riak_request(s)->datatype.value && u->kind != DATATYPE_COUNTER;
    router_deliver(q, ask_write(&s->server->api, q, &c));
}

/* As Erlang names the modules that Riak keeps a field in. */
static const char *module_of(enum datatype kind)
{
    static const char *const modules[] = {[DATATYPE_COUNTER] = "riak_dt_emcntr",
                                          [DATATYPE_SET] = "riak_dt_orswot",
                                          [DATATYPE_REGISTER] = "riak_dt_lwwreg",
                                          [DATATYPE_FLAG] = "riak_dt_od_flag",
                                          [DATATYPE_MAP] = "riak_dt_map"};
    return kind < sizeof modules / sizeof modules[0] && modules[kind] ? modules[kind] : "riak_dt";
}

/* The element or field that is not there, by the operation that was to remove it. */
static void answer_absent(struct session *s, const struct outcome *o)
{
    const struct blob *op = riak_request(s)->operation;
    struct slice name;
    enum datatype kind;
    if (!op || !operation_removal(slice_make(op->data, op->size), o->number, &name, &kind)) {
        riak_refuse(s, NULL, o);
        return;
    }
    int len = (int)(name.len < SHOWN_MAX ? name.len : SHOWN_MAX);
    if (kind == DATATYPE_NONE)
        riak_error(s, "{precondition,{not_present,<<\"%.*s\">>}}", len, (const char *)name.data);
    else
        riak_error(s, "{precondition,{not_present,{<<\"%.*s\">>,%s}}}", len, (const char *)name.data, module_of(kind));
}

/* An update that nobody knows the end of, of a key that its client may not know yet. */
void update_refuse(struct session *s, const struct outcome *o)
{
    static const struct riak_words words = {
        .unknown = "the update has had its effect: fetch the value before updating it again"};
    if (o->code == OUTCOME_NOT_PRESENT)
        answer_absent(s, o);
    else
        riak_refuse(s, &words, o);
}

bool state_take(struct session *s, int err, const struct store_result *r, struct slice *payload, bool *has_value)
{
    enum datatype kind = riak_request(s)->datatype.kind;
    struct outcome refused;
    *has_value = false;
    bool good = answer_of_update(&s->server->api, kind, err, r, s->request->router.timeout_ms, &refused) &&
                answer_state(kind, r, payload, has_value, &refused);
    if (!good)
        update_refuse(s, &refused);
    return good;
}

/* --- the buckets --- */

static const struct riak_words fetch_words = {
    .no_type_before = "Error no bucket type `<<\"",
    .no_type_after = "\">>`",
    .text = {[OUTCOME_NO_DATATYPE] = "`undefined` is not a supported type"},
};
static const struct riak_words update_words = {
    .no_type_before = "Error no bucket type `<<\"",
    .no_type_after = "\">>`",
};
/* Of the type "default": the counters of Riak 1.4. */
static const struct riak_words counter_words = {
    .text = {[OUTCOME_NO_ALLOW_MULT] = RIAK_COUNTER_NEEDS_ALLOW_MULT},
};

static bool is_default(const struct key_names *n)
{
    return slice_is(n->type, "default");
}

/* Sets and maps alone know what a context is for. */
static bool has_context(enum datatype kind)
{
    return kind == DATATYPE_SET || kind == DATATYPE_MAP;
}

/* --- fetch --- */

static void send_fetched(struct session *s, const struct store_result *r, const struct slice *payload)
{
    enum datatype kind = riak_request(s)->datatype.kind;
    uint8_t bytes[VCLOCK_SIZE];
    struct slice context = {0};
    size_t mark;
    if (payload && payload->len > ANSWER_SMALL && !session_take_answer(s, payload->len))
        return;
    if (payload && riak_request(s)->datatype.context)
        context = kv_encode_vclock(s, r->object.revision, bytes);
    int err = frame_begin(session_out(s), MSG_DT_FETCH_RESP, &mark);
    if (!err)
        err = datatype_fetch_resp_encode(session_out(s), kind, payload, context);
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}

static void on_fetched(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct slice payload;
    bool has_value;
    if (err == E_NOT_FOUND)
        send_fetched(s, r, NULL);
    else if (state_take(s, err, r, &payload, &has_value))
        send_fetched(s, r, has_value ? &payload : NULL);
    session_finish(s);
}

void datatype_fetch(struct session *s, struct slice body)
{
    struct datatype_fetch_req req;
    struct target t;
    struct outcome refused;
    enum datatype kind;
    bool malformed = datatype_fetch_req_decode(body, &req) != 0;
    if (malformed || !req.has_type) {
        riak_refuse_malformed(s, malformed ? "DtFetchReq" : "DtFetchReq without type");
        return;
    }
    struct key_names n = {req.type, req.bucket, req.key, true};
    struct quorums quorums = {
        .has_n_val = req.has_n_val, .n_val = req.n_val, .r = req.r, .pr = req.pr, .node_confirms = req.node_confirms};
    if (!key_names_check_given(&n, &refused) || !key_names_check_lengths(&n, &refused) ||
        !target_resolve(&s->server->api, &s->who, MAY_GET, &n, &t, &refused) ||
        !target_check_fetch(&t, &kind, &refused) || !target_check_quorums(&t, QUORUMS_READ, &quorums, &refused)) {
        riak_refuse(s, &fetch_words, &refused);
        return;
    }
    if (!session_claim(s, t.tag))
        return;
    struct router_request *q = session_ask(s, req.timeout_ms, on_fetched);
    session_may_repeat(s);
    riak_request(s)->datatype.kind = kind;
    riak_request(s)->datatype.context = req.include_context && has_context(kind);
    router_deliver(q, ask_read(&s->server->api, q, &t.key, target_is_any_replica(&t, &quorums)));
}

/* --- update --- */

static void send_updated(struct session *s, const struct store_result *r, const struct slice *payload)
{
    uint8_t bytes[VCLOCK_SIZE];
    struct slice context = {0};
    size_t mark;
    if (payload && payload->len > ANSWER_SMALL)
        session_force_answer(s, payload->len);
    if (payload && riak_request(s)->datatype.context)
        context = kv_encode_vclock(s, r->object.revision, bytes);
    int err = frame_begin(session_out(s), MSG_DT_UPDATE_RESP, &mark);
    if (!err)
        err = datatype_update_resp_encode(session_out(s), riak_request(s)->datatype.kind, payload, context,
                                          slice_str(riak_request(s)->datatype.generated));
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}

static void send_counted(struct session *s, int64_t value)
{
    size_t mark;
    int err = frame_begin(session_out(s), MSG_DT_UPDATE_RESP, &mark);
    if (!err)
        err = datatype_count_resp_encode(session_out(s), value, slice_str(riak_request(s)->datatype.generated));
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}

static void on_updated(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct slice payload;
    bool has_value = false;
    if (!err && !riak_request(s)->datatype.value)
        send_updated(s, r, NULL);
    else if (!err && riak_request(s)->datatype.kind == DATATYPE_COUNTER)
        send_counted(s, (int64_t)r->number);
    else if (state_take(s, err, r, &payload, &has_value))
        send_updated(s, r, has_value ? &payload : NULL);
    drop_operation(s);
    session_finish(s);
}

/* The operation in our form, in the server's scratch. */
static bool convert(struct session *s, int err, struct slice op, const struct target *t, struct slice *out,
                    struct outcome *why)
{
    struct buf *scratch = &riak_of(s)->operation;
    buf_consume(scratch, buf_len(scratch));
    if (!err)
        err = datatype_op_convert(op, t->rules->hll_precision, scratch);
    *out = buf_slice(scratch);
    if (err == E_TOO_MANY)
        return outcome_refuse(why, (struct outcome){.code = OUTCOME_LONG_OPERATION, .limit = DATATYPE_ITEMS_MAX});
    if (err == E_MALFORMED)
        return outcome_refuse(why, (struct outcome){.code = OUTCOME_BAD_OPERATION, .limit = DATATYPE_DEPTH_MAX});
    return !err || outcome_fail(why, err);
}

static struct key_names names_of(struct session *s, const struct datatype_update_req *req)
{
    struct key_names n = {req->type, req->bucket, req->key, true};
    char *generated = riak_request(s)->datatype.generated;
    generated[0] = '\0';
    if (!req->has_key && n.bucket.len) {
        key_generate(s->server->clock, generated);
        n.key = slice_str(generated);
    }
    return n;
}

/* What is to be done where. */
static bool prepare(struct session *s, const struct datatype_update_req *req, const struct key_names *n,
                    struct target *t, struct update *u, struct outcome *why)
{
    struct quorums quorums = {.has_n_val = req->has_n_val,
                              .n_val = req->n_val,
                              .w = req->w,
                              .dw = req->dw,
                              .pw = req->pw,
                              .node_confirms = req->node_confirms};
    if (!key_names_check_given(n, why) || !key_names_check_lengths(n, why) ||
        !target_resolve(&s->server->api, &s->who, MAY_PUT, n, t, why))
        return false;
    int err = req->has_op ? datatype_op_kind(req->op, &u->kind) : E_MALFORMED;
    return (err || (target_check_update(t, u->kind, why) && target_check_quorums(t, QUORUMS_WRITE, &quorums, why))) &&
           convert(s, err, req->op, t, &u->op, why);
}

void datatype_update(struct session *s, struct slice body)
{
    struct datatype_update_req req;
    struct update u = {0};
    struct target t;
    struct outcome refused;
    bool malformed = datatype_update_req_decode(body, &req) != 0;
    if (malformed || !req.has_type) {
        riak_refuse_malformed(s, malformed ? "DtUpdateReq" : "DtUpdateReq without type");
        return;
    }
    struct key_names n = names_of(s, &req);
    if (!prepare(s, &req, &n, &t, &u, &refused)) {
        riak_refuse(s, is_default(&n) ? &counter_words : &update_words, &refused);
        return;
    }
    u.context = req.context;
    u.timeout_ms = req.timeout_ms;
    riak_request(s)->datatype.kind = u.kind;
    riak_request(s)->datatype.value = req.return_body && !is_default(&n); /* as Riak does */
    riak_request(s)->datatype.context = req.include_context && has_context(u.kind);
    update_ask(s, &u, &t, on_updated);
}
