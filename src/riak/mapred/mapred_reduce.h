/* SPDX-License-Identifier: Apache-2.0 */
/* The reduce functions of riak_kv_mapreduce, on JSON values. Each may be applied to a part of the values, and again to
 * what came of it with the next part. */
#ifndef RIAK_MAPRED_REDUCE_H
#define RIAK_MAPRED_REDUCE_H

#include "riak/mapred/mapred_job.h"

/* A new list; NULL: out of memory, or *why is set to what is wrong with a value. `values` is borrowed. */
json_t *mapred_reduce(enum mapred_function f, const json_t *values, const char **why);

#endif
