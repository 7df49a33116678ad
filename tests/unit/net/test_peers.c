/* SPDX-License-Identifier: Apache-2.0 */
/* Dialer and port against each other. In the end each end of each connection has heard closed() once (peers.c). */
#include "unit/net/peers.h"

#include "base/err.h"
#include "net/conn_impl.h"
#include "support.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define CLOSED_HERE "closed here"
#define GOODBYE     "the peer said goodbye"

/* Both ends stand. */
static struct end *connect_one(struct peers *p)
{
    struct end *client = peers_dial(p);
    size_t at = p->server_count;
    peers_wait(p, &client->secured, 1);
    while (p->server_count == at)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    peers_wait(p, &p->server[at].secured, 1);
    return client;
}

static void check_why(struct peers *p, struct end *e, const char *why)
{
    peers_wait(p, &e->closed, 1);
    assert_string_equal(e->why, why);
}

static void words_both_ways(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p), *server = &p->server[0];
    assert_true(client->peer.is_node && server->peer.is_node);
    assert_memory_equal(client->peer.incarnation.b, "incarnation one!", ID_SIZE);
    assert_memory_equal(server->peer.incarnation.b, "incarnation one!", ID_SIZE);
    assert_int_equal(strncmp(server->address, "127.0.0.1:", 10), 0);
    peers_say(client, "hello");
    peers_wait_bytes(p, server, 5);
    peers_say(server, "welcome");
    peers_wait_bytes(p, client, 7);
    assert_slice_is(buf_slice(&client->got), "welcome");
    assert_int_equal(p->metrics.handshakes_full, 1); /* of the port */
    assert_int_equal(p->metrics.connections_accepted, 1);
}

static int option_of(const struct end *e, int level, int name)
{
    const struct conn *c = LIST_ENTRY(e->stream, struct conn, stream);
    uv_os_fd_t fd;
    int value = 0;
    socklen_t len = sizeof value;
    assert_int_equal(uv_fileno((const uv_handle_t *)&c->tcp, &fd), 0);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* So that a machine that vanished is noticed, at both ends. */
static void what_the_sockets_are_told(void **state)
{
    struct peers *p = *state;
    struct end *ends[] = {connect_one(p), &p->server[0]};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(option_of(ends[i], IPPROTO_TCP, TCP_USER_TIMEOUT), 10000);
        assert_true(option_of(ends[i], IPPROTO_TCP, TCP_NODELAY));
        assert_true(option_of(ends[i], SOL_SOCKET, SO_KEEPALIVE));
    }
}

/* Words in the queue leave before the goodbye. */
static void closed_by_the_dialing_side(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p);
    assert_int_equal(buf_append_slice(outq_tail(&client->stream->out), slice_str("farewell")), 0);
    client->stream->ops->close(client->stream);
    assert_int_equal(client->closed, 0);
    check_why(p, client, CLOSED_HERE);
    check_why(p, &p->server[0], GOODBYE);
    assert_slice_is(buf_slice(&p->server[0].got), "farewell");
}

static void closed_by_the_accepting_side(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p), *server = &p->server[0];
    server->stream->ops->close(server->stream);
    check_why(p, server, CLOSED_HERE);
    check_why(p, client, GOODBYE);
}

static void close_in_a_callback(struct end *e)
{
    e->stream->ops->close(e->stream);
    e->stream->ops->flush(e->stream);
    assert_int_equal(e->closed, 0);
}

static void closed_from_inside_a_callback(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p);
    p->server[0].on_input = close_in_a_callback;
    peers_say(client, "a");
    check_why(p, &p->server[0], CLOSED_HERE);
    check_why(p, client, GOODBYE);
}

static void nobody_listens(void **state)
{
    struct peers *p = *state;
    peers_stop_listener(p);
    struct end *client = peers_dial(p);
    check_why(p, client, "connection refused");
    assert_int_equal(client->secured, 0);
}

/* connect() itself says so, where a refusal comes later: TCP has no route to the broadcast address. */
static void no_route(void **state)
{
    struct peers *p = *state;
    struct end *client = peers_dial_to(p, "255.255.255.255");
    check_why(p, client, "network is unreachable");
    assert_int_equal(client->secured, 0);
}

