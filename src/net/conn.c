/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "net/conn_impl.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define KEEPALIVE_S 60
/* Between nodes heartbeats go both ways all the time, so that the kernel always waits for an acknowledgement. After 10
 * s without one the machine is gone or cut off: elections are long over, and what is queued for it only holds memory. A
 * shorter time would cut what a retransmission or two would heal. */
#define NODE_SILENCE_MS  10000
#define NODE_KEEPALIVE_S 5

/* Of a client, in the kernel, beyond what is on its way: the kernel's memory for it counts against the control group's
 * limit, and would be megabytes for each one who does not read. */
#define CLIENT_UNSENT_MAX (256 * 1024)

static struct conn *conn_of(struct stream *s)
{
    return LIST_ENTRY(s, struct conn, stream);
}

struct stream *conn_stream(struct conn *c)
{
    return &c->stream;
}

static void write_name(const struct sockaddr *address, char out[CONN_NAME_SIZE])
{
    char host[48] = "?";
    bool v6 = address->sa_family == AF_INET6;
    uv_ip_name(address, host, sizeof host);
    /* The port is at the same place in sockaddr_in6. */
    snprintf(out, CONN_NAME_SIZE, v6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port));
}

const char *conn_name(const struct conn *c, char out[CONN_NAME_SIZE])
{
    write_name(&c->peer.any, out);
    return out;
}

bool conn_is_news(struct conn *c, enum conn_cause cause, const char *why, char again[REPEATS_TEXT_SIZE])
{
    char host[48] = "?", subject[REPEATS_SUBJECT_SIZE];
    uv_ip_name(&c->peer.any, host, sizeof host);
    snprintf(subject, sizeof subject, "%s %s", host, why);
    return repeats_log(&c->owner->repeats, c->owner->log, clock_boot_ms(&conn_loop(c)->clock), cause, subject, again);
}

int conn_parse_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) == 0 ||
        uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) == 0)
        return 0;
    return E_INVALID;
}

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    struct conn_owner *owner = c->owner;
    if (c->user)
        c->user->ops->closed(c->user, c->why ? c->why : "closed here");
    tls_engine_destroy(&c->engine);
    outq_fini(&c->stream.out);
    buf_fini(&c->unsent);
    buf_fini(&c->waiting);
    buf_fini(&c->held);
    list_remove(&c->link);
    owner->count--;
    owner->ops->gone(owner, c);
    free(c);
}

void conn_close_now(struct conn *c, const char *why)
{
    if (!c->why)
        c->why = why;
    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    list_remove(&c->queue);
    conn_calm(c);
    stranger_waits(&c->stranger); /* its place is free when it is gone */
    timer_stop(&conn_loop(c)->timers, &c->timer);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void conn_leave(struct conn *c, const char *why)
{
    if (!c->why)
        c->why = why;
    c->state = CONN_ENDING;
}

static void on_deadline(struct timer *t)
{
    struct conn *c = LIST_ENTRY(t, struct conn, timer);
    const struct conn_owner *o = c->owner;
    char name[CONN_NAME_SIZE], again[REPEATS_TEXT_SIZE];
    if (o->metrics)
        o->metrics->handshakes_timed_out++;
    if (conn_is_news(c, CONN_NO_HANDSHAKE, "", again))
        log_info(o->log, "tls", "%s: no handshake within %llu ms, closing the connection%s", conn_name(c, name),
                 (unsigned long long)o->handshake_timeout_ms, again);
    conn_close_now(c, c->state == CONN_CONNECTING ? "no connection within the time for it"
                                                  : "no handshake within the time for it");
}

static void watch_handshake(struct conn *c)
{
    uint64_t timeout_ms = c->owner->handshake_timeout_ms;
    c->timer.fire = on_deadline;
    if (timeout_ms)
        timer_start(&conn_loop(c)->timers, &c->timer, timeout_ms);
}

/* --- io/stream.h --- */

static void stream_flush(struct stream *s)
{
    conn_flush(conn_of(s));
}

static void stream_start_tls(struct stream *s, bool bare)
{
    conn_of(s)->wants_tls = true;
    conn_of(s)->bare = bare;
}

static void stream_pause(struct stream *s, bool on)
{
    struct conn *c = conn_of(s);
    c->paused = on;
    conn_set_reading(c);
}

static void on_end_timer(struct timer *t)
{
    conn_flush(LIST_ENTRY(t, struct conn, timer));
}

/* Never from inside the user's call: the queue is flushed in a turn of its own, if nothing else does it before. */
static void end(struct conn *c, const char *why)
{
    if (c->state == CONN_CONNECTING)
        conn_close_now(c, why);
    if (c->state != CONN_OPEN)
        return;
    conn_leave(c, why);
    conn_set_reading(c);
    if (c->writing) {
        conn_watch_stall(c);
        return;
    }
    c->timer.fire = on_end_timer;
    timer_start(&conn_loop(c)->timers, &c->timer, 0);
}

static void stream_close(struct stream *s)
{
    end(conn_of(s), "closed here");
}

bool conn_trust(struct conn *c)
{
    if (!c->trusted && c->state != CONN_CLOSING)
        c->trusted = c->owner->ops->trusted(c->owner, c);
    return c->trusted;
}

void conn_heard(struct conn *c)
{
    if (c->stranger.counted && c->state != CONN_CLOSING)
        strangers_heard(c->owner->strangers, &c->stranger, clock_boot_ms(&conn_loop(c)->clock));
}

static bool stream_trusted(struct stream *s)
{
    return conn_trust(conn_of(s));
}

static const struct stream_ops ops = {stream_flush, stream_start_tls, stream_pause, stream_close, stream_trusted};

void conn_end(struct conn *c)
{
    end(c, "closed here");
}

void conn_end_all(struct conn_owner *owner)
{
    for (struct list *i = owner->conns.next, *next; i != &owner->conns; i = next) {
        next = i->next;
        conn_end(LIST_ENTRY(i, struct conn, link));
    }
}

/* --- the beginning --- */

static struct conn *create(struct conn_owner *owner, enum conn_state state)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c || uv_tcp_init(&owner->loop->uv, &c->tcp)) {
        free(c);
        return NULL;
    }
    c->owner = owner;
    c->state = state;
    c->tcp.data = c;
    c->stream.ops = &ops;
    outq_init(&c->stream.out);
    buf_init(&c->unsent, SIZE_MAX / 2); /* never more than a chunk and its records' overhead */
    buf_init(&c->waiting, LOOP_CHUNK);
    buf_init(&c->held, HANDSHAKE_MAX);
    list_init(&c->link);
    list_init(&c->queue);
    list_init(&c->busy);
    list_init(&c->stranger.queue);
    timer_init(&c->timer, on_deadline);
    list_append(&owner->conns, &c->link);
    owner->count++;
    return c;
}

