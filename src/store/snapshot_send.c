/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/rule.h"
#include "store/snapshot_item.h"
#include "store/store_impl.h"

#include <stdlib.h>

/* More than a slot holds, so that a copy keeps ahead of writers. */
#define SNAPSHOT_DIRTY_PER_STEP 32

/* A step ends early behind this many bytes of dirty keys, and of results: it stays small whatever there is. */
#define SNAPSHOT_BYTES_PER_STEP   ((size_t)48 * 1024)
#define SNAPSHOT_RESULTS_PER_ITEM 256

struct store_snapshot {
    struct store *store;
    struct bucket_dict dirty; /* its records only name keys */
    struct buf packed;        /* a dirty record being written */
    struct buf name;          /* type and name of the bucket at the position */
    size_t type_len;
    uint64_t bucket_order;
    uint64_t key_order; /* keys of that bucket in front of it are walked */
    bool begun;         /* there is a position: before, nothing is walked */
    bool bucket_walked; /* all of that bucket */
    bool all_walked;
    int err;
    uint64_t checksum;
    uint64_t images_sent, bytes_sent;
};

int snapshot_create(struct store *s, struct store_snapshot **out)
{
    if (s->copy)
        return E_EXISTS;
    struct store_snapshot *c = calloc(1, sizeof *c);
    if (!c || bucket_dict_init(&c->dirty, s->memory)) {
        free(c);
        return E_NOMEM;
    }
    c->store = s;
    buf_init(&c->packed, SIZE_MAX / 2);
    buf_init(&c->name, SIZE_MAX / 2);
    dedup_rewind(&s->dedup);
    s->copy = c;
    *out = c;
    return 0;
}

void snapshot_destroy(struct store_snapshot **cp)
{
    struct store_snapshot *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    c->store->copy = NULL;
    bucket_dict_fini(&c->dirty);
    buf_fini(&c->packed);
    buf_fini(&c->name);
    free(c);
}

/* --- the position --- */

static struct bucket_position position(const struct store_snapshot *c)
{
    struct slice name = buf_slice(&c->name);
    return (struct bucket_position){c->bucket_order, slice_make(name.data, c->type_len), slice_skip(name, c->type_len)};
}

static bool is_walked(const struct store_snapshot *c, const struct bucket *b, struct slice key)
{
    if (c->all_walked)
        return true;
    if (!c->begun)
        return false;
    struct bucket_position here = position(c), at = bucket_position_of(b);
    int order = bucket_position_cmp(&at, &here);
    if (order)
        return order < 0;
    return c->bucket_walked || lhash_order(bucket_rehash(b, key)) < c->key_order;
}

static int move_to(struct store_snapshot *c, const struct bucket *b)
{
    struct bucket_position at = bucket_position_of(b);
    buf_consume(&c->name, buf_len(&c->name));
    int err = buf_append_slice(&c->name, at.type);
    if (!err)
        err = buf_append_slice(&c->name, at.name);
    c->type_len = at.type.len;
    c->bucket_order = at.order;
    c->key_order = 0;
    c->bucket_walked = false;
    c->begun = true;
    return err;
}

/* --- dirty keys --- */

static int mark(struct store_snapshot *c, const struct bucket *b, struct slice key)
{
    struct store_key k;
    struct bucket *d;
    struct sibling nothing = {.tombstone = true};
    store_key_init(&k, &c->store->key, bucket_type(b), bucket_name(b), key);
    int err = record_pack(&c->packed, key, UINT64_MAX, &nothing, 1);
    if (!err)
        err = bucket_obtain(&c->dirty, &c->store->key, &k, &d);
    if (err)
        return err;
    err = table_put(&d->table, k.hash, buf_slice(&c->packed), bucket_rehash, d);
    bucket_settle(&c->dirty, d);
    return err ? err : c->dirty.totals.count > SNAPSHOT_DIRTY_MAX ? E_TOO_MANY : 0;
}

/* R-COPY 2 */
void snapshot_note(struct store_snapshot *c, const struct bucket *b, struct slice key)
{
    if (!c->err && is_walked(c, b, key) && rule_holds(RULE_COPY))
        c->err = mark(c, b, key);
}

/* --- writing items --- */

struct item {
    struct buf *out;
    size_t head; /* where the item begins, from the first byte not consumed */
    int err;
};

/* The size is known at the end: room for the largest is left, and the body moved back over what is not needed. */
static struct item item_begin(struct buf *out, enum snapshot_item kind)
{
    struct item it = {out, buf_len(out), 0};
    uint8_t head[1 + SNAPSHOT_VARINT_MAX] = {(uint8_t)kind};
    it.err = buf_append(out, head, sizeof head);
    return it;
}

