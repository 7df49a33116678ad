/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/network.h"

#include "sim/heap.h"
#include "sim/world.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define LATENCY_US    120 /* within one network */
#define JITTER_US     400
#define RETRANSMIT_US 200000   /* TCP's first wait, which doubles */
#define DIAL_US       5000000  /* net/dialer.h */
#define HANDSHAKE_US  10000000 /* of who was accepted */
#define SILENCE_US    10000000 /* TCP_USER_TIMEOUT between nodes */
#define WINDOW        ((size_t)1 << 20)
#define BYTES_PER_US  100
#define SEGMENT_MAX   ((size_t)64 * 1024)

enum segment_kind {
    SEGMENT_SYN,
    SEGMENT_ACCEPT, /* the other side is there; between nodes, and so is its certificate */
    SEGMENT_HELLO,  /* a TLS handshake's other half: a certificate, or a user's name */
    SEGMENT_DATA,
    SEGMENT_FIN,
    SEGMENT_RST
};

struct segment {
    struct timer timer; /* until it arrives */
    struct list place;
    struct wire *wire;
    unsigned from; /* side */
    enum segment_kind kind;
    uint64_t number;
    struct incarnation incarnation;
    size_t len;
    uint8_t data[];
};

struct wire {
    struct list place;
    struct network *network;
    uint64_t number;
    uint16_t port;
    struct end end[2];
    size_t segments; /* that exist */
};

static struct end *end_of(struct stream *s)
{
    return (struct end *)(void *)s;
}

static struct end *other(struct end *e)
{
    return &e->wire->end[!e->side];
}

static bool between_nodes(const struct wire *w)
{
    return w->port != PORT_PROTO;
}

/* --- the life of segments and wires --- */

static void free_segment(struct segment *s)
{
    timer_stop(&s->wire->network->world->timers, &s->timer);
    list_remove(&s->place);
    s->wire->segments--;
    free(s);
}

static void drop_all(struct list *segments)
{
    while (!list_empty(segments))
        free_segment(LIST_ENTRY(segments->next, struct segment, place));
}

/* Once nothing can come of it any more. */
static void consider_freeing(struct wire *w)
{
    if (w->end[0].state != END_CLOSED || w->end[1].state != END_CLOSED || w->segments)
        return;
    list_remove(&w->place);
    for (unsigned i = 0; i < 2; i++)
        outq_fini(&w->end[i].stream.out);
    free(w);
}

/* Nobody asks for it any more. */
static void forget_coming(struct wire *w)
{
    struct end *e = &w->end[1];
    if (e->state == END_COMING && list_empty(&e->inbox) && list_empty(&w->end[0].flying) &&
        list_empty(&w->end[0].parked) && w->end[0].state == END_CLOSED) {
        e->state = END_CLOSED;
        list_remove(&e->place);
    }
}

static void wake(struct end *e);

/* --- sending --- */

static uint64_t delay_of(struct network *n, unsigned from, unsigned to, size_t len)
{
    uint64_t us = LATENCY_US + rng_below(&n->chance, JITTER_US) + len / BYTES_PER_US;
    if (n->late_us[from][to])
        us += rng_below(&n->chance, n->late_us[from][to]);
    for (uint64_t wait = RETRANSMIT_US; n->lost_percent[from][to] && chance_of(&n->chance, n->lost_percent[from][to]);
         wait *= 2)
        us += wait;
    return us;
}

static void on_arrival(struct timer *t);

static void set_out(struct segment *s, uint64_t held_up_us)
{
    struct end *from = &s->wire->end[s->from], *to = other(from);
    struct network *n = s->wire->network;
    if (n->cut[from->site][to->site]) {
        list_append(&from->parked, &s->place);
        return;
    }
    list_append(&from->flying, &s->place);
    timer_init(&s->timer, on_arrival);
    uint64_t us = delay_of(n, from->site, to->site, s->len);
    if (between_nodes(s->wire) && us > n->latest_us)
        n->latest_us = us < 2 * SILENCE_US ? us : 2 * SILENCE_US; /* for so long at most a connection bears it */
    world_timer(n->world, &s->timer, held_up_us + us);
}

static void on_silence(struct timer *t);

