/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to another node, and from others to this one, with their answers: each node speaks on the connections that
 * it has dialed, with the groups' messages, or with the copies where it is large. An answer that does not come because
 * a connection ended leaves a write unsure. */
#include "router/op.h"

#include "base/bytes.h"
#include "wire/command_msg.h"
#include "wire/object_msg.h"

#include <stdlib.h>

/* --- keys --- */

struct blob *router_encode_key(const struct store_key *k)
{
    struct slice part[] = {k->type, k->bucket, k->key};
    struct blob *b = blob_create(12 + k->type.len + k->bucket.len + k->key.len);
    uint8_t *p = b ? b->data : NULL;
    for (unsigned i = 0; b && i < 3; i++) {
        for (unsigned shift = 32; shift;)
            *p++ = (uint8_t)(part[i].len >> (shift -= 8));
        if (part[i].len)
            memcpy(p, part[i].data, part[i].len);
        p += part[i].len;
    }
    return b;
}

int router_decode_key(struct op *w)
{
    struct coder c = coder_reader(slice_make(w->blob->data, w->blob->size));
    struct slice type, bucket, key;
    code_slice(&c, &type);
    code_slice(&c, &bucket);
    code_slice(&c, &key);
    if (coder_end(&c))
        return c.err;
    store_key_init(&w->key, &router_map(w->router)->key, type, bucket, key);
    return 0;
}

/* --- asking --- */

/* What is larger goes with the copies, so that no election waits behind it. */
#define SMALL ((size_t)48 * 1024)

static struct link *link_for(const struct router *r, const struct peer *p, size_t size)
{
    return mesh_link(r->env.mesh, p->hello.incarnation, size <= SMALL ? PLANE_RAFT : PLANE_BULK);
}

int op_send(struct op *w, struct peer *p)
{
    struct router *r = w->router;
    uint64_t now = router_clock_ms(r), left = w->deadline_ms > now ? w->deadline_ms - now : 0;
    struct peer_request m = {.number = ++r->requests,
                             .kind = w->asks_leader ? PEER_GET_LATEST : w->kind,
                             .partition = w->partition ? (uint16_t)w->partition->number : 0,
                             .wants_object = w->wants_object,
                             .time_ms = (uint32_t)(left < UINT32_MAX ? left : UINT32_MAX),
                             .cursor = w->cursor,
                             .end = w->end,
                             .floor = w->floor,
                             .body = slice_make(w->blob->data, w->blob->size)};
    struct link *l = link_for(r, p, m.body.len);
    struct buf *out = l && link_backlog(l) <= FORWARD_BACKLOG_MAX ? link_begin(l, PEER_REQUEST) : NULL;
    if (!out)
        return E_IO;
    struct coder c = coder_writer(out);
    code_request(&c, &m);
    link_end(l, c.err);
    w->number = m.number;
    return c.err;
}

static struct op *find(struct peer *p, uint64_t number)
{
    for (struct list *n = p->requests.next; n != &p->requests; n = n->next) {
        struct op *w = LIST_ENTRY(n, struct op, place);
        if (w->number == number)
            return w;
    }
    return NULL;
}

/* Whoever was asked does not lead. It may know who does. */
static void go_elsewhere(struct op *w, struct link *l, uint64_t leader)
{
    const struct member *asked = meta_member_by_incarnation(router_map(w->router), l->peer->hello.incarnation);
    bool helps = leader && (!asked || leader != asked->id) && w->partition && w->partition->leader_hint != leader;
    if (w->partition)
        w->partition->leader_hint = helps ? leader : 0;
    if (helps)
        op_dispatch(w);
    else
        op_wait(w);
}

static int take_result(struct op *w, struct slice body)
{
    struct store_result result = {0};
    if (op_is_scan(w->kind))
        return router_take_listing(w, body);
    int err = object_msg_decode(body, NULL, &result);
    if (err) { /* what it was is not known */
        w->maybe_done = w->maybe_done || op_has_effect(w);
        op_wait(w);
        return err;
    }
    /* It was admitted once, and may be applied since then: this time it was refused without a look at that. */
    if (result.err == E_FULL && w->maybe_done)
        result.err = E_UNKNOWN;
    op_finish(w, result.err, &result);
    return 0;
}

static void note_answered(const struct op *w, const struct peer_answer *m)
{
    if (!w->partition)
        return;
    if (m->leader)
        w->partition->leader_hint = m->leader;
    if (w->request && m->mark.epoch == router_map(w->router)->epoch)
        router_raise(w->request->floor, w->partition->number, &m->mark);
}

