/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_job.h"

#include "riak/mapred/json_scan.h"
#include "riak/mapred/mapred_term.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct problem {
    char *text;
    size_t size;
};

static bool fail(struct problem *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->text, p->size, format, args);
    va_end(args);
    return false;
}

/* --- inputs --- */

static bool is_text(const json_t *v)
{
    return json_is_string(v);
}

bool mapred_is_input(const json_t *v)
{
    size_t n = json_array_size(v);
    return n >= 2 && n <= 4 && is_text(json_array_get(v, 0)) && is_text(json_array_get(v, 1)) &&
           (n < 4 || is_text(json_array_get(v, 3)));
}

/* What is in it is seen as it is gone through. */
static bool take_list(struct mapred_job *job, struct problem *p)
{
    struct mapred_list ahead = job->list;
    json_t *first;
    enum mapred_list_next next = mapred_list_next(&ahead, &first);
    json_decref(first);
    job->inputs = MAPRED_LIST;
    if (next == MAPRED_LIST_END && !job->terms)
        return fail(p, "{\"error\":\"inputs: no inputs were given\"}");
    return true;
}

static bool take_bucket(struct mapred_job *job, const json_t *v, struct problem *p)
{
    bool is_pair = json_array_size(v) == 2 && is_text(json_array_get(v, 0)) && is_text(json_array_get(v, 1));
    if (!is_text(v) && !is_pair)
        return fail(p, "{\"error\":\"inputs: a bucket is its name, or [type, name]\"}");
    job->inputs = MAPRED_BUCKET;
    job->bucket = json_string_value(is_pair ? json_array_get(v, 1) : v);
    job->type = is_pair ? json_string_value(json_array_get(v, 0)) : "";
    return true;
}

static bool is_term(const json_t *v)
{
    return json_is_string(v) || json_is_integer(v);
}

static bool take_filters(struct mapred_job *job, const json_t *v, struct problem *p)
{
    char why[160];
    job->filter = key_filter_make(v, why, sizeof why);
    return job->filter || fail(p, "{\"error\":\"inputs: %s\"}", why);
}

static bool take_index(struct mapred_job *job, const json_t *v, const json_t *index, struct problem *p)
{
    job->inputs = MAPRED_INDEX;
    job->index = json_string_value(index);
    job->key = json_object_get(v, "key");
    job->start = json_object_get(v, "start");
    job->end = json_object_get(v, "end");
    bool is_bucket = job->index && strcmp(job->index, "$bucket") == 0;
    bool has_terms = job->key ? is_term(job->key) : is_term(job->start) && is_term(job->end);
    if (!job->index || (!is_bucket && !has_terms))
        return fail(p, "{\"error\":\"inputs: an index needs its name, and a key or a start and an end\"}");
    return true;
}

/* A bucket, and which of its keys. */
static bool take_some(struct mapred_job *job, const json_t *v, struct problem *p)
{
    const json_t *index = json_object_get(v, "index"), *filters = json_object_get(v, "key_filters");
    if (json_object_get(v, "module") || json_object_get(v, "query"))
        return fail(p, "{\"error\":\"inputs: searches and functions as inputs are not run here\"}");
    if (!take_bucket(job, json_object_get(v, "bucket"), p))
        return false;
    if (index)
        return take_index(job, v, index, p);
    return filters ? take_filters(job, filters, p)
                   : fail(p, "{\"error\":\"inputs: a bucket alone is its name, or [type, name]; with more it has an "
                             "index or key_filters\"}");
}

static bool take_inputs(struct mapred_job *job, const json_t *v, struct problem *p)
{
    if (json_is_object(v))
        return take_some(job, v, p);
    if (job->list.given)
        return take_list(job, p);
    if (json_is_array(v) && !(json_array_size(v) == 2 && is_text(json_array_get(v, 0))))
        return fail(p, MAPRED_NO_INPUT, (size_t)0);
    return v ? take_bucket(job, v, p) : fail(p, "{\"error\":\"a job has inputs\"}");
}

/* --- phases --- */

static const struct {
    const char *name;
    enum mapred_function function;
} functions[] = {
    {"map_identity", MAP_IDENTITY},
    {"map_object_value", MAP_OBJECT_VALUE},
    {"map_object_value_list", MAP_OBJECT_VALUE_LIST},
    {"reduce_identity", REDUCE_IDENTITY},
    {"reduce_sort", REDUCE_SORT},
    {"reduce_set_union", REDUCE_SET_UNION},
    {"reduce_sum", REDUCE_SUM},
    {"reduce_plist_sum", REDUCE_PLIST_SUM},
    {"reduce_count_inputs", REDUCE_COUNT_INPUTS},
    {"reduce_string_to_integer", REDUCE_STRING_TO_INTEGER},
    {"reduce_delete", REDUCE_DELETE},
};

static const char *text_of(const json_t *v, const char *name)
{
    const char *text = json_string_value(json_object_get(v, name));
    return text ? text : "";
}

static bool take_function(struct mapred_phase *out, const json_t *v, bool map, unsigned number, struct problem *p)
{
    const char *language = text_of(v, "language"), *module = text_of(v, "module"), *name = text_of(v, "function");
    if (strcmp(language, "erlang") != 0)
        return fail(p,
                    "{\"phase\":%u,\"error\":\"only functions of Erlang's riak_kv_mapreduce are run here, by their "
                    "names, and no JavaScript\"}",
                    number);
    if (!*module && (json_object_get(v, "source") || json_object_get(v, "bucket")))
        return fail(p, "{\"phase\":%u,\"error\":\"[worker_startup_failed] no Erlang code of clients is run here\"}",
                    number);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(module, "riak_kv_mapreduce") == 0 && strcmp(name, functions[i].name) == 0 &&
            mapred_is_map(functions[i].function) == map) {
            out->function = functions[i].function;
            out->arg = json_object_get(v, "arg");
            return true;
        }
    return fail(p, "{\"phase\":%u,\"error\":\"undef: there is no %s function %.60s:%.60s here\"}", number,
                map ? "map" : "reduce", module, name);
}

