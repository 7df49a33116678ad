/* SPDX-License-Identifier: Apache-2.0 */
#include "router/op.h"

#include "base/assert.h"
#include "wire/command_msg.h"

#include <stdlib.h>

/* --- life --- */

void router_init(struct router *r, const struct router_env *env)
{
    r->env = *env;
    list_init(&r->queue);
    list_init(&r->waits);
}

static void drop_all(struct list *l)
{
    while (!list_empty(l))
        op_drop(LIST_ENTRY(l->next, struct op, place));
}

void router_fini(struct router *r)
{
    for (unsigned i = 0; i < r->env.mesh->peer_count; i++)
        router_peer_gone(r->env.mesh->peer[i]);
    drop_all(&r->queue);
    drop_all(&r->waits);
    while (r->free) {
        struct op *w = r->free;
        r->free = w->next_free;
        free(w);
    }
}

static void dispatch_all(struct list *l)
{
    struct list now; /* those that are there now, and none that come back */
    list_take(l, &now);
    while (!list_empty(&now))
        op_dispatch(LIST_ENTRY(now.next, struct op, place));
}

void router_turn(struct router *r)
{
    dispatch_all(&r->queue);
}

void router_map_changed(struct router *r)
{
    dispatch_all(&r->waits);
}

static void end_all(struct list *l)
{
    while (!list_empty(l)) {
        struct op *w = LIST_ENTRY(l->next, struct op, place);
        op_finish(w, w->maybe_done ? E_UNKNOWN : E_TIMEOUT, NULL);
    }
}

/* In the next cluster a key may be elsewhere, and this node is somebody else, whose writes are counted anew: what is
 * under way ends here. */
void router_end(struct router *r)
{
    for (unsigned i = 0; i < r->env.mesh->peer_count; i++)
        router_peer_gone(r->env.mesh->peer[i]);
    end_all(&r->queue);
    end_all(&r->waits);
}

/* --- what the server asks --- */

const char *router_unavailable(const struct router *r)
{
    return router_is_in_cluster(r) ? NULL : r->env.hooks->unavailable(r->env.arg);
}

bool router_obstacle(const struct router *r, char *out, size_t size)
{
    return r->env.hooks->obstacle(r->env.arg, out, size);
}

bool router_is_current(const struct router *r)
{
    return *r->env.whole && router_has_lease(r);
}

struct cluster_id router_cluster_id(const struct router *r)
{
    return router_map(r)->cluster_id;
}

const struct hash_key *router_hash_key(const struct router *r)
{
    return &router_map(r)->key;
}

const struct catalog *router_catalog(const struct router *r)
{
    return router_map(r)->catalog;
}

const struct acl *router_acl(const struct router *r)
{
    const struct meta_state *s = router_map(r);
    return s ? s->acl : NULL;
}

const struct store_memory *router_memory(const struct router *r)
{
    return r->env.memory;
}

void router_stats(const struct router *r, struct store_stats *out)
{
    *out = (struct store_stats){0};
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        struct store_stats one;
        if (!r->env.partitions->at[i].store)
            continue;
        store_stats_get(r->env.partitions->at[i].store, &one);
        out->keys += one.keys;
        out->tombstones += one.tombstones;
        out->expired += one.expired;
        out->buckets += one.buckets;
        out->origins += one.origins;
        out->results += one.results;
    }
}

/* --- requests --- */

void router_request_init(struct router_request *q, router_done done)
{
    *q = (struct router_request){.done = done};
    list_init(&q->link);
}

void router_forget(struct router *r, struct router_request *q)
{
    struct op *w = q->op;
    (void)r;
    q->op = NULL;
    if (!w)
        return;
    w->request = NULL;
    /* A write goes on to its end, so that its sequence is acknowledged in its turn. */
    if (w->kind != PEER_WRITE)
        op_drop(w);
}

struct op *router_begin(struct router *r, struct router_request *q, enum peer_request_kind kind)
{
    struct op *w = op_create(r, kind, q->timeout_ms ? q->timeout_ms : ROUTER_TIMEOUT_MS);
    if (!w) {
        q->err = E_NOMEM;
        q->has_result = op_is_of_key(kind);
        q->result = (struct store_result){.err = E_NOMEM};
        return NULL;
    }
    w->request = q;
    w->catalog_version = *r->env.catalog_version;
    q->op = w;
    r->called = w;
    return w;
}

enum router_state router_end_call(struct router *r)
{
    bool is_pending = r->called != NULL;
    r->called = NULL;
    return is_pending ? ROUTER_PENDING : ROUTER_DONE;
}

enum router_state router_start(struct router *r, struct op *w, int err)
{
    ASSERT(r->called == w);
    if (err)
        op_finish(w, err, NULL);
    else
        op_dispatch(w);
    return router_end_call(r);
}

static struct partition *partition_of(struct router *r, const struct store_key *k)
{
    return &r->env.partitions->at[store_partition(k->hash, router_partitions(r))];
}

