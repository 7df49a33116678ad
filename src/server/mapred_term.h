/* Map/reduce in Erlang's terms (application/x-erlang-binary): a job as riak_kv_mapred_term reads it, and results. A job
 * becomes what it would be in JSON, so that mapred_job.h has one form of it. */
#ifndef SERVER_MAPRED_TERM_H
#define SERVER_MAPRED_TERM_H

#include "base/buf.h"

#include <jansson.h>

/* The job, a new reference; NULL: `why` says what is wrong, as a term. */
json_t *mapred_term_read(struct slice bytes, char *why, size_t size);
/* Appends the values from..to of the list. `inputs`: they are a job's inputs, which Erlang writes as tuples. */
int mapred_term_write(struct buf *out, const json_t *values, size_t from, size_t to, bool inputs);

#endif
