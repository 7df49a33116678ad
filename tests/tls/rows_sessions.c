/* SPDX-License-Identifier: Apache-2.0 */
/* Resumed sessions: cheaper, and no way around the certificate that they stand for. */
#include "rows.h"

#include <string.h>
#include <sys/socket.h>

/* Comes in as `who` at `node`, and leaves the session in p->saved; whether it was let in does not matter. */
static bool leave_session(struct probe *p, struct node *node, const struct manner *m)
{
    struct node *target = p->node;
    p->node = node;
    node_skip_log(node);
    probe_enter(p, m, MYUSER, false);
    probe_hang_up(p);
    p->node = target;
    node_skip_log(target);
    return p->saved || probe_say(p, "no session was offered");
}

static void resume(struct probe *p, const struct row *r, struct matrix *m, const char *user)
{
    char then[SEEN_MAX];
    struct manner how = row_manner(r, m);
    SSL_SESSION *session = p->saved;
    how.resume = session;
    p->saved = NULL;
    probe_enter(p, &how, user, r->direct);
    memcpy(then, p->seen, sizeof then);
    if (p->ssl)
        probe_say(p, "%s, %.300s", SSL_session_reused(p->ssl) ? "resumed" : "full", then);
    SSL_SESSION_free(session);
}

static void run_resumed(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (leave_session(p, p->node, &how))
        resume(p, r, m, row_user(r));
}

static void run_resumed_twice(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!leave_session(p, p->node, &how))
        return;
    SSL_SESSION *first = p->saved;
    SSL_SESSION_up_ref(first);
    resume(p, r, m, row_user(r));
    probe_hang_up(p);
    if (!p->saved) /* TLS 1.2 goes on with the same one */
        p->saved = first;
    else
        SSL_SESSION_free(first);
    resume(p, r, m, row_user(r));
}

static void run_vanished(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    probe_vanish(p);
    resume(p, r, m, row_user(r));
}

static void run_reset(struct probe *p, const struct row *r, struct matrix *m)
{
    struct linger now = {.l_onoff = 1};
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    probe_vanish(p);
    resume(p, r, m, row_user(r));
}

/* RFC 5246 7.2.2: what ended with a fatal alert is not resumed. A ticket cannot be taken back, but clients forget it.
 */
static void run_damaged(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t record[] = {23, 3,  3,  0,  32, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                     15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    SSL_SESSION *session = p->saved;
    p->saved = NULL;
    if (send(p->fd, record, sizeof record, MSG_NOSIGNAL) != sizeof record || !probe_closes(p, p->deadline))
        return;
    probe_hang_up(p);
    p->saved = session;
    resume(p, r, m, row_user(r));
}

/* The session is a stranger's; the certificate that is at hand, and the name, are a user's. */
static void run_strangers(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    how.cred = &m->creds[STRANGER];
    if (leave_session(p, p->node, &how))
        resume(p, r, m, MYUSER);
}

/* The session is one user's, the name and the certificate another's. */
static void run_other_users(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    how.cred = &m->creds[USER_V3];
    if (leave_session(p, p->node, &how))
        resume(p, r, m, "other");
}

static void run_elsewhere(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (leave_session(p, &m->nodes[MODERN], &how))
        resume(p, r, m, row_user(r));
}

/* A session of the other version is of no use, and does no harm. */
static void run_other_version(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    how.version = TLS1_2_VERSION;
    if (leave_session(p, p->node, &how))
        resume(p, r, m, row_user(r));
}

static void run_early_data(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (leave_session(p, p->node, &how))
        probe_say(p, SSL_SESSION_get_max_early_data(p->saved) ? "early data is taken" : "no early data");
}

static void run_lifetime(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!leave_session(p, p->node, &how))
        return;
    unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(p->saved);
    if (hint > 0 && hint <= 3600)
        probe_say(p, "an hour at most");
    else
        probe_say(p, "%lu s", hint);
}

static void run_renegotiation(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, row_user(r), r->direct))
        return;
    SSL_renegotiate(p->ssl);
    SSL_do_handshake(p->ssl);
    bool served = probe_ping(p);
    const char *alert = p->alert > 0 ? SSL_alert_desc_string_long(p->alert) : "no alert";
    probe_say(p, "%s, %s", served ? "served" : "over", alert);
}

static void run_key_update(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, row_user(r), r->direct))
        return;
    for (int i = 0; i < 3; i++) {
        SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED);
        if (!probe_ping(p) || !probe_ping(p))
            return;
    }
    probe_say(p, "3 times, served after each");
}

#define NO_NAME "denied (the name it gives is not the common name of its certificate)"

static const struct row rows[] = {
    {"resumed, TLS 1.2", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION, .run = run_resumed},
    {"resumed, TLS 1.3", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION, .run = run_resumed},
    {"resumed from the first byte, TLS 1.2", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .direct = true, .run = run_resumed},
    {"resumed from the first byte, TLS 1.3", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .direct = true, .run = run_resumed},
    {"resumed twice, TLS 1.2", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .run = run_resumed_twice},
    {"resumed twice, TLS 1.3", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_resumed_twice},
    {"resumed, legacy suite", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .suites = "AES128-SHA", .run = run_resumed},
    {"resumed after an end without goodbye, TLS 1.2", "resumed, let in", MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .run = run_vanished},
    {"resumed after an end without goodbye, TLS 1.3", "resumed, let in", MANIFEST, .who = USER,
     .version = TLS1_3_VERSION, .run = run_vanished},
    {"resumed after a reset, TLS 1.2", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .run = run_reset},
    {"resumed after a reset, TLS 1.3", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_reset},
    {"resumed without tickets", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION, .no_tickets = true,
     .run = run_resumed},
    {"resumed twice without tickets", "resumed, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .no_tickets = true, .run = run_resumed_twice},
    {"resumed after a damaged record, without tickets", "full, let in", MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .no_tickets = true, .run = run_damaged},
    {"resumed after a damaged record, TLS 1.2", "full, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .run = run_damaged},
    {"resumed after a damaged record, TLS 1.3", "full, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_damaged},
    {"a stranger's session, a user's name, TLS 1.2", "resumed, " NO_NAME, MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .run = run_strangers},
    {"a stranger's session, a user's name, TLS 1.3", "resumed, " NO_NAME, MANIFEST, .who = USER,
     .version = TLS1_3_VERSION, .run = run_strangers},
    {"another user's session, TLS 1.2", "resumed, " NO_NAME, V3, .who = OTHER_V3, .version = TLS1_2_VERSION,
     .run = run_other_users},
    {"another user's session, TLS 1.3", "resumed, " NO_NAME, V3, .who = OTHER_V3, .version = TLS1_3_VERSION,
     .run = run_other_users},
    {"another node's session, TLS 1.2", "full, let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .run = run_elsewhere},
    {"another node's session, TLS 1.3", "full, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_elsewhere},
    {"a session of TLS 1.2 in TLS 1.3", "full, let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_other_version},
    {"early data in TLS 1.3", "no early data", MANIFEST, .who = USER, .version = TLS1_3_VERSION, .run = run_early_data},
    {"life of a session", "an hour at most", MANIFEST, .who = USER, .version = TLS1_3_VERSION, .run = run_lifetime},
    {"renegotiation, TLS 1.2", "over, no renegotiation", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .run = run_renegotiation},
    {"update of keys, TLS 1.3", "3 times, served after each", MANIFEST, .who = USER, .version = TLS1_3_VERSION,
     .run = run_key_update},
};

ROWS(rows_sessions, "sessions");
