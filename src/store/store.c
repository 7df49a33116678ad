/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/rule.h"
#include "datatype/operation.h"
#include "store/bucket.h"
#include "store/snapshot.h"
#include "store/object.h"
#include "store/store_impl.h"

#include <stdlib.h>

/* Blocks of about eight keys freed per command, and per STORE_TICK: a write stays cheap, a tick takes tens of
 * microseconds. */
#define EXPIRE_BLOCKS_PER_WRITE 1
#define EXPIRE_BLOCKS_PER_TICK  32
#define EXPIRE_TERMS            256 /* of indexes: no further block after so many */

void store_key_init(struct store_key *out, const struct hash_key *key, struct slice type, struct slice bucket,
                    struct slice k)
{
    uint64_t bh = bucket_hash(key, type, bucket);
    struct hash_key hk = bucket_hash_key(key, bh);
    *out = (struct store_key){type, bucket, k, bh, hash_bytes(&hk, k)};
}

uint64_t store_key_tag(const struct hash_key *key, const struct store_key *k)
{
    uint8_t hashes[16];
    const struct hash_key tags = {~key->k0, key->k1};
    bytes_put(bytes_put(hashes, k->bucket_hash, 8), k->hash, 8);
    return hash_bytes(&tags, slice_make(hashes, sizeof hashes));
}

int store_create(const struct hash_key *key, struct store_memory *memory, struct store **out)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return E_NOMEM;
    s->key = *key;
    s->memory = memory;
    buf_init(&s->packed, SIZE_MAX / 2);
    buf_init(&s->state, SIZE_MAX / 2);
    dedup_init(&s->dedup, memory);
    int err = bucket_dict_init(&s->buckets, memory);
    if (err) {
        free(s);
        return err;
    }
    memory_charge(memory, s);
    *out = s;
    return 0;
}

void store_destroy(struct store **sp)
{
    struct store *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    ASSERT(!s->copy); /* a copy is ended by who began it */
    bucket_dict_fini(&s->buckets);
    dedup_fini(&s->dedup);
    sibling_list_fini(&s->siblings);
    free(s->indexed);
    buf_fini(&s->packed);
    buf_fini(&s->state);
    memory_release(s->memory, s);
    free(s);
}

/* --- time and revisions --- */

/* R-TIME: time never goes back, whatever a new leader's clock says. */
static void advance_time(struct store *s, uint64_t stamp_ms)
{
    if (!s->started) {
        s->started = true;
        s->base_ms = stamp_ms;
    }
    if (stamp_ms > s->base_ms + s->stamp)
        s->stamp = stamp_ms - s->base_ms;
}

/* The seq of a command. A new epoch or generation begins behind everything that was. */
static uint64_t advance_seq(struct store *s, struct revision rev)
{
    if (rev.epoch != s->epoch || rev.generation != s->generation) {
        s->epoch = rev.epoch;
        s->generation = rev.generation;
        s->floor = s->seq;
    }
    ASSERT(s->floor + rev.index > s->seq);
    s->seq = s->floor + rev.index;
    return s->seq;
}

static struct revision revision_of(const struct store *s, uint64_t seq)
{
    uint64_t index = seq > s->floor ? seq - s->floor : 1;
    return (struct revision){s->epoch, s->generation, index};
}

/* R-EPOCH: what another epoch has seen removes nothing here; an older generation is older than all there is. */
static uint64_t seen_seq(const struct store *s, const struct store_context *c)
{
    if (c->kind != CONTEXT_SEEN || (c->seen.epoch != s->epoch && rule_holds(RULE_EPOCH)) ||
        c->seen.generation != s->generation)
        return 0;
    return s->floor + c->seen.index;
}

struct revision store_revision(const struct store *s)
{
    return (struct revision){s->epoch, s->generation, s->seq - s->floor};
}

uint64_t store_stamp_ms(const struct store *s)
{
    return s->base_ms + s->stamp;
}

uint64_t store_due_ms(const struct store *s)
{
    const struct bucket *b = bucket_earliest(&s->buckets);
    return b ? s->base_ms + b->due : UINT64_MAX;
}

/* --- finding --- */

