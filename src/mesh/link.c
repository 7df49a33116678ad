/* SPDX-License-Identifier: Apache-2.0 */
#include "mesh/mesh_impl.h"

#include <stdlib.h>

/* A frame of somebody who has not said who he is. */
#define STRANGER_FRAME_MAX ((size_t)1024)
/* The other side is to say hello so soon after the handshake: it says nothing before. */
#define HELLO_MS 5000
/* The room for a frame's beginning that is kept for the next. */
#define KEPT_MAX ((size_t)64 * 1024)

static struct link *link_of(struct stream_user *u)
{
    return LIST_ENTRY(u, struct link, user);
}

/* --- writing --- */

struct buf *link_begin(struct link *l, enum peer_msg_kind kind)
{
    if (!l || !l->stream || !l->secure || l->leaves || link_backlog(l) > MESH_BACKLOG_MAX)
        return NULL;
    struct buf *out = outq_tail(&l->stream->out);
    if (peer_frame_begin(out, kind, &l->frame))
        return NULL;
    return out;
}

static void mark_dirty(struct link *l)
{
    if (l->dirty)
        return;
    l->dirty = true;
    list_remove(&l->place);
    list_append(&l->mesh->dirty_links, &l->place);
}

/* False: nothing was written. */
static bool end_frame(struct link *l, int err)
{
    struct buf *out = outq_tail(&l->stream->out);
    size_t len = buf_len(out) - l->frame - 4;
    char again[REPEATS_TEXT_SIZE];
    if (!err && len > l->mesh->config.frame_max) {
        err = E_TOO_LARGE;
        if (mesh_is_news(l->mesh, mesh_link_name(l), REFUSED_LARGE, again))
            log_error(l->mesh->config.log, "peer",
                      "%s: a message of %zu bytes was not sent: a node takes at most %zu (object-size-max)%s",
                      mesh_link_name(l), len, l->mesh->config.frame_max, again);
    }
    if (err) {
        out->end = out->start + l->frame;
        return false;
    }
    peer_frame_end(out, l->frame);
    return true;
}

void link_end(struct link *l, int err)
{
    if (end_frame(l, err))
        mark_dirty(l);
}

/* A write of its own for each would cost more than what it says. */
#define LATER_MS 5

void link_end_later(struct link *l, int err)
{
    if (!end_frame(l, err) || l->dirty)
        return;
    l->later = true;
    if (!timer_runs(&l->mesh->later))
        timer_start(l->mesh->config.timers, &l->mesh->later, LATER_MS);
}

static void mark_all_later(struct list *links)
{
    for (struct list *n = links->next, *next; n != links; n = next) {
        struct link *l = LIST_ENTRY(n, struct link, place);
        next = n->next;
        if (l->later)
            mark_dirty(l);
    }
}

void mesh_on_later(struct timer *t)
{
    mark_all_later(&LIST_ENTRY(t, struct mesh, later)->links); /* the end of a turn follows */
}

size_t link_backlog(const struct link *l)
{
    return l->stream ? outq_len(&l->stream->out) : 0;
}

void link_close(struct link *l)
{
    if (!l->stream || l->leaves)
        return;
    l->leaves = true;
    l->stream->ops->close(l->stream);
}

/* --- hello --- */

static void say_hello(struct link *l)
{
    struct buf *out = link_begin(l, PEER_HELLO);
    if (!out)
        return;
    struct coder c = coder_writer(out);
    struct peer_hello hello = l->mesh->config.self;
    hello.plane = l->plane;
    code_hello(&c, &hello);
    link_end(l, c.err);
}

static const char *const refusal_text[REFUSAL_COUNT] = {
    [REFUSED_CERTIFICATE] = "its certificate names no incarnation of a node",
    [REFUSED_VERSION] = "it speaks another version of the protocol between nodes: run the same release everywhere",
    [REFUSED_NAME] = "it belongs to a cluster of another name (cluster-name)",
    [REFUSED_INCARNATION] = "its hello does not say the incarnation that its certificate names",
    [REFUSED_PLANE] = "it answers for another plane",
    [REFUSED_ADDRESS] = "its hello says no address and ports where it could be reached (advertise)",
    [REFUSED_CHANGED] = "its hello says another address or place than it has said before",
    [REFUSED_TOO_MANY] = "there are as many peers as this node keeps",
    [REFUSED_SILENT] = "it did not say hello in time",
    [REFUSED_MALFORMED] = "what it sends is nothing that a node sends",
};

bool mesh_is_news(struct mesh *m, const char *subject, enum refusal why, char again[REPEATS_TEXT_SIZE])
{
    return repeats_log(&m->repeats, m->config.log, clock_boot_ms(m->config.clock), why, subject, again);
}

static void log_refusal(struct link *l, enum refusal why)
{
    char again[REPEATS_TEXT_SIZE];
    mesh_note_refusal(l->mesh, l->endpoint, refusal_text[why]);
    if (mesh_is_news(l->mesh, mesh_link_name(l), why, again))
        log_warn(l->mesh->config.log, "peer", "%s: closing its connection: %s%s", mesh_link_name(l), refusal_text[why],
                 again);
}

