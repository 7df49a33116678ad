/* SPDX-License-Identifier: Apache-2.0 */
/* The map functions of riak_kv_mapreduce, and link phases: what becomes of one object. */
#ifndef RIAK_MAPRED_MAP_H
#define RIAK_MAPRED_MAP_H

#include "riak/mapred/mapred_job.h"
#include "store/store.h"

/* What an object is asked for by. */
struct mapred_input {
    struct slice type, bucket, key; /* the type "": the default one */
    const json_t *data;             /* the key's data; NULL: none */
};

/* Appends what comes of the object to `out`; `o` NULL: it was not found. False: *why is set to what is wrong
 * with it. `vclock`: of the object, as it is shown. */
bool mapred_map(const struct mapred_phase *p, const struct mapred_input *in, const struct object *o, const char *vclock,
                json_t *out, const char **why);

/* The memory that a value takes, about. */
size_t mapred_weight(const json_t *v);

#endif
