/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, sets, gsets, maps and HyperLogLogs of bucket types (riak-pb.md section 12). An update is one command: the
 * partition's order makes it atomic, and its operation is applied on every replica. */
#include "server/datatype.h"

#include "base/err.h"
#include "datatype/operation.h"
#include "server/authorize.h"
#include "server/dispatch.h"
#include "server/error_reply.h"
#include "wire/datatype_msg.h"

#define SHOWN_MAX 256 /* bytes of a name in an error */

/* --- updates and reads --- */

/* The content's metadata: its type alone, as a plain get shows it. */
static int put_content_type(struct session *s, enum datatype kind)
{
    static const char *const types[] = {[DATATYPE_COUNTER] = "application/riak_counter",
                                        [DATATYPE_SET] = "application/riak_set",
                                        [DATATYPE_GSET] = "application/riak_gset",
                                        [DATATYPE_HLL] = "application/riak_hll",
                                        [DATATYPE_MAP] = "application/riak_map"};
    struct buf *meta = &s->server->meta;
    buf_consume(meta, buf_len(meta));
    return kv_meta_put_text(meta, 2, slice_str(types[kind]));
}

/* What cannot be removed is named to the client, by the operation: it has to stay until then. */
static int keep_operation(struct session *s, const struct update *u)
{
    if (u->context.len || (u->kind != DATATYPE_SET && u->kind != DATATYPE_MAP))
        return 0;
    s->request.operation = blob_create(u->op.len);
    if (!s->request.operation)
        return E_NOMEM;
    memcpy(s->request.operation->data, u->op.data, u->op.len);
    return 0;
}

