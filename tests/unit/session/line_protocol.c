/* SPDX-License-Identifier: Apache-2.0 */
#include "line_protocol.h"

#include "api/answer.h"
#include "api/ask.h"
#include "api/authorize.h"
#include "api/request.h"
#include "base/assert.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 4

enum line_kind { LINE_AUTH, LINE_GET, LINE_PUT, LINE_WATCH, LINE_COUNT, LINE_KINDS };

static const struct {
    const char *word;
    size_t words;
    bool alone;
} kinds[LINE_KINDS] = {
    [LINE_AUTH] = {"AUTH", 2, true},    [LINE_GET] = {"GET", 3, false},    [LINE_PUT] = {"PUT", 4, false},
    [LINE_WATCH] = {"WATCH", 1, false}, [LINE_COUNT] = {"COUNT", 1, true},
};

struct line_request {
    size_t name_len; /* of a put: what watchers are told */
    char name[LINE_MAX_BYTES];
};

struct watcher {
    struct list link;
    struct session *session;
};

void line_door_init(struct line_door *d)
{
    *d = (struct line_door){0};
    list_init(&d->watchers);
}

static struct line_door *door_of(const struct session *s)
{
    return s->door->arg;
}

/* --- the bytes --- */

struct line {
    struct slice word[WORDS_MAX];
    size_t count;
    size_t len; /* with its LF */
};

/* False: the line has no end yet, or too many words. */
static bool split(struct slice in, struct line *l)
{
    const uint8_t *end = in.len ? memchr(in.data, '\n', in.len < LINE_MAX_BYTES ? in.len : LINE_MAX_BYTES) : NULL;
    *l = (struct line){0};
    if (!end)
        return false;
    l->len = (size_t)(end - in.data) + 1;
    for (size_t from = 0; from < l->len; l->count++) {
        const uint8_t *at = in.data + from, *blank = memchr(at, ' ', l->len - 1 - from);
        size_t len = blank ? (size_t)(blank - at) : l->len - 1 - from;
        if (l->count == WORDS_MAX)
            return false;
        l->word[l->count] = slice_make(at, len);
        from += len + 1;
    }
    return true;
}

static bool length_of(struct slice digits, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || i == 9)
            return false;
        *out = *out * 10 + (size_t)(digits.data[i] - '0');
    }
    return digits.len > 0;
}

static bool kind_of(const struct line *l, unsigned *kind)
{
    for (*kind = 0; *kind < LINE_KINDS; ++*kind)
        if (l->count == kinds[*kind].words && slice_is(l->word[0], kinds[*kind].word))
            return true;
    return false;
}

static enum cut_result cut(const struct session *s, struct slice in, struct cut *out)
{
    struct line l;
    size_t value = 0;
    if (s->state == SESSION_PLAIN) /* TLS alone */
        return CUT_MALFORMED;
    if (!split(in, &l))
        return l.count || in.len >= LINE_MAX_BYTES ? CUT_MALFORMED : CUT_MORE;
    if (!kind_of(&l, &out->kind) || (out->kind == LINE_PUT && !length_of(l.word[3], &value)))
        return CUT_MALFORMED;
    out->body = l.len + (out->kind == LINE_PUT ? value + 1 : 0);
    out->alone = kinds[out->kind].alone;
    return value > LINE_VALUE_MAX ? CUT_REFUSED : CUT_REQUEST;
}

/* --- answers --- */

static void put_bytes(struct session *s, struct slice bytes)
{
    int err = buf_append_slice(session_out(s), bytes);
    if (err)
        session_broken(s, err);
}

static void refuse(struct session *s, const struct outcome *why)
{
    char text[64];
    snprintf(text, sizeof text, "-%s\n", outcome_name(why->code));
    put_bytes(s, slice_str(text));
}

static bool refuse_cut(struct session *s, const struct cut *c)
{
    (void)c;
    refuse(s, &(struct outcome){.code = OUTCOME_TOO_LARGE});
    return true;
}

static void logged_in(struct session *s, const struct outcome *refused)
{
    if (refused)
        refuse(s, refused);
    else
        put_bytes(s, slice_str("+OK\n"));
}

static bool admits(struct session *s, const struct cut *c)
{
    struct outcome refused;
    if (c->kind == LINE_PUT && authorize_somewhere(&s->server->api, &s->who, MAY_PUT, &refused))
        return true;
    refuse(s, &refused);
    return false;
}

/* --- get --- */

static void answer_value(struct session *s, const struct object *o)
{
    struct object_cursor cursor = {0};
    struct object_sibling sibling;
    char head[32];
    if (!object_next(o, &cursor, &sibling))
        return;
    if (sibling.value.len > ANSWER_SMALL && !session_take_answer(s, sibling.value.len))
        return;
    snprintf(head, sizeof head, "$%zu\n", sibling.value.len);
    put_bytes(s, slice_str(head));
    put_bytes(s, sibling.value);
    put_bytes(s, slice_str("\n"));
}

