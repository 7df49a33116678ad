/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/etf.h"

#include "base/bytes.h"
#include "base/err.h"

#include <string.h>

#define VERSION 131

enum tag {
    TAG_NEW_FLOAT = 70,
    TAG_SMALL_INTEGER = 97,
    TAG_INTEGER = 98,
    TAG_ATOM = 100,
    TAG_SMALL_TUPLE = 104,
    TAG_LARGE_TUPLE = 105,
    TAG_NIL = 106,
    TAG_STRING = 107, /* a list of bytes */
    TAG_LIST = 108,
    TAG_BINARY = 109,
    TAG_SMALL_BIG = 110,
    TAG_SMALL_ATOM = 115,
    TAG_ATOM_UTF8 = 118,
    TAG_SMALL_ATOM_UTF8 = 119
};

/* --- reading --- */

static size_t left(const struct etf_reader *r)
{
    return (size_t)(r->end - r->at);
}

static int tag_of(const struct etf_reader *r)
{
    return r->at < r->end ? *r->at : -1;
}

bool etf_begin(struct etf_reader *r, struct slice bytes)
{
    *r = (struct etf_reader){bytes.data, bytes.data + bytes.len, ETF_TERMS_MAX};
    if (tag_of(r) != VERSION)
        return false;
    r->at++;
    return true;
}

bool etf_at_end(const struct etf_reader *r)
{
    return r->at == r->end;
}

enum etf_kind etf_kind(const struct etf_reader *r)
{
    switch (tag_of(r)) {
    case TAG_ATOM:
    case TAG_SMALL_ATOM:
    case TAG_ATOM_UTF8:
    case TAG_SMALL_ATOM_UTF8:
        return ETF_ATOM;
    case TAG_BINARY:
        return ETF_BINARY;
    case TAG_SMALL_TUPLE:
    case TAG_LARGE_TUPLE:
        return ETF_TUPLE;
    case TAG_NIL:
    case TAG_STRING:
    case TAG_LIST:
        return ETF_LIST;
    case TAG_SMALL_INTEGER:
    case TAG_INTEGER:
    case TAG_SMALL_BIG:
    case TAG_NEW_FLOAT:
        return ETF_NUMBER;
    default:
        return ETF_OTHER;
    }
}

/* The tag, and a number of so many bytes behind it. */
static bool take_head(struct etf_reader *r, size_t size, uint64_t *number)
{
    if (left(r) < 1 + size || r->left == 0)
        return false;
    r->left--;
    *number = size ? bytes_get(r->at + 1, (int)size) : 0;
    r->at += 1 + size;
    return true;
}

static bool take_bytes(struct etf_reader *r, uint64_t len, struct slice *out)
{
    if (len > left(r))
        return false;
    *out = slice_make(r->at, (size_t)len);
    r->at += len;
    return true;
}

bool etf_atom(struct etf_reader *r, struct slice *out)
{
    int tag = tag_of(r);
    bool small = tag == TAG_SMALL_ATOM || tag == TAG_SMALL_ATOM_UTF8;
    uint64_t len;
    return etf_kind(r) == ETF_ATOM && take_head(r, small ? 1 : 2, &len) && take_bytes(r, len, out);
}

bool etf_binary(struct etf_reader *r, struct slice *out)
{
    uint64_t len;
    return etf_kind(r) == ETF_BINARY && take_head(r, 4, &len) && take_bytes(r, len, out);
}

/* Each term is a byte at least. */
static bool take_count(struct etf_reader *r, size_t size, uint32_t *out)
{
    uint64_t n;
    if (!take_head(r, size, &n) || n > left(r))
        return false;
    *out = (uint32_t)n;
    return true;
}

bool etf_tuple(struct etf_reader *r, uint32_t *arity)
{
    *arity = 0;
    return etf_kind(r) == ETF_TUPLE && take_count(r, tag_of(r) == TAG_SMALL_TUPLE ? 1 : 4, arity);
}

bool etf_list(struct etf_reader *r, uint32_t *n)
{
    *n = 0;
    if (tag_of(r) == TAG_NIL)
        return take_count(r, 0, n);
    return tag_of(r) == TAG_LIST && take_count(r, 4, n);
}

bool etf_list_end(struct etf_reader *r, uint32_t n)
{
    uint64_t nothing;
    return n == 0 || (tag_of(r) == TAG_NIL && take_head(r, 0, &nothing)); /* no improper list */
}

static bool skip_bytes(struct etf_reader *r, size_t size, size_t more)
{
    struct slice ignored;
    uint64_t len;
    return take_head(r, size, &len) && take_bytes(r, len + more, &ignored);
}

