/* SPDX-License-Identifier: Apache-2.0 */
/* RpbStartTls and RpbAuthReq: what may be said when, and that what came in the clear is never taken for encrypted. */
#include "hello.h"
#include "rows.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* --- in the clear --- */

static void run_clear_requests(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    static const uint8_t codes[] = {MSG_PING_REQ, MSG_GET_SERVER_INFO_REQ, MSG_LIST_BUCKETS_REQ, MSG_AUTH_REQ};
    if (!probe_open(p))
        return;
    for (size_t i = 0; i < sizeof codes; i++) {
        bool sent = codes[i] == MSG_AUTH_REQ ? probe_send_auth(p, slice_str(MYUSER)) : probe_send_code(p, codes[i]);
        if (!sent || probe_expect(p, MSG_PING_RESP))
            return;
        if (strcmp(p->seen, "error Security is enabled, please STARTTLS first") != 0)
            return;
    }
    if (probe_start_tls(p) && probe_shake(p, &how) && probe_login(p, MYUSER))
        probe_say(p, "please STARTTLS first, 4 times; then let in");
}

/* StartTls and what stands behind it in one segment. */
static bool send_start_tls_and(struct probe *p, const void *behind, size_t len)
{
    uint8_t both[5 + HELLO_MAX] = {0, 0, 0, 1, MSG_START_TLS};
    memcpy(both + 5, behind, len);
    return probe_open(p) && probe_send(p, both, 5 + len) && probe_expect(p, MSG_START_TLS);
}

static void run_ping_behind(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t ping[] = {0, 0, 0, 1, MSG_PING_REQ};
    (void)r, (void)m;
    if (send_start_tls_and(p, ping, sizeof ping))
        probe_fate(p);
}

static void run_auth_behind(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t auth[] = {0, 0, 0, 11, MSG_AUTH_REQ, 0x0a, 6, 'm', 'y', 'u', 's', 'e', 'r', 0x12, 0};
    (void)r, (void)m;
    if (send_start_tls_and(p, auth, sizeof auth))
        probe_fate(p);
}

/* A part of a frame in the clear, its rest encrypted: nobody may glue them together. */
static void run_part_behind(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t part[] = {0, 0, 0};
    struct manner how = row_manner(r, m);
    if (send_start_tls_and(p, part, sizeof part) && probe_shake(p, &how))
        probe_login(p, MYUSER);
}

static void run_hello_behind(struct probe *p, const struct row *r, struct matrix *m)
{
    uint8_t hello[HELLO_MAX];
    (void)r, (void)m;
    if (!send_start_tls_and(p, hello, hello_make(hello, 0x0303, 0x002f)))
        return;
    while (buf_len(&p->in) < 6 && probe_read(p, p->deadline))
        continue;
    struct slice s = buf_slice(&p->in);
    if (s.len >= 6 && s.data[0] == 22 && s.data[5] == 2)
        probe_say(p, "ServerHello");
    else
        probe_fate(p);
}

static void run_start_tls_twice(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t again[] = {0, 0, 0, 1, MSG_START_TLS};
    (void)r, (void)m;
    if (send_start_tls_and(p, again, sizeof again))
        probe_fate(p);
}

static void run_bytes(struct probe *p, const void *bytes, size_t len)
{
    if (probe_open(p) && probe_send(p, bytes, len))
        probe_fate(p);
}

static void run_http(struct probe *p, const struct row *r, struct matrix *m)
{
    static const char get[] = "GET / HTTP/1.1\r\n\r\n"; /* as a frame it is one of 1.2 GB */
    struct frame f;
    (void)r, (void)m;
    if (!probe_open(p) || !probe_send(p, get, sizeof get - 1) || !probe_receive(p, &f))
        return;
    probe_say(p, f.code == MSG_ERROR_RESP && probe_closes(p, p->deadline) ? "an error, then closed" : "goes on");
}

static void run_no_hello(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t record[] = {22, 3, 1, 0, 5, 99, 0, 0, 1, 0}; /* a message that is none */
    (void)r, (void)m;
    run_bytes(p, record, sizeof record);
}

static void run_http_behind(struct probe *p, const struct row *r, struct matrix *m)
{
    static const char get[] = "GET / HTTP/1.1\r\n\r\n";
    (void)r, (void)m;
    if (send_start_tls_and(p, get, sizeof get - 1))
        probe_fate(p);
}

/* --- encrypted, not authenticated --- */

static bool is_refused_as_stranger(struct probe *p)
{
    return !probe_expect(p, MSG_PING_RESP) &&
           strcmp(p->seen, "error Security is enabled, please authenticate first") == 0;
}

