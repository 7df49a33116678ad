/* SPDX-License-Identifier: Apache-2.0 */
/* The connection engine under the line protocol of its unit tests: input in random splits, answers of the router at
 * once or later and in any order, a second connection that watches. The cutter says the same however much has come;
 * answers are whole lines and as many as there are requests; memory is given back.
 *
 * Input: a byte of flags, 4 bytes that decide the splits, then the stream of a client. */
#include "base/rng.h"
#include "fake_node.h"
#include "fuzz.h"
#include "line_protocol.h"

enum flag { LATE = 1, WATCHER = 2 };

struct world {
    struct fake_node node;
    struct line_door line;
    struct session_door door;
    struct fake_conn client, watcher;
    struct rng rng;
};

/* What is known of a request stays true when more bytes come. */
static void check_cut(const struct session *s, struct slice in)
{
    struct cut whole = {0};
    enum cut_result result = line_protocol.cut(s, in, &whole);
    for (size_t n = 1; n < in.len && n < 64; n++) {
        struct cut c = {0};
        enum cut_result part = line_protocol.cut(s, slice_make(in.data, n), &c);
        ASSERT(part == CUT_MORE || part == result);
        if (part == CUT_REQUEST || part == CUT_REFUSED)
            ASSERT(c.body == whole.body && c.kind == whole.kind && c.alone == whole.alone && c.head == 0);
    }
}

static void open_ready(struct world *w, struct fake_conn *c)
{
    static const uint8_t hello[] = {0x16};
    struct stream_peer peer = {.cn_count = 1, .cn = "myuser"};
    fake_conn_open_at(c, &w->node, &w->door);
    fake_conn_give(c, slice_make(hello, sizeof hello));
    fake_conn_secure(c, &peer);
    fake_conn_give(c, slice_str("AUTH myuser\n"));
    ASSERT(slice_is(fake_conn_take_all(c), "+OK\n"));
}

static void answer_some(struct world *w)
{
    switch (rng_below(&w->rng, 4)) {
    case 0:
        late_router_answer(&w->node.late);
        break;
    case 1:
        late_router_answer_last(&w->node.late);
        break;
    case 2:
        late_router_fail(&w->node.late, 1);
        break;
    default:
        break;
    }
}

static void check(const struct fake_conn *c)
{
    const struct session *s = &c->session;
    ASSERT(buf_len(&s->kept) <= (size_t)1024 * 1024);
    ASSERT(s->in_flight <= 128);
    ASSERT((s->in_flight == 0) == list_empty(&s->line));
}

static void feed(struct world *w, struct slice in)
{
    struct fake_conn *c = &w->client;
    while (in.len && !c->closed) {
        size_t n = 1 + (size_t)rng_below(&w->rng, in.len < 64 ? in.len : 64);
        fake_conn_give(c, slice_make(in.data, n));
        in = slice_skip(in, n);
        check(c);
        answer_some(w);
        if (rng_below(&w->rng, 4) == 0 && !c->closed) {
            fake_conn_take_all(c);
            fake_conn_drained(c);
        }
    }
}

static void settle(struct world *w)
{
    w->node.late.holds = false;
    for (int i = 0; i < 20 && !w->client.closed; i++) {
        while (late_router_answer_last(&w->node.late))
            continue;
        fake_conn_take_all(&w->client);
        fake_conn_drained(&w->client);
        fake_node_wait(&w->node, 1);
    }
    if (!w->client.closed)
        ASSERT(list_empty(&w->client.session.line) || w->client.session.waits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct slice in = slice_make(data, size);
    uint8_t flags = fuzz_byte(&in);
    rng_seed(&w.rng, fuzz_number(&in, 4));
    fake_node_init(&w.node);
    line_door_init(&w.line);
    session_door_init(&w.door, &line_protocol, &w.node.server, &w.line);
    open_ready(&w, &w.client);
    open_ready(&w, &w.watcher);
    if (flags & WATCHER)
        fake_conn_give(&w.watcher, slice_str("WATCH\n"));
    if (in.len)
        check_cut(&w.client.session, in);
    w.node.late.holds = flags & LATE;
    feed(&w, in);
    settle(&w);
    fake_conn_close(&w.client);
    fake_conn_close(&w.watcher);
    ASSERT(w.node.server.large.used == 0 && w.node.server.small.used == 0);
    unsigned told = w.line.pushed + w.line.lost; /* the client may watch, too */
    ASSERT(told <= 2 * w.line.puts && (!(flags & WATCHER) || told >= w.line.puts));
    session_door_fini(&w.door);
    fake_node_fini(&w.node);
    return 0;
}
