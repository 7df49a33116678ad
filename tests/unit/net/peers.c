/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/net/peers.h"

#include "base/err.h"
#include "support.h"

#include <stdio.h>
#include <unistd.h>

#define GUARD_S 60 /* a test that waits for what never comes ends the program */

static struct peers peers;

/* --- users --- */

static struct end *end_of(struct stream_user *u)
{
    return LIST_ENTRY(u, struct end, user);
}

static size_t on_input(struct stream_user *u, struct slice in)
{
    struct end *e = end_of(u);
    assert_int_equal(e->closed, 0);
    assert_int_equal(e->secured, 1);
    assert_int_equal(buf_append_slice(&e->got, in), 0);
    e->inputs++;
    if (e->on_input)
        e->on_input(e);
    return in.len;
}

static void on_secure(struct stream_user *u, const struct stream_peer *peer)
{
    struct end *e = end_of(u);
    assert_int_equal(e->closed, 0);
    e->secured++;
    e->peer = *peer;
    if (e->peers->trusts)
        e->stream->ops->trusted(e->stream);
    if (e->on_secure)
        e->on_secure(e);
}

static void on_drained(struct stream_user *u)
{
    assert_int_equal(end_of(u)->closed, 0);
}

static void on_closed(struct stream_user *u, const char *why)
{
    struct end *e = end_of(u);
    e->closed++;
    e->stream = NULL;
    snprintf(e->why, sizeof e->why, "%s", why);
}

static void end_init(struct end *e, struct peers *p)
{
    static const struct stream_user_ops ops = {on_input, on_secure, on_drained, on_closed};
    *e = (struct end){.user = {&ops}, .peers = p};
    buf_init(&e->got, (size_t)64 << 20);
}

static struct stream_user *on_accepted(struct acceptor *a, struct stream *s, const char *address)
{
    struct peers *p = LIST_ENTRY(a, struct peers, acceptor);
    if (!p->accepts || p->server_count == ENDS_MAX)
        return NULL;
    struct end *e = &p->server[p->server_count++];
    end_init(e, p);
    e->stream = s;
    e->on_input = p->on_server_input;
    snprintf(e->address, sizeof e->address, "%s", address);
    return &e->user;
}

static bool expects(struct acceptor *a, const char *host)
{
    const struct peers *p = LIST_ENTRY(a, struct peers, acceptor);
    return p->expected && strcmp(p->expected, host) == 0;
}

/* --- the parts --- */

struct listener_config peers_listener_config(struct peers *p)
{
    return (struct listener_config){.address = "127.0.0.1",
                                    .connections_max = ENDS_MAX,
                                    .handshakes_max = ENDS_MAX,
                                    .stall_timeout_ms = 30000,
                                    .tls = p->server_tls,
                                    .tls_first = true,
                                    .between_nodes = true,
                                    .acceptor = &p->acceptor,
                                    .metrics = &p->metrics};
}

void peers_listen(struct peers *p, const struct listener_config *config)
{
    assert_int_equal(listener_start(&p->listener, config, &p->loop), 0);
    p->port = listener_port(&p->listener);
    assert_int_not_equal(p->port, 0);
    p->listener_stopped = 0;
}

static void on_stopped(void *arg)
{
    ++*(unsigned *)arg;
}

void peers_stop_listener(struct peers *p)
{
    listener_stop(&p->listener, on_stopped, &p->listener_stopped);
    peers_wait(p, &p->listener_stopped, 1);
}

void peers_set_dialer(struct peers *p, struct tls_ctx *tls, uint64_t timeout_ms)
{
    struct net_dialer_config config = {
        .tls = tls ? tls : p->client_tls, .timeout_ms = timeout_ms, .stall_timeout_ms = 30000};
    assert_int_equal(p->dialer.owner.count, 0);
    net_dialer_init(&p->dialer, &config, &p->loop);
}

struct end *peers_dial_to(struct peers *p, const char *address)
{
    struct end *e = &p->client[p->client_count++];
    end_init(e, p);
    assert_int_equal(dialer_dial(&p->dialer.dialer, address, p->port, &e->user, &e->stream), 0);
    assert_int_equal(e->secured + e->closed, 0);
    return e;
}

struct end *peers_dial(struct peers *p)
{
    return peers_dial_to(p, "127.0.0.1");
}

void peers_say(struct end *e, const char *text)
{
    assert_int_equal(buf_append_slice(outq_tail(&e->stream->out), slice_str(text)), 0);
    e->stream->ops->flush(e->stream);
}

void peers_wait(struct peers *p, const unsigned *count, unsigned wanted)
{
    for (bool more = true; *count < wanted; more = uv_run(&p->loop.uv, UV_RUN_ONCE) != 0)
        assert_true(more);
    assert_int_equal(*count, wanted);
}

void peers_wait_bytes(struct peers *p, const struct end *e, size_t wanted)
{
    for (bool more = true; buf_len(&e->got) < wanted; more = uv_run(&p->loop.uv, UV_RUN_ONCE) != 0)
        assert_true(more);
    assert_int_equal(buf_len(&e->got), wanted);
}

/* --- the life --- */

int peers_make(void **state)
{
    char why[TLS_WHY_MAX] = "";
    struct cert_node_request req = {.incarnation = {"incarnation one!"}, .now = PKI_NOW};
    (void)state;
    alarm(GUARD_S);
    link_world_init(&peers.world);
    return cert_mint_node(peers.world.ca, &req, &peers.cert, why, sizeof why);
}

int peers_drop(void **state)
{
    (void)state;
    cert_destroy(&peers.cert);
    link_world_fini(&peers.world);
    return 0;
}

int peers_setup(void **state)
{
    static const struct acceptor_ops ops = {on_accepted, expects};
    struct peers *p = &peers;
    *p = (struct peers){.world = p->world, .cert = p->cert, .acceptor = {&ops}, .accepts = true};
    struct tls_peer_config server = link_peer_config(&p->world, true, p->cert);
    struct tls_peer_config client = link_peer_config(&p->world, false, p->cert);
    p->server_tls = link_peer(&server);
    p->client_tls = link_peer(&client);
    assert_int_equal(net_loop_init(&p->loop), 0);
    struct listener_config config = peers_listener_config(p);
    peers_listen(p, &config);
    peers_set_dialer(p, NULL, 0);
    *state = p;
    return 0;
}

static void check_end(struct end *e)
{
    assert_int_equal(e->closed, 1);
    buf_fini(&e->got);
}

/* Whatever happened: everybody has heard of his end once. */
int peers_teardown(void **state)
{
    struct peers *p = *state;
    net_dialer_stop(&p->dialer, on_stopped, &p->dialer_stopped);
    if (p->listener.open)
        listener_stop(&p->listener, on_stopped, &p->listener_stopped);
    peers_wait(p, &p->dialer_stopped, 1);
    peers_wait(p, &p->listener_stopped, 1);
    for (size_t i = 0; i < p->server_count; i++)
        check_end(&p->server[i]);
    for (size_t i = 0; i < p->client_count; i++)
        check_end(&p->client[i]);
    net_loop_fini(&p->loop);
    tls_ctx_destroy(&p->server_tls);
    tls_ctx_destroy(&p->client_tls);
    return 0;
}
