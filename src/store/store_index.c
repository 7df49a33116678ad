/* SPDX-License-Identifier: Apache-2.0 */
/* The secondary indexes of a store: kept with every change of a record, and asked for ranges. */
#include "base/assert.h"
#include "base/err.h"
#include "store/store_impl.h"

#include <stdlib.h>

void store_keep_index(struct store *s, store_term_next next)
{
    ASSERT(s->buckets.count == 0);
    s->next_term = next;
}

/* --- with every change --- */

static bool has_terms(const struct store *s)
{
    struct store_term t;
    for (size_t i = 0; i < s->siblings.count; i++) {
        const struct sibling *one = &s->siblings.at[i];
        struct slice meta = one->meta.bytes;
        if (meta.len && !one->tombstone && s->next_term(&meta, &t))
            return true;
    }
    return false;
}

size_t store_index_need(const struct store *s, size_t key_len)
{
    size_t size = 0;
    for (size_t i = 0; s->next_term && i < s->siblings.count; i++)
        if (!s->siblings.at[i].tombstone)
            size += index_footprint(s->next_term, s->siblings.at[i].meta.bytes, key_len);
    return size;
}

static void list_siblings(struct store *s, struct slice key)
{
    struct index_list *l = &s->indexed->now;
    index_list_clear(l);
    for (size_t i = 0; i < s->siblings.count; i++)
        if (!s->siblings.at[i].tombstone)
            index_list_add(l, s->next_term, s->siblings.at[i].meta.bytes, key);
}

int store_index_begin(struct store *s, struct bucket *b, struct slice key, const struct record *old)
{
    s->index_changes = s->next_term && (b->index || has_terms(s));
    if (!s->index_changes)
        return 0;
    if (!s->indexed)
        s->indexed = malloc(sizeof *s->indexed);
    int err = s->indexed ? bucket_obtain_index(&s->buckets, b) : E_NOMEM;
    if (!err) {
        list_siblings(s, key);
        index_list_clear(&s->indexed->old);
        if (old)
            index_list_record(&s->indexed->old, s->next_term, old);
        err = index_add_new(b->index, s->indexed);
    }
    if (err) {
        s->index_changes = false;
        bucket_settle_index(&s->buckets, b);
    }
    return err;
}

void store_index_end(struct store *s, struct bucket *b, bool made)
{
    if (!s->index_changes)
        return;
    s->index_changes = false;
    if (made)
        index_remove_old(b->index, s->indexed);
    else
        index_undo(b->index, s->indexed);
    bucket_settle_index(&s->buckets, b);
}

unsigned store_index_remove(struct store *s, struct bucket *b, const struct record *r)
{
    if (!b->index)
        return 0;
    index_list_record(&s->indexed->old, s->next_term, r);
    index_list_clear(&s->indexed->now);
    index_remove_old(b->index, s->indexed);
    bucket_settle_index(&s->buckets, b);
    return s->indexed->old.count;
}

/* --- ranges --- */

/* What the terms of an object, one by one, cost more or less. */
#define WHOLE_COST 256

struct range_walk {
    const struct store *store;
    const struct bucket *bucket;
    const struct store_range *range;
    const struct store_range_found *found;
    struct buf low, high, below; /* places: from the first on, while it begins with the second, before the third */
    struct buf term;
    bool some_due; /* of the bucket's objects: they are not found any more */
    size_t visited, given;
    bool pause, end;
    int err;
};

/* The later of the range's first term and of what it is to be after. */
static int put_low(struct range_walk *w)
{
    const struct store_range *r = w->range;
    int err = index_put_place(&w->low, r->index, r->integer, r->min, slice_make(NULL, 0));
    if (err || !r->has_after)
        return err;
    struct buf after;
    buf_init(&after, SIZE_MAX / 2);
    err = index_put_place(&after, r->index, r->integer, r->after_term, r->after_key);
    if (!err && slice_cmp(buf_slice(&after), buf_slice(&w->low)) >= 0) {
        struct buf low = w->low;
        w->low = after;
        after = low;
    }
    buf_fini(&after);
    return err;
}

static int begin_walk(struct range_walk *w)
{
    const struct store_range *r = w->range;
    buf_init(&w->low, SIZE_MAX / 2);
    buf_init(&w->high, SIZE_MAX / 2);
    buf_init(&w->below, SIZE_MAX / 2);
    buf_init(&w->term, SIZE_MAX / 2);
    int err = put_low(w);
    if (!err)
        err = index_put_place(&w->high, r->index, r->integer, r->max, slice_make(NULL, 0));
    if (!err && r->has_below)
        err = index_put_place(&w->below, r->index, r->integer, r->below_term, r->below_key);
    return err;
}