static void send_segment(struct end *from, enum segment_kind kind, struct slice data)
{
    bool failing = heap_pause();
    struct wire *w = from->wire;
    struct segment *s = malloc(sizeof *s + data.len);
    ASSERT(s);
    *s = (struct segment){.wire = w, .from = from->side, .kind = kind, .number = from->sent++, .len = data.len};
    list_init(&s->place);
    w->segments++;
    if (data.len)
        memcpy(s->data, data.data, data.len);
    if (from->node)
        s->incarnation = from->node->incarnation;
    from->window += data.len;
    if (!timer_runs(&from->silence) && from->state != END_CLOSED && kind != SEGMENT_RST) {
        from->silence_mark = from->acknowledged;
        world_timer(w->network->world, &from->silence, SILENCE_US);
    }
    set_out(s, 0);
    heap_resume(failing);
}

/* As far as the window is open; all, at the end. */
static void send_queue(struct end *e, bool all)
{
    struct outq *q = &e->stream.out;
    if (e->state == END_OPEN && (!e->tls || e->secured))
        while (outq_len(q) && (all || e->window < WINDOW)) {
            struct slice front = outq_front(q);
            size_t n = front.len < SEGMENT_MAX ? front.len : SEGMENT_MAX;
            send_segment(e, SEGMENT_DATA, slice_make(front.data, n));
            outq_consume(q, n);
            e->written = true;
        }
    if (e->written && outq_len(q) < STREAM_LOW_WATER)
        wake(e);
}

/* --- the end of an end --- */

/* Its user is told when its place has its next turn. */
static void break_end(struct end *e, const char *why)
{
    if (e->state == END_CLOSED || e->broken)
        return;
    e->broken = why;
    drop_all(&e->inbox);
    drop_all(&e->early);
    wake(e);
}

static void end_end(struct end *e)
{
    struct wire *w = e->wire;
    e->state = END_CLOSED;
    timer_stop(&w->network->world->timers, &e->silence);
    list_remove(&e->place);
    drop_all(&e->inbox);
    drop_all(&e->early);
    other(e)->window = 0;
    forget_coming(w);
    consider_freeing(w);
}

/* Answers nothing any more, and nothing that it has sent and that is held up will ever go out. */
static void abandon(struct end *e, const char *why)
{
    drop_all(&e->parked);
    break_end(e, why);
}

static void on_silence(struct timer *t)
{
    struct end *e = LIST_ENTRY(t, struct end, silence);
    if (e->state == END_DIALING || (e->tls && !e->secured && e->state != END_CLOSED && between_nodes(e->wire))) {
        abandon(e, "timed out");
        return;
    }
    if (e->acknowledged == e->sent)
        return;
    if (e->acknowledged == e->silence_mark) {
        abandon(e, "timed out");
        return;
    }
    e->silence_mark = e->acknowledged;
    world_timer(e->wire->network->world, t, SILENCE_US);
}

/* --- what comes in --- */

static void tell_secure(struct end *e, const struct segment *s)
{
    struct stream_peer peer = {.is_node = between_nodes(e->wire) || other(e)->is_operator};
    peer.incarnation = s->incarnation;
    if (!between_nodes(e->wire)) {
        peer.cn_count = 1;
        memcpy(peer.cn, "sim", sizeof "sim");
    }
    e->secured = true;
    if (between_nodes(e->wire))
        timer_stop(&e->wire->network->world->timers, &e->silence);
    e->user->ops->secure(e->user, &peer);
}

static struct acceptor *acceptor_of(struct node *n, uint16_t port)
{
    return port == PORT_PROTO ? &n->sessions.acceptor : cluster_acceptor(n->cluster);
}

static void accept_end(struct end *e)
{
    struct acceptor *a = acceptor_of(e->node, e->wire->port);
    e->user = a->ops->accepted(a, &e->stream, "10.1.0.1:1");
    if (!e->user) {
        send_segment(e, SEGMENT_RST, slice_make(NULL, 0));
        e->state = END_CLOSED;
        return;
    }
    e->state = END_OPEN;
    e->tls = between_nodes(e->wire);
    send_segment(e, SEGMENT_ACCEPT, slice_make(NULL, 0));
    timer_stop(&e->wire->network->world->timers, &e->silence);
    if (e->tls)
        world_timer(e->wire->network->world, &e->silence, HANDSHAKE_US);
}

static void take_accept(struct end *e, const struct segment *s)
{
    e->state = END_OPEN;
    timer_stop(&e->wire->network->world->timers, &e->silence);
    if (between_nodes(e->wire)) {
        send_segment(e, SEGMENT_HELLO, slice_make(NULL, 0));
        tell_secure(e, s);
    }
    send_queue(e, false);
}

