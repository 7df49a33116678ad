/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "universe.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

#define PIPE_MAX           ((size_t)1024 * 1024)
#define CONNECT_TIMEOUT_MS 5000
#define DEAD_LINK_MS       10000 /* what TCP gives up after */

/* One end of a connection, as its node sees it. */
struct pipe_end {
    struct stream stream; /* first */
    struct pipe *pipe;
    struct machine *machine;
    struct stream_user *user;
    struct buf incoming; /* arrived at `arrives_ms`, or on its way until then */
    uint64_t arrives_ms;
    bool secured, closing, closed, wrote;
};

struct pipe {
    struct list place;
    struct universe *universe;
    struct pipe_end end[2];
    unsigned from_generation, to_generation;
    uint64_t open_ms; /* when the other side answers */
    uint64_t cut_ms;  /* since when it is cut; 0 */
    bool open;
    unsigned target;
};

static struct pipe_end *end_of(struct stream *s)
{
    return (struct pipe_end *)(void *)s;
}

static struct pipe_end *other(struct pipe_end *e)
{
    return e == &e->pipe->end[0] ? &e->pipe->end[1] : &e->pipe->end[0];
}

/* --- io --- */

static uint64_t boot_ms(void *arg)
{
    return ((struct machine *)arg)->universe->now_ms;
}

static uint64_t precise_us(void *arg)
{
    return ((struct machine *)arg)->universe->now_ms * 1000;
}

static uint64_t wall_ms(void *arg)
{
    const struct universe *u = ((struct machine *)arg)->universe;
    return u->wall_ms + u->now_ms;
}

static void random_bytes(void *arg, void *out, size_t n)
{
    rng_fill(&((struct machine *)arg)->universe->rng, out, n);
}

static void move_all(struct stream *s, size_t most)
{
    struct pipe_end *e = end_of(s), *to = other(e);
    bool was_empty = buf_len(&to->incoming) == 0;
    while (outq_len(&s->out) && buf_len(&to->incoming) < most) {
        struct slice front = outq_front(&s->out);
        size_t room = most - buf_len(&to->incoming);
        front.len = front.len < room ? front.len : room;
        if (!to->closed && !e->closing)
            assert_int_equal(buf_append_slice(&to->incoming, front), 0);
        e->pipe->universe->delivered += front.len;
        outq_consume(&s->out, front.len);
    }
    if (was_empty)
        to->arrives_ms = e->pipe->universe->now_ms + e->pipe->universe->latency_ms;
    e->wrote = true;
}

