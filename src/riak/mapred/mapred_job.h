/* SPDX-License-Identifier: Apache-2.0 */
/* A map/reduce job (riak-protocol.md section 13), as JSON or as Erlang's terms: its inputs, and the phases that they go
 * through. Functions are those of Riak's module riak_kv_mapreduce, by their names; nobody's code is run. */
#ifndef RIAK_MAPRED_JOB_H
#define RIAK_MAPRED_JOB_H

#include "base/slice.h"
#include "riak/mapred/key_filter.h"
#include "riak/mapred/mapred_list.h"

#include <jansson.h>

#define MAPRED_PHASES_MAX 16
#define MAPRED_TEXT_MAX   ((size_t)1024 * 1024) /* of a job, most of it a list of inputs */

/* What is wrong: with the job, and with one of its inputs. */
#define MAPRED_NO_JSON "{\"error\":\"the job is no JSON object\"}"
#define MAPRED_NO_INPUT                                                                                                \
    "{\"error\":\"inputs: number %zu is no [bucket, key], [bucket, key, keydata] or [bucket, key, keydata, type]\"}"

enum mapred_inputs {
    MAPRED_BUCKET, /* all its keys */
    MAPRED_LIST,   /* of [bucket, key], [bucket, key, keydata], [bucket, key, keydata, type] */
    MAPRED_INDEX   /* what a query of an index hits */
};

enum mapred_function {
    MAP_IDENTITY,
    MAP_OBJECT_VALUE,
    MAP_OBJECT_VALUE_LIST,
    MAP_LINKS, /* a link phase */
    REDUCE_IDENTITY,
    REDUCE_SORT,
    REDUCE_SET_UNION,
    REDUCE_SUM,
    REDUCE_PLIST_SUM,
    REDUCE_COUNT_INPUTS,
    REDUCE_STRING_TO_INTEGER,
    REDUCE_DELETE
};

static inline bool mapred_is_map(enum mapred_function f)
{
    return f <= MAP_LINKS;
}

struct mapred_phase {
    enum mapred_function function;
    bool keep;
    bool bytes;               /* values may be any bytes: they do not become JSON */
    const json_t *arg;        /* NULL: none. Borrowed from the job's text, as what follows */
    const char *bucket, *tag; /* of a link phase; NULL: any */
};

struct mapred_job {
    json_t *text; /* owned */
    bool terms;   /* it came as terms, and its results go as such */
    enum mapred_inputs inputs;
    const char *type, *bucket; /* of a bucket and an index; the type "" for the default one */
    struct key_filter *filter; /* owned; of a bucket's keys; NULL: all pass */
    struct mapred_list list;   /* not given: another kind */
    const char *index;
    const json_t *key, *start, *end; /* terms: a text or a whole number; NULL: none */
    unsigned phases;
    struct mapred_phase phase[MAPRED_PHASES_MAX];
    uint32_t timeout_ms;
};

/* `text` is borrowed as long as the job is there: a list of inputs is a view of it. False: it is none, or one that is
 * not run here, and `why` says what, in JSON as Riak does where it is about a phase. */
bool mapred_job_read(struct slice text, bool terms, struct mapred_job *out, char *why, size_t size);
/* A key in a list: two to four parts, of which the third, the key's data, may be anything. */
bool mapred_is_input(const json_t *v);
void mapred_job_fini(struct mapred_job *job);

#endif