static void no_address(void **state)
{
    struct peers *p = *state;
    struct end e = {.peers = p};
    assert_int_equal(dialer_dial(&p->dialer.dialer, "localhost", 1, &e.user, &e.stream), E_INVALID);
    assert_int_equal(dialer_dial(&p->dialer.dialer, "", 1, &e.user, &e.stream), E_INVALID);
    assert_int_equal(dialer_dial(&p->dialer.dialer, "127.0.0.1.1", 1, &e.user, &e.stream), E_INVALID);
}

static void closed_before_it_stands(void **state)
{
    struct peers *p = *state;
    struct end *client = peers_dial(p);
    assert_int_equal(buf_append_slice(outq_tail(&client->stream->out), slice_str("never sent")), 0);
    client->stream->ops->flush(client->stream);
    client->stream->ops->close(client->stream);
    client->stream->ops->close(client->stream);
    client->stream->ops->flush(client->stream);
    assert_int_equal(client->closed, 0);
    check_why(p, client, CLOSED_HERE);
    assert_int_equal(client->secured, 0);
}

/* Connected, but the handshake goes on: nothing of the queue leaves in the clear. */
static void closed_during_the_handshake(void **state)
{
    struct peers *p = *state;
    struct end *client = peers_dial(p);
    while (p->server_count == 0)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    struct end *server = &p->server[0];
    assert_int_equal(buf_append_slice(outq_tail(&server->stream->out), slice_str("never sent")), 0);
    server->stream->ops->close(server->stream);
    check_why(p, server, CLOSED_HERE);
    peers_wait(p, &client->closed, 1);
    assert_int_equal(client->secured, 0);
    assert_int_equal(buf_len(&client->got), 0);
}

static void what_was_said_too_early_is_sent_then(void **state)
{
    struct peers *p = *state;
    struct end *client = peers_dial(p);
    peers_say(client, "early");
    peers_wait(p, &client->secured, 1);
    peers_wait_bytes(p, &p->server[0], 5);
    assert_slice_is(buf_slice(&p->server[0].got), "early");
}

/* The dialing side is done first in TLS 1.3, and hears afterwards. */
static void a_user_is_no_node(void **state)
{
    struct peers *p = *state;
    struct tls_client_config config = link_client_config(&p->world);
    struct tls_ctx *user = link_client(&config);
    peers_set_dialer(p, user, 0);
    struct end *client = peers_dial(p);
    peers_wait(p, &client->closed, 1);
    assert_non_null(strstr(client->why, "peer refused"));
    check_why(p, &p->server[0], "certificate is not a node's (its extended key usage lacks the role node)");
    assert_int_equal(p->server[0].secured, 0);
    assert_int_equal(p->metrics.handshakes_failed, 1);
    tls_ctx_destroy(&user);
}

static void the_port_ends_with_open_links(void **state)
{
    struct peers *p = *state;
    for (int i = 0; i < 3; i++)
        connect_one(p);
    struct end *half = peers_dial(p);
    assert_int_equal(listener_count(&p->listener), 3);
    peers_stop_listener(p);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(p->server[i].why, CLOSED_HERE);
        check_why(p, &p->client[i], GOODBYE);
    }
    peers_wait(p, &half->closed, 1);
    assert_int_equal(half->secured, 0);
}

static void count_one(void *arg)
{
    ++*(unsigned *)arg;
}

static void the_dialer_ends_with_open_links(void **state)
{
    struct peers *p = *state;
    struct end e = {.peers = p};
    unsigned stopped = 0;
    connect_one(p);
    peers_dial(p);
    net_dialer_stop(&p->dialer, count_one, &stopped);
    assert_int_equal(stopped, 0);
    assert_int_equal(dialer_dial(&p->dialer.dialer, "127.0.0.1", p->port, &e.user, &e.stream), E_CLOSED);
    peers_wait(p, &stopped, 1);
    assert_int_equal(p->client[0].closed + p->client[1].closed, 2);
    check_why(p, &p->server[0], GOODBYE);
}

static void an_unwanted_connection(void **state)
{
    struct peers *p = *state;
    p->accepts = false;
    struct end *client = peers_dial(p);
    peers_wait(p, &client->closed, 1);
    assert_int_equal(client->secured, 0);
    p->accepts = true;
    connect_one(p);
}

static void listen_anew(struct peers *p, const struct listener_config *config)
{
    peers_stop_listener(p);
    peers_listen(p, config);
}

