/* SPDX-License-Identifier: Apache-2.0 */
#include "router/op.h"

#include "base/assert.h"
#include "base/rule.h"
#include "wire/command_msg.h"

#include <stdlib.h>

/* A try that found nobody is repeated so soon: an election takes some hundred milliseconds. */
#define RETRY_MS 20
/* Kept for the next requests, instead of going back to the heap. */
#define KEPT_MAX 1024

/* --- life --- */

static bool is_silent(const struct router *r, const struct peer *p)
{
    return router_clock_ms(r) - p->heard_ms > r->env.silent_ms;
}

static void rearm(struct op *w, uint64_t at_ms);

/* Whoever was asked is there, so it is waited for; or it is not heard any more, and another is asked. */
static void wait_on(struct op *w)
{
    if (w->asks_leader) { /* any other will do */
        op_dispatch(w);
        return;
    }
    if (!is_silent(w->router, w->asked)) {
        rearm(w, router_clock_ms(w->router) + w->router->env.silent_ms);
        return;
    }
    w->maybe_done = w->maybe_done || op_has_effect(w);
    if (w->partition)
        w->partition->leader_hint = 0;
    op_dispatch(w);
}

static void on_timer(struct timer *t)
{
    struct op *w = LIST_ENTRY(t, struct op, timer);
    bool unsure = w->maybe_done || (op_is_out(w) && op_has_effect(w));
    if (router_clock_ms(w->router) >= w->deadline_ms)
        op_finish(w, unsure ? E_UNKNOWN : E_TIMEOUT, NULL);
    else if (w->asked)
        wait_on(w);
    else
        op_dispatch(w);
}

static void rearm(struct op *w, uint64_t at_ms)
{
    uint64_t now = router_clock_ms(w->router);
    if (at_ms > w->deadline_ms)
        at_ms = w->deadline_ms;
    timer_start(w->router->env.timers, &w->timer, at_ms > now ? at_ms - now : 0);
}

void op_until_deadline(struct op *w)
{
    rearm(w, w->deadline_ms);
}

static const char may_become[][OP_KNOWN + 1] = {
    /* to:            DISPATCHED QUEUED WAITS ASKED PROPOSED READS KNOWN */
    [OP_DISPATCHED] = {1, 1, 1, 1, 1, 1, 0}, /* tried again at once: it is elsewhere */
    [OP_QUEUED] = {1, 0, 0, 0, 0, 0, 0},
    [OP_WAITS] = {1, 0, 0, 0, 0, 0, 0},
    [OP_ASKED] = {1, 0, 1, 0, 0, 0, 0},
    [OP_PROPOSED] = {0, 0, 1, 0, 0, 0, 1},
    [OP_KNOWN] = {0, 0, 1, 0, 0, 0, 1},
    /* or a listing of buckets goes on with the next partition */
    [OP_READS] = {1, 0, 1, 0, 0, 1, 0},
};

void op_move(struct op *w, enum op_state state, struct list *to, struct peer *asked)
{
    ASSERT(may_become[w->state][state]);
    ASSERT((to == NULL) == (state == OP_DISPATCHED) && (asked != NULL) == (state == OP_ASKED));
    list_remove(&w->place);
    if (to)
        list_append(to, &w->place);
    w->state = state;
    w->asked = asked;
}

struct op *op_create(struct router *r, enum peer_request_kind kind, uint64_t timeout_ms)
{
    struct op *w = r->free;
    if (w) {
        r->free = w->next_free;
        r->free_count--;
    } else if (!(w = malloc(sizeof *w))) {
        return NULL;
    }
    *w = (struct op){.router = r, .kind = kind, .deadline_ms = router_clock_ms(r) + timeout_ms};
    list_init(&w->place);
    list_init(&w->by_peer);
    list_init(&w->by_sequence);
    buf_init(&w->names, UINT32_MAX);
    timer_init(&w->timer, on_timer);
    rearm(w, w->deadline_ms);
    return w;
}

void op_drop(struct op *w)
{
    struct router *r = w->router;
    timer_stop(r->env.timers, &w->timer);
    list_remove(&w->place);
    if (w->from)
        op_leave_peer(w);
    list_remove(&w->by_sequence);
    blob_put(w->blob);
    blob_put(w->entry);
    buf_fini(&w->names);
    free(w->seen);
    if (w->request)
        w->request->op = NULL;
    if (r->free_count == KEPT_MAX) {
        free(w);
        return;
    }
    w->next_free = r->free;
    r->free = w;
    r->free_count++;
}

