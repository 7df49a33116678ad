/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/kv.h"

#include "base/err.h"

#include <stdlib.h>

#define BLOB_MIN ((size_t)16 * 1024) /* a smaller value is copied into the queue: cheaper than a piece of its own */

/* Two rounds of a 64-bit finaliser: a token that changes with every write, the same on every replica. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static void sibling_of(const struct object_sibling *from, bool head, struct kv_sibling *out)
{
    out->value = head ? slice_make(NULL, 0) : from->value;
    out->meta = from->meta;
    out->last_mod_ms = from->stamp_ms;
    out->deleted = from->tombstone;
}

size_t kv_siblings_size(const struct object *o, bool head)
{
    struct object_cursor cursor = {0};
    struct object_sibling from;
    struct kv_sibling sibling;
    size_t size = 0;
    while (object_next(o, &cursor, &from)) {
        sibling_of(&from, head, &sibling);
        size += kv_sibling_size(&sibling);
    }
    return size;
}

static int put_value(struct session *s, const struct object_sibling *from, struct slice value)
{
    if (from->value_blob && value.len >= BLOB_MIN)
        return outq_push_blob(session_queue(s), from->value_blob, (size_t)(value.data - from->value_blob->data),
                              value.len);
    return buf_append_slice(session_out(s), value);
}

static int put_sibling(const struct kv_answer *a, uint64_t epoch, const struct object_sibling *from)
{
    struct kv_sibling sibling;
    uint64_t seed = from->seq ^ (uint64_t)from->stamp_ms << 20 ^ epoch << 1;
    sibling_of(from, a->head, &sibling);
    kv_vtag(mix(seed), mix(seed ^ 0x9e3779b97f4a7c15ULL), sibling.vtag);
    int err = kv_sibling_put_head(session_out(a->session), &sibling);
    return err ? err : put_value(a->session, from, sibling.value);
}

/* Values, then age. */
static int by_value(const void *a, const void *b)
{
    const struct object_sibling *x = a, *y = b;
    int c = slice_cmp(x->value, y->value);
    return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

struct object_sibling *kv_siblings(const struct object *o, struct object_sibling *one, size_t *count)
{
    struct object_cursor cursor = {0};
    struct object_sibling *all = one;
    *count = record_sibling_count(&o->record);
    if (*count > 1 && !(all = calloc(*count, sizeof *all)))
        return NULL;
    for (size_t i = 0; i < *count; i++)
        object_next(o, &cursor, &all[i]);
    if (*count > 1)
        qsort(all, *count, sizeof *all, by_value);
    return all;
}

static int put_siblings(const struct kv_answer *a, const struct object *o)
{
    struct object_sibling one, *all;
    size_t count;
    int err = 0;
    if (!(all = kv_siblings(o, &one, &count)))
        return E_NOMEM;
    for (size_t i = 0; !err && i < count; i++)
        err = put_sibling(a, o->revision.epoch, &all[i]);
    if (all != &one)
        free(all);
    return err;
}

struct slice kv_encode_vclock(const struct session *s, struct revision revision, uint8_t bytes[VCLOCK_SIZE])
{
    return vclock_of(&s->server->api, s->request->key_tag, revision, bytes);
}

void kv_answer_object(const struct kv_answer *a, const struct object *o, size_t size)
{
    struct session *s = a->session;
    uint8_t bytes[VCLOCK_SIZE];
    struct slice vclock = kv_encode_vclock(s, o->revision, bytes);
    int err = kv_resp_begin(session_out(s), a->code, kv_resp_size(size, vclock, a->key));
    if (!err)
        err = put_siblings(a, o);
    if (!err)
        err = kv_resp_end(session_out(s), vclock, a->key);
    if (err)
        session_broken(s, err);
}

void kv_answer_bare(struct session *s, uint8_t code, struct slice vclock, struct slice key)
{
    int err = kv_resp_begin(session_out(s), code, kv_resp_size(0, vclock, key));
    if (!err)
        err = kv_resp_end(session_out(s), vclock, key);
    if (err)
        session_broken(s, err);
}