/* What no buffer of a system takes stays with who has written it. */
static void flush_end(struct stream *s)
{
    move_all(s, PIPE_MAX);
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

static void close_end(struct stream *s)
{
    struct pipe_end *e = end_of(s);
    if (!e->closing)
        move_all(s, SIZE_MAX);
    e->closing = true;
}

static const struct stream_ops ops = {flush_end, no_tls, no_pause, close_end, no_trust};

static void end_init(struct pipe *p, unsigned i, struct machine *m)
{
    struct pipe_end *e = &p->end[i];
    e->pipe = p;
    e->machine = m;
    e->stream.ops = &ops;
    outq_init(&e->stream.out);
    buf_init(&e->incoming, SIZE_MAX / 2);
}

static int dial(struct dialer *d, const char *address, uint16_t port, struct stream_user *user, struct stream **out)
{
    struct machine *m = LIST_ENTRY(d, struct machine, dialer);
    struct pipe *p = calloc(1, sizeof *p);
    (void)port;
    p->universe = m->universe;
    p->target = UNIVERSE_MAX;
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (strcmp(m->universe->machine[i].address, address) == 0)
            p->target = i;
    if (strncmp(address, UNIVERSE_ALIAS, strlen(UNIVERSE_ALIAS)) == 0)
        p->target = (unsigned)atoi(address + strlen(UNIVERSE_ALIAS)) - 1;
    if (strcmp(address, UNIVERSE_LOOPBACK) == 0)
        p->target = m->number;
    assert_true(p->target < UNIVERSE_MAX);
    end_init(p, 0, m);
    end_init(p, 1, &m->universe->machine[p->target]);
    p->end[0].user = user;
    p->from_generation = m->generation;
    p->open_ms = m->universe->now_ms + m->universe->latency_ms;
    list_append(&m->universe->pipes, &p->place);
    *out = &p->end[0].stream;
    return 0;
}

static const struct dialer_ops dialer_ops = {dial};

/* --- machines --- */

static void write_line(void *arg, enum log_level level, const char *line)
{
    const struct machine *m = arg;
    (void)level;
    if (m->universe->heard && strstr(line, m->universe->heard))
        m->universe->heard_count++;
    if (getenv("VERBOSE"))
        fprintf(stderr, "%8llu node %u: %s\n", (unsigned long long)m->universe->now_ms, m->number, line);
}

static int identify(void *arg, struct incarnation incarnation)
{
    ((struct machine *)arg)->incarnation = incarnation;
    return 0;
}

static void on_tickets(void *arg, const struct cluster_tickets *t)
{
    struct machine *m = arg;
    memset(&m->tickets, 0, sizeof m->tickets);
    m->tickets.count = t->count;
    m->tickets.current = t->current;
    if (t->count)
        memcpy(m->tickets.secret, t->secret, t->count * sizeof m->tickets.secret[0]);
}

static void on_ended(void *arg)
{
    ((struct machine *)arg)->ended = true;
}

void universe_init(struct universe *u, unsigned count, uint64_t seed)
{
    memset(u, 0, sizeof *u);
    u->now_ms = 1000;
    u->latency_ms = 1;
    u->wall_ms = 1800000000000;
    u->count = count;
    rng_seed(&u->rng, seed);
    list_init(&u->pipes);
    u->config = (struct cluster_config){.name = "test",
                                        .epmd_port = 4369,
                                        .handoff_port = 8099,
                                        .place = "",
                                        .expected = count,
                                        .replicas = 3,
                                        .partitions = 64,
                                        .times = {.heartbeat = 100,
                                                  .election = 300,
                                                  .lease = 5000,
                                                  .margin = 1000,
                                                  .lost_after = 60000,
                                                  .form_grace = 3000,
                                                  .stranded_after = 10000},
                                        .memory_limit = (size_t)256 << 20,
                                        .frame_max = (size_t)64 << 20};
    for (unsigned i = 0; i < UNIVERSE_MAX; i++) {
        struct machine *m = &u->machine[i];
        m->universe = u;
        m->number = i;
        snprintf(m->address, sizeof m->address, "10.0.0.%u", i + 1);
        m->clock = (struct clock){boot_ms, precise_us, wall_ms, random_bytes, m};
        m->log = (struct log){.level = LOG_INFO, .sink = write_line, .arg = m};
        m->dialer.ops = &dialer_ops;
    }
}

static void set_candidates(struct universe *u, struct machine *m)
{
    struct cluster_candidate candidates[UNIVERSE_MAX];
    for (unsigned k = 0; k < u->count; k++)
        candidates[k] = (struct cluster_candidate){u->machine[k].address, 4369};
    cluster_set_candidates(m->cluster, candidates, u->count, u->count, true, true);
}

void universe_place(struct universe *u, unsigned i)
{
    struct machine *m = &u->machine[i];
    assert_int_equal(cluster_set_address(m->cluster, m->address), 0);
    set_candidates(u, m);
    m->touched = true;
}

void universe_start(struct universe *u, unsigned i)
{
    struct machine *m = &u->machine[i];
    struct cluster_config config = u->config;
    m->generation++;
    m->ended = m->paused = false;
    m->touched = true;
    timers_init(&m->timers, boot_ms, NULL, m);
    config.address = m->placed_later ? "" : u->advertise ? u->advertise : m->address;
    config.clock = &m->clock;
    config.timers = &m->timers;
    config.log = &m->log;
    config.metrics = &m->metrics;
    config.dialer = &m->dialer;
    config.identify = identify;
    config.tickets = on_tickets;
    config.ended = on_ended;
    config.arg = m;
    assert_int_equal(cluster_create(&config, &m->cluster), 0);
    if (!m->placed_later)
        set_candidates(u, m);
}

static void tell_closed(struct pipe_end *e, const char *why)
{
    if (e->closed)
        return;
    e->closed = true;
    if (e->user)
        e->user->ops->closed(e->user, why);
    e->machine->touched = true;
}

static void free_pipe(struct pipe *p)
{
    list_remove(&p->place);
    for (unsigned i = 0; i < 2; i++) {
        outq_fini(&p->end[i].stream.out);
        buf_fini(&p->end[i].incoming);
    }
    free(p);
}

void universe_kill(struct universe *u, unsigned i)
{
    struct machine *m = &u->machine[i];
    if (!m->cluster)
        return;
    cluster_close(m->cluster);
    for (struct list *n = u->pipes.next; n != &u->pipes; n = n->next) {
        struct pipe *p = LIST_ENTRY(n, struct pipe, place);
        for (unsigned k = 0; k < 2; k++)
            if (p->end[k].machine == m && p->end[k].user && (p->open || k == 0)) {
                tell_closed(&p->end[k], "killed");
                p->end[k].closing = true;
            }
    }
    cluster_destroy(&m->cluster);
    timers_fini(&m->timers);
}

void universe_fini(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        universe_kill(u, i);
    while (!list_empty(&u->pipes))
        free_pipe(LIST_ENTRY(u->pipes.next, struct pipe, place));
}

void universe_pause(struct universe *u, unsigned i, bool on)
{
    u->machine[i].paused = on;
    u->machine[i].touched = true;
}

void universe_cut(struct universe *u, unsigned a, unsigned b, bool on)
{
    u->cut[a][b] = u->cut[b][a] = on;
}

/* --- what happens at a moment --- */

static bool runs(const struct machine *m)
{
    return m->cluster && !m->paused;
}

static bool is_cut(const struct pipe *p)
{
    return p->universe->cut[p->end[0].machine->number][p->end[1].machine->number];
}

static void secure(struct pipe_end *e)
{
    struct stream_peer peer = {.is_node = true};
    peer.incarnation = other(e)->machine->incarnation;
    e->secured = true;
    e->user->ops->secure(e->user, &peer);
    e->machine->touched = true;
}

static void open_pipe(struct pipe *p)
{
    struct machine *to = p->end[1].machine;
    if (is_cut(p)) {
        if (p->universe->now_ms >= p->open_ms + CONNECT_TIMEOUT_MS)
            tell_closed(&p->end[0], "timed out");
        return;
    }
    if (!to->cluster) {
        tell_closed(&p->end[0], "refused");
        return;
    }
    if (to->paused || p->end[0].closing)
        return;
    struct acceptor *a = cluster_acceptor(to->cluster);
    p->end[1].user = a->ops->accepted(a, &p->end[1].stream, "");
    if (!p->end[1].user) {
        tell_closed(&p->end[0], "not wanted");
        return;
    }
    p->to_generation = to->generation;
    p->open = true;
    secure(&p->end[1]);
    secure(&p->end[0]);
}

static void deliver(struct pipe_end *e)
{
    struct universe *u = e->pipe->universe;
    if (e->closed || e->closing || !e->user || !runs(e->machine) || is_cut(e->pipe))
        return;
    if (buf_len(&e->incoming) && e->arrives_ms <= u->now_ms) {
        struct buf in = e->incoming;
        buf_init(&e->incoming, SIZE_MAX / 2);
        e->user->ops->input(e->user, buf_slice(&in));
        buf_fini(&in);
        e->machine->touched = true;
    }
    if (outq_len(&e->stream.out))
        flush_end(&e->stream);
    if (e->wrote && !e->closed) {
        e->wrote = false;
        e->user->ops->drained(e->user);
        e->machine->touched = true;
    }
}

static void close_pipe(struct pipe *p)
{
    struct universe *u = p->universe;
    if (!is_cut(p))
        p->cut_ms = 0;
    else if (!p->cut_ms)
        p->cut_ms = u->now_ms;
    bool dead = p->cut_ms && u->now_ms - p->cut_ms >= DEAD_LINK_MS;
    for (unsigned i = 0; i < 2; i++) {
        struct pipe_end *e = &p->end[i], *o = other(e);
        if (e->closed || !e->user || (e->machine->paused && e->machine->cluster))
            continue;
        if (e->closing || dead || (p->open && (o->closing || o->closed) && !is_cut(p) && buf_len(&e->incoming) == 0))
            tell_closed(e, dead ? "dead" : "closed");
    }
}

static void turn_pipes(struct universe *u)
{
    for (struct list *n = u->pipes.next; n != &u->pipes;) {
        struct pipe *p = LIST_ENTRY(n, struct pipe, place);
        if (!p->open && !p->end[0].closed && u->now_ms >= p->open_ms)
            open_pipe(p);
        for (unsigned i = 0; i < 2; i++)
            deliver(&p->end[i]);
        close_pipe(p);
        n = n->next;
        if (p->end[0].closed && (!p->open || p->end[1].closed))
            free_pipe(p);
    }
}

static void turn_machines(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++) {
        struct machine *m = &u->machine[i];
        if (!runs(m))
            continue;
        if (timers_next_ms(&m->timers) <= u->now_ms) {
            timers_run(&m->timers);
            m->touched = true;
        }
        if (m->touched)
            cluster_turn(m->cluster);
        m->touched = false;
    }
}

