#include "net/conn.h"

#include "base/assert.h"
#include "base/err.h"
#include "net/listener.h"

#include <stdio.h>
#include <stdlib.h>

#define FLUSH_MAX     (4 * LOOP_CHUNK)    /* sent at once by one connection in one turn; the rest when that has left */
#define HANDSHAKE_MAX ((size_t)64 * 1024) /* bytes of a handshake that wait for their turn: a flight is a few KB */
#define KEEPALIVE_S   60

/* OPEN -> ENDING (what is queued leaves, nothing is read) -> SHUT (FIN is on its way) -> CLOSING (libuv closes) */
enum conn_state { CONN_OPEN, CONN_ENDING, CONN_SHUT, CONN_CLOSING };

struct conn {
    struct stream stream;
    struct listener *listener;
    enum conn_state state;
    bool reading, paused, stranger, writing, flushing, wants_tls;
    uint64_t read_in; /* the loop's round */
    uv_tcp_t tcp;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct buf unsent;  /* ciphertext that libuv is writing */
    struct buf waiting; /* what the engine has to say meanwhile */
    struct buf held;    /* ciphertext of a handshake that waits for its turn */
    struct tls_engine *engine;
    struct list link;  /* of the listener */
    struct list queue; /* of the loop: handshakes */
    struct timer stall;
    struct session session;
};

static void flush(struct conn *c);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);

static struct conn *conn_of(struct stream *s)
{
    return LIST_ENTRY(s, struct conn, stream);
}

static struct net_loop *loop_of(const struct conn *c)
{
    return c->listener->loop;
}

struct list *conn_link(struct conn *c)
{
    return &c->link;
}

struct conn *conn_of_link(struct list *link)
{
    return LIST_ENTRY(link, struct conn, link);
}

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    session_fini(&c->session);
    tls_engine_destroy(&c->engine);
    outq_fini(&c->stream.out);
    buf_fini(&c->unsent);
    buf_fini(&c->waiting);
    buf_fini(&c->held);
    listener_gone(c->listener, c, c->stranger);
    free(c);
}

static void close_now(struct conn *c)
{
    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    list_remove(&c->queue);
    timer_stop(&loop_of(c)->timers, &c->stall);
    session_closed(&c->session);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    close_now(req->handle->data);
}

static void on_stall(struct timer *t)
{
    struct conn *c = LIST_ENTRY(t, struct conn, stall);
    if (c->state == CONN_OPEN || c->state == CONN_ENDING) {
        c->listener->server->metrics->stalled_closed++;
        log_warn(c->listener->server->log, "net", "%s: took no byte of an answer for %llu ms, closing the connection",
                 c->session.name, (unsigned long long)c->listener->config.stall_timeout_ms);
    }
    close_now(c);
}

static void watch_stall(struct conn *c)
{
    c->stall.fire = on_stall;
    if (timer_start(&loop_of(c)->timers, &c->stall, c->listener->config.stall_timeout_ms))
        close_now(c);
}

/* All was sent: say goodbye, then close when the peer has it. */
static void shut(struct conn *c)
{
    c->state = CONN_SHUT;
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown))
        close_now(c);
    else
        watch_stall(c);
}

/* --- writing --- */

static void on_written(uv_write_t *req, int status);

/* Has libuv write what stands in `unsent`. */
static void write_unsent(struct conn *c)
{
    struct slice all = buf_slice(&c->unsent);
    uv_buf_t b = {(char *)(uintptr_t)all.data, all.len};
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written)) {
        close_now(c);
        return;
    }
    c->writing = true;
    watch_stall(c);
}

static void on_written(uv_write_t *req, int status)
{
    struct conn *c = req->handle->data;
    c->writing = false;
    if (c->state == CONN_CLOSING)
        return;
    timer_stop(&loop_of(c)->timers, &c->stall);
    buf_release(&c->unsent);
    if (status < 0) {
        close_now(c);
    } else if (buf_len(&c->waiting)) {
        struct buf empty = c->unsent;
        c->unsent = c->waiting;
        c->waiting = empty;
        write_unsent(c);
    } else {
        flush(c);
    }
}

static void write_rest(struct conn *c, struct slice rest)
{
    if (buf_append_slice(&c->unsent, rest))
        close_now(c);
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
        close_now(c);
        return false;
    }
    if ((size_t)n == s.len)
        return true;
    write_rest(c, slice_skip(s, (size_t)n));
    return false;
}

/* Takes up to a chunk from the output queue and makes it ready to be sent in the loop's buffer. */
static int fill(struct conn *c, struct buf *out)
{
    for (size_t total = 0; total < LOOP_CHUNK && outq_len(&c->stream.out);) {
        struct slice s = outq_front(&c->stream.out);
        if (s.len > LOOP_CHUNK - total)
            s.len = LOOP_CHUNK - total;
        int err = c->engine && !c->wants_tls ? tls_engine_write(c->engine, s, out) : buf_append_slice(out, s);
        if (err)
            return err;
        total += s.len;
        outq_consume(&c->stream.out, s.len);
    }
    return 0;
}