/* A place is free when its holder has authenticated. */
static void one_handshake_at_a_time(void **state)
{
    struct peers *p = *state;
    struct listener_config config = peers_listener_config(p);
    config.handshakes_max = 1;
    config.between_nodes = false; /* where they wait */
    listen_anew(p, &config);
    p->trusts = true;
    struct end *client[3];
    for (int i = 0; i < 3; i++)
        client[i] = peers_dial(p);
    for (int i = 0; i < 3; i++)
        peers_wait(p, &client[i]->secured, 1);
    while (p->server_count < 3 || !p->server[2].secured)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    assert_int_equal(p->listener.strangers.count, 0);
    assert_int_equal(p->metrics.strangers_closed, 0);
}

static void the_most_connections(void **state)
{
    struct peers *p = *state;
    struct listener_config config = peers_listener_config(p);
    config.connections_max = 1;
    listen_anew(p, &config);
    connect_one(p);
    struct end *second = peers_dial(p);
    peers_wait(p, &second->closed, 1);
    assert_int_equal(p->metrics.connections_refused, 1);
    assert_int_equal(p->server[1].secured, 0);
    assert_int_equal(p->client[0].closed, 0);
}

static void the_reserve_is_for_certificates_of_nodes(void **state)
{
    struct peers *p = *state;
    struct listener_config config = peers_listener_config(p);
    config.connections_max = 0;
    config.reserve = 1;
    listen_anew(p, &config);
    connect_one(p);
    struct end *second = peers_dial(p);
    peers_wait(p, &second->closed, 1);
    assert_int_equal(p->listener.trusted_count, 1);
}

/* --- strangers --- */

