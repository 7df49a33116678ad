/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_map.h"

#include "riak/kv.h"
#include "riak/mapred/mapred_reduce.h"
#include "wire/kv_msg.h"

#include <stdlib.h>
#include <string.h>

/* Of one object, by their values. */
struct siblings {
    struct object_sibling *at;
    size_t count;
};

static bool append(json_t *list, json_t *value)
{
    return value && json_array_append_new(list, value) == 0;
}

static const char *chars(struct slice s)
{
    return s.data ? (const char *)s.data : "";
}

static json_t *text_of(struct slice s)
{
    return json_stringn(chars(s), s.len);
}

static bool append_text(json_t *list, bool bytes, struct slice text, const char **why)
{
    json_t *value = bytes ? json_stringn_nocheck(chars(text), text.len) : text_of(text);
    if (!value)
        *why = "a value is no UTF-8 text: JSON cannot hold it";
    return append(list, value);
}

/* --- what is not there --- */

/* Erlang's `undefined` where there is none. */
static json_t *keydata(const struct mapred_phase *p, const struct mapred_input *in)
{
    return in->data ? json_incref((json_t *)(uintptr_t)in->data) : p->bytes ? json_null() : json_string("undefined");
}

/* Riak's {error, notfound}; in JSON, which has no such thing, what is not found. */
static json_t *not_found_of(const struct mapred_phase *p, const struct mapred_input *in)
{
    if (p->bytes)
        return json_pack("{s:n}", "not_found");
    if (in->type.len)
        return json_pack("{s:{s:s%, s:s%, s:s%, s:o}}", "not_found", "bucket_type", chars(in->type), in->type.len,
                         "bucket", chars(in->bucket), in->bucket.len, "key", chars(in->key), in->key.len, "keydata",
                         keydata(p, in));
    return json_pack("{s:{s:s%, s:s%, s:o}}", "not_found", "bucket", chars(in->bucket), in->bucket.len, "key",
                     chars(in->key), in->key.len, "keydata", keydata(p, in));
}

static bool map_not_found(const struct mapred_phase *p, const struct mapred_input *in, json_t *out)
{
    const char *how = json_is_string(p->arg) ? json_string_value(p->arg) : "";
    json_t *sub = json_object_get(p->arg, "sub");
    if (p->function == MAP_LINKS || strcmp(how, "filter_notfound") == 0)
        return true;
    if (strcmp(how, "include_keydata") == 0)
        return append(out, keydata(p, in));
    if (sub) /* the list of what comes of it */
        return json_is_array(sub) ? json_array_extend(out, sub) == 0 : json_array_append(out, sub) == 0;
    return append(out, not_found_of(p, in));
}

/* --- the whole object, as Riak shows it --- */

static bool set_pair(json_t *pairs, const struct kv_item *item)
{
    json_t *value = text_of(item->value);
    return value && json_object_setn_new(pairs, chars(item->key), item->key.len, value) == 0;
}

static json_t *link_of(const struct kv_item *item)
{
    return json_pack("[s%, s%, s%]", chars(item->key), item->key.len, chars(item->value), item->value.len,
                     chars(item->tag), item->tag.len);
}

static bool add_item(const struct kv_item *item, json_t *links, json_t *user, json_t *indexes)
{
    if (item->kind == KV_LINK)
        return append(links, link_of(item));
    return set_pair(item->kind == KV_USERMETA ? user : indexes, item);
}

