/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever does not get on is closed in time, whatever he sends meanwhile; who guesses is held up. */
#include "hello.h"
#include "rows.h"

#include <string.h>

#define LATE_MS 8000 /* of a busy machine: long past the time, yet in time for a person to notice */

/* `since`: when the time began to run. */
static void say_closing(struct probe *p, uint64_t since)
{
    bool closed = probe_closes(p, since + HURRIED_TIMEOUT_MS + LATE_MS);
    uint64_t took = now_ms() - since;
    if (closed && took * 10 >= HURRIED_TIMEOUT_MS * 9)
        probe_say(p, "closed in time");
    else
        probe_say(p, "%s after %llu ms", closed ? "closed" : "open", (unsigned long long)took);
}

static void run_silent(struct probe *p, const struct row *r, struct matrix *m)
{
    (void)r, (void)m;
    uint64_t since = now_ms();
    if (probe_open(p))
        say_closing(p, since);
}

static void run_half_hello(struct probe *p, const struct row *r, struct matrix *m)
{
    uint8_t hello[HELLO_MAX];
    (void)m;
    uint64_t since = now_ms();
    size_t len = hello_make(hello, 0x0303, 0x002f);
    if (probe_open(p) && (r->direct || probe_start_tls(p)) && probe_send(p, hello, len / 2))
        say_closing(p, since);
}

/* A byte of the ClientHello whenever nothing else happens for a while: each is progress, and none is enough. */
static void run_dripping(struct probe *p, const struct row *r, struct matrix *m)
{
    uint8_t hello[HELLO_MAX];
    (void)m;
    uint64_t since = now_ms();
    size_t len = hello_make(hello, 0x0303, 0x002f);
    if (!probe_open(p) || (!r->direct && !probe_start_tls(p)))
        return;
    for (size_t i = 0; i < len && !probe_closes(p, now_ms() + 20); i++)
        if (!probe_send(p, hello + i, 1))
            break;
    say_closing(p, since);
}

static void run_after_start_tls(struct probe *p, const struct row *r, struct matrix *m)
{
    (void)r, (void)m;
    uint64_t since = now_ms();
    if (probe_open(p) && probe_start_tls(p))
        say_closing(p, since);
}

static void run_hello_only(struct probe *p, const struct row *r, struct matrix *m)
{
    uint8_t hello[HELLO_MAX];
    (void)r, (void)m;
    uint64_t since = now_ms();
    if (probe_open(p) && probe_send(p, hello, hello_make(hello, 0x0303, 0x002f)))
        say_closing(p, since);
}

static void run_no_auth(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    uint64_t since = now_ms();
    if (probe_open(p) && probe_start_tls(p) && probe_shake(p, &how))
        say_closing(p, since);
}

/* Asks on and on, in the clear or as a stranger, and is answered each time. */
static void ask_on(struct probe *p, uint64_t since)
{
    unsigned answers = 0;
    struct frame f;
    while (now_ms() < since + HURRIED_TIMEOUT_MS + LATE_MS && probe_send_code(p, MSG_PING_REQ) && probe_receive(p, &f))
        answers += f.code == MSG_ERROR_RESP;
    if (!answers)
        probe_say(p, "no answers");
    else
        say_closing(p, since);
}

static void run_asks_in_the_clear(struct probe *p, const struct row *r, struct matrix *m)
{
    (void)r, (void)m;
    uint64_t since = now_ms();
    if (probe_open(p))
        ask_on(p, since);
}

static void run_asks_encrypted(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    uint64_t since = now_ms();
    if (probe_open(p) && probe_start_tls(p) && probe_shake(p, &how))
        ask_on(p, since);
}

static void run_stays(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    if (probe_closes(p, now_ms() + 2 * HURRIED_TIMEOUT_MS))
        probe_say(p, "closed");
    else if (probe_ping(p))
        probe_say(p, "open, and served");
}

static void run_delay(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (!probe_open(p) || !probe_start_tls(p) || !probe_shake(p, &how))
        return;
    uint64_t since = now_ms();
    for (int i = 0; i < 3; i++)
        if (!probe_send_auth(p, slice_str("stranger")))
            return;
    for (int i = 0; i < 3; i++)
        if (probe_expect(p, MSG_AUTH_RESP) || strncmp(p->seen, "denied", 6) != 0)
            return;
    uint64_t took = now_ms() - since;
    if (took * 10 >= 3 * HURRIED_DELAY_MS * 9)
        probe_say(p, "each held back");
    else
        probe_say(p, "%llu ms for three", (unsigned long long)took);
}

static const struct row rows[] = {
    {"connects, says nothing", "closed in time", HURRIED, .who = NOBODY, .run = run_silent},
    {"RpbStartTls, then nothing", "closed in time", HURRIED, .who = NOBODY, .run = run_after_start_tls},
    {"half a ClientHello", "closed in time", HURRIED, .who = NOBODY, .direct = true, .run = run_half_hello},
    {"half a ClientHello after RpbStartTls", "closed in time", HURRIED, .who = NOBODY, .run = run_half_hello},
    {"a ClientHello, byte by byte", "closed in time", HURRIED, .who = NOBODY, .direct = true, .run = run_dripping},
    {"a ClientHello, then nothing", "closed in time", HURRIED, .who = NOBODY, .run = run_hello_only},
    {"asks on in the clear", "closed in time", HURRIED, .who = NOBODY, .run = run_asks_in_the_clear},
    {"shakes hands, no RpbAuthReq", "closed in time", HURRIED, .who = USER, .run = run_no_auth},
    {"shakes hands, asks on, no RpbAuthReq", "closed in time", HURRIED, .who = USER, .run = run_asks_encrypted},
    {"is let in, says nothing for twice the time", "open, and served", HURRIED, .who = USER, .run = run_stays},
    {"guesses three times at once", "each held back", HURRIED, .who = USER, .run = run_delay},
};

ROWS(rows_time, "time");