/* A connection that says nothing. */
static int raw_connect(const struct peers *p, const char *from)
{
    struct sockaddr_in here = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(p->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, from, &here.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr), 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void raw_connect_many(const struct peers *p, const char *from, int fd[], int count)
{
    for (int i = 0; i < count; i++)
        fd[i] = raw_connect(p, from);
}

static void raw_close_all(int fd[], int count)
{
    for (int i = 0; i < count; i++)
        close(fd[i]);
}

static void wait_until_full(struct peers *p)
{
    while (p->listener.strangers.count < p->listener.strangers.max)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
}

/* They take no place of a client, and those that come get theirs when they have been silent for a moment. */
static void silent_connections_give_way(void **state)
{
    struct peers *p = *state;
    int fd[12];
    struct listener_config config = peers_listener_config(p);
    config.between_nodes = false;
    config.connections_max = 1;
    config.handshakes_max = 4;
    listen_anew(p, &config);
    p->trusts = true;
    raw_connect_many(p, "127.0.0.1", fd, 12); /* four get places, one waits for one, the others in the kernel */
    wait_until_full(p);
    struct end *client = peers_dial(p);
    peers_wait(p, &client->secured, 1);
    while (!p->listener.trusted_count)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    assert_true(p->metrics.strangers_closed >= 9);
    assert_true(p->listener.owner.count <= 5);
    assert_int_equal(p->metrics.connections_refused, 0);
    raw_close_all(fd, 12);
}

/* The address of a known node gets a place at once; another, which would have to wait, is sent away, as behind it may
 * be such a one. */
static void a_node_that_is_expected_gets_in_at_once(void **state)
{
    struct peers *p = *state;
    int fd[40];
    struct listener_config config = peers_listener_config(p);
    config.handshakes_max = 4;
    listen_anew(p, &config);
    p->expected = "127.0.0.1";
    uint64_t begun_ms = clock_boot_ms(&p->loop.clock);
    raw_connect_many(p, "127.0.0.9", fd, 40);
    struct end *client = peers_dial(p);
    peers_wait(p, &client->secured, 1);
    while (!p->listener.trusted_count)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    if (clock_boot_ms(&p->loop.clock) - begun_ms < STRANGER_SILENT_MS) { /* the machine is not very busy */
        assert_int_equal(p->metrics.strangers_closed, 1);
        assert_int_equal(p->metrics.connections_refused, 36);
    }
    assert_true(p->listener.strangers.count <= 4);
    raw_close_all(fd, 40);
}

static void the_port_ends_while_one_waits_for_a_place(void **state)
{
    struct peers *p = *state;
    int fd[4];
    struct listener_config config = peers_listener_config(p);
    config.between_nodes = false;
    config.handshakes_max = 1;
    listen_anew(p, &config);
    raw_connect_many(p, "127.0.0.1", fd, 4);
    while (!p->listener.door || !p->listener.blocked)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    peers_stop_listener(p);
    assert_int_equal(p->server_count, 1);
    raw_close_all(fd, 4);
}

/* --- who says nothing --- */

static void a_silent_port(void **state)
{
    struct peers *p = *state;
    struct listener_config config = peers_listener_config(p);
    config.handshakes_max = 0; /* there is no place, ever */
    config.between_nodes = false;
    peers_stop_listener(p);
    peers_listen(p, &config);
    peers_set_dialer(p, NULL, 20);
    struct end *client = peers_dial(p);
    check_why(p, client, "no handshake within the time for it");
}

static void on_raw_connect(uv_connect_t *request, int status)
{
    assert_int_equal(status, 0);
    *(bool *)request->data = true;
}

static void a_silent_client(void **state)
{
    struct peers *p = *state;
    struct listener_config config = peers_listener_config(p);
    struct sockaddr_in to;
    uv_tcp_t tcp;
    uv_connect_t request;
    bool connected = false;
    config.handshake_timeout_ms = 20;
    peers_stop_listener(p);
    peers_listen(p, &config);
    uv_ip4_addr("127.0.0.1", p->port, &to);
    uv_tcp_init(&p->loop.uv, &tcp);
    request.data = &connected;
    uv_tcp_connect(&request, &tcp, (const struct sockaddr *)&to, on_raw_connect);
    while (p->server_count == 0 || !connected)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    check_why(p, &p->server[0], "no handshake within the time for it");
    assert_int_equal(p->metrics.handshakes_timed_out, 1);
    uv_close((uv_handle_t *)&tcp, NULL);
    uv_run(&p->loop.uv, UV_RUN_NOWAIT);
}

/* --- many words --- */

#define FRAMES     1000
#define FRAME_SIZE 100

/* What a turn has brought together leaves at its end: at once, in full records, and in the order of the frames. */
static void flush_at_the_end(void *arg)
{
    struct end *e = arg;
    if (outq_len(&e->stream->out))
        e->stream->ops->flush(e->stream);
    assert_int_equal(outq_len(&e->stream->out), 0);
}

static void a_turn_with_many_frames(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p), *server = &p->server[0];
    uint8_t frame[FRAME_SIZE] = {0};
    net_loop_on_turn_end(&p->loop, flush_at_the_end, client);
    for (int i = 0; i < FRAMES; i++) {
        frame[0] = (uint8_t)i;
        assert_int_equal(buf_append(outq_tail(&client->stream->out), frame, sizeof frame), 0);
    }
    peers_wait_bytes(p, server, (size_t)FRAMES * FRAME_SIZE);
    net_loop_on_turn_end(&p->loop, NULL, NULL);
    for (int i = 0; i < FRAMES; i++)
        assert_int_equal(buf_slice(&server->got).data[i * FRAME_SIZE], (uint8_t)i);
    /* One call for each record: two chunks, of four records and of three. */
    assert_int_equal(server->inputs, 7);
}

/* More than a socket takes at once, both ways at once. */
static void much(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p), *server = &p->server[0];
    const size_t size = (size_t)8 << 20;
    struct blob *blob = blob_create(size);
    assert_non_null(blob);
    for (size_t i = 0; i < size; i++)
        blob->data[i] = (uint8_t)(i * 31 >> 8);
    assert_int_equal(outq_push_blob(&client->stream->out, blob, 0, size), 0);
    assert_int_equal(outq_push_blob(&server->stream->out, blob, 0, size), 0);
    peers_say(client, "!");
    peers_say(server, "!");
    peers_wait_bytes(p, server, size + 1);
    peers_wait_bytes(p, client, size + 1);
    assert_memory_equal(buf_slice(&server->got).data, blob->data, size);
    assert_memory_equal(buf_slice(&client->got).data, blob->data, size);
    blob_put(blob);
}

/* A user may have another connection sent while its own input is being worked on. */
static void relay(struct end *from)
{
    struct peers *p = from->peers;
    for (size_t i = 0; i < p->server_count; i++)
        if (&p->server[i] != from && p->server[i].stream) {
            struct slice s = buf_slice(&from->got);
            assert_int_equal(buf_append_slice(outq_tail(&p->server[i].stream->out), s), 0);
            p->server[i].stream->ops->flush(p->server[i].stream);
        }
    buf_consume(&from->got, buf_len(&from->got));
}

