/* SPDX-License-Identifier: Apache-2.0 */
#include "store/index.h"

#include "base/err.h"

enum entry_kind { ENTRY_WHOLE, ENTRY_TERM };

/* --- the order-preserving form --- */

static size_t escaped_size(struct slice s)
{
    size_t size = s.len + 2;
    for (size_t i = 0; i < s.len; i++)
        size += s.data[i] == 0;
    return size;
}

static uint8_t *put_escaped(uint8_t *p, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        *p++ = s.data[i];
        if (s.data[i] == 0)
            *p++ = 255;
    }
    *p++ = 0;
    *p++ = 1;
    return p;
}

/* Of a positive integer the first byte is SIGN + its length, or 255 and four bytes of length. */
#define SIGN       128
#define SHORT_LAST 126

static size_t integer_size(struct slice s)
{
    return s.len + (s.len <= SHORT_LAST ? 1 : 5);
}

static uint8_t *put_integer(uint8_t *p, struct slice s)
{
    uint8_t flip = s.len && s.data[0] == '-' ? 255 : 0;
    if (s.len <= SHORT_LAST) {
        *p++ = (uint8_t)(SIGN + s.len) ^ flip;
    } else {
        *p++ = 255 ^ flip;
        for (unsigned shift = 32; shift; shift -= 8)
            *p++ = (uint8_t)(s.len >> (shift - 8)) ^ flip;
    }
    for (size_t i = 0; i < s.len; i++)
        *p++ = s.data[i] ^ flip;
    return p;
}

static size_t term_size(bool integer, struct slice term)
{
    return integer ? integer_size(term) : escaped_size(term);
}

size_t index_name_size(struct slice name)
{
    return 1 + escaped_size(name);
}

static size_t place_size(struct slice name, bool integer, struct slice term)
{
    return index_name_size(name) + term_size(integer, term);
}

static uint8_t *put_place(uint8_t *p, struct slice name, bool integer, struct slice term)
{
    *p++ = ENTRY_TERM;
    p = put_escaped(p, name);
    return integer ? put_integer(p, term) : put_escaped(p, term);
}

int index_put_place(struct buf *out, struct slice name, bool integer, struct slice term, struct slice key)
{
    uint8_t *p;
    size_t size = place_size(name, integer, term);
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    put_place(p, name, integer, term);
    buf_commit(out, size);
    return buf_append_slice(out, key);
}

bool index_is_whole(struct slice entry)
{
    return entry.data[0] == ENTRY_WHOLE;
}

static struct slice read_escaped(struct slice in, uint8_t *out, size_t *len)
{
    size_t i = 0;
    *len = 0;
    while (!(in.data[i] == 0 && in.data[i + 1] == 1)) {
        out[(*len)++] = in.data[i];
        i += in.data[i] == 0 ? 2 : 1;
    }
    return slice_skip(in, i + 2);
}

static struct slice read_integer(struct slice in, uint8_t *out, size_t *len)
{
    uint8_t flip = in.data[0] < SIGN ? 255 : 0, first = in.data[0] ^ flip;
    size_t head = first == 255 ? 5 : 1;
    *len = first - SIGN;
    if (head > 1) {
        *len = 0;
        for (size_t i = 1; i < head; i++)
            *len = *len << 8 | (in.data[i] ^ flip);
    }
    for (size_t i = 0; i < *len; i++)
        out[i] = in.data[head + i] ^ flip;
    return slice_skip(in, head + *len);
}

int index_entry_read(struct slice entry, size_t name_size, bool integer, struct buf *term, struct slice *key)
{
    uint8_t *p;
    size_t len;
    struct slice rest = slice_skip(entry, name_size);
    buf_consume(term, buf_len(term));
    int err = buf_reserve(term, rest.len, &p);
    if (err)
        return err;
    *key = integer ? read_integer(rest, p, &len) : read_escaped(rest, p, &len);
    buf_commit(term, len);
    return 0;
}

/* --- the entries of an object --- */

void index_list_clear(struct index_list *l)
{
    l->count = 0;
    l->used = 0;
    l->whole = false;
}

static struct slice entry_at(const struct index_list *l, unsigned i)
{
    return slice_make(l->bytes + l->at[i], l->len[i]);
}

