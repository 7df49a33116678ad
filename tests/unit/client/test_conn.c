/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "unit/client/peer.h"
#include "wire/admin_msg.h"

#include <stdlib.h>

struct fixture {
    struct peer_certs certs;
    struct tls_ctx *server;
    struct client_identity *identity;
    struct peer peer;
    struct client_conn *conn;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    peer_certs_make(&f->certs, "myuser");
    f->server = peer_server_ctx(&f->certs);
    f->identity = peer_identity(&f->certs, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    client_identity_destroy(&f->identity);
    tls_ctx_destroy(&f->server);
    free(f);
    return 0;
}

static void start(struct fixture *f, const char *user, bool starttls)
{
    struct client_conn_config config = {.tls = client_identity_tls(f->identity), .user = user, .starttls = starttls};
    peer_init(&f->peer, f->server, starttls);
    assert_int_equal(client_conn_create(&config, &f->conn), 0);
}

static void stop(struct fixture *f)
{
    client_conn_destroy(&f->conn);
    peer_fini(&f->peer);
}

static void ask_ping(struct client_conn *c)
{
    assert_int_equal(frame_put_empty(client_conn_requests(c), MSG_PING_REQ), 0);
}

static void ask_get(struct client_conn *c, const char *text)
{
    size_t mark;
    struct buf *b = client_conn_requests(c);
    assert_int_equal(frame_begin(b, MSG_GET_REQ, &mark), 0);
    assert_int_equal(buf_append(b, text, strlen(text)), 0);
    frame_end(b, mark);
}

static void expect(struct client_conn *c, uint8_t code, const char *body)
{
    struct frame f;
    assert_int_equal(client_conn_take(c, &f), 1);
    assert_int_equal(f.code, code);
    assert_slice_is(f.body, body);
}

static void expect_none(struct client_conn *c)
{
    struct frame f;
    assert_int_equal(client_conn_take(c, &f), 0);
}

static void starttls_auth_and_ping(void **state)
{
    struct fixture *f = *state;
    start(f, "myuser", true);
    assert_int_equal(client_conn_phase(f->conn), CLIENT_PHASE_STARTTLS);
    assert_int_equal(client_conn_pending(f->conn).len, 5);
    ask_ping(f->conn); /* waits until the connection is ready */
    assert_int_equal(client_conn_flush(f->conn), 0);
    assert_int_equal(client_conn_pending(f->conn).len, 5);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    assert_int_equal(client_conn_phase(f->conn), CLIENT_PHASE_READY);
    expect(f->conn, MSG_PING_RESP, "");
    expect_none(f->conn);
    assert_int_equal(f->peer.requests, 3);
    assert_string_equal(tls_engine_peer(f->peer.engine)->cn, "myuser");
    assert_string_equal(client_conn_tls_version(f->conn), "TLSv1.3");
    assert_string_equal(client_conn_error(f->conn), "");
    stop(f);
}

static void no_user_is_ready_when_tls_is(void **state)
{
    struct fixture *f = *state;
    start(f, NULL, false);
    assert_int_equal(client_conn_phase(f->conn), CLIENT_PHASE_HANDSHAKE);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    assert_int_equal(client_conn_phase(f->conn), CLIENT_PHASE_READY);
    assert_int_equal(f->peer.requests, 0);
    stop(f);
}

static void every_byte_alone(void **state)
{
    struct fixture *f = *state;
    start(f, "myuser", true);
    ask_get(f->conn, "one");
    assert_int_equal(peer_pump(&f->peer, f->conn, 1), 0);
    expect(f->conn, MSG_GET_RESP, "one");
    stop(f);
}

static void pipelined_requests_leave_in_one_record(void **state)
{
    struct fixture *f = *state;
    start(f, "myuser", false);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    unsigned reads = f->peer.reads;
    ask_get(f->conn, "first");
    ask_ping(f->conn);
    ask_get(f->conn, "third");
    assert_int_equal(client_conn_pending(f->conn).len, 0);
    assert_int_equal(client_conn_flush(f->conn), 0);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    assert_int_equal(f->peer.reads - reads, 1);
    expect(f->conn, MSG_GET_RESP, "first");
    expect(f->conn, MSG_PING_RESP, "");
    expect(f->conn, MSG_GET_RESP, "third");
    expect_none(f->conn);
    stop(f);
}

static void larger_than_a_record(void **state)
{
    struct fixture *f = *state;
    static char text[100001];
    memset(text, 'v', sizeof text - 1);
    start(f, "myuser", false);
    ask_get(f->conn, text);
    ask_ping(f->conn);
    assert_int_equal(peer_pump(&f->peer, f->conn, 1000), 0);
    expect(f->conn, MSG_GET_RESP, text);
    expect(f->conn, MSG_PING_RESP, "");
    ask_ping(f->conn);
    assert_int_equal(client_conn_flush(f->conn), 0);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    expect(f->conn, MSG_PING_RESP, "");
    stop(f);
}

static void refuse_auth(struct peer *p, const struct frame *f, struct buf *out)
{
    (void)p;
    (void)f;
    assert_int_equal(admin_error_put(out, slice_str("Authentication failed")), 0);
}

static void refused_user(void **state)
{
    struct fixture *f = *state;
    struct frame frame;
    start(f, "another", false);
    f->peer.answer = refuse_auth;
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), E_DENIED);
    assert_int_equal(client_conn_phase(f->conn), CLIENT_PHASE_FAILED);
    assert_non_null(strstr(client_conn_error(f->conn), "Authentication failed"));
    assert_int_equal(client_conn_take(f->conn, &frame), E_DENIED);
    assert_int_equal(client_conn_feed(f->conn, slice_str("more")), E_DENIED);
    assert_int_equal(client_conn_flush(f->conn), E_DENIED);
    stop(f);
}

