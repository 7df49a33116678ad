/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/mesh_impl.h"

#include "base/assert.h"
#include "base/rule.h"

#include <stdio.h>
#include <stdlib.h>

/* Between two attempts to reach an address: quick at first, since a cluster that starts waits for it. */
#define DIAL_FIRST_MS 50
#define DIAL_LAST_MS  1000
/* A connection that stood for so long was a good one: when it ends, the next is tried at once. */
#define STOOD_MS 1000

const char *mesh_link_name(const struct link *l)
{
    const char *from = l->from[0] ? l->from : "a stranger";
    return l->endpoint ? l->endpoint->address : l->peer ? l->peer->hello.address : from;
}

/* --- endpoints --- */

struct endpoint *mesh_find(const struct mesh *m, const char *address, uint16_t port)
{
    for (unsigned i = 0; i < m->endpoint_count; i++)
        if (m->endpoint[i]->port == port && strcmp(m->endpoint[i]->address, address) == 0)
            return m->endpoint[i];
    return NULL;
}

static bool is_idle(const struct endpoint *e)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        if (e->out[i])
            return false;
    return !e->candidate && !e->wants_data;
}

static bool stands(const struct endpoint *e)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        if (e->out[i] && e->out[i]->peer)
            return true;
    return false;
}

/* Nobody has answered the dials that are under way. */
static void drop_endpoint(struct mesh *m, unsigned at)
{
    struct endpoint *e = m->endpoint[at];
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        if (e->out[i]) {
            e->out[i]->endpoint = NULL;
            link_close(e->out[i]);
        }
    free(e);
    m->endpoint[at] = m->endpoint[--m->endpoint_count];
}

/* Those that nobody needs, then the oldest of those that were only heard of: whoever names address after address drives
 * out others that were named, but none that discovery or the members' table says. */
static void make_endpoint_room(struct mesh *m)
{
    unsigned oldest = MESH_ENDPOINTS_MAX;
    if (m->endpoint_count < MESH_ENDPOINTS_MAX)
        return;
    for (unsigned i = 0; i < m->endpoint_count; i++) {
        const struct endpoint *e = m->endpoint[i];
        if (is_idle(e)) {
            drop_endpoint(m, i);
            return;
        }
        if (!e->listed && !e->wants_data && !stands(e) &&
            (oldest == MESH_ENDPOINTS_MAX || e->known_ms < m->endpoint[oldest]->known_ms))
            oldest = i;
    }
    if (oldest < MESH_ENDPOINTS_MAX)
        drop_endpoint(m, oldest);
}

struct endpoint *mesh_endpoint(struct mesh *m, const char *address, uint16_t port)
{
    struct endpoint *e = mesh_find(m, address, port);
    if (e)
        return e;
    make_endpoint_room(m);
    if (m->endpoint_count == MESH_ENDPOINTS_MAX || strlen(address) >= sizeof e->address || !(e = calloc(1, sizeof *e)))
        return NULL;
    strcpy(e->address, address);
    e->port = port;
    e->known_ms = clock_boot_ms(m->config.clock);
    e->self = port == m->config.self.epmd_port && strcmp(address, m->config.self.address) == 0;
    m->endpoint[m->endpoint_count++] = e;
    return e;
}

static bool is_connected(const struct mesh *m, const struct peer *p);

void mesh_set_candidates(struct mesh *m, const struct endpoint *list, size_t count)
{
    for (unsigned i = 0; i < m->endpoint_count; i++) {
        struct endpoint *e = m->endpoint[i];
        e->listed = false;
        e->candidate = e->peer && is_connected(m, e->peer);
    }
    /* Who is connected to here is reached where it says it is, whether it has answered there yet or not. */
    for (unsigned i = 0; i < m->peer_count; i++) {
        const struct peer *p = m->peer[i];
        struct endpoint *e = p->in[PLANE_CONTROL] ? mesh_find(m, p->hello.address, p->hello.epmd_port) : NULL;
        if (e)
            e->candidate = true;
    }
    for (size_t i = 0; i < count; i++) {
        struct endpoint *e = mesh_endpoint(m, list[i].address, list[i].port);
        if (e)
            e->candidate = e->listed = true;
    }
    mesh_dial(m);
}

