#include "server/session.h"

#include "base/assert.h"
#include "base/err.h"
#include "server/dispatch.h"
#include "wire/admin_msg.h"

#include <stdarg.h>
#include <stdio.h>

/* A part of a small frame, and what one read brings while the stream is being paused. */
#define KEPT_MAX ((size_t)1024 * 1024)

#define TLS_HANDSHAKE_RECORD                                                                                           \
    0x16 /* the first byte of a TLS connection; as a frame's length it would be over 350 MB                            \
          */
#define FRAME_INVALID ((uint64_t)INT32_MAX - 3) /* Riak's own limit on N */

static void on_deadline(struct timer *t);
static void on_pause_timer(struct timer *t);
static void on_granted(struct budget_waiter *w);

int session_init(struct session *s, struct server *server, struct stream *stream, const char *peer_address)
{
    *s = (struct session){.server = server, .stream = stream};
    snprintf(s->name, sizeof s->name, "%s", peer_address);
    buf_init(&s->kept, KEPT_MAX);
    budget_waiter_init(&s->waiter, on_granted);
    timer_init(&s->deadline, on_deadline);
    timer_init(&s->pause_timer, on_pause_timer);
    server->metrics->connections_open++;
    return timer_start(server->timers, &s->deadline, server->config.handshake_timeout_ms);
}

/* --- the budget's accounts --- */

static void return_answer(struct session *s)
{
    size_t held = s->answer_held + s->granted;
    s->answer_held = s->granted = 0;
    if (held)
        budget_return(&s->server->bodies, held);
}

static void drop_body(struct session *s)
{
    size_t len = s->body ? s->body_len : 0;
    blob_put(s->body);
    s->body = NULL;
    s->body_len = s->body_have = 0;
    if (len)
        budget_return(&s->server->bodies, len);
}

void session_fini(struct session *s)
{
    session_closed(s);
    s->server->metrics->connections_open--;
}

void session_closed(struct session *s)
{
    s->state = SESSION_CLOSED;
    timer_stop(s->server->timers, &s->deadline);
    timer_stop(s->server->timers, &s->pause_timer);
    list_stop(s);
    budget_forget(&s->waiter);
    s->waits = false;
    drop_body(s);
    return_answer(s);
    buf_release(&s->kept);
}

/* --- answers --- */

void session_error(struct session *s, const char *format, ...)
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

void session_reply_empty(struct session *s, uint8_t code)
{
    int err = frame_put_empty(session_out(s), code);
    if (err)
        session_broken(s, err);
}

void session_broken(struct session *s, int err)
{
    log_error(s->server->log, "session", "%s: answer could not be written (%s), closing the connection", s->name,
              err_text(err));
    session_end(s);
}

void session_end(struct session *s)
{
    if (s->state == SESSION_CLOSED)
        return;
    s->state = SESSION_CLOSED;
    s->stream->ops->close(s->stream);
}

bool session_take_answer(struct session *s, size_t size)
{
    size_t have = s->granted;
    s->granted = 0;
    s->answer_held += have;
    /* Granted already (the object may have grown meanwhile), or the request itself holds a part of the budget: waiting
     * for more could be for ever. */
    if (have || s->body) {
        if (size > have)
            session_force_answer(s, size - have);
        return true;
    }
    if (budget_take(&s->server->bodies, &s->waiter, size)) {
        s->answer_held += size;
        return true;
    }
    s->server->metrics->bodies_waited++;
    s->waits = s->again = true;
    return false;
}

void session_force_answer(struct session *s, size_t size)
{
    budget_force(&s->server->bodies, size);
    s->answer_held += size;
}

struct blob *session_body(const struct session *s)
{
    return s->body;
}

/* --- the states --- */

static void start_tls(struct session *s)
{
    s->state = SESSION_HANDSHAKE;
    s->stream->ops->start_tls(s->stream);
}

static void on_plain_frame(struct session *s, uint8_t code)
{
    if (code != MSG_START_TLS) {
        session_error(s, "Security is enabled, please STARTTLS first");
        return;
    }
    session_reply_empty(s, MSG_START_TLS);
    if (s->state == SESSION_PLAIN)
        start_tls(s);
}

static void answer_auth_failure(struct session *s)
{
    session_error(s, "Authentication failed");
    if (s->auth_failures >= AUTH_TRIES)
        session_end(s);
    else if (timer_start(s->server->timers, &s->deadline, s->server->config.handshake_timeout_ms))
        session_broken(s, E_NOMEM);
    session_finish(s);
}

