/* SPDX-License-Identifier: Apache-2.0 */
#include "session/session_parts.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdio.h>
#include <strings.h>

/* A part of a small frame, or a whole one that is under way, and what one read brings while the stream is being paused.
 */
#define KEPT_MAX ((size_t)1024 * 1024)

static void on_deadline(struct timer *t);
static void on_login(struct login *l, const struct outcome *refused);
static void on_pause_timer(struct timer *t);
static void on_turn(struct turn *t);

/* --- the transport's calls --- */

static struct session *session_of_user(struct stream_user *u)
{
    return LIST_ENTRY(u, struct session, user);
}

static size_t on_input(struct stream_user *u, struct slice in)
{
    return session_input(session_of_user(u), in);
}

static void on_secure(struct stream_user *u, const struct stream_peer *peer)
{
    struct session *s = session_of_user(u);
    ASSERT(s->state == SESSION_HANDSHAKE);
    ASSERT(buf_len(&s->kept) == 0); /* what came in the clear is never taken for encrypted */
    s->who.name_count = peer->cn_count;
    memcpy(s->who.certificate_name, peer->cn, sizeof s->who.certificate_name);
    s->who.not_after = peer->not_after;
    s->who.is_node = peer->is_node;
    s->state = SESSION_STRANGER;
}

void session_go_on_now(struct session *s)
{
    session_go_on f = s->go_on;
    s->go_on = NULL;
    if (f && session_is_alone(s) && s->state != SESSION_CLOSED) {
        s->request = session_first(s);
        f(s);
    }
    session_resume(s);
}

static void on_drained(struct stream_user *u)
{
    struct session *s = session_of_user(u);
    session_settle(s);
    if (s->go_on && !s->waits && !turn_waits(&s->turn) && !timer_runs(&s->pause_timer))
        session_go_on_now(s);
    if (session_has_shelved(s) || ((s->paused || buf_len(&s->kept)) && session_can_go_on(s)))
        session_resume(s);
}

/* Whatever is under way: nobody is there for its answer. */
static void forget_all(struct session *s)
{
    s->state = SESSION_CLOSED;
    session_stop_waiting(s); /* before it gives back what would be granted to itself */
    timer_stop(s->server->timers, &s->deadline);
    timer_stop(s->server->timers, &s->pause_timer);
    turn_forget(&s->turn);
    login_forget(&s->login);
    session_forget_requests(s);
    session_drop_line(s);
    session_drop_body(s);
    session_forget_memory(s);
    list_remove(&s->unflushed);
    buf_release(&s->kept);
    s->protocol->closed(s);
}

static void on_closed(struct stream_user *u, const char *why)
{
    struct session *s = session_of_user(u);
    log_debug(s->server->log, "session", "%s: closed: %s", s->name, why);
    forget_all(s);
}

static const struct stream_user_ops user_ops = {on_input, on_secure, on_drained, on_closed};

void session_init(struct session *s, struct session_door *door, struct stream *stream, const char *peer_address)
{
    struct server *server = door->server;
    *s = (struct session){
        .user = {&user_ops}, .door = door, .protocol = door->protocol, .server = server, .stream = stream};
    snprintf(s->name, sizeof s->name, "%s", peer_address);
    s->who.address = s->name;
    buf_init(&s->kept, KEPT_MAX);
    budget_waiter_init(&s->waiter, session_on_granted);
    login_init(&s->login, on_login);
    timer_init(&s->deadline, on_deadline);
    timer_init(&s->pause_timer, on_pause_timer);
    turn_init(&s->turn, on_turn);
    timer_init(&s->wait_timer, session_on_wait_over);
    list_init(&s->line);
    list_init(&s->unflushed);
    session_memory_init(s);
    server->metrics->connections_open++;
    timer_start(server->timers, &s->deadline, server->config.handshake_timeout_ms);
}

/* Whose certificate the peer has shown: with a password it may be another's than the user's. */
static const char *certificate_name(const struct session *s)
{
    return *s->who.certificate_name && strcasecmp(s->who.certificate_name, s->who.user) != 0 ? s->who.certificate_name
                                                                                             : s->who.user;
}

void session_fini(struct session *s)
{
    forget_all(s);
    session_memory_fini(s);
    if (s->cert_is_noted)
        client_certs_close(&s->server->client_certs, s->server->clock, certificate_name(s), s->who.not_after);
    s->server->metrics->connections_open--;
}

/* --- answers --- */

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
    login_forget(&s->login);
    session_forget_requests(s);
    s->stream->ops->close(s->stream);
}

/* --- the states --- */

void session_start_tls(struct session *s)
{
    s->state = SESSION_HANDSHAKE;
    s->stream->ops->start_tls(s->stream, login_takes_bare(&s->server->api, s->name));
}

static void answer_refused(struct session *s)
{
    static const struct outcome refused = {.code = OUTCOME_NOT_LET_IN};
    s->protocol->logged_in(s, &refused);
    if (s->auth_failures >= AUTH_TRIES)
        session_end(s);
    else
        timer_start(s->server->timers, &s->deadline, s->server->config.handshake_timeout_ms);
    session_finish(s);
}

/* A node's lives for minutes: an operator's tool has made it. */
static void note_certificate(struct session *s)
{
    struct server *server = s->server;
    if (!s->who.not_after || s->who.is_node)
        return;
    client_certs_open(&server->client_certs, server->clock, server->log, certificate_name(s), s->who.not_after);
    s->cert_is_noted = true;
}

