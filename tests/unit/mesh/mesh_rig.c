/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "mesh_rig.h"

#include "base/err.h"

#include <stdio.h>

#define SELF 200 /* this node's number */

/* --- io --- */

static uint64_t boot_ms(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static void flush(struct stream *s)
{
    ((struct wire *)(void *)s)->flushes++;
}

static bool no_wish(struct stream *s)
{
    (void)s;
    return true;
}

static void no_tls(struct stream *s, bool bare)
{
    (void)s;
    (void)bare;
}

static void no_pause(struct stream *s, bool on)
{
    (void)s;
    (void)on;
}

static void close_wire(struct stream *s)
{
    ((struct wire *)(void *)s)->closing = true;
}

static const struct stream_ops ops = {flush, no_tls, no_pause, close_wire, no_wish};

static struct wire *new_wire(struct rig *r)
{
    assert_true(r->wire_count < RIG_WIRES_MAX);
    struct wire *w = &r->wire[r->wire_count++];
    memset(w, 0, sizeof *w);
    w->rig = r;
    w->used = true;
    w->stream.ops = &ops;
    w->dialed_ms = r->now_ms;
    outq_init(&w->stream.out);
    return w;
}

static int dial(struct dialer *d, const char *address, uint16_t port, struct stream_user *user, struct stream **out)
{
    struct rig *r = LIST_ENTRY(d, struct rig, dialer);
    if (r->dial_err)
        return r->dial_err;
    struct wire *w = new_wire(r);
    snprintf(w->address, sizeof w->address, "%s", address);
    w->port = port;
    w->user = user;
    *out = &w->stream;
    return 0;
}

static const struct dialer_ops dialer_ops = {dial};

static void write_line(void *arg, enum log_level level, const char *line)
{
    struct rig *r = arg;
    if (level > LOG_WARN)
        return;
    r->lines++;
    snprintf(r->line, sizeof r->line, "%s", line);
}

/* --- hooks --- */

static int on_frame(void *arg, struct link *l, unsigned kind, struct slice body)
{
    struct rig *r = arg;
    r->frames++;
    r->kind = kind;
    r->body_len = body.len;
    for (size_t i = 0; i < body.len; i++)
        r->body_sum += body.data[i] * (i + 1);
    if (r->closes)
        link_close(l);
    return r->frame_err;
}

static void on_beacon(void *arg, struct peer *p)
{
    assert_true(p->has_beacon);
    ((struct rig *)arg)->beacons++;
}

static void on_opened(void *arg, struct link *l)
{
    assert_true(l->endpoint && l->peer);
    ((struct rig *)arg)->opened++;
}

static void on_closed(void *arg, struct link *l)
{
    (void)l;
    ((struct rig *)arg)->closed++;
}

static void on_drained(void *arg, struct link *l)
{
    assert_int_equal(l->plane, PLANE_BULK);
    ((struct rig *)arg)->drained++;
}

static void on_ended(void *arg, const struct peer *p)
{
    struct rig *g = arg;
    g->ended++;
    g->ended_port = p->hello.epmd_port;
    memcpy(g->ended_address, p->hello.address, sizeof g->ended_address);
}

static const struct mesh_hooks hooks = {on_frame, on_beacon, on_opened, on_closed, on_ended, on_drained};

/* --- life --- */

struct peer_hello rig_hello(unsigned number, enum peer_plane plane)
{
    struct peer_hello h = {
        .version = PEER_VERSION, .plane = plane, .name = "cluster", .epmd_port = 4369, .handoff_port = 8099};
    snprintf(h.address, sizeof h.address, "10.0.%u.%u", number / 256, number % 256);
    snprintf(h.place, sizeof h.place, "place-%u", number);
    h.incarnation.b[0] = 1;
    h.incarnation.b[1] = (uint8_t)(number >> 8);
    h.incarnation.b[2] = (uint8_t)number;
    return h;
}

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->now_ms = 100000;
    r->clock = (struct clock){.boot_ms = boot_ms, .arg = r};
    r->log = (struct log){.level = LOG_INFO, .sink = write_line, .arg = r};
    r->dialer.ops = &dialer_ops;
    timers_init(&r->timers, boot_ms, NULL, r);
    struct mesh_config config = {.self = rig_hello(SELF, PLANE_CONTROL),
                                 .frame_max = RIG_FRAME_MAX,
                                 .clock = &r->clock,
                                 .timers = &r->timers,
                                 .log = &r->log,
                                 .dialer = &r->dialer,
                                 .hooks = &hooks,
                                 .arg = r};
    mesh_init(&r->mesh, &config);
}