static void on_auth(struct session *s, struct slice body)
{
    struct server *server = s->server;
    struct admin_auth_req req;
    if (admin_auth_req_decode(body, &req)) {
        server->metrics->frames_malformed++;
        session_error(s, "Error processing incoming message: RpbAuthReq could not be decoded");
        return;
    }
    const char *why = security_check(server, &s->peer, req.user);
    if (!why) {
        server->metrics->auth_ok++;
        s->state = SESSION_READY;
        timer_stop(server->timers, &s->deadline);
        session_reply_empty(s, MSG_AUTH_RESP);
        return;
    }
    server->metrics->auth_failed++;
    s->auth_failures++;
    log_warn(server->log, "security", "%s: '%.*s' (certificate of '%s') is not let in: %s", s->name,
             (int)(req.user.len < 64 ? req.user.len : 64), (const char *)req.user.data, s->peer.cn, why);
    /* The answer is delayed against guessing; the deadline must not run out meanwhile. */
    timer_stop(server->timers, &s->deadline);
    session_begin_wait(s);
    session_later(s, server->config.auth_failure_delay_ms, answer_auth_failure);
}

static void on_frame(struct session *s, uint8_t code, struct slice body)
{
    if (s->state == SESSION_READY) {
        s->server->metrics->requests++;
        dispatch_request(s, code, body);
    } else if (s->state == SESSION_PLAIN) {
        on_plain_frame(s, code);
    } else if (code == MSG_AUTH_REQ) {
        on_auth(s, body);
    } else {
        session_error(s, "Security is enabled, please authenticate first");
    }
}

/* --- taking input --- */

static bool can_go_on(const struct session *s)
{
    return s->state != SESSION_CLOSED && s->state != SESSION_HANDSHAKE && !s->busy && !s->waits &&
           outq_len(&s->stream->out) < STREAM_HIGH_WATER;
}

static size_t frame_max(const struct session *s)
{
    return s->state == SESSION_READY ? server_frame_max(s->server) : STRANGER_FRAME;
}

static void refuse_frame(struct session *s, size_t body_len)
{
    s->server->metrics->frames_too_large++;
    if (body_len + 1 >= FRAME_INVALID) {
        session_error(s, "Invalid message packet, reason: invalid");
        session_end(s);
    } else if (s->state == SESSION_READY) {
        session_error(s, "{too_large,%zu}", body_len);
        s->discard = FRAME_HEAD + body_len;
    } else {
        session_error(s, "Message of %zu bytes before authentication: at most %zu are read", body_len + 1,
                      STRANGER_FRAME);
        session_end(s);
    }
}

static void watch_transfer(struct session *s)
{
    if (timer_start(s->server->timers, &s->deadline, s->server->config.stall_timeout_ms))
        session_broken(s, E_NOMEM);
}

/* The budget has been taken for body_len bytes. */
static void begin_body(struct session *s)
{
    s->body = blob_create(s->body_len);
    if (!s->body) {
        budget_return(&s->server->bodies, s->body_len);
        s->discard = s->body_len;
        s->body_len = 0;
        session_error(s, "out of memory for a message of %zu bytes, try again later", (size_t)s->discard);
        return;
    }
    watch_transfer(s);
}

static void begin_large(struct session *s, uint8_t code, size_t body_len)
{
    s->body_code = code;
    s->body_len = body_len;
    s->body_have = 0;
    s->waits = !budget_take(&s->server->bodies, &s->waiter, body_len);
    if (s->waits)
        s->server->metrics->bodies_waited++;
    else
        begin_body(s);
}

static void on_granted(struct budget_waiter *w)
{
    struct session *s = LIST_ENTRY(w, struct session, waiter);
    s->waits = false;
    if (s->body_len && !s->body)
        begin_body(s);
    else
        s->granted = w->size;
    /* In a turn of its own: this is called while another session is at work. */
    if (timer_start(s->server->timers, &s->pause_timer, 0))
        session_broken(s, E_NOMEM);
}

static void take_body(struct session *s, struct slice *in)
{
    size_t n = s->body_len - s->body_have;
    if (n > in->len)
        n = in->len;
    memcpy(s->body->data + s->body_have, in->data, n);
    *in = slice_skip(*in, n);
    s->body_have += n;
    if (s->body_have < s->body_len) {
        watch_transfer(s);
        return;
    }
    timer_stop(s->server->timers, &s->deadline);
    on_frame(s, s->body_code, slice_make(s->body->data, s->body_len));
    if (!s->busy)
        drop_body(s);
}