static bool find(const struct store *s, const struct store_key *k, struct bucket **b, struct record *r)
{
    *b = bucket_find(&s->buckets, k->bucket_hash, k->type, k->bucket);
    return *b && table_find(&(*b)->table, k->hash, k->key, r);
}

void store_view(const struct store *s, const struct record *r, struct object *out)
{
    out->record = *r;
    out->revision = revision_of(s, record_seq(r));
    out->base_ms = s->base_ms;
    out->holder = NULL;
    out->live = !record_is_dead(r);
}

bool object_next(const struct object *o, struct object_cursor *c, struct object_sibling *out)
{
    struct sibling s;
    if (!record_next_sibling(&o->record, &c->inner, &s))
        return false;
    struct blob *inline_in = s.value.bytes.len > RECORD_INLINE_MAX ? o->holder : NULL;
    *out = (struct object_sibling){.value = s.value.bytes,
                                   .meta = s.meta.bytes,
                                   .value_blob = s.value.blob ? s.value.blob : inline_in,
                                   .seq = s.seq,
                                   .stamp_ms = o->base_ms + s.stamp,
                                   .tombstone = s.tombstone};
    return true;
}

int store_get(const struct store *s, const struct store_key *k, uint64_t now_ms, struct object *out)
{
    struct bucket *b;
    struct record r;
    if (!find(s, k, &b, &r))
        return E_NOT_FOUND;
    uint64_t due = record_due(&r);
    if (due <= s->stamp)
        return E_NOT_FOUND;
    if (due != UINT64_MAX && s->base_ms + due <= now_ms)
        return E_DUE;
    store_view(s, &r, out);
    return 0;
}

/* --- freeing what is due --- */

struct gone {
    struct store *store;
    struct bucket *bucket;
    unsigned terms; /* of indexes, that went with the records */
};

static void note_change(struct store *s, const struct bucket *b, struct slice key)
{
    if (s->copy)
        snapshot_note(s->copy, b, key);
}

static void note_gone(void *arg, const struct record *r)
{
    struct gone *g = arg;
    g->store->expired++;
    g->terms += store_index_remove(g->store, g->bucket, r);
    if (g->store->copy)
        snapshot_note(g->store->copy, g->bucket, r->key);
}

static void expire(struct store *s, unsigned blocks)
{
    struct gone g = {.store = s};
    while (blocks-- && g.terms < EXPIRE_TERMS && (g.bucket = bucket_earliest(&s->buckets)) &&
           g.bucket->due <= s->stamp) {
        table_expire_block(&g.bucket->table, s->stamp, note_gone, &g, bucket_rehash, g.bucket);
        bucket_settle(&s->buckets, g.bucket);
    }
}

/* --- writing --- */

static int check_condition(const struct store *s, const struct store_command *c, const struct record *old)
{
    bool live = old && !record_is_dead(old);
    if (c->condition == STORE_IF_ABSENT)
        return live ? E_EXISTS : 0;
    if (c->condition != STORE_IF_UNMODIFIED)
        return 0;
    bool same =
        old && c->context.kind == CONTEXT_SEEN && revision_cmp(revision_of(s, record_seq(old)), c->context.seen) == 0;
    return same ? 0 : live ? E_MODIFIED : E_NOT_FOUND;
}

/* When the object of the siblings ends, UINT64_MAX: never. `old`: what the write replaces, NULL: there was nothing. */
static uint64_t due_of(const struct store *s, const struct store_command *c, const struct sibling_list *l,
                       const struct record *old)
{
    const struct store_rules *r = &c->rules;
    if (object_is_dead(l))
        return r->reap_ms == STORE_REAP_NEVER ? UINT64_MAX : s->stamp + r->reap_ms;
    uint64_t old_due = old && !record_is_dead(old) ? record_due(old) : UINT64_MAX;
    if (c->op == STORE_DELETE)
        return old_due;
    uint64_t due = r->ttl_ms ? s->stamp + r->ttl_ms : UINT64_MAX;
    return r->ttl_from_create && old_due < due ? old_due : due;
}

static void view_result(const struct store *s, const struct store_key *k, struct store_result *out)
{
    struct bucket *b;
    struct record r;
    /* What is due is absent, freed or not: a replica that was copied frees in another order. */
    out->exists = find(s, k, &b, &r) && record_due(&r) > s->stamp;
    if (out->exists)
        store_view(s, &r, &out->object);
}