static void let_in(struct session *s)
{
    struct server *server = s->server;
    timer_stop(server->timers, &s->deadline);
    if (!s->stream->ops->trusted(s->stream)) {
        static const struct outcome full = {.code = OUTCOME_TOO_MANY_CONNECTIONS};
        s->protocol->refuse(s, &full);
        session_end(s);
        return;
    }
    s->state = SESSION_READY;
    session_use_share(s, s->who.user);
    note_certificate(s);
    s->protocol->logged_in(s, NULL);
}

bool session_is_news(struct session *s, enum session_said what, char again[REPEATS_TEXT_SIZE])
{
    char subject[REPEATS_SUBJECT_SIZE];
    const char *port = strrchr(s->name, ':');
    int host = port ? (int)(port - s->name) : (int)strlen(s->name);
    snprintf(subject, sizeof subject, "%.*s %s", host, s->name, what == SAID_NOT_LET_IN ? s->who.user : "");
    return repeats_log(&s->server->repeats, s->server->log, clock_boot_ms(s->server->clock), what, subject, again);
}

/* Behind session_begin_wait(). The answer is delayed against guessing, by the same time whatever was checked before;
 * the deadline must not run out meanwhile. */
static void keep_out(struct session *s, const char *why)
{
    struct server *server = s->server;
    uint64_t took_ms = clock_boot_ms(server->clock) - s->login_ms, delay_ms = server->config.auth_failure_delay_ms;
    s->auth_failures++;
    char again[REPEATS_TEXT_SIZE];
    if (session_is_news(s, SAID_NOT_LET_IN, again))
        log_warn(server->log, "security", "%s: '%s' (certificate of '%s') is not let in: %s%s", s->name, s->who.user,
                 s->who.certificate_name, why, again);
    timer_stop(server->timers, &s->deadline);
    session_later(s, took_ms < delay_ms ? delay_ms - took_ms : 0, answer_refused);
}

static void on_login(struct login *l, const struct outcome *refused)
{
    struct session *s = LIST_ENTRY(l, struct session, login);
    if (refused) {
        keep_out(s, refused->why);
        return;
    }
    let_in(s);
    session_finish(s);
}

void session_login(struct session *s, struct slice user, struct slice password)
{
    struct outcome refused;
    s->login_ms = clock_boot_ms(s->server->clock);
    switch (login_begin(&s->server->api, &s->login, &s->who, user, password, &refused)) {
    case LOGIN_ACCEPTED:
        let_in(s);
        break;
    case LOGIN_REFUSED:
        session_begin_wait(s);
        keep_out(s, refused.why);
        break;
    case LOGIN_PENDING:
        session_begin_wait(s);
        break;
    }
}

/* --- requests that take longer --- */

void session_when_drained(struct session *s, session_go_on f)
{
    s->go_on = f;
}

void session_flush(struct session *s)
{
    session_settle(s);
    if (s->state != SESSION_CLOSED)
        s->stream->ops->flush(s->stream);
}

void session_flush_later(struct session *s)
{
    struct server *server = s->server;
    if (!list_empty(&s->unflushed))
        return;
    list_append(&server->unflushed, &s->unflushed);
    if (!timer_runs(&server->flush))
        timer_start(server->timers, &server->flush, 0);
}

bool session_push(struct session *s, struct slice bytes)
{
    struct outq *out = &s->stream->out;
    bool slow = outq_len(out) + bytes.len > STREAM_HIGH_WATER || session_is_short(s);
    if (slow || s->state != SESSION_READY || buf_append_slice(outq_tail(out), bytes))
        return false;
    session_settle(s);
    session_flush_later(s);
    return true;
}

void session_on_flush(struct timer *t)
{
    struct server *server = LIST_ENTRY(t, struct server, flush);
    struct list now;
    list_take(&server->unflushed, &now);
    while (!list_empty(&now)) {
        struct session *s = LIST_ENTRY(now.next, struct session, unflushed);
        list_remove(&s->unflushed);
        session_flush(s);
    }
}

void session_later(struct session *s, uint64_t delay_ms, session_go_on f)
{
    s->go_on = f;
    timer_start(s->server->timers, &s->pause_timer, delay_ms);
}

bool session_turn(struct session *s, uint64_t *end_us, session_go_on f)
{
    if (turn_begin(&s->server->turns, &s->turn, end_us))
        return true;
    s->go_on = f;
    return false;
}

void session_next_turn(struct session *s, session_go_on f)
{
    s->go_on = f;
    turn_later(&s->server->turns, &s->turn);
}

static void on_turn(struct turn *t)
{
    session_go_on_now(LIST_ENTRY(t, struct session, turn));
}

/* What it was set for may have been done by the transport's calls, and another request may have begun: one that waits
 * is called by what it waits for. */
static void on_pause_timer(struct timer *t)
{
    struct session *s = LIST_ENTRY(t, struct session, pause_timer);
    if (!s->waits && !turn_waits(&s->turn))
        session_go_on_now(s);
}

static void on_deadline(struct timer *t)
{
    struct session *s = LIST_ENTRY(t, struct session, deadline);
    char again[REPEATS_TEXT_SIZE];
    if (s->state == SESSION_READY) {
        s->server->metrics->stalled_closed++;
        if (session_is_news(s, SAID_STALLED, again))
            log_warn(
                s->server->log, "session",
                "%s: closing the connection: of a message of %zu bytes %zu have come, too few for the time that it had "
                "(stall-timeout-ms is %llu)%s",
                s->name, s->body_len, s->body_have, (unsigned long long)s->server->config.stall_timeout_ms, again);
    } else {
        s->server->metrics->handshakes_timed_out++;
        if (session_is_news(s, SAID_LATE, again))
            log_info(s->server->log, "session", "%s: not authenticated within %llu ms, closing the connection%s",
                     s->name, (unsigned long long)s->server->config.handshake_timeout_ms, again);
    }
    session_end(s);
}
