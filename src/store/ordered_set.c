/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ordered_set.h"

#include "base/assert.h"
#include "base/err.h"
#include "store/record.h"

#include <stdlib.h>

/* entry = shared varint (bytes that it has in common with the entry before it, as many as there are), length varint (of
 * the rest), rest. The first entry of a block shares nothing. */
struct ordered_block {
    uint32_t used; /* bytes of entries */
    uint8_t data[];
};

#define BLOCK_SLACK 64 /* bytes that a block may hold unused, and by which it grows */
#define HEAD_MAX    20 /* of an entry's two numbers */

struct entry {
    size_t shared;
    struct slice rest;
    uint32_t end; /* where the entry after it begins */
};

static void read_entry(const struct ordered_block *b, uint32_t at, struct entry *out)
{
    uint64_t shared, len;
    const uint8_t *p = varint_get(b->data + at, &shared);
    p = varint_get(p, &len);
    out->shared = (size_t)shared;
    out->rest = slice_make(p, (size_t)len);
    out->end = (uint32_t)(p + len - b->data);
}

static struct slice first_entry(const struct ordered_block *b)
{
    struct entry e;
    read_entry(b, 0, &e);
    return e.rest;
}

static size_t common(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len, i = 0;
    while (i < n && a.data[i] == b.data[i])
        i++;
    return i;
}

/* Where a string stands in a block, or would stand. */
struct place {
    uint32_t at;   /* of the first entry that is not before it */
    size_t before; /* bytes that it shares with the entry in front of that */
    size_t behind; /* bytes that it shares with the entry at `at` */
    bool found;    /* they are equal */
};

/* No entry is unpacked: what two neighbours share says on which side of both the string is. */
static void find_place(const struct ordered_block *b, struct slice x, struct place *out)
{
    struct entry e;
    *out = (struct place){0};
    for (; out->at < b->used; out->at = e.end) {
        read_entry(b, out->at, &e);
        out->behind = e.shared;
        if (e.shared < out->before)
            return;
        if (e.shared > out->before)
            continue;
        struct slice rest = slice_skip(x, e.shared);
        size_t n = common(rest, e.rest);
        out->behind += n;
        out->found = n == rest.len && n == e.rest.len;
        if (out->found || (n < e.rest.len && (n == rest.len || rest.data[n] < e.rest.data[n])))
            return;
        out->before += n;
    }
    out->behind = 0;
}

