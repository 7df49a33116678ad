/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in on one session: cut into requests, kept while they have to wait. */
#include "session/session_parts.h"

#include "base/assert.h"
#include "base/err.h"

#define TLS_HANDSHAKE_RECORD                                                                                           \
    0x16 /* the first byte of a TLS connection; as a frame's length it would be over 350 MB                            \
          */

/* Memory is: who has answers that he has not read yet reads them before he asks for more. */
bool session_is_short(const struct session *s)
{
    return s->queue_held && budget_is_exhausted(&s->server->small, &s->share->small);
}

bool session_can_go_on(const struct session *s)
{
    size_t queued = outq_len(&s->stream->out);
    bool slow = queued >= STREAM_HIGH_WATER || ((queued || s->in_flight) && session_is_short(s));
    return s->state != SESSION_CLOSED && s->state != SESSION_HANDSHAKE && !session_line_is_full(s) && !s->waits &&
           !slow;
}

/* --- requests --- */

/* Which nobody serves: after those before it. False: nothing more is taken. */
static bool take_bad(struct session *s, const struct cut *c, bool malformed)
{
    if (!list_empty(&s->line)) {
        session_hold(s, HOLD_ALL);
        return true;
    }
    bool goes_on = false;
    if (malformed) {
        s->server->metrics->frames_malformed++;
    } else if (session_open_answer(s)) {
        s->server->metrics->frames_too_large++;
        goes_on = s->protocol->refuse_cut(s, c);
        session_close_answer(s);
    }
    if (!goes_on)
        session_end(s);
    else
        s->discard = (uint64_t)c->head + c->body;
    return goes_on;
}

static bool take_large(struct session *s, struct slice *in, const struct cut *c)
{
    if (s->reads) { /* no body holds memory for which their answers may have to wait */
        session_hold(s, HOLD_READS);
        return true;
    }
    *in = slice_skip(*in, c->head);
    session_begin_large(s, c);
    return true;
}

static bool take_request(struct session *s, struct slice *in)
{
    struct cut c = {0};
    enum cut_result result = s->protocol->cut(s, *in, &c);
    if (result == CUT_MORE)
        return false;
    if (result != CUT_REQUEST)
        return take_bad(s, &c, result == CUT_MALFORMED);
    ASSERT(c.head + c.body > 0 && c.head <= in->len);
    if (s->state == SESSION_READY && c.body > BODY_SMALL)
        return take_large(s, in, &c);
    if (in->len - c.head < c.body)
        return false;
    if (session_begin(s, &c, slice_make(in->data + c.head, c.body)))
        *in = slice_skip(*in, c.head + c.body);
    return true;
}

/* One step; false: more input is needed. */
static bool take(struct session *s, struct slice *in)
{
    if (s->discard) {
        size_t n = s->discard < in->len ? (size_t)s->discard : in->len;
        s->discard -= n;
        *in = slice_skip(*in, n);
        return true;
    }
    if (s->body_len) {
        session_take_body(s, in);
        return true;
    }
    return take_request(s, in);
}

/* What the peer has read meanwhile counts: an answer that is gone must not keep the next request waiting, as nothing
 * would come that wakes it. */
static bool may_go_on(struct session *s)
{
    session_begin_shelved(s);
    if (!session_can_go_on(s))
        session_settle(s);
    return session_can_go_on(s);
}

static void take_all(struct session *s, struct slice *in)
{
    while (may_go_on(s) && (in->len || session_body_is_whole(s)) && take(s, in))
        continue;
}

/* --- keeping and pausing --- */

/* In the clear nothing is kept but a part of one frame: what stood behind a StartTls that had to wait would be taken
 * for encrypted after the handshake. No client asks so much without reading the answers. */
static bool waits_in_the_clear(const struct session *s)
{
    return s->state == SESSION_PLAIN && !session_can_go_on(s);
}

static void update_pause(struct session *s)
{
    session_settle(s);
    if (waits_in_the_clear(s)) {
        char again[REPEATS_TEXT_SIZE];
        if (session_is_news(s, SAID_UNREAD, again))
            log_info(s->server->log, "session",
                     "%s: sends requests before StartTls and does not read the answers, closing the connection%s",
                     s->name, again);
        session_end(s);
        return;
    }
    bool pause = s->state != SESSION_CLOSED && s->state != SESSION_HANDSHAKE && !session_can_go_on(s);
    if (pause != s->paused && s->state != SESSION_CLOSED) {
        s->paused = pause;
        s->stream->ops->pause(s->stream, pause);
    }
}

/* Input for which there is kept input already, or that could not be taken whole. */
static void take_kept(struct session *s)
{
    struct slice in = buf_slice(&s->kept);
    size_t before = in.len;
    take_all(s, &in);
    if (s->kept.data)
        buf_consume(&s->kept, before - in.len);
    if (buf_len(&s->kept) == 0)
        buf_release(&s->kept);
}

static size_t tls_bytes(struct session *s, size_t in_len)
{
    /* start_tls was asked for by a frame that ended in this input: what stands behind it is not ours. */
    size_t rest = buf_len(&s->kept);
    ASSERT(rest <= in_len);
    buf_release(&s->kept);
    return in_len - rest;
}

size_t session_input(struct session *s, struct slice in)
{
    size_t len = in.len;
    if (s->state == SESSION_CLOSED || len == 0)
        return len;
    if (s->state == SESSION_PLAIN && buf_len(&s->kept) == 0 && in.data[0] == TLS_HANDSHAKE_RECORD) {
        session_start_tls(s);
        return 0;
    }
    bool was_plain = s->state == SESSION_PLAIN;
    if (buf_len(&s->kept) == 0)
        take_all(s, &in);
    int err = in.len && s->state != SESSION_CLOSED ? buf_append_slice(&s->kept, in) : 0;
    if (err)
        session_broken(s, err);
    else if (in.len == len)
        take_kept(s);
    update_pause(s);
    return was_plain && s->state == SESSION_HANDSHAKE ? tls_bytes(s, len) : len;
}

/* More answers may follow in this turn: they leave together. */
static void flush(struct session *s)
{
    if (s->in_flight) {
        session_flush_later(s);
        return;
    }
    list_remove(&s->unflushed);
    s->stream->ops->flush(s->stream);
}

void session_resume(struct session *s)
{
    if (s->state != SESSION_CLOSED) {
        take_kept(s);
        update_pause(s);
        flush(s);
    }
}