static json_t *metadata_of(const struct object_sibling *s)
{
    json_t *all = json_object(), *links = json_array(), *user = json_object(), *indexes = json_object();
    struct slice rest = s->meta;
    struct kv_item item;
    bool good = all && links && user && indexes;
    while (good && kv_content_next(&rest, &item) > 0)
        good = add_item(&item, links, user, indexes);
    good = good && json_object_set(all, "Links", links) == 0 && json_object_set(all, "X-Riak-Meta", user) == 0 &&
           json_object_set(all, "index", indexes) == 0;
    json_decref(links);
    json_decref(user);
    json_decref(indexes);
    if (good)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *sibling_of(const struct object_sibling *s, const char **why)
{
    json_t *metadata = metadata_of(s), *value = json_object();
    bool good = metadata && value && json_object_set(value, "metadata", metadata) == 0 &&
                json_object_set_new(value, "data", text_of(s->value)) == 0;
    json_decref(metadata);
    if (good)
        return value;
    json_decref(value);
    *why = "an object is no UTF-8 text: JSON cannot hold it";
    return NULL;
}

static json_t *object_of(const struct mapred_input *in, const struct siblings *all, const char *vclock,
                         const char **why)
{
    json_t *values = json_array();
    bool good = values != NULL;
    for (size_t i = 0; good && i < all->count; i++)
        good = all->at[i].tombstone || append(values, sibling_of(&all->at[i], why));
    if (!good) {
        json_decref(values);
        return NULL;
    }
    struct slice type = in->type.len ? in->type : slice_str("default");
    return json_pack("{s:s%, s:s%, s:s%, s:s, s:o}", "bucket_type", chars(type), type.len, "bucket", chars(in->bucket),
                     in->bucket.len, "key", chars(in->key), in->key.len, "vclock", vclock, "values", values);
}

/* --- its values and links --- */

/* Of JSON's text; decoded it takes up to eighty times as much. */
#define LIST_MAX ((size_t)256 * 1024)

static bool append_list(json_t *out, struct slice text, const char **why)
{
    json_error_t error;
    if (text.len > LIST_MAX) {
        *why = "badarg: a value is a list of more than 256 KiB";
        return false;
    }
    json_t *list = json_loadb(chars(text), text.len, JSON_DECODE_ANY, &error);
    bool good = json_is_array(list) && json_array_extend(out, list) == 0;
    if (!json_is_array(list))
        *why = "badarg: a value is no list";
    json_decref(list);
    return good;
}

static bool is_named(const char *wanted, struct slice name)
{
    return !wanted || slice_is(name, wanted);
}

static bool append_links(const struct mapred_phase *p, const struct object_sibling *s, json_t *out)
{
    struct slice rest = s->meta;
    struct kv_item item;
    bool good = true;
    while (good && kv_content_next(&rest, &item) > 0)
        if (item.kind == KV_LINK && is_named(p->bucket, item.key) && is_named(p->tag, item.tag))
            good = append(out, link_of(&item));
    return good;
}

/* Of all siblings together, sorted, each once. */
static bool map_links(const struct mapred_phase *p, const struct siblings *all, json_t *out, const char **why)
{
    json_t *links = json_array(), *sorted = NULL;
    bool good = links != NULL;
    for (size_t i = 0; good && i < all->count; i++)
        good = all->at[i].tombstone || append_links(p, &all->at[i], links);
    if (good)
        sorted = mapred_reduce(REDUCE_SET_UNION, links, why);
    good = sorted && json_array_extend(out, sorted) == 0;
    json_decref(links);
    json_decref(sorted);
    return good;
}

static bool map_sibling(const struct mapred_phase *p, const struct object_sibling *s, json_t *out, const char **why)
{
    return p->function == MAP_OBJECT_VALUE ? append_text(out, p->bytes, s->value, why)
                                           : append_list(out, s->value, why);
}

static bool map_values(const struct mapred_phase *p, const struct siblings *all, json_t *out, const char **why)
{
    bool good = true;
    for (size_t i = 0; good && i < all->count; i++)
        good = all->at[i].tombstone || map_sibling(p, &all->at[i], out, why);
    return good;
}

static bool map_object(const struct mapred_phase *p, const struct mapred_input *in, const struct object *o,
                       const char *vclock, json_t *out, const char **why)
{
    struct object_sibling one;
    struct siblings all;
    all.at = kv_siblings(o, &one, &all.count);
    bool good = all.at && (p->function == MAP_IDENTITY ? append(out, object_of(in, &all, vclock, why))
                           : p->function == MAP_LINKS  ? map_links(p, &all, out, why)
                                                       : map_values(p, &all, out, why));
    if (all.at != &one)
        free(all.at);
    return good;
}

bool mapred_map(const struct mapred_phase *p, const struct mapred_input *in, const struct object *o, const char *vclock,
                json_t *out, const char **why)
{
    *why = NULL;
    bool good = o ? map_object(p, in, o, vclock, out, why) : map_not_found(p, in, out);
    if (!good && !*why)
        *why = "a name or a link is no UTF-8 text, which JSON cannot hold, or memory is out";
    return good;
}

size_t mapred_weight(const json_t *v)
{
    size_t weight = 32, i; /* a number */
    const char *name;
    json_t *part;
    if (json_is_string(v))
        return 80 + json_string_length(v);
    if (json_is_array(v)) {
        weight = 128;
        json_array_foreach(v, i, part) weight += 8 + mapred_weight(part);
    } else if (json_is_object(v)) {
        weight = 200;
        json_object_foreach((json_t *)(uintptr_t)v, name, part) weight += 96 + strlen(name) + mapred_weight(part);
    }
    return weight;
}
