/* SPDX-License-Identifier: Apache-2.0 */
/* How a job of map/reduce begins: what it is is read, and whether the user may ask for it. */
#include "api/authorize.h"
#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/mapred/json_text.h"
#include "riak/kv.h"
#include "riak/mapred/mapred_impl.h"
#include "wire/mapred_msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A term of the query; whole numbers may stand as such. */
static bool take_term(struct mapred *m, const json_t *v, struct slice *out)
{
    char number[32] = "";
    bool negative;
    struct slice digits, text = json_is_string(v) ? json_text(v) : slice_str(number);
    size_t before = buf_len(&m->terms);
    if (json_is_integer(v)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        text = slice_str(number);
    }
    if (index_match_is_integer(m->query.index)) {
        if (!index_integer(text, &digits, &negative) || (negative && buf_append(&m->terms, "-", 1)))
            return false;
        text = digits;
    }
    if (buf_append_slice(&m->terms, text))
        return false;
    *out = slice_skip(buf_slice(&m->terms), before);
    return true;
}

/* NULL: it is one; else what is wrong with it. */
static const char *take_query(struct mapred *m)
{
    const struct mapred_job *job = &m->job;
    size_t len = strlen(job->index);
    uint8_t *p;
    /* Room for all, so that views into it hold. */
    if (buf_reserve(&m->terms,
                    len + json_string_length(job->key) + json_string_length(job->start) + json_string_length(job->end) +
                        128,
                    &p))
        return "out of memory";
    memcpy(p, job->index, len);
    index_field_lower(p, len);
    buf_commit(&m->terms, len);
    m->query.index = slice_make(p, len);
    if (!index_match_is_index(m->query.index))
        return "inputs: an index is a field that ends in _bin or _int, or one of the special ones $key and $bucket";
    if (slice_is(m->query.index, "$bucket"))
        return NULL;
    bool good = take_term(m, job->key ? job->key : job->start, &m->query.min);
    if (job->key)
        m->query.max = m->query.min;
    else
        good = good && take_term(m, job->end, &m->query.max);
    return good ? NULL : "inputs: a term of the index is no whole number";
}

static void refuse_type(struct session *s, struct slice type)
{
    char text[512];
    snprintf(text, sizeof text, "no_type: there is no bucket type '%.*s': " REFUSAL_NO_TYPE_ADVICE,
             (int)(type.len < 256 ? type.len : 256), (const char *)type.data);
    json_t *error = json_pack("{s:s}", "error", text); /* NULL: no UTF-8 */
    char *answer = error ? json_dumps(error, JSON_COMPACT) : NULL;
    riak_error(s, "%s", answer ? answer : "{\"error\":\"no_type: " REFUSAL_NO_TYPE_ADVICE "\"}");
    free(answer);
    json_decref(error);
}

static bool check_type(struct session *s, struct slice *type)
{
    struct outcome refused;
    *type = bucket_type_of(*type);
    if (bucket_type_check(&s->server->api, *type, &refused))
        return true;
    refuse_type(s, *type);
    return false;
}

/* Of a list, the first input says where; each is asked for again when its object is. */
static bool check_permission(struct session *s, const struct mapred_job *job, struct slice type)
{
    const struct api *a = &s->server->api;
    struct mapred_input first = {0};
    struct slice bucket = slice_str(job->bucket ? job->bucket : ""), none = {0};
    json_t *input = NULL;
    struct outcome refused;
    bool may;
    if (job->inputs != MAPRED_LIST) {
        enum permission finds = job->inputs == MAPRED_INDEX ? MAY_INDEX : MAY_LIST_KEYS;
        may = authorize_in(a, &s->who, finds, type, bucket, &refused) &&
              authorize_in(a, &s->who, MAY_MAPREDUCE, type, bucket, &refused);
    } else {
        struct mapred_list ahead = job->list;
        mapred_list_next(&ahead, &input);
        may = input && mapred_input_of(input, &first)
                  ? authorize_in(a, &s->who, MAY_MAPREDUCE, first.type, first.bucket, &refused)
                  : authorize(a, &s->who, MAY_MAPREDUCE, none, none, &refused);
    }
    if (!may)
        riak_refuse(s, NULL, &refused);
    json_decref(input); /* the first one's names lie in it */
    return may;
}

static bool prepare(struct session *s, struct mapred *m, struct slice text, bool terms, struct slice *type)
{
    char why[512];
    /* A large message is there as long as the request; of a small one its bytes are another's when this call is over.
     */
    if (!session_body(s) && buf_append_slice(&m->text, text)) {
        riak_refuse_memory(s);
        return false;
    }
    if (!session_body(s))
        text = buf_slice(&m->text);
    if (!mapred_job_read(text, terms, &m->job, why, sizeof why)) {
        riak_error(s, "%s", why);
        return false;
    }
    m->list = m->job.list;
    m->checking = m->job.list.given;
    m->out = json_array();
    *type = slice_str(m->job.type);
    if (!m->out) {
        riak_refuse_memory(s);
        return false;
    }
    if (!check_permission(s, &m->job, *type) || !check_type(s, type))
        return false;
    const char *wrong = m->job.inputs == MAPRED_INDEX ? take_query(m) : NULL;
    if (wrong)
        riak_error(s, "{\"error\":\"%s\"}", wrong);
    return !wrong;
}

void mapred(struct session *s, struct slice body)
{
    struct mapred_req req;
    struct slice type;
    if (mapred_req_decode(body, &req)) {
        riak_refuse_malformed(s, "RpbMapRedReq");
        return;
    }
    bool terms = slice_is(req.content_type, "application/x-erlang-binary");
    if (!terms && !slice_is(req.content_type, "application/json")) {
        riak_error(s, "{unknown_content_type,<<\"%.*s\">>}",
                   (int)(req.content_type.len < 64 ? req.content_type.len : 64), (const char *)req.content_type.data);
        return;
    }
    struct mapred *m = calloc(1, sizeof *m);
    if (!m) {
        riak_refuse_memory(s);
        return;
    }
    m->scan.ops = &mapred_scan_ops;
    m->scan.what = "the job";
    m->asks_max = 1;
    clock_random(s->server->clock, &m->set.key, sizeof m->set.key);
    buf_init(&m->text, SIZE_MAX / 2);
    buf_init(&m->inputs, SIZE_MAX / 2);
    buf_init(&m->terms, SIZE_MAX / 2);
    if (!prepare(s, m, req.request, terms, &type)) {
        mapred_scan_ops.destroy(&m->scan);
        return;
    }
    m->scan.router.ended = m->job.inputs == MAPRED_LIST; /* there is nothing to gather */
    scan_begin(s, &m->scan, type, slice_str(m->job.bucket ? m->job.bucket : ""), m->job.timeout_ms);
}
