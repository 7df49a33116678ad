/* SPDX-License-Identifier: Apache-2.0 */
/* Map/reduce in Erlang's terms (application/x-erlang-binary): a job as riak_kv_mapred_term reads it, and results. A job
 * becomes what it would be in JSON, so that mapred_job.h has one form of it. */
#ifndef RIAK_MAPRED_TERM_H
#define RIAK_MAPRED_TERM_H

#include "base/buf.h"

#include "riak/mapred/mapred_list.h"

/* Of a list of inputs, the format of what is wrong, with the term in its place. */
#define MAPRED_TERM_NO_INPUTS                                                                                          \
    "{inputs,{\"Inputs must be a binary bucket, {Type, Bucket}, a list of target tuples {B,K} or {{B,K},KeyData}, "    \
    "{index, Bucket, Index, Key} or {index, Bucket, Index, Start, End}\",%.*s}}"

/* The job, a new reference; where its inputs are a list, they are in `list` alone, a view of `bytes`. NULL: `why` says
 * what is wrong, as a term. */
json_t *mapred_term_read(struct slice bytes, struct mapred_list *list, char *why, size_t size);
/* Takes the next of such a list. */
json_t *mapred_term_input(struct etf_reader *r);
/* Appends the values from..to of the list. `inputs`: they are a job's inputs, which Erlang writes as tuples. */
int mapred_term_write(struct buf *out, const json_t *values, size_t from, size_t to, bool inputs);

#endif