static void end_walk(struct range_walk *w)
{
    buf_fini(&w->low);
    buf_fini(&w->high);
    buf_fini(&w->below);
    buf_fini(&w->term);
}

static void find_object(const struct range_walk *w, struct slice key, struct record *out)
{
    bool there = table_find(&w->bucket->table, bucket_rehash(w->bucket, key), key, out);
    ASSERT(there); /* the index holds what the table holds */
}

static bool is_due(const struct range_walk *w, struct slice key)
{
    struct record r;
    if (!w->some_due)
        return false;
    find_object(w, key, &r);
    return record_due(&r) <= w->store->stamp;
}

static void take_whole(struct range_walk *w, struct slice key)
{
    struct record r;
    struct object o;
    w->visited += WHOLE_COST;
    find_object(w, key, &r);
    if (record_due(&r) <= w->store->stamp)
        return;
    store_view(w->store, &r, &o);
    w->pause = !w->found->object(w->found->arg, key, &o);
}

static void take_term(struct range_walk *w, struct slice entry)
{
    const struct store_range *r = w->range;
    struct slice key;
    w->visited++;
    w->err = index_entry_read(entry, index_name_size(r->index), r->integer, &w->term, &key);
    if (w->err || is_due(w, key))
        return;
    w->pause = !w->found->term(w->found->arg, buf_slice(&w->term), key);
    w->end = ++w->given == r->limit;
}

static bool is_behind(const struct range_walk *w, struct slice entry)
{
    struct slice high = buf_slice(&w->high);
    struct slice start = slice_make(entry.data, entry.len < high.len ? entry.len : high.len);
    return slice_cmp(start, high) > 0 || (w->range->has_below && slice_cmp(entry, buf_slice(&w->below)) >= 0);
}

/* An entry that was not given yet. */
static void take_entry(struct range_walk *w, struct ordered_cursor *c, struct slice entry)
{
    struct slice low = buf_slice(&w->low);
    if (index_is_whole(entry)) {
        take_whole(w, slice_skip(entry, 1));
        return;
    }
    int order = slice_cmp(entry, low);
    if (order < 0)
        w->err = ordered_cursor_seek(c, low);
    else if (is_behind(w, entry))
        w->end = true;
    else if (order > 0 || !w->range->has_after)
        take_term(w, entry);
}

/* Up to where it pauses: *at moves there. */
static int walk(struct range_walk *w, struct buf *at)
{
    struct ordered_cursor c;
    struct slice entry;
    int more = ordered_cursor_init(&c, w->bucket->index, buf_slice(at));
    while (more >= 0 && !w->err && !w->pause && !w->end && w->visited < STORE_RANGE_VISITED_MAX) {
        more = ordered_cursor_next(&c, &entry);
        w->end = w->end || more == 0;
        if (more > 0 && !slice_eq(entry, buf_slice(at)))
            take_entry(w, &c, entry);
    }
    int err = more < 0 ? more : w->err;
    buf_consume(at, buf_len(at));
    if (!err && !w->end)
        err = buf_append_slice(at, entry);
    ordered_cursor_fini(&c);
    return err;
}

int store_index_range(const struct store *s, struct slice type, struct slice bucket, const struct store_range *r,
                      struct buf *at, const struct store_range_found *f)
{
    const struct bucket *b = bucket_find(&s->buckets, bucket_hash(&s->key, type, bucket), type, bucket);
    ASSERT(s->next_term);
    if (!b || !b->index) {
        buf_consume(at, buf_len(at));
        return 0;
    }
    struct range_walk w = {.store = s, .bucket = b, .range = r, .found = f, .some_due = b->due <= s->stamp};
    int err = begin_walk(&w);
    if (!err)
        err = walk(&w, at);
    end_walk(&w);
    return err;
}

/* --- for tests --- */

struct index_count {
    const struct store *store;
    const struct bucket *bucket;
    struct index_list *list;
    size_t entries;
};

static void count_record(void *arg, const struct record *r)
{
    struct index_count *n = arg;
    index_list_record(n->list, n->store->next_term, r);
    n->entries += n->list->count;
    ASSERT(n->list->count == 0 || (n->bucket->index && index_list_is_in(n->list, n->bucket->index)));
}

void store_index_check(const struct store *s, const struct bucket *b)
{
    uint64_t order = 0;
    struct index_list *list = s->next_term ? malloc(sizeof *list) : NULL;
    struct index_count n = {s, b, list, 0};
    ASSERT(s->next_term || !b->index);
    while (list && table_walk(&b->table, &order, count_record, &n))
        continue;
    free(list);
    if (!b->index)
        return;
    ASSERT(b->index->count > 0 && b->index->count == n.entries);
    ordered_set_check(b->index);
}