/* --- dialing --- */

static bool is_wanted(const struct endpoint *e, unsigned plane)
{
    if (e->self || e->out[plane])
        return false;
    return plane == PLANE_CONTROL ? e->candidate || e->wants_data : e->wants_data && e->peer;
}

static void fail(struct mesh *m, struct endpoint *e, unsigned plane)
{
    uint64_t delay = (uint64_t)DIAL_FIRST_MS << (e->failures[plane] < 5 ? e->failures[plane] : 5);
    e->failures[plane]++;
    e->dial_ms[plane] = clock_boot_ms(m->config.clock) + (delay < DIAL_LAST_MS ? delay : DIAL_LAST_MS);
}

static void dial(struct mesh *m, struct endpoint *e, unsigned plane)
{
    uint16_t port = plane == PLANE_CONTROL ? e->port : e->peer->hello.handoff_port;
    struct link *l = mesh_new_link(m);
    fail(m, e, plane); /* until it has answered */
    if (!l)
        return;
    l->endpoint = e;
    l->plane = plane;
    if (dialer_dial(m->config.dialer, e->address, port, &l->user, &l->stream)) {
        mesh_free_link(l);
        return;
    }
    e->out[plane] = l;
}

void mesh_dial(struct mesh *m)
{
    uint64_t now = clock_boot_ms(m->config.clock), next = UINT64_MAX;
    if (m->ending)
        return;
    for (unsigned i = 0; i < m->endpoint_count; i++)
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
            struct endpoint *e = m->endpoint[i];
            if (!is_wanted(e, plane))
                continue;
            if (e->dial_ms[plane] <= now)
                dial(m, e, plane);
            if (!e->out[plane] && e->dial_ms[plane] < next)
                next = e->dial_ms[plane];
        }
    if (next != UINT64_MAX)
        timer_start(m->config.timers, &m->dial, next > now ? next - now : 1);
}

static void tell_not_reached(struct mesh *m, const struct endpoint *e, const char *why);

void mesh_note_refusal(struct mesh *m, struct endpoint *e, const char *why)
{
    if (!e)
        return;
    e->refusal = why;
    e->refused_ms = clock_boot_ms(m->config.clock);
}

static const char leads_back[] = "it leads back to the node that dials it";

void mesh_is_self(struct mesh *m, struct endpoint *e)
{
    if (!e->self)
        log_info(m->config.log, "peer",
                 "%s port %u is this node itself and counts as no other node; the list of peers need not name it",
                 e->address, e->port);
    e->self = true;
    tell_not_reached(m, e, leads_back);
}

static void on_dial(struct timer *t)
{
    mesh_dial(LIST_ENTRY(t, struct mesh, dial));
}

/* --- peers --- */

struct peer *mesh_peer(const struct mesh *m, struct incarnation incarnation)
{
    for (unsigned i = 0; i < m->peer_count; i++)
        if (incarnation_equal(m->peer[i]->hello.incarnation, incarnation))
            return m->peer[i];
    return NULL;
}

static bool is_connected(const struct mesh *m, const struct peer *p)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        if (p->in[i])
            return true;
    for (unsigned i = 0; i < m->endpoint_count; i++)
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
            if (m->endpoint[i]->out[plane] && m->endpoint[i]->out[plane]->peer == p)
                return true;
    return false;
}

static uint64_t last_heard(const struct peer *p)
{
    return p->heard_ms > p->answered_ms ? p->heard_ms : p->answered_ms;
}

static void drop_peer(struct mesh *m, unsigned at)
{
    if (last_heard(m->peer[at]) > m->forgotten_ms)
        m->forgotten_ms = last_heard(m->peer[at]);
    for (unsigned i = 0; i < m->endpoint_count; i++)
        if (m->endpoint[i]->peer == m->peer[at])
            m->endpoint[i]->peer = NULL;
    free(m->peer[at]);
    m->peer[at] = m->peer[--m->peer_count];
}

