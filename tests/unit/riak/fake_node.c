/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_node.h"

#include "support.h"
#include "wire/admin_msg.h"
#include "wire/pb.h"

static uint64_t fake_now_ms(void *arg)
{
    return ((struct fake_node *)arg)->now_ms;
}

static uint64_t fake_now_us(void *arg)
{
    return ((struct fake_node *)arg)->now_ms * 1000;
}

static void fake_random(void *arg, void *out, size_t n)
{
    struct fake_node *node = arg;
    for (size_t i = 0; i < n; i++) {
        node->random = node->random * 6364136223846793005ULL + 1442695040888963407ULL;
        ((uint8_t *)out)[i] = (uint8_t)(node->random >> 56);
    }
}

static void make_server(struct fake_node *n)
{
    assert_int_equal(alone_create(&n->alone, &n->clock, &n->timers, NULL, &n->metrics, (size_t)16 << 20), 0);
    n->router = cluster_router(n->alone.cluster);
    n->late.cluster = n->alone.cluster;
    server_init(&n->server, &n->config, n->router, &n->timers, &n->clock, NULL, &n->metrics);
    riak_init(&n->riak, &n->timers, &n->clock);
    session_door_init(&n->door, &riak_protocol, &n->server, &n->riak);
    n->server.api.ops = &late_router_calls;
}

void fake_node_init(struct fake_node *n)
{
    static const char *const users[] = {"myuser", "other"};
    *n = (struct fake_node){.now_ms = 1000000, .random = 42};
    n->clock = (struct clock){fake_now_ms, fake_now_us, fake_now_ms, fake_random, n};
    timers_init(&n->timers, fake_now_ms, NULL, n);
    n->config = (struct server_config){.node_name = "riak@127.0.0.1",
                                       .version = "3.0.16",
                                       .users = users,
                                       .user_count = 2,
                                       .object_size_max = (size_t)1 << 20,
                                       .small_budget = (size_t)256 << 10,
                                       .large_budget = (size_t)400 << 10,
                                       .siblings_max = 10,
                                       .reap_ms = 3000,
                                       .handshake_timeout_ms = 10000,
                                       .auth_failure_delay_ms = 5000,
                                       .stall_timeout_ms = 60000,
                                       .request_timeout_ms = 60000};
    late_router_start(&n->late);
    make_server(n);
}

void fake_node_fini(struct fake_node *n)
{
    session_door_fini(&n->door);
    riak_fini(&n->riak);
    server_fini(&n->server);
    alone_destroy(&n->alone);
    late_router_stop(&n->late);
    timers_fini(&n->timers);
}

void fake_node_restart(struct fake_node *n)
{
    session_door_fini(&n->door);
    riak_fini(&n->riak);
    server_fini(&n->server);
    alone_destroy(&n->alone);
    make_server(n);
}

void fake_node_turn(struct fake_node *n)
{
    cluster_turn(n->alone.cluster);
}

void fake_node_wait(struct fake_node *n, uint64_t ms)
{
    uint64_t end = n->now_ms + ms;
    for (;;) {
        uint64_t next = timers_next_ms(&n->timers);
        if (next > end)
            break;
        if (next > n->now_ms)
            n->now_ms = next;
        timers_run(&n->timers);
        fake_node_turn(n);
    }
    n->now_ms = end;
}

static struct fake_conn *conn_of(struct stream *s)
{
    return LIST_ENTRY(s, struct fake_conn, stream);
}

static void on_flush(struct stream *s)
{
    conn_of(s)->flushes++;
}

static void on_start_tls(struct stream *s, bool bare)
{
    conn_of(s)->bare = bare;
    conn_of(s)->tls = true;
}

static void on_pause(struct stream *s, bool on)
{
    conn_of(s)->paused = on;
}

static void on_close(struct stream *s)
{
    conn_of(s)->closed = true;
}

static bool on_trusted(struct stream *s)
{
    return !conn_of(s)->full;
}

static const struct stream_ops ops = {on_flush, on_start_tls, on_pause, on_close, on_trusted};

void fake_conn_open_at(struct fake_conn *c, struct fake_node *n, struct session_door *door)
{
    *c = (struct fake_conn){.stream = {.ops = &ops}, .node = n};
    outq_init(&c->stream.out);
    session_init(&c->session, door, &c->stream, "127.0.0.1:1");
}

