/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over all partitions, wherever they are: keys, and hits of an index, partition by partition; buckets, which have
 * keys in many, by ranges of the order of their hashes (store/lhash.h), each range gathered from all partitions, so
 * that each name is given once, also when the data changes between the steps. */
#include "router/op.h"

#include "router/index_match.h"
#include "store/bucket.h"

#include <stdlib.h>

/* Of one partition in one answer. Of buckets, the parts of all partitions make one range, which is gathered and given
 * as a whole: a few milliseconds' work. */
#define NAMES_MAX        ((size_t)64 * 1024)
#define BUCKET_NAMES_MAX ((size_t)512)

/* --- one partition's part --- */

struct names {
    struct buf *out;
    int err;
};

static void put_name(void *arg, struct slice name)
{
    struct names *n = arg;
    struct coder c = coder_writer(n->out);
    if (!n->err) {
        code_slice(&c, &name);
        n->err = c.err;
    }
}

static void put_hit(void *arg, const struct router_hit *hit)
{
    put_name(arg, hit->term);
    put_name(arg, hit->key);
}

/* A partition's part of a query: where it stands, and what is found from there on. */
struct query_part {
    const struct router_query *query;
    struct names *names;
    size_t visited;
    uint64_t cursor; /* of the objects */
    struct buf at;   /* of the index */
};

static void visit_object(void *arg, struct slice key, const struct object *o)
{
    struct query_part *part = arg;
    part->visited++;
    index_match_object(part->query, key, o, put_hit, part->names);
}

/* However few are hit, only so many are looked at in one turn. */
#define VISITED_MAX 4096

/* All objects, for what is no term of theirs. *ended: there are no more. */
static void gather_objects(const struct op *w, struct query_part *part, bool *ended)
{
    bool more = true;
    while (more && !part->names->err && buf_len(part->names->out) < NAMES_MAX && part->visited < VISITED_MAX)
        more = store_walk_objects(w->partition->store, w->key.type, w->key.bucket, &part->cursor, visit_object, part);
    *ended = !more;
}

static bool has_place(const struct names *n)
{
    return !n->err && buf_len(n->out) < NAMES_MAX;
}

static bool put_term(void *arg, struct slice term, struct slice key)
{
    struct query_part *part = arg;
    put_hit(part->names, &(struct router_hit){term, key});
    return has_place(part->names);
}

static bool put_terms_of(void *arg, struct slice key, const struct object *o)
{
    struct query_part *part = arg;
    index_match_object(part->query, key, o, put_hit, part->names);
    return has_place(part->names);
}

static int gather_terms(const struct op *w, struct query_part *part, bool *ended)
{
    struct store_range range = index_match_range(&w->query);
    struct store_range_found found = {put_term, put_terms_of, part};
    int err = buf_append_slice(&part->at, w->at);
    if (!err)
        err = store_index_range(w->partition->store, w->key.type, w->key.bucket, &range, &part->at, &found);
    *ended = buf_len(&part->at) == 0;
    return err;
}

/* cursor u64, ended u8, place in the index, hits */
static int put_hits(const struct op *w, struct buf *out)
{
    struct buf hits;
    buf_init(&hits, SIZE_MAX / 2);
    struct names n = {.out = &hits};
    struct query_part part = {.query = &w->query, .names = &n, .cursor = w->cursor};
    bool ended = false;
    buf_init(&part.at, SIZE_MAX / 2);
    if (index_match_is_special(w->query.index))
        gather_objects(w, &part, &ended);
    else
        n.err = gather_terms(w, &part, &ended);
    struct coder c = coder_writer(out);
    struct slice at = buf_slice(&part.at);
    if (!n.err) {
        code_u64(&c, &part.cursor);
        code_bool(&c, &ended);
        code_slice(&c, &at);
        n.err = c.err ? c.err : buf_append_slice(out, buf_slice(&hits));
    }
    buf_fini(&part.at);
    buf_fini(&hits);
    return n.err;
}

/* Appends names from *cursor on, which moves behind them; *ended: there are no more. */
static int gather(const struct op *w, struct buf *out, uint64_t *cursor, bool *ended)
{
    const struct store *s = w->partition->store;
    struct names n = {.out = out};
    bool more = true;
    size_t most = w->kind == PEER_KEYS ? NAMES_MAX : BUCKET_NAMES_MAX;
    while (more && !n.err && buf_len(out) < most && (*cursor == 0 || *cursor - 1 < w->end || w->kind == PEER_KEYS))
        more = w->kind == PEER_KEYS ? store_list_keys(s, w->key.type, w->key.bucket, cursor, put_name, &n)
                                    : store_list_buckets(s, w->key.type, cursor, put_name, &n);
    *ended = !more;
    return n.err;
}

