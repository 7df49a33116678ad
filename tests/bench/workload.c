/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/workload.h"

#include "base/assert.h"
#include "base/rng.h"
#include "bench/probe.h"
#include "client/answer.h"
#include "client/client.h"
#include "wire/pb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX       1024
#define ECHO_BYTES    120 /* a frame of this size each way */
#define INDEX_NAME    "number_int"
#define INDEX_REQ_MAX 512 /* the bucket's name included */

/* One request in flight. */
struct slot {
    uint64_t sent_ns;
    enum op_kind kind;
};

struct workload {
    struct bench *bench;
    struct fleet *fleet;
    uint32_t connections, pipeline;
    struct slice bucket;
    struct slot *slots; /* `pipeline` for each connection, a ring */
    op_source source;
    void *source_arg;
    bool dry; /* the source had nothing more */
    uint64_t in_flight, answers, misses;
    uint32_t rate;                     /* requests a second; 0: no limit */
    uint64_t rate_begin_ns, rate_sent; /* since when, and how many have been sent since */
    uint32_t rate_turn;                /* the connection that is next */
    struct histogram latency;
    void (*watch)(void *arg, uint64_t now_ns, uint64_t latency_ns);
    void *watch_arg;
    char key[KEY_MAX + 1];
    struct slice value;
    uint8_t *value_bytes;
};

static struct slice key_text(struct workload *w, uint64_t key)
{
    uint32_t size = w->bench->options->key_size;
    for (uint32_t i = size; i-- > 0; key /= 10)
        w->key[i] = (char)('0' + key % 10);
    return slice_make(w->key, size);
}

static int encode_ttl(struct buf *meta, uint32_t ttl_s)
{
    char text[16];
    snprintf(text, sizeof text, "%u", ttl_s);
    struct kv_item item = {
        .kind = KV_USERMETA, .key = slice_str("X-Ephemeral-TTL"), .value = slice_str(text), .has_value = true};
    return kv_meta_put_item(meta, &item);
}

/* The number that is the key, once more. */
static int encode_index_entry(struct buf *meta, uint64_t key)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, key);
    struct kv_item item = {.kind = KV_INDEX, .key = slice_str(INDEX_NAME), .value = slice_str(text), .has_value = true};
    return kv_meta_put_item(meta, &item);
}

static int encode_put(struct workload *w, struct buf *out, const struct op *op)
{
    struct kv_put_req req = client_put_request(slice_str(""), w->bucket, key_text(w, op->key), w->value);
    struct buf meta;
    buf_init(&meta, 256);
    int err = op->ttl_s ? encode_ttl(&meta, op->ttl_s) : 0;
    if (!err && op->kind == OP_PUT_INDEXED)
        err = encode_index_entry(&meta, op->key);
    if (!err)
        err = kv_put_req_encode(out, &req, buf_slice(&meta));
    buf_fini(&meta);
    return err;
}

/* The echo server gives back what it gets; a ping with a body makes a frame of any size. */
static int encode_echo(struct buf *out)
{
    uint8_t *p;
    int err = buf_reserve(out, ECHO_BYTES, &p);
    if (err)
        return err;
    memset(frame_head_put(p, MSG_PING_REQ, ECHO_BYTES - FRAME_HEAD), 'x', ECHO_BYTES - FRAME_HEAD);
    buf_commit(out, ECHO_BYTES);
    return 0;
}

