/* SPDX-License-Identifier: Apache-2.0 */
#include "router_rig.h"

#include "cluster/cluster_impl.h"
#include "support.h"

#include <stdio.h>

static uint64_t boot_ms(void *arg)
{
    return ((struct rig *)arg)->boot_ms;
}

static uint64_t wall_ms(void *arg)
{
    return ((struct rig *)arg)->wall_ms;
}

static uint64_t precise_us(void *arg)
{
    struct rig *r = arg;
    r->precise_us += r->precise_step_us;
    return r->boot_ms * 1000 + r->precise_us;
}

static void chance(void *arg, void *out, size_t n)
{
    rng_fill(&((struct rig *)arg)->rng, out, n);
}

static void on_done(struct router_request *q, int err, const struct store_result *result)
{
    struct rig *r = LIST_ENTRY(q, struct rig, request);
    r->answers++;
    r->err = err;
    r->has_result = result != NULL;
    if (result)
        r->result = *result;
}

int rig_create(struct rig *r, uint64_t seed, size_t memory_limit)
{
    *r = (struct rig){.boot_ms = 5000, .wall_ms = 1700000000000};
    rng_seed(&r->rng, seed);
    r->clock = (struct clock){boot_ms, precise_us, wall_ms, chance, r};
    router_request_init(&r->request, on_done);
    timers_init(&r->timers, boot_ms, NULL, r);
    int err = alone_create(&r->alone, &r->clock, &r->timers, NULL, &r->metrics, memory_limit);
    if (!err)
        r->router = cluster_router(r->alone.cluster);
    return err;
}

void rig_init(struct rig *r)
{
    assert_int_equal(rig_create(r, 1, (size_t)64 << 20), 0);
}

void rig_fini(struct rig *r)
{
    alone_destroy(&r->alone);
    timers_fini(&r->timers); /* asserts that no timer was left behind */
}

int rig_answer(struct rig *r, unsigned answers_before)
{
    assert_int_equal(r->answers, answers_before + 1);
    return r->err;
}

struct store_key rig_key(const struct rig *r, const char *bucket, const char *key)
{
    struct store_key k;
    store_key_init(&k, router_hash_key(r->router), slice_make(NULL, 0), slice_str(bucket), slice_str(key));
    return k;
}

struct store_command rig_command(const struct rig *r, enum store_op op, const char *bucket, const char *key)
{
    return (struct store_command){.op = op,
                                  .key = rig_key(r, bucket, key),
                                  .rules = {.siblings_max = 10, .size_max = 1 << 20, .reap_ms = 3000},
                                  .value.bytes = slice_str("value")};
}

int rig_write(struct rig *r, struct store_command *c)
{
    unsigned before = r->answers;
    router_deliver(&r->request, router_write(r->router, &r->request, c));
    assert_true(r->has_result);
    return rig_answer(r, before);
}

void rig_put(struct rig *r, const char *bucket, const char *key, uint64_t ttl_ms)
{
    struct store_command c = rig_command(r, STORE_PUT, bucket, key);
    c.rules.ttl_ms = ttl_ms;
    assert_int_equal(rig_write(r, &c), 0);
}

void rig_drop(struct rig *r, const char *bucket, const char *key)
{
    struct store_command c = rig_command(r, STORE_DELETE, bucket, key);
    c.rules.reap_ms = 0;
    assert_int_equal(rig_write(r, &c), 0);
}

int rig_get(struct rig *r, const char *bucket, const char *key)
{
    struct store_key k = rig_key(r, bucket, key);
    unsigned before = r->answers;
    router_deliver(&r->request, router_read(r->router, &r->request, &k, false));
    assert_true(r->has_result);
    return rig_answer(r, before);
}

unsigned rig_partition(const struct rig *r, const char *bucket, const char *key)
{
    return store_partition(rig_key(r, bucket, key).hash, ROUTER_PARTITIONS_MAX);
}

const char *rig_key_in(const struct rig *r, const char *bucket, unsigned partition)
{
    static char name[16];
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "%u", i);
        if (rig_partition(r, bucket, name) == partition)
            return name;
    }
    fail_msg("no key lies in partition %u", partition);
    return NULL;
}

struct store_stats rig_stats(const struct rig *r)
{
    struct store_stats stats;
    router_stats(r->router, &stats);
    return stats;
}

struct store_stats rig_partition_stats(const struct rig *r, unsigned partition)
{
    struct store_stats stats;
    store_stats_get(r->alone.cluster->partitions.at[partition].store, &stats);
    return stats;
}

uint64_t rig_expiry_ms(const struct rig *r)
{
    uint64_t due = UINT64_MAX;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        const struct timer *t = &r->alone.cluster->partitions.at[i].expiry;
        if (timer_runs(t) && t->due_ms < due)
            due = t->due_ms;
    }
    return due;
}

int rig_turn(struct rig *r)
{
    unsigned before = r->answers;
    cluster_turn(r->alone.cluster);
    return rig_answer(r, before);
}

void rig_wait(struct rig *r, uint64_t ms)
{
    uint64_t end = r->boot_ms + ms;
    while (timers_next_ms(&r->timers) <= end) {
        if (timers_next_ms(&r->timers) > r->boot_ms)
            r->boot_ms = timers_next_ms(&r->timers);
        timers_run(&r->timers);
        cluster_turn(r->alone.cluster);
    }
    r->boot_ms = end;
}
