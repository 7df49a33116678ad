/* SPDX-License-Identifier: Apache-2.0 */
/* Many keys expire within one second while other keys are read: does a reader notice? The keys are written with times
 * to live, in whole seconds, that end together: one written at t lives ceil(T - t) seconds, so all end within [T, T + 1
 * s). Reads are told apart by when they were answered: before T, and from T on for as long. */
#include "base/rng.h"
#include "bench/probe.h"
#include "bench/workload.h"

#include <math.h>
#include <stdlib.h>

#define KEYS_DEFAULT    1000000
#define READ_KEYS       1000
#define FILL_PER_SECOND 20000 /* a lower bound, for the choice of T */
#define FILL_PIPELINE   16
#define READERS         10 /* few, each with one request: the server is not saturated by them */
#define QUIET_S         3.0
#define SECOND_NS       1e9

struct expire {
    struct bench *bench;
    uint64_t end_ns; /* T */
    uint64_t next, count;
    struct rng rng;
    struct histogram before, during;
};

static bool next_expiring(void *arg, struct op *op)
{
    struct expire *x = arg;
    if (x->next == x->count)
        return false;
    double left_s = ((double)x->end_ns - (double)probe_now_ns()) / SECOND_NS;
    if (left_s < 1)
        bench_die("storing the keys took too long: they would not expire together");
    *op = (struct op){.kind = OP_PUT, .key = x->next++, .ttl_s = (uint32_t)ceil(left_s)};
    return true;
}

static bool next_read(void *arg, struct op *op)
{
    struct expire *x = arg;
    *op = (struct op){.kind = OP_GET, .key = rng_below(&x->rng, READ_KEYS)};
    return true;
}

static void watch(void *arg, uint64_t now_ns, uint64_t latency_ns)
{
    struct expire *x = arg;
    histogram_record(now_ns < x->end_ns ? &x->before : &x->during, latency_ns);
}

static void store_expiring(struct expire *x)
{
    struct bench *b = x->bench;
    struct workload *w = workload_create(b, b->options->connections, FILL_PIPELINE, b->options->bucket);
    double fill_s = (double)x->count / FILL_PER_SECOND + 2 * QUIET_S + 2;
    x->end_ns = probe_now_ns() + (uint64_t)(fill_s * SECOND_NS);
    workload_run_dry(w, next_expiring, x);
    workload_destroy(w);
}

static void read_others(struct expire *x, struct workload *w)
{
    struct op_sequence others = {.end = READ_KEYS};
    uint64_t quiet_ns = (uint64_t)(QUIET_S * SECOND_NS);
    workload_run_dry(w, op_sequence_next, &others);
    while (probe_now_ns() + quiet_ns < x->end_ns)
        fleet_turn(workload_fleet(w), 10);
    workload_reset(w);
    workload_watch(w, watch, x);
    workload_run(w, next_read, x, x->end_ns + quiet_ns, 0);
}

static bool next_sample(void *arg, struct op *op)
{
    struct expire *x = arg;
    if (x->next == 0)
        return false;
    *op = (struct op){.kind = OP_GET, .key = --x->next};
    return true;
}

/* Some of the keys that must be gone by now. */
static uint64_t count_survivors(struct expire *x)
{
    struct workload *w = workload_create(x->bench, 1, FILL_PIPELINE, x->bench->options->bucket);
    uint64_t sample = x->count < READ_KEYS ? x->count : READ_KEYS;
    x->next = sample;
    workload_run_dry(w, next_sample, x);
    uint64_t survivors = sample - workload_misses(w);
    workload_destroy(w);
    return survivors;
}

static void describe(struct expire *x, uint64_t rss_full, uint64_t misses)
{
    static const char *const before[4] = {"before_p50_us", "before_p99_us", "before_p999_us", "before_max_us"};
    static const char *const during[4] = {"expiry_p50_us", "expiry_p99_us", "expiry_p999_us", "expiry_max_us"};
    struct bench *b = x->bench;
    report_add(&b->report, "keys", (double)x->count, "");
    report_add(&b->report, "reads_before", (double)x->before.count, "");
    report_add(&b->report, "reads_during_expiry", (double)x->during.count, "");
    report_add_latency(&b->report, &x->before, before);
    report_add_latency(&b->report, &x->during, during);
    report_add(&b->report, "misses", (double)misses, "");
    if (b->servers.pids) {
        report_add(&b->report, "rss_full_mib", (double)rss_full / 1048576, "MiB");
        report_add(&b->report, "rss_after_mib", (double)servers_rss(&b->servers) / 1048576, "MiB");
    }
}

void mode_expire(struct bench *b)
{
    struct expire *x = bench_alloc(1, sizeof *x);
    if (b->options->echo)
        bench_die("expire needs a store");
    x->bench = b;
    x->count = b->options->keys ? b->options->keys : KEYS_DEFAULT;
    rng_seed(&x->rng, b->options->seed);
    store_expiring(x);
    uint64_t rss_full = servers_rss(&b->servers);
    struct workload *w = workload_create(b, READERS, 1, "bench-others");
    read_others(x, w);
    describe(x, rss_full, workload_misses(w));
    workload_destroy(w);
    report_add(&b->report, "survivors_in_sample", (double)count_survivors(x), "");
    free(x);
}
