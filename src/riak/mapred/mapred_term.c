/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_term.h"

#include "riak/mapred/etf.h"

#include <stdio.h>
#include <string.h>

/* --- parts --- */

/* As a text in which no zero byte ends it for who reads it as such. */
static json_t *name_of(struct slice s)
{
    if (s.len && memchr(s.data, 0, s.len))
        return NULL;
    return json_stringn_nocheck(s.len ? (const char *)s.data : "", s.len);
}

static json_t *read_name(struct etf_reader *r)
{
    struct slice s;
    return etf_binary(r, &s) ? name_of(s) : NULL;
}

static json_t *pair(json_t *a, json_t *b)
{
    json_t *list = a && b ? json_array() : NULL;
    if (!list) {
        json_decref(a);
        json_decref(b);
        return NULL;
    }
    json_array_append_new(list, a);
    json_array_append_new(list, b);
    return list;
}

/* True: set. Takes the value. */
static bool set(json_t *object, const char *name, json_t *value)
{
    return value && json_object_set_new_nocheck(object, name, value) == 0;
}

/* Takes the next term, an atom or a binary, as a text. */
static json_t *read_word(struct etf_reader *r)
{
    struct slice s;
    if (etf_kind(r) == ETF_ATOM)
        return etf_atom(r, &s) ? name_of(s) : NULL;
    return read_name(r);
}

/* A list, each term of which `read` takes. */
static json_t *read_list(struct etf_reader *r, json_t *(*read)(struct etf_reader *r))
{
    uint32_t n;
    json_t *list = etf_list(r, &n) ? json_array() : NULL;
    for (uint32_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, read(r))) {
            json_decref(list);
            return NULL;
        }
    if (list && etf_list_end(r, n))
        return list;
    json_decref(list);
    return NULL;
}

/* --- inputs --- */

/* <<"bucket">>, or {<<"type">>, <<"bucket">>} as [type, bucket]. */
static json_t *read_bucket(struct etf_reader *r)
{
    uint32_t arity;
    if (etf_kind(r) == ETF_BINARY)
        return read_name(r);
    if (!etf_tuple(r, &arity) || arity != 2)
        return NULL;
    json_t *type = read_name(r);
    return pair(type, type ? read_name(r) : NULL);
}

/* The place that is named by `at`, of an object: [bucket, key, keydata], with the type behind it where there is one. */
static json_t *input_of(json_t *at, json_t *data)
{
    json_t *bucket = json_array_get(at, 0), *key = json_array_get(at, 1), *input = NULL;
    json_t *type = json_array_get(bucket, 0), *name = type ? json_array_get(bucket, 1) : bucket;
    if (json_array_size(at) == 2 && json_is_string(name) && json_is_string(key) && data)
        input = type ? json_pack("[O, O, O, O]", name, key, data, type) : json_pack("[O, O, O]", name, key, data);
    json_decref(at);
    json_decref(data);
    return input;
}

/* {Bucket, Key} or {{Bucket, Key}, KeyData}, where a Bucket may be {Type, Bucket}; or a list as in JSON. */
json_t *mapred_term_input(struct etf_reader *r)
{
    uint32_t arity;
    if (etf_kind(r) == ETF_LIST)
        return etf_value(r);
    if (!etf_tuple(r, &arity) || arity != 2)
        return NULL;
    bool nested = etf_kind(r) == ETF_TUPLE;
    json_t *first = etf_value(r), *second = first ? etf_value(r) : NULL;
    return nested ? input_of(first, second) : pair(first, second);
}

/* {index, Bucket, Index, Key} or {index, Bucket, Index, Start, End}; behind the atom. */
static json_t *read_index(struct etf_reader *r, uint32_t arity)
{
    json_t *o = json_object();
    bool good = o && (arity == 4 || arity == 5) && set(o, "bucket", read_bucket(r)) && set(o, "index", read_name(r)) &&
                set(o, arity == 4 ? "key" : "start", etf_value(r)) && (arity == 4 || set(o, "end", etf_value(r)));
    if (good)
        return o;
    json_decref(o);
    return NULL;
}

/* What mapred_job.h refuses by its own words. */
static json_t *read_other_source(struct etf_reader *r, uint32_t left)
{
    for (; left; left--) {
        json_t *ignored = etf_value(r);
        if (!ignored)
            return NULL;
        json_decref(ignored);
    }
    return json_pack("{s:s, s:b}", "bucket", "", "module", 1);
}

