/* SPDX-License-Identifier: Apache-2.0 */
/* A whole node and what hostile peers do to it over all of their connections: it neither stops nor holds more and more,
 * and ends without a trace.
 *
 * Input: the state to begin in, then a script of steps: messages of every kind whose fields are right where the input
 * says 0, frames and bytes that are none, connections that begin, end and stall, clients' requests, and time. */
#include "fuzz.h"
#include "hostile_msg.h"

#include "base/bytes.h"
#include "cluster/cluster_impl.h"
#include "router/op.h"

#include <stdlib.h>

#define STEPS_MAX   200
#define FRAMES_MAX  20000 /* of one input, repetitions included */
#define TIME_MAX_MS 20000
#define BYTES_MAX   ((size_t)16 * 1024 * 1024) /* sent by the peers, repetitions included */
#define CLIENTS     4

/* What may be held; over it, something grows as its peer likes. */
#define OUT_OVER   ((size_t)1024 * 1024)      /* a message that was begun is finished */
#define MEMORY_MAX ((size_t)32 * 1024 * 1024) /* of 16 MiB for data */

struct client {
    struct router_request request; /* first */
    bool busy;
    struct router_scan walk;
};

struct script {
    struct world world;
    struct slice in;
    size_t frames, bytes;
    uint64_t passed_ms;
    struct buf last; /* frame that was sent, and where */
    unsigned peer, plane;
    bool dialed;
    struct client client[CLIENTS];
};

/* --- what must hold --- */

/* The bound counts what is there. */
static void check_served(const struct cluster *c, const struct peer *p)
{
    size_t bytes = 0;
    for (const struct list *n = p->served.next; n != &p->served; n = n->next)
        bytes += LIST_ENTRY(n, struct op, by_peer)->from_bytes;
    ASSERT(bytes == p->served_bytes && bytes <= SERVED_MAX + sizeof(struct op) + c->config.frame_max);
}

static void check_bounds(const struct script *s)
{
    const struct world *w = &s->world;
    const struct cluster *c = w->cluster;
    for (const struct list *n = w->conns.next; n != &w->conns; n = n->next) {
        const struct conn *conn = LIST_ENTRY(n, struct conn, place);
        ASSERT(outq_len(&conn->stream.out) <= MESH_BACKLOG_MAX + OUT_OVER);
        const struct link *l = LIST_ENTRY(conn->user, struct link, user);
        ASSERT(buf_len(&l->in) <= c->config.frame_max + 4);
    }
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        check_served(c, c->mesh.peer[i]);
    ASSERT(c->mesh.strangers <= MESH_STRANGERS_MAX);
    ASSERT(c->memory.used <= MEMORY_MAX);
}

/* --- steps --- */

static void send_last(struct script *s, size_t times)
{
    for (; times && s->frames < FRAMES_MAX && s->bytes < BYTES_MAX; times--) {
        s->frames++;
        s->bytes += buf_len(&s->last);
        world_send(world_conn(&s->world, s->peer, s->plane, s->dialed), buf_slice(&s->last));
    }
    world_settle(&s->world);
}

static void pick_place(struct script *s)
{
    unsigned where = fuzz_byte(&s->in);
    s->peer = where % HOSTILE_PEERS;
    s->plane = where / HOSTILE_PEERS % PLANE_COUNT;
    s->dialed = where / (HOSTILE_PEERS * PLANE_COUNT) % 2;
}

static size_t begin_frame(struct script *s, unsigned kind)
{
    size_t start;
    buf_release(&s->last);
    ASSERT(peer_frame_begin(&s->last, (enum peer_msg_kind)kind, &start) == 0);
    return start;
}

/* None, one byte that is another, or more or less at the end. */
static void spoil(struct script *s)
{
    unsigned how = fuzz_byte(&s->in);
    size_t at = PEER_FRAME_HEAD, len = buf_len(&s->last) - PEER_FRAME_HEAD;
    if (how == 1 && len)
        s->last.data[s->last.start + at + (size_t)fuzz_number(&s->in, 2) % len] ^= fuzz_byte(&s->in);
    else if (how == 2 && len)
        s->last.end -= fuzz_byte(&s->in) % len;
    else if (how == 3)
        ASSERT(buf_append_slice(&s->last, fuzz_take(&s->in, fuzz_byte(&s->in))) == 0);
}

/* The last kind has few bytes of its own: those of the others mean what they meant before there was that one. */
static unsigned pick_kind(struct script *s)
{
    _Static_assert(PEER_KNOWN == PEER_KIND_COUNT - 1, "the last");
    unsigned byte = fuzz_byte(&s->in);
    return byte >= 0xf8 ? PEER_KNOWN : 1 + byte % (PEER_KNOWN - 1);
}

static void say(struct script *s)
{
    pick_place(s);
    unsigned kind = pick_kind(s);
    size_t start = begin_frame(s, kind);
    hostile_message(&s->world, s->peer, s->plane, kind, &s->in, &s->last);
    spoil(s);
    peer_frame_end(&s->last, start);
    send_last(s, 1);
}

static void say_raw(struct script *s, bool as_frame)
{
    pick_place(s);
    size_t start = begin_frame(s, pick_kind(s));
    ASSERT(buf_append_slice(&s->last, fuzz_take(&s->in, fuzz_byte(&s->in))) == 0);
    if (as_frame)
        peer_frame_end(&s->last, start);
    else
        buf_consume(&s->last, PEER_FRAME_HEAD);
    send_last(s, 1);
}