static void take_hello(struct end *e, const struct segment *s)
{
    if (!e->tls || e->secured)
        return;
    if (!between_nodes(e->wire) && e->node)
        send_segment(e, SEGMENT_HELLO, slice_make(NULL, 0));
    tell_secure(e, s);
    send_queue(e, false);
}

static void take_data(struct end *e, const struct segment *s)
{
    struct end *from = other(e);
    size_t taken = e->user->ops->input(e->user, slice_make(s->data, s->len));
    ASSERT(taken == s->len); /* nobody here sends TLS behind what asks for it */
    from->window -= s->len < from->window ? s->len : from->window;
    if (outq_len(&from->stream.out))
        wake(from);
    send_queue(e, false);
}

static void take_segment(struct end *e, struct segment *s)
{
    switch (s->kind) {
    case SEGMENT_SYN:
        accept_end(e);
        break;
    case SEGMENT_ACCEPT:
        take_accept(e, s);
        break;
    case SEGMENT_HELLO:
        take_hello(e, s);
        break;
    case SEGMENT_DATA:
        take_data(e, s);
        break;
    case SEGMENT_FIN:
        break_end(e, "closed by the other side");
        break;
    case SEGMENT_RST:
        break_end(e, e->state == END_DIALING ? "refused" : "reset by the other side");
        break;
    }
}

/* One at a time, as its user may end it with each. */
static void take_inbox(struct end *e)
{
    while (!list_empty(&e->inbox) && !e->held && !e->broken && (e->state < END_CLOSING)) {
        struct segment *s = LIST_ENTRY(e->inbox.next, struct segment, place);
        list_remove(&s->place);
        take_segment(e, s);
        free_segment(s);
    }
}

static void tell_closed(struct end *e)
{
    struct stream_user *user = e->user;
    e->state = END_CLOSED;
    if (user)
        user->ops->closed(user, e->broken ? e->broken : "closed");
    end_end(e);
}

static void serve_end(struct end *e)
{
    take_inbox(e);
    if (e->state == END_CLOSED) { /* its acceptor did not want it */
        end_end(e);
        return;
    }
    if (!e->broken && e->state == END_OPEN && outq_len(&e->stream.out))
        send_queue(e, false);
    if (!e->broken && e->state == END_OPEN && e->written && outq_len(&e->stream.out) < STREAM_LOW_WATER) {
        e->written = false;
        e->user->ops->drained(e->user);
        send_queue(e, false);
    }
    if (e->broken || e->state == END_CLOSING)
        tell_closed(e);
}

/* Something is to be done at its place's next turn. */
static void wake(struct end *e)
{
    struct network *n = e->wire->network;
    if (e->state == END_CLOSED)
        return;
    if (list_empty(&e->place))
        list_append(e->node ? &e->node->ends : &n->client_ends, &e->place);
    if (e->node)
        node_touch(e->node);
    else if (!timer_runs(&n->client_turn))
        world_timer(n->world, &n->client_turn, 0);
}

static void serve_ends(struct list *ends)
{
    struct list now;
    list_init(&now);
    while (!list_empty(ends)) { /* what comes to be done meanwhile is for the next turn */
        struct list *first = ends->next;
        list_remove(first);
        list_append(&now, first);
    }
    while (!list_empty(&now)) {
        struct end *e = LIST_ENTRY(now.next, struct end, place);
        list_remove(&e->place);
        serve_end(e);
    }
}

void network_serve(struct node *n)
{
    serve_ends(&n->ends);
}

static void on_client_turn(struct timer *t)
{
    serve_ends(&LIST_ENTRY(t, struct network, client_turn)->client_ends);
}

/* --- arriving --- */

static void keep_early(struct end *to, struct segment *s)
{
    struct list *before = to->early.next;
    while (before != &to->early && LIST_ENTRY(before, struct segment, place)->number < s->number)
        before = before->next;
    list_append(before, &s->place);
}

/* What has come without a gap can be taken. */
static void take_in_order(struct end *to, struct segment *s)
{
    keep_early(to, s);
    while (!list_empty(&to->early)) {
        struct segment *first = LIST_ENTRY(to->early.next, struct segment, place);
        if (first->number != to->next)
            return;
        list_remove(&first->place);
        list_append(&to->inbox, &first->place);
        to->next++;
    }
}

