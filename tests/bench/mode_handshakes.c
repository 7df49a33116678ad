/* SPDX-License-Identifier: Apache-2.0 */
/* Mutual handshakes: each of `connections` slots connects, is authenticated (the echo server has no users: it echoes
 * one request instead), says goodbye and begins anew; with `resume`, as any client does, with the session that it had.
 */
#include "bench/fleet.h"
#include "bench/probe.h"

struct handshakes {
    struct bench *bench;
    struct fleet *fleet;
    uint64_t done, resumed;
    bool over;
};

static void again(struct handshakes *h, struct fleet_conn *c)
{
    h->done++;
    h->resumed += client_conn_resumed(c->core);
    if (!h->over && h->bench->options->resume) {
        fleet_reopen(h->fleet, c);
        return;
    }
    fleet_close(h->fleet, c);
    if (!h->over)
        fleet_open(h->fleet, c, NULL);
}

static void on_ready(void *arg, struct fleet_conn *c)
{
    struct handshakes *h = arg;
    uint8_t *p;
    if (!h->bench->options->echo)
        return;
    if (buf_reserve(client_conn_requests(c->core), FRAME_HEAD, &p))
        bench_die("out of memory");
    frame_head_put(p, MSG_PING_REQ, 0);
    buf_commit(client_conn_requests(c->core), FRAME_HEAD);
    c->in_flight = 1;
}

static void on_response(void *arg, struct fleet_conn *c, const struct frame *f)
{
    (void)arg;
    (void)f;
    c->in_flight = 0;
}

static void on_drained(void *arg, struct fleet_conn *c)
{
    struct handshakes *h = arg;
    if (c->in_flight == 0)
        again(h, c);
}

static void measure(struct handshakes *h, struct bench *b)
{
    const struct bench_options *o = b->options;
    h->done = h->resumed = 0;
    uint64_t begin_ns = probe_now_ns(), cpu_ns = servers_cpu_ns(&b->servers);
    if (o->requests)
        while (h->done < o->requests)
            fleet_turn(h->fleet, 100);
    else
        fleet_run_until(h->fleet, begin_ns + (uint64_t)(o->seconds * 1e9));
    cpu_ns = servers_cpu_ns(&b->servers) - cpu_ns;
    double seconds = (double)(probe_now_ns() - begin_ns) / 1e9, done = (double)h->done;
    report_add(&b->report, "handshakes", done, "");
    report_add(&b->report, "resumed", (double)h->resumed, "");
    report_add(&b->report, "handshakes_per_second", done / seconds, "1/s");
    if (b->servers.pids) {
        report_add(&b->report, "server_cpu_us_per_handshake", (double)cpu_ns / 1e3 / done, "us");
        report_add(&b->report, "server_cpu_percent", (double)cpu_ns / 1e7 / seconds, "%");
    }
}

void mode_handshakes(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct handshakes h = {.bench = b};
    struct fleet_callbacks callbacks = {
        .on_ready = on_ready, .on_response = on_response, .on_drained = on_drained, .arg = &h};
    h.fleet = fleet_create(b, o->connections, &callbacks);
    for (uint32_t i = 0; i < o->connections; i++)
        fleet_open(h.fleet, fleet_at(h.fleet, i), NULL);
    fleet_run_until(h.fleet, probe_now_ns() + (uint64_t)(o->warmup_s * 1e9));
    measure(&h, b);
    h.over = true;
    fleet_destroy(h.fleet);
}