int store_put_packed(struct store *s, struct bucket *b, const struct store_key *k, const struct record *old)
{
    int err = store_index_begin(s, b, k->key, old);
    if (err)
        return err;
    err = table_put(&b->table, k->hash, buf_slice(&s->packed), bucket_rehash, b);
    store_index_end(s, b, err == 0);
    return err;
}

static int put_siblings(struct store *s, const struct store_command *c, const struct record *old, struct bucket **b)
{
    uint64_t due = due_of(s, c, &s->siblings, old);
    int err = record_pack(&s->packed, c->key.key, due, s->siblings.at, s->siblings.count);
    if (!err)
        err = bucket_obtain(&s->buckets, &s->key, &c->key, b);
    if (!err)
        err = store_put_packed(s, *b, &c->key, old);
    if (err)
        object_forget(&s->siblings);
    s->siblings.count = 0; /* their references are the table's now */
    return err;
}

void store_remove_key(struct store *s, struct bucket *b, const struct store_key *k)
{
    struct record r;
    if (s->copy)
        snapshot_note(s->copy, b, k->key);
    if (b->index && table_find(&b->table, k->hash, k->key, &r))
        store_index_remove(s, b, &r);
    table_remove(&b->table, k->hash, k->key, bucket_rehash, b);
    bucket_settle(&s->buckets, b);
}

/* Stores what object_write() left in s->siblings, in place of `old` (NULL: there is nothing). */
static int store_siblings(struct store *s, const struct store_command *c, struct bucket *b, const struct record *old)
{
    if (c->rules.reap_ms == 0 && object_is_dead(&s->siblings)) {
        object_forget(&s->siblings);
        if (old)
            store_remove_key(s, b, &c->key);
        return 0;
    }
    int err = put_siblings(s, c, old, &b);
    if (b && !err)
        note_change(s, b, c->key.key);
    if (b)
        bucket_settle(&s->buckets, b);
    return err;
}

/* Finds a key for a write. One that is due but not freed yet is absent: it is freed here and now, so that what the
 * write leaves, and the count of what has expired, do not depend on when it would have been. */
static bool find_for_write(struct store *s, const struct store_key *k, struct bucket **b, struct record *r)
{
    if (!find(s, k, b, r))
        return false;
    if (record_due(r) > s->stamp)
        return true;
    s->expired++;
    store_remove_key(s, *b, k);
    *b = NULL;
    return false;
}

bool object_state(const struct object *o, struct slice *out)
{
    struct object_cursor cursor = {0};
    struct object_sibling from;
    unsigned live = 0;
    *out = slice_make(NULL, 0);
    while (object_next(o, &cursor, &from)) {
        if (!from.tombstone)
            *out = from.value;
        live += !from.tombstone;
    }
    return live <= 1;
}

/* Makes of an update the put of its outcome, which lies in s->state. */
static int outcome(struct store *s, const struct store_command *c, const struct record *old,
                   const struct write_stamp *w, struct store_command *put, uint64_t *absent)
{
    struct object o = {0};
    struct slice state = {0};
    struct datatype_update u = {.kind = c->datatype,
                                .op = c->value.bytes,
                                .seq = w->seq,
                                .has_context = c->context.kind != CONTEXT_NONE,
                                .seen_seq = w->seen_seq};
    if (old)
        store_view(s, old, &o);
    if (old && !object_state(&o, &state))
        return E_INVALID;
    buf_consume(&s->state, buf_len(&s->state));
    int err = datatype_apply(&u, state, &s->state, absent);
    *put = *c;
    put->op = STORE_PUT;
    put->rules.allow_mult = false;
    put->context = (struct store_context){.kind = CONTEXT_NONE};
    put->value = (struct content_bytes){.bytes = buf_slice(&s->state)};
    return err;
}

#define STATE_KEPT ((size_t)64 * 1024) /* a larger state's memory is given back */

static bool counts(const struct store_command *c)
{
    return c->op == STORE_UPDATE && c->datatype == DATATYPE_COUNTER;
}