static bool serves_alone(const struct router *r, const struct partition *p)
{
    return p->replica && !p->group && router_serves(r, p);
}

/* R-RETRY: by its sequence a repetition is known, and what is below the first that is not answered never comes again.
 */
static void identify(struct op *w, struct store_command *c)
{
    struct partition *p = w->partition;
    w->sequence = c->origin.sequence = ++p->sequence;
    c->origin.incarnation = *w->router->env.incarnation;
    list_append(&p->own, &w->by_sequence);
    c->origin.acknowledged = LIST_ENTRY(p->own.next, struct op, by_sequence)->sequence - 1;
}

/* It is answered by what this node has. */
static void note_seen(const struct partition *p, const struct router_request *q)
{
    struct peer_mark m = router_mark(p);
    router_raise(q->floor, p->number, &m);
}

/* This node answers it at once, by what it holds. */
static struct store_result *answer_here(const struct router *r, struct router_request *q)
{
    ASSERT(!r->called);
    q->has_result = true;
    q->result = (struct store_result){0};
    return &q->result;
}

static enum router_state write_here(struct router *r, struct partition *p, struct router_request *q,
                                    struct store_command *c)
{
    struct store_result *result = answer_here(r, q);
    c->origin.sequence = 0; /* it is answered here and now, and never repeated */
    int err = store_admit(p->store, c);
    if (err)
        r->env.metrics->writes_refused_full++;
    else
        err = partition_commit_solo(p, c, result);
    partition_schedule_expiry(p);
    q->err = result->err = err;
    note_seen(p, q);
    partition_remember_origins(p);
    return ROUTER_DONE;
}

enum router_state router_write(struct router *r, struct router_request *q, struct store_command *c)
{
    struct partition *p = partition_of(r, &c->key);
    if (serves_alone(r, p) && !r->applying)
        return write_here(r, p, q, c);
    struct op *w = router_begin(r, q, PEER_WRITE);
    if (!w)
        return ROUTER_DONE;
    w->partition = p;
    w->wants_object = q->wants_object;
    identify(w, c);
    w->blob = command_encode(c);
    if (!w->blob)
        return router_start(r, w, E_NOMEM);
    op_dispatch_write(w, c);
    return router_end_call(r);
}

static int get_here(struct partition *p, const struct store_key *k, struct store_result *result)
{
    int err = store_get(p->store, k, partition_now_ms(p), &result->object);
    if (err == E_DUE && !p->group) { /* R-TIME: a read that finds a due key first commits a stamp */
        partition_tick(p);
        err = store_get(p->store, k, partition_now_ms(p), &result->object);
    }
    result->exists = err == 0;
    result->err = err;
    return err;
}

/* R-READ: the latest state is here, for certain, at this moment. False: the request has to wait for something. */
static bool read_now(const struct router *r, struct partition *p, struct router_request *q, const struct store_key *k)
{
    if (r->applying || !router_reads(r, p) || !partition_may_read_now(p))
        return false;
    q->err = get_here(p, k, answer_here(r, q));
    if (q->err == E_DUE) /* for the entry that frees it */
        return false;
    note_seen(p, q);
    return true;
}

enum router_state router_read(struct router *r, struct router_request *q, const struct store_key *k, bool any_replica)
{
    struct partition *p = partition_of(r, k);
    if (read_now(r, p, q, k))
        return ROUTER_DONE;
    struct op *w = router_begin(r, q, any_replica ? PEER_GET_ANY : PEER_GET);
    if (!w)
        return ROUTER_DONE;
    w->partition = p;
    w->wants_object = true;
    router_begin_any(w, q->floor);
    w->blob = router_encode_key(k);
    return router_start(r, w, w->blob && router_decode_key(w) == 0 ? 0 : E_NOMEM);
}

/* --- who keeps it --- */

const char *router_keeper(const struct router *r, const struct store_key *k, unsigned i, unsigned *partition)
{
    const struct meta_state *s = router_map(r);
    const struct partition *p = partition_of((struct router *)(uintptr_t)r, k);
    const struct partition_map *map = &s->partition[p->number];
    unsigned n = map->replica_count, first = 0;
    *partition = (p->number + i) % router_partitions(r);
    while (first < n && map->replica[first].member != p->leader_hint)
        first++;
    const struct member *m = n ? meta_member(s, map->replica[((first == n ? 0 : first) + i) % n].member) : NULL;
    return m ? m->address : NULL;
}

/* --- the catalog --- */

/* One change as bytes; err: of encoding it. */
static enum router_state ask_for_change(struct router *r, struct router_request *q, int err, const struct buf *change)
{
    struct op *w = router_begin(r, q, PEER_CATALOG);
    if (!w)
        return ROUTER_DONE;
    struct slice bytes = buf_slice(change);
    w->blob = err ? NULL : blob_create(bytes.len);
    if (w->blob)
        memcpy(w->blob->data, bytes.data, bytes.len);
    return router_start(r, w, w->blob ? 0 : E_NOMEM);
}