static void words_from_one_to_another(void **state)
{
    struct peers *p = *state;
    p->on_server_input = relay;
    struct end *first = connect_one(p), *second = connect_one(p);
    for (int i = 0; i < 20; i++) {
        peers_say(first, "ping");
        peers_say(second, "pong");
    }
    peers_wait_bytes(p, first, 80);
    peers_wait_bytes(p, second, 80);
    assert_int_equal(memcmp(buf_slice(&first->got).data, "pongpong", 8), 0);
    assert_int_equal(memcmp(buf_slice(&second->got).data, "pingping", 8), 0);
}

static void a_pause(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p), *server = &p->server[0];
    const struct conn *c = LIST_ENTRY(server->stream, struct conn, stream);
    server->stream->ops->pause(server->stream, true);
    assert_true(c->reading); /* nothing has come that it had to stop for */
    peers_say(client, "now?");
    while (c->reading)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    assert_int_equal(buf_len(&server->got), 0);
    server->stream->ops->pause(server->stream, false);
    assert_true(c->reading);
    peers_wait_bytes(p, server, 4);
    server->stream->ops->pause(server->stream, true);
    server->stream->ops->pause(server->stream, false);
    peers_say(client, "and now?");
    peers_wait_bytes(p, server, 12);
}

static void the_other_side_leaves_in_a_pause(void **state)
{
    struct peers *p = *state;
    struct end *client = connect_one(p), *server = &p->server[0];
    server->stream->ops->pause(server->stream, true);
    client->stream->ops->close(client->stream);
    check_why(p, client, CLOSED_HERE);
    assert_int_equal(server->closed, 0);
    server->stream->ops->pause(server->stream, false);
    check_why(p, server, GOODBYE);
}

/* As a node listens by default: a client that comes by IPv4 is called by that address. */
static void a_port_of_both_families(void **state)
{
    struct peers *p = *state;
    struct listener_config config = peers_listener_config(p);
    config.address = "::";
    if (listener_check("::", 0, &p->loop))
        skip(); /* a machine without IPv6 */
    peers_stop_listener(p);
    peers_listen(p, &config);
    connect_one(p);
    assert_memory_equal(p->server[0].address, "127.0.0.1:", strlen("127.0.0.1:"));
}

/* Neither a port that is held nor one that is free is touched. */
static void ports_that_are_only_checked(void **state)
{
    struct peers *p = *state;
    assert_int_equal(listener_check("127.0.0.1", p->port, &p->loop), 0);
    connect_one(p);
    assert_int_equal(listener_check("localhost", 0, &p->loop), E_INVALID);
    assert_int_equal(listener_check("192.0.2.1", 0, &p->loop), E_INVALID); /* RFC 5737: nobody's */
    uint16_t port = p->port;
    peers_stop_listener(p);
    assert_int_equal(listener_check("127.0.0.1", port, &p->loop), 0);
    struct listener_config config = peers_listener_config(p);
    config.port = port;
    peers_listen(p, &config); /* at once: the check's socket need not be gone */
    assert_int_equal(p->port, port);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, peers_setup, peers_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_both_ways),
        TEST(what_the_sockets_are_told),
        TEST(closed_by_the_dialing_side),
        TEST(closed_by_the_accepting_side),
        TEST(closed_from_inside_a_callback),
        TEST(nobody_listens),
        TEST(no_route),
        TEST(no_address),
        TEST(closed_before_it_stands),
        TEST(closed_during_the_handshake),
        TEST(what_was_said_too_early_is_sent_then),
        TEST(a_user_is_no_node),
        TEST(the_port_ends_with_open_links),
        TEST(the_dialer_ends_with_open_links),
        TEST(an_unwanted_connection),
        TEST(one_handshake_at_a_time),
        TEST(the_most_connections),
        TEST(a_port_of_both_families),
        TEST(ports_that_are_only_checked),
        TEST(the_reserve_is_for_certificates_of_nodes),
        TEST(silent_connections_give_way),
        TEST(a_node_that_is_expected_gets_in_at_once),
        TEST(the_port_ends_while_one_waits_for_a_place),
        TEST(a_silent_port),
        TEST(a_silent_client),
        TEST(a_turn_with_many_frames),
        TEST(much),
        TEST(words_from_one_to_another),
        TEST(a_pause),
        TEST(the_other_side_leaves_in_a_pause),
    };
    return cmocka_run_group_tests(tests, peers_make, peers_drop);
}