/* Within the call that asks for it, the caller finds the answer in its request. */
static void answer_request(struct op *w, struct router_request *q, const struct store_result *result, int err)
{
    struct router *r = w->router;
    ASSERT(!r->called || r->called == w); /* nobody else is answered from within a call */
    if (r->called != w) {
        q->done(q, err, result);
        return;
    }
    r->called = NULL;
    q->err = err;
    q->has_result = result != NULL;
    if (result)
        q->result = *result;
}

void op_finish(struct op *w, int err, const struct store_result *result)
{
    static const struct store_result nothing;
    struct router_request *q = w->request;
    bool of_key = op_is_of_key(w->kind);
    struct store_result r = result ? *result : nothing;
    if (w->kind == PEER_CATALOG && w->maybe_done &&
        err) /* of a repetition: what an earlier try has done is not known */
        err = E_UNKNOWN;
    r.err = err;
    if (w->from)
        op_answer(w, err, &r);
    w->request = NULL;
    if (q)
        q->op = NULL;
    /* The list of results above the acknowledged mark is the shorter the earlier this leaves it. */
    list_remove(&w->by_sequence);
    if (q)
        answer_request(w, q, of_key ? &r : NULL, err);
    op_drop(w);
}

/* --- trying --- */

void op_wait(struct op *w)
{
    blob_put(w->entry);
    w->entry = NULL;
    if (w->from && w->maybe_done) {
        op_answer_unsure(w); /* whoever asked tries again where it is led now */
        return;
    }
    if (w->from) {
        op_refuse(w, w->partition ? w->partition->leader_hint : 0);
        return;
    }
    if (!w->request && list_empty(&w->by_sequence)) { /* nobody waits for it any more */
        op_drop(w);
        return;
    }
    op_move(w, OP_WAITS, &w->router->waits, NULL);
    rearm(w, router_clock_ms(w->router) + RETRY_MS);
}

/* A member that can be asked; NULL: it cannot be reached, or could not answer, or nothing is heard of it. */
static struct peer *peer_of(const struct router *r, uint64_t member)
{
    struct link *l = member && member != *r->env.self ? r->env.hooks->link_to(r->env.arg, member, PLANE_RAFT) : NULL;
    return l && l->peer->in[PLANE_RAFT] && !is_silent(r, l->peer) ? l->peer : NULL;
}

bool op_can_ask(const struct op *w, uint64_t member)
{
    return peer_of(w->router, member) != NULL;
}

/* Somebody who has the partition, in turn, when it is not known who leads it. */
static uint64_t anybody(const struct router *r, struct partition *p)
{
    const struct partition_map *map = partition_map(p);
    for (unsigned i = 0; i < map->replica_count; i++) {
        const struct replica *one = &map->replica[p->turn++ % map->replica_count];
        if (peer_of(r, one->member))
            return one->member;
    }
    return 0;
}

void op_forward(struct op *w, uint64_t member)
{
    const struct router *r = w->router;
    if (w->from) { /* it has come here by a hint: no further */
        op_refuse(w, member);
        return;
    }
    if (w->partition && !peer_of(r, member))
        member = anybody(r, w->partition);
    struct peer *p = peer_of(r, member);
    if (!p || op_send(w, p)) {
        op_wait(w);
        return;
    }
    op_move(w, OP_ASKED, &p->requests, p);
    rearm(w, w->asks_leader ? w->leader_until_ms : router_clock_ms(r) + r->env.silent_ms);
}

/* The command carries the partition's time as of its proposal. What stands in a log is never changed: a repetition gets
 * bytes of its own. */
static int stamp(struct op *w)
{
    if (w->blob->refs > 1) {
        struct blob *b = blob_create(w->blob->size);
        if (!b)
            return E_NOMEM;
        memcpy(b->data, w->blob->data, b->size);
        blob_put(w->blob);
        w->blob = b;
    }
    command_set_stamp(w->blob, partition_now_ms(w->partition));
    return 0;
}

int op_decode_write(const struct op *w, struct store_command *out)
{
    int err = command_decode(slice_make(w->blob->data, w->blob->size), w->blob, out);
    if (!err)
        store_key_init(&out->key, &router_map(w->router)->key, out->key.type, out->key.bucket, out->key.key);
    return err;
}

/* In the call that has brought it, it is decoded already, and its key is hashed. */
static int decode(const struct op *w, struct store_command *out)
{
    const struct router *r = w->router;
    int err = 0;
    if (r->decoded_op == w)
        *out = *r->decoded;
    else
        err = op_decode_write(w, out);
    return !err && !op_is_here(w, &out->key) ? E_MISMATCH : err;
}

void op_dispatch_write(struct op *w, const struct store_command *c)
{
    struct router *r = w->router;
    r->decoded_op = w;
    r->decoded = c;
    op_dispatch(w);
    r->decoded_op = NULL;
    r->decoded = NULL;
}