static void make_whole(struct index_list *l, struct slice key)
{
    l->whole = true;
    l->count = 1;
    l->at[0] = 0;
    l->len[0] = (uint32_t)key.len + 1;
    l->bytes[0] = ENTRY_WHOLE;
    if (key.len)
        memcpy(l->bytes + 1, key.data, key.len);
}

/* Puts the entry that has been written behind the others into its place, unless it is there. Terms mostly come in
 * order. */
static void insert(struct index_list *l, size_t size)
{
    struct slice e = slice_make(l->bytes + l->used, size);
    unsigned i = l->count;
    int order = 1;
    while (i > 0 && (order = slice_cmp(e, entry_at(l, i - 1))) < 0)
        i--;
    if (order == 0)
        return;
    memmove(l->at + i + 1, l->at + i, (l->count - i) * sizeof l->at[0]);
    memmove(l->len + i + 1, l->len + i, (l->count - i) * sizeof l->len[0]);
    l->at[i] = (uint32_t)l->used;
    l->len[i] = (uint32_t)size;
    l->used += size;
    l->count++;
}

void index_list_add(struct index_list *l, store_term_next next, struct slice meta, struct slice key)
{
    struct store_term t;
    while (!l->whole && next(&meta, &t)) {
        size_t size = place_size(t.index, t.integer, t.term) + key.len;
        if (l->count == INDEX_TERMS_MAX || l->used + size > INDEX_BYTES_MAX) {
            make_whole(l, key);
            return;
        }
        uint8_t *p = put_place(l->bytes + l->used, t.index, t.integer, t.term);
        if (key.len)
            memcpy(p, key.data, key.len);
        insert(l, size);
    }
}

void index_list_record(struct index_list *l, store_term_next next, const struct record *r)
{
    struct sibling_cursor c = {0};
    struct sibling s;
    index_list_clear(l);
    while (record_next_sibling(r, &c, &s))
        if (!s.tombstone)
            index_list_add(l, next, s.meta.bytes, r->key);
}

/* The next entry of `a` from *i on that is not in `b`; both are in order. */
static bool next_only(const struct index_list *a, const struct index_list *b, unsigned *i, unsigned *j,
                      struct slice *out)
{
    while (*i < a->count) {
        *out = entry_at(a, (*i)++);
        int order = 1;
        while (*j < b->count && (order = slice_cmp(entry_at(b, *j), *out)) < 0)
            ++*j;
        if (*j == b->count || order != 0)
            return true;
    }
    return false;
}

/* Removes what is in `a` and not in `b`, up to the `count`th of them. */
static void remove_only(struct ordered_set *set, const struct index_list *a, const struct index_list *b, unsigned count)
{
    unsigned i = 0, j = 0;
    struct slice e;
    while (count-- && next_only(a, b, &i, &j, &e))
        ordered_set_remove(set, e);
}

int index_add_new(struct ordered_set *set, const struct index_change *c)
{
    unsigned i = 0, j = 0, done = 0;
    struct slice e;
    while (next_only(&c->now, &c->old, &i, &j, &e)) {
        int err = ordered_set_add(set, e);
        if (err) {
            remove_only(set, &c->now, &c->old, done);
            return err;
        }
        done++;
    }
    return 0;
}

void index_remove_old(struct ordered_set *set, const struct index_change *c)
{
    remove_only(set, &c->old, &c->now, INDEX_TERMS_MAX);
}

void index_undo(struct ordered_set *set, const struct index_change *c)
{
    remove_only(set, &c->now, &c->old, INDEX_TERMS_MAX);
}

bool index_list_is_in(const struct index_list *l, const struct ordered_set *set)
{
    for (unsigned i = 0; i < l->count; i++)
        if (!ordered_set_has(set, entry_at(l, i)))
            return false;
    return true;
}

/* Beside an entry's bytes: its head, and what a block that is divided takes. */
#define ENTRY_OVERHEAD 64
/* What the first entry of a bucket takes beside that. */
#define INDEX_OVERHEAD 256

size_t index_footprint(store_term_next next, struct slice meta, size_t key_len)
{
    struct store_term t;
    size_t size = 0, count = 0;
    for (; next(&meta, &t); count++) {
        size += place_size(t.index, t.integer, t.term) + key_len;
        if (count == INDEX_TERMS_MAX || size > INDEX_BYTES_MAX)
            return key_len + ENTRY_OVERHEAD + INDEX_OVERHEAD;
    }
    return count ? size + count * ENTRY_OVERHEAD + INDEX_OVERHEAD : 0;
}