/* The frame that was sent last in two parts. */
static void say_in_parts(struct script *s)
{
    struct conn *c = world_conn(&s->world, s->peer, s->plane, s->dialed);
    struct slice all = buf_slice(&s->last);
    struct slice first = slice_make(all.data, all.len ? fuzz_byte(&s->in) % all.len : 0);
    world_send(c, first);
    world_send(c, slice_skip(all, first.len));
    world_settle(&s->world);
}

static void pass(struct script *s, uint64_t ms)
{
    if (ms > TIME_MAX_MS - s->passed_ms)
        ms = TIME_MAX_MS - s->passed_ms;
    s->passed_ms += ms;
    world_pass(&s->world, ms);
}

static void on_done(struct router_request *q, int err, const struct store_result *r)
{
    (void)err;
    (void)r;
    ((struct client *)(void *)q)->busy = false;
}

static void on_name(void *arg, struct slice name)
{
    (void)arg;
    ASSERT(name.len == 0 || name.data);
}

static void ask(struct script *s)
{
    struct router *r = cluster_router(s->world.cluster);
    unsigned how = fuzz_byte(&s->in);
    struct client *c = &s->client[how % CLIENTS];
    struct store_command command = {.op = STORE_PUT,
                                    .rules = {.siblings_max = 100, .size_max = 1 << 20, .reap_ms = 3000}};
    if (c->busy || router_unavailable(r))
        return;
    c->request.timeout_ms = 5000;
    c->request.wants_object = how & 4;
    c->busy = true;
    c->walk = (struct router_scan){0};
    store_key_init(&command.key, router_hash_key(r), slice_make(NULL, 0), slice_str("b"),
                   fuzz_take(&s->in, fuzz_byte(&s->in) % 8));
    command.value.bytes = slice_str("value");
    if (how & 64 && how & 8)
        router_deliver(&c->request,
                       router_list_keys(r, &c->request, &c->walk, slice_make(NULL, 0), slice_str("b"), on_name, NULL));
    else if (how & 64)
        router_deliver(&c->request, router_list_buckets(r, &c->request, &c->walk, slice_make(NULL, 0), on_name, NULL));
    else if (how & 8)
        router_deliver(&c->request, router_read(r, &c->request, &command.key, how & 16));
    else if (how & 32)
        router_deliver(&c->request, router_reset_bucket(r, &c->request, slice_make(NULL, 0), slice_str("b")));
    else
        router_deliver(&c->request, router_write(r, &c->request, &command));
    world_settle(&s->world);
}

static void forget(struct script *s)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        router_forget(cluster_router(s->world.cluster), &s->client[i].request);
        s->client[i].busy = false;
    }
}

static void touch_connection(struct script *s, unsigned how)
{
    struct world *w = &s->world;
    pick_place(s);
    struct conn *c = world_conn(w, s->peer, s->plane, s->dialed);
    switch (how) {
    case 0:
        world_hang_up(c);
        break;
    case 1:
        if (c)
            c->stalled = !c->stalled;
        if (c && !c->stalled)
            c->stream.ops->flush(&c->stream);
        break;
    case 2:
        forget(s);
        break;
    default:
        world_visit(w, s->peer, s->plane);
    }
    world_settle(w);
}

static void step(struct script *s)
{
    switch (fuzz_byte(&s->in) % 14) {
    case 0:
    case 1:
    case 2:
        say(s);
        break;
    case 3:
        pass(s, fuzz_byte(&s->in));
        break;
    case 4:
        pass(s, fuzz_byte(&s->in) * UINT64_C(16));
        break;
    case 5:
        ask(s);
        break;
    case 6:
        say_raw(s, true);
        break;
    case 7:
        say_raw(s, false);
        break;
    case 8:
        say_in_parts(s);
        break;
    case 9:
        send_last(s, (size_t)fuzz_byte(&s->in) * 64);
        break;
    case 10:
        s->world.obedient = !s->world.obedient;
        break;
    case 11:
        s->world.moved = !s->world.moved;
        break;
    default:
        touch_connection(s, fuzz_byte(&s->in) % 4);
    }
    check_bounds(s);
}

/* --- states --- */

enum { BEGIN_ALONE, BEGIN_SEEKING, BEGIN_FORMED, BEGIN_LEADING, BEGIN_STRANDED, BEGIN_COUNT };

static void begin(struct script *s, unsigned state)
{
    struct world *w = &s->world;
    world_init(w);
    world_prepare(w);
    if (state >= BEGIN_SEEKING)
        world_connect(w);
    if (state >= BEGIN_FORMED)
        world_form(w);
    w->obedient = state == BEGIN_LEADING || state == BEGIN_STRANDED;
    if (w->obedient)
        world_pass(w, 1000);
    if (state == BEGIN_STRANDED) {
        w->obedient = false;
        world_pass(w, 3000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script *s = calloc(1, sizeof *s);
    ASSERT(s);
    s->in = slice_make(data, size);
    buf_init(&s->last, SIZE_MAX / 2);
    for (unsigned i = 0; i < CLIENTS; i++)
        router_request_init(&s->client[i].request, on_done);
    begin(s, fuzz_byte(&s->in) % BEGIN_COUNT);
    for (unsigned i = 0; s->in.len && i < STEPS_MAX; i++)
        step(s);
    world_pass(&s->world, 100);
    forget(s);
    world_fini(&s->world);
    buf_fini(&s->last);
    free(s);
    return 0;
}