static void item_number(struct item *it, uint64_t value)
{
    uint8_t tmp[SNAPSHOT_VARINT_MAX];
    if (!it->err)
        it->err = buf_append(it->out, tmp, (size_t)(varint_put(tmp, value) - tmp));
}

static void item_raw(struct item *it, const void *data, size_t n)
{
    if (!it->err)
        it->err = buf_append(it->out, data, n);
}

static void item_bytes(struct item *it, struct slice s)
{
    item_number(it, s.len);
    item_raw(it, s.data, s.len);
}

static int item_end(struct item *it, struct store_snapshot *c)
{
    if (it->err)
        return it->err;
    uint8_t *head = it->out->data + it->out->start + it->head, *body = head + 1 + SNAPSHOT_VARINT_MAX;
    size_t size = (size_t)(it->out->data + it->out->end - body);
    uint8_t *p = varint_put(head + 1, size);
    memmove(p, body, size);
    it->out->end -= (size_t)(body - p);
    c->checksum += hash_bytes(&c->store->key, slice_make(p, size));
    return 0;
}

static void item_names(struct item *it, const struct bucket *b, struct slice key)
{
    item_bytes(it, bucket_type(b));
    item_bytes(it, bucket_name(b));
    item_bytes(it, key);
}

static int put_image(struct store_snapshot *c, struct buf *out, const struct bucket *b, const struct record *r)
{
    struct item it = item_begin(out, SNAPSHOT_IMAGE);
    struct sibling_cursor cursor = {0};
    struct sibling s;
    c->images_sent++;
    item_names(&it, b, r->key);
    item_number(&it, record_due(r) + 1);
    item_number(&it, record_sibling_count(r));
    while (record_next_sibling(r, &cursor, &s)) {
        item_raw(&it, &(uint8_t){s.tombstone}, 1);
        item_number(&it, s.seq);
        item_number(&it, s.stamp);
        item_bytes(&it, s.meta.bytes);
        item_bytes(&it, s.value.bytes);
    }
    return item_end(&it, c);
}

static int put_gone(struct store_snapshot *c, struct buf *out, const struct bucket *b, struct slice key)
{
    struct item it = item_begin(out, SNAPSHOT_GONE);
    item_names(&it, b, key);
    return item_end(&it, c);
}

static int put_origins(struct store_snapshot *c, struct buf *out)
{
    const struct dedup *t = &c->store->dedup;
    struct item it = item_begin(out, SNAPSHOT_ORIGINS);
    item_number(&it, t->count);
    for (uint32_t i = 0; i < t->count; i++) {
        item_raw(&it, t->origins[i].incarnation.b, ID_SIZE);
        item_number(&it, t->origins[i].born);
        item_number(&it, t->origins[i].mark);
    }
    return item_end(&it, c);
}

/* The first `n` results of the i-th origin that were not sent. */
static int put_results(struct store_snapshot *c, struct buf *out, uint32_t i, const struct dedup_result *r, size_t n)
{
    struct dedup_origin *o = &c->store->dedup.origins[i];
    struct item it = item_begin(out, SNAPSHOT_RESULTS);
    uint64_t before = o->mark;
    item_number(&it, i);
    item_number(&it, n);
    for (; n--; before = r++->sequence) {
        item_number(&it, r->sequence - before);
        item_raw(&it, &(uint8_t){(uint8_t)-r->err}, 1);
        item_number(&it, r->number);
    }
    o->sent = before;
    return item_end(&it, c);
}

static int put_end(struct store_snapshot *c, struct buf *out)
{
    const struct store *s = c->store;
    uint64_t checksum = c->checksum;
    struct item it = item_begin(out, SNAPSHOT_END);
    item_raw(&it, &s->key, sizeof s->key);
    item_number(&it, s->base_ms);
    item_number(&it, s->stamp);
    item_number(&it, s->epoch);
    item_number(&it, s->generation);
    item_number(&it, s->floor);
    item_number(&it, s->seq);
    item_number(&it, s->expired);
    item_number(&it, s->started);
    item_number(&it, s->dedup.results);
    item_number(&it, s->buckets.totals.count);
    item_raw(&it, &checksum, sizeof checksum);
    return item_end(&it, c);
}

/* --- walking --- */

struct walk {
    struct store_snapshot *copy;
    struct buf *out;
    const struct bucket *bucket; /* of the store, or of the dirty keys */
    int err;
};

static void send_record(void *arg, const struct record *r)
{
    struct walk *w = arg;
    if (!w->err)
        w->err = put_image(w->copy, w->out, w->bucket, r);
}

