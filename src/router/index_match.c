/* SPDX-License-Identifier: Apache-2.0 */
#include "router/index_match.h"

#include "wire/kv_msg.h"

static bool ends(struct slice name, const char with[4])
{
    return name.len >= 4 && memcmp(name.data + name.len - 4, with, 4) == 0;
}

bool index_match_is_integer(struct slice index)
{
    return ends(index, "_int");
}

bool index_match_is_special(struct slice index)
{
    return slice_is(index, "$key") || slice_is(index, "$bucket");
}

bool index_match_is_index(struct slice index)
{
    return ends(index, "_bin") || index_match_is_integer(index) || index_match_is_special(index);
}

static int cmp_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

/* Without their signs: the longer is the greater. */
static int cmp_digits(struct slice a, struct slice b)
{
    int c = cmp_sizes(a.len, b.len);
    return c ? c : slice_cmp(a, b);
}

static int cmp_integers(struct slice a, struct slice b)
{
    bool below_a = a.len && a.data[0] == '-', below_b = b.len && b.data[0] == '-';
    if (below_a != below_b)
        return below_a ? -1 : 1;
    return below_a ? cmp_digits(b, a) : cmp_digits(a, b);
}

int index_match_cmp_terms(bool integer, struct slice a, struct slice b)
{
    return integer ? cmp_integers(a, b) : slice_cmp(a, b);
}

int index_match_cmp_hits(bool integer, const struct router_hit *a, const struct router_hit *b)
{
    int c = index_match_cmp_terms(integer, a->term, b->term);
    return c ? c : slice_cmp(a->key, b->key);
}

static bool admits(const struct router_query *q, const struct router_hit *hit)
{
    bool integer = index_match_is_integer(q->index);
    return (!q->has_after || index_match_cmp_hits(integer, hit, &q->after) > 0) &&
           (!q->has_below || index_match_cmp_hits(integer, hit, &q->below) < 0);
}

static bool in_range(const struct router_query *q, struct slice term)
{
    bool integer = index_match_is_integer(q->index);
    return index_match_cmp_terms(integer, q->min, term) <= 0 && index_match_cmp_terms(integer, term, q->max) <= 0;
}

/* Whether a sibling before this one has the same term. */
static bool is_in_earlier(const struct object *o, uint64_t seq, const struct kv_item *term)
{
    struct object_cursor cursor = {0};
    struct object_sibling s;
    while (object_next(o, &cursor, &s) && s.seq != seq) {
        struct kv_item item;
        while (!s.tombstone && kv_content_next(&s.meta, &item) > 0)
            if (item.kind == KV_INDEX && slice_eq(item.key, term->key) && slice_eq(item.value, term->value))
                return true;
    }
    return false;
}

static void query_sibling(const struct router_query *q, struct slice key, const struct object *o,
                          const struct object_sibling *s, router_hit_f f, void *arg)
{
    struct slice meta = s->meta;
    struct kv_item item;
    while (kv_content_next(&meta, &item) > 0) {
        struct router_hit hit = {item.value, key};
        if (item.kind == KV_INDEX && slice_eq(item.key, q->index) && in_range(q, item.value) && admits(q, &hit) &&
            !is_in_earlier(o, s->seq, &item))
            f(arg, &hit);
    }
}

void index_match_object(const struct router_query *q, struct slice key, const struct object *o, router_hit_f f,
                        void *arg)
{
    struct object_cursor cursor = {0};
    struct object_sibling s;
    if (index_match_is_special(q->index)) {
        struct router_hit hit = {{0}, key};
        if ((slice_is(q->index, "$bucket") || in_range(q, key)) && admits(q, &hit))
            f(arg, &hit);
        return;
    }
    while (object_next(o, &cursor, &s))
        if (!s.tombstone)
            query_sibling(q, key, o, &s, f, arg);
}

bool index_match_next_term(struct slice *meta, struct store_term *out)
{
    struct kv_item item;
    while (kv_content_next(meta, &item) > 0) {
        if (item.kind != KV_INDEX || index_match_is_special(item.key) || !index_match_is_index(item.key))
            continue;
        *out = (struct store_term){item.key, item.value, index_match_is_integer(item.key)};
        return true;
    }
    return false;
}

struct store_range index_match_range(const struct router_query *q)
{
    return (struct store_range){.index = q->index,
                                .integer = index_match_is_integer(q->index),
                                .min = q->min,
                                .max = q->max,
                                .has_after = q->has_after,
                                .has_below = q->has_below,
                                .after_term = q->after.term,
                                .after_key = q->after.key,
                                .below_term = q->below.term,
                                .below_key = q->below.key,
                                .limit = q->limit};
}

static void code_hit(struct coder *c, struct router_hit *h)
{
    code_slice(c, &h->term);
    code_slice(c, &h->key);
}

void index_match_code(struct coder *c, struct router_query *q)
{
    code_slice(c, &q->index);
    code_slice(c, &q->min);
    code_slice(c, &q->max);
    code_bool(c, &q->has_after);
    code_hit(c, &q->after);
    code_bool(c, &q->has_below);
    code_hit(c, &q->below);
    code_u32(c, &q->limit);
}
