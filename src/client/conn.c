/* SPDX-License-Identifier: Apache-2.0 */
#include "client/conn.h"

#include "base/assert.h"
#include "client/answer.h"
#include "wire/admin_msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_MAX   16384 /* plaintext of one TLS record */
#define READ_MIN     512   /* room for the plaintext of a small answer */
#define TEXT_MAX     1024  /* bytes of user or password */
#define PENDING_MAX  (CLIENT_FRAME_MAX + CLIENT_FRAME_MAX / 64)
#define RECEIVED_MAX (CLIENT_FRAME_MAX + 2 * RECORD_MAX)

struct client_conn {
    enum client_phase phase;
    int failure; /* the code that ended it */
    struct tls_engine *engine;
    struct buf auth;     /* the RpbAuthReq frame until it is sent */
    struct buf requests; /* plaintext frames not yet encrypted */
    struct buf pending;  /* bytes for the socket */
    struct buf received; /* plaintext frames not yet taken */
    char error[ANSWER_TEXT_MAX];
};

static int fail(struct client_conn *c, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(struct client_conn *c, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
    c->phase = CLIENT_PHASE_FAILED;
    c->failure = err;
    return err;
}

static int fail_tls(struct client_conn *c, int err)
{
    if (err == E_CLOSED)
        return fail(c, err, "the server closed the connection");
    const char *why = tls_engine_error(c->engine);
    return fail(c, err, "TLS: %s", why && *why ? why : err_text(err));
}

static int advance(struct client_conn *c, struct slice in);

static int start(struct client_conn *c, const struct client_conn_config *config)
{
    int err = tls_engine_create(config->tls, &c->engine);
    if (!err && config->user)
        /* A certificate's user sends an empty password, but sends it. */
        err =
            admin_auth_req_put(&c->auth, slice_str(config->user), slice_str(config->password ? config->password : ""));
    if (err)
        return err;
    if (config->resume)
        tls_engine_reuse(c->engine, config->resume->engine);
    if (config->starttls)
        return frame_put_empty(&c->pending, MSG_START_TLS);
    c->phase = CLIENT_PHASE_HANDSHAKE;
    return advance(c, slice_make(NULL, 0));
}

int client_conn_create(const struct client_conn_config *config, struct client_conn **out)
{
    struct client_conn *c = calloc(1, sizeof *c);
    if (!c)
        return E_NOMEM;
    buf_init(&c->auth, 2 * TEXT_MAX);
    buf_init(&c->requests, CLIENT_FRAME_MAX);
    buf_init(&c->pending, PENDING_MAX);
    buf_init(&c->received, RECEIVED_MAX);
    int err = start(c, config);
    if (err) {
        client_conn_destroy(&c);
        return err;
    }
    *out = c;
    return 0;
}

void client_conn_destroy(struct client_conn **conn)
{
    struct client_conn *c = *conn;
    if (!c)
        return;
    tls_engine_destroy(&c->engine);
    buf_fini(&c->auth);
    buf_fini(&c->requests);
    buf_fini(&c->pending);
    buf_fini(&c->received);
    free(c);
    *conn = NULL;
}

enum client_phase client_conn_phase(const struct client_conn *c)
{
    return c->phase;
}

static int encrypt(struct client_conn *c, struct buf *plain)
{
    if (buf_len(plain) == 0)
        return 0;
    int err = tls_engine_write(c->engine, buf_slice(plain), &c->pending);
    buf_consume(plain, buf_len(plain));
    return err ? fail_tls(c, err) : 0;
}

int client_conn_flush(struct client_conn *c)
{
    if (c->phase == CLIENT_PHASE_FAILED)
        return c->failure;
    return c->phase == CLIENT_PHASE_READY ? encrypt(c, &c->requests) : 0;
}

static int become_ready(struct client_conn *c)
{
    c->phase = CLIENT_PHASE_READY;
    return client_conn_flush(c);
}

static int on_open(struct client_conn *c)
{
    if (buf_len(&c->auth) == 0)
        return become_ready(c);
    c->phase = CLIENT_PHASE_AUTH;
    int err = encrypt(c, &c->auth);
    buf_release(&c->auth);
    return err;
}

static int read_frame(struct client_conn *c, struct frame *out)
{
    struct slice rest = buf_slice(&c->received);
    int got = frame_take(&rest, CLIENT_FRAME_MAX, out);
    if (got > 0)
        buf_consume(&c->received, buf_len(&c->received) - rest.len);
    return got < 0 ? fail(c, got, "the server's answer has no proper frame: %s", err_text(got)) : got;
}

static int refused(struct client_conn *c, struct frame f, int err, const char *what)
{
    struct answer_error e;
    if (f.code != MSG_ERROR_RESP)
        return fail(c, E_MALFORMED, "%s: unexpected answer with message code %u", what, f.code);
    if (answer_error_decode(f.body, &e) == E_AGAIN) /* nothing is wrong with who asks */
        return fail(c, E_AGAIN, "%s", e.text);
    return fail(c, err, "%s: %s", what, e.text);
}

static int on_auth_answer(struct client_conn *c)
{
    struct frame f;
    int got = read_frame(c, &f);
    if (got <= 0)
        return got;
    return f.code == MSG_AUTH_RESP ? become_ready(c) : refused(c, f, E_DENIED, "authentication refused");
}

static int on_starttls_answer(struct client_conn *c, struct slice in)
{
    struct frame f;
    int err = buf_append_slice(&c->received, in);
    if (err)
        return fail(c, err, "%s", err_text(err));
    int got = read_frame(c, &f);
    if (got <= 0)
        return got;
    if (f.code != MSG_START_TLS)
        return refused(c, f, E_UNSUPPORTED, "TLS refused");
    /* Whoever speaks before our ClientHello is not the server that we will have verified. */
    if (buf_len(&c->received))
        return fail(c, E_MALFORMED, "bytes in the clear after the answer to RpbStartTls");
    c->phase = CLIENT_PHASE_HANDSHAKE;
    return advance(c, slice_make(NULL, 0));
}

/* The machine's own answers are recognised between two reads, so that a response after RpbAuthResp is not missed. */
static int after_read(struct client_conn *c)
{
    int err = 0;
    if (c->phase == CLIENT_PHASE_HANDSHAKE && tls_engine_open(c->engine))
        err = on_open(c);
    if (!err && c->phase == CLIENT_PHASE_AUTH)
        err = on_auth_answer(c);
    return err;
}

static size_t read_room(struct slice in)
{
    size_t room = in.len > READ_MIN ? in.len : READ_MIN;
    return room < RECORD_MAX ? room : RECORD_MAX;
}

static int advance(struct client_conn *c, struct slice in)
{
    for (;;) {
        uint8_t *room;
        size_t n = 0, cap = read_room(in);
        int err = buf_reserve(&c->received, cap, &room);
        if (err)
            return fail(c, err, "the server's answer is too large for this client");
        err = tls_engine_read(c->engine, &in, room, cap, &n, &c->pending);
        if (err)
            return fail_tls(c, err);
        buf_commit(&c->received, n);
        err = after_read(c);
        if (err)
            return err;
        if (n == 0)
            return 0;
    }
}

int client_conn_feed(struct client_conn *c, struct slice in)
{
    if (c->phase == CLIENT_PHASE_FAILED)
        return c->failure;
    return c->phase == CLIENT_PHASE_STARTTLS ? on_starttls_answer(c, in) : advance(c, in);
}

struct slice client_conn_pending(const struct client_conn *c)
{
    return buf_slice(&c->pending);
}

void client_conn_sent(struct client_conn *c, size_t n)
{
    buf_consume(&c->pending, n);
}

struct buf *client_conn_requests(struct client_conn *c)
{
    return &c->requests;
}

int client_conn_take(struct client_conn *c, struct frame *out)
{
    struct slice rest = buf_slice(&c->received);
    if (c->phase == CLIENT_PHASE_READY)
        return read_frame(c, out);
    if (c->phase != CLIENT_PHASE_FAILED)
        return 0;
    int got = frame_take(&rest, CLIENT_FRAME_MAX, out);
    if (got <= 0)
        return c->failure;
    buf_consume(&c->received, buf_len(&c->received) - rest.len);
    return 1;
}

void client_conn_close(struct client_conn *c)
{
    if (tls_engine_open(c->engine))
        tls_engine_close(c->engine, &c->pending);
}

bool client_conn_resumed(const struct client_conn *c)
{
    return tls_engine_resumed(c->engine);
}

const char *client_conn_tls_version(const struct client_conn *c)
{
    return tls_engine_version(c->engine);
}

const char *client_conn_tls_cipher(const struct client_conn *c)
{
    return tls_engine_cipher(c->engine);
}

int64_t client_conn_server_not_after(const struct client_conn *c)
{
    const struct tls_peer *peer = tls_engine_peer(c->engine);
    return peer->has_cert ? peer->not_after : 0;
}

int client_conn_chain_pem(const struct client_conn *c, struct buf *out)
{
    return tls_engine_chain_pem(c->engine, out);
}

const char *client_conn_error(const struct client_conn *c)
{
    return c->error;
}