void rig_end(struct wire *w)
{
    if (w->closed)
        return;
    w->closed = true;
    w->user->ops->closed(w->user, "gone");
    outq_fini(&w->stream.out);
}

static void end_closing(struct rig *r)
{
    for (unsigned i = 0; i < r->wire_count; i++)
        if (r->wire[i].closing)
            rig_end(&r->wire[i]);
}

void rig_run(struct rig *r, uint64_t ms)
{
    uint64_t end = r->now_ms + ms;
    do {
        end_closing(r);
        timers_run(&r->timers);
        mesh_flush(&r->mesh);
    } while (r->now_ms < end && ++r->now_ms);
}

void rig_fini(struct rig *r)
{
    mesh_end(&r->mesh);
    for (unsigned i = 0; i < r->wire_count; i++)
        rig_end(&r->wire[i]);
    assert_true(mesh_is_empty(&r->mesh));
    mesh_fini(&r->mesh);
    assert_true(timers_next_ms(&r->timers) == UINT64_MAX);
    timers_fini(&r->timers);
}

/* --- connections --- */

void rig_candidate(struct rig *r, unsigned number)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    struct endpoint e = {.port = h.epmd_port};
    memcpy(e.address, h.address, sizeof e.address);
    mesh_set_candidates(&r->mesh, &e, 1);
}

struct peer *rig_peer(struct rig *r, unsigned number)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    return mesh_peer(&r->mesh, h.incarnation);
}

struct endpoint *rig_endpoint(struct rig *r, unsigned number)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    return mesh_endpoint(&r->mesh, h.address, h.epmd_port);
}

struct link *rig_link(struct rig *r, unsigned number, enum peer_plane plane)
{
    struct peer_hello h = rig_hello(number, plane);
    return mesh_link(&r->mesh, h.incarnation, plane);
}

void rig_reach(struct rig *r, unsigned number, bool planes)
{
    struct endpoint *e = rig_endpoint(r, number);
    e->candidate = true;
    e->wants_data = planes;
    mesh_dial(&r->mesh);
    for (unsigned i = 0; i < (planes ? PLANE_COUNT : 1); i++)
        rig_greet(rig_dialed(r, number, (enum peer_plane)i), number, (enum peer_plane)i);
}

struct wire *rig_dialed(struct rig *r, unsigned number, enum peer_plane plane)
{
    struct peer_hello h = rig_hello(number, plane);
    struct wire *last = NULL;
    for (unsigned i = 0; i < r->wire_count; i++) {
        struct wire *w = &r->wire[i];
        if (w->closed || strcmp(w->address, h.address) != 0 || LIST_ENTRY(w->user, struct link, user)->plane != plane)
            continue;
        assert_int_equal(w->port, plane == PLANE_CONTROL ? h.epmd_port : h.handoff_port);
        last = w;
    }
    return last;
}

unsigned rig_dials(const struct rig *r, unsigned number)
{
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    unsigned n = 0;
    for (unsigned i = 0; i < r->wire_count; i++)
        n += strcmp(r->wire[i].address, h.address) == 0 && r->wire[i].port == h.epmd_port;
    return n;
}

struct wire *rig_accept(struct rig *r)
{
    struct wire *w = new_wire(r);
    w->user = r->mesh.acceptor.ops->accepted(&r->mesh.acceptor, &w->stream, r->from ? r->from : "10.0.0.9:40112");
    if (w->user)
        return w;
    outq_fini(&w->stream.out);
    r->wire_count--;
    return NULL;
}

