/* SPDX-License-Identifier: Apache-2.0 */
#include "api/put_content.h"

#include "base/err.h"
#include "store/props.h"

#include <stdlib.h>
#include <strings.h>

#define META_MAX  ((size_t)64 * 1024 * 1024) /* never the narrow place: the message is */
#define TERMS_MAX ((size_t)4 * 1024 * 1024)

void put_scratch_init(struct put_scratch *m)
{
    buf_init(&m->meta, META_MAX);
    arena_init(&m->terms, TERMS_MAX);
}

void put_scratch_fini(struct put_scratch *m)
{
    buf_fini(&m->meta);
    arena_fini(&m->terms);
}

/* --- time to live --- */

static bool is_ttl_key(struct slice key)
{
    return key.len == sizeof PUT_TTL_KEY - 1 && strncasecmp((const char *)key.data, PUT_TTL_KEY, key.len) == 0;
}

/* Whole seconds in decimal. */
static bool parse_ttl(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 10)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return value <= PROPS_TTL_MAX_S;
}

static bool read_ttl(const struct kv_item *item, struct put_content *out, struct outcome *why)
{
    uint64_t seconds;
    if (!is_ttl_key(item->key))
        return true;
    if (!parse_ttl(item->value, &seconds))
        return outcome_refuse(
            why, (struct outcome){.code = OUTCOME_BAD_TTL, .value = item->value, .limit = PROPS_TTL_MAX_S});
    out->has_ttl = true;
    out->ttl_ms = seconds * 1000;
    return true;
}

/* --- terms of indexes --- */

static bool ends_with(struct slice s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && memcmp(s.data + s.len - n, suffix, n) == 0;
}

bool index_integer(struct slice text, struct slice *out, bool *negative)
{
    struct slice digits = text;
    *negative = text.len && text.data[0] == '-';
    if (text.len && (text.data[0] == '-' || text.data[0] == '+'))
        digits = slice_skip(text, 1);
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++)
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
    while (digits.len > 1 && digits.data[0] == '0')
        digits = slice_skip(digits, 1);
    if (digits.data[0] == '0')
        *negative = false;
    *out = digits;
    return true;
}

void index_field_lower(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (uint8_t)(p[i] - 'A' + 'a');
}

static char *lower(struct arena *a, struct slice s)
{
    char *p = arena_strdup(a, s);
    if (p)
        index_field_lower((uint8_t *)p, s.len);
    return p;
}

/* False: no memory. */
static bool canonical_integer(struct arena *a, struct slice digits, bool negative, struct slice *out)
{
    *out = digits;
    if (!negative)
        return true;
    char *p = arena_alloc(a, digits.len + 1);
    if (!p)
        return false;
    p[0] = '-';
    memcpy(p + 1, digits.data, digits.len);
    *out = slice_make(p, digits.len + 1);
    return true;
}

static bool refuse_term(struct outcome *why, enum outcome_code code, const struct kv_item *item)
{
    return outcome_refuse(why, (struct outcome){.code = code, .name = item->key, .value = item->value});
}

/* The stored form of one index term (docs/riak-protocol.md section 4). */
static bool normalise_term(struct arena *a, struct kv_item *item, struct outcome *why)
{
    char *name = lower(a, item->key);
    if (!name)
        return outcome_fail(why, E_NOMEM);
    item->key = slice_make(name, item->key.len);
    if (ends_with(item->key, "_bin") || slice_is(item->key, "$key") || slice_is(item->key, "$bucket"))
        return true;
    if (!ends_with(item->key, "_int"))
        return refuse_term(why, OUTCOME_BAD_INDEX_FIELD, item);
    struct slice digits;
    bool negative;
    if (!index_integer(item->value, &digits, &negative))
        return refuse_term(why, OUTCOME_BAD_INDEX_VALUE, item);
    return canonical_integer(a, digits, negative, &item->value) || outcome_fail(why, E_NOMEM);
}

static int compare_terms(const void *pa, const void *pb)
{
    const struct kv_item *a = pa, *b = pb;
    int c = slice_cmp(a->key, b->key);
    return c ? c : slice_cmp(a->value, b->value);
}

/* Sorted, without duplicates. */
static int put_indexes(struct buf *meta, struct kv_item *terms, size_t count)
{
    int err = 0;
    qsort(terms, count, sizeof *terms, compare_terms);
    for (size_t i = 0; !err && i < count; i++)
        if (i == 0 || compare_terms(&terms[i - 1], &terms[i]) != 0)
            err = kv_meta_put_item(meta, &terms[i]);
    return err;
}

/* --- the lists --- */

/* Links or user metadata, in the order given. */
static int put_items(struct buf *meta, const struct kv_content *content, enum kv_item_kind kind)
{
    struct slice rest = content->raw;
    struct kv_item item;
    int err = 0;
    while (!err && kv_content_next(&rest, &item) > 0)
        if (item.kind == kind)
            err = kv_meta_put_item(meta, &item);
    return err;
}

static size_t count_items(const struct kv_content *content, enum kv_item_kind kind)
{
    struct slice rest = content->raw;
    struct kv_item item;
    size_t n = 0;
    while (kv_content_next(&rest, &item) > 0)
        n += item.kind == kind;
    return n;
}

/* Reads the lists for what they mean: the time to live, and the index terms. */
static bool read_lists(struct arena *a, const struct kv_content *content, struct put_content *out,
                       struct kv_item *terms, struct outcome *why)
{
    struct slice rest = content->raw;
    struct kv_item item;
    size_t n = 0;
    while (kv_content_next(&rest, &item) > 0) {
        if (item.kind == KV_USERMETA && !read_ttl(&item, out, why))
            return false;
        if (item.kind == KV_INDEX) {
            if (!normalise_term(a, &item, why))
                return false;
            terms[n++] = item;
        }
    }
    return true;
}

static bool prepare_lists(struct put_scratch *m, const struct kv_content *content, struct put_content *out,
                          struct outcome *why)
{
    size_t indexes = count_items(content, KV_INDEX);
    if (indexes > PUT_INDEXES_MAX)
        return outcome_refuse(
            why, (struct outcome){.code = OUTCOME_TOO_MANY_INDEXES, .number = indexes, .limit = PUT_INDEXES_MAX});
    arena_reset(&m->terms);
    struct kv_item *terms = arena_alloc(&m->terms, (indexes + 1) * sizeof *terms);
    if (!terms)
        return outcome_fail(why, E_NOMEM);
    if (!read_lists(&m->terms, content, out, terms, why))
        return false;
    int err = put_items(&m->meta, content, KV_LINK);
    if (!err)
        err = put_items(&m->meta, content, KV_USERMETA);
    if (!err)
        err = put_indexes(&m->meta, terms, indexes);
    return !err || outcome_fail(why, err);
}

static int put_texts(struct buf *meta, const struct kv_content *content)
{
    int err = content->has_content_type ? kv_meta_put_text(meta, 2, content->content_type) : 0;
    if (!err && content->has_charset)
        err = kv_meta_put_text(meta, 3, content->charset);
    if (!err && content->has_content_encoding)
        err = kv_meta_put_text(meta, 4, content->content_encoding);
    return err;
}

bool put_content_prepare(struct put_scratch *m, const struct kv_content *content, struct put_content *out,
                         struct outcome *why)
{
    *out = (struct put_content){0};
    buf_consume(&m->meta, buf_len(&m->meta));
    int err = put_texts(&m->meta, content);
    if (err)
        return outcome_fail(why, err);
    if (content->has_lists && !prepare_lists(m, content, out, why))
        return false;
    out->meta = buf_slice(&m->meta);
    return true;
}
