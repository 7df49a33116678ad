/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "base/err.h"
#include "net/conn_impl.h"

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);

static void set_reading(struct conn *c, bool want)
{
    if (want == c->reading)
        return;
    c->reading = want;
    int err = 0;
    if (!want)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else
        err = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (err)
        conn_close_now(c, uv_strerror(err));
}

/* A pause, such as that between a request and its answer, mostly ends before more has come in. To stop and to begin
 * again would cost two calls of epoll's: a connection that is paused stops only when there is something to read. */
void conn_set_reading(struct conn *c)
{
    bool may = c->state == CONN_OPEN && list_empty(&c->queue);
    set_reading(c, may && (!c->paused || c->reading));
}

static void stop_paused(struct conn *c)
{
    if (c->paused)
        set_reading(c, false);
}

/* --- encrypted --- */

static void give_to_user(struct conn *c, struct slice plain)
{
    size_t taken = c->user->ops->input(c->user, plain);
    ASSERT(taken == plain.len);
}

static void count_handshake(struct conn *c)
{
    struct metrics *m = c->owner->metrics;
    if (m && tls_engine_resumed(c->engine))
        m->handshakes_resumed++;
    else if (m)
        m->handshakes_full++;
}

static void on_handshake_done(struct conn *c)
{
    const struct tls_peer *peer = tls_engine_peer(c->engine);
    struct stream_peer p = {.cn_count = peer->has_cert ? peer->cn_count : 0, .is_node = peer->is_node};
    p.not_after = peer->has_cert ? peer->not_after : 0;
    memcpy(p.cn, peer->cn, sizeof p.cn);
    p.incarnation = peer->incarnation;
    count_handshake(c);
    conn_end_deadline(c);
    c->is_node = peer->is_node;
    if (c->owner->between_nodes && !conn_trust(c))
        conn_close_now(c, "there is no place for another connection of a node");
    else
        c->user->ops->secure(c->user, &p);
}

static void on_tls_end(struct conn *c, int err, bool was_open)
{
    const struct conn_owner *o = c->owner;
    const char *why = err == E_CLOSED ? "the peer said goodbye" : tls_engine_error(c->engine);
    char name[CONN_NAME_SIZE], again[REPEATS_TEXT_SIZE];
    if (err != E_CLOSED) {
        if (!was_open && o->metrics)
            o->metrics->handshakes_failed++;
        if (conn_is_news(c, CONN_TLS_FAILED, why, again))
            log_info(o->log, "tls", "%s: %s failed: %s%s", conn_name(c, name), was_open ? "connection" : "handshake",
                     why, again);
    }
    conn_leave(c, why);
}

void conn_calm(struct conn *c)
{
    if (list_empty(&c->busy))
        return;
    list_remove(&c->busy);
    conn_loop(c)->busy_count--;
    tls_engine_keep_buffers(c->engine, false);
}

/* The one that is read now is busy; the one that was not for longest is no longer. */
static void note_busy(struct conn *c)
{
    struct net_loop *l = conn_loop(c);
    if (list_empty(&c->busy)) {
        tls_engine_keep_buffers(c->engine, true);
        l->busy_count++;
    }
    list_remove(&c->busy);
    list_append(&l->busy, &c->busy);
    if (l->busy_count > LOOP_BUSY_MAX)
        conn_calm(LIST_ENTRY(l->busy.next, struct conn, busy));
}

/* Works on ciphertext, all of it. What the engine itself has to say (handshake, alerts) leaves first: it was written
 * first, and the user may use the loop's buffer for others. */
