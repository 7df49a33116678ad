/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, by which source, and what is asked of the transport for it. */
#include "base/err.h"
#include "fake_node.h"
#include "support.h"
#include "wire/pb.h"

#include <stdio.h>

static const struct slice none;

static void on_done(struct router_request *q, int err, const struct store_result *result)
{
    (void)q;
    (void)result;
    assert_int_equal(err, 0);
}

static void change(struct fake_node *n, struct security_change c)
{
    struct router_request q;
    router_request_init(&q, on_done);
    router_deliver(&q, router_change_security(n->router, &q, &c));
    fake_node_turn(n);
    fake_node_turn(n);
}

static void add_user(struct fake_node *n, const char *name, const char *password)
{
    struct security_change c = {.act = SECURITY_ADD, .role = ROLE_USER, .password.iterations = 5000};
    snprintf(c.name, sizeof c.name, "%s", name);
    c.has_password = password != NULL;
    if (password)
        assert_int_equal(password_make(&c.password, slice_str(password)), 0);
    change(n, c);
}

static void add_source(struct fake_node *n, const char *name, const char *range, enum security_method method)
{
    struct security_change c = {.act = SECURITY_ADD_SOURCE, .role = *name ? ROLE_USER : ROLE_ALL, .method = method};
    snprintf(c.name, sizeof c.name, "%s", name);
    snprintf(c.range, sizeof c.range, "%s", range);
    change(n, c);
}

static void open_secured(struct fake_conn *c, struct fake_node *n, const struct stream_peer *peer)
{
    fake_conn_open(c, n);
    fake_conn_give_frame(c, MSG_START_TLS, none);
    fake_conn_expect_empty(c, MSG_START_TLS);
    fake_conn_secure(c, peer);
}

static void give_auth(struct fake_conn *c, const char *user, const char *password)
{
    uint8_t body[128], *p = pb_put_bytes(body, 1, slice_str(user));
    p = pb_put_bytes(p, 2, slice_str(password));
    fake_conn_give_frame(c, MSG_AUTH_REQ, slice_make(body, (size_t)(p - body)));
}

static const struct stream_peer bare = {.cn_count = 0};

