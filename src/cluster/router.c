#include "cluster/router.h"

#include "base/err.h"
#include "base/list.h"
#include "store/bucket.h"

#include <stdlib.h>

/* How long one turn of the loop may free what is due, before requests get their turn again. */
#define EXPIRE_SLICE_US 500

struct partition {
    struct store *store;
    uint64_t index; /* of the last command */
};

struct router {
    struct router_config config;
    struct store_memory memory;
    struct hash_key key;
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    uint8_t incarnation[16];
    uint64_t epoch;
    uint64_t sequence;
    uint64_t start_boot_ms, start_wall_ms; /* R-TIME: wall clock at the start, monotonic time since */
    struct catalog *catalog;
    struct partition partition[ROUTER_PARTITIONS];
    struct timer expiry;
    unsigned expire_from; /* whose turn it is to free what is due */
};

static void on_expiry(struct timer *t);

static int create_stores(struct router *r)
{
    for (unsigned i = 0; i < ROUTER_PARTITIONS; i++) {
        int err = store_create(&r->key, &r->memory, &r->partition[i].store);
        if (err)
            return err;
        /* A group begins with its configuration at index 1, which is also the base revision of what is older. */
        r->partition[i].index = 1;
    }
    return 0;
}

int router_create(const struct router_config *config, struct router **out)
{
    struct router *r = calloc(1, sizeof *r);
    if (!r)
        return E_NOMEM;
    r->config = *config;
    r->memory.limit = config->memory_limit;
    clock_random(config->clock, &r->key, sizeof r->key);
    clock_random(config->clock, r->cluster_id, sizeof r->cluster_id);
    clock_random(config->clock, r->incarnation, sizeof r->incarnation);
    r->start_boot_ms = clock_boot_ms(config->clock);
    r->start_wall_ms = clock_wall_ms(config->clock);
    r->epoch = r->start_wall_ms; /* R-EPOCH: nothing higher was heard of */
    timer_init(&r->expiry, on_expiry);
    int err = catalog_create(&r->memory, &r->key, &r->catalog);
    if (!err)
        err = create_stores(r);
    if (err) {
        router_destroy(&r);
        return err;
    }
    *out = r;
    return 0;
}

void router_destroy(struct router **rp)
{
    struct router *r = *rp;
    *rp = NULL;
    if (!r)
        return;
    timer_stop(r->config.timers, &r->expiry);
    for (unsigned i = 0; i < ROUTER_PARTITIONS; i++)
        store_destroy(&r->partition[i].store);
    catalog_destroy(&r->catalog);
    free(r);
}

const uint8_t *router_cluster_id(const struct router *r)
{
    return r->cluster_id;
}

uint64_t router_epoch(const struct router *r)
{
    return r->epoch;
}

const struct hash_key *router_hash_key(const struct router *r)
{
    return &r->key;
}

const struct catalog *router_catalog(const struct router *r)
{
    return r->catalog;
}

const struct store_memory *router_memory(const struct router *r)
{
    return &r->memory;
}

static uint64_t now_ms(const struct router *r)
{
    return r->start_wall_ms + (clock_boot_ms(r->config.clock) - r->start_boot_ms);
}

static struct partition *partition_of(struct router *r, const struct store_key *k)
{
    return &r->partition[store_partition(k->hash, ROUTER_PARTITIONS)];
}

/* What the log would do: gives the command its place and applies it. */
static int commit(struct router *r, struct partition *p, struct store_command *c, struct store_result *result)
{
    c->stamp_ms = now_ms(r);
    c->revision = (struct revision){.epoch = r->epoch, .generation = 1, .index = ++p->index};
    memcpy(c->origin.incarnation, r->incarnation, sizeof r->incarnation);
    c->origin.sequence = ++r->sequence;
    return store_apply(p->store, c, result);
}

static int commit_tick(struct router *r, struct partition *p)
{
    struct store_command tick = {.op = STORE_TICK};
    struct store_result ignored;
    return commit(r, p, &tick, &ignored);
}

/* --- freeing what is due --- */

static void schedule_expiry(struct router *r, uint64_t due_ms)
{
    uint64_t now = now_ms(r), delay = due_ms > now ? due_ms - now : 0;
    if (due_ms == UINT64_MAX)
        return;
    if (timer_runs(&r->expiry) && r->expiry.due_ms <= clock_boot_ms(r->config.clock) + delay)
        return;
    /* Without memory for the timer the next write tries again. */
    timer_start(r->config.timers, &r->expiry, delay);
}

static bool is_due(const struct router *r, const struct partition *p)
{
    return store_due_ms(p->store) <= now_ms(r);
}

static uint64_t earliest_due(const struct router *r)
{
    uint64_t due = UINT64_MAX;
    for (unsigned i = 0; i < ROUTER_PARTITIONS; i++) {
        uint64_t d = store_due_ms(r->partition[i].store);
        if (d < due)
            due = d;
    }
    return due;
}

