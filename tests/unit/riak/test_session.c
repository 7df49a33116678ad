/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_node.h"
#include "support.h"
#include "wire/pb.h"

static struct slice none(void)
{
    return slice_make(NULL, 0);
}

static void test_plain_knows_only_start_tls(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    fake_conn_open(&c, &n);
    fake_conn_give_frame(&c, MSG_PING_REQ, none());
    fake_conn_expect_error(&c, "Security is enabled, please STARTTLS first");
    fake_conn_give_frame(&c, MSG_AUTH_REQ, none());
    fake_conn_expect_error(&c, "Security is enabled, please STARTTLS first");
    assert_false(c.closed);
    assert_false(c.tls);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* What stands behind the StartTls frame in one read is TLS, wherever the frame was cut. */
static void test_start_tls_takes_no_more_than_its_frame(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 1, 255, 0x16, 3, 1, 0};
    (void)state;
    for (size_t cut = 0; cut < 5; cut++) {
        struct fake_node n;
        struct fake_conn c;
        fake_node_init(&n);
        fake_conn_open(&c, &n);
        if (cut)
            assert_int_equal(fake_conn_give(&c, slice_make(bytes, cut)), cut);
        assert_int_equal(fake_conn_give(&c, slice_make(bytes + cut, sizeof bytes - cut)), 5 - cut);
        assert_true(c.tls);
        fake_conn_expect_empty(&c, MSG_START_TLS);
        fake_conn_close(&c);
        fake_node_fini(&n);
    }
}