void universe_run(struct universe *u, uint64_t ms)
{
    for (uint64_t end = u->now_ms + ms; u->now_ms < end; u->now_ms++) {
        turn_pipes(u);
        turn_machines(u);
    }
}

bool universe_until(struct universe *u, universe_f f, uint64_t ms)
{
    for (uint64_t end = u->now_ms + ms; u->now_ms < end; universe_run(u, 10))
        if (f(u))
            return true;
    return false;
}

struct status_node universe_status(struct universe *u, unsigned i)
{
    struct status_node s;
    cluster_status(u->machine[i].cluster, &s);
    return s;
}

bool universe_is_ready(struct universe *u)
{
    uint64_t epoch = 0;
    for (unsigned i = 0; i < UNIVERSE_MAX; i++) {
        if (!u->machine[i].cluster)
            continue;
        struct status_node s = universe_status(u, i);
        if (s.state != STATUS_MEMBER || !s.ready || !s.serving || (epoch && s.epoch != epoch))
            return false;
        epoch = s.epoch;
    }
    return epoch != 0;
}

/* --- requests --- */

static void on_done(struct router_request *q, int err, const struct store_result *r)
{
    struct client_op *o = (struct client_op *)(void *)q;
    struct object_cursor cursor = {0};
    struct object_sibling s;
    o->done = true;
    o->err = err;
    o->live = !err && r->exists && r->object.live;
    o->value[0] = '\0';
    if (!o->live)
        return;
    o->revision = r->object.revision;
    while (object_next(&r->object, &cursor, &s)) {
        size_t len = s.value.len < sizeof o->value ? s.value.len : sizeof o->value - 1;
        memcpy(o->value, s.value.data, len);
        o->value[len] = '\0';
    }
}

