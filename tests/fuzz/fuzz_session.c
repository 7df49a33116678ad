/* SPDX-License-Identifier: Apache-2.0 */
/* A session as a whole, without sockets: bytes in, in random splits, while the output is drained now and then and time
 * passes, and the router answers at once or (LATE) now and then later, or with a time-out. Whatever comes in, the
 * answers are whole frames, what is kept is bounded, the budget is given back, nothing that came in the clear is taken
 * for what came encrypted, and a session that is still there answers a ping.
 *
 * Behind a StartTls, or the first byte of a TLS record, the stream goes on with what is encrypted.
 *
 * An OPERATOR comes with the certificate of a node.
 *
 * Input: flags, 4 bytes that decide the splits, then the stream of a client: as it is, or (FRAMED) as frames whose
 * length is made to fit: code, padding in units of 4 KiB, u16 (how often, as a power of two, in the upper 4 bits,
 * length of the body in the others), body. */
#include "base/err.h"
#include "fake_node.h"
#include "fuzz.h"
#include "base/rng.h"

enum flag { READY = 1, FRAMED = 2, TWO = 4, LATE = 8, OPERATOR = 16 };

#define STEPS_MAX 4000
/* What one input may grow to, so that it runs in milliseconds: frames whose answers pass the queue's high water, or two
 * objects of the largest size. */
#define FRAMES_MAX 9000
#define STREAM_MAX ((size_t)5 * 1024 * 1024 / 2)
#define PAD_UNIT   4096
#define KEPT_MAX   ((size_t)1024 * 1024)
/* The queue's high water, and an answer with all that an object may hold. */
#define OUT_MAX (STREAM_HIGH_WATER + (size_t)4 * 1024 * 1024)

/* One client: its connection, and how far its output was read. */
struct client {
    struct fake_conn conn;
    struct slice to_send;
    uint8_t head[FRAME_HEAD];
    size_t head_len, body_left;
    unsigned frames;
    uint8_t last_code;
    bool given_while_paused;
};

struct world {
    struct fake_node node;
    struct client client[2];
    size_t count;
    bool late;
    struct rng rng;
    uint64_t patience_ms; /* what may still be waited for */
};

/* --- reading the answers --- */

static bool is_answer(uint8_t code)
{
    switch (code) {
    case MSG_ERROR_RESP:
    case MSG_PING_RESP:
    case MSG_GET_CLIENT_ID_RESP:
    case MSG_SET_CLIENT_ID_RESP:
    case MSG_GET_SERVER_INFO_RESP:
    case MSG_GET_RESP:
    case MSG_PUT_RESP:
    case MSG_DEL_RESP:
    case MSG_LIST_BUCKETS_RESP:
    case MSG_LIST_KEYS_RESP:
    case MSG_GET_BUCKET_RESP:
    case MSG_SET_BUCKET_RESP:
    case MSG_RESET_BUCKET_RESP:
    case MSG_MAPRED_RESP:
    case MSG_INDEX_RESP:
    case MSG_PREFLIST_RESP:
    case MSG_COUNTER_UPDATE_RESP:
    case MSG_COUNTER_GET_RESP:
    case MSG_DT_FETCH_RESP:
    case MSG_DT_UPDATE_RESP:
    case MSG_SECURITY_CHANGE_RESP:
    case MSG_SECURITY_LIST_RESP:
    case MSG_CREATE_TYPE_RESP:
    case MSG_LIST_TYPES_RESP:
    case MSG_AUTH_RESP:
    case MSG_START_TLS:
        return true;
    }
    return false;
}

static void read_head(struct client *c, struct slice *in)
{
    size_t body_len;
    c->head[c->head_len++] = fuzz_byte(in);
    if (c->head_len < FRAME_HEAD)
        return;
    ASSERT(frame_head_parse(slice_make(c->head, FRAME_HEAD), OUT_MAX, &c->last_code, &body_len) == 0);
    ASSERT(is_answer(c->last_code));
    c->head_len = 0;
    c->body_left = body_len;
    c->frames++;
}

static void read_output(struct client *c, struct slice in)
{
    while (in.len) {
        size_t n = c->body_left < in.len ? c->body_left : in.len;
        c->body_left -= n;
        in = slice_skip(in, n);
        if (in.len)
            read_head(c, &in);
    }
}

/* Takes up to `max` bytes, and tells the session as a transport does. */
static void drain(struct client *c, size_t max)
{
    struct outq *q = &c->conn.stream.out;
    while (max && outq_len(q)) {
        struct slice s = outq_front(q);
        s.len = s.len < max ? s.len : max;
        read_output(c, s);
        outq_consume(q, s.len);
        max -= s.len;
    }
    if (outq_len(q) < STREAM_LOW_WATER)
        fake_conn_drained(&c->conn);
}