/* Certificates are asked for of everybody, unless there is a source for the address of one who has none. */
static void test_bare_only_where_a_source_is(void **state)
{
    static const char *const ranges[] = {"10.0.0.0/8", "127.0.0.2", "127.0.0.0/8"};
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    add_source(&n, "", "127.0.0.1", METHOD_CERTIFICATE);
    for (unsigned i = 0; i < 3; i++) {
        fake_conn_open(&c, &n);
        fake_conn_give_frame(&c, MSG_START_TLS, none);
        assert_true(c.tls && !c.bare);
        fake_conn_expect_empty(&c, MSG_START_TLS);
        fake_conn_close(&c);
        add_source(&n, "", ranges[i], METHOD_PASSWORD);
    }
    fake_conn_open(&c, &n);
    fake_conn_give_frame(&c, MSG_START_TLS, none);
    assert_true(c.bare);
    fake_conn_expect_empty(&c, MSG_START_TLS);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void test_a_password(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    add_user(&n, "joe", "secret");
    add_source(&n, "joe", "127.0.0.0/8", METHOD_PASSWORD);
    open_secured(&c, &n, &bare);
    give_auth(&c, "joe", "secret");
    fake_conn_give_frame(&c, MSG_PING_REQ, none); /* waits behind it */
    assert_true(fake_conn_silent(&c) && c.paused);
    fake_node_wait(&n, 0);
    fake_conn_expect_empty(&c, MSG_AUTH_RESP);
    fake_conn_expect_empty(&c, MSG_PING_RESP);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* The user's certificate counts as in use while a connection is open; a node's, by which operators come, does not. */
static void test_certificates_in_use(void **state)
{
    const struct stream_peer user = {.cn_count = 1, .cn = "myuser", .not_after = 9000000000},
                             node = {.cn_count = 1, .cn = "myuser", .not_after = 8000000000, .is_node = true};
    struct fake_node n;
    struct fake_conn c, tool;
    (void)state;
    fake_node_init(&n);
    open_secured(&tool, &n, &node);
    give_auth(&tool, "myuser", "");
    fake_conn_expect_empty(&tool, MSG_AUTH_RESP);
    assert_null(client_certs_first(&n.server.client_certs));
    open_secured(&c, &n, &user);
    assert_null(client_certs_first(&n.server.client_certs));
    give_auth(&c, "MyUser", "");
    fake_conn_expect_empty(&c, MSG_AUTH_RESP);
    const struct client_cert *first = client_certs_first(&n.server.client_certs);
    assert_string_equal(first->user, "myuser");
    assert_true(first->not_after == 9000000000 && first->connections == 1);
    fake_conn_close(&c);
    fake_conn_close(&tool);
    assert_int_equal(first->connections, 0);
    fake_node_fini(&n);
}

/* With a password a user may come with a certificate of another name: that one is to be renewed when it ends. */
static void test_a_certificate_of_another_name_in_use(void **state)
{
    const struct stream_peer peer = {.cn_count = 1, .cn = "Proxy", .not_after = 9000000000};
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    add_user(&n, "joe", "secret");
    add_source(&n, "joe", "127.0.0.0/8", METHOD_PASSWORD);
    open_secured(&c, &n, &peer);
    give_auth(&c, "joe", "secret");
    fake_node_wait(&n, 0);
    fake_conn_expect_empty(&c, MSG_AUTH_RESP);
    const struct client_cert *first = client_certs_first(&n.server.client_certs);
    assert_string_equal(first->user, "Proxy");
    fake_conn_close(&c);
    assert_int_equal(first->connections, 0);
    fake_node_fini(&n);
}

/* A wrong one, an unknown user and one without a source are answered at the same time, whatever was computed. */
static void test_failures_take_the_same_time(void **state)
{
    static const char *const users[] = {"joe", "nobody", "ann", "myuser"};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct fake_node n;
        struct fake_conn c;
        fake_node_init(&n);
        add_user(&n, "joe", "secret");
        add_user(&n, "ann", "secret");
        add_source(&n, "joe", "127.0.0.0/8", METHOD_PASSWORD);
        open_secured(&c, &n, &bare);
        give_auth(&c, users[i], "wrong");
        fake_node_wait(&n, 4999);
        assert_true(fake_conn_silent(&c));
        fake_node_wait(&n, 1);
        fake_conn_expect_error(&c, "Authentication failed");
        assert_int_equal(n.metrics.auth_failed, 1);
        fake_conn_close(&c);
        fake_node_fini(&n);
    }
}

/* Ten connections guess at once: in each turn of the loop one slice of work is done, and all are answered. */
static void test_guesses_take_turns(void **state)
{
    struct fake_node n;
    struct fake_conn c[10];
    (void)state;
    fake_node_init(&n);
    add_user(&n, "joe", "secret");
    add_source(&n, "joe", "127.0.0.0/8", METHOD_PASSWORD);
    for (unsigned i = 0; i < 10; i++) {
        open_secured(&c[i], &n, &bare);
        give_auth(&c[i], "joe", "secret");
    }
    unsigned turns = 0, answered = 0;
    while (answered < 10) {
        timers_run(&n.timers);
        turns++;
        unsigned now = 0;
        for (unsigned i = 0; i < 10; i++)
            now += !fake_conn_silent(&c[i]);
        assert_in_range(now, answered, answered + 1);
        answered = now;
    }
    assert_true(turns >= 10 * 5); /* 5,000 iterations each, in slices of about a thousand */
    for (unsigned i = 0; i < 10; i++) {
        fake_conn_expect_empty(&c[i], MSG_AUTH_RESP);
        fake_conn_close(&c[i]);
    }
    fake_node_fini(&n);
}

/* Who goes while his password is checked, first in the queue or behind, is forgotten; the others are not. */
static void test_who_goes_is_forgotten(void **state)
{
    (void)state;
    for (unsigned gone = 0; gone < 3; gone++) {
        struct fake_node n;
        struct fake_conn c[3];
        fake_node_init(&n);
        add_user(&n, "joe", "secret");
        add_source(&n, "joe", "127.0.0.0/8", METHOD_PASSWORD);
        for (unsigned i = 0; i < 3; i++) {
            open_secured(&c[i], &n, &bare);
            give_auth(&c[i], "joe", "secret");
        }
        timers_run(&n.timers);
        fake_conn_close(&c[gone]);
        fake_node_wait(&n, 0);
        for (unsigned i = 0; i < 3; i++)
            if (i != gone) {
                fake_conn_expect_empty(&c[i], MSG_AUTH_RESP);
                fake_conn_close(&c[i]);
            }
        fake_node_fini(&n);
    }
}

/* The time to be authenticated in goes on while a password waits for its turn. */
static void test_the_deadline_holds(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    add_user(&n, "joe", "secret");
    add_source(&n, "joe", "127.0.0.0/8", METHOD_PASSWORD);
    open_secured(&c, &n, &bare);
    give_auth(&c, "joe", "secret");
    n.now_ms += 10001; /* the loop stood still */
    while (!c.closed && c.session.state != SESSION_READY)
        timers_run(&n.timers);
    assert_true(c.closed);
    assert_int_equal(n.metrics.handshakes_timed_out, 1);
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void test_trust_needs_a_name_alone(void **state)
{
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    add_source(&n, "", "127.0.0.1", METHOD_TRUST);
    open_secured(&c, &n, &bare);
    give_auth(&c, "MyUser", "");
    fake_conn_expect_empty(&c, MSG_AUTH_RESP);
    fake_conn_close(&c);
    open_secured(&c, &n, &bare);
    give_auth(&c, "joe", "");
    fake_node_wait(&n, 5000);
    fake_conn_expect_error(&c, "Authentication failed");
    fake_conn_close(&c);
    fake_node_fini(&n);
}

/* Whoever holds the root's key can make any certificate: a node's is let in by its own name, as an operator. */
static void test_an_operator(void **state)
{
    const struct stream_peer peer = {.cn_count = 1, .cn = "Operator", .is_node = true};
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    fake_node_init(&n);
    open_secured(&c, &n, &peer);
    give_auth(&c, "operator", "");
    fake_conn_expect_empty(&c, MSG_AUTH_RESP);
    fake_conn_close(&c);
    open_secured(&c, &n, &peer);
    give_auth(&c, "myuser", "");
    fake_node_wait(&n, 5000);
    fake_conn_expect_error(&c, "Authentication failed");
    fake_conn_close(&c);
    fake_node_fini(&n);
}

static void test_names_that_are_nobodys(void **state)
{
    char text[SECURITY_NAME_SIZE + 1];
    struct stream_peer peer = {.cn_count = 1};
    struct fake_node n;
    struct fake_conn c;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    strcpy(peer.cn, text);
    fake_node_init(&n);
    open_secured(&c, &n, &peer);
    give_auth(&c, text, "");
    fake_node_wait(&n, 5000);
    fake_conn_expect_error(&c, "Authentication failed");
    fake_conn_close(&c);
    fake_node_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare_only_where_a_source_is), cmocka_unit_test(test_a_password),
        cmocka_unit_test(test_certificates_in_use),         cmocka_unit_test(test_a_certificate_of_another_name_in_use),
        cmocka_unit_test(test_failures_take_the_same_time), cmocka_unit_test(test_guesses_take_turns),
        cmocka_unit_test(test_who_goes_is_forgotten),       cmocka_unit_test(test_the_deadline_holds),
        cmocka_unit_test(test_trust_needs_a_name_alone),    cmocka_unit_test(test_an_operator),
        cmocka_unit_test(test_names_that_are_nobodys),
    };
    return cmocka_run_group_tests_name("riak/security", tests, NULL, NULL);
}