static int take_answer(struct router *r, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_answer m;
    code_answer(&coder, &m);
    if (coder_end(&coder))
        return coder.err;
    struct op *w = find(l->peer, m.number);
    if (!w || !*r->env.whole)
        return 0; /* its time was over */
    if (m.status == PEER_DONE) {
        note_answered(w, &m);
        /* What is none leaves it where it is: the connection closes, and it is asked again. */
        return take_result(w, m.body);
    }
    list_remove(&w->place);
    if (m.status == PEER_UNSURE) {
        w->maybe_done = true;
        op_wait(w);
    } else {
        go_elsewhere(w, l, m.leader);
    }
    return 0;
}

/* --- answering --- */

/* The head of an answer, with an empty body whose length is mended at the end. */
static struct buf *begin_answer(struct link *l, const struct op *w, unsigned status, uint64_t leader, size_t *length_at)
{
    struct buf *out = link_begin(l, PEER_ANSWER);
    if (!out)
        return NULL;
    struct coder c = coder_writer(out);
    struct peer_answer m = {.number = w->from_number, .status = status, .leader = leader};
    if (status == PEER_DONE && w->partition) {
        m.leader = partition_leads(w->partition) ? *w->router->env.self : 0;
        m.mark = router_mark(w->partition);
    }
    code_answer(&c, &m);
    *length_at = buf_len(out) - 4;
    if (!c.err)
        return out;
    link_end(l, c.err);
    return NULL;
}

static int put_body(struct op *w, struct buf *out, const struct store_result *result)
{
    return op_is_scan(w->kind) ? router_put_listing(w, out) : object_msg_encode(out, result);
}

/* A large one does not wait behind others; a small one behind whatever there is: it may be the entry that it is about.
 * E_TOO_LARGE: it is more than belongs on that connection, and was taken back. */
static int answer_on(struct link *l, size_t max, struct op *w, const struct store_result *result)
{
    size_t at;
    bool waits = max <= SMALL || !l || link_backlog(l) <= FORWARD_BACKLOG_MAX;
    struct buf *out = waits ? begin_answer(l, w, PEER_DONE, 0, &at) : NULL;
    if (!out)
        return E_IO;
    int err = put_body(w, out, result);
    size_t len = buf_len(out) - at - 4;
    if (!err && len > max)
        err = E_TOO_LARGE;
    if (!err)
        bytes_put(out->data + out->start + at, len, 4);
    link_end(l, err);
    return err;
}

void op_leave_peer(struct op *w)
{
    list_remove(&w->by_peer);
    w->from->served_bytes -= w->from_bytes;
    w->from = NULL;
}

static void close_all_of(struct list *links, const struct peer *p)
{
    for (struct list *n = links->next; n != links; n = n->next) {
        struct link *l = LIST_ENTRY(n, struct link, place);
        if (l->peer == p && !l->endpoint && l->plane != PLANE_CONTROL)
            link_close(l);
    }
}

/* No answer can be sent: who has asked sees that its connections end, and asks again. */
static void end_requests_of(const struct router *r, const struct peer *p)
{
    close_all_of(&r->env.mesh->links, p);
    close_all_of(&r->env.mesh->dirty_links, p);
}

/* This node's own connection to it, over which answers go, is being made. */
static bool is_dialing(const struct router *r, const struct peer *p)
{
    for (unsigned i = 0; i < r->env.mesh->endpoint_count; i++)
        if (r->env.mesh->endpoint[i]->peer == p && r->env.mesh->endpoint[i]->out[PLANE_RAFT])
            return true;
    return false;
}

static void put_empty(const struct op *w, unsigned status, uint64_t leader)
{
    size_t at;
    struct link *l = link_for(w->router, w->from, 0);
    if (begin_answer(l, w, status, leader, &at))
        link_end(l, 0);
    else
        end_requests_of(w->router, w->from);
}

void op_answer(struct op *w, int err, const struct store_result *result)
{
    struct store_result answer = *result;
    answer.err = err;
    answer.exists = answer.exists && w->wants_object;
    int failed = answer_on(link_for(w->router, w->from, 0), SMALL, w, &answer);
    if (failed == E_TOO_LARGE)
        failed = answer_on(link_for(w->router, w->from, SIZE_MAX), SIZE_MAX, w, &answer);
    if (failed) /* no memory, or no connection for what is large: it is asked for again, soon */
        put_empty(w, op_has_effect(w) ? PEER_UNSURE : PEER_NOT_HERE, 0);
    op_leave_peer(w);
}

