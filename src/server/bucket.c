/* SPDX-License-Identifier: Apache-2.0 */
/* Bucket and bucket-type properties (riak-pb.md section 9). */
#include "base/err.h"
#include "server/authorize.h"
#include "server/dispatch.h"
#include "server/kv.h"
#include "server/error_reply.h"
#include "store/props_check.h"
#include "wire/bucket_msg.h"

static const struct slice none = {0};

static const struct catalog *catalog_of(const struct session *s)
{
    return router_catalog(s->server->router);
}

typedef int (*decoder)(struct slice body, struct arena *arena, struct bucket_req *out);

static bool decode(struct session *s, struct slice body, decoder f, const char *message, struct bucket_req *out)
{
    arena_reset(&s->server->arena);
    int err = f(body, &s->server->arena, out);
    if (!err && slice_is(out->type, "default"))
        out->type = slice_make(NULL, 0);
    if (err == E_TOO_MANY)
        session_error(s, "Invalid bucket properties: precommit and postcommit hold at most %d hooks each",
                      PROPS_HOOKS_MAX);
    else if (err)
        kv_malformed(s, message);
    return !err;
}

static void no_such_type(struct session *s, struct slice type)
{
    refusal_no_type(s, "No bucket-type named '", type, "'");
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
    if (!decode(s, body, bucket_get_req_decode, "RpbGetBucketReq", &req))
        return;
    if (!authorize_in(s, MAY_GET_BUCKET, req.type, req.bucket))
        return;
    if (catalog_get_bucket(catalog_of(s), req.type, req.bucket, &props))
        no_such_type(s, req.type);
    else
        answer_props(s, &props);
}

void bucket_get_type(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct bucket_props props;
    if (!decode(s, body, bucket_get_type_req_decode, "RpbGetBucketTypeReq", &req))
        return;
    if (!authorize_in(s, MAY_GET_TYPE, req.type, none))
        return;
    if (catalog_get_type(catalog_of(s), req.type, &props))
        refusal_no_type(s, "Invalid bucket type: <<\"", req.type, "\">>");
    else
        answer_props(s, &props);
}

static void on_changed(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    (void)result;
    if (!err)
        session_reply_empty(s, s->request.change);
    else if (!refusal_late(s, err, "the properties are set: get them before setting them again"))
        session_error(s, "Invalid bucket properties: %s", err_text(err));
    session_finish(s);
}

/* `code`: of the answer. The message has no time-out of its own. */
static struct router_request *ask(struct session *s, uint8_t code)
{
    s->request.change = code;
    return session_ask(s, 0, on_changed);
}

void bucket_set(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct bucket_props now;
    char text[PROPS_CHECK_TEXT];
    if (!decode(s, body, bucket_set_req_decode, "RpbSetBucketReq", &req))
        return;
    if (!authorize_in(s, MAY_SET_BUCKET, req.type, req.bucket))
        return;
    if (catalog_get_bucket(catalog_of(s), req.type, req.bucket, &now))
        no_such_type(s, req.type);
    else if (!props_check_bucket(&now, req.type.len != 0, &req.props, text, sizeof text))
        session_error(s, "Invalid bucket properties: %s", text);
    else
        router_set_bucket(s->server->router, ask(s, MSG_SET_BUCKET_RESP), req.type, req.bucket, &req.props);
}

void bucket_set_type(struct session *s, struct slice body)
{
    struct bucket_req req;
    struct bucket_props type;
    char text[PROPS_CHECK_TEXT];
    if (!decode(s, body, bucket_set_type_req_decode, "RpbSetBucketTypeReq", &req))
        return;
    if (!authorize_in(s, MAY_SET_TYPE, req.type, none))
        return;
    if (req.type.len == 0)
        session_error(s, "Invalid bucket properties: no_default_update: the type 'default' cannot be changed; set the "
                         "properties of its buckets, or create a type");
    else if (catalog_get_type(catalog_of(s), req.type, &type))
        refusal_no_type(s, "Invalid bucket properties: not_active: there is no bucket type '", req.type, "'");
    else if (!props_check_type_update(&type, &req.props, text, sizeof text))
        session_error(s, "Invalid bucket properties: %s", text);
    else
        router_set_type(s->server->router, ask(s, MSG_SET_BUCKET_RESP), req.type, &req.props);
}

void bucket_reset(struct session *s, struct slice body)
{
    struct bucket_req req;
    if (decode(s, body, bucket_reset_req_decode, "RpbResetBucketReq", &req) &&
        authorize_in(s, MAY_SET_BUCKET, req.type, req.bucket))
        router_reset_bucket(s->server->router, ask(s, MSG_RESET_BUCKET_RESP), req.type, req.bucket);
}

/* --- for operators --- */

static void on_created(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    (void)result;
    if (!err)
        session_reply_empty(s, MSG_CREATE_TYPE_RESP);
    else if (err == E_EXISTS)
        session_error(s,
                      "Error creating bucket type: already_active: there is a type of this name; type-update changes "
                      "its properties");
    else if (err == E_INVALID)
        session_error(s, "Error creating bucket type: reserved_name, or one of more than %d bytes",
                      CATALOG_TYPE_NAME_MAX);
    else if (err == E_TOO_MANY)
        session_error(s, "Error creating bucket type: there are %d, as many as there may be", CATALOG_TYPES_MAX);
    else if (!refusal_late(s, err, "the type is there: list the types before creating it again"))
        session_error(s, "Error creating bucket type: %s", err_text(err));
    session_finish(s);
}

void bucket_create_type(struct session *s, struct slice body)
{
    struct bucket_req req;
    char text[PROPS_CHECK_TEXT];
    if (!decode(s, body, bucket_set_type_req_decode, "EphCreateTypeReq", &req))
        return;
    if (!authorize_admin(s, "to create a bucket type"))
        return;
    if (!props_check_type(&req.props, text, sizeof text))
        session_error(s, "Invalid bucket properties: %s", text);
    else
        router_create_type(s->server->router, session_ask(s, 0, on_created), req.type, &req.props);
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
    size_t mark;
    (void)body;
    if (!authorize(s, MAY_GET_TYPE, none, none))
        return;
    catalog_each_type(catalog_of(s), add_type, &l);
    int err = frame_begin(session_out(s), MSG_LIST_TYPES_RESP, &mark);
    if (!err)
        err = bucket_list_resp_encode(session_out(s), l.name, l.count, true);
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
}