static void send_goodbye(struct conn *c)
{
    struct buf *out = &loop_of(c)->cipher_out;
    if (c->engine)
        tls_engine_close(c->engine, out);
    struct slice s = buf_slice(out);
    bool gone = s.len == 0 || write_bytes(c, s, false);
    buf_consume(out, buf_len(out));
    if (gone)
        shut(c);
}

static void after_flush(struct conn *c)
{
    if (c->wants_tls) { /* the answer to StartTls has left in the clear: all that follows is TLS */
        c->wants_tls = false;
        if (tls_engine_create(c->listener->tls, &c->engine))
            close_now(c);
    }
}

/* Sends until the queue is empty or the socket takes no more. */
static void send_queue(struct conn *c, size_t *sent)
{
    struct buf *out = &loop_of(c)->cipher_out;
    while (!c->writing && c->state <= CONN_ENDING && outq_len(&c->stream.out)) {
        int err = fill(c, out);
        struct slice s = buf_slice(out);
        *sent += s.len;
        if (!err)
            write_bytes(c, s, *sent >= FLUSH_MAX);
        else
            close_now(c);
        buf_consume(out, buf_len(out));
    }
}

/* Sends, lets the session go on where it waited for room, and so on; not for longer than its share of a turn. */
static void flush(struct conn *c)
{
    size_t sent = 0;
    if (c->flushing)
        return;
    c->flushing = true;
    do {
        send_queue(c, &sent);
        if (c->state == CONN_OPEN && !c->writing && outq_len(&c->stream.out) < STREAM_LOW_WATER)
            session_drained(&c->session);
    } while (!c->writing && c->state <= CONN_ENDING && outq_len(&c->stream.out));
    c->flushing = false;
    if (c->state == CONN_ENDING && !c->writing)
        send_goodbye(c);
}

/* --- reading --- */

static void set_reading(struct conn *c)
{
    bool want = c->state == CONN_OPEN && !c->paused && list_empty(&c->queue);
    if (want == c->reading)
        return;
    c->reading = want;
    if (!want)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read))
        close_now(c);
}

static void note_authenticated(struct conn *c)
{
    if (c->stranger && c->session.state == SESSION_READY) {
        c->stranger = false;
        listener_authenticated(c->listener);
    }
}

static void give_to_session(struct conn *c, struct slice plain)
{
    size_t taken = session_input(&c->session, plain);
    ASSERT(taken == plain.len);
}

static void on_handshake_done(struct conn *c)
{
    const struct tls_peer *peer = tls_engine_peer(c->engine);
    struct metrics *m = c->listener->server->metrics;
    struct session_peer p = {.cn_count = peer->has_cert ? peer->cn_count : 0};
    memcpy(p.cn, peer->cn, sizeof p.cn);
    if (tls_engine_resumed(c->engine))
        m->handshakes_resumed++;
    else
        m->handshakes_full++;
    session_secure(&c->session, &p);
}

static void on_tls_end(struct conn *c, int err, bool was_open)
{
    if (err != E_CLOSED && !was_open) {
        c->listener->server->metrics->handshakes_failed++;
        log_info(c->listener->server->log, "tls", "%s: handshake failed: %s", c->session.name,
                 tls_engine_error(c->engine));
    } else if (err != E_CLOSED) {
        log_info(c->listener->server->log, "tls", "%s: connection failed: %s", c->session.name,
                 tls_engine_error(c->engine));
    }
    c->state = CONN_ENDING;
}

/* Works on ciphertext, all of it. */
static void take_cipher(struct conn *c, struct slice in)
{
    struct net_loop *l = loop_of(c);
    int err = 0;
    bool was_open = false;
    while (!err && c->state == CONN_OPEN) {
        size_t n = 0;
        was_open = tls_engine_open(c->engine);
        err = tls_engine_read(c->engine, &in, l->plain, LOOP_CHUNK, &n, &l->cipher_out);
        if (!was_open && tls_engine_open(c->engine))
            on_handshake_done(c);
        if (!err && n == 0)
            break;
        if (!err)
            give_to_session(c, slice_make(l->plain, n));
    }
    if (err && c->state == CONN_OPEN)
        on_tls_end(c, err, was_open);
    /* What the engine itself has to say (handshake, alerts) goes first: it was written first. */
    struct slice said = buf_slice(&l->cipher_out);
    if (said.len && c->state <= CONN_ENDING && !c->writing)
        write_bytes(c, said, false);
    else if (said.len && c->writing && buf_append_slice(&c->waiting, said))
        close_now(c); /* who asks for so much without reading it is no client */
    buf_consume(&l->cipher_out, buf_len(&l->cipher_out));
    note_authenticated(c);
    set_reading(c);
    flush(c);
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
    struct net_loop *l = loop_of(c);
    if (buf_append_slice(&c->held, in)) {
        close_now(c);
        return;
    }
    list_remove(&c->queue);
    list_append(&l->handshakes, &c->queue);
    set_reading(c);
    uv_idle_start(&l->handshaking, on_handshakes);
}