/* The one that is gone for longest makes room. */
static void make_peer_room(struct mesh *m)
{
    unsigned oldest = MESH_PEERS_MAX;
    if (m->peer_count < MESH_PEERS_MAX)
        return;
    for (unsigned i = 0; i < m->peer_count; i++)
        if (!is_connected(m, m->peer[i]) &&
            (oldest == MESH_PEERS_MAX || m->peer[i]->heard_ms < m->peer[oldest]->heard_ms))
            oldest = i;
    if (oldest < MESH_PEERS_MAX)
        drop_peer(m, oldest);
}

static int get_peer(struct mesh *m, const struct peer_hello *h, struct peer **out)
{
    *out = mesh_peer(m, h->incarnation);
    if (*out)
        return 0;
    make_peer_room(m);
    if (m->peer_count == MESH_PEERS_MAX)
        return E_TOO_MANY;
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        return E_NOMEM;
    p->hello = *h;
    list_init(&p->requests);
    list_init(&p->served);
    m->peer[m->peer_count++] = *out = p;
    return 0;
}

static bool is_advertised(const struct endpoint *e, const struct peer *p)
{
    return e->port == p->hello.epmd_port && strcmp(e->address, p->hello.address) == 0;
}

/* What is left of whoever was there before: it is gone, though its connections may not know yet. */
static void close_older(struct endpoint *e)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        if (e->out[i] && e->out[i]->peer && e->out[i]->peer != e->peer)
            link_close(e->out[i]);
}

/* What this node dialed was answered. A node may be found under several addresses: the one that it advertises is the
 * one that is used. */
static void note_answer(struct link *l)
{
    struct endpoint *e = l->endpoint;
    struct peer *p = l->peer;
    p->answered_ms = clock_boot_ms(l->mesh->config.clock);
    if (!p->out[l->plane] || is_advertised(e, p))
        p->out[l->plane] = l;
    if (l->plane != PLANE_CONTROL)
        return;
    /* Two live holders of one address: one of them was cloned, or the address leads to both. */
    char again[REPEATS_TEXT_SIZE];
    if (e->peer && e->peer != p && e->peer->heard_ms > l->begun_ms &&
        mesh_is_news(l->mesh, e->address, MESH_TWO_HOLDERS, again))
        log_error(l->mesh->config.log, "peer",
                  "%s port %u answers as another node, while the one before is still heard from there: two nodes "
                  "use one address; give each node its own (advertise)%s",
                  e->address, e->port, again);
    if (e->told)
        log_info(l->mesh->config.log, "peer", "%s port %u: a node answers there now", e->address, e->port);
    e->told = false;
    e->failure[0] = '\0';
    e->refusal = NULL;
    struct peer *before = e->peer;
    e->peer = p;
    e->begun_ms = l->begun_ms;
    close_older(e);
    if (before && before != p && l->begun_ms >= last_heard(before))
        l->mesh->config.hooks->ended(l->mesh->config.arg, before);
}

static struct link *older(struct list *links, const struct link *than, struct link *oldest)
{
    for (struct list *n = links->next; n != links; n = n->next) {
        struct link *l = LIST_ENTRY(n, struct link, place);
        if (l->peer == than->peer && l->plane == than->plane && !l->endpoint && !l->leaves && l != than &&
            (!oldest || l->begun_ms < oldest->begun_ms))
            oldest = l;
    }
    return oldest;
}

/* Who connects over and over leaves only some of it here. */
static void bound_in(struct link *l)
{
    struct mesh *m = l->mesh;
    struct link *oldest = NULL;
    if (l->peer->in[l->plane] > MESH_IN_MAX)
        oldest = older(&m->dirty_links, l, older(&m->links, l, NULL));
    if (oldest)
        link_close(oldest);
}

static void note_visitor(struct link *l)
{
    struct mesh *m = l->mesh;
    l->stranger = false;
    m->strangers--;
    l->peer->in[l->plane]++;
    l->peer->heard_ms = clock_boot_ms(m->config.clock);
    bound_in(l);
    mesh_say_hello(l);
    if (l->plane != PLANE_CONTROL)
        return;
    /* Who comes here is reached where it says it is. */
    struct endpoint *e = mesh_endpoint(m, l->peer->hello.address, l->peer->hello.epmd_port);
    if (e && e->self)
        tell_not_reached(m, e, leads_back);
    if (e && !e->out[PLANE_CONTROL]) { /* it listens now, however often nobody answered there before */
        e->candidate = true;
        e->dial_ms[PLANE_CONTROL] = 0;
        mesh_dial(m);
    }
}

