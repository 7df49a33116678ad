#include "store/copy.h"

#include "base/assert.h"
#include "base/err.h"
#include "store/store_impl.h"

#include <stdlib.h>

/* item     = kind u8, size varint (of what follows), fields
 * image    = names, due + 1 (0: none), count, siblings
 * gone     = names
 * names    = type, bucket, key, each as length and bytes
 * sibling  = tombstone u8, seq, stamp, meta, value, the last two as length and bytes
 * end      = hash key (16 bytes), base, stamp, epoch, generation, floor, seq, expired, started, keys, checksum (8
 * bytes) Every number is a varint where nothing else is said. */
enum item_kind { ITEM_IMAGE = 1, ITEM_GONE = 2, ITEM_END = 3 };

#define VARINT_MAX 10

/* Of a time or a seq in the last item: what is added to them later cannot pass 64 bits. */
#define COPY_SCALAR_MAX (UINT64_MAX / 4)

/* More than a slot holds, so that a copy keeps ahead of writers. */
#define COPY_DIRTY_PER_STEP 32

struct store_copy {
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
};

int copy_create(struct store *s, struct store_copy **out)
{
    if (s->copy)
        return E_EXISTS;
    struct store_copy *c = calloc(1, sizeof *c);
    if (!c || bucket_dict_init(&c->dirty, s->memory)) {
        free(c);
        return E_NOMEM;
    }
    c->store = s;
    buf_init(&c->packed, SIZE_MAX / 2);
    buf_init(&c->name, SIZE_MAX / 2);
    s->copy = c;
    *out = c;
    return 0;
}

void copy_destroy(struct store_copy **cp)
{
    struct store_copy *c = *cp;
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

static struct bucket_position position(const struct store_copy *c)
{
    struct slice name = buf_slice(&c->name);
    return (struct bucket_position){c->bucket_order, slice_make(name.data, c->type_len), slice_skip(name, c->type_len)};
}

static bool is_walked(const struct store_copy *c, const struct bucket *b, struct slice key)
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

static int move_to(struct store_copy *c, const struct bucket *b)
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

static int mark(struct store_copy *c, const struct bucket *b, struct slice key)
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
    return err ? err : c->dirty.totals.count > COPY_DIRTY_MAX ? E_TOO_MANY : 0;
}

void copy_note(struct store_copy *c, const struct bucket *b, struct slice key)
{
    if (!c->err && is_walked(c, b, key))
        c->err = mark(c, b, key);
}

/* --- writing items --- */

struct item {
    struct buf *out;
    size_t head; /* where the item begins, from the first byte not consumed */
    int err;
};

/* The size is known at the end: room for the largest is left, and the body moved back over what is not needed. */
static struct item item_begin(struct buf *out, enum item_kind kind)
{
    struct item it = {out, buf_len(out), 0};
    uint8_t head[1 + VARINT_MAX] = {(uint8_t)kind};
    it.err = buf_append(out, head, sizeof head);
    return it;
}