static void on_read(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct outcome refused;
    if (err == E_NOT_FOUND || (!err && !r->object.live))
        put_bytes(s, slice_str("$-\n"));
    else if (answer_of_key(&s->server->api, err, r, false, q->timeout_ms, &refused))
        answer_value(s, &r->object);
    else
        refuse(s, &refused);
    session_finish(s);
}

static void get(struct session *s, const struct line *l)
{
    struct get_request g = {.names = {.bucket = l->word[1], .key = l->word[2]}, .quorums = QUORUMS_OF_BUCKET};
    struct prepared_read p;
    struct outcome refused;
    if (!request_prepare_get(&s->server->api, &s->who, &g, &p, &refused)) {
        refuse(s, &refused);
        return;
    }
    if (!session_claim(s, p.target.tag))
        return;
    struct router_request *q = session_ask(s, 0, on_read);
    session_may_repeat(s);
    router_deliver(q, ask_read(&s->server->api, q, &p.target.key, p.any_replica));
}

/* --- put --- */

static void tell_watchers(struct session *s)
{
    struct line_door *d = door_of(s);
    struct line_request *rq = session_state(s);
    d->puts++;
    for (struct list *i = d->watchers.next; i != &d->watchers; i = i->next) {
        struct session *to = LIST_ENTRY(i, struct watcher, link)->session;
        if (session_push(to, slice_make(rq->name, rq->name_len)))
            d->pushed++;
        else
            d->lost++;
    }
}

static void on_written(struct router_request *q, int err, const struct store_result *r)
{
    struct session *s = session_of(q);
    struct outcome refused;
    if (answer_of_key(&s->server->api, err, r, false, q->timeout_ms, &refused)) {
        tell_watchers(s);
        put_bytes(s, slice_str("+OK\n"));
    } else {
        refuse(s, &refused);
    }
    session_finish(s);
}

static void put(struct session *s, const struct line *l, struct slice value)
{
    struct line_request *rq = session_state(s);
    struct kv_content content = {.value = value};
    struct put_request r = {.names = {.bucket = l->word[1], .key = l->word[2]},
                            .quorums = QUORUMS_OF_BUCKET,
                            .content = &content,
                            .holder = session_body(s)};
    struct prepared_write p;
    struct outcome refused;
    if (!request_prepare_put(&s->server->api, &s->who, &r, &s->server->put_scratch, &p, &refused)) {
        refuse(s, &refused);
        return;
    }
    if (!session_claim(s, p.target.tag))
        return;
    rq->name_len = (size_t)snprintf(rq->name, sizeof rq->name, "!%.*s %.*s\n", (int)l->word[1].len,
                                    (const char *)l->word[1].data, (int)l->word[2].len, (const char *)l->word[2].data);
    struct router_request *q = session_ask(s, 0, on_written);
    router_deliver(q, ask_write(&s->server->api, q, &p.command));
}

/* --- the others --- */

static void watch(struct session *s)
{
    struct watcher *w = s->connection ? NULL : calloc(1, sizeof *w);
    if (w) {
        w->session = s;
        list_append(&door_of(s)->watchers, &w->link);
        s->connection = w;
    }
    put_bytes(s, slice_str("+OK\n"));
}

static void count(struct session *s)
{
    char text[32];
    snprintf(text, sizeof text, ":%u\n", door_of(s)->puts);
    put_bytes(s, slice_str(text));
}

static void handle_ready(struct session *s, unsigned kind, const struct line *l, struct slice value)
{
    switch (kind) {
    case LINE_GET:
        get(s, l);
        break;
    case LINE_PUT:
        put(s, l, value);
        break;
    case LINE_WATCH:
        watch(s);
        break;
    case LINE_COUNT:
        count(s);
        break;
    default:
        refuse(s, &(struct outcome){.code = OUTCOME_BAD_OPERATION});
        break;
    }
}

static void handle(struct session *s, unsigned kind, struct slice body)
{
    struct line l;
    ASSERT(split(body, &l));
    struct slice value = slice_skip(body, l.len);
    if (value.len)
        value.len--; /* its LF */
    if (s->state == SESSION_READY)
        handle_ready(s, kind, &l, value);
    else if (kind == LINE_AUTH)
        session_login(s, l.word[1], slice_make(NULL, 0));
    else
        refuse(s, &(struct outcome){.code = OUTCOME_NOT_LET_IN});
}

static void release(struct session *s)
{
    (void)s; /* it holds nothing */
}

static void closed(struct session *s)
{
    struct watcher *w = s->connection;
    if (w)
        list_remove(&w->link);
    free(w);
    s->connection = NULL;
}

const struct protocol line_protocol = {
    .name = "line",
    .state_size = sizeof(struct line_request),
    .cut = cut,
    .admits = admits,
    .handle = handle,
    .release = release,
    .refuse = refuse,
    .refuse_cut = refuse_cut,
    .logged_in = logged_in,
    .closed = closed,
};
