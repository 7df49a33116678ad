/* SPDX-License-Identifier: Apache-2.0 */
/* Bucket and bucket-type properties (riak-protocol.md section 9). */
#include "api/answer.h"
#include "api/ask.h"
#include "api/properties.h"
#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/kv.h"
#include "wire/bucket_msg.h"

#include <stdio.h>

static const struct riak_words bucket_words = {
    .no_type_before = "No bucket-type named '",
    .unknown = "the properties are set: get them before setting them again",
    .prefix = "Invalid bucket properties: ",
};
static const struct riak_words get_type_words = {
    .no_type_before = "Invalid bucket type: <<\"",
    .no_type_after = "\">>",
};
static const struct riak_words set_type_words = {
    .no_type_before = "Invalid bucket properties: not_active: there is no bucket type '",
    .unknown = "the properties are set: get them before setting them again",
    .prefix = "Invalid bucket properties: ",
};

typedef int (*decoder)(struct slice body, struct arena *arena, struct bucket_req *out);

static void refuse_hooks(struct session *s)
{
    char text[128];
    struct outcome o = {.code = OUTCOME_BAD_PROPERTIES, .why = text};
    snprintf(text, sizeof text, "precommit and postcommit hold at most %d hooks each", PROPS_HOOKS_MAX);
    riak_refuse(s, NULL, &o);
}

static bool decode(struct session *s, struct slice body, decoder f, const char *message, struct bucket_req *out)
{
    arena_reset(&riak_of(s)->arena);
    int err = f(body, &riak_of(s)->arena, out);
    if (!err)
        out->type = bucket_type_of(out->type);
    if (err == E_TOO_MANY)
        refuse_hooks(s);
    else if (err)
        riak_refuse_malformed(s, message);
    return !err;
}

static void answer_props(struct session *s, const struct bucket_props *props)
{
    size_t mark;
    int err = frame_begin(session_out(s), MSG_GET_BUCKET_RESP, &mark);
    if (!err)
        err = bucket_get_resp_encode(session_out(s), props);
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}

void bucket_get(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct bucket_props props;
    struct outcome refused;
    if (!decode(s, body, bucket_get_req_decode, "RpbGetBucketReq", &req))
        return;
    if (properties_of_bucket(&s->server->api, &s->who, req.type, req.bucket, &props, &refused))
        answer_props(s, &props);
    else
        riak_refuse(s, &bucket_words, &refused);
}

void bucket_get_type(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct bucket_props props;
    struct outcome refused;
    if (!decode(s, body, bucket_get_type_req_decode, "RpbGetBucketTypeReq", &req))
        return;
    if (properties_of_type(&s->server->api, &s->who, req.type, &props, &refused))
        answer_props(s, &props);
    else
        riak_refuse(s, &get_type_words, &refused);
}

static void on_changed(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    struct outcome refused;
    (void)result;
    if (answer_of_change(err, q->timeout_ms, &refused))
        riak_reply_empty(s, riak_request(s)->change);
    else
        riak_refuse(s, &bucket_words, &refused);
    session_finish(s);
}

/* `code`: of the answer. The message has no time-out of its own. */
static struct router_request *ask(struct session *s, uint8_t code)
{
    riak_request(s)->change = code;
    return session_ask(s, 0, on_changed);
}

void bucket_set(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct properties_text text;
    struct outcome refused;
    if (!decode(s, body, bucket_set_req_decode, "RpbSetBucketReq", &req))
        return;
    if (!properties_check_bucket(&s->server->api, &s->who, req.type, req.bucket, &req.props, &text, &refused)) {
        riak_refuse(s, &bucket_words, &refused);
        return;
    }
    struct router_request *q = ask(s, MSG_SET_BUCKET_RESP);
    router_deliver(q, ask_set_bucket(&s->server->api, q, req.type, req.bucket, &req.props));
}

void bucket_set_type(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct properties_text text;
    struct outcome refused;
    if (!decode(s, body, bucket_set_type_req_decode, "RpbSetBucketTypeReq", &req))
        return;
    if (!properties_check_type(&s->server->api, &s->who, req.type, &req.props, &text, &refused)) {
        riak_refuse(s, &set_type_words, &refused);
        return;
    }
    struct router_request *q = ask(s, MSG_SET_BUCKET_RESP);
    router_deliver(q, ask_set_type(&s->server->api, q, req.type, &req.props));
}

void bucket_reset(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct outcome refused;
    if (!decode(s, body, bucket_reset_req_decode, "RpbResetBucketReq", &req))
        return;
    if (!properties_check_reset(&s->server->api, &s->who, req.type, req.bucket, &refused)) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    struct router_request *q = ask(s, MSG_RESET_BUCKET_RESP);
    router_deliver(q, ask_reset_bucket(&s->server->api, q, req.type, req.bucket));
}

/* --- for operators --- */

static const struct riak_words create_words = {
    .subject = "to create a bucket type",
    .unknown = "the type is there: list the types before creating it again",
    .prefix = "Error creating bucket type: ",
    .text = {[OUTCOME_EXISTS] = "Error creating bucket type: already_active: there is a type of this name; type-update "
                                "changes its properties"},
};

/* Causes of this message alone, whose texts hold a number. */
static void refuse_creation(struct session *s, const struct outcome *o)
{
    struct riak_words words = create_words;
    char text[128];
    words.text[o->code] = text;
    if (o->code == OUTCOME_BAD_NAME)
        snprintf(text, sizeof text, "Error creating bucket type: reserved_name, or one of more than %u bytes",
                 (unsigned)o->limit);
    else if (o->code == OUTCOME_TOO_MANY)
        snprintf(text, sizeof text, "Error creating bucket type: there are %u, as many as there may be",
                 (unsigned)o->limit);
    else
        words = create_words;
    riak_refuse(s, &words, o);
}

static void on_created(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    struct outcome refused;
    (void)result;
    if (answer_of_creation(err, q->timeout_ms, &refused))
        riak_reply_empty(s, MSG_CREATE_TYPE_RESP);
    else
        refuse_creation(s, &refused);
    session_finish(s);
}

void bucket_create_type(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct properties_text text;
    struct outcome refused;
    if (!decode(s, body, bucket_set_type_req_decode, "EphCreateTypeReq", &req))
        return;
    if (!properties_check_creation(&s->server->api, &s->who, &req.props, &text, &refused)) {
        riak_refuse(s, &create_words, &refused);
        return;
    }
    struct router_request *q = session_ask(s, 0, on_created);
    router_deliver(q, ask_create_type(&s->server->api, q, req.type, &req.props));
}

struct type_list {
    struct slice name[CATALOG_TYPES_MAX];
    size_t count;
};

static void add_type(void *arg, struct slice type)
{
    struct type_list *l = arg;
    if (l->count < CATALOG_TYPES_MAX)
        l->name[l->count++] = type.len ? type : slice_str("default");
}

void bucket_list_types(struct session *s, struct slice body)
{
    struct type_list l = {.count = 0};
    struct outcome refused;
    size_t mark;
    (void)body;
    if (!properties_check_list(&s->server->api, &s->who, &refused)) {
        riak_refuse(s, NULL, &refused);
        return;
    }
    catalog_each_type(router_catalog(s->server->router), add_type, &l);
    int err = frame_begin(session_out(s), MSG_LIST_TYPES_RESP, &mark);
    if (!err)
        err = bucket_list_resp_encode(session_out(s), l.name, l.count, true);
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}