static bool begin(struct universe *u, struct client_op *o, unsigned i, const char *key, struct store_key *k,
                  uint64_t timeout_ms)
{
    struct router *r = cluster_router(u->machine[i].cluster);
    memset(o, 0, sizeof *o);
    router_request_init(&o->request, on_done);
    o->request.timeout_ms = timeout_ms;
    o->request.floor = u->floor;
    u->machine[i].touched = true;
    if (router_unavailable(r)) {
        o->done = true;
        o->err = E_CLOSED;
        return false;
    }
    store_key_init(k, router_hash_key(r), slice_make(NULL, 0), slice_str("bucket"), slice_str(key));
    return true;
}

void client_op_put(struct universe *u, struct client_op *o, unsigned i, const char *key, const char *value,
                   enum client_op_condition when, uint64_t timeout_ms)
{
    struct store_command c = {.op = STORE_PUT,
                              .condition = when == OP_CREATE ? STORE_IF_ABSENT : STORE_ALWAYS,
                              .rules = {.siblings_max = 100, .size_max = 32 << 20, .reap_ms = 3000}};
    if (!begin(u, o, i, key, &c.key, timeout_ms))
        return;
    c.value.bytes = slice_str(value);
    o->request.wants_object = true;
    router_deliver(&o->request, router_write(cluster_router(u->machine[i].cluster), &o->request, &c));
}

void client_op_get(struct universe *u, struct client_op *o, unsigned i, const char *key, bool any, uint64_t timeout_ms)
{
    struct store_key k;
    if (begin(u, o, i, key, &k, timeout_ms))
        router_deliver(&o->request, router_read(cluster_router(u->machine[i].cluster), &o->request, &k, any));
}

void client_op_wait(struct universe *u, struct client_op *o)
{
    for (unsigned i = 0; i < 100000 && !o->done; i++)
        universe_run(u, 1);
    assert_true(o->done);
}

int universe_put(struct universe *u, unsigned i, const char *key, const char *value)
{
    struct client_op o;
    client_op_put(u, &o, i, key, value, OP_ALWAYS, 10000);
    client_op_wait(u, &o);
    return o.err;
}

int universe_create_key(struct universe *u, unsigned i, const char *key, const char *value)
{
    struct client_op o;
    client_op_put(u, &o, i, key, value, OP_CREATE, 10000);
    client_op_wait(u, &o);
    return o.err;
}

int universe_get(struct universe *u, unsigned i, const char *key, struct client_op *o)
{
    client_op_get(u, o, i, key, false, 10000);
    client_op_wait(u, o);
    return o->err;
}
