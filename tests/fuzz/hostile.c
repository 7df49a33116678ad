/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define WALL_MS UINT64_C(1800000000000)
/* An answer may make the node say something again; a good node comes to rest. */
#define ROUNDS_MAX 50

static struct conn *conn_of(struct stream *s)
{
    return (struct conn *)(void *)s;
}

/* --- io --- */

static uint64_t boot_ms(void *arg)
{
    return ((struct world *)arg)->now_ms;
}

static uint64_t precise_us(void *arg)
{
    return ((struct world *)arg)->now_ms * 1000;
}

static uint64_t wall_ms(void *arg)
{
    return WALL_MS + ((struct world *)arg)->now_ms;
}

static void random_bytes(void *arg, void *out, size_t n)
{
    rng_fill(&((struct world *)arg)->rng, out, n);
}

static void flush_conn(struct stream *s)
{
    struct conn *c = conn_of(s);
    if (c->stalled || !c->secure)
        return;
    while (outq_len(&s->out)) {
        struct slice front = outq_front(&s->out);
        ASSERT(buf_append_slice(&c->said, front) == 0);
        outq_consume(&s->out, front.len);
        c->wrote = true;
    }
}

static void close_conn(struct stream *s)
{
    conn_of(s)->closing = true;
}

static void no_tls(struct stream *s, bool bare)
{
    (void)s;
    (void)bare;
}

static bool no_trust(struct stream *s)
{
    (void)s;
    return true;
}

static void no_pause(struct stream *s, bool on)
{
    (void)s;
    (void)on;
}

static const struct stream_ops ops = {flush_conn, no_tls, no_pause, close_conn, no_trust};

static struct conn *new_conn(struct world *w, unsigned peer, unsigned plane)
{
    struct conn *c = w->conn_count < HOSTILE_CONNS ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->stream.ops = &ops;
    c->world = w;
    c->peer = peer;
    c->plane = plane;
    outq_init(&c->stream.out);
    buf_init(&c->said, SIZE_MAX / 2);
    list_init(&c->place);
    list_append(&w->conns, &c->place);
    w->conn_count++;
    return c;
}

static void free_conn(struct conn *c)
{
    list_remove(&c->place);
    c->world->conn_count--;
    outq_fini(&c->stream.out);
    buf_fini(&c->said);
    free(c);
}

static int dial(struct dialer *d, const char *address, uint16_t port, struct stream_user *user, struct stream **out)
{
    struct world *w = LIST_ENTRY(d, struct world, dialer);
    unsigned peer = 0;
    (void)port;
    while (peer < HOSTILE_PEERS && strcmp(w->address[peer], address) != 0)
        peer++;
    if (peer == 0 && w->moved)
        peer = HOSTILE_PEERS - 1;
    struct conn *c = new_conn(w, peer, PLANE_CONTROL);
    if (!c)
        return E_NOMEM;
    c->dialed = true;
    c->user = user;
    *out = &c->stream;
    return 0;
}

static const struct dialer_ops dialer_ops = {dial};

static void no_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    if (getenv("VERBOSE"))
        fprintf(stderr, "%d %s\n", (int)level, line);
}

static int identify(void *arg, struct incarnation incarnation)
{
    (void)arg;
    (void)incarnation;
    return 0;
}

static void on_ended(void *arg)
{
    ((struct world *)arg)->ended = true;
}

/* --- what the peers say --- */

struct peer_hello world_hello(const struct world *w, unsigned peer, unsigned plane)
{
    struct peer_hello h = {
        .version = PEER_VERSION, .plane = plane, .name = "test", .epmd_port = 4369, .handoff_port = 8099};
    h.incarnation = w->incarnation[peer];
    memcpy(h.address, w->address[peer], sizeof h.address);
    return h;
}

void world_send(struct conn *c, struct slice bytes)
{
    if (!c || !c->secure || c->closing)
        return;
    /* Bytes of their own, so that a sanitizer sees one too far. */
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    ASSERT(copy);
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    ASSERT(c->user->ops->input(c->user, slice_make(copy, bytes.len)) == bytes.len);
    free(copy);
}

void world_say(struct conn *c, unsigned kind, void (*code)(struct coder *, void *), void *m)
{
    struct buf b;
    size_t start;
    buf_init(&b, SIZE_MAX / 2);
    ASSERT(peer_frame_begin(&b, (enum peer_msg_kind)kind, &start) == 0);
    struct coder coder = coder_writer(&b);
    code(&coder, m);
    peer_frame_end(&b, start);
    if (!coder.err)
        world_send(c, buf_slice(&b));
    buf_fini(&b);
}

