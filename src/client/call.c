/* SPDX-License-Identifier: Apache-2.0 */
#include "client/call.h"

#include "client/socket.h"
#include "wire/admin_msg.h"

#include <poll.h>
#include <stdio.h>

#define RECEIVE_SIZE 32768 /* two full records at once */

int call_fail(struct client *c, int err, const char *text)
{
    snprintf(c->error.text, sizeof c->error.text, "%s", text);
    c->dead = true;
    return err;
}

static int fail_conn(struct client *c, int err)
{
    const char *text = client_conn_error(c->conn);
    return call_fail(c, err, *text ? text : err_text(err));
}

struct buf *call_begin(struct client *c)
{
    if (c->dead)
        return NULL;
    c->error = (struct answer_error){0};
    c->changes = false;
    arena_reset(&c->arena);
    return client_conn_requests(c->conn);
}

static int send_some(struct client *c)
{
    size_t n;
    struct slice pending = client_conn_pending(c->conn);
    int err = client_socket_send(c->fd, pending.data, pending.len, &n);
    client_conn_sent(c->conn, n);
    return err == E_AGAIN ? 0 : err;
}

static int receive_some(struct client *c)
{
    uint8_t bytes[RECEIVE_SIZE];
    size_t n;
    int err = client_socket_receive(c->fd, bytes, sizeof bytes, &n);
    if (err == E_AGAIN)
        return 0;
    if (err == E_CLOSED)
        return call_fail(c, err, "the server closed the connection");
    if (err)
        return call_fail(c, err, err_text(err));
    err = client_conn_feed(c->conn, slice_make(bytes, n));
    return err ? fail_conn(c, err) : 0;
}

static int fail_late(struct client *c)
{
    char text[ANSWER_TEXT_MAX];
    snprintf(text, sizeof text, "no answer within %u ms%s", c->timeout_ms,
             c->changes ? ": it is not known whether the request has had its effect" : "");
    return call_fail(c, E_TIMEOUT, text);
}

/* One round: what can be sent is sent, what has come is taken in. A server that refuses a certificate closes while we
 * still write, and says why before that: so a failed send is told only when there is nothing left to read. */
static int turn(struct client *c, uint64_t deadline_ms)
{
    int sent = client_conn_pending(c->conn).len ? send_some(c) : 0;
    short events = (short)(POLLIN | (client_conn_pending(c->conn).len && !sent ? POLLOUT : 0));
    int err = client_socket_wait(c->fd, events, deadline_ms);
    if (err)
        return err == E_TIMEOUT ? fail_late(c) : call_fail(c, err, err_text(err));
    err = receive_some(c);
    return err ? err : sent ? call_fail(c, sent, err_text(sent)) : 0;
}

static int wait_answer(struct client *c, struct frame *out)
{
    uint64_t deadline_ms = client_now_ms() + c->timeout_ms;
    for (;;) {
        int got = client_conn_take(c->conn, out);
        if (got > 0)
            return 0;
        int err = got < 0 ? fail_conn(c, got) : turn(c, deadline_ms);
        if (err)
            return err;
    }
}

int call_ready(struct client *c)
{
    uint64_t deadline_ms = client_now_ms() + c->timeout_ms;
    int err = 0;
    while (!err && client_conn_phase(c->conn) != CLIENT_PHASE_READY)
        err = turn(c, deadline_ms);
    return err;
}

int call_next(struct client *c, uint8_t expected, struct frame *out)
{
    char text[96];
    int err = wait_answer(c, out);
    if (err)
        return err;
    if (out->code == MSG_ERROR_RESP)
        return answer_error_decode(out->body, &c->error);
    if (out->code == expected)
        return 0;
    snprintf(text, sizeof text, "unexpected answer: message code %u instead of %u", out->code, expected);
    return call_fail(c, E_MALFORMED, text);
}

int call_finish(struct client *c, int err, size_t mark, uint8_t expected, struct frame *out)
{
    if (err)
        return call_fail(c, err, err == E_TOO_LARGE ? "the request is too large" : err_text(err));
    if (mark != CALL_WHOLE)
        frame_end(client_conn_requests(c->conn), mark);
    err = client_conn_flush(c->conn);
    return err ? fail_conn(c, err) : call_next(c, expected, out);
}

int call_announce(struct client *c)
{
    struct frame f;
    if (c->announced)
        return 0;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    c->announced = true;
    int err = call_finish(c, admin_timeout_put_req(b, call_server_ms(c)), CALL_WHOLE, MSG_TIMEOUT_RESP, &f);
    return c->dead ? err : 0;
}

int client_exchange(struct client *c, uint8_t code, struct slice body, uint8_t expected, struct frame *out)
{
    size_t mark;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    int err = frame_begin(b, code, &mark);
    if (!err)
        err = buf_append_slice(b, body);
    return call_finish(c, err, mark, expected, out);
}