void update_ask(struct session *s, const struct update *u, const struct store_key *k, const struct bucket_rules *rules,
                router_done done)
{
    struct store_command c = {.op = STORE_UPDATE, .key = *k, .datatype = u->kind, .value.bytes = u->op};
    if (!kv_read_context(s, u->context, &c.context))
        return;
    int err = put_content_type(s, u->kind);
    if (!err)
        err = keep_operation(s, u);
    if (err) {
        session_error(s, "%s", err_text(err));
        return;
    }
    c.rules = kv_rules(s, rules);
    c.meta.bytes = buf_slice(&s->server->meta);
    struct router_request *q = session_ask(s, u->timeout_ms, done);
    /* A counter's result says what it came to: as an object it would be what it is now, when others have come between
     * (R-RETRY). */
    q->wants_object = s->request.datatype.value && u->kind != DATATYPE_COUNTER;
    router_write(s->server->router, q, &c);
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

static void answer_absent(struct session *s, uint64_t absent)
{
    const struct blob *op = s->request.operation;
    struct slice name;
    enum datatype kind;
    if (!op || !operation_removal(slice_make(op->data, op->size), absent, &name, &kind)) {
        session_error(s, "{precondition,not_present}");
        return;
    }
    int len = (int)(name.len < SHOWN_MAX ? name.len : SHOWN_MAX);
    if (kind == DATATYPE_NONE)
        session_error(s, "{precondition,{not_present,<<\"%.*s\">>}}", len, (const char *)name.data);
    else
        session_error(s, "{precondition,{not_present,{<<\"%.*s\">>,%s}}}", len, (const char *)name.data,
                      module_of(kind));
}

static void answer_no_such_state(struct session *s)
{
    session_error(s,
                  "the object under this key is no %s: it was put as a plain object, or has siblings: delete it first",
                  datatype_name(s->request.datatype.kind));
}

/* An update that nobody knows the end of, of a key that its client may not know yet. */
void update_refuse(struct session *s, int err, const struct store_result *r)
{
    if (err == E_ABSENT)
        answer_absent(s, r->number);
    else if (err == E_INVALID)
        answer_no_such_state(s);
    else if (!refusal_late(s, err, "the update has had its effect: fetch the value before updating it again"))
        refusal_answer(s, err, r);
}

bool state_take(struct session *s, int err, const struct store_result *r, struct slice *payload, bool *has_value)
{
    struct slice state;
    *has_value = false;
    if (err)
        update_refuse(s, err, r);
    if (err || !r->exists || !r->object.live)
        return !err;
    *has_value = object_state(&r->object, &state) && datatype_check(s->request.datatype.kind, state, payload);
    if (!*has_value)
        answer_no_such_state(s);
    return *has_value;
}

/* --- the buckets --- */

/* Rules and key; NULL: answered. Of the type "default": the counters of Riak 1.4. */
static const struct bucket_rules *resolve(struct session *s, enum permission what, struct kv_names *n,
                                          struct store_key *k)
{
    const struct router *router = s->server->router;
    if (!authorize_in(s, what, n->type, n->bucket))
        return NULL;
    struct slice type = slice_is(n->type, "default") ? slice_make(NULL, 0) : n->type;
    const struct bucket_rules *rules = catalog_rules(router_catalog(router), type, n->bucket);
    if (rules) {
        store_key_init(k, router_hash_key(router), type, n->bucket, n->key);
        kv_note_key(s, k);
    } else {
        refusal_no_type(s, "Error no bucket type `<<\"", n->type, "\">>`");
    }
    return rules;
}

static bool check_names(struct session *s, const struct kv_names *n, const char *message)
{
    if (!n->has_type) {
        kv_malformed(s, message);
        return false;
    }
    return kv_check_not_empty(s, n, true) && kv_check_lengths(s, n);
}

static bool is_default(const struct kv_names *n)
{
    return slice_is(n->type, "default");
}

static bool check_allow_mult(struct session *s, const struct bucket_rules *rules)
{
    if (!rules->allow_mult)
        session_error(s, "\"Bucket must be allow_mult=true\"");
    return rules->allow_mult;
}

/* Sets and maps alone know what a context is for. */
static bool has_context(enum datatype kind)
{
    return kind == DATATYPE_SET || kind == DATATYPE_MAP;
}

/* --- fetch --- */

static void send_fetched(struct session *s, const struct store_result *r, const struct slice *payload)
{
    enum datatype kind = s->request.datatype.kind;
    uint8_t bytes[VCLOCK_SIZE];
    struct slice context = {0};
    size_t mark;
    if (payload && payload->len > ANSWER_SMALL && !session_take_answer(s, payload->len))
        return;
    if (payload && s->request.datatype.context)
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

static bool check_fetch(struct session *s, const struct datatype_fetch_req *req, const struct kv_names *n,
                        const struct bucket_rules *rules)
{
    uint32_t n_val = rules->n_val;
    const struct kv_quorum quorums[] = {{req->r, rules->r}, {req->pr, rules->pr}};
    if (!is_default(n) && !check_allow_mult(s, rules))
        return false;
    if (!is_default(n) && rules->datatype == DATATYPE_NONE) {
        session_error(s, "`undefined` is not a supported type");
        return false;
    }
    return kv_check_n_val(s, req->has_n_val, req->n_val, &n_val) &&
           kv_check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req->node_confirms, n_val);
}

void datatype_fetch(struct session *s, struct slice body)
{
    struct datatype_fetch_req req;
    struct store_key k;
    if (datatype_fetch_req_decode(body, &req)) {
        kv_malformed(s, "DtFetchReq");
        return;
    }
    struct kv_names n = {req.bucket, req.key, req.type, req.has_type};
    if (!check_names(s, &n, "DtFetchReq without type"))
        return;
    const struct bucket_rules *rules = resolve(s, MAY_GET, &n, &k);
    if (!rules || !check_fetch(s, &req, &n, rules))
        return;
    enum datatype kind = is_default(&n) ? DATATYPE_COUNTER : rules->datatype;
    struct router_request *q = session_ask(s, req.timeout_ms, on_fetched);
    session_may_repeat(s);
    s->request.datatype.kind = kind;
    s->request.datatype.context = req.include_context && has_context(kind);
    router_read(s->server->router, q, &k, kv_is_any_replica(req.r, req.pr, rules));
}

/* --- update --- */

static void send_updated(struct session *s, const struct store_result *r, const struct slice *payload)
{
    uint8_t bytes[VCLOCK_SIZE];
    struct slice context = {0};
    size_t mark;
    if (payload && payload->len > ANSWER_SMALL)
        session_force_answer(s, payload->len);
    if (payload && s->request.datatype.context)
        context = kv_encode_vclock(s, r->object.revision, bytes);
    int err = frame_begin(session_out(s), MSG_DT_UPDATE_RESP, &mark);
    if (!err)
        err = datatype_update_resp_encode(session_out(s), s->request.datatype.kind, payload, context,
                                          slice_str(s->request.datatype.generated));
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
        err = datatype_count_resp_encode(session_out(s), value, slice_str(s->request.datatype.generated));
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
    if (!err && !s->request.datatype.value)
        send_updated(s, r, NULL);
    else if (!err && s->request.datatype.kind == DATATYPE_COUNTER)
        send_counted(s, (int64_t)r->number);
    else if (state_take(s, err, r, &payload, &has_value))
        send_updated(s, r, has_value ? &payload : NULL);
    session_drop_operation(s);
    session_finish(s);
}

static bool check_kind(struct session *s, const struct kv_names *n, const struct bucket_rules *rules,
                       enum datatype kind)
{
    if (is_default(n) && kind != DATATYPE_COUNTER)
        session_error(s, "\"non-counter operation on default bucket\"");
    else if (is_default(n) && !rules->allow_mult)
        session_error(s, "\"Counters require bucket property 'allow_mult=true'\"");
    else if (is_default(n))
        return true;
    else if (!check_allow_mult(s, rules))
        return false;
    else if (rules->datatype == DATATYPE_NONE)
        session_error(s, "Bucket datatype `undefined` is not a supported type");
    else if (rules->datatype != kind)
        session_error(s, "Operation type is `%s` but  bucket type is `%s`.", datatype_name(kind),
                      datatype_name(rules->datatype));
    else
        return true;
    return false;
}

static bool check_update(struct session *s, const struct datatype_update_req *req, const struct bucket_rules *rules)
{
    uint32_t n_val = rules->n_val;
    const struct kv_quorum quorums[] = {{req->w, rules->w}, {req->dw, rules->dw}, {req->pw, rules->pw}};
    return kv_check_n_val(s, req->has_n_val, req->n_val, &n_val) &&
           kv_check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req->node_confirms, n_val);
}

