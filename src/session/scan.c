/* SPDX-License-Identifier: Apache-2.0 */
#include "session/scan.h"

#include "base/err.h"

#include <stdlib.h>

#define PART_MAX  ((size_t)32 * 1024) /* bytes of names in one streamed answer */
#define NAMES_MAX 1024
#define STEP_MAX  ((size_t)96 * 1024) /* bytes that a step may add to what is being sent */

/* What is gathered is charged from there on, in such strides. */
#define FREE_MAX ((size_t)16 * 1024)
#define STRIDE   ((size_t)256 * 1024)

struct slice scan_type(const struct scan *w)
{
    return slice_make(buf_slice(&w->names).data, w->type_len);
}

struct slice scan_bucket(const struct scan *w)
{
    return slice_skip(buf_slice(&w->names), w->type_len);
}

/* --- memory --- */

bool scan_hold(struct scan *w, size_t bytes)
{
    struct session *s = w->session;
    size_t most = server_gather_max(s->server);
    if (bytes <= w->held + FREE_MAX)
        return true;
    size_t more = bytes - w->held - FREE_MAX;
    if (more < STRIDE && w->held + STRIDE <= most)
        more = STRIDE;
    w->failed = more > most || w->held > most - more;
    w->starved = !w->failed && !session_try_gathered(s, more);
    if (!w->failed && !w->starved)
        w->held += more;
    return !w->failed && !w->starved;
}

static void let_go(struct scan *w)
{
    session_return_gathered(w->session, w->held);
    w->held = 0;
}

void scan_stop(struct session *s)
{
    struct scan *w = s->request->scan;
    s->request->scan = NULL;
    if (!w)
        return;
    let_go(w);
    buf_fini(&w->names);
    router_scan_fini(&w->router);
    buf_fini(&w->part);
    w->ops->destroy(w);
}

static void finish(struct session *s)
{
    scan_stop(s);
    session_finish(s);
}

/* --- what is found --- */

static int begin_part(struct scan *w)
{
    return buf_len(&w->part) ? 0 : w->ops->begin(w, &w->part);
}

/* A small one is copied: the queue has room for many of those. */
static int send_part(struct scan *w)
{
    struct outq *out = &w->session->stream->out;
    bool large = buf_len(&w->part) > PART_MAX + FREE_MAX;
    w->ops->close(w, &w->part);
    int err = large ? outq_push_buf(out, &w->part) : buf_append_slice(outq_tail(out), buf_slice(&w->part));
    buf_consume(&w->part, buf_len(&w->part));
    w->count = 0;
    w->sent = true;
    return err;
}

static bool is_part_full(const struct scan *w)
{
    return w->count >= NAMES_MAX || buf_len(&w->part) >= PART_MAX;
}

/* A step may bring those of many parts. */
void scan_add(struct scan *w, const struct slice *names, size_t count, size_t beside)
{
    if (w->send_err || w->failed || w->starved)
        return;
    if (w->streamed && is_part_full(w))
        w->send_err = send_part(w);
    int err = w->send_err ? 0 : begin_part(w);
    if (!err && !w->send_err)
        err = w->ops->add(w, &w->part, names, count);
    w->count += count;
    w->failed = err != 0;
    if (!err && !w->streamed)
        scan_hold(w, buf_len(&w->part) + beside);
}

/* --- its way --- */

static void on_turn(struct session *s);

static void give_up(struct scan *w, struct outcome why)
{
    struct session *s = w->session;
    why.name = slice_str(w->what);
    s->protocol->refuse(s, &why);
    finish(s);
}

/* The time of the whole, or, where the client gave none, the node's for one step. */
static void give_up_late(struct scan *w)
{
    if (w->timeout_ms)
        give_up(w, (struct outcome){.code = OUTCOME_SCAN_LATE, .limit = w->timeout_ms});
    else
        give_up(w, (struct outcome){.code = OUTCOME_SCAN_STALLED, .limit = w->session->request->router.timeout_ms});
}

static void give_up_failed(struct scan *w)
{
    if (w->err == E_TIMEOUT || w->err == E_UNKNOWN)
        give_up_late(w);
    else
        give_up(w, (struct outcome){.code = OUTCOME_SCAN_FAILED, .err = w->err});
}

static void give_up_overdue(struct scan *w)
{
    w->session->overdue = false;
    give_up(w, (struct outcome){.code = OUTCOME_OVERLOAD});
}

uint64_t scan_patience_ms(const struct scan *w)
{
    const struct server *server = w->session->server;
    uint64_t now_ms = clock_boot_ms(server->clock);
    if (!w->timeout_ms)
        return server->config.request_timeout_ms;
    return now_ms < w->end_ms ? w->end_ms - now_ms : 0;
}

/* Others have the memory that it needs: it gives back what it has, waits for all that it may need, and begins again. So
 * nobody waits who holds some. */
static void wait_and_restart(struct session *s, struct scan *w)
{
    if (w->sent) {
        give_up_overdue(w);
        return;
    }
    let_go(w);
    buf_release(&w->part);
    w->count = 0;
    w->starved = false;
    router_scan_fini(&w->router);
    w->router = (struct router_scan){0};
    if (w->ops->restart)
        w->ops->restart(w);
    w->walked = w->router.ended;
    session_wait_gathered(s, server_gather_max(s->server), scan_patience_ms(w), on_turn);
}