static void answer_empty(struct op *w, unsigned status, uint64_t leader)
{
    put_empty(w, status, leader);
    op_drop(w);
}

void op_refuse(struct op *w, uint64_t leader)
{
    answer_empty(w, PEER_NOT_HERE, leader);
}

void op_answer_unsure(struct op *w)
{
    answer_empty(w, PEER_UNSURE, w->partition ? w->partition->leader_hint : 0);
}

/* `command`: that of a write. */
static int take_body(struct op *w, const struct peer_request *m, struct store_command *command)
{
    w->blob = blob_create(m->body.len);
    if (!w->blob)
        return E_NOMEM;
    if (m->body.len)
        memcpy(w->blob->data, m->body.data, m->body.len);
    if (m->kind == PEER_CATALOG)
        return 0;
    if (m->kind == PEER_WRITE) { /* what is no write of a key is proposed by leaders alone */
        int err = op_decode_write(w, command);
        return !err && command->op >= STORE_TICK ? E_MALFORMED : err;
    }
    int err = router_decode_scan(w);
    bool is_elsewhere = op_is_of_key(w->kind) && !op_is_here(w, &w->key);
    return !err && is_elsewhere ? E_MALFORMED : err;
}

/* Who is no member, or none any more, gets nothing done here; nor does who asks for what this cluster has not, as far
 * as is known here: who is still to be told of its cluster knows too little. */
static bool may_be_asked(const struct router *r, const struct link *l, const struct peer_request *m)
{
    return router_is_in_cluster(r) && meta_member_by_incarnation(router_map(r), l->peer->hello.incarnation) &&
           (m->kind == PEER_CATALOG || m->partition < router_partitions(r));
}

static int take_request(struct router *r, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_request m;
    code_request(&coder, &m);
    if (coder_end(&coder) || (m.kind != PEER_CATALOG && m.partition >= META_PARTITIONS_MAX))
        return E_MALFORMED;
    /* Where the connection for answers is about to stand, there will be one. Two who have requests of each other would
     * close each other's for ever, each as soon as it is made. */
    if (!link_for(r, l->peer, 0) && !is_dialing(r, l->peer)) {
        end_requests_of(r, l->peer);
        return 0;
    }
    bool full = l->peer->served_bytes > SERVED_MAX; /* a single one may be as large as it likes */
    struct op *w = op_create(r, (enum peer_request_kind)m.kind, m.time_ms);
    if (!w)
        return E_NOMEM;
    w->from = l->peer;
    w->from_number = m.number;
    w->partition = m.kind == PEER_CATALOG ? NULL : &r->env.partitions->at[m.partition];
    w->wants_object = m.wants_object || (op_is_of_key(m.kind) && m.kind != PEER_WRITE);
    w->floor = m.floor;
    w->cursor = m.cursor;
    w->end = m.end;
    w->from_bytes = sizeof *w + m.body.len;
    l->peer->served_bytes += w->from_bytes;
    list_append(&l->peer->served, &w->by_peer);
    if (full || !may_be_asked(r, l, &m)) { /* full: it has as much under way as it may have */
        op_refuse(w, 0);
        return 0;
    }
    struct store_command command;
    int err = take_body(w, &m, &command);
    if (err) {
        op_drop(w);
        return err;
    }
    if (m.kind == PEER_WRITE)
        op_dispatch_write(w, &command);
    else
        op_dispatch(w);
    return 0;
}

int router_frame(struct router *r, struct link *l, unsigned kind, struct slice body)
{
    if (l->plane == PLANE_CONTROL || l->endpoint)
        return E_MALFORMED;
    return kind == PEER_REQUEST  ? take_request(r, l, body)
           : kind == PEER_ANSWER ? take_answer(r, l, body)
                                 : E_MALFORMED;
}

/* What was asked of it is asked again, of whoever leads then; what it has asked is answered to nobody. */
void router_peer_gone(struct peer *p)
{
    while (!list_empty(&p->requests)) {
        struct op *w = LIST_ENTRY(p->requests.next, struct op, place);
        w->maybe_done = w->maybe_done || op_has_effect(w);
        op_wait(w);
    }
    while (!list_empty(&p->served)) {
        struct op *w = LIST_ENTRY(p->served.next, struct op, by_peer);
        op_leave_peer(w);
        if (w->kind != PEER_WRITE)
            op_drop(w);
    }
}

/* On whichever of them it was: an answer may have been on it. */
void router_link_closed(struct link *l)
{
    if (l->peer && l->plane != PLANE_CONTROL)
        router_peer_gone(l->peer);
}
