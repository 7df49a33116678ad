/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/object.h"

#include "ephemeralctl/json.h"
#include "ephemeralctl/text.h"

#include <stdio.h>
#include <time.h>

#define TIME_SIZE 32

static struct slice time_text(const struct kv_resp_content *c, char out[TIME_SIZE])
{
    time_t seconds = (time_t)c->last_mod;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(out + n, TIME_SIZE - n, ".%06uZ", c->last_mod_usecs % 1000000);
    return slice_make(out, n);
}

static void print_sibling(size_t number, size_t count, const struct kv_resp_content *c, bool terminal)
{
    char when[TIME_SIZE];
    struct slice value = c->content.value;
    time_text(c, when);
    printf("--- sibling %zu of %zu: %s%zu bytes, modified %s, type ", number, count,
           c->content.deleted ? "deleted, " : "", value.len, when);
    text_name(c->content.has_content_type ? c->content.content_type : slice_str("none"), true, stdout);
    putchar('\n');
    text_value(value, terminal, stdout);
    if (value.len && value.data[value.len - 1] != '\n')
        putchar('\n');
}

void object_print_siblings(const struct kv_resp *r)
{
    bool terminal = text_is_terminal(stdout);
    for (size_t i = 0; i < r->count; i++)
        print_sibling(i + 1, r->count + r->more, &r->content[i], terminal);
}

static void json_hex(struct json *j, const char *name, struct slice s)
{
    char hex[2 * 256 + 1];
    size_t n = s.len < 256 ? s.len : 256;
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", s.data[i]);
    json_string(j, name, slice_make(hex, 2 * n));
}

/* One kind of list at a time: the order within a kind is kept, and pairs may repeat, so they are no JSON object. */
static void json_items(struct json *j, const char *name, enum kv_item_kind kind, struct slice raw)
{
    struct kv_item item;
    json_open(j, name, '[');
    while (kv_content_next(&raw, &item) > 0) {
        if (item.kind != kind)
            continue;
        json_open(j, NULL, '[');
        json_string(j, NULL, item.key);
        json_string(j, NULL, item.value);
        if (kind == KV_LINK)
            json_string(j, NULL, item.tag);
        json_close(j, ']');
    }
    json_close(j, ']');
}

static void json_content(struct json *j, const struct kv_resp_content *c)
{
    char when[TIME_SIZE];
    json_open(j, NULL, '{');
    json_string(j, "value", c->content.value);
    if (c->content.has_content_type)
        json_string(j, "content_type", c->content.content_type);
    if (c->content.has_charset)
        json_string(j, "charset", c->content.charset);
    if (c->content.has_content_encoding)
        json_string(j, "content_encoding", c->content.content_encoding);
    json_string(j, "vtag", c->vtag);
    json_string(j, "last_modified", time_text(c, when));
    if (c->content.deleted)
        json_bool(j, "deleted", true);
    json_items(j, "usermeta", KV_USERMETA, c->content.raw);
    json_items(j, "indexes", KV_INDEX, c->content.raw);
    json_items(j, "links", KV_LINK, c->content.raw);
    json_close(j, '}');
}

void object_print_json(struct slice type, struct slice bucket, struct slice key, const struct kv_resp *r)
{
    struct json j = json_to(stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "type", type.len ? type : slice_str("default"));
    json_string(&j, "bucket", bucket);
    json_string(&j, "key", key);
    json_hex(&j, "vclock", r->vclock);
    json_open(&j, "siblings", '[');
    for (size_t i = 0; i < r->count; i++)
        json_content(&j, &r->content[i]);
    json_close(&j, ']');
    if (r->more)
        json_number(&j, "siblings_not_shown", r->more);
    json_close(&j, '}');
    json_end(&j);
}