static void on_expiry(struct timer *t)
{
    struct router *r = LIST_ENTRY(t, struct router, expiry);
    uint64_t end_us = clock_precise_us(r->config.clock) + EXPIRE_SLICE_US;
    for (unsigned idle = 0; idle < ROUTER_PARTITIONS;) {
        struct partition *p = &r->partition[r->expire_from];
        if (!is_due(r, p)) {
            r->expire_from = (r->expire_from + 1) % ROUTER_PARTITIONS;
            idle++;
            continue;
        }
        idle = 0;
        commit_tick(r, p);
        if (clock_precise_us(r->config.clock) >= end_us)
            break;
    }
    schedule_expiry(r, earliest_due(r));
}

/* --- reading and writing --- */

void router_write(struct router *r, struct store_command *c, router_done done, void *arg)
{
    struct partition *p = partition_of(r, &c->key);
    struct store_result result = {0};
    int err = store_admit(p->store, c);
    if (err) {
        r->config.metrics->writes_refused_full++;
    } else {
        err = commit(r, p, c, &result);
        schedule_expiry(r, store_due_ms(p->store));
    }
    done(arg, err, &result);
}

void router_read(struct router *r, const struct store_key *k, bool any_replica, router_done done, void *arg)
{
    struct partition *p = partition_of(r, k);
    struct store_result result = {0};
    (void)any_replica; /* the only replica is the leader's */
    int err = store_get(p->store, k, now_ms(r), &result.object);
    if (err == E_DUE) {
        commit_tick(r, p);
        err = store_get(p->store, k, now_ms(r), &result.object);
    }
    result.exists = err == 0;
    done(arg, err, &result);
}

/* --- the catalog --- */

void router_create_type(struct router *r, struct slice type, const struct bucket_props *props, router_done done,
                        void *arg)
{
    done(arg, catalog_create_type(r->catalog, type, props), NULL);
}

void router_set_type(struct router *r, struct slice type, const struct bucket_props *fields, router_done done,
                     void *arg)
{
    done(arg, catalog_set_type(r->catalog, type, fields), NULL);
}

void router_set_bucket(struct router *r, struct slice type, struct slice bucket, const struct bucket_props *fields,
                       router_done done, void *arg)
{
    done(arg, catalog_set_bucket(r->catalog, type, bucket, fields), NULL);
}

void router_reset_bucket(struct router *r, struct slice type, struct slice bucket, router_done done, void *arg)
{
    catalog_reset_bucket(r->catalog, type, bucket);
    done(arg, 0, NULL);
}

/* --- listing --- */

static bool next_partition(struct router_walk *w)
{
    w->cursor = 0;
    return ++w->partition < ROUTER_PARTITIONS;
}

bool router_list_keys(struct router *r, struct router_walk *w, struct slice type, struct slice bucket, store_list_f f,
                      void *arg)
{
    const struct store *s = r->partition[w->partition].store;
    return store_list_keys(s, type, bucket, &w->cursor, f, arg) || next_partition(w);
}

/* A bucket has keys in many partitions, and they come and go between the steps: a step looks at one range of the order
 * of buckets (store/lhash.h) in all partitions at once, so that each name is met in just one step. */
struct bucket_step {
    struct router *router;
    unsigned partition;
    struct slice type;
    uint64_t first, last; /* the range */
    store_list_f f;
    void *arg;
};

static void skip_name(void *arg, struct slice name)
{
    (void)arg;
    (void)name;
}

/* The range that is one slot of the largest dictionary, and a part of one in all others. */
static uint64_t end_of_step(const struct bucket_step *b)
{
    uint64_t last = UINT64_MAX;
    for (unsigned i = 0; i < ROUTER_PARTITIONS; i++) {
        uint64_t next = b->first;
        store_list_buckets(b->router->partition[i].store, b->type, &next, skip_name, NULL);
        if (next - 1 < last)
            last = next - 1;
    }
    return last;
}

/* Within the step, a bucket is named by the first partition that holds it. */
static void list_first(void *arg, struct slice name)
{
    struct bucket_step *b = arg;
    uint64_t order = lhash_order(bucket_hash(&b->router->key, b->type, name));
    if (order < b->first || order > b->last)
        return;
    for (unsigned i = 0; i < b->partition; i++)
        if (store_has_bucket(b->router->partition[i].store, b->type, name))
            return;
    b->f(b->arg, name);
}

bool router_list_buckets(struct router *r, struct router_walk *w, struct slice type, store_list_f f, void *arg)
{
    struct bucket_step b = {.router = r, .type = type, .first = w->cursor, .f = f, .arg = arg};
    b.last = end_of_step(&b);
    for (; b.partition < ROUTER_PARTITIONS; b.partition++) {
        uint64_t cursor = b.first;
        store_list_buckets(r->partition[b.partition].store, type, &cursor, list_first, &b);
    }
    w->cursor = b.last + 1;
    return b.last != UINT64_MAX;
}

void router_stats(const struct router *r, struct store_stats *out)
{
    *out = (struct store_stats){0};
    for (unsigned i = 0; i < ROUTER_PARTITIONS; i++) {
        struct store_stats one;
        store_stats_get(r->partition[i].store, &one);
        out->keys += one.keys;
        out->tombstones += one.tombstones;
        out->expired += one.expired;
        out->buckets += one.buckets;
    }
}
