/* SPDX-License-Identifier: Apache-2.0 */
/* Put (riak-pb.md section 6). */
#include "server/put_content.h"
#include "server/dispatch.h"
#include "server/kv.h"
#include "server/error_reply.h"

#include <stdio.h>

/* When nobody knows what became of the write, the client has to look for it, under a key that it may not know yet. */
static void refuse(struct session *s, int err, const struct store_result *r)
{
    const char *generated = s->request.put.generated;
    char advice[128];
    snprintf(advice, sizeof advice, "the object is stored under the key '%s': get it before writing it again",
             generated);
    if (!generated[0] || !refusal_late(s, err, advice))
        kv_refuse_write(s, s->request.put.consistent, err, r);
}

/* R-RETRY: the write was applied at an earlier try, and others have come behind it. A head without its value is not to
 * carry the vclock of theirs: its client would take that for the vclock of its own write, and with it write over theirs
 * without having seen it. */
static bool is_overtaken(const struct session *s, const struct store_result *r)
{
    return r->repeated && s->request.put.head && revision_cmp(r->object.revision, r->revision) > 0;
}

static void on_written(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct slice key = slice_str(s->request.put.generated), none = {0};
    uint8_t vclock[VCLOCK_SIZE];
    struct kv_answer a = {s, MSG_PUT_RESP, s->request.put.head, key};
    if (err) {
        refuse(s, err, r);
    } else if (!s->request.put.returns || !r->exists) {
        kv_answer_bare(s, MSG_PUT_RESP, none, key);
    } else if (is_overtaken(s, r)) {
        kv_answer_bare(s, MSG_PUT_RESP, kv_encode_vclock(s, r->revision, vclock), key);
    } else {
        size_t size = kv_siblings_size(&r->object, a.head);
        if (size > ANSWER_SMALL)
            session_force_answer(s, size);
        kv_answer_object(&a, &r->object, size);
    }
    session_finish(s);
}

static enum store_condition condition_of(const struct kv_put_req *req)
{
    return req->if_none_match ? STORE_IF_ABSENT : req->if_not_modified ? STORE_IF_UNMODIFIED : STORE_ALWAYS;
}

/* Gives the object a key where the client gives none. */
static bool check_put_names(struct session *s, const struct kv_put_req *req, struct kv_names *n)
{
    char *generated = s->request.put.generated;
    generated[0] = '\0';
    if (!req->has_content) {
        kv_malformed(s, "RpbPutReq without content");
        return false;
    }
    if (!req->has_key && n->bucket.len) {
        kv_generate_key(s, generated);
        n->key = slice_str(generated);
    }
    return kv_check_not_empty(s, n, true) && kv_check_lengths(s, n);
}

static bool check_put_quorums(struct session *s, const struct kv_put_req *req, const struct bucket_rules *rules)
{
    uint32_t n_val = rules->n_val;
    const struct kv_quorum quorums[] = {{req->w, rules->w}, {req->dw, rules->dw}, {req->pw, rules->pw}};
    return kv_check_n_val(s, req->has_n_val, req->n_val, &n_val) &&
           kv_check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req->node_confirms, n_val);
}

/* The contents as views; a value of a large body is given as a part of it, so that the store keeps it without a copy.
 */
static struct content_bytes value_bytes(const struct session *s, struct slice value)
{
    return (struct content_bytes){value, session_body(s)};
}

/* What the store is to do, but for the key and the context. False: answered. */
static bool prepare(struct session *s, const struct kv_put_req *req, const struct bucket_rules *rules,
                    struct store_command *c)
{
    uint64_t own_ttl_s = UINT64_MAX; /* none: the bucket's counts */
    if (!content_prepare(s, &req->content, &own_ttl_s))
        return false;
    size_t size = req->content.value.len + buf_len(&s->server->meta);
    if (size > s->server->config.object_size_max) { /* by itself: it is not to go through a log for that */
        refusal_too_large(s, "object", size, s->server->config.object_size_max);
        return false;
    }
    c->rules = kv_rules(s, rules);
    if (own_ttl_s != UINT64_MAX) { /* from this write on, whatever the bucket says */
        c->rules.ttl_ms = own_ttl_s * 1000;
        c->rules.ttl_from_create = false;
    }
    c->condition = condition_of(req);
    kv_require_context(rules, c);
    c->value = value_bytes(s, req->content.value);
    c->meta.bytes = buf_slice(&s->server->meta);
    c->tombstone = req->content.deleted;
    return true;
}

void kv_put(struct session *s, struct slice body)
{
    struct kv_put_req req;
    struct store_command c = {.op = STORE_PUT};
    if (kv_put_req_decode(body, &req)) {
        kv_malformed(s, "RpbPutReq");
        return;
    }
    struct kv_names n = {req.bucket, req.key, req.type, req.has_type};
    if (!check_put_names(s, &req, &n))
        return;
    const struct bucket_rules *rules = kv_resolve(s, MAY_PUT, &n, &c.key);
    if (!rules || !check_put_quorums(s, &req, rules) || !kv_read_context(s, req.vclock, &c.context) ||
        !prepare(s, &req, rules, &c))
        return;
    s->request.put.head = req.return_head;
    s->request.put.consistent = rules->consistent;
    /* Of a write-once type nothing is returned. */
    s->request.put.returns = (req.return_body || req.return_head) && !rules->write_once;
    struct router_request *q = session_ask(s, req.timeout_ms, on_written);
    q->wants_object = s->request.put.returns;
    router_write(s->server->router, q, &c);
}