static void hello_f(struct coder *c, void *m)
{
    code_hello(c, m);
}

void world_say_hello(struct conn *c)
{
    struct peer_hello h = world_hello(c->world, c->peer, c->plane);
    world_say(c, PEER_HELLO, hello_f, &h);
}

static void beacon_f(struct coder *c, void *m)
{
    code_beacon(c, m);
}

static void offer_f(struct coder *c, void *m)
{
    code_offer(c, m);
}

static void start_f(struct coder *c, void *m)
{
    code_start(c, m);
}

/* --- turns --- */

static void secure(struct conn *c)
{
    struct stream_peer peer = {.is_node = true};
    peer.incarnation = c->world->incarnation[c->peer];
    c->secure = true;
    c->user->ops->secure(c->user, &peer);
}

/* What a connection brings: the end of a dial, what was said, its own end. True: something. */
static bool turn_conn(struct conn *c)
{
    if (c->closing || c->peer == HOSTILE_PEERS) {
        c->user->ops->closed(c->user, "closed");
        free_conn(c);
        return true;
    }
    if (!c->secure) {
        secure(c);
        return true;
    }
    if (!c->wrote)
        return false;
    c->wrote = false;
    world_hear(c);
    c->user->ops->drained(c->user);
    return true;
}

/* A callback may make connections, but only this ends them: a neighbour stays where it is. */
static bool turn_conns(struct world *w)
{
    bool any = false;
    for (struct list *n = w->conns.next; n != &w->conns;) {
        struct conn *c = LIST_ENTRY(n, struct conn, place);
        n = n->next;
        any = turn_conn(c) || any;
    }
    return any;
}

void world_settle(struct world *w)
{
    unsigned rounds = 0;
    do
        cluster_turn(w->cluster);
    while (turn_conns(w) && ++rounds < ROUNDS_MAX);
    cluster_turn(w->cluster);
}

void world_pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;
    unsigned idle = 0;
    while (timers_next_ms(&w->timers) <= end) {
        uint64_t next = timers_next_ms(&w->timers);
        idle = next > w->now_ms ? 0 : idle + 1;
        ASSERT(idle < 10000); /* time goes on: a node that is not asked for anything comes to rest */
        if (next > w->now_ms)
            w->now_ms = next;
        timers_run(&w->timers);
        world_settle(w);
    }
    w->now_ms = end;
    world_settle(w);
}

/* --- connections --- */

struct conn *world_visit(struct world *w, unsigned peer, unsigned plane)
{
    struct acceptor *a = cluster_acceptor(w->cluster);
    struct conn *c = new_conn(w, peer, plane);
    if (!c)
        return NULL;
    c->user = a->ops->accepted(a, &c->stream, "");
    if (!c->user) {
        free_conn(c);
        return NULL;
    }
    secure(c);
    return c;
}

struct conn *world_conn(struct world *w, unsigned peer, unsigned plane, bool dialed)
{
    for (struct list *n = w->conns.prev; n != &w->conns; n = n->prev) {
        struct conn *c = LIST_ENTRY(n, struct conn, place);
        if (c->peer == peer && c->plane == plane && c->dialed == dialed && c->secure && !c->closing)
            return c;
    }
    struct conn *c = dialed ? NULL : world_visit(w, peer, plane);
    if (c)
        world_say_hello(c);
    return c;
}

void world_hang_up(struct conn *c)
{
    if (c)
        c->closing = true;
}

void world_connect(struct world *w)
{
    for (unsigned peer = 0; peer < 2; peer++) {
        struct peer_beacon b = {.state = PEER_SEEKING, .n = 3, .wall_ms = WALL_MS};
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
            world_conn(w, peer, plane, false);
        world_say(world_conn(w, peer, PLANE_CONTROL, false), PEER_BEACON, beacon_f, &b);
    }
    world_settle(w);
}

/* --- forming --- */

static void add_member(struct world *w, struct incarnation incarnation, const char *address)
{
    struct member m = {.epmd_port = 4369, .handoff_port = 8099, .joined_ms = WALL_MS};
    m.incarnation = incarnation;
    strcpy(m.address, address);
    ASSERT(meta_state_add(w->state, &m));
}