void fake_conn_open(struct fake_conn *c, struct fake_node *n)
{
    fake_conn_open_at(c, n, &n->door);
}

void fake_conn_open_ready(struct fake_conn *c, struct fake_node *n)
{
    struct stream_peer peer = {.cn_count = 1, .cn = "myuser"};
    static const uint8_t auth[] = "\x0a\x06myuser\x12";
    fake_conn_open(c, n);
    fake_conn_give_frame(c, MSG_START_TLS, slice_make(NULL, 0));
    fake_conn_expect_empty(c, MSG_START_TLS);
    assert_true(c->tls);
    fake_conn_secure(c, &peer);
    fake_conn_give_frame(c, MSG_AUTH_REQ, slice_make(auth, sizeof auth)); /* the NUL is an empty password's length */
    fake_conn_expect_empty(c, MSG_AUTH_RESP);
}

void fake_conn_close(struct fake_conn *c)
{
    c->session.user.ops->closed(&c->session.user, "the test closes it");
    session_fini(&c->session);
    outq_fini(&c->stream.out);
}

void fake_conn_secure(struct fake_conn *c, const struct stream_peer *peer)
{
    c->session.user.ops->secure(&c->session.user, peer);
    fake_node_turn(c->node);
}

void fake_conn_drained(struct fake_conn *c)
{
    c->session.user.ops->drained(&c->session.user);
    fake_node_turn(c->node);
}

size_t fake_conn_give(struct fake_conn *c, struct slice bytes)
{
    size_t taken = c->session.user.ops->input(&c->session.user, bytes);
    fake_node_turn(c->node);
    return taken;
}

void fake_conn_give_frame(struct fake_conn *c, uint8_t code, struct slice body)
{
    struct buf b;
    size_t mark;
    buf_init(&b, SIZE_MAX / 2);
    assert_int_equal(frame_begin(&b, code, &mark), 0);
    assert_int_equal(buf_append_slice(&b, body), 0);
    frame_end(&b, mark);
    fake_conn_give(c, buf_slice(&b));
    buf_fini(&b);
}

bool fake_conn_silent(struct fake_conn *c)
{
    return outq_len(&c->stream.out) == 0;
}

/* Makes the whole queue one run of bytes. */
static void flatten(struct fake_conn *c)
{
    struct buf all;
    buf_init(&all, SIZE_MAX / 2);
    while (outq_len(&c->stream.out)) {
        struct slice s = outq_front(&c->stream.out);
        assert_int_equal(buf_append_slice(&all, s), 0);
        outq_consume(&c->stream.out, s.len);
    }
    buf_fini(outq_tail(&c->stream.out));
    *outq_tail(&c->stream.out) = all;
}

struct frame fake_conn_take(struct fake_conn *c)
{
    struct frame f = {0};
    flatten(c);
    struct buf *tail = outq_tail(&c->stream.out);
    struct slice in = buf_slice(tail);
    assert_int_equal(frame_take(&in, UINT32_MAX, &f), 1);
    size_t size = FRAME_HEAD + f.body.len;
    /* Consumed, but its bytes stay where they are until the next change. */
    tail->start += size;
    if (buf_len(tail) == 0)
        fake_conn_drained(c);
    return f;
}

struct slice fake_conn_take_all(struct fake_conn *c)
{
    flatten(c);
    struct buf *tail = outq_tail(&c->stream.out);
    struct slice all = buf_slice(tail);
    tail->start = tail->end;
    return all;
}

void fake_conn_expect_error(struct fake_conn *c, const char *text)
{
    struct frame f = fake_conn_take(c);
    struct pb_reader r = pb_reader_of(f.body);
    struct pb_field field;
    assert_int_equal(f.code, MSG_ERROR_RESP);
    assert_int_equal(pb_next(&r, &field), 1);
    assert_int_equal(field.number, 1);
    assert_slice_is(field.bytes, text);
    assert_int_equal(pb_next(&r, &field), 1);
    assert_int_equal(field.number, 2);
    assert_int_equal(field.value, 0);
}

void fake_conn_expect_empty(struct fake_conn *c, uint8_t code)
{
    struct frame f = fake_conn_take(c);
    assert_int_equal(f.code, code);
    assert_int_equal(f.body.len, 0);
}