static void test_tls_from_the_first_byte(void **state)
{
    static const uint8_t hello[] = {0x16, 3, 1, 0, 5};
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    fake_conn_open(&c, &n);
    assert_int_equal(fake_conn_give(&c, slice_make(hello, sizeof hello)), 0);
    assert_true(c.tls);
    assert_true(fake_conn_silent(&c));
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void open_secured(struct fake_conn *c, struct fake_node *n, size_t cn_count, const char *cn)
{
    struct stream_peer peer = {.cn_count = cn_count};
    strcpy(peer.cn, cn);
    fake_conn_open(c, n);
    fake_conn_give_frame(c, MSG_START_TLS, none());
    fake_conn_expect_empty(c, MSG_START_TLS);
    fake_conn_secure(c, &peer);
}

static void give_auth(struct fake_conn *c, const char *user)
{
    uint8_t body[80], *p = pb_put_bytes(body, 1, slice_str(user));
    p = pb_put_bytes(p, 2, slice_str("whatever"));
    fake_conn_give_frame(c, MSG_AUTH_REQ, slice_make(body, (size_t)(p - body)));
}

static void test_strangers_are_asked_who_they_are(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    open_secured(&c, &n, 1, "MyUser"); /* case does not matter */
    fake_conn_give_frame(&c, MSG_PING_REQ, none());
    fake_conn_expect_error(&c, "Security is enabled, please authenticate first");
    fake_conn_give_frame(&c, MSG_START_TLS, none());
    fake_conn_expect_error(&c, "Security is enabled, please authenticate first");
    give_auth(&c, "MYUSER");
    fake_conn_expect_empty(&c, MSG_AUTH_RESP);
    fake_conn_give_frame(&c, MSG_PING_REQ, none());
    fake_conn_expect_empty(&c, MSG_PING_RESP);
    fake_conn_give_frame(&c, MSG_AUTH_REQ, none());
    fake_conn_expect_error(&c, "Unknown message code: 253");
    fake_conn_give_frame(&c, MSG_START_TLS, none());
    fake_conn_expect_error(&c, "Security not enabled; STARTTLS not allowed.");
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void test_three_failures_then_closed(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    open_secured(&c, &n, 1, "myuser");
    for (int i = 0; i < 3; i++) {
        give_auth(&c, "somebody");
        fake_conn_give_frame(&c, MSG_PING_REQ, none()); /* waits behind it */
        assert_true(c.paused);
        fake_node_wait(&n, 4999);
        assert_true(fake_conn_silent(&c));
        fake_node_wait(&n, 1);
        fake_conn_expect_error(&c, "Authentication failed");
        if (i < 2)
            fake_conn_expect_error(&c, "Security is enabled, please authenticate first");
    }
    assert_true(c.closed);
    assert_int_equal(n.metrics.auth_failed, 3);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* Whoever has authenticated and finds no place is told so: that is no wrong password. */
static void test_no_place_for_another_client(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    open_secured(&c, &n, 1, "myuser");
    c.full = true;
    give_auth(&c, "myuser");
    fake_conn_expect_error(&c,
                           "overload: this node serves as many connections as it may (max-connections): close some, "
                           "use another node, or try again later");
    assert_true(c.closed);
    assert_int_equal(c.session.state, SESSION_CLOSED);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void expect_refused(struct fake_node *n, size_t cn_count, const char *cn, const char *user)
{
    struct fake_conn c;
    open_secured(&c, n, cn_count, cn);
    give_auth(&c, user);
    fake_node_wait(n, 5000);
    fake_conn_expect_error(&c, "Authentication failed");
    fake_conn_close(&c);
}

static void test_names_that_are_refused(void **state)
{
    struct fake_node n;
    (void)state;
    fake_node_init(&n);
    expect_refused(&n, 0, "", "myuser");
    expect_refused(&n, 2, "myuser", "myuser");
    expect_refused(&n, 1, "somebody", "somebody");
    expect_refused(&n, 1, "somebody", "myuser");
    expect_refused(&n, 1, "myuser", "myuser2");
    expect_refused(&n, 1, "myuser", "");
    fake_node_fini(&n);
}

static void test_deadline_to_authenticate(void **state)
{
    struct fake_node n;
    struct fake_conn plain, secured, ready;
    (void)state;
    fake_node_init(&n);
    fake_conn_open(&plain, &n);
    open_secured(&secured, &n, 1, "myuser");
    fake_conn_open_ready(&ready, &n);
    fake_node_wait(&n, 9999);
    assert_false(plain.closed || secured.closed);
    fake_node_wait(&n, 1);
    assert_true(plain.closed && secured.closed);
    fake_node_wait(&n, 1000000);
    assert_false(ready.closed);
    assert_int_equal(n.metrics.handshakes_timed_out, 2);
    fake_conn_close(&plain);
    fake_conn_close(&secured);
    fake_conn_close(&ready);
    fake_node_fini(&n);
}

static void test_frames_in_any_pieces(void **state)
{
    static const uint8_t pings[] = {0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1};
    (void)state;
    for (size_t piece = 1; piece <= sizeof pings; piece++) {
        struct fake_node n;
        struct fake_conn c;
        fake_node_init(&n);
        fake_conn_open_ready(&c, &n);
        for (size_t at = 0; at < sizeof pings; at += piece) {
            size_t len = sizeof pings - at < piece ? sizeof pings - at : piece;
            assert_int_equal(fake_conn_give(&c, slice_make(pings + at, len)), len);
        }
        for (int i = 0; i < 3; i++)
            fake_conn_expect_empty(&c, MSG_PING_RESP);
        assert_true(fake_conn_silent(&c));
        assert_int_equal(c.session.kept.cap, 0); /* nothing is held while nothing is there */
        fake_conn_close(&c);
        fake_node_fini(&n);
    }
}

static void test_bad_frames(void **state)
{
    static const uint8_t zero[] = {0, 0, 0, 0}, huge[] = {0xff, 0xff, 0xff, 0xf0, 9};
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    fake_conn_open_ready(&c, &n);
    fake_conn_give_frame(&c, 199, none());
    fake_conn_expect_error(&c, "Unknown message code: 199");
    fake_conn_give_frame(&c, MSG_GET_REQ, slice_str("\xff\xff\xff"));
    fake_conn_expect_error(&c, "Error processing incoming message: RpbGetReq could not be decoded");
    fake_conn_give(&c, slice_make(zero, sizeof zero));
    assert_true(c.closed);
    assert_true(fake_conn_silent(&c));
    fake_conn_close(&c);
    fake_conn_open_ready(&c, &n);
    fake_conn_give(&c, slice_make(huge, sizeof huge));
    fake_conn_expect_error(&c, "Invalid message packet, reason: invalid");
    assert_true(c.closed);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* A frame over the limit is thrown away as it comes; what follows is served. */
static void test_too_large_frame_is_not_kept(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    uint8_t head[5];
    static uint8_t zeros[100000];
    size_t body = ((size_t)3 << 20);
    (void)state;
    fake_node_init(&n);
    fake_conn_open_ready(&c, &n);
    frame_head_put(head, MSG_PUT_REQ, body);
    fake_conn_give(&c, slice_make(head, sizeof head));
    fake_conn_expect_error(
        &c, "{too_large,3145728}: the message has 3145728 bytes, and at most 2097152 are taken (object-size-max)");
    for (size_t left = body; left;) {
        size_t len = left < sizeof zeros ? left : sizeof zeros;
        fake_conn_give(&c, slice_make(zeros, len));
        assert_int_equal(buf_len(&c.session.kept), 0);
        left -= len;
    }
    assert_int_equal(n.server.large.used, 0);
    fake_conn_give_frame(&c, MSG_PING_REQ, none());
    fake_conn_expect_empty(&c, MSG_PING_RESP);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void test_stranger_may_not_send_much(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    uint8_t head[5];
    (void)state;
    fake_node_init(&n);
    open_secured(&c, &n, 1, "myuser");
    frame_head_put(head, MSG_AUTH_REQ, 100000);
    fake_conn_give(&c, slice_make(head, sizeof head));
    fake_conn_expect_error(&c, "Message of 100001 bytes before authentication: at most 65536 are read");
    assert_true(c.closed);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void test_server_info_and_client_id(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    fake_conn_open_ready(&c, &n);
    fake_conn_give_frame(&c, MSG_GET_SERVER_INFO_REQ, none());
    struct frame f = fake_conn_take(&c);
    assert_int_equal(f.code, MSG_GET_SERVER_INFO_RESP);
    assert_slice_is(f.body, "\x0a\x0eriak@127.0.0.1\x12\x06"
                            "3.0.16");
    fake_conn_give_frame(&c, MSG_GET_CLIENT_ID_REQ, none());
    f = fake_conn_take(&c);
    assert_slice_equal(f.body, slice_make("\x0a\x04\0\0\0\0", 6));
    fake_conn_give_frame(&c, MSG_SET_CLIENT_ID_REQ,
                         slice_str("\x0a\x04"
                                   "abcd"));
    fake_conn_expect_empty(&c, MSG_SET_CLIENT_ID_RESP);
    fake_conn_give_frame(&c, MSG_GET_CLIENT_ID_REQ, none());
    f = fake_conn_take(&c);
    assert_slice_is(f.body, "\x0a\x04"
                            "abcd");
    fake_conn_close(&c);
    fake_node_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_knows_only_start_tls),
        cmocka_unit_test(test_start_tls_takes_no_more_than_its_frame),
        cmocka_unit_test(test_tls_from_the_first_byte),
        cmocka_unit_test(test_strangers_are_asked_who_they_are),
        cmocka_unit_test(test_three_failures_then_closed),
        cmocka_unit_test(test_names_that_are_refused),
        cmocka_unit_test(test_no_place_for_another_client),
        cmocka_unit_test(test_deadline_to_authenticate),
        cmocka_unit_test(test_frames_in_any_pieces),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_too_large_frame_is_not_kept),
        cmocka_unit_test(test_stranger_may_not_send_much),
        cmocka_unit_test(test_server_info_and_client_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
