/* SPDX-License-Identifier: Apache-2.0 */
/* The server's resident memory for each idle, authenticated connection. A few connections are opened before the first
 * look, so that what the server takes once for all does not count. */
#include "bench/fleet.h"
#include "bench/probe.h"

#define WARM_CONNECTIONS 20

static void on_response(void *arg, struct fleet_conn *c, const struct frame *f)
{
    (void)arg;
    (void)c;
    bench_die("an answer without a request: message code %u", f->code);
}

static uint64_t settled_rss(struct bench *b, struct fleet *f)
{
    fleet_run_until(f, probe_now_ns() + (uint64_t)(b->options->settle_s * 1e9));
    return servers_rss(&b->servers);
}

void mode_idle(struct bench *b)
{
    uint32_t count = b->options->connections;
    struct fleet_callbacks callbacks = {.on_response = on_response};
    if (!b->servers.pids)
        bench_die("idle needs --pid of the server, or --echo");
    struct fleet *warm = fleet_create(b, WARM_CONNECTIONS, &callbacks);
    fleet_open_all(warm);
    uint64_t before = settled_rss(b, warm);
    struct fleet *f = fleet_create(b, count, &callbacks);
    fleet_open_all(f);
    uint64_t after = settled_rss(b, f);
    report_add(&b->report, "connections", count, "");
    report_add(&b->report, "rss_before_mib", (double)before / 1048576, "MiB");
    report_add(&b->report, "rss_after_mib", (double)after / 1048576, "MiB");
    report_add(&b->report, "rss_bytes_per_connection", ((double)after - (double)before) / count, "B");
    fleet_destroy(f);
    fleet_destroy(warm);
}
