/* SPDX-License-Identifier: Apache-2.0 */
/* What every protocol asks of a node, without a protocol: who may do what to which key, under which rules, and how it
 * ended. This layer has no sockets and no texts of a protocol. A protocol ("door") decodes its own messages, calls the
 * functions of this folder, and puts the outcome into its own words.
 *
 *   principal.h       who asks: fill in one for each connection
 *   login.h           whether the principal is who it says it is
 *   outcome.h         how a request ended: code, effect (none, done, unknown), whether to retry, details
 *   authorize.h       whether a principal may do something
 *   target.h          a key by its names: permission, bucket rules, hashed key, quorums, vclock, what a write becomes
 *   put_content.h     metadata, index terms and time to live of a put
 *   request.h         get, put, delete and update: what to fill in, and what goes to the router
 *   ask.h             the router's calls
 *   answer.h          what the router's answer means
 *   index_query.h     queries of secondary indexes; lists need target.h alone, session/scan.h makes the steps of both
 *   properties.h      properties of buckets and bucket types
 *   security_admin.h  changes of users, groups, grants and sources
 *
 * Rules for all of it:
 * - A function that can refuse returns false and fills in *out (struct outcome); true leaves *out alone.
 * - Slices in an outcome are borrowed from the request, and live as long as the request's own bytes.
 * - Nothing is global. Everything runs on the thread of the node's loop. */
#ifndef API_API_H
#define API_API_H

#include "base/log.h"
#include "base/metric.h"
#include "base/timers.h"
#include "router/router.h"
#include "io/clock.h"

struct password_queue;
struct router_ops;

/* What all doors of a node share. Filled in by the owner and constant while it is in use; pointers are borrowed. */
struct api {
    struct router *router;
    const struct router_ops *ops; /* how it is asked: &router_calls (ask.h), or a test's */
    const struct clock *clock;
    const struct log *log;            /* may be NULL */
    struct metrics *metrics;          /* requests_denied, and the counters of logins */
    struct password_queue *passwords; /* password_queue.h */
    const char *const *users;         /* whom this node's configuration names, without regard to case */
    size_t user_count;
    size_t object_size_max; /* bytes of one object: values and metadata */
    uint32_t siblings_max;
    uint64_t reap_ms; /* how long a tombstone stays; 0: it is not kept; STORE_REAP_NEVER: it stays */
};

/* Whether this node's configuration names that user. */
bool api_user_is_configured(const struct api *a, const char *name);

#endif