/* {Type, Bucket}; or {Bucket, Filters}, where Bucket may be such a pair. `inside`: behind the head of the tuple. */
static json_t *read_pair(struct etf_reader *r, struct etf_reader inside)
{
    json_t *bucket = read_bucket(&inside);
    if (!bucket || etf_kind(&inside) != ETF_LIST) {
        json_decref(bucket);
        return read_bucket(r);
    }
    *r = inside;
    json_t *filters = etf_value(r), *o = filters ? json_object() : NULL;
    bool good = o && json_object_set(o, "bucket", bucket) == 0 && json_object_set(o, "key_filters", filters) == 0;
    json_decref(bucket);
    json_decref(filters);
    if (good)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *read_source(struct etf_reader *r)
{
    struct etf_reader ahead = *r;
    struct slice word;
    uint32_t arity;
    if (etf_kind(r) == ETF_BINARY)
        return read_name(r);
    if (!etf_tuple(&ahead, &arity))
        return NULL;
    if (etf_atom(&ahead, &word)) {
        *r = ahead;
        return slice_is(word, "index") ? read_index(r, arity) : read_other_source(r, arity - 1);
    }
    return arity == 2 ? read_pair(r, ahead) : NULL;
}

/* --- phases --- */

/* {modfun, Module, Function}; of others the first word alone, which is refused. */
static bool read_function(struct etf_reader *r, json_t *body)
{
    uint32_t arity;
    struct slice word;
    if (!etf_tuple(r, &arity) || arity == 0 || !etf_atom(r, &word))
        return false;
    if (slice_is(word, "modfun") && arity == 3)
        return set(body, "language", json_string("erlang")) && set(body, "module", read_word(r)) &&
               set(body, "function", read_word(r));
    json_decref(read_other_source(r, arity - 1));
    return set(body, "language", name_of(word));
}

static bool is_nothing(const json_t *arg)
{
    return json_is_string(arg) &&
           (strcmp(json_string_value(arg), "none") == 0 || strcmp(json_string_value(arg), "undefined") == 0);
}

static bool read_arg(struct etf_reader *r, json_t *body)
{
    json_t *arg = etf_value(r);
    if (arg && is_nothing(arg)) {
        json_decref(arg);
        return true;
    }
    return set(body, "arg", arg);
}

/* {map | reduce, Function, Arg, Keep} or {link, Bucket, Tag, Keep}, with '_' for any. */
static bool read_phase_body(struct etf_reader *r, bool links, json_t *body)
{
    bool good = links ? set(body, "bucket", read_word(r)) && set(body, "tag", read_word(r))
                      : read_function(r, body) && read_arg(r, body);
    return good && set(body, "keep", etf_value(r));
}

static json_t *read_phase(struct etf_reader *r)
{
    uint32_t arity;
    struct slice kind;
    if (!etf_tuple(r, &arity) || arity != 4 || !etf_atom(r, &kind))
        return NULL;
    bool links = slice_is(kind, "link");
    if (!links && !slice_is(kind, "map") && !slice_is(kind, "reduce"))
        return NULL;
    json_t *phase = json_object(), *body = json_object();
    bool good = phase && body && read_phase_body(r, links, body) &&
                json_object_setn(phase, (const char *)kind.data, kind.len, body) == 0;
    json_decref(body);
    if (good)
        return phase;
    json_decref(phase);
    return NULL;
}

/* --- the job: [{inputs, ...}, {'query', ...}, {timeout, ...}] --- */

struct why {
    char *text;
    size_t size;
};

/* Always false. In Riak's words, with the term that is wrong, where it is an atom. */
static bool say(const struct why *why, const char *format, const struct etf_reader *wrong)
{
    struct etf_reader r = *wrong;
    struct slice name = slice_str("_");
    if (etf_kind(&r) == ETF_ATOM)
        etf_atom(&r, &name);
    snprintf(why->text, why->size, format, name.len < 64 ? (int)name.len : 64, (const char *)name.data);
    return false;
}

/* What may be long is the list of inputs, which is not decoded here. */
static bool is_part_too_large(const struct etf_reader *r)
{
    struct etf_reader ahead = *r;
    return etf_skip(&ahead) && r->left - ahead.left > MAPRED_VALUES_MAX;
}

static bool read_inputs(struct etf_reader *r, json_t *job, struct mapred_list *list)
{
    *list = (struct mapred_list){0};
    if (etf_kind(r) == ETF_LIST)
        return mapred_list_of_terms(list, r);
    return set(job, "inputs", read_source(r));
}

static bool read_part(struct etf_reader *r, json_t *job, struct mapred_list *list, const struct why *why)
{
    uint32_t arity;
    struct slice name;
    struct etf_reader wrong = *r;
    if (!etf_tuple(r, &arity) || arity != 2 || !etf_atom(r, &name))
        return say(why, "{\"A job is a list of {inputs, _}, {query, _} and {timeout, _}\",%.*s}", &wrong);
    wrong = *r;
    bool is_list = slice_is(name, "inputs") && etf_kind(r) == ETF_LIST;
    if (!is_list && is_part_too_large(r))
        return say(why, "{\"A part of the job other than a list of inputs has more than 16384 terms\",%.*s}", &wrong);
    if (slice_is(name, "inputs") && !read_inputs(r, job, list))
        return say(why, MAPRED_TERM_NO_INPUTS, &wrong);
    if (slice_is(name, "query") && etf_kind(r) != ETF_LIST)
        return say(why, "{query,{\"Query takes a list of step tuples\",%.*s}}", &wrong);
    if (slice_is(name, "query") && !set(job, "query", read_list(r, read_phase)))
        return say(why,
                   "{query,{\"A step is {map | reduce, {modfun, Module, Function}, Arg, Keep} or {link, Bucket, Tag, "
                   "Keep}\",%.*s}}",
                   &wrong);
    if (slice_is(name, "timeout") && !set(job, "timeout", etf_value(r)))
        return say(why, "{timeout,{\"milliseconds\",%.*s}}", &wrong);
    return true;
}

json_t *mapred_term_read(struct slice bytes, struct mapred_list *list, char *text, size_t size)
{
    struct why why = {text, size};
    struct etf_reader r;
    uint32_t n;
    json_t *job = json_object();
    bool good = job && etf_begin(&r, bytes) && etf_list(&r, &n);
    if (!good)
        snprintf(text, size, "{\"the job is no list in Erlang's external term format, uncompressed\",_}");
    for (uint32_t i = 0; good && i < n; i++)
        good = read_part(&r, job, list, &why);
    if (good && (!etf_list_end(&r, n) || !etf_at_end(&r)))
        good = say(&why, "{\"the job ends where its list does not\",%.*s}", &r);
    if (good)
        return job;
    json_decref(job);
    return NULL;
}

/* --- results --- */

static int write_key_data(struct buf *out, const json_t *data)
{
    if (!data || json_is_null(data) || (json_is_string(data) && strcmp(json_string_value(data), "undefined") == 0))
        return etf_put_atom(out, "undefined");
    return etf_put_value(out, data);
}

/* {Bucket, Key}, where `type` NULL is none. */
static int write_place(struct buf *out, const json_t *type, const json_t *bucket, const json_t *key)
{
    int err = etf_put_tuple(out, 2);
    if (!err && type) {
        err = etf_put_tuple(out, 2);
        err = err ? err : etf_put_value(out, type);
    }
    err = err ? err : etf_put_value(out, bucket);
    return err ? err : etf_put_value(out, key);
}

static int write_input(struct buf *out, const json_t *v)
{
    const json_t *data = json_array_get(v, 2);
    int err = data ? etf_put_tuple(out, 2) : 0;
    err = err ? err : write_place(out, json_array_get(v, 3), json_array_get(v, 0), json_array_get(v, 1));
    return err || !data ? err : write_key_data(out, data);
}

static int write_not_found(struct buf *out)
{
    int err = etf_put_tuple(out, 2);
    err = err ? err : etf_put_atom(out, "error");
    return err ? err : etf_put_atom(out, "notfound");
}

static int write_one(struct buf *out, const json_t *v, bool input)
{
    if (input)
        return write_input(out, v);
    return json_is_null(json_object_get(v, "not_found")) ? write_not_found(out) : etf_put_value(out, v);
}

int mapred_term_write(struct buf *out, const json_t *values, size_t from, size_t to, bool inputs)
{
    int err = etf_put_begin(out);
    err = err ? err : etf_put_list(out, (uint32_t)(to - from));
    for (size_t i = from; !err && i < to; i++)
        err = write_one(out, json_array_get(values, i), inputs);
    return err ? err : etf_put_list_end(out);
}