/* RpbIndexReq for the range of WORKLOAD_HITS keys from `key` on. */
static int encode_index(struct workload *w, struct buf *out, uint64_t key)
{
    char min[24], max[24];
    uint8_t *begin;
    int err = buf_reserve(out, FRAME_HEAD + INDEX_REQ_MAX, &begin);
    if (err)
        return err;
    snprintf(min, sizeof min, "%" PRIu64, key);
    snprintf(max, sizeof max, "%" PRIu64, key + WORKLOAD_HITS - 1);
    uint8_t *body = begin + FRAME_HEAD, *p = pb_put_bytes(body, 1, w->bucket);
    p = pb_put_bytes(p, 2, slice_str(INDEX_NAME));
    p = pb_put_uint(p, 3, 1); /* a range */
    p = pb_put_bytes(p, 5, slice_str(min));
    p = pb_put_bytes(p, 6, slice_str(max));
    frame_head_put(begin, MSG_INDEX_REQ, (size_t)(p - body));
    buf_commit(out, (size_t)(p - begin));
    return 0;
}

/* The keys in the body of an RpbIndexResp. */
static uint32_t count_hits(struct slice body)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    uint32_t hits = 0;
    while (pb_next(&r, &f) > 0)
        hits += f.number == 1;
    return hits;
}

static int encode(struct workload *w, struct buf *out, const struct op *op)
{
    if (op->kind == OP_ECHO)
        return encode_echo(out);
    if (op->kind == OP_PUT || op->kind == OP_PUT_INDEXED)
        return encode_put(w, out, op);
    if (op->kind == OP_INDEX)
        return encode_index(w, out, op->key);
    struct kv_get_req req = client_get_request(slice_str(""), w->bucket, key_text(w, op->key));
    if (w->bench->options->r)
        req.r = w->bench->options->r;
    return kv_get_req_encode(out, &req);
}

static struct slot *slot_of(struct workload *w, const struct fleet_conn *c, uint32_t position)
{
    return &w->slots[(size_t)c->index * w->pipeline + position % w->pipeline];
}

static bool may_send(const struct workload *w, uint64_t now_ns)
{
    return w->rate == 0 || (double)w->rate_sent < (double)(now_ns - w->rate_begin_ns) * w->rate / 1e9;
}

static void fill_one(struct workload *w, struct fleet_conn *c, uint64_t now_ns)
{
    struct op op = {0};
    if (c->in_flight == w->pipeline || w->dry)
        return;
    if (!w->source(w->source_arg, &op)) {
        w->dry = true;
        return;
    }
    int err = encode(w, client_conn_requests(c->core), &op);
    if (err)
        bench_die("cannot encode a request: %s", err_text(err));
    *slot_of(w, c, c->head + c->in_flight) = (struct slot){now_ns, op.kind};
    c->in_flight++;
    w->in_flight++;
    w->rate_sent++;
}

static void fill(struct workload *w, struct fleet_conn *c, uint64_t now_ns)
{
    while (c->in_flight < w->pipeline && !w->dry)
        fill_one(w, c, now_ns);
}

static void check(struct workload *w, enum op_kind kind, const struct frame *f)
{
    static const uint8_t codes[OP_KINDS] = {MSG_GET_RESP, MSG_PUT_RESP, MSG_PUT_RESP, MSG_INDEX_RESP, MSG_PING_REQ};
    struct answer_error e;
    if (f->code == MSG_ERROR_RESP) {
        answer_error_decode(f->body, &e);
        bench_die("the server answers: %s", e.text);
    }
    if (f->code != codes[kind])
        bench_die("unexpected answer: message code %u", f->code);
    if (kind == OP_GET && f->body.len <= w->value.len)
        w->misses++;
    if (kind == OP_INDEX && count_hits(f->body) != WORKLOAD_HITS)
        w->misses++;
}

static void on_response(void *arg, struct fleet_conn *c, const struct frame *f)
{
    struct workload *w = arg;
    if (c->in_flight == 0)
        bench_die("an answer without a request: message code %u", f->code);
    const struct slot *s = slot_of(w, c, c->head);
    uint64_t now_ns = fleet_now_ns(w->fleet);
    uint64_t latency_ns = now_ns - s->sent_ns;
    check(w, s->kind, f);
    histogram_record(&w->latency, latency_ns);
    if (w->watch)
        w->watch(w->watch_arg, now_ns, latency_ns);
    w->answers++;
    w->in_flight--;
    c->in_flight--;
    c->head++;
}