void rig_secure(struct wire *w, unsigned number)
{
    struct stream_peer peer = {.is_node = true};
    struct peer_hello h = rig_hello(number, PLANE_CONTROL);
    peer.incarnation = h.incarnation;
    w->user->ops->secure(w->user, &peer);
}

void rig_input(struct wire *w, struct slice bytes)
{
    assert_int_equal(w->user->ops->input(w->user, bytes), bytes.len);
}

void rig_frame(struct wire *w, unsigned kind, const void *body, size_t len)
{
    struct buf b;
    size_t start;
    buf_init(&b, SIZE_MAX / 2);
    assert_int_equal(peer_frame_begin(&b, (enum peer_msg_kind)kind, &start), 0);
    assert_int_equal(buf_append(&b, body, len), 0);
    peer_frame_end(&b, start);
    rig_input(w, buf_slice(&b));
    buf_fini(&b);
}

static void say(struct wire *w, unsigned kind, void (*code)(struct coder *c, void *m), void *m)
{
    struct buf b;
    buf_init(&b, 1000);
    struct coder c = coder_writer(&b);
    code(&c, m);
    assert_int_equal(coder_end(&c), 0);
    rig_frame(w, kind, b.data, buf_len(&b));
    buf_fini(&b);
}

static void code_any_hello(struct coder *c, void *m)
{
    code_hello(c, m);
}

static void code_any_beacon(struct coder *c, void *m)
{
    code_beacon(c, m);
}

void rig_say(struct wire *w, const struct peer_hello *h)
{
    struct peer_hello copy = *h;
    say(w, PEER_HELLO, code_any_hello, &copy);
}

void rig_beacon(struct wire *w, const struct peer_beacon *b)
{
    struct peer_beacon copy = *b;
    say(w, PEER_BEACON, code_any_beacon, &copy);
}

void rig_greet(struct wire *w, unsigned number, enum peer_plane plane)
{
    struct peer_hello h = rig_hello(number, plane);
    assert_non_null(w);
    rig_secure(w, number);
    rig_say(w, &h);
}

struct wire *rig_visit(struct rig *r, unsigned number, enum peer_plane plane)
{
    struct wire *w = rig_accept(r);
    rig_greet(w, number, plane);
    return w;
}

struct slice rig_take(struct wire *w, enum peer_msg_kind kind, struct buf *keep)
{
    struct slice in = outq_front(&w->stream.out), body = in;
    size_t need, before = in.len;
    unsigned got;
    assert_int_equal(peer_frame_next(&in, SIZE_MAX, &got, &body, &need), 1);
    assert_int_equal(got, kind);
    buf_consume(keep, buf_len(keep));
    assert_int_equal(buf_append_slice(keep, body), 0);
    outq_consume(&w->stream.out, before - in.len);
    return buf_slice(keep);
}

void rig_expect_hello(struct wire *w, enum peer_plane plane)
{
    struct peer_hello h, self = rig_hello(SELF, plane);
    struct buf b;
    buf_init(&b, 1000);
    struct coder c = coder_reader(rig_take(w, PEER_HELLO, &b));
    code_hello(&c, &h);
    assert_int_equal(coder_end(&c), 0);
    assert_int_equal(h.version, PEER_VERSION);
    assert_int_equal(h.plane, plane);
    assert_string_equal(h.name, self.name);
    assert_string_equal(h.address, self.address);
    assert_string_equal(h.place, self.place);
    assert_int_equal(h.epmd_port, self.epmd_port);
    assert_int_equal(h.handoff_port, self.handoff_port);
    assert_memory_equal(h.incarnation.b, w->rig->mesh.config.self.incarnation.b, sizeof h.incarnation.b);
    assert_int_equal(outq_len(&w->stream.out), 0);
    buf_fini(&b);
}

bool rig_is_shut(const struct wire *w)
{
    return w->closing || w->closed;
}