static void drain_all(struct client *c)
{
    do
        drain(c, SIZE_MAX);
    while (outq_len(&c->conn.stream.out));
}

/* --- giving input --- */

static void check(struct world *w, struct client *c)
{
    ASSERT(buf_len(&c->conn.session.kept) <= KEPT_MAX);
    ASSERT(outq_len(&c->conn.stream.out) <= OUT_MAX);
    ASSERT(router_memory(w->node.router)->used <= (size_t)20 << 20); /* the limit, and one write that was admitted */
}

static void secure(struct world *w, struct client *c)
{
    struct stream_peer peer = {.cn_count = 1, .cn = "myuser"};
    uint64_t luck = rng_below(&w->rng, 8);
    if (luck < 2)
        peer.cn_count = luck ? 2 : 0;
    if (luck == 2)
        strcpy(peer.cn, "other");
    drain_all(c); /* the answer to StartTls goes out in the clear */
    ASSERT(c->conn.session.state != SESSION_HANDSHAKE || buf_len(&c->conn.session.kept) == 0);
    if (c->conn.session.state == SESSION_HANDSHAKE)
        fake_conn_secure(&c->conn, &peer);
}

static bool is_gone(const struct client *c)
{
    return c->conn.closed || c->conn.session.state == SESSION_CLOSED;
}

static size_t choose_split(struct world *w, size_t left)
{
    static const size_t spans[] = {1, 4, 16, 300, 5000, 66000, 1000000, 1000000};
    size_t n = 1 + rng_below(&w->rng, spans[rng_below(&w->rng, 8)]);
    return n < left ? n : left;
}

/* What was read already is still given after a pause, once. */
static void give(struct world *w, struct client *c)
{
    if (c->to_send.len == 0 || (c->conn.paused && c->given_while_paused))
        return;
    c->given_while_paused = c->conn.paused;
    struct slice before = c->to_send, part = fuzz_take(&c->to_send, choose_split(w, c->to_send.len));
    size_t taken = fake_conn_give(&c->conn, part);
    ASSERT(taken <= part.len);
    ASSERT(taken == part.len || c->conn.tls);
    /* What the session left is the handshake's: of that nothing stands in the stream but a first byte. */
    if (taken < part.len)
        c->to_send = slice_skip(before, taken ? taken : 1);
}

/* In one life the longest span comes twice at most: an idle node's hours would be most of what is fuzzed. */
static void wait(struct world *w)
{
    static const uint64_t spans[] = {0, 0, 1, 100, 3000, 5000, 20000, 70000};
    uint64_t ms = spans[rng_below(&w->rng, 8)];
    if (ms > w->patience_ms)
        return;
    w->patience_ms -= ms;
    fake_node_wait(&w->node, ms);
}

/* The oldest request that is held may get its answer, and the next ones may be held. */
static void route(struct world *w)
{
    static const int errors[] = {E_TIMEOUT, E_UNKNOWN, E_NOMEM};
    struct late_router *late = &w->node.late;
    uint64_t luck = rng_below(&w->rng, 8);
    late->holds = rng_below(&w->rng, 2);
    if (luck == 0)
        late_router_fail(late, errors[rng_below(&w->rng, 3)]);
    else if (luck < 5)
        late_router_answer(late);
}

static void step(struct world *w, struct client *c)
{
    if (w->late)
        route(w);
    switch (rng_below(&w->rng, 8)) {
    case 0:
        drain(c, rng_below(&w->rng, 200000));
        break;
    case 1:
        drain_all(c);
        break;
    case 2:
        wait(w);
        break;
    default:
        give(w, c);
    }
    if (c->conn.session.state == SESSION_HANDSHAKE)
        secure(w, c);
    if (!c->conn.paused)
        c->given_while_paused = false;
    check(w, c);
}

/* There is something to be given, or the session has to be told something before it goes on. */
static bool has_more(const struct client *c)
{
    return !is_gone(c) && (c->to_send.len || c->conn.paused || c->conn.session.state == SESSION_HANDSHAKE);
}

static void run(struct world *w)
{
    for (int i = 0; i < STEPS_MAX && (has_more(&w->client[0]) || (w->count == 2 && has_more(&w->client[1]))); i++) {
        struct client *c = &w->client[rng_below(&w->rng, w->count)];
        if (has_more(c))
            step(w, c);
    }
}

/* Nothing is under way and the last frame was whole. */
static bool is_idle(const struct client *c)
{
    const struct session *s = &c->conn.session;
    return s->state == SESSION_READY && list_empty(&s->line) && !s->waits && buf_len(&s->kept) == 0 &&
           s->discard == 0 && s->body_len == 0;
}

