/* SPDX-License-Identifier: Apache-2.0 */
/* The line of requests of one session (R-ORDER): where each stands, whose turn it is to answer, and which may be under
 * way at the same time. */
#include "api/ask.h"
#include "session/scan.h"
#include "session/session_parts.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT_MAX 128                   /* requests of a connection */
#define LINE_MAX      ((size_t)1024 * 1024) /* bytes that they count for; one that is larger is begun all the same */
#define LINE_COST     ((size_t)1024) /* what a request counts for beside its frame: its state, also at the router */
#define OBJECT_COST   (LINE_MAX / 8) /* the same for an object to be answered, whose size is not known yet */
#define KEPT_MAX      ((size_t)1024 * 1024) /* bytes of answers that wait for their turn */
#define FREE_MAX      1024                  /* places that are kept for the next requests, of a door */

/* --- places --- */

void session_door_init(struct session_door *d, const struct protocol *protocol, struct server *server, void *arg)
{
    *d = (struct session_door){.protocol = protocol, .server = server, .arg = arg};
    list_init(&d->free);
}

static struct session_request *take_free(struct session_door *d)
{
    struct session_request *rq = LIST_ENTRY(d->free.next, struct session_request, link);
    list_remove(&rq->link);
    d->free_count--;
    return rq;
}

static struct session_request *take_place(struct session_door *d)
{
    if (!list_empty(&d->free))
        return take_free(d);
    struct session_request *rq = malloc(sizeof *rq + d->protocol->state_size);
    if (!rq)
        return NULL;
    list_init(&rq->link);
    outq_init(&rq->answer);
    return rq;
}

static void free_place(struct session_request *rq)
{
    outq_fini(&rq->answer);
    free(rq);
}

static void put_place(struct session_door *d, struct session_request *rq)
{
    if (d->free_count == FREE_MAX) {
        free_place(rq);
        return;
    }
    list_append(&d->free, &rq->link);
    d->free_count++;
}

void session_door_fini(struct session_door *d)
{
    while (!list_empty(&d->free))
        free_place(take_free(d));
}

/* At the end of the line, and at work. NULL: no memory, and the session is over. */
static struct session_request *open(struct session *s)
{
    struct session_request *rq = take_place(s->door);
    if (!rq) {
        session_broken(s, E_NOMEM);
        return NULL;
    }
    router_request_init(&rq->router, NULL);
    rq->router.floor = &s->floor;
    rq->session = s;
    rq->state = REQUEST_BEGUN;
    rq->entered = rq->alone = rq->repeatable = rq->no_room = rq->claims = false;
    rq->size = LINE_COST;
    rq->out = list_empty(&s->line) ? &s->stream->out : &rq->answer;
    rq->kept = rq->kept_large = rq->frame_len = 0;
    rq->frame_blob = rq->body = NULL;
    rq->scan = NULL;
    rq->body_len = rq->body_charged = 0;
    memset(rq->own, 0, s->protocol->state_size);
    list_append(&s->line, &rq->link);
    s->in_flight++;
    s->line_bytes += rq->size;
    s->request = rq;
    return rq;
}

static void resize(struct session_request *rq, size_t size)
{
    rq->session->line_bytes += size - rq->size;
    rq->size = size;
}

/* Others of its key may be begun. */
static void release_key(struct session_request *rq)
{
    struct session *s = rq->session;
    rq->claims = false;
    if (s->held_by == rq)
        s->held_by = NULL;
}

static void set_repeatable(struct session_request *rq, bool on)
{
    if (on != rq->repeatable)
        rq->session->reads += on ? 1 : -1U;
    rq->repeatable = on;
}

static void drop_frame(struct session_request *rq)
{
    blob_put(rq->frame_blob);
    rq->frame_blob = NULL;
}

/* What its state holds. */
static void release(struct session_request *rq)
{
    struct session *s = rq->session;
    struct session_request *at_work = s->request;
    s->request = rq;
    scan_stop(s);
    s->protocol->release(s);
    s->request = at_work == rq ? NULL : at_work;
}

/* It is in the line no more. */
static void retire(struct session_request *rq)
{
    struct session *s = rq->session;
    list_remove(&rq->link);
    s->in_flight--;
    s->line_bytes -= rq->size;
    s->kept_answers -= rq->kept;
    release_key(rq);
    set_repeatable(rq, false);
    drop_frame(rq);
    release(rq);
    session_drop_body_of(rq);
    session_return_kept(rq);
    outq_fini(&rq->answer);
    put_place(s->door, rq);
}

/* --- answers, in their order --- */