void world_prepare(struct world *w)
{
    static const struct hash_key key;
    struct meta_command *create = calloc(1, sizeof *create);
    ASSERT(create && meta_state_create(&w->memory, &key, &w->state) == 0);
    memset(w->state->cluster_id.b, 7, ID_SIZE);
    w->state->epoch = WALL_MS + 1000000;
    w->state->all_fresh = true;
    w->state->formed_ms = WALL_MS;
    w->state->settings = bootstrap_settings(w->cluster);
    add_member(w, w->cluster->incarnation, "10.0.0.1");
    add_member(w, w->incarnation[0], w->address[0]);
    add_member(w, w->incarnation[1], w->address[1]);
    create->kind = META_CREATE;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        create->create[i].count = 3;
        for (unsigned k = 0; k < 3; k++)
            create->create[i].member[k] = w->state->member[k].id;
    }
    ASSERT(meta_state_apply(w->state, create) == 0);
    free(create);
    w->learned.epoch = w->state->epoch;
    w->learned.cluster_id = w->state->cluster_id;
}

void world_form(struct world *w)
{
    struct conn *c = world_conn(w, 0, PLANE_CONTROL, false);
    struct peer_offer offer = {.proposal = 1};
    struct peer_start start = {.proposal = 1, .index = 2, .term = 1, .voter_count = 3};
    struct buf bytes;
    offer.cluster_id = w->state->cluster_id;
    start.cluster_id = w->state->cluster_id;
    offer.epoch = start.epoch = w->state->epoch;
    for (unsigned i = 0; i < 3; i++)
        start.voters[i] = w->state->member[i].id;
    buf_init(&bytes, SIZE_MAX / 2);
    ASSERT(meta_state_encode(w->state, &bytes) == 0);
    start.state = buf_slice(&bytes);
    world_say(c, PEER_OFFER, offer_f, &offer);
    world_say(c, PEER_START, start_f, &start);
    buf_fini(&bytes);
    world_settle(w);
    ASSERT(w->cluster->meta.group);
}

/* --- life --- */

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->now_ms = 1000;
    rng_seed(&w->rng, 1);
    list_init(&w->conns);
    timers_init(&w->timers, boot_ms, NULL, w);
    w->clock = (struct clock){boot_ms, precise_us, wall_ms, random_bytes, w};
    w->log = (struct log){.level = LOG_DEBUG, .sink = no_line, .arg = w};
    w->dialer.ops = &dialer_ops;
    w->memory.limit = (size_t)16 << 20;
    struct cluster_candidate candidates[3] = {{"10.0.0.1", 4369}, {w->address[0], 4369}, {w->address[1], 4369}};
    for (unsigned i = 0; i < HOSTILE_PEERS; i++) {
        memset(w->incarnation[i].b, 0x10 + (int)i, ID_SIZE);
        snprintf(w->address[i], sizeof w->address[i], "10.0.0.%u", i == 3 ? 2 : i + 2);
    }
    struct cluster_config config = {.name = "test",
                                    .address = "10.0.0.1",
                                    .epmd_port = 4369,
                                    .handoff_port = 8099,
                                    .place = "",
                                    .expected = 3,
                                    .replicas = 3,
                                    .partitions = 64,
                                    .times = {.heartbeat = 100,
                                              .election = 300,
                                              .lease = 2000,
                                              .margin = 500,
                                              .lost_after = 3000,
                                              .form_grace = 1000,
                                              .stranded_after = 1000},
                                    .memory_limit = (size_t)16 << 20,
                                    .frame_max = (size_t)64 << 10,
                                    .clock = &w->clock,
                                    .timers = &w->timers,
                                    .log = &w->log,
                                    .metrics = &w->metrics,
                                    .dialer = &w->dialer,
                                    .identify = identify,
                                    .ended = on_ended,
                                    .arg = w};
    ASSERT(cluster_create(&config, &w->cluster) == 0);
    cluster_set_candidates(w->cluster, candidates, 3, 3, true, true);
    world_settle(w);
}

void world_fini(struct world *w)
{
    cluster_close(w->cluster);
    while (turn_conns(w))
        ;
    while (!list_empty(&w->conns)) {
        struct conn *c = LIST_ENTRY(w->conns.next, struct conn, place);
        ASSERT(c->closing); /* a node that closes closes all of them */
        turn_conn(c);
    }
    ASSERT(cluster_is_closed(w->cluster));
    cluster_destroy(&w->cluster);
    if (w->state)
        meta_state_destroy(&w->state);
    ASSERT(w->memory.used == 0);
    timers_fini(&w->timers);
}
