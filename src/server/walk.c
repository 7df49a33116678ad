#include "server/walk.h"

#include "base/err.h"
#include "server/dispatch.h"
#include "server/refusal.h"

#include <stdlib.h>

#define SLICE_US  1000                /* of one turn, then others have theirs */
#define FRAME_MAX ((size_t)32 * 1024) /* bytes of names in one streamed answer */
#define NAMES_MAX 1024

struct slice walk_type(const struct walk *w)
{
    return slice_make(buf_slice(&w->names).data, w->type_len);
}

struct slice walk_bucket(const struct walk *w)
{
    return slice_skip(buf_slice(&w->names), w->type_len);
}

size_t walk_bytes_max(const struct walk *w)
{
    return server_frame_max(w->session->server) / 2;
}

void walk_stop(struct session *s)
{
    struct walk *w = s->walk;
    s->walk = NULL;
    if (!w)
        return;
    buf_fini(&w->names);
    buf_fini(&w->found);
    free(w->at);
    w->ops->destroy(w);
}

static void finish(struct session *s)
{
    walk_stop(s);
    session_finish(s);
}

/* --- what is found --- */

static int send_frame(struct walk *w, bool last)
{
    for (size_t i = 0; i < w->count; i++)
        w->at[i].data = w->found.data + w->found.start + (uintptr_t)w->at[i].data;
    int err = w->ops->put(w, session_out(w->session), last);
    w->count = 0;
    buf_consume(&w->found, buf_len(&w->found));
    return err;
}

static bool is_frame_full(const struct walk *w)
{
    return w->count >= NAMES_MAX || buf_len(&w->found) >= FRAME_MAX;
}

static bool make_room(struct walk *w, size_t count)
{
    if (w->count + count <= w->cap)
        return true;
    size_t cap = w->cap ? w->cap * 2 : 64;
    struct slice *at = realloc(w->at, cap * sizeof *at);
    if (!at)
        return false;
    w->at = at;
    w->cap = cap;
    return true;
}

/* A step may bring those of many frames. */
void walk_add(struct walk *w, const struct slice *names, size_t count)
{
    if (!w->send_err && w->streamed && is_frame_full(w))
        w->send_err = send_frame(w, false);
    if (w->send_err || w->failed)
        return;
    w->failed = !make_room(w, count);
    for (size_t i = 0; i < count && !w->failed; i++) {
        w->failed = buf_append_slice(&w->found, names[i]) != 0;
        /* The place is kept as an offset: the buffer moves while it grows. */
        if (!w->failed)
            w->at[w->count++] =
                slice_make((const uint8_t *)(uintptr_t)(buf_len(&w->found) - names[i].len), names[i].len);
    }
}

/* --- its way --- */

static void on_turn(struct session *s);

static void give_up_full(struct session *s, struct walk *w)
{
    session_error(s, "out of memory for %s: ask for it streamed, or of a smaller bucket", w->what);
    finish(s);
}

/* The time of the whole, or, where the client gave none, the node's for one step. */
static void give_up_late(struct session *s)
{
    const struct walk *w = s->walk;
    unsigned long long step_ms = s->request.router.timeout_ms;
    char cause[REFUSAL_CAUSE_MAX];
    if (w->timeout_ms)
        session_error(s,
                      "timeout: %s was not complete within its %u ms: give it more time, or ask of a smaller bucket%s",
                      w->what, w->timeout_ms, refusal_cause(s, cause));
    else
        session_error(s, "timeout: %s made no progress for %llu ms: ask for it again%s", w->what, step_ms,
                      refusal_cause(s, cause));
    finish(s);
}

static void give_up_failed(struct session *s, int err)
{
    if (err == E_TIMEOUT || err == E_UNKNOWN) {
        give_up_late(s);
    } else {
        session_error(s, "%s could not be completed: %s: ask for it again", s->walk->what, err_text(err));
        finish(s);
    }
}

/* What is left when all was walked. */
static void send_last(struct session *s, struct walk *w)
{
    int err = 0;
    if (w->ops->finish && !w->ops->finish(w))
        return;
    if (w->failed) {
        give_up_full(s, w);
        return;
    }
    err = w->send_err;
    if (!err && w->streamed && w->count)
        err = send_frame(w, false);
    if (!err)
        err = send_frame(w, true);
    if (err)
        session_broken(s, err);
    finish(s);
}

/* What follows from a step. True: another, now. */
static bool follow(struct session *s, struct walk *w)
{
    int err = w->send_err;
    if (!err && !w->err && w->streamed && is_frame_full(w))
        err = send_frame(w, false);
    if (err)
        session_broken(s, err);
    else if (w->failed)
        give_up_full(s, w);
    else if (w->err)
        give_up_failed(s, w->err);
    else if (w->router.ended)
        send_last(s, w);
    else if (outq_len(&s->stream->out) >= STREAM_HIGH_WATER) /* a reader that is slower than the walk holds it up */
        session_when_drained(s, on_turn);
    else if (clock_precise_us(s->server->clock) >= w->end_us)
        session_later(s, 0, on_turn);
    else
        return true;
    return false;
}

/* A step that is answered later goes on from here; the next ones that are answered at once have a slice of their own.
 */
static void on_step(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    struct walk *w = s->walk;
    (void)result;
    w->err = err;
    w->stepped = true;
    if (w->stepping)
        return;
    w->end_us = UINT64_MAX; /* on_turn() begins it */
    if (follow(s, w))
        on_turn(s);
    session_flush(s);
}

/* True: it was answered at once. */
static bool step(struct session *s, struct walk *w, uint64_t timeout_ms)
{
    struct router_request *q = session_ask_on(s, timeout_ms, on_step);
    w->stepped = false;
    w->stepping = true;
    w->ops->step(w, q);
    w->stepping = false;
    return w->stepped;
}

bool walk_time(struct walk *w, uint64_t *timeout_ms)
{
    uint64_t now_ms = clock_boot_ms(w->session->server->clock);
    bool late = w->timeout_ms && now_ms >= w->end_ms;
    *timeout_ms = w->timeout_ms && !late ? w->end_ms - now_ms : 0;
    if (late)
        give_up_late(w->session);
    return !late;
}

void walk_done(struct walk *w)
{
    finish(w->session);
}

static void on_turn(struct session *s)
{
    struct walk *w = s->walk;
    uint64_t timeout_ms;
    if (!walk_time(w, &timeout_ms))
        return;
    w->end_us = clock_precise_us(s->server->clock) + SLICE_US;
    while (step(s, w, timeout_ms) && follow(s, w))
        continue;
}

void walk_begin(struct session *s, struct walk *w, struct slice type, struct slice bucket, uint32_t timeout_ms)
{
    s->walk = w;
    w->session = s;
    w->type_len = type.len;
    w->timeout_ms = timeout_ms;
    w->end_ms = clock_boot_ms(s->server->clock) + timeout_ms;
    buf_init(&w->names, SIZE_MAX / 2);
    /* The answer in one frame is held against the budget of large bodies by its maximum. */
    buf_init(&w->found, w->streamed ? SIZE_MAX / 2 : walk_bytes_max(w));
    int err = buf_append_slice(&w->names, type);
    if (!err)
        err = buf_append_slice(&w->names, bucket);
    if (err) {
        walk_stop(s);
        session_error(s, "%s", err_text(err));
        return;
    }
    session_begin_wait(s);
    if (w->router.ended) /* there is nothing to walk over */
        send_last(s, w);
    else
        on_turn(s);
}