/* R-MEMORY: by this node's fill, and by what its followers have said of theirs. */
static int admit(const struct op *w, const struct store_command *command)
{
    const struct router *r = w->router;
    if (!rule_holds(RULE_MEMORY))
        return 0;
    int err = store_admit(w->partition->store, command);
    bool adds = !err && store_adds(command);
    return adds && r->env.hooks->is_full(r->env.arg, partition_map(w->partition)) ? E_FULL : err;
}

static void write_alone(struct op *w)
{
    struct partition *p = w->partition;
    struct store_command command;
    struct store_result result = {0};
    int err = decode(w, &command);
    if (!err)
        err = admit(w, &command);
    if (!err)
        err = partition_commit_solo(p, &command, &result);
    partition_schedule_expiry(p);
    router_seen(w);
    op_finish(w, err, &result); /* of what the store holds: nothing is to change in it before the end of the event */
    partition_remember_origins(p);
}

static void propose(struct op *w)
{
    struct partition *p = w->partition;
    struct store_command command;
    int err = decode(w, &command);
    if (!err && !w->maybe_done) /* else it was admitted once, and may be applied */
        err = admit(w, &command);
    if (err) {
        w->router->env.metrics->writes_refused_full += err == E_FULL;
        op_finish(w, err, NULL);
        return;
    }
    if (!partition_knows_time(p) || stamp(w) || group_propose(p->group, blob_get(w->blob), &w->index)) {
        op_wait(w);
        return;
    }
    op_move(w, OP_PROPOSED, &p->waiting, NULL);
    rearm(w, w->deadline_ms);
    partition_mark_dirty(p);
}

static void ask(struct op *w)
{
    struct partition *p = w->partition;
    int err = read_index_ask(&p->rounds, p->group, &w->term, &w->round, &w->index);
    if (err) {
        op_wait(w);
        return;
    }
    op_move(w, OP_READS, &p->reads, NULL);
    rearm(w, w->deadline_ms);
    partition_mark_dirty(p);
}

/* A partition that is being rebuilt takes writes once it is on enough nodes (R-REBUILD). */
static bool is_rebuilding(const struct partition *p)
{
    return rule_holds(RULE_REBUILD) && partition_map(p)->frozen_count != 0;
}

bool router_reads(const struct router *r, const struct partition *p)
{
    return partition_leads(p) && router_has_lease(r) && !is_rebuilding(p);
}

bool router_serves(const struct router *r, const struct partition *p)
{
    return router_reads(r, p) && (!p->group || !group_is_transferring(p->group));
}

static void dispatch_write(struct op *w)
{
    struct partition *p = w->partition;
    if (!router_serves(w->router, p))
        partition_leads(p) ? op_wait(w) : op_forward(w, p->leader_hint);
    else if (p->group)
        propose(w);
    else
        write_alone(w);
}

static void dispatch_get(struct op *w)
{
    struct partition *p = w->partition;
    if (!router_reads(w->router, p))
        partition_leads(p) ? op_wait(w) : op_forward(w, p->leader_hint);
    else if (partition_may_read_now(p))
        router_read_now(w);
    else
        ask(w);
}

/* R-KNOWN, R-LEASE: rules and permissions were looked up when the request came in. Where this node held no lease then,
 * others may have been told of a change that it did not know: it waits until it serves, and begins if there was none.
 */
static bool may_begin(struct op *w)
{
    const struct router *r = w->router;
    if (w->admitted || w->from || w->kind == PEER_GET_ANY || !rule_holds(RULE_KNOWN))
        return true;
    if (!router_has_lease(r)) {
        op_wait(w);
        return false;
    }
    if (w->catalog_version != *r->env.catalog_version) {
        op_finish(w, E_AGAIN, NULL);
        return false;
    }
    w->admitted = true;
    return true;
}

void op_dispatch(struct op *w)
{
    struct router *r = w->router;
    op_move(w, OP_DISPATCHED, NULL, NULL);
    if (r->applying) { /* a group is calling: at the end of the turn */
        op_move(w, OP_QUEUED, &r->queue, NULL);
        return;
    }
    if (!router_is_in_cluster(r)) {
        op_wait(w);
        return;
    }
    if (!may_begin(w))
        return;
    switch (w->kind) {
    case PEER_WRITE:
        dispatch_write(w);
        break;
    case PEER_GET_ANY:
    case PEER_GET_LATEST:
        router_read_any(w);
        break;
    case PEER_CATALOG:
        r->env.hooks->propose_catalog(r->env.arg, w);
        break;
    default:
        dispatch_get(w);
    }
}
