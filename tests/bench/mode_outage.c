/* SPDX-License-Identifier: Apache-2.0 */
/* A node is ended at once: how long until every partition takes writes again? In the moment of its end one write for
 * each of --keys keys, so many that every partition has some, is sent through the nodes that live on, the --host's. A
 * write that is refused is sent again. What counts is when the last of them has succeeded. */
#include "bench/fleet.h"
#include "bench/probe.h"
#include "client/answer.h"
#include "client/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_DEFAULT   1024
#define KEY_SIZE       17 /* of a number with leading zeros, with its NUL */
#define GIVE_UP_NS     60000000000u
#define RETRY_EVERY_MS 5
#define VALUE_SIZE     100

struct outage {
    struct bench *bench;
    struct fleet *fleet;
    uint32_t connections, keys;
    uint32_t *sent; /* `keys` for each connection: the keys in flight, a ring; answers come in order */
    uint32_t *refused, refused_count;
    uint32_t succeeded;
    uint64_t refusals, last_ns;
    char why[ANSWER_TEXT_MAX]; /* of the last refusal */
};

static uint32_t *slot_of(struct outage *x, const struct fleet_conn *c, uint32_t position)
{
    return &x->sent[(size_t)c->index * x->keys + position % x->keys];
}

static void append(struct outage *x, struct fleet_conn *c, uint32_t key)
{
    static const char value[VALUE_SIZE];
    char text[KEY_SIZE];
    snprintf(text, sizeof text, "%016u", key);
    struct kv_put_req req = client_put_request(slice_str(""), slice_str(x->bench->options->bucket), slice_str(text),
                                               slice_make(value, sizeof value));
    if (kv_put_req_encode(client_conn_requests(c->core), &req, slice_make(NULL, 0)))
        bench_die("out of memory");
    *slot_of(x, c, c->head + c->in_flight++) = key;
}

static void on_response(void *arg, struct fleet_conn *c, const struct frame *f)
{
    struct outage *x = arg;
    struct answer_error e;
    uint32_t key = *slot_of(x, c, c->head++);
    c->in_flight--;
    if (f->code == MSG_PUT_RESP) {
        x->succeeded++;
        x->last_ns = fleet_now_ns(x->fleet);
        return;
    }
    if (f->code != MSG_ERROR_RESP)
        bench_die("unexpected answer: message code %u", f->code);
    answer_error_decode(f->body, &e);
    memcpy(x->why, e.text, sizeof x->why);
    x->refusals++;
    x->refused[x->refused_count++] = key;
}

static void send_all(struct outage *x)
{
    for (uint32_t i = 0; i < x->keys; i++)
        append(x, fleet_at(x->fleet, i % x->connections), i);
    for (uint32_t i = 0; i < x->connections; i++)
        fleet_send(x->fleet, fleet_at(x->fleet, i));
}

/* Each through another connection than before, so through another node. */
static void send_refused(struct outage *x)
{
    while (x->refused_count) {
        struct fleet_conn *c = fleet_at(x->fleet, (uint32_t)(x->refusals + x->refused_count) % x->connections);
        append(x, c, x->refused[--x->refused_count]);
        fleet_send(x->fleet, c);
    }
}

/* Until all have succeeded; returns when the last did. */
static uint64_t write_all(struct outage *x)
{
    uint64_t begin_ns = probe_now_ns(), retry_ns = begin_ns;
    x->succeeded = 0;
    send_all(x);
    while (x->succeeded < x->keys) {
        fleet_turn(x->fleet, RETRY_EVERY_MS);
        uint64_t now_ns = probe_now_ns();
        if (now_ns - begin_ns > GIVE_UP_NS)
            bench_die("%u of %u writes have not succeeded within 60 seconds; the last refusal: %s",
                      x->keys - x->succeeded, x->keys, x->why);
        if (now_ns < retry_ns)
            continue;
        send_refused(x);
        retry_ns = now_ns + RETRY_EVERY_MS * 1000000u;
    }
    return x->last_ns;
}

void mode_outage(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct outage x = {.bench = b, .connections = o->connections, .keys = o->keys ? o->keys : KEYS_DEFAULT};
    struct fleet_callbacks callbacks = {.on_response = on_response, .arg = &x};
    x.sent = bench_alloc((size_t)x.connections * x.keys, sizeof *x.sent);
    x.refused = bench_alloc(x.keys, sizeof *x.refused);
    x.fleet = fleet_create(b, x.connections, &callbacks);
    fleet_open_all(x.fleet);
    uint64_t begin_ns = probe_now_ns();
    double before_ms = (double)(write_all(&x) - begin_ns) / 1e6;
    x.refusals = 0;
    begin_ns = probe_now_ns();
    if (o->victim && kill((pid_t)o->victim, SIGKILL) < 0)
        bench_die("cannot end process %u: %s", o->victim, strerror(errno));
    double outage_ms = (double)(write_all(&x) - begin_ns) / 1e6;
    report_add(&b->report, "keys", x.keys, "");
    report_add(&b->report, "writes_before_ms", before_ms, "ms");
    report_add(&b->report, "writes_after_ms", outage_ms, "ms");
    report_add(&b->report, "refusals", (double)x.refusals, "");
    fleet_destroy(x.fleet);
    free(x.sent);
    free(x.refused);
}