static void set_socket(struct conn *c)
{
    uv_os_fd_t fd;
    unsigned silence_ms = NODE_SILENCE_MS, unsent_max = CLIENT_UNSENT_MAX;
    bool nodes = c->owner->between_nodes;
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, nodes ? NODE_KEEPALIVE_S : KEEPALIVE_S);
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd))
        return;
    if (nodes)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
    else
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max);
}

/* There is a socket at both ends. */
static void begin(struct conn *c, bool as_client)
{
    set_socket(c);
    if (c->owner->tls_first)
        conn_begin_tls(c, as_client);
    conn_set_reading(c);
}

/* A port of both families tells IPv4 addresses mapped into IPv6: people are shown IPv4. */
static void unmap(struct sockaddr_in6 *v6, struct sockaddr_in *v4)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
    if (v6->sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return;
    memcpy(&out.sin_addr, v6->sin6_addr.s6_addr + 12, sizeof out.sin_addr);
    *v4 = out;
}

static bool is_expected(const struct conn *c, struct acceptor *acceptor)
{
    char host[48];
    return acceptor->ops->expects && uv_ip_name(&c->peer.any, host, sizeof host) == 0 &&
           acceptor->ops->expects(acceptor, host);
}

int conn_accept(struct conn_owner *owner, uv_tcp_t *listening, struct acceptor *acceptor, struct conn **out)
{
    struct conn *c = create(owner, CONN_OPEN);
    if (!c)
        return E_NOMEM;
    int len = sizeof c->peer, err = uv_accept((uv_stream_t *)listening, (uv_stream_t *)&c->tcp);
    if (!err)
        uv_tcp_getpeername(&c->tcp, &c->peer.any, &len);
    unmap(&c->peer.v6, &c->peer.v4);
    stranger_init(&c->stranger, owner->strangers, &c->peer.any, is_expected(c, acceptor),
                  clock_boot_ms(&conn_loop(c)->clock));
    if (err)
        conn_close_now(c, uv_strerror(err));
    *out = c;
    return 0;
}

void conn_admit(struct conn *c, struct acceptor *acceptor)
{
    char name[CONN_NAME_SIZE];
    if (c->state != CONN_OPEN)
        return;
    c->user = acceptor->ops->accepted(acceptor, &c->stream, conn_name(c, name));
    if (!c->user) {
        conn_close_now(c, NULL);
        return;
    }
    watch_handshake(c);
    begin(c, false);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct conn *c = request->handle->data;
    if (c->state != CONN_CONNECTING)
        return;
    if (status) {
        conn_close_now(c, uv_strerror(status));
        return;
    }
    c->state = CONN_OPEN;
    begin(c, true);
}

int conn_dial(struct conn_owner *owner, const struct sockaddr *to, struct stream_user *user, struct conn **out)
{
    struct conn *c = create(owner, CONN_CONNECTING);
    if (!c)
        return E_NOMEM;
    if (to->sa_family == AF_INET6)
        memcpy(&c->peer.v6, to, sizeof c->peer.v6);
    else
        memcpy(&c->peer.v4, to, sizeof c->peer.v4);
    c->user = user;
    *out = c;
    int err = uv_tcp_connect(&c->request.connect, &c->tcp, to, on_connect);
    if (err) /* no route, for example: heard as a refusal is */
        conn_close_now(c, uv_strerror(err));
    else
        watch_handshake(c);
    return 0;
}