static void take_tls(struct conn *c, struct slice in)
{
    if (tls_engine_open(c->engine))
        take_cipher(c, in);
    else if (in.len)
        queue_handshake(c, in);
}

static void take_plain(struct conn *c, struct slice in)
{
    size_t taken = session_input(&c->session, in);
    flush(c);
    if (!c->wants_tls || c->state != CONN_OPEN)
        return;
    if (c->writing) { /* a few bytes that the socket did not take: no client does that */
        close_now(c);
        return;
    }
    after_flush(c);
    if (c->state == CONN_OPEN)
        take_tls(c, slice_skip(in, taken));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = handle->data;
    (void)suggested;
    bool now = net_loop_may_read(loop_of(c), &c->read_in);
    *buf = (uv_buf_t){now ? (char *)loop_of(c)->cipher_in : NULL, now ? LOOP_CHUNK : 0};
}

/* Who has said all that he wants to say may still be reading. */
static void on_read_end(struct conn *c, int err)
{
    if (err != UV_EOF || c->state != CONN_OPEN) {
        close_now(c);
        return;
    }
    c->state = CONN_ENDING;
    set_reading(c);
    flush(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    if (n == 0 || n == UV_ENOBUFS) /* nothing there, or not in this turn: the bytes stay in the socket */
        return;
    if (n < 0) {
        on_read_end(c, (int)n);
        return;
    }
    struct slice in = slice_make(buf->base, (size_t)n);
    if (c->engine)
        take_tls(c, in);
    else
        take_plain(c, in);
}

/* --- io/stream.h --- */

static void stream_flush(struct stream *s)
{
    struct conn *c = conn_of(s);
    flush(c);
    note_authenticated(c);
}

static void stream_start_tls(struct stream *s)
{
    conn_of(s)->wants_tls = true;
}

static void stream_pause(struct stream *s, bool on)
{
    struct conn *c = conn_of(s);
    c->paused = on;
    set_reading(c);
}

static void on_end_timer(struct timer *t)
{
    struct conn *c = LIST_ENTRY(t, struct conn, stall);
    flush(c);
}

/* Never from inside the session's call: the queue is flushed in a turn of its own, if nothing else does it before. */
static void stream_close(struct stream *s)
{
    struct conn *c = conn_of(s);
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_ENDING;
    set_reading(c);
    if (c->writing)
        return;
    c->stall.fire = on_end_timer;
    if (timer_start(&loop_of(c)->timers, &c->stall, 0))
        close_now(c);
}

static const struct stream_ops ops = {stream_flush, stream_start_tls, stream_pause, stream_close};

void conn_end(struct conn *c)
{
    stream_close(&c->stream);
}

static void peer_name(struct conn *c, char *out, size_t size)
{
    struct sockaddr_storage address;
    int len = sizeof address;
    char host[48] = "?";
    unsigned port = 0;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &len) == 0) {
        uv_ip_name((const struct sockaddr *)&address, host, sizeof host);
        port = ntohs(((const struct sockaddr_in *)&address)->sin_port); /* at the same place in sockaddr_in6 */
    }
    snprintf(out, size, "%s:%u", host, port);
}

int conn_accept(struct listener *from, struct conn **out)
{
    char name[64];
    struct conn *c = calloc(1, sizeof *c);
    if (!c || uv_tcp_init(&from->loop->uv, &c->tcp)) {
        free(c);
        return E_NOMEM;
    }
    c->listener = from;
    c->tcp.data = c;
    c->stranger = true;
    c->stream.ops = &ops;
    outq_init(&c->stream.out);
    buf_init(&c->unsent, SIZE_MAX / 2); /* never more than a chunk and its records' overhead */
    buf_init(&c->waiting, LOOP_CHUNK);
    buf_init(&c->held, HANDSHAKE_MAX);
    list_init(&c->link);
    list_init(&c->queue);
    timer_init(&c->stall, on_stall);
    int err = uv_accept((uv_stream_t *)&from->tcp, (uv_stream_t *)&c->tcp);
    peer_name(c, name, sizeof name);
    int session_err = session_init(&c->session, from->server, &c->stream, name);
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
    *out = c;
    if (err || session_err)
        stream_close(&c->stream);
    set_reading(c);
    return 0;
}