static bool take_small(struct session *s, struct slice *in)
{
    uint8_t code;
    size_t body_len;
    int err = frame_head_parse(*in, frame_max(s), &code, &body_len);
    if (err == E_AGAIN)
        return false;
    if (err == E_MALFORMED) {
        s->server->metrics->frames_malformed++;
        session_end(s);
        return false;
    }
    if (err) {
        refuse_frame(s, body_len);
        return true;
    }
    if (body_len > BODY_SMALL) {
        *in = slice_skip(*in, FRAME_HEAD);
        begin_large(s, code, body_len);
        return true;
    }
    if (in->len - FRAME_HEAD < body_len)
        return false;
    s->again = false;
    on_frame(s, code, slice_make(in->data + FRAME_HEAD, body_len));
    if (!s->again)
        *in = slice_skip(*in, FRAME_HEAD + body_len);
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
        take_body(s, in);
        return true;
    }
    return take_small(s, in);
}

static void take_all(struct session *s, struct slice *in)
{
    s->entered = true;
    while (in->len && can_go_on(s) && take(s, in))
        continue;
    s->entered = false;
}

/* In the clear nothing is kept but a part of one frame: what stood behind a StartTls that had to wait would be taken
 * for encrypted after the handshake. No client asks so much without reading the answers. */
static bool waits_in_the_clear(const struct session *s)
{
    return s->state == SESSION_PLAIN && !can_go_on(s);
}

static void update_pause(struct session *s)
{
    if (waits_in_the_clear(s)) {
        log_info(s->server->log, "session",
                 "%s: reads no answers to what it asks before StartTls, closing the connection", s->name);
        session_end(s);
        return;
    }
    bool pause = s->state != SESSION_CLOSED && s->state != SESSION_HANDSHAKE && !can_go_on(s);
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
        start_tls(s);
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

/* Goes on with what was kept, from outside of session_input(). */
static void resume(struct session *s)
{
    if (!s->entered && s->state != SESSION_CLOSED) {
        if (can_go_on(s))
            take_kept(s);
        update_pause(s);
        s->stream->ops->flush(s->stream);
    }
}

void session_secure(struct session *s, const struct session_peer *peer)
{
    ASSERT(s->state == SESSION_HANDSHAKE);
    ASSERT(buf_len(&s->kept) == 0); /* what came in the clear is never taken for encrypted */
    s->peer = *peer;
    s->state = SESSION_STRANGER;
}

static void go_on(struct session *s)
{
    session_go_on f = s->go_on;
    s->go_on = NULL;
    if (f && s->busy)
        f(s);
    resume(s);
}

void session_drained(struct session *s)
{
    if (outq_len(&s->stream->out) == 0)
        return_answer(s);
    if (s->go_on && !timer_runs(&s->pause_timer))
        go_on(s);
    if (s->paused && can_go_on(s))
        resume(s);
}

/* --- requests that take longer --- */

void session_begin_wait(struct session *s)
{
    ASSERT(!s->busy);
    s->busy = true;
}

void session_finish(struct session *s)
{
    ASSERT(s->busy);
    s->busy = false;
    if (s->body && s->body_have == s->body_len)
        drop_body(s);
    resume(s);
}

void session_when_drained(struct session *s, session_go_on f)
{
    s->go_on = f;
}

void session_later(struct session *s, uint64_t delay_ms, session_go_on f)
{
    s->go_on = f;
    if (timer_start(s->server->timers, &s->pause_timer, delay_ms))
        session_broken(s, E_NOMEM);
}

static void on_pause_timer(struct timer *t)
{
    go_on(LIST_ENTRY(t, struct session, pause_timer));
}

static void on_deadline(struct timer *t)
{
    struct session *s = LIST_ENTRY(t, struct session, deadline);
    if (s->state == SESSION_READY) {
        s->server->metrics->stalled_closed++;
        log_warn(
            s->server->log, "session",
            "%s: a message of %zu bytes stopped after %zu and made no progress for %llu ms, closing the connection",
            s->name, s->body_len, s->body_have, (unsigned long long)s->server->config.stall_timeout_ms);
    } else {
        s->server->metrics->handshakes_timed_out++;
        log_info(s->server->log, "session", "%s: not authenticated within %llu ms, closing the connection", s->name,
                 (unsigned long long)s->server->config.handshake_timeout_ms);
    }
    session_end(s);
}