static void run_early_requests(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    static const uint8_t codes[] = {MSG_PING_REQ, MSG_GET_SERVER_INFO_REQ, MSG_LIST_BUCKETS_REQ, MSG_START_TLS, 77};
    if (!probe_open(p) || !probe_start_tls(p) || !probe_shake(p, &how))
        return;
    for (size_t i = 0; i < sizeof codes; i++)
        if (!probe_send_code(p, codes[i]) || !is_refused_as_stranger(p))
            return;
    if (probe_login(p, MYUSER))
        probe_say(p, "please authenticate first, 5 times; then let in");
}

static bool send_raw_auth(struct probe *p, const void *name, size_t len)
{
    return probe_send_auth(p, slice_make(name, len));
}

/* "myuser\0" is not "myuser". */
static void run_auth_nul(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (probe_open(p) && probe_start_tls(p) && probe_shake(p, &how) && send_raw_auth(p, MYUSER, sizeof MYUSER))
        probe_expect(p, MSG_AUTH_RESP);
}

static void run_auth_garbage(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t frame[] = {0, 0, 0, 3, MSG_AUTH_REQ, 0x0a, 0x20}; /* says 32 bytes, has none */
    struct manner how = row_manner(r, m);
    if (!probe_open(p) || !probe_start_tls(p) || !probe_shake(p, &how) || !probe_send(p, frame, sizeof frame) ||
        probe_expect(p, MSG_AUTH_RESP))
        return;
    if (strncmp(p->seen, "error ", 6) == 0 && probe_login(p, MYUSER))
        probe_say(p, "an error; then let in");
}

static void run_auth_again(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (probe_enter(p, &how, MYUSER, r->direct) && probe_send_auth(p, slice_str(MYUSER)))
        probe_expect(p, MSG_AUTH_RESP);
}

static void run_start_tls_again(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    if (probe_enter(p, &how, MYUSER, r->direct) && probe_send_code(p, MSG_START_TLS))
        probe_expect(p, MSG_START_TLS);
}

static void run_second_try(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    for (int i = 0; i < 2; i++)
        if (i == 0 ? probe_enter(p, &how, "stranger", r->direct) : probe_login(p, "stranger"))
            return;
    if (strncmp(p->seen, "denied", 6) == 0 && probe_login(p, MYUSER))
        probe_say(p, "denied twice, then let in");
}

static void run_three_tries(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    probe_enter(p, &how, "stranger", r->direct);
    for (int i = 0; i < 2 && strncmp(p->seen, "denied", 6) == 0; i++)
        probe_login(p, "stranger");
    if (strncmp(p->seen, "denied", 6) == 0 && probe_closes(p, p->deadline))
        probe_say(p, "denied 3 times, then closed");
}

/* A ping behind the third failure in one record is not served, however it races. */
static void run_guess_and_ask(struct probe *p, const struct row *r, struct matrix *m)
{
    struct buf b;
    struct manner how = row_manner(r, m);
    buf_init(&b, 4096);
    for (int i = 0; i < 4; i++) {
        static const uint8_t auth[] = {0, 0, 0, 6, MSG_AUTH_REQ, 0x0a, 1, 'x', 0x12, 0};
        static const uint8_t ping[] = {0, 0, 0, 1, MSG_PING_REQ};
        buf_append(&b, auth, sizeof auth);
        buf_append(&b, ping, sizeof ping);
    }
    struct slice all = buf_slice(&b);
    int denied = 0, strangers = 0;
    struct frame f;
    if (probe_open(p) && probe_start_tls(p) && probe_shake(p, &how) && probe_send(p, all.data, all.len))
        while (probe_receive(p, &f) && f.code == MSG_ERROR_RESP)
            *(memmem(f.body.data, f.body.len, "Authentication failed", 21) ? &denied : &strangers) += 1;
    buf_fini(&b);
    if (p->ended)
        probe_say(p, "denied %d times, refused %d times, then closed", denied, strangers);
}

#define PINGS 100

