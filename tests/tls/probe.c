/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include "wire/admin_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_ALERT 21

void probe_init(struct probe *p, struct node *n)
{
    *p = (struct probe){.node = n, .fd = -1, .alert = -1, .deadline = now_ms() + PROBE_WITHIN_MS};
    buf_init(&p->in, 1 << 20);
    node_skip_log(n);
}

void probe_hang_up(struct probe *p)
{
    if (p->ssl)
        SSL_shutdown(p->ssl);
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    if (p->fd >= 0)
        close(p->fd);
    ERR_clear_error();
    buf_release(&p->in);
    p->ssl = NULL;
    p->ctx = NULL;
    p->fd = p->alert = -1;
    p->ended = false;
}

void probe_vanish(struct probe *p)
{
    if (p->ssl)
        SSL_set_quiet_shutdown(p->ssl, 1);
    probe_hang_up(p);
}

void probe_fini(struct probe *p)
{
    probe_hang_up(p);
    SSL_SESSION_free(p->saved);
    buf_fini(&p->in);
}

bool probe_say(struct probe *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->seen, sizeof p->seen, format, args);
    va_end(args);
    return false;
}

const char *probe_suite(const struct probe *p, char out[SEEN_MAX])
{
    snprintf(out, SEEN_MAX, "%s %s", SSL_get_version(p->ssl), SSL_get_cipher_name(p->ssl));
    return out;
}

/* --- what it means that nothing more comes --- */

static bool say_alert(struct probe *p, const char *alert)
{
    char reason[NODE_REASON_MAX];
    node_reason(p->node, reason);
    return probe_say(p, "%s (%s)", alert, reason);
}

static const char *alert_text(int alert)
{
    if (alert == 116) /* OpenSSL 3.0 has no word for it, */
        return "certificate required";
    if (alert == SSL_AD_UNEXPECTED_MESSAGE) /* and another than 3.5 for this */
        return "unexpected message";
    return SSL_alert_desc_string_long(alert);
}

static bool say_end(struct probe *p)
{
    if (p->alert > 0) /* close_notify is 0 */
        return say_alert(p, alert_text(p->alert));
    return probe_say(p, p->ended ? "closed" : "silence");
}

/* Of a handshake that did not succeed. */
static bool say_failure(struct probe *p)
{
    long verify = SSL_get_verify_result(p->ssl);
    char reason[NODE_REASON_MAX];
    if (p->alert > 0)
        return say_end(p);
    if (p->ended)
        return say_alert(p, "closed");
    if (verify != X509_V_OK) {
        node_reason(p->node, reason);
        return probe_say(p, "this side refuses: %s", X509_verify_cert_error_string(verify));
    }
    unsigned long error = ERR_peek_error();
    return probe_say(p, "%s", error ? ERR_reason_error_string(error) : "silence");
}

/* --- moving bytes --- */

static bool wait_for(const struct probe *p, short events, uint64_t deadline)
{
    struct pollfd f = {.fd = p->fd, .events = events};
    uint64_t now = now_ms();
    return poll(&f, 1, now < deadline ? (int)(deadline - now) : 0) > 0;
}

/* After an SSL_ call that returned `result`: true when it is to be called again. */
static bool try_again(struct probe *p, int result, uint64_t deadline)
{
    switch (SSL_get_error(p->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(p, POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(p, POLLOUT, deadline);
    case SSL_ERROR_ZERO_RETURN:
    case SSL_ERROR_SYSCALL:
        p->ended = true;
        return false;
    default:
        p->ended = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
        return false;
    }
}

bool probe_open(struct probe *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(p->node->port)};
    inet_pton(AF_INET, p->node->address, &a.sin_addr);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof a))
        return probe_say(p, "no connection");
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    return true;
}

