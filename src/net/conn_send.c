/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "net/conn_impl.h"

static const char no_memory[] = "out of memory";

/* --- progress --- */

/* Who is being left is waited for no longer than that. */
#define LAST_WORDS_MS 5000

static uint64_t patience_ms(const struct conn *c)
{
    uint64_t timeout_ms = c->owner->stall_timeout_ms;
    return c->state == CONN_OPEN || timeout_ms < LAST_WORDS_MS ? timeout_ms : LAST_WORDS_MS;
}

static void on_stall(struct timer *t)
{
    struct conn *c = LIST_ENTRY(t, struct conn, timer);
    const struct conn_owner *o = c->owner;
    char name[CONN_NAME_SIZE], again[REPEATS_TEXT_SIZE];
    if (c->state == CONN_OPEN || c->state == CONN_ENDING) {
        if (o->metrics)
            o->metrics->stalled_closed++;
        if (conn_is_news(c, CONN_STALLED, "", again))
            log_warn(o->log, "net", "%s: read nothing of what it was sent for %llu ms, closing the connection%s",
                     conn_name(c, name), (unsigned long long)patience_ms(c), again);
    }
    conn_close_now(c, "the peer took no byte for the time that is allowed");
}

/* The handshake has an end of its own, which no progress moves. */
static bool has_deadline(const struct conn *c)
{
    return c->owner->handshake_timeout_ms && !c->secure && c->state == CONN_OPEN;
}

void conn_watch_stall(struct conn *c)
{
    if (has_deadline(c))
        return;
    c->timer.fire = on_stall;
    timer_start(&conn_loop(c)->timers, &c->timer, patience_ms(c));
}

void conn_end_deadline(struct conn *c)
{
    bool had = has_deadline(c);
    c->secure = true;
    if (!had)
        return;
    timer_stop(&conn_loop(c)->timers, &c->timer);
    if (c->writing)
        conn_watch_stall(c);
}

/* --- the last words --- */

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)status;
    conn_close_now(request->handle->data, NULL);
}

/* All was sent: say goodbye, then close when the peer has it. */
static void shut(struct conn *c)
{
    c->state = CONN_SHUT;
    if (uv_shutdown(&c->request.shutdown, (uv_stream_t *)&c->tcp, on_shutdown))
        conn_close_now(c, NULL);
    else
        conn_watch_stall(c);
}

/* --- bytes --- */

static void on_written(uv_write_t *request, int status);

/* Has libuv write what stands in `unsent`. */
static void write_unsent(struct conn *c)
{
    struct slice all = buf_slice(&c->unsent);
    uv_buf_t b = {(char *)(uintptr_t)all.data, all.len};
    int err = uv_write(&c->request.write, (uv_stream_t *)&c->tcp, &b, 1, on_written);
    if (err) {
        conn_close_now(c, uv_strerror(err));
        return;
    }
    c->writing = true;
    c->stream.unsent = c->unsent.cap + c->waiting.cap;
    conn_watch_stall(c);
}

static void on_written(uv_write_t *request, int status)
{
    struct conn *c = request->handle->data;
    c->writing = false;
    if (c->state == CONN_CLOSING)
        return;
    if (!has_deadline(c))
        timer_stop(&conn_loop(c)->timers, &c->timer);
    buf_release(&c->unsent);
    c->stream.unsent = 0;
    if (status < 0) {
        conn_close_now(c, uv_strerror(status));
    } else if (buf_len(&c->waiting)) {
        struct buf empty = c->unsent;
        c->unsent = c->waiting;
        c->waiting = empty;
        c->waiting.max = LOOP_CHUNK;
        write_unsent(c);
    } else {
        conn_flush(c);
    }
}

static void write_rest(struct conn *c, struct slice rest)
{
    c->unsent.max = rest.len; /* it grows no further: no byte more than that */
    if (buf_append_slice(&c->unsent, rest))
        conn_close_now(c, no_memory);
    else
        write_unsent(c);
}

/* False: the socket takes no more now, or the connection is closed. `last`: have libuv write it, so that this
 * connection goes on in a later turn. */
static bool write_bytes(struct conn *c, struct slice s, bool last)
{
    uv_buf_t b = {(char *)(uintptr_t)s.data, s.len};
    int n = last ? 0 : uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    if (n == UV_EAGAIN)
        n = 0;
    if (n < 0) {
        conn_close_now(c, uv_strerror(n));
        return false;
    }
    if ((size_t)n == s.len)
        return true;
    write_rest(c, slice_skip(s, (size_t)n));
    return false;
}

void conn_send_said(struct conn *c)
{
    struct buf *out = &conn_loop(c)->cipher_out;
    struct slice said = buf_slice(out);
    if (said.len && c->state <= CONN_ENDING && !c->writing)
        write_bytes(c, said, false);
    else if (said.len && c->writing && buf_append_slice(&c->waiting, said))
        conn_close_now(c, "it asks for much without reading the answers"); /* no client and no node does */
    buf_consume(out, buf_len(out));
}

static void send_goodbye(struct conn *c)
{
    struct buf *out = &conn_loop(c)->cipher_out;
    if (c->engine)
        tls_engine_close(c->engine, out);
    struct slice s = buf_slice(out);
    bool gone = s.len == 0 || write_bytes(c, s, false);
    buf_consume(out, buf_len(out));
    if (gone)
        shut(c);
}

/* --- the queue --- */

/* Nothing of the queue leaves before it can leave as it should: in the clear only where the connection begins so. */
static bool can_send(const struct conn *c)
{
    if (c->writing || c->state < CONN_OPEN || c->state > CONN_ENDING)
        return false;
    return c->engine ? tls_engine_open(c->engine) : !c->owner->tls_first;
}

/* Takes up to a chunk from the output queue and makes it ready to be sent in the loop's buffer. */
static int fill(struct conn *c, struct buf *out)
{
    for (size_t total = 0; total < LOOP_CHUNK && outq_len(&c->stream.out);) {
        struct slice s = outq_front(&c->stream.out);
        if (s.len > LOOP_CHUNK - total)
            s.len = LOOP_CHUNK - total;
        int err = c->engine ? tls_engine_write(c->engine, s, out) : buf_append_slice(out, s);
        if (err)
            return err;
        total += s.len;
        outq_consume(&c->stream.out, s.len);
    }
    return 0;
}

/* Sends until the queue is empty or the socket takes no more. */
static void send_queue(struct conn *c, size_t *sent)
{
    struct buf *out = &conn_loop(c)->cipher_out;
    while (can_send(c) && outq_len(&c->stream.out)) {
        int err = fill(c, out);
        struct slice s = buf_slice(out);
        *sent += s.len;
        if (!err)
            write_bytes(c, s, *sent >= FLUSH_MAX);
        else
            conn_close_now(c, err_text(err));
        buf_consume(out, buf_len(out));
    }
}

void conn_flush(struct conn *c)
{
    size_t sent = 0;
    if (c->flushing)
        return;
    c->flushing = true;
    do {
        send_queue(c, &sent);
        if (c->state == CONN_OPEN && can_send(c) && outq_len(&c->stream.out) < STREAM_LOW_WATER)
            c->user->ops->drained(c->user);
    } while (can_send(c) && outq_len(&c->stream.out));
    c->flushing = false;
    if (c->state == CONN_ENDING && !c->writing)
        send_goodbye(c);
}
