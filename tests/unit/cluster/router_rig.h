/* SPDX-License-Identifier: Apache-2.0 */
/* The router of a cluster of one, with clocks that stand still until the test moves them. */
#ifndef ROUTER_RIG_H
#define ROUTER_RIG_H

#include "alone.h"
#include "base/rng.h"

struct rig {
    uint64_t boot_ms, wall_ms, precise_us;
    uint64_t precise_step_us; /* passes with each look at the precise clock */
    struct rng rng;
    struct clock clock;
    struct timers timers;
    struct metrics metrics;
    struct alone alone;
    struct router *router; /* its */
    struct router_request request;
    /* of the last answer */
    unsigned answers;
    int err;
    struct store_result result;
    bool has_result;
};

int rig_create(struct rig *r, uint64_t seed, size_t memory_limit);
void rig_init(struct rig *r); /* 64 MiB */
void rig_fini(struct rig *r);

/* Reads and writes are answered once, before the call returns: the error of the last, which came after so many others.
 */
int rig_answer(struct rig *r, unsigned answers_before);

struct store_key rig_key(const struct rig *r, const char *bucket, const char *key);
/* With the value "value", to be changed before rig_write(). */
struct store_command rig_command(const struct rig *r, enum store_op op, const char *bucket, const char *key);
int rig_write(struct rig *r, struct store_command *c);
void rig_put(struct rig *r, const char *bucket, const char *key, uint64_t ttl_ms);
void rig_drop(struct rig *r, const char *bucket, const char *key); /* without a tombstone */
int rig_get(struct rig *r, const char *bucket, const char *key);

unsigned rig_partition(const struct rig *r, const char *bucket, const char *key);
/* A name "0", "1", ... that lies in the wanted partition of the bucket; valid until the next call. */
const char *rig_key_in(const struct rig *r, const char *bucket, unsigned partition);
struct store_stats rig_stats(const struct rig *r);
struct store_stats rig_partition_stats(const struct rig *r, unsigned partition);
/* When the first of the partitions looks for what is due; UINT64_MAX: none does. */
uint64_t rig_expiry_ms(const struct rig *r);
/* A turn of the loop ends, in which the request under way is answered: its error. */
int rig_turn(struct rig *r);
/* Time passes; timers fire when they are due. */
void rig_wait(struct rig *r, uint64_t ms);

#endif
