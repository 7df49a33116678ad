/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request to the data: which partition, whose turn, at what time. A call that asks for something returns
 * ROUTER_DONE with the answer in the request, or ROUTER_PENDING: then `done` is called later, never from within the
 * call. */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/timers.h"
#include "io/clock.h"
#include "security/acl.h"
#include "store/catalog.h"
#include "store/store.h"

#define ROUTER_PARTITIONS_MAX 64 /* of P (glossary.md) */

struct router;

/* NULL: requests can be made. Otherwise why not, for the client, borrowed for the moment: the node is in no cluster
 * yet, and neither hash key nor catalog mean anything. */
const char *router_unavailable(const struct router *r);

/* Why requests may find no answer now: no quorum, or partitions without a majority, and who is missing. False: nothing
 * is known that stands in their way, and `out` is empty. */
bool router_obstacle(const struct router *r, char *out, size_t size);

/* R-KNOWN: whether this node serves, so that what it knows of the catalog and of users is all that was answered. */
bool router_is_current(const struct router *r);

/* For vclocks: the id of the cluster, of which the first bytes count. */
struct cluster_id router_cluster_id(const struct router *r);
const struct hash_key *router_hash_key(const struct router *r);
const struct catalog *router_catalog(const struct router *r);
/* Also where requests cannot be made: NULL, that of nobody. */
const struct acl *router_acl(const struct router *r);
const struct store_memory *router_memory(const struct router *r);

/* --- requests --- */

enum router_state { ROUTER_DONE, ROUTER_PENDING };

/* `result` is borrowed for the call; NULL where the request is none of a key. err: 0; what store_apply(), store_admit()
 * or store_get() returned; E_NOMEM; or E_AGAIN     the node was without a lease, and the catalog is another since:
 * certainly no effect, not for `any_replica` E_TIMEOUT   its time is over, and it has certainly had no effect E_UNKNOWN
 * its time is over, and it may have had its effect, or may have it later Its time is over, too, when this node is not
 * in the cluster any more of which it was asked. */
struct router_request;
typedef void (*router_done)(struct router_request *q, int err, const struct store_result *result);

/* R-FLOOR: how far the replicas were that have answered a client, for each partition: a read from any replica shows it
 * nothing that is older. It lies in its caller's memory, zeroed at the start, for as long as requests that name it. */
struct router_floor {
    uint64_t epoch; /* what was in those before it may be lost */
    struct router_floor_mark {
        uint64_t index;
        uint32_t term; /* of that entry; 0: not known */
        uint32_t generation;
    } partition[ROUTER_PARTITIONS_MAX];
};

/* One request under way: it lies in its caller's memory, who fills the first four, and reuses or frees it only
 * after `done` or router_forget(). The rest is the router's. */
struct router_request {
    router_done done;
    struct router_floor *floor; /* borrowed; NULL: there is none */
    uint64_t timeout_ms;        /* from now; 0: ROUTER_TIMEOUT_MS */
    bool wants_object;          /* of a write: the answer is to hold the object, not its error alone */
    struct list link;
    void *op;
    /* Of ROUTER_DONE: what `done` would be given. What the result points to is borrowed until the next call of the
     * router, or the end of this event of the loop. */
    int err;
    bool has_result;
    struct store_result result;
};

#define ROUTER_TIMEOUT_MS ((uint64_t)60 * 1000) /* Riak's */

/* For a caller to whom both are alike: gives an answer that is there to q->done. Also in a `done`, which may reuse or
 * free `q`. */
static inline void router_deliver(struct router_request *q, enum router_state state)
{
    if (state == ROUTER_PENDING)
        return;
    struct store_result result = q->result; /* the next request of `q` overwrites it */
    q->done(q, q->err, q->has_result ? &result : NULL);
}

/* Nobody is interested in the answer any more: `done` is not called. Also when there is none under way, and from the
 * `done` of any request. What was asked may still have its effect. */