int mesh_greeted(struct link *l, const struct peer_hello *h)
{
    struct mesh *m = l->mesh;
    int err = get_peer(m, h, &l->peer);
    if (err)
        return err;
    if (!l->endpoint) {
        note_visitor(l);
        return 0;
    }
    note_answer(l);
    m->config.hooks->opened(m->config.arg, l);
    mesh_dial(m);
    return 0;
}

/* A node says what it is on the connection that it has dialed: there it is known who listens. */
int mesh_take_beacon(struct link *l, struct slice body)
{
    struct coder c = coder_reader(body);
    struct peer_beacon beacon;
    if (l->plane != PLANE_CONTROL || l->endpoint)
        return E_MALFORMED;
    code_beacon(&c, &beacon);
    if (coder_end(&c))
        return c.err;
    l->peer->beacon = beacon;
    l->peer->has_beacon = true;
    l->mesh->config.hooks->beacon(l->mesh->config.arg, l->peer);
    mesh_dial(l->mesh); /* it may have named somebody */
    return 0;
}

/* Another connection to the same node, under another of its addresses. */
static struct link *find_out(const struct mesh *m, const struct peer *p, unsigned plane)
{
    for (unsigned i = 0; i < m->endpoint_count; i++) {
        struct link *l = m->endpoint[i]->out[plane];
        if (l && l->peer == p && !l->leaves)
            return l;
    }
    return NULL;
}

static struct link *find_in(struct list *links, const struct endpoint *e)
{
    for (struct list *n = links->next; n != links; n = n->next) {
        struct link *l = LIST_ENTRY(n, struct link, place);
        if (l->peer && l->plane == PLANE_CONTROL && !l->endpoint && !l->leaves && is_advertised(e, l->peer))
            return l;
    }
    return NULL;
}

/* Whoever says that it is there, and reaches this node, hears that it is not. */
static void tell_not_reached(struct mesh *m, const struct endpoint *e, const char *why)
{
    struct link *l = find_in(&m->links, e);
    struct peer_not_reached text;
    if (!l)
        l = find_in(&m->dirty_links, e);
    struct buf *out = l ? link_begin(l, PEER_NOT_REACHED) : NULL;
    if (!out)
        return;
    snprintf(text.why, sizeof text.why, "%s", why);
    struct coder coder = coder_writer(out);
    code_not_reached(&coder, &text);
    link_end(l, coder.err);
}

/* Who seeks or is missed is told where it was looked for, and what was found. A node that starts a little later is not
 * worth a line. */
#define TELL_FAILURES 5

static void log_silent(struct mesh *m, struct endpoint *e, unsigned plane, const char *why)
{
    char again[REPEATS_TEXT_SIZE], subject[REPEATS_SUBJECT_SIZE];
    bool is_control = plane == PLANE_CONTROL;
    unsigned port = is_control || !e->peer ? e->port : e->peer->hello.handoff_port;
    snprintf(subject, sizeof subject, "%s %u %s", e->address, port, why);
    if (e->failures[plane] < TELL_FAILURES)
        return;
    if (is_control)
        tell_not_reached(m, e, why);
    /* Of a node that does not answer at all one line is enough. */
    bool is_half = !is_control && e->out[PLANE_CONTROL] && e->out[PLANE_CONTROL]->peer;
    if ((!e->listed && !e->wants_data) || (!is_control && !is_half))
        return;
    e->told |= is_control;
    bool refused = strstr(why, "refused") != NULL; /* then nobody has looked at certificates */
    if (mesh_is_news(m, subject, MESH_SILENT, again))
        log_warn(m->config.log, "peer",
                 "%s port %u: no node of this cluster answers (%s): is it started, and is that its %s%s?%s", e->address,
                 port, why, is_control ? "epmd-port (4369, not the clients' 8087)" : "handoff-port",
                 refused ? "" : ", with the same root certificate and cluster-name", again);
}