static const char *link_part(const json_t *v, const char *name)
{
    const char *text = text_of(v, name);
    return *text && strcmp(text, "_") != 0 ? text : NULL;
}

static bool take_phase(struct mapred_phase *out, const json_t *v, unsigned number, bool last, struct problem *p)
{
    const json_t *map = json_object_get(v, "map"), *reduce = json_object_get(v, "reduce"),
                 *links = json_object_get(v, "link"),
                 *body = map      ? map
                         : reduce ? reduce
                                  : links;
    if (!json_is_object(body) || json_object_size(v) != 1)
        return fail(p, "{\"phase\":%u,\"error\":\"a phase is one map, one reduce or one link\"}", number);
    const json_t *keep = json_object_get(body, "keep");
    if (keep && !json_is_boolean(keep))
        return fail(p, "{\"phase\":%u,\"error\":\"keep: true or false\"}", number);
    *out = (struct mapred_phase){.function = MAP_LINKS, .keep = keep ? json_is_true(keep) : last};
    if (body != links)
        return take_function(out, body, body == map, number, p);
    out->bucket = link_part(body, "bucket");
    out->tag = link_part(body, "tag");
    return true;
}

static bool take_phases(struct mapred_job *job, const json_t *v, struct problem *p)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > MAPRED_PHASES_MAX)
        return fail(p, "{\"error\":\"a job has a query: a list of at most %d phases\"}", MAPRED_PHASES_MAX);
    for (; job->phases < n; job->phases++) {
        struct mapred_phase *phase = &job->phase[job->phases];
        if (!take_phase(phase, json_array_get(v, job->phases), job->phases, job->phases + 1 == n, p))
            return false;
        phase->bytes = job->terms;
        if (job->terms && phase->function == MAP_IDENTITY)
            return fail(p, "{\"phase\":%u,\"error\":\"map_identity: an object is shown as JSON alone\"}", job->phases);
    }
    return true;
}

/* Any number above nothing; whatever else stands there counts for nothing, as in Riak. */
static uint32_t timeout_of(const json_t *v)
{
    double ms = json_number_value(v);
    return ms >= UINT32_MAX ? UINT32_MAX : ms > 0 && ms < 1 ? 1 : ms > 0 ? (uint32_t)ms : 0;
}

/* A member of the job: of its inputs, a list stays as it is. */
static bool take_member(struct mapred_job *job, struct slice name, struct slice value, struct problem *p)
{
    json_t *key = json_scan_decode(name), *part = NULL;
    bool inputs = key && json_is_string(key) && strcmp(json_string_value(key), "inputs") == 0;
    if (inputs && value.data[0] == '[')
        mapred_list_of_json(&job->list, value);
    else if (inputs)
        job->list.given = false;
    bool is_list = inputs && job->list.given, small = json_scan_count(value) <= MAPRED_VALUES_MAX;
    if (!is_list && small)
        part = json_scan_decode(value);
    json_t *member = is_list ? json_null() : part;
    bool good =
        json_is_string(key) && member && json_object_set_nocheck(job->text, json_string_value(key), member) == 0;
    json_decref(part);
    if (!good && !is_list && !small)
        fail(p, "{\"error\":\"a part of the job has %zu values: at most %d are read, but of a list of inputs\"}",
             json_scan_count(value), MAPRED_VALUES_MAX);
    json_decref(key);
    return good;
}

static bool take_members(struct mapred_job *job, struct slice *in, struct problem *p)
{
    struct slice name, value;
    if (json_scan_char(in, '}'))
        return true;
    do {
        if (!json_scan_value(in, &name) || !json_scan_char(in, ':') || !json_scan_value(in, &value) ||
            !take_member(job, name, value, p))
            return false;
    } while (json_scan_char(in, ','));
    return json_scan_char(in, '}');
}

static bool load_json(struct mapred_job *job, struct slice text, struct problem *p)
{
    p->text[0] = '\0';
    job->text = json_object();
    bool good = job->text && json_scan_char(&text, '{') && take_members(job, &text, p);
    if (good && json_scan_at_end(text))
        return true;
    if (!p->text[0])
        fail(p, "%s", MAPRED_NO_JSON);
    return false;
}

static bool load(struct mapred_job *job, struct slice text, struct problem *p)
{
    if (!job->terms)
        return load_json(job, text, p);
    job->text = mapred_term_read(text, &job->list, p->text, p->size);
    return job->text;
}

bool mapred_job_read(struct slice text, bool terms, struct mapred_job *out, char *why, size_t size)
{
    struct problem p = {why, size};
    *out = (struct mapred_job){.type = "", .terms = terms};
    if (text.len > MAPRED_TEXT_MAX)
        return fail(&p, "{\"error\":\"a job of %zu bytes: at most %zu are read\"}", text.len, MAPRED_TEXT_MAX);
    if (load(out, text, &p) && take_inputs(out, json_object_get(out->text, "inputs"), &p) &&
        take_phases(out, json_object_get(out->text, "query"), &p)) {
        out->timeout_ms = timeout_of(json_object_get(out->text, "timeout"));
        return true;
    }
    mapred_job_fini(out);
    return false;
}

void mapred_job_fini(struct mapred_job *job)
{
    key_filter_free(job->filter);
    job->filter = NULL;
    json_decref(job->text);
    job->text = NULL;
}