/* There is no such connection here. */
static void refuse(struct end *to, const struct segment *s)
{
    if (s->kind != SEGMENT_RST)
        send_segment(to, SEGMENT_RST, slice_make(NULL, 0));
    if (to->state == END_COMING) {
        to->state = END_CLOSED;
        end_end(to);
    }
}

static void arrive(struct end *from, struct end *to, struct segment *s)
{
    struct network *n = s->wire->network;
    bool is_running = !to->node || to->node->cluster;
    trace_bytes(&n->world->trace, "arrives", s->wire->number * 2 + s->from, slice_make(s->data, s->len));
    if (s->kind == SEGMENT_RST) {
        break_end(to, to->state == END_DIALING ? "refused" : "reset by the other side");
        free_segment(s);
    } else if (to->state == END_CLOSED || !is_running) {
        refuse(to, s);
        free_segment(s);
    } else {
        take_in_order(to, s);
        if (!n->cut[to->site][from->site])
            from->acknowledged = to->next;
        wake(to);
    }
}

static void on_arrival(struct timer *t)
{
    struct segment *s = LIST_ENTRY(t, struct segment, timer);
    struct wire *w = s->wire;
    struct end *from = &w->end[s->from], *to = other(from);
    list_remove(&s->place);
    if (w->network->cut[from->site][to->site]) {
        list_append(&from->parked, &s->place);
        return;
    }
    if (to->node && !to->node->powered)
        free_segment(s); /* and nobody answers */
    else
        arrive(from, to, s);
    forget_coming(w);
    consider_freeing(w);
}

/* --- what its user wishes --- */

static bool is_dying(const struct end *e)
{
    return e->node && e->node->dying;
}

static void on_flush(struct stream *s)
{
    if (!is_dying(end_of(s)))
        send_queue(end_of(s), false);
}

static void on_start_tls(struct stream *s, bool bare)
{
    (void)bare;
    struct end *e = end_of(s);
    send_queue(e, true);
    e->tls = true;
    if (!e->node)
        send_segment(e, SEGMENT_HELLO, slice_make(NULL, 0));
}

static void on_pause(struct stream *s, bool on)
{
    struct end *e = end_of(s);
    e->held = on;
    if (!on)
        wake(e);
}

static void on_close(struct stream *s)
{
    struct end *e = end_of(s);
    if (is_dying(e) || e->broken || e->state >= END_CLOSING)
        return;
    if (e->state == END_OPEN) {
        send_queue(e, true);
        send_segment(e, SEGMENT_FIN, slice_make(NULL, 0));
    }
    e->state = END_CLOSING;
    wake(e);
}

static bool on_trusted(struct stream *s)
{
    (void)s;
    return true;
}

/* --- beginning --- */

static void end_init(struct wire *w, unsigned side, struct node *node, unsigned site)
{
    static const struct stream_ops ops = {on_flush, on_start_tls, on_pause, on_close, on_trusted};
    struct end *e = &w->end[side];
    e->stream.ops = &ops;
    outq_init(&e->stream.out);
    e->wire = w;
    e->side = side;
    e->node = node;
    e->site = site;
    list_init(&e->place);
    list_init(&e->inbox);
    list_init(&e->early);
    list_init(&e->flying);
    list_init(&e->parked);
    timer_init(&e->silence, on_silence);
}

static struct node *node_at(struct world *w, const char *address)
{
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        if (strcmp(w->node[i].address, address) == 0)
            return &w->node[i];
    return NULL;
}

int network_dial(struct network *n, struct node *from, const char *address, uint16_t port, struct stream_user *user,
                 struct stream **out)
{
    bool failing = heap_pause();
    struct wire *w = calloc(1, sizeof *w);
    struct node *to = node_at(n->world, address);
    ASSERT(w);
    w->network = n;
    w->number = n->numbered++;
    w->port = port;
    end_init(w, 0, from, from ? from->number : SITE_CLIENTS);
    end_init(w, 1, to, to ? to->number : SITE_CLIENTS);
    list_append(&n->wires, &w->place);
    w->end[0].user = user;
    w->end[1].state = to ? END_COMING : END_CLOSED;
    world_timer(n->world, &w->end[0].silence, DIAL_US);
    if (to)
        send_segment(&w->end[0], SEGMENT_SYN, slice_make(NULL, 0));
    *out = &w->end[0].stream;
    heap_resume(failing);
    return 0;
}

void network_operate(struct stream *s)
{
    end_of(s)->is_operator = true;
}