static bool skip_number(struct etf_reader *r)
{
    uint64_t ignored;
    switch (tag_of(r)) {
    case TAG_SMALL_INTEGER:
        return take_head(r, 1, &ignored);
    case TAG_INTEGER:
        return take_head(r, 4, &ignored);
    case TAG_NEW_FLOAT:
        return take_head(r, 8, &ignored);
    default:
        return skip_bytes(r, 1, 1); /* and the sign */
    }
}

/* One term or the head of one; *more terms are inside. */
static bool skip_head(struct etf_reader *r, uint64_t *more)
{
    uint32_t n;
    struct slice ignored;
    *more = 0;
    switch (etf_kind(r)) {
    case ETF_ATOM:
        return etf_atom(r, &ignored);
    case ETF_BINARY:
        return etf_binary(r, &ignored);
    case ETF_NUMBER:
        return skip_number(r);
    case ETF_TUPLE:
        if (!etf_tuple(r, &n))
            return false;
        *more = n;
        return true;
    case ETF_LIST:
        if (tag_of(r) == TAG_STRING)
            return skip_bytes(r, 2, 0);
        if (!etf_list(r, &n))
            return false;
        *more = n ? (uint64_t)n + 1 : 0; /* with what ends it */
        return true;
    default:
        return false;
    }
}

bool etf_skip(struct etf_reader *r)
{
    uint64_t terms = 1, more;
    for (; terms; terms--) {
        if (!skip_head(r, &more))
            return false;
        terms += more;
        if (terms > left(r) + 1)
            return false;
    }
    return true;
}

static json_t *value(struct etf_reader *r, unsigned depth);

static json_t *text_of(struct slice s)
{
    return json_stringn_nocheck(s.data ? (const char *)s.data : "", s.len);
}

static json_t *atom_value(struct etf_reader *r)
{
    struct slice name;
    if (!etf_atom(r, &name))
        return NULL;
    return slice_is(name, "true") ? json_true() : slice_is(name, "false") ? json_false() : text_of(name);
}

static json_t *binary_value(struct etf_reader *r)
{
    struct slice bytes;
    return etf_binary(r, &bytes) ? text_of(bytes) : NULL;
}

/* Of 64 bits and no more. */
static json_t *big_value(struct etf_reader *r)
{
    uint64_t size, magnitude = 0;
    struct slice digits;
    if (!take_head(r, 1, &size) || !take_bytes(r, size + 1, &digits))
        return NULL;
    bool negative = digits.data[0] != 0;
    for (size_t i = digits.len - 1; i >= 1; i--) {
        if (magnitude >> 56)
            return NULL;
        magnitude = magnitude << 8 | digits.data[i];
    }
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return NULL;
    return json_integer(negative ? (json_int_t)(0 - magnitude) : (json_int_t)magnitude);
}

static json_t *number_value(struct etf_reader *r)
{
    uint64_t n;
    double real;
    switch (tag_of(r)) {
    case TAG_SMALL_INTEGER:
        return take_head(r, 1, &n) ? json_integer((json_int_t)n) : NULL;
    case TAG_INTEGER:
        return take_head(r, 4, &n) ? json_integer((int32_t)(uint32_t)n) : NULL;
    case TAG_NEW_FLOAT:
        if (!take_head(r, 8, &n))
            return NULL;
        memcpy(&real, &n, sizeof real);
        return json_real(real); /* NULL: infinite, or none */
    default:
        return big_value(r);
    }
}