static void settle(struct world *w)
{
    w->node.late.holds = false;
    for (int i = 0; i < 20; i++) {
        while (late_router_answer(&w->node.late))
            continue;
        for (size_t j = 0; j < w->count; j++)
            if (!is_gone(&w->client[j]))
                drain_all(&w->client[j]);
        fake_node_wait(&w->node, 1);
    }
}

static void ping(struct client *c)
{
    unsigned before = c->frames;
    fake_conn_give_frame(&c->conn, MSG_PING_REQ, slice_make(NULL, 0));
    drain_all(c);
    ASSERT(c->frames == before + 1 && c->last_code == MSG_PING_RESP);
}

static void finish(struct world *w)
{
    settle(w);
    ASSERT(list_empty(&w->node.late.held));
    for (size_t i = 0; i < w->count; i++) {
        struct client *c = &w->client[i];
        if (!is_gone(c) && list_empty(&c->conn.session.line))
            ASSERT(c->head_len == 0 && c->body_left == 0);
        if (!is_gone(c) && is_idle(c))
            ping(c);
    }
    for (size_t i = 0; i < w->count; i++)
        fake_conn_close(&w->client[i].conn);
    ASSERT(w->node.server.large.used == 0);
}

/* --- the world --- */

struct creation {
    struct router_request request;
    bool done;
};

static void on_created(struct router_request *q, int err, const struct store_result *result)
{
    (void)result;
    ASSERT(err == 0);
    LIST_ENTRY(q, struct creation, request)->done = true;
}

static void make_type(struct fake_node *n, const char *name, const struct bucket_props *props)
{
    struct creation c = {.done = false};
    router_request_init(&c.request, on_created);
    router_deliver(&c.request, router_create_type(n->router, &c.request, slice_str(name), props));
    fake_node_turn(n);
    ASSERT(c.done);
}

static void make_types(struct fake_node *n)
{
    struct bucket_props short_lived = {.set = PROP_BIT(PROP_TTL), .ttl_s = 1};
    struct bucket_props hll = {.set = PROP_BIT(PROP_DATATYPE) | PROP_BIT(PROP_HLL_PRECISION),
                               .datatype = slice_str("hll"),
                               .hll_precision = 14};
    struct bucket_props once = {.set = PROP_BIT(PROP_WRITE_ONCE), .write_once = true};
    make_type(n, "s", &short_lived);
    make_type(n, "h", &hll);
    make_type(n, "o", &once);
}

static void append(struct buf *b, struct slice s)
{
    ASSERT(buf_append_slice(b, s) == 0);
}

struct building {
    struct buf out;
    size_t frames;
};

static bool is_full(const struct building *b)
{
    return b->frames >= FRAMES_MAX || buf_len(&b->out) >= STREAM_MAX;
}

/* One frame of the FRAMED form, as often as it says. */
static void build_frame(struct building *b, struct slice *in)
{
    static const uint8_t padding[255 * PAD_UNIT];
    uint8_t head[FRAME_HEAD], code = fuzz_byte(in);
    size_t pad = fuzz_byte(in) * (size_t)PAD_UNIT, size = (size_t)fuzz_number(in, 2);
    struct slice body = fuzz_take(in, size & 0xfff);
    frame_head_put(head, code, body.len + pad);
    for (size_t times = (size_t)1 << (size >> 12); times && !is_full(b); times--, b->frames++) {
        append(&b->out, slice_make(head, sizeof head));
        append(&b->out, body);
        append(&b->out, slice_make(padding, pad));
    }
}

/* The two clients share the stream: each has a half. */
static void deal(struct world *w, struct slice all)
{
    size_t half = w->count == 2 ? all.len / 2 : all.len;
    w->client[0].to_send = slice_make(all.data, half);
    w->client[1].to_send = slice_skip(all, half);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct slice in = slice_make(data, size);
    uint8_t flags = fuzz_byte(&in);
    struct building built[2];
    w = (struct world){.count = flags & TWO ? 2 : 1, .late = flags & LATE, .patience_ms = 150000};
    rng_seed(&w.rng, fuzz_number(&in, 4));
    fake_node_init(&w.node);
    make_types(&w.node);
    deal(&w, in);
    for (size_t i = 0; i < w.count; i++) {
        struct client *c = &w.client[i];
        built[i].frames = 0;
        buf_init(&built[i].out, SIZE_MAX / 2);
        while (flags & FRAMED && c->to_send.len && !is_full(&built[i]))
            build_frame(&built[i], &c->to_send);
        if (flags & FRAMED)
            c->to_send = buf_slice(&built[i].out);
        if (flags & READY)
            fake_conn_open_ready(&c->conn, &w.node);
        else
            fake_conn_open(&c->conn, &w.node);
        c->conn.session.who.is_node = flags & OPERATOR;
    }
    run(&w);
    finish(&w);
    fake_node_fini(&w.node);
    for (size_t i = 0; i < w.count; i++)
        buf_fini(&built[i].out);
    return 0;
}
