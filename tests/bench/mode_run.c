/* SPDX-License-Identifier: Apache-2.0 */
/* Throughput, latency and the server's CPU for each operation, closed loop: every connection always has `pipeline`
 * requests in flight. */
#include "base/rng.h"
#include "bench/probe.h"
#include "bench/workload.h"

#include <unistd.h>

#define LOOK_EVERY_NS      20000000 /* for --until */
#define FILL_PIPELINE_KEYS 10000    /* default of --keys */

struct mix {
    const struct bench_options *options;
    uint32_t keys;
    struct rng rng;
};

static bool next_of_mix(void *arg, struct op *op)
{
    struct mix *m = arg;
    const struct bench_options *o = m->options;
    if (o->echo) {
        *op = (struct op){.kind = OP_ECHO};
        return true;
    }
    bool get = o->puts == 0 || (o->gets && rng_below(&m->rng, o->gets + o->puts) < o->gets);
    *op = (struct op){.kind = get ? OP_GET : OP_PUT, .key = rng_below(&m->rng, m->keys)};
    return true;
}

/* Somebody else knows when it is over. */
static void run_until_there(struct workload *w, struct mix *m, uint64_t end_ns)
{
    uint64_t now_ns;
    while (access(m->options->until, F_OK) != 0 && (now_ns = probe_now_ns()) < end_ns)
        workload_run(w, next_of_mix, m, now_ns + LOOK_EVERY_NS, 0);
}

static void measure(struct workload *w, struct bench *b, struct mix *m)
{
    static const char *const names[4] = {"latency_p50_us", "latency_p99_us", "latency_p999_us", "latency_max_us"};
    const struct bench_options *o = b->options;
    uint64_t begin_ns = probe_now_ns(), cpu_ns = servers_cpu_ns(&b->servers);
    uint64_t end_ns = o->requests ? UINT64_MAX : begin_ns + (uint64_t)(o->seconds * 1e9);
    workload_reset(w);
    if (o->until)
        run_until_there(w, m, end_ns);
    else
        workload_run(w, next_of_mix, m, end_ns, o->requests);
    cpu_ns = servers_cpu_ns(&b->servers) - cpu_ns;
    double seconds = (double)(probe_now_ns() - begin_ns) / 1e9, answers = (double)workload_answers(w);
    report_add(&b->report, "operations", answers, "");
    report_add(&b->report, "seconds", seconds, "s");
    report_add(&b->report, "ops_per_second", answers / seconds, "1/s");
    if (b->servers.pids) {
        report_add(&b->report, "server_cpu_us_per_op", (double)cpu_ns / 1e3 / answers, "us");
        report_add(&b->report, "server_cpu_percent", (double)cpu_ns / 1e7 / seconds, "%");
    }
    report_add_latency(&b->report, workload_latency(w), names);
    report_add(&b->report, "misses", (double)workload_misses(w), "");
}

void mode_run(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct mix m = {.options = o, .keys = o->keys ? o->keys : FILL_PIPELINE_KEYS};
    struct op_sequence all = {.end = o->echo ? 0 : m.keys};
    rng_seed(&m.rng, o->seed);
    if (o->ttl_s && !o->echo)
        bench_set_ttl(b);
    struct workload *w = workload_create(b, o->connections, o->pipeline, o->bucket);
    workload_run_dry(w, op_sequence_next, &all);
    workload_set_rate(w, o->rate);
    workload_run(w, next_of_mix, &m, probe_now_ns() + (uint64_t)(o->warmup_s * 1e9), 0);
    measure(w, b, &m);
    workload_destroy(w);
}
