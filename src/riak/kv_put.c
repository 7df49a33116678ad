/* SPDX-License-Identifier: Apache-2.0 */
/* Put (riak-protocol.md section 6). */
#include "api/answer.h"
#include "api/ask.h"
#include "riak/dispatch.h"
#include "riak/kv.h"

#include <stdio.h>

/* When nobody knows what became of the write, the client has to look for it, under a key that it may not know yet. */
static void refuse(struct session *s, const struct outcome *o)
{
    const char *generated = riak_request(s)->put.generated;
    char advice[128];
    struct riak_words words = {.unknown = generated[0] ? advice : NULL};
    snprintf(advice, sizeof advice, "the object is stored under the key '%s': get it before writing it again",
             generated);
    riak_refuse(s, &words, o);
}

/* R-RETRY: the write was applied at an earlier try, and others have come behind it. A head without its value is not to
 * carry the vclock of theirs: its client would take that for the vclock of its own write, and with it write over theirs
 * without having seen it. */
static bool is_overtaken(const struct session *s, const struct store_result *r)
{
    return r->repeated && riak_request(s)->put.head && revision_cmp(r->object.revision, r->revision) > 0;
}

static void on_written(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct slice key = slice_str(riak_request(s)->put.generated), none = {0};
    uint8_t vclock[VCLOCK_SIZE];
    struct kv_answer a = {s, MSG_PUT_RESP, riak_request(s)->put.head, key};
    struct outcome refused;
    if (!answer_of_key(&s->server->api, err, r, riak_request(s)->put.consistent, q->timeout_ms, &refused)) {
        refuse(s, &refused);
    } else if (!riak_request(s)->put.returns || !r->exists) {
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
static struct key_names names_of(struct session *s, const struct kv_put_req *req)
{
    struct key_names n = {req->type, req->bucket, req->key, req->has_type};
    char *generated = riak_request(s)->put.generated;
    generated[0] = '\0';
    if (!req->has_key && n.bucket.len) {
        key_generate(s->server->clock, generated);
        n.key = slice_str(generated);
    }
    return n;
}

/* A value of a large body is given as a part of it, so that the store keeps it without a copy. */
static bool prepare(struct session *s, const struct kv_put_req *req, struct prepared_write *p)
{
    struct outcome refused;
    struct put_request r = {
        .names = names_of(s, req),
        .quorums = {.has_n_val = req->has_n_val,
                    .n_val = req->n_val,
                    .w = req->w,
                    .dw = req->dw,
                    .pw = req->pw,
                    .node_confirms = req->node_confirms},
        .vclock = req->vclock,
        .condition = condition_of(req),
        .content = &req->content,
        .holder = session_body(s),
    };
    if (request_prepare_put(&s->server->api, &s->who, &r, &s->server->put_scratch, p, &refused))
        return true;
    riak_refuse(s, NULL, &refused);
    return false;
}

void kv_put(struct session *s, struct slice body)
{
    struct kv_put_req req;
    struct prepared_write p;
    bool malformed = kv_put_req_decode(body, &req) != 0;
    if (malformed || !req.has_content) {
        riak_refuse_malformed(s, malformed ? "RpbPutReq" : "RpbPutReq without content");
        return;
    }
    if (!prepare(s, &req, &p) || !session_claim(s, p.target.tag))
        return;
    riak_request(s)->put.head = req.return_head;
    riak_request(s)->put.consistent = p.target.rules->consistent;
    /* Of a write-once type nothing is returned. */
    riak_request(s)->put.returns = (req.return_body || req.return_head) && !p.target.rules->write_once;
    struct router_request *q = session_ask(s, req.timeout_ms, on_written);
    q->wants_object = riak_request(s)->put.returns;
    router_deliver(q, ask_write(&s->server->api, q, &p.command));
}