static void refuse_for_now(struct peer *p, const struct frame *f, struct buf *out)
{
    (void)p;
    (void)f;
    assert_int_equal(admin_error_put(out, slice_str("overload: this node serves as many as it may")), 0);
}

/* A node without a place for another client: nothing is wrong with the user. */
static void refused_for_now(void **state)
{
    struct fixture *f = *state;
    start(f, "myuser", false);
    f->peer.answer = refuse_for_now;
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), E_AGAIN);
    assert_string_equal(client_conn_error(f->conn), "overload: this node serves as many as it may");
    stop(f);
}

static void answer_in_the_clear(struct fixture *f, struct buf *bytes, int expected)
{
    start(f, "myuser", true);
    assert_int_equal(client_conn_feed(f->conn, buf_slice(bytes)), expected);
    stop(f);
    buf_fini(bytes);
}

static void starttls_refused(void **state)
{
    struct buf bytes;
    buf_init(&bytes, 1024);
    assert_int_equal(admin_error_put(&bytes, slice_str("Security not enabled; STARTTLS not allowed.")), 0);
    answer_in_the_clear(*state, &bytes, E_UNSUPPORTED);
}

/* What stands in the clear behind the answer could come from anyone. */
static void bytes_behind_starttls(void **state)
{
    struct buf bytes;
    buf_init(&bytes, 1024);
    assert_int_equal(frame_put_empty(&bytes, MSG_START_TLS), 0);
    assert_int_equal(frame_put_empty(&bytes, MSG_AUTH_RESP), 0);
    answer_in_the_clear(*state, &bytes, E_MALFORMED);
}

static void not_this_protocol(void **state)
{
    struct buf bytes;
    buf_init(&bytes, 1024);
    assert_int_equal(buf_append_slice(&bytes, slice_str("HTTP/1.1 400 Bad Request\r\n")), 0);
    answer_in_the_clear(*state, &bytes, E_TOO_LARGE);
}