static int apply_update(struct store *s, const struct store_command *c, const struct record *old,
                        const struct write_stamp *w, struct store_result *out)
{
    struct store_command put;
    int err = outcome(s, c, old, w, &put, &out->number);
    if (!err)
        err = object_write(&s->siblings, old, &put, w, &out->number);
    if (!err && counts(c))
        out->number = (uint64_t)datatype_counter(slice_skip(buf_slice(&s->state), DATATYPE_HEAD));
    return err;
}

static int apply_write(struct store *s, const struct store_command *c, uint64_t seq, struct store_result *out)
{
    struct bucket *b;
    struct record r;
    bool there = find_for_write(s, &c->key, &b, &r);
    const struct record *old = there ? &r : NULL;
    int err = check_condition(s, c, old);
    if (err)
        return err;
    if (c->op == STORE_DELETE && !old)
        return 0; /* nothing to bury */
    struct write_stamp w = {seq, s->stamp, seen_seq(s, &c->context)};
    if (c->op == STORE_UPDATE)
        err = apply_update(s, c, old, &w, out);
    else
        err = object_write(&s->siblings, old, c, &w, &out->number);
    if (!err)
        err = store_siblings(s, c, b, old);
    if (s->state.cap > STATE_KEPT)
        buf_release(&s->state);
    return err;
}

/* Whether the result has a number of its own, beside its revision. */
static bool has_number(const struct store_command *c, int err)
{
    return err == E_TOO_MANY || err == E_TOO_LARGE || err == E_ABSENT || (!err && counts(c));
}

static int repeat_result(const struct store *s, const struct store_command *c, const struct dedup_result *known,
                         struct store_result *out)
{
    bool has = has_number(c, known->err);
    out->repeated = true;
    if (has)
        out->number = known->number;
    out->revision = has ? (struct revision){0} : revision_of(s, known->number);
    return known->err;
}

/* R-RETRY: a command that comes again is not applied again. */
static int apply_once(struct store *s, const struct store_command *c, uint64_t seq, struct store_result *out)
{
    const struct dedup_result *known;
    int err = dedup_admit(&s->dedup, &c->origin, seq, &known);
    if (err)
        return err;
    if (known && rule_holds(RULE_RETRY))
        return repeat_result(s, c, known, out);
    err = apply_write(s, c, seq, out);
    if (dedup_keeps(err))
        dedup_record(&s->dedup, &c->origin, err, has_number(c, err) ? out->number : seq);
    return err;
}

static int apply_housekeeping(struct store *s, const struct store_command *c)
{
    expire(s, EXPIRE_BLOCKS_PER_TICK);
    if (c->op == STORE_FORGET)
        dedup_forget(&s->dedup, c->origin.incarnation);
    return 0;
}

int store_apply(struct store *s, const struct store_command *c, struct store_result *out)
{
    advance_time(s, c->stamp_ms);
    uint64_t seq = advance_seq(s, c->revision);
    *out = (struct store_result){.revision = c->revision};
    if (c->op >= STORE_TICK)
        return apply_housekeeping(s, c);
    expire(s, EXPIRE_BLOCKS_PER_WRITE);
    out->err = c->origin.sequence ? apply_once(s, c, seq, out) : apply_write(s, c, seq, out);
    view_result(s, &c->key, out);
    return out->err;
}

/* What a write may add to the heap: its bytes, a record's head, and a block that grows. */
#define WRITE_OVERHEAD 256

bool store_adds(const struct store_command *c)
{
    return c->op == STORE_PUT || (c->op == STORE_UPDATE && operation_adds(c->datatype, c->value.bytes));
}

static size_t terms_footprint(const struct store *s, const struct store_command *c)
{
    return s->next_term && c->meta.bytes.len ? index_footprint(s->next_term, c->meta.bytes, c->key.key.len) : 0;
}

static size_t old_terms_footprint(const struct store *s, const struct record *r)
{
    struct sibling_cursor cursor = {0};
    struct sibling one;
    size_t size = 0;
    while (s->next_term && record_next_sibling(r, &cursor, &one))
        size += one.tombstone ? 0 : index_footprint(s->next_term, one.meta.bytes, r->key.len);
    return size;
}

