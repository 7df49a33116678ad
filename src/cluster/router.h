/* The way of a request to the data: which partition, whose turn, at what time. Every answer comes by callback, because
 * a partition may be led elsewhere; a cluster of one answers before the call returns.
 *
 * It resolves what a command must carry (stamp, revision, origin and sequence), so that applying is deterministic. This
 * version serves a cluster of one: all partitions are here and every command is applied as it is proposed. */
#ifndef CLUSTER_ROUTER_H
#define CLUSTER_ROUTER_H

#include "base/log.h"
#include "base/metric.h"
#include "base/timers.h"
#include "io/clock.h"
#include "store/catalog.h"
#include "store/store.h"

#define ROUTER_PARTITIONS 64 /* P of design.md section 1 */
#define CLUSTER_ID_SIZE   16

struct router;

struct router_config {
    size_t memory_limit;       /* bytes for the data */
    const struct clock *clock; /* all borrowed until destroy */
    struct timers *timers;
    const struct log *log;
    struct metrics *metrics;
};

/* Draws the cluster's id and hash key. E_NOMEM. */
int router_create(const struct router_config *config, struct router **out);
void router_destroy(struct router **r);

/* For vclocks: the id of the cluster (the first bytes of it count) and its epoch now. */
const uint8_t *router_cluster_id(const struct router *r);
uint64_t router_epoch(const struct router *r);
const struct hash_key *router_hash_key(const struct router *r);
const struct catalog *router_catalog(const struct router *r);
const struct store_memory *router_memory(const struct router *r);

/* `result` is borrowed for the call. err: 0 or what store_apply(), store_admit() or store_get() returned. */
typedef void (*router_done)(void *arg, int err, const struct store_result *result);

/* Proposes a write; key, rules, condition, context and contents are given, the rest is filled in here. `c` and what it
 * points to stay borrowed until `done`. */
void router_write(struct router *r, struct store_command *c, router_done done, void *arg);

/* `any_replica`: r = 1, may be stale (promise 3). Otherwise linearizable. */
void router_read(struct router *r, const struct store_key *k, bool any_replica, router_done done, void *arg);

/* Changes of the catalog, which every node knows before `done` is called with 0 (result is NULL). The fields were
 * checked. */
void router_create_type(struct router *r, struct slice type, const struct bucket_props *props, router_done done,
                        void *arg);
void router_set_type(struct router *r, struct slice type, const struct bucket_props *fields, router_done done,
                     void *arg);
void router_set_bucket(struct router *r, struct slice type, struct slice bucket, const struct bucket_props *fields,
                       router_done done, void *arg);
void router_reset_bucket(struct router *r, struct slice type, struct slice bucket, router_done done, void *arg);

/* A walk over all partitions, in bounded steps. Zeroed at the start. */
struct router_walk {
    unsigned partition;
    uint64_t cursor;
};
/* One step: calls f for a few names; false: that was the last. Names are borrowed for the call; one that is there all
 * the while is given once, also when the data changes between the steps. */
bool router_list_keys(struct router *r, struct router_walk *w, struct slice type, struct slice bucket, store_list_f f,
                      void *arg);
bool router_list_buckets(struct router *r, struct router_walk *w, struct slice type, store_list_f f, void *arg);

void router_stats(const struct router *r, struct store_stats *out);

#endif