static ssize_t write_some(struct probe *p, const void *data, size_t len)
{
    for (;;) {
        int n = p->ssl ? SSL_write(p->ssl, data, (int)len) : (int)send(p->fd, data, len, MSG_NOSIGNAL);
        if (n > 0)
            return n;
        bool again = p->ssl ? try_again(p, n, p->deadline) : errno == EAGAIN && wait_for(p, POLLOUT, p->deadline);
        if (!again)
            return -1;
    }
}

bool probe_send(struct probe *p, const void *data, size_t len)
{
    for (const char *at = data; len;) {
        ssize_t n = write_some(p, at, len);
        if (n < 0) { /* the other end is gone: what it said before is still to be read */
            while (probe_read(p, p->deadline))
                continue;
            return say_end(p);
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static ssize_t read_some(struct probe *p, void *room, size_t cap, uint64_t deadline)
{
    for (;;) {
        ssize_t n = p->ssl ? SSL_read(p->ssl, room, (int)cap) : recv(p->fd, room, cap, 0);
        if (n > 0)
            return n;
        if (!p->ssl && (n == 0 || errno != EAGAIN))
            p->ended = true;
        bool again = p->ssl ? try_again(p, (int)n, deadline) : !p->ended && wait_for(p, POLLIN, deadline);
        if (!again)
            return -1;
    }
}

bool probe_read(struct probe *p, uint64_t deadline)
{
    uint8_t *room;
    if (p->ended || buf_reserve(&p->in, 4096, &room))
        return false;
    ssize_t n = read_some(p, room, 4096, deadline);
    if (n > 0)
        buf_commit(&p->in, (size_t)n);
    return n > 0;
}

/* --- frames --- */

bool probe_send_code(struct probe *p, uint8_t code)
{
    const uint8_t frame[] = {0, 0, 0, 1, code};
    return probe_send(p, frame, sizeof frame);
}

bool probe_send_auth(struct probe *p, struct slice user)
{
    struct buf b;
    buf_init(&b, 4096);
    bool ok = admin_auth_req_put(&b, user, slice_str("")) == 0;
    struct slice s = buf_slice(&b);
    ok = ok && probe_send(p, s.data, s.len);
    buf_fini(&b);
    return ok;
}

bool probe_receive(struct probe *p, struct frame *f)
{
    for (;;) {
        struct slice rest = buf_slice(&p->in);
        int got = frame_take(&rest, 1 << 20, f);
        if (got == 1) {
            buf_consume(&p->in, buf_len(&p->in) - rest.len);
            return true;
        }
        if (got < 0)
            return probe_say(p, "what came is no frame");
        if (!probe_read(p, p->deadline))
            return say_end(p);
    }
}

static bool say_error(struct probe *p, struct slice body)
{
    struct slice text;
    uint32_t code;
    char reason[NODE_REASON_MAX];
    if (admin_error_decode(body, &text, &code))
        return probe_say(p, "an error that cannot be decoded");
    if (!slice_is(text, "Authentication failed"))
        return probe_say(p, "error %.*s", (int)text.len, (const char *)text.data);
    node_reason(p->node, reason);
    return probe_say(p, "denied (%s)", reason);
}

bool probe_expect(struct probe *p, uint8_t code)
{
    struct frame f;
    if (!probe_receive(p, &f))
        return false;
    if (f.code == code && f.body.len == 0)
        return true;
    if (f.code == MSG_ERROR_RESP)
        return say_error(p, f.body);
    return probe_say(p, "message %u", f.code);
}

/* --- the steps --- */

bool probe_start_tls(struct probe *p)
{
    return probe_send_code(p, MSG_START_TLS) && probe_expect(p, MSG_START_TLS);
}

static void on_info(const SSL *ssl, int where, int what)
{
    struct probe *p = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        p->alert = what & 0xff;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct probe *p = SSL_get_app_data(ssl);
    SSL_SESSION_free(p->saved);
    p->saved = session;
    return 1; /* the reference is ours */
}

/* Everything is offered, strong or not: it is for the node to refuse. */
static bool make_ssl(struct probe *p, const struct manner *m)
{
    const struct cred *own = m->cred;
    SSL_CTX *ctx = p->ctx = SSL_CTX_new(TLS_client_method());
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, m->version ? m->version : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx, m->version ? m->version : TLS1_3_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_info_callback(ctx, on_info);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    for (int i = 0; i < 2 && p->node->roots[i]; i++)
        X509_STORE_add_cert(store, p->node->roots[i]->cert);
    if (m->suites && SSL_CTX_set_cipher_list(ctx, m->suites) != 1)
        return probe_say(p, "this OpenSSL does not know %s", m->suites);
    if (own && own->cert && SSL_CTX_use_cert_and_key(ctx, own->cert, own->key, own->chain, 1) != 1)
        return probe_say(p, "this OpenSSL does not use the certificate");
    p->ssl = SSL_new(ctx);
    return p->ssl != NULL;
}

static void expect_name(const struct probe *p, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(p->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return;
    X509_VERIFY_PARAM_set1_host(param, name, 0);
    SSL_set_tlsext_host_name(p->ssl, name);
}

static bool shake(struct probe *p)
{
    int result;
    while ((result = SSL_do_handshake(p->ssl)) != 1)
        if (!try_again(p, result, p->deadline))
            return say_failure(p);
    return true;
}

/* In TLS 1.3 this side is through before the node has judged its certificate. It is when the ticket comes, or the
 * alert: nothing is sent before, because what a node does not read any more takes the alert with it. */
static bool await_verdict(struct probe *p)
{
    char byte;
    int result;
    SSL_SESSION *before = p->saved;
    while (p->saved == before && (result = SSL_peek(p->ssl, &byte, 1)) <= 0 && p->saved == before)
        if (!try_again(p, result, p->deadline))
            return say_failure(p);
    return true;
}

bool probe_shake(struct probe *p, const struct manner *m)
{
    ERR_clear_error();
    if (!make_ssl(p, m))
        return false;
    SSL_set_app_data(p->ssl, p);
    if (m->no_tickets)
        SSL_set_options(p->ssl, SSL_OP_NO_TICKET);
    SSL_set_fd(p->ssl, p->fd);
    SSL_set_connect_state(p->ssl);
    if (m->name)
        expect_name(p, m->name);
    if (m->resume)
        SSL_set_session(p->ssl, m->resume);
    return shake(p) && (SSL_version(p->ssl) < TLS1_3_VERSION || await_verdict(p));
}

bool probe_ping(struct probe *p)
{
    return probe_send_code(p, MSG_PING_REQ) && probe_expect(p, MSG_PING_RESP);
}

bool probe_login(struct probe *p, const char *user)
{
    if (!probe_send_auth(p, slice_str(user)) || !probe_expect(p, MSG_AUTH_RESP) || !probe_ping(p))
        return false;
    probe_say(p, "let in");
    return true;
}

bool probe_enter(struct probe *p, const struct manner *m, const char *user, bool direct)
{
    return probe_open(p) && (direct || probe_start_tls(p)) && probe_shake(p, m) && probe_login(p, user);
}

bool probe_closes(struct probe *p, uint64_t deadline)
{
    while (probe_read(p, deadline))
        buf_consume(&p->in, buf_len(&p->in));
    return p->ended || p->alert >= 0;
}

void probe_fate(struct probe *p)
{
    while (buf_len(&p->in) < 7 && probe_read(p, p->deadline))
        continue;
    struct slice s = buf_slice(&p->in);
    if (s.len >= 7 && s.data[0] == RECORD_ALERT)
        say_alert(p, alert_text(s.data[6]));
    else if (s.len >= 5)
        probe_say(p, "bytes %02x %02x %02x %02x %02x", s.data[0], s.data[1], s.data[2], s.data[3], s.data[4]);
    else if (p->ended)
        say_alert(p, "closed");
    else
        say_end(p);
}