void network_init(struct network *n, struct world *w, uint64_t seed)
{
    *n = (struct network){.world = w};
    rng_seed(&n->chance, seed);
    list_init(&n->wires);
    list_init(&n->client_ends);
    timer_init(&n->client_turn, on_client_turn);
}

/* --- what happens to it from outside --- */

static void end_of_process(struct end *e, bool silently)
{
    if (silently)
        drop_all(&e->parked);
    else if (e->state != END_DIALING)
        send_segment(e, SEGMENT_FIN, slice_make(NULL, 0));
    if (e->user) {
        e->state = END_CLOSED;
        e->user->ops->closed(e->user, "the process ends");
    }
    end_end(e);
}

static struct end *find_end(struct network *n, const struct node *node)
{
    for (struct list *at = n->wires.next; at != &n->wires; at = at->next) {
        struct wire *w = LIST_ENTRY(at, struct wire, place);
        for (unsigned i = 0; i < 2; i++)
            if (w->end[i].node == node && w->end[i].state != END_CLOSED)
                return &w->end[i];
    }
    return NULL;
}

void network_end_node(struct network *n, struct node *node, bool silently)
{
    for (struct end *e; (e = find_end(n, node));)
        end_of_process(e, silently);
}

/* All that was held up goes out, each as if it were sent again now. */
static void let_through(struct end *from)
{
    struct network *n = from->wire->network;
    struct list held;
    list_init(&held);
    while (!list_empty(&from->parked)) {
        struct list *first = from->parked.next;
        list_remove(first);
        list_append(&held, first);
    }
    while (!list_empty(&held)) {
        struct segment *s = LIST_ENTRY(held.next, struct segment, place);
        list_remove(&s->place);
        set_out(s, rng_below(&n->chance, 4 * (uint64_t)RETRANSMIT_US));
    }
}

void network_cut(struct network *n, unsigned from, unsigned to, bool on)
{
    n->cut[from][to] = on;
    for (struct list *at = n->wires.next; at != &n->wires && !on; at = at->next) {
        struct wire *w = LIST_ENTRY(at, struct wire, place);
        for (unsigned i = 0; i < 2; i++) {
            struct end *e = &w->end[i], *o = &w->end[!i];
            if (e->site == from && o->site == to) {
                let_through(e);
                if (o->state != END_CLOSED)
                    o->acknowledged = e->next;
            }
        }
    }
}

static struct wire *pick_wire(struct network *n)
{
    struct wire *found = NULL;
    unsigned seen = 0;
    for (struct list *at = n->wires.next; at != &n->wires; at = at->next) {
        struct wire *w = LIST_ENTRY(at, struct wire, place);
        if (w->end[0].state == END_OPEN && w->end[1].state == END_OPEN && rng_below(&n->chance, ++seen) == 0)
            found = w;
    }
    return found;
}

/* One side gives it up. What it had sent comes late, behind what a next connection brings; then the other side hears.
 */
bool network_reset_one(struct network *n)
{
    struct wire *w = pick_wire(n);
    if (!w)
        return false;
    struct end *e = &w->end[rng_below(&n->chance, 2)];
    for (struct list *at = e->flying.next; at != &e->flying; at = at->next) {
        struct segment *s = LIST_ENTRY(at, struct segment, place);
        timer_stop(&n->world->timers, &s->timer);
        world_timer(n->world, &s->timer, rng_below(&n->chance, 3 * SECOND_US));
    }
    if (chance_of(&n->chance, 50))
        send_segment(e, SEGMENT_FIN, slice_make(NULL, 0));
    else
        break_end(other(e), "reset by the network");
    break_end(e, "reset by the network");
    n->resets++;
    return true;
}

void network_fini(struct network *n)
{
    network_end_node(n, NULL, true); /* the clients' ends */
    while (!list_empty(&n->wires)) {
        struct wire *w = LIST_ENTRY(n->wires.next, struct wire, place);
        list_remove(&w->place);
        for (unsigned i = 0; i < 2; i++) {
            drop_all(&w->end[i].flying);
            drop_all(&w->end[i].parked);
            drop_all(&w->end[i].inbox);
            drop_all(&w->end[i].early);
            timer_stop(&n->world->timers, &w->end[i].silence);
            outq_fini(&w->end[i].stream.out);
        }
        free(w);
    }
    timer_stop(&n->world->timers, &n->client_turn);
}
