/* SPDX-License-Identifier: Apache-2.0 */
/* Large bodies that come in. Memory is taken for one when its first bytes have come, not for its head alone, and for
 * nobody who may not send it at all. */
#include "session/session_parts.h"

#include "base/assert.h"
#include "base/err.h"

/* So many bytes have to come within stall-timeout-ms; and the whole within that time, and a second for each of them. */
#define BODY_STRIDE ((size_t)64 * 1024)
#define WAIT_MAX_MS 10000 /* for memory; how long the client wants to wait stands behind what was not read */

static struct budget *budget_of_body(const struct session *s)
{
    return budget_of(s->server, s->body_len);
}

/* From now until the next stride, or the end. */
static void watch_transfer(struct session *s)
{
    uint64_t now_ms = clock_boot_ms(s->server->clock), left_ms = s->server->config.stall_timeout_ms;
    s->body_mark = s->body_have;
    if (now_ms + left_ms > s->body_end_ms)
        left_ms = now_ms < s->body_end_ms ? s->body_end_ms - now_ms : 0;
    timer_start(s->server->timers, &s->deadline, left_ms);
}

/* False: answered. */
static bool admit(struct session *s, const struct cut *c)
{
    if (!s->protocol->admits(s, c))
        return false;
    s->body = blob_create(c->body); /* of which no more is used than has come */
    if (!s->body)
        s->protocol->refuse(s, &(struct outcome){.code = OUTCOME_NO_MEMORY, .number = c->body});
    return s->body != NULL;
}

void session_begin_large(struct session *s, const struct cut *c)
{
    const struct server *server = s->server;
    size_t body_len = c->body;
    s->discard = body_len;
    if (!session_open_answer(s))
        return;
    if (!admit(s, c)) {
        session_close_answer(s);
        return;
    }
    session_cancel_answer(s);
    s->discard = 0;
    s->body_cut = *c;
    s->body_len = body_len;
    s->body_have = 0;
    s->body_end_ms =
        clock_boot_ms(server->clock) + server->config.stall_timeout_ms + (body_len / BODY_STRIDE + 1) * 1000;
    watch_transfer(s);
}

/* Throws the rest away. */
static void discard(struct session *s)
{
    s->discard = s->body_len - s->body_have;
    timer_stop(s->server->timers, &s->deadline);
    session_drop_body(s);
}

void session_refuse_body(struct session *s)
{
    if (session_open_answer(s)) {
        session_overload(s, "a message of this size");
        session_close_answer(s);
    }
    discard(s);
}

/* The memory for all of it, or for the rest. False: it waits, without its time running out. */
static bool charge(struct session *s)
{
    struct budget *b = budget_of_body(s);
    size_t whole = budget_charge(b, s->body_len), size = whole - s->body_charged;
    uint64_t wait_ms = s->server->config.request_timeout_ms;
    if (size == 0)
        return true;
    if (!budget_take(b, share_of(s->server, s->share, b), BUDGET_BODIES, size, &s->waiter)) {
        timer_stop(s->server->timers, &s->deadline);
        session_wait(s, WAIT_BODY, wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
        return false;
    }
    s->body_charged = whole;
    return true;
}

void session_body_charged(struct session *s, size_t size, uint64_t waited_ms)
{
    size_t mark = s->body_mark;
    s->body_charged += size;
    s->body_end_ms += waited_ms;
    watch_transfer(s);
    s->body_mark = mark; /* to wait is no progress */
}

void session_shrink_body(struct session *s)
{
    struct budget *b = budget_of_body(s);
    size_t size = budget_charge(b, s->body_have), charged = s->body_charged;
    if (charged <= size)
        return;
    s->body_charged = size;
    budget_return(b, share_of(s->server, s->share, b), BUDGET_BODIES, charged - size);
}

static void take_whole(struct session *s)
{
    timer_stop(s->server->timers, &s->deadline);
    session_begin(s, &s->body_cut, slice_make(s->body->data, s->body_len));
}

void session_take_body(struct session *s, struct slice *in)
{
    bool small = s->body_have < BODY_SMALL;
    if (session_body_is_whole(s)) { /* it had to wait for others */
        take_whole(s);
        return;
    }
    if (!small && !charge(s))
        return;
    size_t n = (small ? BODY_SMALL : s->body_len) - s->body_have;
    if (n > in->len)
        n = in->len;
    memcpy(s->body->data + s->body_have, in->data, n);
    *in = slice_skip(*in, n);
    s->body_have += n;
    if (s->body_have == s->body_len)
        take_whole(s);
    else if (s->body_have - s->body_mark >= BODY_STRIDE)
        watch_transfer(s);
}

void session_drop_body(struct session *s)
{
    if (s->waits == WAIT_BODY) /* nothing is charged for a body that is gone */
        session_stop_waiting(s);
    struct budget *b = budget_of_body(s);
    size_t charged = s->body_charged;
    blob_put(s->body);
    s->body = NULL;
    s->body_len = s->body_have = s->body_charged = 0;
    if (charged)
        budget_return(b, share_of(s->server, s->share, b), BUDGET_BODIES, charged);
}

void session_give_body(struct session *s, struct session_request *rq)
{
    if (!s->body)
        return;
    ASSERT(session_body_is_whole(s));
    rq->body = s->body;
    rq->body_len = s->body_len;
    rq->body_charged = s->body_charged;
    s->body = NULL;
    s->body_len = s->body_have = s->body_charged = 0;
}

void session_take_back_body(struct session *s, struct session_request *rq)
{
    if (!rq->body)
        return;
    s->body = rq->body;
    s->body_len = s->body_have = rq->body_len;
    s->body_charged = rq->body_charged;
    rq->body = NULL;
    rq->body_charged = 0;
}

void session_drop_body_of(struct session_request *rq)
{
    struct session *s = rq->session;
    struct budget *b = budget_of(s->server, rq->body_len);
    size_t charged = rq->body_charged;
    blob_put(rq->body);
    rq->body = NULL;
    rq->body_charged = 0;
    if (charged)
        budget_return(b, share_of(s->server, s->share, b), BUDGET_BODIES, charged);
}

struct blob *session_body(const struct session *s)
{
    return s->request->body;
}