static json_t *string_value(struct etf_reader *r)
{
    uint64_t len;
    struct slice bytes;
    if (!take_head(r, 2, &len) || !take_bytes(r, len, &bytes) || len > r->left)
        return NULL;
    r->left -= (unsigned)len;
    json_t *list = json_array();
    for (size_t i = 0; list && i < bytes.len; i++)
        if (json_array_append_new(list, json_integer(bytes.data[i]))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *elements(struct etf_reader *r, uint32_t n, unsigned depth)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, value(r, depth + 1))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *list_value(struct etf_reader *r, unsigned depth)
{
    uint32_t n;
    if (tag_of(r) == TAG_STRING)
        return string_value(r);
    json_t *list = etf_list(r, &n) ? elements(r, n, depth) : NULL;
    if (list && etf_list_end(r, n))
        return list;
    json_decref(list);
    return NULL;
}

/* Of a list of pairs. */
static json_t *object_of(const json_t *pairs)
{
    json_t *object = json_object(), *pair;
    size_t i;
    json_array_foreach(pairs, i, pair)
    {
        const json_t *name = json_array_get(pair, 0);
        if (json_array_size(pair) != 2 || !json_is_string(name) ||
            json_object_setn_nocheck(object, json_string_value(name), json_string_length(name),
                                     json_array_get(pair, 1))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *tuple_value(struct etf_reader *r, unsigned depth)
{
    uint32_t arity = 0;
    json_t *list = etf_tuple(r, &arity) ? elements(r, arity, depth) : NULL;
    const char *first = json_string_value(json_array_get(list, 0));
    if (arity != 2 || !first || strcmp(first, "struct") != 0 || !json_is_array(json_array_get(list, 1)))
        return list;
    json_t *object = object_of(json_array_get(list, 1));
    json_decref(list);
    return object;
}

static json_t *value(struct etf_reader *r, unsigned depth)
{
    if (depth == ETF_DEPTH_MAX)
        return NULL;
    switch (etf_kind(r)) {
    case ETF_ATOM:
        return atom_value(r);
    case ETF_BINARY:
        return binary_value(r);
    case ETF_NUMBER:
        return number_value(r);
    case ETF_LIST:
        return list_value(r, depth);
    case ETF_TUPLE:
        return tuple_value(r, depth);
    default:
        return NULL;
    }
}

json_t *etf_value(struct etf_reader *r)
{
    return value(r, 0);
}

/* --- writing --- */

static int put_head(struct buf *out, enum tag tag, uint64_t number, size_t size)
{
    uint8_t head[9] = {(uint8_t)tag};
    bytes_put(head + 1, number, (int)size);
    return buf_append(out, head, 1 + size);
}

int etf_put_begin(struct buf *out)
{
    const uint8_t version = VERSION;
    return buf_append(out, &version, 1);
}

int etf_put_atom(struct buf *out, const char *name)
{
    int err = put_head(out, TAG_ATOM, strlen(name), 2); /* the form that every Erlang reads */
    return err ? err : buf_append_slice(out, slice_str(name));
}

int etf_put_tuple(struct buf *out, uint8_t arity)
{
    return put_head(out, TAG_SMALL_TUPLE, arity, 1);
}

int etf_put_list(struct buf *out, uint32_t n)
{
    return n ? put_head(out, TAG_LIST, n, 4) : 0;
}

int etf_put_list_end(struct buf *out)
{
    return put_head(out, TAG_NIL, 0, 0);
}

static int put_binary(struct buf *out, const char *bytes, size_t len)
{
    int err = len > UINT32_MAX ? E_TOO_LARGE : put_head(out, TAG_BINARY, len, 4);
    return err ? err : buf_append(out, (const uint8_t *)bytes, len);
}

static int put_integer(struct buf *out, json_int_t n)
{
    uint8_t big[11] = {TAG_SMALL_BIG, 8, n < 0};
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    if (n >= 0 && n <= UINT8_MAX)
        return put_head(out, TAG_SMALL_INTEGER, (uint64_t)n, 1);
    if (n >= INT32_MIN && n <= INT32_MAX)
        return put_head(out, TAG_INTEGER, (uint32_t)n, 4);
    while (big[1] > 1 && magnitude >> (8 * (big[1] - 1)) == 0)
        big[1]--;
    for (unsigned i = 0; i < big[1]; i++)
        big[3 + i] = (uint8_t)(magnitude >> 8 * i);
    return buf_append(out, big, 3u + big[1]);
}

static int put_real(struct buf *out, double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return put_head(out, TAG_NEW_FLOAT, bits, 8);
}

static int put_array(struct buf *out, const json_t *list)
{
    size_t n = json_array_size(list);
    int err = etf_put_list(out, (uint32_t)n);
    for (size_t i = 0; !err && i < n; i++)
        err = etf_put_value(out, json_array_get(list, i));
    return err ? err : etf_put_list_end(out);
}

static int put_pairs(struct buf *out, const json_t *object)
{
    const char *name;
    size_t len;
    json_t *v;
    int err = etf_put_list(out, (uint32_t)json_object_size(object));
    json_object_keylen_foreach((json_t *)(uintptr_t)object, name, len, v)
    {
        err = err ? err : etf_put_tuple(out, 2);
        err = err ? err : put_binary(out, name, len);
        err = err ? err : etf_put_value(out, v);
    }
    return err ? err : etf_put_list_end(out);
}

int etf_put_value(struct buf *out, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        return put_binary(out, json_string_value(v), json_string_length(v));
    case JSON_INTEGER:
        return put_integer(out, json_integer_value(v));
    case JSON_REAL:
        return put_real(out, json_real_value(v));
    case JSON_ARRAY:
        return put_array(out, v);
    case JSON_OBJECT:
        return put_pairs(out, v);
    case JSON_TRUE:
        return etf_put_atom(out, "true");
    case JSON_FALSE:
        return etf_put_atom(out, "false");
    default:
        return etf_put_atom(out, "undefined");
    }
}
