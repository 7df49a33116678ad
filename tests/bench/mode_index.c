/* SPDX-License-Identifier: Apache-2.0 */
/* Secondary index queries: a bucket of many objects, each with one index entry, of which a query finds a few. */
#include "base/rng.h"
#include "bench/probe.h"
#include "bench/workload.h"

#define KEYS_DEFAULT  200000
#define FILL_PIPELINE 16
#define BUCKET_MAX    200 /* what a query's request has room for */

struct queries {
    uint64_t next, count; /* objects */
    struct rng rng;
};

static bool next_indexed(void *arg, struct op *op)
{
    struct queries *q = arg;
    if (q->next == q->count)
        return false;
    *op = (struct op){.kind = OP_PUT_INDEXED, .key = q->next++};
    return true;
}

static bool next_query(void *arg, struct op *op)
{
    struct queries *q = arg;
    *op = (struct op){.kind = OP_INDEX, .key = rng_below(&q->rng, q->count - WORKLOAD_HITS + 1)};
    return true;
}

static void fill(struct bench *b, struct queries *q)
{
    const struct bench_options *o = b->options;
    struct workload *w = workload_create(b, o->connections, FILL_PIPELINE, o->bucket);
    workload_run_dry(w, next_indexed, q);
    workload_destroy(w);
}

static void measure(struct bench *b, struct workload *w, struct queries *q)
{
    static const char *const names[4] = {"latency_p50_us", "latency_p99_us", "latency_p999_us", "latency_max_us"};
    const struct bench_options *o = b->options;
    workload_reset(w);
    uint64_t begin_ns = probe_now_ns(), cpu_ns = servers_cpu_ns(&b->servers);
    workload_run(w, next_query, q, begin_ns + (uint64_t)(o->seconds * 1e9), 0);
    cpu_ns = servers_cpu_ns(&b->servers) - cpu_ns;
    double answers = (double)workload_answers(w);
    report_add(&b->report, "operations", answers, "");
    report_add(&b->report, "ops_per_second", answers * 1e9 / (double)(probe_now_ns() - begin_ns), "1/s");
    if (b->servers.pids)
        report_add(&b->report, "server_cpu_us_per_op", (double)cpu_ns / 1e3 / answers, "us");
    report_add_latency(&b->report, workload_latency(w), names);
    report_add(&b->report, "misses", (double)workload_misses(w), "");
}

void mode_index(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct queries q = {.count = o->keys ? o->keys : KEYS_DEFAULT};
    if (o->echo)
        bench_die("index needs a store");
    if (q.count < WORKLOAD_HITS || slice_str(o->bucket).len > BUCKET_MAX)
        bench_die("index needs at least %d keys, and a bucket of at most %d characters", WORKLOAD_HITS, BUCKET_MAX);
    rng_seed(&q.rng, o->seed);
    fill(b, &q);
    struct workload *w = workload_create(b, o->connections, o->pipeline, o->bucket);
    workload_run(w, next_query, &q, probe_now_ns() + (uint64_t)(o->warmup_s * 1e9), 0);
    measure(b, w, &q);
    workload_destroy(w);
}