static void item_number(struct item *it, uint64_t value)
{
    uint8_t tmp[VARINT_MAX];
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

static int item_end(struct item *it, struct store_copy *c)
{
    if (it->err)
        return it->err;
    uint8_t *head = it->out->data + it->out->start + it->head, *body = head + 1 + VARINT_MAX;
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

static int put_image(struct store_copy *c, struct buf *out, const struct bucket *b, const struct record *r)
{
    struct item it = item_begin(out, ITEM_IMAGE);
    struct sibling_cursor cursor = {0};
    struct sibling s;
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

static int put_gone(struct store_copy *c, struct buf *out, const struct bucket *b, struct slice key)
{
    struct item it = item_begin(out, ITEM_GONE);
    item_names(&it, b, key);
    return item_end(&it, c);
}

static int put_end(struct store_copy *c, struct buf *out)
{
    const struct store *s = c->store;
    uint64_t checksum = c->checksum;
    struct item it = item_begin(out, ITEM_END);
    item_raw(&it, &s->key, sizeof s->key);
    item_number(&it, s->base_ms);
    item_number(&it, s->stamp);
    item_number(&it, s->epoch);
    item_number(&it, s->generation);
    item_number(&it, s->floor);
    item_number(&it, s->seq);
    item_number(&it, s->expired);
    item_number(&it, s->started);
    item_number(&it, s->buckets.totals.count);
    item_raw(&it, &checksum, sizeof checksum);
    return item_end(&it, c);
}

/* --- walking --- */

struct walk {
    struct store_copy *copy;
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
static int send_present(struct store_copy *c, struct buf *out, const struct bucket *dirty, struct slice key)
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
static int send_dirty(struct store_copy *c, struct buf *out, struct bucket *b)
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

static int step_dirty(struct store_copy *c, struct buf *out)
{
    for (int i = 0; i < COPY_DIRTY_PER_STEP; i++) {
        struct bucket *b = bucket_next(&c->dirty, NULL);
        int err = b ? send_dirty(c, out, b) : 0;
        if (err || !b)
            return err;
    }
    return 0;
}

static int step_bucket(struct store_copy *c, struct buf *out)
{
    struct bucket_position here = position(c);
    uint64_t hash = lhash_order(here.order);
    struct bucket *b = bucket_find(&c->store->buckets, hash, here.type, here.name);
    struct walk w = {c, out, b, 0};
    c->bucket_walked = !b || !table_walk(&b->table, &c->key_order, send_record, &w);
    return w.err;
}

static int step_walk(struct store_copy *c, struct buf *out)
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

int copy_step(struct store_copy *c, struct buf *out, bool *done)
{
    *done = false;
    if (!c->err)
        c->err = step_dirty(c, out);
    if (!c->err && !c->all_walked)
        c->err = step_walk(c, out);
    if (!c->err && c->all_walked && c->dirty.totals.count == 0) {
        c->err = put_end(c, out);
        *done = !c->err;
    }
    return c->err;
}

/* --- the receiver --- */

void copy_receiver_init(struct copy_receiver *r, struct store *empty)
{
    ASSERT(!empty->started && empty->buckets.totals.count == 0);
    *r = (struct copy_receiver){.store = empty};
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
    struct store_key k;
    struct bucket *b = NULL;
    get_names(f, s, &k);
    uint64_t due = get_number(f) - 1;
    int err = get_siblings(f, &s->siblings);
    if (!err && f->rest.len)
        err = E_MALFORMED;
    if (!err)
        err = record_pack(&s->packed, k.key, due, s->siblings.at, s->siblings.count);
    if (!err)
        err = bucket_obtain(&s->buckets, &s->key, &k, &b);
    if (!err)
        err = table_put(&b->table, k.hash, buf_slice(&s->packed), bucket_rehash, b);
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
    if (b) {
        table_remove(&b->table, k.hash, k.key, bucket_rehash, b);
        bucket_settle(&s->buckets, b);
    }
    return 0;
}

static int receive_end(struct copy_receiver *r, struct fields *f)
{
    struct store *s = r->store;
    struct slice key = get_raw(f, sizeof s->key);
    uint64_t base = get_number(f), stamp = get_number(f), epoch = get_number(f), generation = get_number(f);
    uint64_t floor = get_number(f), seq = get_number(f), expired = get_number(f), started = get_number(f);
    uint64_t keys = get_number(f), checksum = 0;
    struct slice sum = get_raw(f, sizeof checksum);
    if (f->bad || f->rest.len || generation > UINT32_MAX || started > 1)
        return E_MALFORMED;
    if (base > COPY_SCALAR_MAX || stamp > COPY_SCALAR_MAX || seq > COPY_SCALAR_MAX || floor > seq)
        return E_MALFORMED;
    memcpy(&checksum, sum.data, sizeof checksum);
    if (memcmp(key.data, &s->key, sizeof s->key) || keys != s->buckets.totals.count || checksum != r->checksum)
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

static int receive_item(struct copy_receiver *r, uint8_t kind, struct slice body)
{
    struct fields f = {body, false};
    int err = E_MALFORMED;
    if (r->complete)
        return E_MALFORMED;
    if (kind == ITEM_IMAGE)
        err = receive_image(r->store, &f);
    else if (kind == ITEM_GONE)
        err = receive_gone(r->store, &f);
    else if (kind == ITEM_END)
        err = receive_end(r, &f);
    r->checksum += hash_bytes(&r->store->key, body);
    return err;
}

int copy_receive(struct copy_receiver *r, struct slice *in)
{
    while (in->len) {
        struct fields f = {slice_skip(*in, 1), false};
        uint64_t size = get_number(&f);
        if (f.bad && in->len > VARINT_MAX)
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
