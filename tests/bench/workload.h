/* SPDX-License-Identifier: Apache-2.0 */
/* Requests kept in flight on every connection of a fleet: each connection holds `pipeline` of them, and each answer
 * makes room for the next. Latency runs from the moment a request is handed to its connection to the moment its answer
 * is decrypted. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bench/fleet.h"
#include "bench/histogram.h"

enum op_kind { OP_GET, OP_PUT, OP_PUT_INDEXED, OP_INDEX, OP_ECHO };
#define OP_KINDS 5

#define WORKLOAD_HITS 10 /* of an OP_INDEX: the keys from op.key on */

struct op {
    enum op_kind kind;
    uint64_t key;
    uint32_t ttl_s; /* of this object, for a put; 0: none */
};

/* What to send next; false: nothing more for now. */
typedef bool (*op_source)(void *arg, struct op *op);

struct workload;

/* Opens the connections; keys are numbers in `bucket` (borrowed), values are --value-size random bytes. */
struct workload *workload_create(struct bench *b, uint32_t connections, uint32_t pipeline, const char *bucket);
void workload_destroy(struct workload *w);
struct fleet *workload_fleet(struct workload *w);

/* Sends from `source` until it has nothing more and all is answered. */
void workload_run_dry(struct workload *w, op_source source, void *arg);
/* Sends from `source`; returns at `end_ns` or after `answers` answers (0: no such limit), with requests still in
 * flight: the next call goes on with them. */
void workload_run(struct workload *w, op_source source, void *arg, uint64_t end_ns, uint64_t answers);

/* From now on requests begin at most this often, in operations a second over all connections, as evenly as the
 * millisecond allows; 0: as soon as there is room. For workload_run() alone. */
void workload_set_rate(struct workload *w, uint32_t per_second);

/* Forgets what was counted. */
void workload_reset(struct workload *w);
uint64_t workload_answers(const struct workload *w);
uint64_t
workload_misses(const struct workload *w); /* gets that found nothing, queries that found other than WORKLOAD_HITS */
const struct histogram *workload_latency(const struct workload *w);
/* Called with each latency as it is recorded, and the time at which the answer came. NULL: nobody. */
void workload_watch(struct workload *w, void (*watch)(void *arg, uint64_t now_ns, uint64_t latency_ns), void *arg);

/* A source: keys from next to end - 1 once each, as puts. */
struct op_sequence {
    uint64_t next, end;
};
bool op_sequence_next(void *sequence, struct op *op);

#endif
