/* SPDX-License-Identifier: Apache-2.0 */
/* The server's resident memory for each of many keys. What the process held before, with its connections open and their
 * buffers warm, does not count. */
#include "bench/probe.h"
#include "bench/workload.h"

#define KEYS_DEFAULT  1000000
#define WARM_REQUESTS 20000 /* writes over a few keys: buffers and queues get their size */
#define WARM_KEYS     100

static bool next_warm(void *arg, struct op *op)
{
    uint64_t *left = arg;
    if (*left == 0)
        return false;
    --*left;
    *op = (struct op){.kind = OP_PUT, .key = UINT32_MAX - *left % WARM_KEYS};
    return true;
}

static void settle(struct workload *w, double seconds)
{
    fleet_run_until(workload_fleet(w), probe_now_ns() + (uint64_t)(seconds * 1e9));
}

void mode_load(struct bench *b)
{
    const struct bench_options *o = b->options;
    uint64_t keys = o->keys ? o->keys : KEYS_DEFAULT, warm = WARM_REQUESTS;
    struct op_sequence all = {.end = keys};
    if (!b->servers.pids || o->echo)
        bench_die("load needs --pid of a store");
    if (o->ttl_s)
        bench_set_ttl(b);
    struct workload *w = workload_create(b, o->connections, o->pipeline, o->bucket);
    workload_run_dry(w, next_warm, &warm);
    settle(w, o->settle_s);
    uint64_t before = servers_rss(&b->servers), begin_ns = probe_now_ns();
    workload_run_dry(w, op_sequence_next, &all);
    double seconds = (double)(probe_now_ns() - begin_ns) / 1e9;
    settle(w, o->settle_s);
    uint64_t after = servers_rss(&b->servers);
    report_add(&b->report, "keys", (double)keys, "");
    report_add(&b->report, "seconds", seconds, "s");
    report_add(&b->report, "puts_per_second", (double)keys / seconds, "1/s");
    report_add(&b->report, "rss_before_mib", (double)before / 1048576, "MiB");
    report_add(&b->report, "rss_after_mib", (double)after / 1048576, "MiB");
    report_add(&b->report, "rss_bytes_per_key", ((double)after - (double)before) / (double)keys, "B");
    workload_destroy(w);
}