/* All in one segment: whoever asks and leaves is still answered. */
static void run_ask_and_leave(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    int on = 1, off = 0;
    if (!probe_enter(p, &how, MYUSER, r->direct))
        return;
    setsockopt(p->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    for (int i = 0; i < PINGS; i++)
        if (!probe_send_code(p, MSG_PING_REQ))
            return;
    SSL_shutdown(p->ssl);
    setsockopt(p->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    for (int i = 0; i < PINGS; i++)
        if (!probe_expect(p, MSG_PING_RESP))
            return;
    probe_say(p, probe_closes(p, p->deadline) && p->alert == 0 ? "answered, then goodbye" : "answered");
}

static void run_damage(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t record[5 + 32] = {23, 3, 3, 0, 32};
    struct manner how = row_manner(r, m);
    if (probe_enter(p, &how, MYUSER, r->direct) && send(p->fd, record, sizeof record, MSG_NOSIGNAL) > 0)
        probe_expect(p, MSG_PING_RESP);
}

static void run_large_frame(struct probe *p, const struct row *r, struct matrix *m)
{
    static const uint8_t head[] = {0, 1, 0, 1, MSG_AUTH_REQ}; /* 64 KiB and a byte */
    struct manner how = row_manner(r, m);
    if (!probe_open(p) || !probe_start_tls(p) || !probe_shake(p, &how) || !probe_send(p, head, sizeof head) ||
        probe_expect(p, MSG_AUTH_RESP))
        return;
    if (strncmp(p->seen, "error Message of", 16) == 0 && probe_closes(p, p->deadline))
        probe_say(p, "an error, then closed");
}

#define NOT_TLS "closed (what came is not TLS)"

static const struct row rows[] = {
    {"RpbStartTls, then TLS", "let in", MANIFEST, .who = USER},
    {"TLS from the first byte, 1.2", "let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION, .direct = true},
    {"TLS from the first byte, 1.3", "let in", MANIFEST, .who = USER, .version = TLS1_3_VERSION, .direct = true},
    {"TLS from the first byte, no certificate", "handshake failure (client sent no certificate)", MANIFEST,
     .who = NOBODY, .version = TLS1_2_VERSION, .direct = true},
    {"requests and RpbAuthReq in the clear", "please STARTTLS first, 4 times; then let in", MANIFEST, .who = USER,
     .run = run_clear_requests},
    {"a ping in the clear behind RpbStartTls", NOT_TLS, MANIFEST, .who = USER, .run = run_ping_behind},
    {"RpbAuthReq in the clear behind RpbStartTls", NOT_TLS, MANIFEST, .who = USER, .run = run_auth_behind},
    {"RpbStartTls twice in the clear", NOT_TLS, MANIFEST, .who = USER, .run = run_start_tls_twice},
    {"a part of a frame in the clear, then TLS", NOT_TLS, MANIFEST, .who = USER, .run = run_part_behind},
    {"HTTP behind RpbStartTls", "closed (what came is HTTP, not TLS)", MANIFEST, .who = USER, .run = run_http_behind},
    {"ClientHello behind RpbStartTls, not waiting", "ServerHello", MANIFEST, .who = USER, .run = run_hello_behind},
    {"HTTP", "an error, then closed", MANIFEST, .who = NOBODY, .run = run_http},
    {"a TLS record that is no handshake", "unexpected message (unexpected message)", MANIFEST, .who = NOBODY,
     .run = run_no_hello},
    {"requests and RpbStartTls before RpbAuthReq", "please authenticate first, 5 times; then let in", MANIFEST,
     .who = USER, .run = run_early_requests},
    {"RpbAuthReq of a user's name and a NUL", "denied (no user can have the name that it gives)", MANIFEST, .who = USER,
     .run = run_auth_nul},
    {"RpbAuthReq that cannot be decoded", "an error; then let in", MANIFEST, .who = USER, .run = run_auth_garbage},
    {"RpbAuthReq when let in", "error Unknown message code: 253", MANIFEST, .who = USER, .run = run_auth_again},
    {"RpbStartTls when let in", "error Security not enabled; STARTTLS not allowed.", MANIFEST, .who = USER,
     .run = run_start_tls_again},
    {"denied twice, then right", "denied twice, then let in", MANIFEST, .who = USER, .run = run_second_try},
    {"denied three times", "denied 3 times, then closed", MANIFEST, .who = USER, .run = run_three_tries},
    {"four guesses with pings between, all at once", "denied 3 times, refused 2 times, then closed", MANIFEST,
     .who = USER, .run = run_guess_and_ask},
    {"100 pings and a goodbye at once, TLS 1.2", "answered, then goodbye", MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .run = run_ask_and_leave},
    {"100 pings and a goodbye at once, TLS 1.3", "answered, then goodbye", MANIFEST, .who = USER,
     .version = TLS1_3_VERSION, .run = run_ask_and_leave},
    {"a damaged record when let in", "bad record mac (a record is damaged)", MANIFEST, .who = USER, .run = run_damage},
    {"a frame over 64 KiB before RpbAuthReq", "an error, then closed", MANIFEST, .who = USER, .run = run_large_frame},
};

ROWS(rows_protocol, "the way in");