/* cursor u64, ended u8, names */
int router_put_listing(struct op *w, struct buf *out)
{
    struct buf names;
    uint64_t cursor = w->cursor;
    bool ended = false;
    if (w->kind == PEER_QUERY)
        return put_hits(w, out);
    buf_init(&names, SIZE_MAX / 2);
    int err = gather(w, &names, &cursor, &ended);
    if (!err) {
        struct coder c = coder_writer(out);
        code_u64(&c, &cursor);
        code_bool(&c, &ended);
        err = c.err ? c.err : buf_append_slice(out, buf_slice(&names));
    }
    buf_fini(&names);
    return err;
}

/* --- the asking side --- */

static void next_partition(struct op *w)
{
    struct router *r = w->router;
    unsigned next = w->partition->number + 1;
    w->partition = next < router_partitions(r) ? &r->env.partitions->at[next] : NULL;
}

static void end_step(struct op *w)
{
    struct router_scan *scan = w->scan;
    scan->partition = w->partition ? w->partition->number : 0;
    scan->cursor = w->cursor;
    scan->ended = w->partition == NULL;
    op_finish(w, 0, NULL);
}

/* One name; of a query, a hit. */
static void take_one(struct op *w, struct coder *c)
{
    struct slice first, second = {0};
    code_slice(c, &first);
    if (w->kind == PEER_QUERY)
        code_slice(c, &second);
    if (c->err || !w->request)
        return;
    if (w->kind == PEER_QUERY)
        w->hit_f(w->list_arg, &(struct router_hit){first, second});
    else
        w->list_f(w->list_arg, first);
}

static void take_place(struct op *w, struct coder *c)
{
    struct slice at;
    code_slice(c, &at);
    if (c->err || !w->request)
        return;
    struct buf *to = &w->scan->at;
    buf_consume(to, buf_len(to));
    to->max = SIZE_MAX / 2;
    c->err = buf_append_slice(to, at);
}

void router_scan_fini(struct router_scan *w)
{
    buf_release(&w->at);
}

/* Keys, or hits. */
static int take_part(struct op *w, struct coder *c)
{
    bool ended = false;
    code_u64(c, &w->cursor);
    code_bool(c, &ended);
    if (w->kind == PEER_QUERY)
        take_place(w, c);
    while (!c->err && c->in.len)
        take_one(w, c);
    if (c->err)
        return c->err;
    if (ended) {
        w->cursor = 0;
        next_partition(w);
    }
    end_step(w);
    return 0;
}

/* Of the names that were gathered, the one at that place; places count from 1. */
static struct slice name_at(const struct op *w, uint32_t place)
{
    struct coder c = coder_reader(slice_skip(buf_slice(&w->names), place - 1));
    struct slice name;
    code_slice(&c, &name);
    return name;
}

static uint64_t name_hash(const struct op *w, struct slice name)
{
    return bucket_hash(&router_map(w->router)->key, w->key.type, name);
}

/* The names of a range stand in a table too, by their hashes: the same ones come from most partitions. */
static size_t free_slot(const struct op_name *table, size_t cap, uint64_t hash)
{
    size_t at = hash & (cap - 1);
    while (table[at].place)
        at = (at + 1) & (cap - 1);
    return at;
}

static bool grow_table(struct op *w)
{
    size_t cap = w->seen_cap ? 2 * w->seen_cap : 256;
    struct op_name *old = w->seen, *table = calloc(cap, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < w->seen_cap; i++)
        if (old[i].place)
            table[free_slot(table, cap, old[i].hash)] = old[i];
    free(old);
    w->seen = table;
    w->seen_cap = cap;
    return true;
}

/* Adds the name, unless it is there. E_NOMEM, E_TOO_LARGE. */
static int add_name(struct op *w, struct slice name)
{
    uint64_t hash = name_hash(w, name);
    if (2 * (w->seen_count + 1) > w->seen_cap && !grow_table(w))
        return E_NOMEM;
    size_t at = hash & (w->seen_cap - 1);
    for (; w->seen[at].place; at = (at + 1) & (w->seen_cap - 1))
        if (w->seen[at].hash == hash && slice_eq(name_at(w, w->seen[at].place), name))
            return 0;
    size_t place = buf_len(&w->names);
    struct coder put = coder_writer(&w->names);
    code_slice(&put, &name);
    if (put.err)
        return put.err;
    w->seen[at] = (struct op_name){hash, (uint32_t)place + 1};
    w->seen_count++;
    return 0;
}

/* Where a range begins or ends in the middle of a partition's slot, all of that slot was given: names before it have
 * gone out, those behind it go with the next. */
static bool is_in_range(const struct op *w, uint64_t order)
{
    return order >= w->cursor && order <= w->end;
}

/* The range is gathered: its names go out. */
static void end_range(struct op *w)
{
    for (size_t i = 0; i < w->seen_cap && w->request; i++)
        if (w->seen[i].place && is_in_range(w, lhash_order(w->seen[i].hash)))
            w->list_f(w->list_arg, name_at(w, w->seen[i].place));
    w->scan->cursor = w->end + 1;
    w->scan->ended = w->end == UINT64_MAX;
    op_finish(w, 0, NULL);
}