static enum router_state change_catalog(struct router *r, struct router_request *q, enum catalog_change what,
                                        struct slice type, struct slice bucket, const struct bucket_props *props)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    enum router_state state = ask_for_change(r, q, catalog_change_encode(&b, what, type, bucket, props), &b);
    buf_fini(&b);
    return state;
}

enum router_state router_change_security(struct router *r, struct router_request *q,
                                         const struct security_change *change)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    enum router_state state = ask_for_change(r, q, catalog_security_encode(&b, change), &b);
    buf_fini(&b);
    return state;
}

enum router_state router_create_type(struct router *r, struct router_request *q, struct slice type,
                                     const struct bucket_props *props)
{
    return change_catalog(r, q, CATALOG_CREATE_TYPE, type, slice_make(NULL, 0), props);
}

enum router_state router_set_type(struct router *r, struct router_request *q, struct slice type,
                                  const struct bucket_props *fields)
{
    return change_catalog(r, q, CATALOG_SET_TYPE, type, slice_make(NULL, 0), fields);
}

enum router_state router_set_bucket(struct router *r, struct router_request *q, struct slice type, struct slice bucket,
                                    const struct bucket_props *fields)
{
    return change_catalog(r, q, CATALOG_SET_BUCKET, type, bucket, fields);
}

enum router_state router_reset_bucket(struct router *r, struct router_request *q, struct slice type,
                                      struct slice bucket)
{
    return change_catalog(r, q, CATALOG_RESET_BUCKET, type, bucket, NULL);
}

/* --- what happens in a partition --- */

/* R-LEASE: a quorum answer leaves only under a valid lease; without one it is tried again, and its repetition known. */
static void answer_write(struct op *w, int err, const struct store_result *result)
{
    w->maybe_done = true;
    if (!router_has_lease(w->router)) {
        op_wait(w);
        return;
    }
    router_seen(w);
    op_finish(w, err, result);
}

static void answer_applied(struct partition *p, uint64_t index, const struct blob *blob, int err,
                           const struct store_result *result)
{
    while (!list_empty(&p->waiting)) {
        struct op *w = LIST_ENTRY(p->waiting.next, struct op, place);
        if (w->index > index)
            return;
        list_remove(&w->place); /* whoever is answered may forget the others */
        if (w->index == index && w->blob == blob)
            answer_write(w, err, result);
        else /* overruled: another entry stands there */
            op_wait(w);
    }
}

/* It is called from within the group: what an answer leads to waits for the end of the turn. */
void router_applied(struct router *r, struct partition *p, uint64_t index, const struct blob *blob, int err,
                    const struct store_result *result)
{
    r->applying = true;
    answer_applied(p, index, blob, err, result);
    r->applying = false;
}

void router_deposed(struct partition *p)
{
    while (!list_empty(&p->waiting)) {
        struct op *w = LIST_ENTRY(p->waiting.next, struct op, place);
        w->maybe_done = true;
        op_wait(w);
    }
    while (!list_empty(&p->reads))
        op_wait(LIST_ENTRY(p->reads.next, struct op, place));
}

static void serve_read(struct op *w)
{
    struct partition *p = w->partition;
    struct store_result result = {0};
    if (op_is_scan(w->kind)) {
        router_has_lease(w->router) ? router_scan_here(w) : op_wait(w);
        return;
    }
    int err = store_get(p->store, &w->key, partition_now_ms(p), &result.object);
    if (err == E_DUE) { /* R-TIME: a read that finds a due key first commits a stamp */
        partition_tick(p);
        w->index = p->tick_index ? p->tick_index : group_last_index(p->group) + 1;
        op_move(w, OP_READS, &p->reads, NULL);
        op_until_deadline(w);
        return;
    }
    result.exists = err == 0;
    if (!router_has_lease(w->router)) {
        op_wait(w);
        return;
    }
    router_seen(w);
    op_finish(w, err, &result);
}

/* R-READ: no round is needed. One that finds a due key waits in this term for its entry. */
void router_read_now(struct op *w)
{
    struct store_result result = {0};
    struct partition *p = w->partition;
    if (op_is_scan(w->kind)) {
        router_scan_here(w);
    } else if (p->group) {
        w->term = group_term(p->group);
        w->round = 0;
        serve_read(w);
    } else {
        int err = get_here(p, &w->key, &result);
        router_seen(w);
        op_finish(w, err, &result);
    }
}

void router_serve_reads(struct partition *p)
{
    struct list now; /* whoever is answered may forget any of the others */
    if (!p->group)
        return;
    list_take(&p->reads, &now);
    while (!list_empty(&now)) {
        struct op *w = LIST_ENTRY(now.next, struct op, place);
        list_remove(&w->place);
        if (w->term != group_term(p->group))
            op_wait(w);
        else if (w->round <= p->rounds.confirmed && w->index <= p->index)
            serve_read(w);
        else
            op_move(w, OP_READS, &p->reads, NULL);
    }
}