int store_admit(const struct store *s, const struct store_command *c)
{
    struct bucket *b;
    struct record r;
    if (!store_adds(c))
        return 0;
    size_t need = c->value.bytes.len + c->meta.bytes.len + c->key.key.len + terms_footprint(s, c);
    if (memory_has_room(s->memory, need + c->key.bucket.len + WRITE_OVERHEAD))
        return 0;
    if (!find(s, &c->key, &b, &r) || c->rules.allow_mult || c->op == STORE_UPDATE)
        return E_FULL;
    return need <= r.size + record_blob_footprint(&r) + old_terms_footprint(s, &r) ? 0 : E_FULL;
}

/* --- looking around --- */

struct listing {
    const struct store *store;
    store_list_f f;
    void *arg;
};

static void list_record(void *arg, const struct record *r)
{
    struct listing *l = arg;
    if (!record_is_dead(r) && record_due(r) > l->store->stamp)
        l->f(l->arg, r->key);
}

bool store_list_keys(const struct store *s, struct slice type, struct slice bucket, uint64_t *cursor, store_list_f f,
                     void *arg)
{
    struct listing l = {s, f, arg};
    struct bucket *b = bucket_find(&s->buckets, bucket_hash(&s->key, type, bucket), type, bucket);
    return b && table_walk(&b->table, cursor, list_record, &l);
}

struct object_walk {
    const struct store *store;
    store_object_f f;
    void *arg;
};

static void visit_record(void *arg, const struct record *r)
{
    struct object_walk *w = arg;
    struct object o;
    if (record_is_dead(r) || record_due(r) <= w->store->stamp)
        return;
    store_view(w->store, r, &o);
    w->f(w->arg, r->key, &o);
}

bool store_walk_objects(const struct store *s, struct slice type, struct slice bucket, uint64_t *cursor,
                        store_object_f f, void *arg)
{
    struct object_walk w = {s, f, arg};
    struct bucket *b = bucket_find(&s->buckets, bucket_hash(&s->key, type, bucket), type, bucket);
    return b && table_walk(&b->table, cursor, visit_record, &w);
}

static bool is_listed(const struct bucket *b)
{
    return b && b->table.count > b->table.dead;
}

bool store_has_bucket(const struct store *s, struct slice type, struct slice bucket)
{
    return is_listed(bucket_find(&s->buckets, bucket_hash(&s->key, type, bucket), type, bucket));
}

bool store_list_buckets(const struct store *s, struct slice type, uint64_t *cursor, store_list_f f, void *arg)
{
    bool more;
    size_t slot = lhash_walk(&s->buckets.lhash, cursor, &more);
    for (const struct bucket *b = s->buckets.slots[slot]; b; b = b->next)
        if (is_listed(b) && slice_eq(bucket_type(b), type))
            f(arg, bucket_name(b));
    return more;
}

static void each_bucket(const struct store *s, void (*f)(void *arg, const struct bucket *b), void *arg)
{
    for (size_t i = 0; i < lhash_slots(&s->buckets.lhash); i++)
        for (const struct bucket *b = s->buckets.slots[i]; b; b = b->next)
            f(arg, b);
}

void store_stats_get(const struct store *s, struct store_stats *out)
{
    *out = (struct store_stats){.keys = s->buckets.totals.count,
                                .tombstones = s->buckets.totals.dead,
                                .buckets = s->buckets.count,
                                .expired = s->expired,
                                .origins = s->dedup.count,
                                .results = s->dedup.results};
}

static void check_bucket(void *arg, const struct bucket *b)
{
    const struct store *s = arg;
    table_check(&b->table, bucket_rehash, b);
    store_index_check(s, b);
    ASSERT(b->table.count > 0);
    ASSERT(b->due == table_due(&b->table));
    ASSERT(b->hash == bucket_hash(&s->key, bucket_type(b), bucket_name(b)));
    ASSERT(bucket_find(&s->buckets, b->hash, bucket_type(b), bucket_name(b)) == b);
}

const struct incarnation *store_origin(const struct store *s, unsigned i)
{
    return i < s->dedup.count ? &s->dedup.origins[i].incarnation : NULL;
}

void store_check(const struct store *s)
{
    each_bucket(s, check_bucket, (void *)(uintptr_t)s);
    dedup_check(&s->dedup);
    for (size_t i = 1; i < s->buckets.heap_len; i++)
        ASSERT(s->buckets.heap[(i - 1) / 2]->due <= s->buckets.heap[i]->due);
}