static void take_cipher(struct conn *c, struct slice in)
{
    struct net_loop *l = conn_loop(c);
    int err = 0;
    while (!err && c->state == CONN_OPEN) {
        size_t n = 0;
        bool was_open = tls_engine_open(c->engine);
        err = tls_engine_read(c->engine, &in, l->plain, LOOP_CHUNK, &n, &l->cipher_out);
        bool opened = !was_open && tls_engine_open(c->engine);
        if (err)
            on_tls_end(c, err, was_open);
        conn_send_said(c);
        if (opened && c->state <= CONN_ENDING)
            on_handshake_done(c);
        if (!err && n == 0)
            break;
        if (!err && c->state == CONN_OPEN)
            give_to_user(c, slice_make(l->plain, n));
        if (in.len == 0 && !tls_engine_pending(c->engine))
            break;
    }
    conn_set_reading(c);
    conn_flush(c);
}

/* --- the queue of handshakes --- */

static void on_handshakes(uv_idle_t *idle)
{
    struct net_loop *l = idle->data;
    uint64_t end = clock_precise_us(&l->clock) + HANDSHAKE_US;
    while (!list_empty(&l->handshakes)) {
        struct conn *c = LIST_ENTRY(l->handshakes.next, struct conn, queue);
        struct buf held = c->held;
        buf_init(&c->held, HANDSHAKE_MAX);
        list_remove(&c->queue);
        conn_heard(c);
        take_cipher(c, buf_slice(&held));
        buf_fini(&held);
        if (clock_precise_us(&l->clock) >= end)
            break;
    }
    if (list_empty(&l->handshakes))
        uv_idle_stop(idle);
}

static void queue_handshake(struct conn *c, struct slice in)
{
    struct net_loop *l = conn_loop(c);
    if (in.len && buf_append_slice(&c->held, in)) {
        conn_close_now(c, "a handshake that is too long");
        return;
    }
    list_remove(&c->queue);
    list_append(&l->handshakes, &c->queue);
    stranger_waits(&c->stranger);
    conn_set_reading(c);
    uv_idle_start(&l->handshaking, on_handshakes);
}

static void take_tls(struct conn *c, struct slice in)
{
    if (tls_engine_open(c->engine))
        take_cipher(c, in);
    else if (in.len)
        queue_handshake(c, in);
}

void conn_begin_tls(struct conn *c, bool as_client)
{
    if (tls_engine_create(c->owner->tls, &c->engine))
        conn_close_now(c, err_text(E_NOMEM));
    else if (c->bare)
        tls_engine_take_bare(c->engine);
    else if (as_client)
        queue_handshake(c, slice_make(NULL, 0));
}

/* --- in the clear --- */

static void take_plain(struct conn *c, struct slice in)
{
    size_t taken = c->user->ops->input(c->user, in);
    conn_flush(c);
    if (!c->wants_tls || c->state != CONN_OPEN)
        return;
    if (c->writing) { /* a few bytes that the socket did not take: no client does that */
        conn_close_now(c, "it reads no answers in the clear");
        return;
    }
    /* The answer to StartTls has left in the clear: all that follows is TLS. */
    c->wants_tls = false;
    conn_begin_tls(c, false);
    if (c->state == CONN_OPEN)
        take_tls(c, slice_skip(in, taken));
}

/* --- the socket --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = handle->data;
    (void)suggested;
    bool now = !c->paused && net_loop_may_read(conn_loop(c), &c->read_in);
    *buf = (uv_buf_t){now ? (char *)conn_loop(c)->cipher_in : NULL, now ? LOOP_CHUNK : 0};
}

/* Who has said all that he wants to say may still be reading. */
static void on_read_end(struct conn *c, int err)
{
    if (err != UV_EOF || c->state != CONN_OPEN) {
        conn_close_now(c, uv_strerror(err));
        return;
    }
    conn_leave(c, "the peer closed the connection");
    conn_set_reading(c);
    conn_flush(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    if (n == 0 || n == UV_ENOBUFS) { /* nothing there, or not now: the bytes stay in the socket */
        stop_paused(c);
        return;
    }
    if (n < 0) {
        on_read_end(c, (int)n);
        return;
    }
    struct slice in = slice_make(buf->base, (size_t)n);
    conn_heard(c);
    if (c->engine && tls_engine_open(c->engine))
        note_busy(c);
    if (c->engine)
        take_tls(c, in);
    else
        take_plain(c, in);
}