/* Nobody answers at its address, by a dial that was begun when its connections had ended. */
static void note_ended(const struct link *l)
{
    const struct mesh *m = l->mesh;
    const struct peer *p = l->endpoint->peer;
    if (!m->ending && !l->peer && l->plane == PLANE_CONTROL && p && !is_connected(m, p) && l->begun_ms >= last_heard(p))
        m->config.hooks->ended(m->config.arg, p);
}

static void dialed_is_gone(struct link *l, const char *why)
{
    struct mesh *m = l->mesh;
    struct endpoint *e = l->endpoint;
    uint64_t now = clock_boot_ms(m->config.clock);
    e->out[l->plane] = NULL;
    if (!l->peer && l->plane == PLANE_CONTROL)
        snprintf(e->failure, sizeof e->failure, "%s", why);
    if (!l->peer)
        log_silent(m, e, l->plane, why);
    else if (l->peer->out[l->plane] == l)
        l->peer->out[l->plane] = find_out(m, l->peer, l->plane);
    if (l->peer && now - l->begun_ms >= STOOD_MS) { /* what answers next tells whether its process has ended: */
        e->failures[l->plane] = 0;
        e->dial_ms[l->plane] = now + 1; /* begun later than it was last heard, or it would prove nothing */
    }
    note_ended(l);
    mesh_dial(m);
}

void mesh_link_gone(struct link *l, const char *why)
{
    struct mesh *m = l->mesh;
    if (!m->ending)
        m->config.hooks->closed(m->config.arg, l);
    if (l->endpoint)
        dialed_is_gone(l, why);
    else if (l->peer)
        l->peer->in[l->plane]--;
}

bool mesh_sees(const struct mesh *m, const struct peer *p)
{
    const struct link *out = p->out[PLANE_CONTROL];
    (void)m;
    return p->in[PLANE_CONTROL] && out && out->endpoint && is_advertised(out->endpoint, p);
}

bool mesh_has_met(const struct mesh *m, const char *address, uint16_t port)
{
    const struct peer_hello *self = &m->config.self;
    const struct endpoint *e = mesh_find(m, address, port);
    const struct link *out = e ? e->out[PLANE_CONTROL] : NULL;
    if ((e && e->self) || (port == self->epmd_port && strcmp(address, self->address) == 0))
        return true;
    return out && out->peer && out->peer->has_beacon && mesh_sees(m, out->peer);
}

static bool leads_to_the_same(const struct endpoint *a, const struct endpoint *b)
{
    const struct link *to_a = a->out[PLANE_CONTROL], *to_b = b->out[PLANE_CONTROL];
    return (a->self && b->self) || (to_a && to_b && to_a->peer && to_a->peer == to_b->peer);
}

unsigned mesh_aliases(const struct mesh *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->endpoint_count; i++) {
        unsigned k = 0;
        while (m->endpoint[i]->listed && k < i &&
               !(m->endpoint[k]->listed && leads_to_the_same(m->endpoint[i], m->endpoint[k])))
            k++;
        n += m->endpoint[i]->listed && k < i;
    }
    return n;
}

static bool is_other(const struct peer *p, struct incarnation incarnation)
{
    return p && !incarnation_equal(p->hello.incarnation, incarnation);
}

/* R-PROOF: only what this node has dialed proves anything, and only when the dial was begun after the dead one was last
 * heard, on any connection. */
bool mesh_proves_dead(const struct mesh *m, struct incarnation incarnation, const char *address, uint16_t port,
                      uint64_t known_ms)
{
    const struct peer *dead = mesh_peer(m, incarnation);
    uint64_t heard = dead ? last_heard(dead) : m->forgotten_ms > known_ms ? m->forgotten_ms : known_ms;
    for (unsigned i = 0; i < m->endpoint_count; i++) {
        const struct endpoint *e = m->endpoint[i];
        if (!is_other(e->peer, incarnation) || (e->begun_ms <= heard && rule_holds(RULE_PROOF)))
            continue;
        const struct peer_hello *h = &e->peer->hello;
        if (e->port == port && strcmp(e->address, address) == 0 && h->epmd_port == port &&
            strcmp(h->address, address) == 0)
            return true;
    }
    return false;
}