/* It has its whole answer. */
static void answered(struct session_request *rq)
{
    struct session *s = rq->session;
    bool first = rq == session_first(s);
    bool may_shelve = !first && rq->repeatable && !rq->body && outq_len(&rq->answer) > ANSWER_SMALL;
    rq->state = REQUEST_ANSWERED;
    rq->kept = first || rq->kept_large ? 0 : outq_len(&rq->answer);
    s->kept_answers += rq->kept;
    if (first && s->granted)
        session_return_granted(s);
    session_drop_body_of(rq);
    if (may_shelve) /* it keeps its key: when it is begun again, it is still before those that follow */
        return;
    release_key(rq);
    set_repeatable(rq, false);
    drop_frame(rq);
}

/* It is the first of the line: what it has answered, or will, goes out. */
static void promote(struct session_request *rq)
{
    struct session *s = rq->session;
    rq->out = &s->stream->out;
    s->kept_answers -= rq->kept;
    rq->kept = 0;
    s->answer_held += rq->kept_large;
    rq->kept_large = 0;
    int err = outq_append(rq->out, &rq->answer);
    if (err)
        session_broken(s, err);
}

/* Those that are answered, and have nobody before them, are gone. */
static void advance(struct session *s)
{
    struct session_request *rq;
    while ((rq = session_first(s)) && rq->state == REQUEST_ANSWERED && !rq->entered) {
        retire(rq);
        if ((rq = session_first(s)))
            promote(rq);
    }
}

/* --- beginning --- */

/* What a request that may be begun again needs for it. */
static int keep_frame(struct session_request *rq, struct slice body)
{
    uint8_t *to = rq->frame;
    if (body.len > sizeof rq->frame) {
        rq->frame_blob = blob_create(body.len);
        if (!rq->frame_blob)
            return E_NOMEM;
        to = rq->frame_blob->data;
        resize(rq, rq->size + body.len);
    }
    if (body.len)
        memcpy(to, body.data, body.len);
    rq->frame_len = body.len;
    return 0;
}

static struct slice kept_frame(const struct session_request *rq)
{
    if (rq->body)
        return slice_make(rq->body->data, rq->body_len);
    return slice_make(rq->frame_blob ? rq->frame_blob->data : rq->frame, rq->frame_len);
}

/* Its handler has returned, with or without an answer. */
static void follow(struct session_request *rq, struct slice body, bool is_kept)
{
    struct session *s = rq->session;
    if (rq->state == REQUEST_BEGUN)
        answered(rq);
    else if (rq->state == REQUEST_WAITS && !rq->repeatable && rq->router.wants_object)
        resize(rq, rq->size + OBJECT_COST);
    if (rq->repeatable && !is_kept && !rq->body && keep_frame(rq, body)) {
        if (rq->state == REQUEST_SHELVED)
            session_broken(s, E_NOMEM);
        set_repeatable(rq, false); /* its answer does not wait for memory */
    }
}

static void run(struct session_request *rq, struct slice body, bool is_kept)
{
    struct session *s = rq->session;
    s->request = rq;
    rq->entered = true;
    s->server->metrics->requests += s->state == SESSION_READY;
    s->protocol->handle(s, rq->kind, body);
    rq->entered = false;
    if (s->hold == HOLD_NOTHING || is_kept)
        follow(rq, body, is_kept);
}

bool session_begin(struct session *s, const struct cut *c, struct slice body)
{
    bool alone = s->state != SESSION_READY || c->alone;
    if (alone && !list_empty(&s->line)) {
        session_hold(s, HOLD_ALL);
        return false;
    }
    struct session_request *rq = open(s);
    s->hold = HOLD_NOTHING;
    if (!rq)
        return true;
    rq->alone = alone;
    rq->kind = c->kind;
    resize(rq, rq->size + body.len);
    session_give_body(s, rq);
    run(rq, body, false);
    bool begun = s->hold == HOLD_NOTHING;
    if (!begun) {
        s->server->metrics->requests--; /* it is counted when it is begun */
        session_take_back_body(s, rq);
        retire(rq);
    }
    advance(s);
    return begun;
}

bool session_claim(struct session *s, uint64_t key_tag)
{
    struct session_request *mine = s->request;
    mine->key_tag = key_tag;
    for (struct list *i = s->line.next; i != &mine->link; i = i->next) {
        const struct session_request *rq = LIST_ENTRY(i, struct session_request, link);
        if (rq->claims && rq->key_tag == key_tag) {
            s->held_by = rq;
            session_hold(s, HOLD_KEY);
            return false;
        }
    }
    mine->claims = true;
    return true;
}

bool session_open_answer(struct session *s)
{
    return open(s) != NULL;
}

