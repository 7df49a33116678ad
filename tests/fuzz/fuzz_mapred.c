/* Map/reduce jobs, which are JSON: what is read is asked for all it says; what a job lists goes through every reduce
 * function, as a whole, and again with what came of it. */
#include "fuzz.h"
#include "server/mapred_reduce.h"

static void look_at(const struct mapred_job *job)
{
    ASSERT(job->phases <= MAPRED_PHASES_MAX);
    ASSERT((job->inputs == MAPRED_LIST) == (job->list != NULL));
    ASSERT(job->list || job->bucket);
    ASSERT(job->inputs != MAPRED_INDEX || job->index);
    for (unsigned i = 0; i < job->phases; i++)
        ASSERT(job->phase[i].function <= REDUCE_DELETE);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapred_job job;
    char why[256];
    if (mapred_job_read(slice_make(data, size), &job, why, sizeof why)) {
        look_at(&job);
        mapred_job_fini(&job);
    }
    json_t *values = json_loadb((const char *)data, size, 0, NULL);
    for (unsigned f = REDUCE_IDENTITY; json_is_array(values) && f < REDUCE_DELETE; f++)
        reduce((enum mapred_function)f, values);
    json_decref(values);
    return 0;
}