struct link *mesh_link(const struct mesh *m, struct incarnation incarnation, enum peer_plane plane)
{
    const struct peer *p = mesh_peer(m, incarnation);
    struct link *l = p ? p->out[plane] : NULL;
    return l && !l->leaves ? l : NULL;
}

/* --- life --- */

/* "10.0.0.1:4369" or "[fd00::1]:4369": without the port, which is another each time. */
static void write_host(const char *address, char *out, size_t size)
{
    const char *end = strrchr(address, ':');
    size_t len = end ? (size_t)(end - address) : strlen(address);
    bool is_v6 = len > 1 && address[0] == '[' && address[len - 1] == ']';
    snprintf(out, size, "%.*s", (int)(is_v6 ? len - 2 : len), address + is_v6);
}

static struct stream_user *on_accepted(struct acceptor *a, struct stream *s, const char *address)
{
    struct mesh *m = LIST_ENTRY(a, struct mesh, acceptor);
    bool takes = !m->ending && m->config.self.address[0] && m->strangers < MESH_STRANGERS_MAX;
    struct link *l = takes ? mesh_new_link(m) : NULL;
    if (!l)
        return NULL;
    l->stream = s;
    l->stranger = true;
    write_host(address, l->from, sizeof l->from);
    m->strangers++;
    return &l->user;
}

/* Discovery has named it, or a node that has authenticated. */
static bool expects(struct acceptor *a, const char *host)
{
    const struct mesh *m = LIST_ENTRY(a, struct mesh, acceptor);
    for (unsigned i = 0; i < m->endpoint_count; i++)
        if (!m->endpoint[i]->self && strcmp(m->endpoint[i]->address, host) == 0)
            return true;
    return false;
}

static const struct acceptor_ops acceptor_ops = {on_accepted, expects};

void mesh_init(struct mesh *m, const struct mesh_config *config)
{
    *m = (struct mesh){.config = *config, .acceptor.ops = &acceptor_ops};
    list_init(&m->links);
    list_init(&m->dirty_links);
    timer_init(&m->dial, on_dial);
    timer_init(&m->later, mesh_on_later);
}

static void close_all(struct mesh *m)
{
    struct list *lists[] = {&m->links, &m->dirty_links};
    for (unsigned i = 0; i < 2; i++)
        for (struct list *n = lists[i]->next; n != lists[i]; n = n->next)
            link_close(LIST_ENTRY(n, struct link, place));
}

void mesh_set_incarnation(struct mesh *m, struct incarnation incarnation)
{
    m->config.self.incarnation = incarnation;
    for (unsigned i = 0; i < m->endpoint_count; i++) {
        struct endpoint *e = m->endpoint[i];
        e->wants_data = false;
        memset(e->failures, 0, sizeof e->failures);
        memset(e->dial_ms, 0, sizeof e->dial_ms);
    }
    close_all(m);
}

void mesh_set_address(struct mesh *m, const char *address)
{
    struct peer_hello *self = &m->config.self;
    ASSERT(!self->address[0] && m->endpoint_count == 0 && strlen(address) < sizeof self->address);
    strcpy(self->address, address);
}

void mesh_end(struct mesh *m)
{
    mesh_flush(m);
    m->ending = true;
    timer_stop(m->config.timers, &m->dial);
    timer_stop(m->config.timers, &m->later);
    close_all(m);
}

bool mesh_is_empty(const struct mesh *m)
{
    return list_empty(&m->links) && list_empty(&m->dirty_links);
}

void mesh_fini(struct mesh *m)
{
    ASSERT(mesh_is_empty(m));
    timer_stop(m->config.timers, &m->dial);
    timer_stop(m->config.timers, &m->later);
    while (m->endpoint_count)
        free(m->endpoint[--m->endpoint_count]);
    while (m->peer_count)
        free(m->peer[--m->peer_count]);
}