void session_close_answer(struct session *s)
{
    answered(s->request);
    advance(s);
}

void session_cancel_answer(struct session *s)
{
    retire(s->request);
}

/* --- waiting for each other --- */

void session_hold(struct session *s, enum session_hold hold)
{
    s->hold = hold;
}

static bool is_held(const struct session *s)
{
    switch (s->hold) {
    case HOLD_KEY:
        return s->held_by != NULL;
    case HOLD_READS:
        return s->reads > 0;
    case HOLD_ALL:
        return !list_empty(&s->line);
    default:
        return false;
    }
}

bool session_line_is_full(const struct session *s)
{
    const struct session_request *first = session_first(s);
    if (!first)
        return false;
    return first->alone || first->state == REQUEST_SHELVED || is_held(s) || s->in_flight >= IN_FLIGHT_MAX ||
           s->line_bytes >= LINE_MAX || s->kept_answers >= KEPT_MAX;
}

/* The first is charged with what it has to send alone. */
size_t session_line_cost(const struct session *s)
{
    const struct session_request *first = session_first(s);
    return s->kept_answers + (first ? s->line_bytes - first->size : 0);
}

/* --- answers that find no room --- */

void session_may_repeat(struct session *s)
{
    set_repeatable(s->request, true);
}

bool session_may_keep(const struct session *s, size_t size)
{
    size_t kept = s->kept_answers;
    for (const struct list *i = s->line.next; i != &s->line; i = i->next)
        kept += LIST_ENTRY(i, struct session_request, link)->kept_large;
    return kept < KEPT_MAX && size <= KEPT_MAX - kept;
}

/* It is begun again when it is the first in the line. */
static void shelve(struct session_request *rq)
{
    rq->state = REQUEST_SHELVED;
    rq->no_room = false;
}

void session_shelve_kept(struct session *s)
{
    for (struct list *i = s->line.next; i != &s->line; i = i->next) {
        struct session_request *rq = LIST_ENTRY(i, struct session_request, link);
        if (rq->state != REQUEST_ANSWERED || !rq->repeatable || rq == session_first(s))
            continue;
        s->kept_answers -= rq->kept;
        rq->kept = 0;
        outq_fini(&rq->answer);
        session_return_kept(rq);
        shelve(rq);
    }
}

bool session_has_shelved(const struct session *s)
{
    const struct session_request *rq = session_first(s);
    return rq && rq->state == REQUEST_SHELVED && !s->waits && s->state == SESSION_READY &&
           outq_len(&s->stream->out) < STREAM_HIGH_WATER;
}

void session_begin_shelved(struct session *s)
{
    while (session_has_shelved(s)) {
        struct session_request *rq = session_first(s);
        rq->state = REQUEST_BEGUN;
        router_request_init(&rq->router, NULL);
        rq->router.floor = &s->floor;
        run(rq, kept_frame(rq), true);
        advance(s);
    }
}

void session_refuse_shelved(struct session *s)
{
    s->request = session_first(s);
    ASSERT(s->request && s->request->state == REQUEST_SHELVED);
    session_overload(s, "the answer");
    session_close_answer(s);
}

/* --- requests that take longer --- */

void session_begin_wait(struct session *s)
{
    ASSERT(s->request->state == REQUEST_BEGUN);
    s->request->state = REQUEST_WAITS;
}

struct router_request *session_ask(struct session *s, uint64_t timeout_ms, router_done done)
{
    session_begin_wait(s);
    return session_ask_on(s, timeout_ms, done);
}

struct router_request *session_ask_on(struct session *s, uint64_t timeout_ms, router_done done)
{
    struct router_request *q = &s->request->router;
    ASSERT(s->request->state == REQUEST_WAITS);
    q->done = done;
    q->wants_object = false;
    q->timeout_ms = timeout_ms ? timeout_ms : s->timeout_ms ? s->timeout_ms : s->server->config.request_timeout_ms;
    return q;
}

void session_finish(struct session *s)
{
    struct session_request *rq = s->request;
    ASSERT(rq->state == REQUEST_WAITS);
    if (rq->no_room)
        shelve(rq);
    else
        answered(rq);
    if (rq->entered) /* the caller of its handler goes on */
        return;
    advance(s);
    session_resume(s);
}

/* --- the end --- */

void session_forget_requests(struct session *s)
{
    for (struct list *i = s->line.next; i != &s->line; i = i->next)
        ask_forget(&s->server->api, &LIST_ENTRY(i, struct session_request, link)->router);
}

void session_drop_line(struct session *s)
{
    session_forget_requests(s);
    while (!list_empty(&s->line))
        retire(session_first(s));
}