/* An answer in one part keeps its memory until it is read. */
static void send_last(struct session *s, struct scan *w)
{
    int err = 0;
    if (w->streamed && w->count)
        err = send_part(w);
    if (!err)
        err = begin_part(w);
    if (!err)
        err = w->ops->end(w, &w->part);
    size_t size = buf_len(&w->part) < w->held ? buf_len(&w->part) : w->held;
    if (!err)
        err = send_part(w);
    if (!w->streamed) {
        session_answer_gathered(s, size);
        w->held -= size;
    }
    if (err)
        session_broken(s, err);
    finish(s);
}

/* What follows from a step, or from a part of the end. True: there is time for more, now. */
static bool may_go_on(struct session *s, struct scan *w)
{
    if (outq_len(&s->stream->out) >= STREAM_HIGH_WATER) /* a reader that is slower than the scan holds it up */
        session_when_drained(s, on_turn);
    else if (clock_precise_us(s->server->clock) >= w->end_us)
        session_next_turn(s, on_turn);
    else
        return true;
    return false;
}

/* True: it was answered, or waits. */
static bool gives_up(struct session *s, struct scan *w)
{
    int err = w->send_err;
    if (!err && !w->err && w->streamed && is_part_full(w))
        err = send_part(w);
    if (err) {
        session_broken(s, err);
        finish(s);
    } else if (w->failed) {
        give_up(w, (struct outcome){.code = OUTCOME_SCAN_TOO_LARGE});
    } else if (w->starved) {
        wait_and_restart(s, w);
    } else if (w->err) {
        give_up_failed(w);
    } else {
        return false;
    }
    return true;
}

bool scan_gives_up(struct scan *w)
{
    return gives_up(w->session, w);
}

bool scan_is_overdue(struct scan *w)
{
    if (!w->session->overdue)
        return false;
    give_up_overdue(w);
    return true;
}

/* What was held back. True: more of it, now. */
static bool end_some(struct session *s, struct scan *w)
{
    enum scan_finish more = w->ops->finish ? w->ops->finish(w) : SCAN_ENDED;
    if (more == SCAN_GOES_ON || gives_up(s, w))
        return false;
    if (more == SCAN_MORE)
        return may_go_on(s, w);
    send_last(s, w);
    return false;
}

/* What follows from a step. True: another, now. */
static bool follow(struct session *s, struct scan *w)
{
    if (gives_up(s, w))
        return false;
    w->walked = w->router.ended;
    return may_go_on(s, w);
}

/* A step that is answered later goes on from here; the next ones that are answered at once have a slice of their own.
 */
static void on_step(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    struct scan *w = s->request->scan;
    (void)result;
    w->err = err;
    w->end_us = UINT64_MAX; /* on_turn() begins it */
    if (follow(s, w))
        on_turn(s);
    session_flush(s);
}

/* True: it was answered at once. */
static bool step(struct session *s, struct scan *w, uint64_t timeout_ms)
{
    struct router_request *q = session_ask_on(s, timeout_ms, on_step);
    bool done = w->ops->step(w, q) == ROUTER_DONE;
    if (done)
        w->err = q->err;
    return done;
}

bool scan_time(struct scan *w, uint64_t *timeout_ms)
{
    uint64_t now_ms = clock_boot_ms(w->session->server->clock);
    bool late = w->timeout_ms && now_ms >= w->end_ms;
    *timeout_ms = w->timeout_ms && !late ? w->end_ms - now_ms : 0;
    if (late)
        give_up_late(w);
    return !late;
}

void scan_done(struct scan *w)
{
    finish(w->session);
}

static bool go_on(struct session *s, struct scan *w, uint64_t timeout_ms)
{
    return w->walked ? end_some(s, w) : step(s, w, timeout_ms) && follow(s, w);
}

static void on_turn(struct session *s)
{
    struct scan *w = s->request->scan;
    uint64_t timeout_ms;
    w->held += session_gathered(s);
    if (scan_is_overdue(w))
        return;
    if (!scan_time(w, &timeout_ms))
        return;
    if (w->streamed && !session_has_room(s, STEP_MAX, scan_patience_ms(w), on_turn))
        return;
    if (!session_turn(s, &w->end_us, on_turn))
        return;
    struct turns *turns = &s->server->turns;
    while (go_on(s, w, timeout_ms))
        continue;
    turn_end(turns);
}

void scan_begin(struct session *s, struct scan *w, struct slice type, struct slice bucket, uint32_t timeout_ms)
{
    s->request->scan = w;
    w->session = s;
    w->type_len = type.len;
    w->timeout_ms = timeout_ms;
    w->end_ms = clock_boot_ms(s->server->clock) + timeout_ms;
    buf_init(&w->names, SIZE_MAX / 2);
    buf_init(&w->part, SIZE_MAX / 2);
    int err = buf_append_slice(&w->names, type);
    if (!err)
        err = buf_append_slice(&w->names, bucket);
    if (err) {
        struct outcome why;
        outcome_fail(&why, err);
        scan_stop(s);
        s->protocol->refuse(s, &why);
        return;
    }
    session_begin_wait(s);
    w->walked = w->router.ended; /* there may be nothing to scan over */
    on_turn(s);
}
