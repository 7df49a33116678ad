/* Large bodies and answers of one session, and what they hold of the budget. */
#include "server/session_parts.h"

#include "base/assert.h"
#include "base/err.h"

/* --- bodies that come in --- */

static void watch_transfer(struct session *s)
{
    timer_start(s->server->timers, &s->deadline, s->server->config.stall_timeout_ms);
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

void session_begin_large(struct session *s, uint8_t code, size_t body_len)
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

void session_on_granted(struct budget_waiter *w)
{
    struct session *s = LIST_ENTRY(w, struct session, waiter);
    s->waits = false;
    if (s->body_len && !s->body)
        begin_body(s);
    else
        s->granted = w->size;
    /* In a turn of its own: this is called while another session is at work. */
    timer_start(s->server->timers, &s->pause_timer, 0);
}

void session_take_body(struct session *s, struct slice *in)
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
    session_frame(s, s->body_code, slice_make(s->body->data, s->body_len));
    if (!s->busy)
        session_drop_body(s);
}

void session_drop_body(struct session *s)
{
    size_t len = s->body ? s->body_len : 0;
    blob_put(s->body);
    s->body = NULL;
    s->body_len = s->body_have = 0;
    if (len)
        budget_return(&s->server->bodies, len);
}

struct blob *session_body(const struct session *s)
{
    return s->body;
}

/* --- answers that go out --- */

bool session_take_answer(struct session *s, size_t size)
{
    size_t have = s->granted;
    ASSERT(s->busy && s->again);
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
    s->waits = true;
    return false;
}

void session_force_answer(struct session *s, size_t size)
{
    budget_force(&s->server->bodies, size);
    s->answer_held += size;
}

void session_return_granted(struct session *s)
{
    size_t granted = s->granted;
    s->granted = 0;
    if (granted)
        budget_return(&s->server->bodies, granted);
}

void session_return_answers(struct session *s)
{
    size_t held = s->answer_held;
    s->answer_held = 0;
    if (held)
        budget_return(&s->server->bodies, held);
}
