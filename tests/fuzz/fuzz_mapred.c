/* SPDX-License-Identifier: Apache-2.0 */
/* Map/reduce jobs, as JSON and as Erlang's terms: what is read is asked for all it says; what a job lists goes through
 * every reduce function, as a whole, and again with what came of it. */
#include "fuzz.h"
#include "riak/mapred/etf.h"
#include "riak/mapred/mapred_reduce.h"
#include "riak/mapred/mapred_term.h"

static void look_at(const struct mapred_job *job)
{
    ASSERT(job->phases <= MAPRED_PHASES_MAX);
    ASSERT((job->inputs == MAPRED_LIST) == job->list.given);
    ASSERT(job->list.given || job->bucket);
    ASSERT(job->inputs != MAPRED_INDEX || job->index);
    for (unsigned i = 0; i < job->phases; i++)
        ASSERT(job->phase[i].function <= REDUCE_DELETE);
    static const char *const keys[] = {
        "", "a", "2010-12-20", "%41+b&c", "-42", "1.5", "a key that is longer than others"};
    for (unsigned i = 0; job->filter && i < sizeof keys / sizeof keys[0]; i++)
        key_filter_passes(job->filter, slice_str(keys[i]));
}

static void reduce(enum mapred_function f, const json_t *values)
{
    const char *why;
    json_t *once = mapred_reduce(f, values, &why), *twice;
    if (!once) {
        ASSERT(why);
        return;
    }
    ASSERT(json_is_array(once) && json_array_size(once) <= json_array_size(values) + 1);
    twice = mapred_reduce(f, once, &why);
    ASSERT(twice || f == REDUCE_PLIST_SUM || f == REDUCE_SUM);
    json_decref(once);
    json_decref(twice);
}

static void read_job(struct slice in, bool terms)
{
    struct mapred_job job;
    char why[256];
    if (!mapred_job_read(in, terms, &job, why, sizeof why))
        return;
    look_at(&job);
    mapred_job_fini(&job);
}

static json_t *value_of(struct slice in)
{
    struct etf_reader r;
    return etf_begin(&r, in) ? etf_value(&r) : NULL;
}

/* What is written is read again, as the same where no texts and pairs become something else: as long a list. */
static void write_terms(const json_t *values)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    if (json_is_array(values)) {
        ASSERT(mapred_term_write(&out, values, 0, json_array_size(values), false) == 0);
        json_t *again = value_of(buf_slice(&out));
        ASSERT(!again || json_array_size(again) == json_array_size(values)); /* NULL: too deep */
        json_decref(again);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    bool terms = size && data[0] == 131;
    read_job(in, terms);
    json_t *values = terms ? value_of(in) : json_loadb((const char *)data, size, 0, NULL);
    write_terms(values);
    for (unsigned f = REDUCE_IDENTITY; json_is_array(values) && f < REDUCE_DELETE; f++)
        reduce((enum mapred_function)f, values);
    json_decref(values);
    return 0;
}