/* The last block whose first entry is not after x; the first one if there is none. */
static size_t find_block(const struct ordered_set *s, struct slice x)
{
    size_t low = 0, high = s->block_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (slice_cmp(first_entry(s->blocks[middle]), x) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* --- blocks --- */

static void free_charged(struct store_memory *m, void *p)
{
    memory_release(m, p);
    free(p);
}

/* Room for `used` bytes of entries; makes the block smaller where that is worth it. E_NOMEM only if it must grow. */
static int block_resize(struct ordered_set *s, size_t i, size_t used)
{
    struct ordered_block *b = s->blocks[i];
    size_t have = b ? malloc_usable_size(b) : 0, need = sizeof *b + used;
    if (have >= need && have - need <= 2 * BLOCK_SLACK)
        return 0;
    size_t old_footprint = memory_footprint(b);
    struct ordered_block *moved = realloc(b, need + BLOCK_SLACK);
    if (!moved)
        return have >= need ? 0 : E_NOMEM;
    if (!b)
        moved->used = 0;
    s->blocks[i] = moved;
    s->memory->used -= old_footprint;
    memory_charge(s->memory, moved);
    return 0;
}

/* Makes room for one more place in the array, at i. The block there is made by the caller. */
static int array_open(struct ordered_set *s, size_t i)
{
    if (s->block_count == s->blocks_cap) {
        size_t cap = s->blocks_cap + s->blocks_cap / 8 + 1, old_footprint = memory_footprint(s->blocks);
        struct ordered_block **blocks = realloc(s->blocks, cap * sizeof(struct ordered_block *));
        if (!blocks)
            return E_NOMEM;
        s->blocks = blocks;
        s->blocks_cap = cap;
        s->memory->used -= old_footprint;
        memory_charge(s->memory, blocks);
    }
    memmove(s->blocks + i + 1, s->blocks + i, (s->block_count - i) * sizeof(struct ordered_block *));
    s->blocks[i] = NULL;
    s->block_count++;
    return 0;
}

static void array_close(struct ordered_set *s, size_t i)
{
    free_charged(s->memory, s->blocks[i]);
    s->block_count--;
    memmove(s->blocks + i, s->blocks + i + 1, (s->block_count - i) * sizeof(struct ordered_block *));
    if (s->block_count > s->blocks_cap / 2)
        return;
    size_t cap = s->block_count + s->block_count / 8 + 1, old_footprint = memory_footprint(s->blocks);
    struct ordered_block **blocks = realloc(s->blocks, cap * sizeof(struct ordered_block *));
    if (!blocks)
        return;
    s->blocks = blocks;
    s->blocks_cap = cap;
    s->memory->used -= old_footprint;
    memory_charge(s->memory, blocks);
}

static struct slice head_of(uint8_t out[HEAD_MAX], size_t shared, size_t len)
{
    return slice_make(out, (size_t)(varint_put(varint_put(out, shared), len) - out));
}

static uint8_t *put(uint8_t *p, struct slice s)
{
    if (s.len)
        memcpy(p, s.data, s.len);
    return p + s.len;
}

/* Replaces the bytes from `from` to `to` by `parts`, which do not lie in the block. There is room. */
static void splice(struct ordered_block *b, size_t from, size_t to, const struct slice *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    if (b->used > to)
        memmove(b->data + from + len, b->data + to, b->used - to);
    uint8_t *p = b->data + from;
    for (size_t i = 0; i < count; i++)
        p = put(p, parts[i]);
    b->used = (uint32_t)(b->used - (to - from) + len);
}

/* --- adding --- */

static int insert(struct ordered_set *s, size_t i, const struct place *at, struct slice x)
{
    struct ordered_block *b = s->blocks[i];
    uint8_t head[HEAD_MAX], next_head[HEAD_MAX];
    struct slice parts[3] = {head_of(head, at->before, x.len - at->before), slice_skip(x, at->before)};
    size_t to = at->at;
    if (at->at < b->used) { /* the entry after it shares other bytes now, never fewer */
        struct entry next;
        read_entry(b, at->at, &next);
        size_t more = at->behind - next.shared;
        parts[2] = head_of(next_head, at->behind, next.rest.len - more);
        to = (size_t)(next.rest.data - b->data) + more;
    }
    size_t added = parts[0].len + parts[1].len + parts[2].len, removed = to - at->at;
    if (b->used + added - removed > UINT32_MAX / 2)
        return E_NOMEM;
    int err = block_resize(s, i, b->used + added - removed);
    if (!err)
        splice(s->blocks[i], at->at, to, parts, 3);
    return err;
}

/* The first `n` bytes of the entry in front of `at`, at least as long. */
static void unpack_prefix(const struct ordered_block *b, uint32_t at, uint8_t *out, size_t n)
{
    struct entry e;
    for (uint32_t i = 0; i < at; i = e.end) {
        read_entry(b, i, &e);
        if (e.shared >= n)
            continue;
        size_t room = n - e.shared;
        put(out + e.shared, slice_make(e.rest.data, e.rest.len < room ? e.rest.len : room));
    }
}

/* The entry boundary nearest behind the middle, not an end of the block; 0: the block has one entry. */
static uint32_t find_middle(const struct ordered_block *b)
{
    struct entry e;
    uint32_t at = 0;
    for (uint32_t i = 0; i < b->used && at < b->used / 2; i = e.end) {
        read_entry(b, i, &e);
        if (e.end == b->used)
            return i;
        at = e.end;
    }
    return at;
}

/* Divides a block that has become too large. Without memory it stays as it is: slower, not wrong. */
static void split(struct ordered_set *s, size_t i)
{
    uint32_t at = find_middle(s->blocks[i]);
    struct entry first;
    uint8_t head[HEAD_MAX];
    if (at == 0 || array_open(s, i + 1))
        return;
    struct ordered_block *a = s->blocks[i];
    read_entry(a, at, &first);
    size_t len = first.shared + first.rest.len, tail = a->used - first.end;
    struct slice packed = head_of(head, 0, len);
    if (block_resize(s, i + 1, packed.len + len + tail)) {
        array_close(s, i + 1);
        return;
    }
    struct ordered_block *b = s->blocks[i + 1];
    uint8_t *p = put(b->data, packed);
    unpack_prefix(a, at, p, first.shared);
    p = put(p + first.shared, first.rest);
    put(p, slice_make(a->data + first.end, tail));
    b->used = (uint32_t)(packed.len + len + tail);
    a->used = at;
    block_resize(s, i, at);
}

static int begin_block(struct ordered_set *s)
{
    int err = array_open(s, 0);
    if (!err)
        err = block_resize(s, 0, 0);
    if (err && s->block_count)
        array_close(s, 0);
    return err;
}

int ordered_set_add(struct ordered_set *s, struct slice x)
{
    struct place at;
    int err = s->block_count ? 0 : begin_block(s);
    if (err)
        return err;
    size_t i = find_block(s, x);
    find_place(s->blocks[i], x, &at);
    if (at.found)
        return E_EXISTS;
    err = insert(s, i, &at, x);
    if (err) {
        if (s->blocks[i]->used == 0)
            array_close(s, i);
        return err;
    }
    s->count++;
    if (s->blocks[i]->used > ORDERED_SET_BLOCK_MAX)
        split(s, i);
    return 0;
}

/* --- removing --- */

/* Takes the entry out; what it had in common with the entry in front of it is all that the one after it can share. */
static void take_out(struct ordered_block *b, const struct place *at, struct slice x)
{
    struct entry e, next;
    uint8_t head[HEAD_MAX];
    read_entry(b, at->at, &e);
    if (e.end == b->used) {
        b->used = at->at;
        return;
    }
    read_entry(b, e.end, &next);
    size_t shared = e.shared < next.shared ? e.shared : next.shared;
    struct slice own = slice_make(x.data + shared, next.shared - shared);
    struct slice parts[2] = {head_of(head, shared, own.len + next.rest.len), own};
    splice(b, at->at, (size_t)(next.rest.data - b->data), parts, 2);
}

/* Appends the block after the one at i to it, where both are small. */
static void merge(struct ordered_set *s, size_t i)
{
    if (i + 1 >= s->block_count || s->blocks[i]->used + s->blocks[i + 1]->used > ORDERED_SET_BLOCK_MAX / 2)
        return;
    struct place end;
    uint8_t head[HEAD_MAX];
    const struct ordered_block *b = s->blocks[i + 1];
    struct slice first = first_entry(b);
    size_t skipped = (size_t)(first.data + first.len - b->data);
    find_place(s->blocks[i], first, &end);
    struct slice parts[3] = {head_of(head, end.before, first.len - end.before), slice_skip(first, end.before),
                             slice_make(b->data + skipped, b->used - skipped)};
    if (block_resize(s, i, s->blocks[i]->used + parts[0].len + parts[1].len + parts[2].len))
        return;
    splice(s->blocks[i], s->blocks[i]->used, s->blocks[i]->used, parts, 3);
    array_close(s, i + 1);
}

bool ordered_set_remove(struct ordered_set *s, struct slice x)
{
    struct place at;
    size_t i = find_block(s, x);
    if (s->block_count == 0)
        return false;
    find_place(s->blocks[i], x, &at);
    if (!at.found)
        return false;
    take_out(s->blocks[i], &at, x);
    s->count--;
    if (s->blocks[i]->used == 0) {
        array_close(s, i);
    } else {
        block_resize(s, i, s->blocks[i]->used);
        merge(s, i);
    }
    if (i > 0)
        merge(s, i - 1);
    return true;
}

bool ordered_set_has(const struct ordered_set *s, struct slice x)
{
    struct place at = {0};
    if (s->block_count)
        find_place(s->blocks[find_block(s, x)], x, &at);
    return at.found;
}

/* --- life --- */

void ordered_set_init(struct ordered_set *s, struct store_memory *memory)
{
    *s = (struct ordered_set){.memory = memory};
}

void ordered_set_fini(struct ordered_set *s)
{
    for (size_t i = 0; i < s->block_count; i++)
        free_charged(s->memory, s->blocks[i]);
    free_charged(s->memory, s->blocks);
    ordered_set_init(s, s->memory);
}

/* --- walks --- */

int ordered_cursor_init(struct ordered_cursor *c, const struct ordered_set *s, struct slice from)
{
    *c = (struct ordered_cursor){.set = s};
    buf_init(&c->entry, SIZE_MAX / 2);
    return ordered_cursor_seek(c, from);
}

int ordered_cursor_seek(struct ordered_cursor *c, struct slice from)
{
    struct place at;
    buf_consume(&c->entry, buf_len(&c->entry));
    c->block = find_block(c->set, from);
    c->at = 0;
    if (c->set->block_count == 0)
        return 0;
    find_place(c->set->blocks[c->block], from, &at);
    c->at = at.at;
    /* All that the next entry shares with the one in front of it. */
    return buf_append_slice(&c->entry, slice_make(from.data, at.before));
}

void ordered_cursor_fini(struct ordered_cursor *c)
{
    buf_fini(&c->entry);
}

int ordered_cursor_next(struct ordered_cursor *c, struct slice *out)
{
    struct entry e;
    while (c->block < c->set->block_count && c->at == c->set->blocks[c->block]->used) {
        c->block++;
        c->at = 0;
    }
    if (c->block >= c->set->block_count)
        return 0;
    read_entry(c->set->blocks[c->block], c->at, &e);
    ASSERT(e.shared <= buf_len(&c->entry));
    c->entry.end = c->entry.start + e.shared;
    int err = buf_append_slice(&c->entry, e.rest);
    if (err)
        return err;
    c->at = e.end;
    *out = buf_slice(&c->entry);
    return 1;
}

void ordered_set_check(const struct ordered_set *s)
{
    size_t count = 0;
    struct buf last;
    buf_init(&last, SIZE_MAX / 2);
    for (size_t i = 0; i < s->block_count; i++) {
        const struct ordered_block *b = s->blocks[i];
        struct entry e;
        ASSERT(b->used > 0 && sizeof *b + b->used <= malloc_usable_size((void *)(uintptr_t)b));
        for (uint32_t at = 0; at < b->used; at = e.end) {
            read_entry(b, at, &e);
            ASSERT(at || e.shared == 0);
            struct slice before = buf_slice(&last), own = slice_skip(before, e.shared);
            /* As many bytes as there are in common, and behind it. */
            ASSERT(count == 0 ||
                   (at == 0 ? slice_cmp(e.rest, before) > 0 : common(own, e.rest) == 0 && slice_cmp(e.rest, own) > 0));
            last.end = last.start + e.shared;
            ASSERT(buf_append_slice(&last, e.rest) == 0);
            count++;
        }
    }
    ASSERT(count == s->count && s->block_count <= s->blocks_cap);
    buf_fini(&last);
}