static int take_buckets(struct op *w, struct coder *c)
{
    uint64_t cursor = 0;
    bool ended = false;
    code_u64(c, &cursor);
    code_bool(c, &ended);
    /* The range ends where the part of the partition that has most of it ends. */
    if (!ended && cursor && cursor - 1 < w->end)
        w->end = cursor - 1;
    while (!c->err && c->in.len) {
        struct slice name;
        code_slice(c, &name);
        if (!c->err)
            c->err = add_name(w, name);
    }
    if (c->err)
        return c->err;
    next_partition(w);
    if (w->partition)
        op_dispatch(w);
    else
        end_range(w);
    return 0;
}

int router_take_listing(struct op *w, struct slice body)
{
    struct coder c = coder_reader(body);
    int err = w->kind == PEER_BUCKETS ? take_buckets(w, &c) : take_part(w, &c);
    if (err)
        op_finish(w, err, NULL);
    return err == E_NOMEM ? 0 : err;
}

void router_scan_here(struct op *w)
{
    if (w->from) { /* the answer gathers it */
        op_finish(w, 0, NULL);
        return;
    }
    struct buf part;
    buf_init(&part, SIZE_MAX / 2);
    router_seen(w);
    int err = router_put_listing(w, &part);
    if (err)
        op_finish(w, err, NULL);
    else
        router_take_listing(w, buf_slice(&part));
    buf_fini(&part);
}

static struct op *begin_step(struct router *r, struct router_request *q, enum peer_request_kind kind,
                             struct router_scan *scan, void *arg)
{
    struct op *w = router_begin(r, q, kind);
    if (!w)
        return NULL;
    w->partition = &r->env.partitions->at[kind == PEER_BUCKETS ? 0 : scan->partition];
    w->cursor = scan->cursor;
    w->end = UINT64_MAX;
    w->scan = scan;
    w->list_arg = arg;
    return w;
}

static enum router_state dispatch_step(struct op *w)
{
    struct router *r = w->router;
    /* Between two steps this node has left the cluster that was listed, or is in another that has fewer partitions. */
    if (router_unavailable(r) || w->partition->number >= router_partitions(r))
        return router_start(r, w, E_TIMEOUT);
    return router_start(r, w, w->blob && router_decode_scan(w) == 0 ? 0 : E_NOMEM);
}

static enum router_state list(struct router *r, struct router_request *q, enum peer_request_kind kind,
                              struct router_scan *scan, const struct store_key *k, store_list_f f, void *arg)
{
    struct op *w = begin_step(r, q, kind, scan, arg);
    if (!w)
        return ROUTER_DONE;
    w->list_f = f;
    w->blob = router_encode_key(k);
    return dispatch_step(w);
}

enum router_state router_list_keys(struct router *r, struct router_request *q, struct router_scan *w, struct slice type,
                                   struct slice bucket, store_list_f f, void *arg)
{
    return list(r, q, PEER_KEYS, w, &(struct store_key){.type = type, .bucket = bucket}, f, arg);
}

enum router_state router_list_buckets(struct router *r, struct router_request *q, struct router_scan *w,
                                      struct slice type, store_list_f f, void *arg)
{
    return list(r, q, PEER_BUCKETS, w, &(struct store_key){.type = type}, f, arg);
}

/* --- queries --- */

static struct blob *encode_query(struct slice type, struct slice bucket, const struct router_query *query,
                                 struct slice at)
{
    struct router_query q = *query;
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    struct coder c = coder_writer(&b);
    code_slice(&c, &type);
    code_slice(&c, &bucket);
    index_match_code(&c, &q);
    code_slice(&c, &at);
    struct blob *blob = c.err ? NULL : blob_create(buf_len(&b));
    if (blob)
        memcpy(blob->data, buf_slice(&b).data, buf_len(&b));
    buf_fini(&b);
    return blob;
}

int router_decode_scan(struct op *w)
{
    if (w->kind != PEER_QUERY)
        return router_decode_key(w);
    struct coder c = coder_reader(slice_make(w->blob->data, w->blob->size));
    w->key = (struct store_key){0};
    code_slice(&c, &w->key.type);
    code_slice(&c, &w->key.bucket);
    index_match_code(&c, &w->query);
    code_slice(&c, &w->at);
    return coder_end(&c);
}

enum router_state router_query(struct router *r, struct router_request *q, struct router_scan *scan, struct slice type,
                               struct slice bucket, const struct router_query *query, router_hit_f f, void *arg)
{
    struct op *w = begin_step(r, q, PEER_QUERY, scan, arg);
    if (!w)
        return ROUTER_DONE;
    w->hit_f = f;
    w->blob = encode_query(type, bucket, query, buf_slice(&scan->at));
    return dispatch_step(w);
}