/* The present state of a key that was changed. */
static int send_present(struct store_snapshot *c, struct buf *out, const struct bucket *dirty, struct slice key)
{
    struct store *s = c->store;
    struct record now;
    const struct bucket *b = bucket_find(&s->buckets, dirty->hash, bucket_type(dirty), bucket_name(dirty));
    if (b && table_find(&b->table, bucket_rehash(b, key), key, &now))
        return put_image(c, out, b, &now);
    return put_gone(c, out, dirty, key);
}

static void remember_first(void *arg, const struct record *r)
{
    struct slice *first = arg;
    if (!first->data)
        *first = r->key;
}

/* Sends one dirty key and forgets it. */
static int send_dirty(struct store_snapshot *c, struct buf *out, struct bucket *b)
{
    struct slice key = {0};
    uint64_t order = 0;
    while (!key.data && table_walk(&b->table, &order, remember_first, &key))
        continue;
    int err = send_present(c, out, b, key);
    /* The key stands in the record that is removed: a copy of it names it. */
    buf_consume(&c->packed, buf_len(&c->packed));
    if (!err)
        err = buf_append_slice(&c->packed, key);
    if (err)
        return err;
    key = buf_slice(&c->packed);
    table_remove(&b->table, bucket_rehash(b, key), key, bucket_rehash, b);
    bucket_settle(&c->dirty, b);
    return 0;
}

static int step_dirty(struct store_snapshot *c, struct buf *out)
{
    size_t before = buf_len(out);
    for (int i = 0; i < SNAPSHOT_DIRTY_PER_STEP && buf_len(out) - before < SNAPSHOT_BYTES_PER_STEP; i++) {
        struct bucket *b = bucket_next(&c->dirty, NULL);
        int err = b ? send_dirty(c, out, b) : 0;
        if (err || !b)
            return err;
    }
    return 0;
}

static int step_bucket(struct store_snapshot *c, struct buf *out)
{
    struct bucket_position here = position(c);
    uint64_t hash = lhash_order(here.order);
    struct bucket *b = bucket_find(&c->store->buckets, hash, here.type, here.name);
    struct walk w = {c, out, b, 0};
    c->bucket_walked = !b || !table_walk(&b->table, &c->key_order, send_record, &w);
    return w.err;
}

static int step_walk(struct store_snapshot *c, struct buf *out)
{
    if (!c->begun || c->bucket_walked) {
        struct bucket_position here = position(c);
        struct bucket *b = bucket_next(&c->store->buckets, c->begun ? &here : NULL);
        c->all_walked = b == NULL;
        int err = b ? move_to(c, b) : 0;
        if (err || !b)
            return err;
    }
    return step_bucket(c, out);
}

/* Sends results of one origin until the step is full; *all: there are no more. */
static int send_results(struct store_snapshot *c, struct buf *out, size_t before, uint32_t i, bool *all)
{
    size_t n;
    const struct dedup_result *r;
    int err = 0;
    while (!err && (r = dedup_unsent(&c->store->dedup.origins[i], &n))) {
        if (buf_len(out) - before >= SNAPSHOT_BYTES_PER_STEP) {
            *all = false;
            return 0;
        }
        err = put_results(c, out, i, r, n < SNAPSHOT_RESULTS_PER_ITEM ? n : SNAPSHOT_RESULTS_PER_ITEM);
    }
    return err;
}

/* The retry table changes while it is sent. Each step first says which origins there are and what they have
 * acknowledged; a result that comes in front of those that were sent takes the origin back to there. */
static int step_retry(struct store_snapshot *c, struct buf *out, bool *all)
{
    size_t before = buf_len(out);
    int err = put_origins(c, out);
    *all = true;
    for (uint32_t i = 0; !err && *all && i < c->store->dedup.count; i++)
        err = send_results(c, out, before, i, all);
    return err;
}

static int step(struct store_snapshot *c, struct buf *out, bool *done)
{
    bool all = false;
    int err = step_dirty(c, out);
    if (!err && !c->all_walked)
        err = step_walk(c, out);
    if (!err && c->all_walked && c->dirty.totals.count == 0)
        err = step_retry(c, out, &all);
    if (!err && all)
        err = put_end(c, out);
    *done = !err && all;
    return err;
}

int snapshot_step(struct store_snapshot *c, struct buf *out, bool *done)
{
    size_t before = buf_len(out);
    *done = false;
    if (!c->err)
        c->err = step(c, out, done);
    c->bytes_sent += buf_len(out) - before;
    return c->err;
}

void snapshot_progress(const struct store_snapshot *c, uint64_t *keys, uint64_t *bytes)
{
    *keys = c->images_sent;
    *bytes = c->bytes_sent;
}