static void on_drained(void *arg, struct fleet_conn *c)
{
    struct workload *w = arg;
    if (w->source && w->rate == 0)
        fill(w, c, fleet_now_ns(w->fleet));
}

static void fill_value(struct workload *w)
{
    struct rng rng;
    uint32_t size = w->bench->options->value_size;
    rng_seed(&rng, w->bench->options->seed);
    w->value_bytes = bench_alloc(size + 1, 1);
    rng_fill(&rng, w->value_bytes, size);
    w->value = slice_make(w->value_bytes, size);
}

struct workload *workload_create(struct bench *b, uint32_t connections, uint32_t pipeline, const char *bucket)
{
    struct workload *w = bench_alloc(1, sizeof *w);
    struct fleet_callbacks callbacks = {.on_response = on_response, .on_drained = on_drained, .arg = w};
    w->bench = b;
    w->connections = connections;
    w->pipeline = pipeline;
    w->bucket = slice_str(bucket);
    w->slots = bench_alloc((size_t)connections * pipeline, sizeof *w->slots);
    fill_value(w);
    w->fleet = fleet_create(b, connections, &callbacks);
    fleet_open_all(w->fleet);
    return w;
}

void workload_destroy(struct workload *w)
{
    fleet_destroy(w->fleet);
    free(w->slots);
    free(w->value_bytes);
    free(w);
}

struct fleet *workload_fleet(struct workload *w)
{
    return w->fleet;
}

static void begin(struct workload *w, op_source source, void *arg)
{
    w->source = source;
    w->source_arg = arg;
    w->dry = false;
    if (w->rate)
        return;
    for (uint32_t i = 0; i < w->connections; i++) {
        struct fleet_conn *c = fleet_at(w->fleet, i);
        fill(w, c, probe_now_ns());
        fleet_send(w->fleet, c);
    }
}

void workload_run_dry(struct workload *w, op_source source, void *arg)
{
    begin(w, source, arg);
    while (!w->dry || w->in_flight)
        fleet_turn(w->fleet, 1000);
}

/* What the rate allows by now, connection after connection, so that none is preferred. */
static void send_due(struct workload *w)
{
    uint64_t now_ns = probe_now_ns();
    for (uint32_t i = 0; i < w->connections && may_send(w, now_ns); i++) {
        struct fleet_conn *c = fleet_at(w->fleet, w->rate_turn++ % w->connections);
        fill_one(w, c, now_ns);
        fleet_send(w->fleet, c);
    }
}

void workload_run(struct workload *w, op_source source, void *arg, uint64_t end_ns, uint64_t answers)
{
    begin(w, source, arg);
    while (probe_now_ns() < end_ns && (answers == 0 || w->answers < answers)) {
        if (w->rate)
            send_due(w);
        fleet_turn(w->fleet, w->rate ? 1 : 10);
    }
}

void workload_set_rate(struct workload *w, uint32_t per_second)
{
    w->rate = per_second;
    w->rate_begin_ns = probe_now_ns();
    w->rate_sent = 0;
}

void workload_reset(struct workload *w)
{
    w->answers = w->misses = 0;
    histogram_reset(&w->latency);
}

uint64_t workload_answers(const struct workload *w)
{
    return w->answers;
}

uint64_t workload_misses(const struct workload *w)
{
    return w->misses;
}

const struct histogram *workload_latency(const struct workload *w)
{
    return &w->latency;
}

void workload_watch(struct workload *w, void (*watch)(void *arg, uint64_t now_ns, uint64_t latency_ns), void *arg)
{
    w->watch = watch;
    w->watch_arg = arg;
}

bool op_sequence_next(void *sequence, struct op *op)
{
    struct op_sequence *s = sequence;
    if (s->next == s->end)
        return false;
    *op = (struct op){.kind = OP_PUT, .key = s->next++};
    return true;
}
