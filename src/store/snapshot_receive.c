/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot.h"

#include "base/assert.h"
#include "base/err.h"
#include "store/snapshot_item.h"
#include "store/store_impl.h"

void snapshot_receiver_init(struct snapshot_receiver *r, struct store *empty)
{
    ASSERT(!empty->started && empty->buckets.totals.count == 0);
    *r = (struct snapshot_receiver){.store = empty};
}

/* Reads fields; once something is wrong, `bad` stays and everything is zero. */
struct fields {
    struct slice rest;
    bool bad;
};

static uint64_t get_number(struct fields *f)
{
    uint64_t value = 0;
    for (unsigned shift = 0; !f->bad && shift < 64; shift += 7) {
        if (f->rest.len == 0)
            break;
        uint8_t byte = *f->rest.data;
        f->rest = slice_skip(f->rest, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    f->bad = true;
    return 0;
}

static struct slice get_raw(struct fields *f, uint64_t n)
{
    if (f->bad || n > f->rest.len) {
        f->bad = true;
        return slice_make(NULL, 0);
    }
    struct slice s = slice_make(f->rest.data, (size_t)n);
    f->rest = slice_skip(f->rest, (size_t)n);
    return s;
}

static struct slice get_bytes(struct fields *f)
{
    return get_raw(f, get_number(f));
}

static bool get_flag(struct fields *f)
{
    struct slice s = get_raw(f, 1);
    f->bad = f->bad || !s.data || *s.data > 1;
    return !f->bad && *s.data;
}

static void get_names(struct fields *f, const struct store *s, struct store_key *k)
{
    struct slice type = get_bytes(f), bucket = get_bytes(f), key = get_bytes(f);
    f->bad = f->bad || key.len > RECORD_KEY_MAX || bucket.len > RECORD_KEY_MAX || type.len > RECORD_KEY_MAX;
    if (!f->bad)
        store_key_init(k, &s->key, type, bucket, key);
}

/* Reads one sibling; its large parts get blobs of their own. */
static int get_sibling(struct fields *f, struct sibling *out)
{
    *out = (struct sibling){.tombstone = get_flag(f)};
    out->seq = get_number(f);
    out->stamp = get_number(f);
    struct content_bytes meta = {.bytes = get_bytes(f)}, value = {.bytes = get_bytes(f)};
    if (f->bad)
        return E_MALFORMED;
    int err = object_own_bytes(&out->meta, &meta, RECORD_META_MAX);
    return err ? err : object_own_bytes(&out->value, &value, RECORD_INLINE_MAX);
}

static int get_siblings(struct fields *f, struct sibling_list *l)
{
    uint64_t count = get_number(f);
    int err = f->bad || count == 0 ? E_MALFORMED : 0;
    for (uint64_t i = 0; !err && i < count; i++) {
        struct sibling s;
        err = get_sibling(f, &s);
        if (!err)
            err = sibling_list_push(l, &s);
        if (err) {
            blob_put(s.meta.blob);
            blob_put(s.value.blob);
        }
    }
    return err;
}

static int receive_image(struct store *s, struct fields *f)
{
    const size_t size = f->rest.len;
    struct store_key k;
    struct bucket *b = NULL;
    struct record old;
    get_names(f, s, &k);
    uint64_t due = get_number(f) - 1;
    int err = get_siblings(f, &s->siblings);
    if (!err && f->rest.len)
        err = E_MALFORMED;
    if (!err && !memory_has_room(s->memory, size + store_index_need(s, k.key.len)))
        err = E_FULL;
    if (!err)
        err = record_pack(&s->packed, k.key, due, s->siblings.at, s->siblings.count);
    if (!err)
        err = bucket_obtain(&s->buckets, &s->key, &k, &b);
    bool replaces = !err && b->index && table_find(&b->table, k.hash, k.key, &old);
    if (!err)
        err = store_put_packed(s, b, &k, replaces ? &old : NULL);
    if (err)
        object_forget(&s->siblings);
    s->siblings.count = 0;
    if (b)
        bucket_settle(&s->buckets, b);
    return err;
}

static int receive_gone(struct store *s, struct fields *f)
{
    struct store_key k;
    get_names(f, s, &k);
    if (f->bad || f->rest.len)
        return E_MALFORMED;
    struct bucket *b = bucket_find(&s->buckets, k.bucket_hash, k.type, k.bucket);
    if (b)
        store_remove_key(s, b, &k);
    return 0;
}

static int receive_origin(struct dedup *t, uint32_t i, struct fields *f)
{
    struct dedup_origin o = {0};
    struct slice incarnation = get_raw(f, sizeof o.incarnation);
    o.born = get_number(f);
    o.mark = get_number(f);
    if (f->bad || o.born > SNAPSHOT_SCALAR_MAX)
        return E_MALFORMED;
    memcpy(o.incarnation.b, incarnation.data, sizeof o.incarnation);
    return dedup_restore_origin(t, i, &o);
}

static int receive_origins(struct store *s, struct fields *f)
{
    uint64_t count = get_number(f);
    int err = f->bad || count > STORE_ORIGINS_MAX ? E_MALFORMED : 0;
    for (uint32_t i = 0; !err && i < count; i++)
        err = receive_origin(&s->dedup, i, f);
    if (err || f->rest.len)
        return err ? err : E_MALFORMED;
    dedup_restored(&s->dedup, (uint32_t)count);
    return 0;
}

/* *before: the sequence in front of it, which becomes its own. */
static int receive_result(struct dedup *t, uint32_t i, struct fields *f, uint64_t *before)
{
    uint64_t distance = get_number(f);
    struct slice code = get_raw(f, 1);
    struct dedup_result r = {*before + distance, get_number(f), 0};
    if (f->bad || distance == 0 || distance > UINT64_MAX - *before)
        return E_MALFORMED;
    r.err = -(int)*code.data;
    *before = r.sequence;
    return dedup_restore_result(t, i, &r);
}

static int receive_results(struct store *s, struct fields *f)
{
    struct dedup *t = &s->dedup;
    uint64_t i = get_number(f), count = get_number(f);
    if (f->bad || i >= t->count)
        return E_MALFORMED;
    uint64_t before = t->origins[i].mark;
    int err = 0;
    for (uint64_t n = 0; !err && n < count; n++)
        err = receive_result(t, (uint32_t)i, f, &before);
    return err ? err : f->rest.len ? E_MALFORMED : 0;
}

static int receive_end(struct snapshot_receiver *r, struct fields *f)
{
    struct store *s = r->store;
    struct slice key = get_raw(f, sizeof s->key);
    uint64_t base = get_number(f), stamp = get_number(f), epoch = get_number(f), generation = get_number(f);
    uint64_t floor = get_number(f), seq = get_number(f), expired = get_number(f), started = get_number(f);
    uint64_t results = get_number(f), keys = get_number(f), checksum = 0;
    struct slice sum = get_raw(f, sizeof checksum);
    if (f->bad || f->rest.len || generation > UINT32_MAX || started > 1)
        return E_MALFORMED;
    if (base > SNAPSHOT_SCALAR_MAX || stamp > SNAPSHOT_SCALAR_MAX || seq > SNAPSHOT_SCALAR_MAX || floor > seq)
        return E_MALFORMED;
    memcpy(&checksum, sum.data, sizeof checksum);
    if (memcmp(key.data, &s->key, sizeof s->key) || checksum != r->checksum)
        return E_MISMATCH;
    if (keys != s->buckets.totals.count || results != s->dedup.results)
        return E_MISMATCH;
    s->base_ms = base;
    s->stamp = stamp;
    s->epoch = epoch;
    s->generation = (uint32_t)generation;
    s->floor = floor;
    s->seq = seq;
    s->expired = expired;
    s->started = started;
    r->complete = true;
    return 0;
}

static int receive_fields(struct snapshot_receiver *r, uint8_t kind, struct fields *f)
{
    switch (kind) {
    case SNAPSHOT_IMAGE:
        return receive_image(r->store, f);
    case SNAPSHOT_GONE:
        return receive_gone(r->store, f);
    case SNAPSHOT_ORIGINS:
        return receive_origins(r->store, f);
    case SNAPSHOT_RESULTS:
        return receive_results(r->store, f);
    case SNAPSHOT_END:
        return receive_end(r, f);
    default:
        return E_MALFORMED;
    }
}

/* R-MEMORY: a copy counts like other data. What it takes at most follows from its bytes, but for the terms of an
 * object, which receive_image() adds. */
static bool has_room(const struct snapshot_receiver *r, uint8_t kind, size_t size)
{
    size_t need = kind == SNAPSHOT_RESULTS ? size * sizeof(struct dedup_result) : size;
    return (kind != SNAPSHOT_IMAGE && kind != SNAPSHOT_RESULTS) || memory_has_room(r->store->memory, need);
}

static int receive_item(struct snapshot_receiver *r, uint8_t kind, struct slice body)
{
    struct fields f = {body, false};
    if (r->complete)
        return E_MALFORMED;
    if (!has_room(r, kind, body.len))
        return E_FULL;
    int err = receive_fields(r, kind, &f);
    r->checksum += hash_bytes(&r->store->key, body);
    return err;
}

int snapshot_receive(struct snapshot_receiver *r, struct slice *in)
{
    while (in->len) {
        struct fields f = {slice_skip(*in, 1), false};
        uint64_t size = get_number(&f);
        if (f.bad && in->len > SNAPSHOT_VARINT_MAX)
            return E_MALFORMED;
        if (f.bad || f.rest.len < size)
            return 0;
        int err = receive_item(r, *in->data, slice_make(f.rest.data, (size_t)size));
        if (err)
            return err;
        *in = slice_skip(f.rest, (size_t)size);
    }
    return 0;
}