static bool is_same_node(const struct peer_hello *a, const struct peer_hello *b)
{
    return a->epmd_port == b->epmd_port && a->handoff_port == b->handoff_port && strcmp(a->address, b->address) == 0 &&
           strcmp(a->place, b->place) == 0;
}

/* REFUSAL_COUNT: it is one of us. */
static enum refusal judge_hello(const struct link *l, const struct peer_hello *h)
{
    const struct peer_hello *self = &l->mesh->config.self;
    const struct peer *known = mesh_peer(l->mesh, h->incarnation);
    if (h->version != PEER_VERSION)
        return REFUSED_VERSION;
    if (strcmp(h->name, self->name) != 0)
        return REFUSED_NAME;
    if (!incarnation_equal(h->incarnation, l->certified))
        return REFUSED_INCARNATION;
    if (l->endpoint && h->plane != l->plane)
        return REFUSED_PLANE;
    if (!h->address[0] || !h->epmd_port || !h->handoff_port)
        return REFUSED_ADDRESS;
    /* R-PROOF: what was answered to this node's own dial is not changed by what comes in. */
    if (known && !is_same_node(&known->hello, h))
        return REFUSED_CHANGED;
    return REFUSAL_COUNT;
}

static bool is_self(const struct link *l, const struct peer_hello *h)
{
    return incarnation_equal(h->incarnation, l->mesh->config.self.incarnation) &&
           incarnation_equal(h->incarnation, l->certified);
}

/* Who comes with a node's certificate and would be talked to under another name or release hears which this is, so that
 * both sides can say why they are not together. */
static void refuse_hello(struct link *l, const struct peer_hello *h, enum refusal why)
{
    struct mesh *m = l->mesh;
    char again[REPEATS_TEXT_SIZE];
    mesh_note_refusal(m, l->endpoint ? l->endpoint : mesh_find(m, h->address, h->epmd_port), refusal_text[why]);
    if (!l->endpoint && (why == REFUSED_NAME || why == REFUSED_VERSION))
        say_hello(l);
    if (mesh_is_news(m, mesh_link_name(l), why, again))
        log_warn(m->config.log, "peer", "%s (%s port %u): refused as a peer: %s%s", mesh_link_name(l), h->address,
                 h->epmd_port, refusal_text[why], again);
}

/* E_MALFORMED, or E_MISMATCH: not for us. */
static int take_hello(struct link *l, struct slice body)
{
    struct coder c = coder_reader(body);
    struct peer_hello h;
    code_hello(&c, &h);
    if (coder_end(&c))
        return c.err;
    if (is_self(l, &h)) {
        if (l->endpoint)
            mesh_is_self(l->mesh, l->endpoint);
        else
            say_hello(l); /* to this node itself, which does not know yet whom it has dialed */
        return E_MISMATCH;
    }
    enum refusal why = judge_hello(l, &h);
    if (why != REFUSAL_COUNT) {
        refuse_hello(l, &h, why);
        return E_MISMATCH;
    }
    l->plane = h.plane;
    int err = mesh_greeted(l, &h);
    if (err == E_TOO_MANY)
        log_refusal(l, REFUSED_TOO_MANY);
    if (!err)
        timer_stop(l->mesh->config.timers, &l->hello);
    return err == E_TOO_MANY ? E_MISMATCH : err;
}

static void on_hello_late(struct timer *t)
{
    struct link *l = LIST_ENTRY(t, struct link, hello);
    log_refusal(l, REFUSED_SILENT);
    link_close(l);
}

/* --- reading --- */

/* Who was dialed says so; it is heard, and cannot be what it is told about. */
static int take_not_reached(struct link *l, struct slice body)
{
    const struct peer_hello *self = &l->mesh->config.self;
    struct coder c = coder_reader(body);
    struct peer_not_reached m;
    char again[REPEATS_TEXT_SIZE];
    if (l->plane != PLANE_CONTROL || !l->endpoint)
        return E_MALFORMED;
    code_not_reached(&c, &m);
    if (coder_end(&c))
        return c.err;
    if (mesh_is_news(l->mesh, mesh_link_name(l), MESH_NOT_REACHED, again))
        log_warn(l->mesh->config.log, "peer",
                 "%s cannot connect to this node at %s port %u, which this node advertises (%s): the two cannot be "
                 "in one cluster until it can; give an address that the others reach (advertise)%s",
                 mesh_link_name(l), self->address, self->epmd_port, m.why, again);
    return 0;
}

static int take_frame(struct link *l, unsigned kind, struct slice body)
{
    if (!l->peer)
        return kind == PEER_HELLO ? take_hello(l, body) : E_MALFORMED;
    *(l->endpoint ? &l->peer->answered_ms : &l->peer->heard_ms) = clock_boot_ms(l->mesh->config.clock);
    if (kind == PEER_HELLO)
        return E_MALFORMED;
    if (kind == PEER_BEACON)
        return mesh_take_beacon(l, body);
    if (kind == PEER_NOT_REACHED)
        return take_not_reached(l, body);
    int err = l->mesh->config.hooks->frame(l->mesh->config.arg, l, kind, body);
    return err == E_NOMEM ? 0 : err; /* lost, as if the network had lost it */
}