void router_request_init(struct router_request *q, router_done done);
void router_forget(struct router *r, struct router_request *q);

/* Proposes a write; key, rules, condition, context and contents are given, the rest is filled in here. `c` and what it
 * points to are borrowed for the call. */
enum router_state router_write(struct router *r, struct router_request *q, struct store_command *c);

/* `any_replica`: r = 1, may be stale (promise 3), but not older than q->floor: where no replica that can be reached has
 * come as far, it waits for one. Otherwise linearizable. `k` is borrowed for the call. */
enum router_state router_read(struct router *r, struct router_request *q, const struct store_key *k, bool any_replica);

/* Changes of the catalog, which every node that holds a lease knows before `done` is called with 0 (result is NULL).
 * The fields were checked. All is borrowed for the call. */
enum router_state router_create_type(struct router *r, struct router_request *q, struct slice type,
                                     const struct bucket_props *props);
enum router_state router_set_type(struct router *r, struct router_request *q, struct slice type,
                                  const struct bucket_props *fields);
enum router_state router_set_bucket(struct router *r, struct router_request *q, struct slice type, struct slice bucket,
                                    const struct bucket_props *fields);
enum router_state router_reset_bucket(struct router *r, struct router_request *q, struct slice type,
                                      struct slice bucket);
enum router_state router_change_security(struct router *r, struct router_request *q,
                                         const struct security_change *change);

/* --- listing --- */

/* A scan over all partitions, in bounded steps. Zeroed at the start; router_scan_fini() frees what it holds. */
struct router_scan {
    unsigned partition;
    uint64_t cursor;
    struct buf at; /* of an index: where its partition's part stands (store_index_range()) */
    bool ended;    /* set by a step: it was the last */
};
void router_scan_fini(struct router_scan *w);
/* One step: calls f for a few names, within the call or later, and ends (without a result): with 0, go on while
 * !w->ended. f asks the router for nothing. Names are borrowed for the call of f; one that is there all the while is
 * given once, also when the data changes between the steps. `w`, `type` and `bucket` stay borrowed until `done`. */
enum router_state router_list_keys(struct router *r, struct router_request *q, struct router_scan *w, struct slice type,
                                   struct slice bucket, store_list_f f, void *arg);
enum router_state router_list_buckets(struct router *r, struct router_request *q, struct router_scan *w,
                                      struct slice type, store_list_f f, void *arg);

/* --- secondary indexes --- */

/* A term of an object's index, and its key. Of "$key" and "$bucket" the term is empty. */
struct router_hit {
    struct slice term, key;
};

struct router_query {
    struct slice index;        /* its name in small letters; "$key": the keys themselves; "$bucket": all of them */
    struct slice min, max;     /* of terms, or of keys, both included; "$bucket" does not look at them */
    bool has_after, has_below; /* only what is behind, and what is before, that place in the order of hits */
    struct router_hit after, below;
    uint32_t limit; /* only the first so many in the order of hits are wanted: others may be left out; 0: all are */
};

/* One step of a scan, as router_list_keys(), for an index of a bucket: calls f for the hits, in no order. What a
 * partition answers is what it holds at one moment of the step, and nothing that is acknowledged before it is missing
 * (promise 3). */
typedef void (*router_hit_f)(void *arg, const struct router_hit *hit);
enum router_state router_query(struct router *r, struct router_request *q, struct router_scan *w, struct slice type,
                               struct slice bucket, const struct router_query *query, router_hit_f f, void *arg);

/* The address of the i-th node that keeps the key, the one that leads its partition first where that is known; counted
 * around when there are fewer. *partition: that of the key, and i partitions behind it. Borrowed until the next turn;
 * NULL: nobody keeps it. */
const char *router_keeper(const struct router *r, const struct store_key *k, unsigned i, unsigned *partition);

void router_stats(const struct router *r, struct store_stats *out);

#endif
