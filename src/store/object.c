/* SPDX-License-Identifier: Apache-2.0 */
#include "store/object.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>

void sibling_list_fini(struct sibling_list *l)
{
    free(l->at);
    *l = (struct sibling_list){0};
}

int sibling_list_push(struct sibling_list *l, const struct sibling *s)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        struct sibling *at = realloc(l->at, cap * sizeof *at);
        if (!at)
            return E_NOMEM;
        l->at = at;
        l->cap = cap;
    }
    l->at[l->count++] = *s;
    return 0;
}

void object_forget(struct sibling_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        blob_put(l->at[i].value.blob);
        blob_put(l->at[i].meta.blob);
    }
    l->count = 0;
}

bool object_is_dead(const struct sibling_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (!l->at[i].tombstone)
            return false;
    return true;
}

/* Whether a sibling outlives the write. A delete without context has read the present state first, as Riak's does. */
static bool survives(const struct sibling *s, const struct store_command *c, const struct write_stamp *w)
{
    if (!c->rules.allow_mult)
        return false;
    if (c->op == STORE_DELETE && c->context.kind == CONTEXT_NONE)
        return false;
    return s->seq > w->seen_seq;
}

static int keep_survivors(struct sibling_list *out, const struct record *old, const struct store_command *c,
                          const struct write_stamp *w)
{
    struct sibling_cursor cursor = {0};
    struct sibling s;
    while (old && record_next_sibling(old, &cursor, &s)) {
        if (!survives(&s, c, w))
            continue;
        int err = sibling_list_push(out, &s);
        if (err)
            return err;
        if (s.value.blob)
            blob_get(s.value.blob);
        if (s.meta.blob)
            blob_get(s.meta.blob);
    }
    return 0;
}

int object_own_bytes(struct content_bytes *b, const struct content_bytes *from, size_t inline_max)
{
    *b = (struct content_bytes){.bytes = from->bytes};
    if (from->bytes.len <= inline_max)
        return 0;
    if (from->blob) {
        b->blob = blob_get(from->blob);
        return 0;
    }
    b->blob = blob_create(from->bytes.len);
    if (!b->blob)
        return E_NOMEM;
    memcpy(b->blob->data, from->bytes.data, from->bytes.len);
    b->bytes.data = b->blob->data;
    return 0;
}

static int add_written(struct sibling_list *out, const struct store_command *c, const struct write_stamp *w)
{
    struct sibling s = {.seq = w->seq, .stamp = w->stamp, .tombstone = c->op == STORE_DELETE || c->tombstone};
    int err = c->op == STORE_PUT ? object_own_bytes(&s.value, &c->value, RECORD_INLINE_MAX) : 0;
    if (!err && c->op == STORE_PUT)
        err = object_own_bytes(&s.meta, &c->meta, RECORD_META_MAX);
    if (!err)
        err = sibling_list_push(out, &s);
    if (err) {
        blob_put(s.value.blob);
        blob_put(s.meta.blob);
    }
    return err;
}

static uint64_t bytes_of(const struct sibling_list *l)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < l->count; i++)
        bytes += l->at[i].value.bytes.len + l->at[i].meta.bytes.len;
    return bytes;
}

/* Only what a put adds is held against the limits: a delete must always be able to shrink an object. */
static int check_limits(const struct sibling_list *l, const struct store_command *c, uint64_t *excess)
{
    if (c->op != STORE_PUT)
        return 0;
    if (l->count > c->rules.siblings_max) {
        *excess = l->count;
        return E_TOO_MANY;
    }
    uint64_t bytes = bytes_of(l);
    if (bytes <= c->rules.size_max)
        return 0;
    *excess = bytes;
    return E_TOO_LARGE;
}

int object_write(struct sibling_list *out, const struct record *old, const struct store_command *c,
                 const struct write_stamp *w, uint64_t *excess)
{
    ASSERT(out->count == 0);
    int err = keep_survivors(out, old, c, w);
    if (!err)
        err = add_written(out, c, w);
    if (!err)
        err = check_limits(out, c, excess);
    if (err)
        object_forget(out);
    return err;
}