static void another_root(void **state)
{
    struct fixture *f = *state;
    struct peer_certs others;
    peer_certs_make(&others, "myuser");
    struct tls_ctx *stranger = peer_server_ctx(&others);
    struct client_conn_config config = {.tls = client_identity_tls(f->identity), .user = "myuser"};
    peer_init(&f->peer, stranger, false);
    assert_int_equal(client_conn_create(&config, &f->conn), 0);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), E_TLS);
    assert_true(strlen(client_conn_error(f->conn)) > strlen("TLS: "));
    assert_int_equal(f->peer.requests, 0);
    stop(f);
    tls_ctx_destroy(&stranger);
}

static void goodbye_after_answers(void **state)
{
    struct fixture *f = *state;
    struct frame frame;
    start(f, "myuser", false);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    ask_ping(f->conn);
    assert_int_equal(client_conn_flush(f->conn), 0);
    peer_feed(&f->peer, client_conn_pending(f->conn));
    tls_engine_close(f->peer.engine, &f->peer.out);
    assert_int_equal(client_conn_feed(f->conn, buf_slice(&f->peer.out)), E_CLOSED);
    expect(f->conn, MSG_PING_RESP, "");
    assert_int_equal(client_conn_take(f->conn, &frame), E_CLOSED);
    stop(f);
}

static void no_frame(struct peer *p, const struct frame *f, struct buf *out)
{
    static const uint8_t bad[] = {0, 0, 0, 0};
    if (f->code == MSG_PING_REQ)
        assert_int_equal(buf_append(out, bad, sizeof bad), 0);
    else
        peer_answer_default(p, f, out);
}

static void answer_without_a_code(void **state)
{
    struct fixture *f = *state;
    struct frame frame;
    start(f, "myuser", false);
    f->peer.answer = no_frame;
    ask_ping(f->conn);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    assert_int_equal(client_conn_take(f->conn, &frame), E_MALFORMED);
    assert_int_equal(client_conn_phase(f->conn), CLIENT_PHASE_FAILED);
    stop(f);
}

static void resumed_session(void **state)
{
    struct fixture *f = *state;
    struct peer second_peer;
    struct client_conn *second;
    start(f, "myuser", false);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    assert_false(client_conn_resumed(f->conn));
    struct client_conn_config config = {.tls = client_identity_tls(f->identity), .user = "myuser", .resume = f->conn};
    for (int i = 0; i < 3; i++) { /* one session serves many connections */
        peer_init(&second_peer, f->server, false);
        assert_int_equal(client_conn_create(&config, &second), 0);
        assert_int_equal(peer_pump(&second_peer, second, 0), 0);
        assert_int_equal(client_conn_phase(second), CLIENT_PHASE_READY);
        assert_true(client_conn_resumed(second));
        assert_string_equal(tls_engine_peer(second_peer.engine)->cn, "myuser");
        client_conn_destroy(&second);
        peer_fini(&second_peer);
    }
    stop(f);
}

static void closes_properly(void **state)
{
    struct fixture *f = *state;
    start(f, "myuser", false);
    assert_int_equal(peer_pump(&f->peer, f->conn, 0), 0);
    client_conn_close(f->conn);
    peer_feed(&f->peer, client_conn_pending(f->conn));
    assert_int_equal(f->peer.failure, E_CLOSED);
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starttls_auth_and_ping), cmocka_unit_test(no_user_is_ready_when_tls_is),
        cmocka_unit_test(every_byte_alone),       cmocka_unit_test(pipelined_requests_leave_in_one_record),
        cmocka_unit_test(larger_than_a_record),   cmocka_unit_test(refused_user),
        cmocka_unit_test(refused_for_now),        cmocka_unit_test(starttls_refused),
        cmocka_unit_test(bytes_behind_starttls),  cmocka_unit_test(not_this_protocol),
        cmocka_unit_test(another_root),           cmocka_unit_test(goodbye_after_answers),
        cmocka_unit_test(answer_without_a_code),  cmocka_unit_test(resumed_session),
        cmocka_unit_test(closes_properly),
    };
    return cmocka_run_group_tests_name("client/conn", tests, setup, teardown);
}
