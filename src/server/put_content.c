/* SPDX-License-Identifier: Apache-2.0 */
#include "server/put_content.h"

#include "base/err.h"
#include "store/props.h"

#include <stdlib.h>
#include <strings.h>

#define INDEXES_MAX 4096 /* terms of one object; Riak warns long before */

static bool ends_with(struct slice s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && memcmp(s.data + s.len - n, suffix, n) == 0;
}

static bool ttl_key(struct slice key)
{
    return key.len == sizeof CONTENT_TTL_KEY - 1 && strncasecmp((const char *)key.data, CONTENT_TTL_KEY, key.len) == 0;
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

static bool take_ttl(struct session *s, const struct kv_item *item, uint64_t *ttl_s)
{
    if (!ttl_key(item->key) || parse_ttl(item->value, ttl_s))
        return true;
    session_error(s, "Invalid " CONTENT_TTL_KEY " '%.*s': give whole seconds from 1 to %u, or 0 for ever",
                  (int)(item->value.len < 64 ? item->value.len : 64), (const char *)item->value.data,
                  (unsigned)PROPS_TTL_MAX_S);
    return false;
}

bool content_integer(struct slice text, struct slice *out, bool *negative)
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

static bool fail_index(struct session *s, const struct kv_item *item, bool known_type)
{
    int key_len = (int)(item->key.len < 256 ? item->key.len : 256);
    int value_len = (int)(item->value.len < 256 ? item->value.len : 256);
    if (!known_type)
        session_error(s, "{precommit_fail,[{unknown_field_type,<<\"%.*s\">>}]}", key_len, (const char *)item->key.data);
    else if (item->value.len == 0)
        session_error(s, "{precommit_fail,[{field_parsing_failed,{<<\"%.*s\">>,<<>>}}]}", key_len,
                      (const char *)item->key.data);
    else
        session_error(s, "{precommit_fail,[{field_parsing_failed,{<<\"%.*s\">>,<<\"%.*s\">>}}]}", key_len,
                      (const char *)item->key.data, value_len, (const char *)item->value.data);
    return false;
}

void content_lower(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (uint8_t)(p[i] - 'A' + 'a');
}

static char *lower(struct arena *a, struct slice s)
{
    char *p = arena_strdup(a, s);
    if (p)
        content_lower((uint8_t *)p, s.len);
    return p;
}

static struct slice signed_integer(struct arena *a, struct slice digits, bool negative)
{
    char *p = negative ? arena_alloc(a, digits.len + 1) : NULL;
    if (!p)
        return negative ? slice_make(NULL, 0) : digits;
    p[0] = '-';
    memcpy(p + 1, digits.data, digits.len);
    return slice_make(p, digits.len + 1);
}

/* Riak's form of one index term (riak-pb.md section 4). */
static bool normalise_index(struct session *s, struct kv_item *item)
{
    struct arena *a = &s->server->arena;
    char *name = lower(a, item->key);
    if (!name) {
        session_error(s, "%s", err_text(E_NOMEM));
        return false;
    }
    item->key = slice_make(name, item->key.len);
    if (ends_with(item->key, "_bin") || slice_is(item->key, "$key") || slice_is(item->key, "$bucket"))
        return true;
    if (!ends_with(item->key, "_int"))
        return fail_index(s, item, false);
    struct slice digits;
    bool negative;
    if (!content_integer(item->value, &digits, &negative))
        return fail_index(s, item, true);
    item->value = signed_integer(a, digits, negative);
    return true;
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

/* Links and user metadata in the order given; the indexes are counted for what follows. */
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

/* Reads the lists once more for what they mean: the life, and the index terms. */
static bool read_lists(struct session *s, const struct kv_content *content, uint64_t *ttl_s, struct kv_item *terms)
{
    struct slice rest = content->raw;
    struct kv_item item;
    size_t n = 0;
    while (kv_content_next(&rest, &item) > 0) {
        if (item.kind == KV_USERMETA && !take_ttl(s, &item, ttl_s))
            return false;
        if (item.kind == KV_INDEX) {
            if (!normalise_index(s, &item))
                return false;
            terms[n++] = item;
        }
    }
    return true;
}

static bool prepare_lists(struct session *s, const struct kv_content *content, uint64_t *ttl_s)
{
    struct buf *meta = &s->server->meta;
    struct arena *a = &s->server->arena;
    size_t indexes = count_items(content, KV_INDEX);
    if (indexes > INDEXES_MAX) {
        session_error(s, "{precommit_fail,[{too_many_indexes,%zu}]}", indexes);
        return false;
    }
    arena_reset(a);
    struct kv_item *terms = arena_alloc(a, (indexes + 1) * sizeof *terms);
    int err = terms ? 0 : E_NOMEM;
    if (!err && !read_lists(s, content, ttl_s, terms))
        return false;
    if (!err)
        err = put_items(meta, content, KV_LINK);
    if (!err)
        err = put_items(meta, content, KV_USERMETA);
    if (!err)
        err = put_indexes(meta, terms, indexes);
    if (err)
        session_error(s, "%s", err_text(err));
    return !err;
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

bool content_prepare(struct session *s, const struct kv_content *content, uint64_t *ttl_s)
{
    struct buf *meta = &s->server->meta;
    buf_consume(meta, buf_len(meta));
    int err = put_texts(meta, content);
    if (err) {
        session_error(s, "%s", err_text(err));
        return false;
    }
    return !content->has_lists || prepare_lists(s, content, ttl_s);
}
