/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/riak.h"

#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/error_reply.h"
#include "wire/admin_msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX      ((size_t)4 * 1024 * 1024)  /* decoded messages other than puts are names and properties */
#define OPERATION_MAX  ((size_t)64 * 1024 * 1024) /* never the narrow place: the frame is */
#define STRANGER_FRAME ((size_t)64 * 1024)        /* largest frame of a client that has not authenticated */
#define FRAME_INVALID  ((uint64_t)INT32_MAX - 3)  /* Riak's own limit on N */
#define RETRY_S        5

void riak_init(struct riak *r, struct timers *timers, const struct clock *clock)
{
    arena_init(&r->arena, ARENA_MAX);
    buf_init(&r->operation, OPERATION_MAX);
    garbage_init(&r->garbage, timers, clock);
}

void riak_fini(struct riak *r)
{
    garbage_fini(&r->garbage);
    arena_fini(&r->arena);
    buf_fini(&r->operation);
}

/* --- answers --- */

void riak_error(struct session *s, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->server->metrics->requests_failed++;
    int err = admin_error_put(session_out(s), slice_str(text));
    if (err)
        session_broken(s, err);
}

void riak_reply_empty(struct session *s, uint8_t code)
{
    int err = frame_put_empty(session_out(s), code);
    if (err)
        session_broken(s, err);
}

/* --- frames --- */

static size_t frame_max(const struct session *s)
{
    return s->state == SESSION_READY ? s->server->config.object_size_max + RIAK_FRAME_SLACK : STRANGER_FRAME;
}

static enum cut_result cut(const struct session *s, struct slice in, struct cut *out)
{
    uint8_t code;
    int err = frame_head_parse(in, frame_max(s), &code, &out->body);
    if (err == E_AGAIN)
        return CUT_MORE;
    if (err == E_MALFORMED)
        return CUT_MALFORMED;
    out->head = FRAME_HEAD;
    if (err)
        return CUT_REFUSED;
    out->kind = code;
    out->alone = dispatch_is_alone(code);
    return CUT_REQUEST;
}

static bool refuse_cut(struct session *s, const struct cut *c)
{
    bool invalid = c->body + 1 >= FRAME_INVALID;
    if (invalid)
        riak_error(s, "Invalid message packet, reason: invalid");
    else if (s->state == SESSION_READY)
        riak_refuse_size(s, c->body, frame_max(s));
    else
        riak_error(s, "Message of %zu bytes before authentication: at most %zu are read", c->body + 1, STRANGER_FRAME);
    return !invalid && s->state == SESSION_READY;
}

static bool admits(struct session *s, const struct cut *c)
{
    return dispatch_admits(s, (uint8_t)c->kind, c->body);
}

/* --- the states of a connection --- */

static void handle_plain(struct session *s, uint8_t code)
{
    if (code != MSG_START_TLS) {
        riak_error(s, "Security is enabled, please STARTTLS first");
        return;
    }
    riak_reply_empty(s, MSG_START_TLS);
    if (s->state == SESSION_PLAIN)
        session_start_tls(s);
}

static void handle_auth(struct session *s, struct slice body)
{
    struct admin_auth_req req;
    if (admin_auth_req_decode(body, &req))
        riak_refuse_malformed(s, "RpbAuthReq");
    else
        session_login(s, req.user, req.password);
}

static void handle(struct session *s, unsigned kind, struct slice body)
{
    uint8_t code = (uint8_t)kind;
    if (s->state == SESSION_READY)
        dispatch_request(s, code, body);
    else if (s->state == SESSION_PLAIN)
        handle_plain(s, code);
    else if (code == MSG_AUTH_REQ)
        handle_auth(s, body);
    else
        riak_error(s, "Security is enabled, please authenticate first");
}

static void logged_in(struct session *s, const struct outcome *refused)
{
    if (refused)
        riak_refuse(s, NULL, refused);
    else
        riak_reply_empty(s, MSG_AUTH_RESP);
}

static void release(struct session *s)
{
    struct riak_request *rq = riak_request(s);
    blob_put(rq->operation);
    rq->operation = NULL;
}

static void refuse(struct session *s, const struct outcome *why)
{
    if (why->code == OUTCOME_TOO_MANY_CONNECTIONS)
        riak_error(s, "overload: this node serves as many connections as it may (max-connections): close some, use "
                      "another node, or try again later");
    else if (why->code == OUTCOME_OVERLOAD)
        riak_error(s,
                   "overload: the memory that this node has for requests is taken, and %.*s needs some: try again in "
                   "%d s",
                   (int)why->name.len, (const char *)why->name.data, RETRY_S);
    else if (why->code == OUTCOME_NO_MEMORY && why->number)
        riak_error(s, "out of memory for a message of %llu bytes, try again later", (unsigned long long)why->number);
    else
        riak_refuse(s, NULL, why);
}

/* --- scans --- */

int riak_part_begin(struct scan *w, struct buf *part)
{
    size_t mark;
    return frame_begin(part, (uint8_t)w->ops->kind, &mark);
}

void riak_part_close(struct scan *w, struct buf *part)
{
    (void)w;
    frame_end(part, 0);
}

/* --- what a client sets for its connection --- */

struct client_id {
    size_t len;
    uint8_t bytes[CLIENT_ID_MAX];
};

struct slice riak_client_id(const struct session *s)
{
    const struct client_id *id = s->connection;
    return id ? slice_make(id->bytes, id->len) : slice_make(NULL, 0);
}

int riak_set_client_id(struct session *s, struct slice given)
{
    struct client_id *id = s->connection;
    if (!id && !(id = calloc(1, sizeof *id)))
        return E_NOMEM;
    s->connection = id;
    id->len = given.len;
    if (given.len)
        memcpy(id->bytes, given.data, given.len);
    return 0;
}

static void closed(struct session *s)
{
    free(s->connection);
    s->connection = NULL;
}

const struct protocol riak_protocol = {
    .name = "riak",
    .state_size = sizeof(struct riak_request),
    .cut = cut,
    .admits = admits,
    .handle = handle,
    .release = release,
    .refuse = refuse,
    .refuse_cut = refuse_cut,
    .logged_in = logged_in,
    .closed = closed,
};