static void log_malformed(struct link *l, unsigned kind, struct slice body)
{
    char again[REPEATS_TEXT_SIZE];
    if (mesh_is_news(l->mesh, mesh_link_name(l), REFUSED_MALFORMED, again))
        log_warn(l->mesh->config.log, "peer",
                 "%s: closing its connection: no node sends a message of kind %u with %zu bytes%s", mesh_link_name(l),
                 kind, body.len, again);
}

/* Takes whole frames from the front of *in; what is left is the beginning of one, of l->need bytes. */
static int take_frames(struct link *l, struct slice *in)
{
    while (!l->leaves) {
        unsigned kind;
        struct slice body;
        int more =
            peer_frame_next(in, l->peer ? l->mesh->config.frame_max : STRANGER_FRAME_MAX, &kind, &body, &l->need);
        if (more <= 0)
            return more;
        int err = take_frame(l, kind, body);
        if (err == E_MALFORMED)
            log_malformed(l, kind, body);
        if (err)
            return err;
    }
    return 0;
}

/* The frame that has begun is completed first, and no more is copied than belongs to it. */
static int complete_frame(struct link *l, struct slice *in)
{
    size_t missing = l->need - buf_len(&l->in), n = missing < in->len ? missing : in->len;
    int err = buf_append(&l->in, in->data, n);
    if (err)
        return err;
    *in = slice_skip(*in, n);
    struct slice all = buf_slice(&l->in);
    size_t len = all.len;
    err = take_frames(l, &all);
    buf_consume(&l->in, len - all.len);
    if (!buf_len(&l->in) && l->in.cap > KEPT_MAX)
        buf_release(&l->in);
    return err;
}

static int take_input(struct link *l, struct slice in)
{
    int err = 0;
    while (!err && !l->leaves && in.len && buf_len(&l->in))
        err = complete_frame(l, &in);
    if (!err && !l->leaves && in.len)
        err = take_frames(l, &in);
    return err || l->leaves ? err : buf_append_slice(&l->in, in);
}

static size_t on_input(struct stream_user *u, struct slice in)
{
    struct link *l = link_of(u);
    if (l->leaves || l->mesh->ending)
        return in.len;
    int err = take_input(l, in);
    if (err == E_MALFORMED || err == E_TOO_LARGE) {
        l->mesh->malformed++;
        log_refusal(l, REFUSED_MALFORMED);
    } else if (err && err != E_MISMATCH) {
        log_warn(l->mesh->config.log, "peer", "%s: closing its connection: %s", mesh_link_name(l), err_text(err));
    }
    if (err)
        link_close(l);
    return in.len;
}

static bool names_incarnation(const struct stream_peer *peer)
{
    return peer->is_node && !incarnation_is_zero(peer->incarnation);
}

static void on_secure(struct stream_user *u, const struct stream_peer *peer)
{
    struct link *l = link_of(u);
    l->certified = peer->incarnation;
    if (!names_incarnation(peer)) {
        log_refusal(l, REFUSED_CERTIFICATE);
        link_close(l);
        return;
    }
    timer_start(l->mesh->config.timers, &l->hello, HELLO_MS);
    l->secure = true;
    if (l->endpoint) /* the other side answers when it knows what the connection is for */
        say_hello(l);
}

void mesh_say_hello(struct link *l)
{
    say_hello(l);
}

static void on_drained(struct stream_user *u)
{
    struct link *l = link_of(u);
    if (l->plane == PLANE_BULK && l->peer && !l->mesh->ending)
        l->mesh->config.hooks->drained(l->mesh->config.arg, l);
}

static void on_closed(struct stream_user *u, const char *why)
{
    struct link *l = link_of(u);
    l->stream = NULL;
    l->leaves = true;
    mesh_link_gone(l, why);
    mesh_free_link(l);
}

static const struct stream_user_ops ops = {on_input, on_secure, on_drained, on_closed};

struct link *mesh_new_link(struct mesh *m)
{
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->user.ops = &ops;
    l->mesh = m;
    l->begun_ms = clock_boot_ms(m->config.clock);
    buf_init(&l->in, (m->config.frame_max > STRANGER_FRAME_MAX ? m->config.frame_max : STRANGER_FRAME_MAX) + 4);
    timer_init(&l->hello, on_hello_late);
    list_init(&l->place);
    list_append(&m->links, &l->place);
    return l;
}

void mesh_free_link(struct link *l)
{
    timer_stop(l->mesh->config.timers, &l->hello);
    l->mesh->strangers -= l->stranger;
    buf_fini(&l->in);
    list_remove(&l->place);
    free(l);
}

void mesh_flush(struct mesh *m)
{
    while (!list_empty(&m->dirty_links)) {
        struct link *l = LIST_ENTRY(m->dirty_links.next, struct link, place);
        list_remove(&l->place);
        list_append(&m->links, &l->place);
        l->dirty = l->later = false;
        if (l->stream)
            l->stream->ops->flush(l->stream);
    }
}