static void refuse_operation(struct session *s, int err)
{
    if (err == E_TOO_MANY)
        session_error(s, "Invalid operation: it names more than %d elements and fields: make several updates of it",
                      DATATYPE_ITEMS_MAX);
    else if (err == E_MALFORMED)
        session_error(s,
                      "Invalid operation: give one of counter_op, set_op, map_op, hll_op and gset_op, and with each "
                      "field of a map the one operation of its type, nested %d deep at most",
                      DATATYPE_DEPTH_MAX);
    else
        session_error(s, "%s", err_text(err));
}

/* The operation in our form, in the server's scratch. */
static bool convert(struct session *s, struct slice op, const struct bucket_rules *rules, struct slice *out)
{
    struct buf *scratch = &s->server->operation;
    buf_consume(scratch, buf_len(scratch));
    int err = datatype_op_convert(op, rules->hll_precision, scratch);
    if (err)
        refuse_operation(s, err);
    *out = buf_slice(scratch);
    return !err;
}

static bool take_names(struct session *s, const struct datatype_update_req *req, struct kv_names *n)
{
    char *generated = s->request.datatype.generated;
    generated[0] = '\0';
    if (!req->has_key && n->bucket.len) {
        kv_generate_key(s, generated);
        n->key = slice_str(generated);
    }
    return check_names(s, n, "DtUpdateReq without type");
}

void datatype_update(struct session *s, struct slice body)
{
    struct datatype_update_req req;
    struct update u = {0};
    struct store_key k;
    if (datatype_update_req_decode(body, &req)) {
        kv_malformed(s, "DtUpdateReq");
        return;
    }
    struct kv_names n = {req.bucket, req.key, req.type, req.has_type};
    if (!take_names(s, &req, &n))
        return;
    const struct bucket_rules *rules = resolve(s, MAY_PUT, &n, &k);
    if (!rules)
        return;
    int err = req.has_op ? datatype_op_kind(req.op, &u.kind) : E_MALFORMED;
    if (err) {
        refuse_operation(s, err);
        return;
    }
    if (!check_kind(s, &n, rules, u.kind) || !check_update(s, &req, rules) || !convert(s, req.op, rules, &u.op))
        return;
    u.context = req.context;
    u.timeout_ms = req.timeout_ms;
    s->request.datatype.kind = u.kind;
    s->request.datatype.value = req.return_body && !is_default(&n); /* as Riak does */
    s->request.datatype.context = req.include_context && has_context(u.kind);
    update_ask(s, &u, &k, rules, on_updated);
}
