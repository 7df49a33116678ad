/* SPDX-License-Identifier: Apache-2.0 */
/* What all client connections of a node share: options, users, the way to the data, the memory for requests under way.
 * Hung off the node; no global. Knows no sockets: connections are sessions over io/stream.h. */
#ifndef SESSION_SERVER_H
#define SESSION_SERVER_H

#include "api/api.h"
#include "api/password_queue.h"
#include "api/put_content.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/repeats.h"
#include "base/timers.h"
#include "router/router.h"
#include "session/client_certs.h"
#include "session/share.h"
#include "session/turns.h"

#define SERVER_USERS_MAX 1024

struct cluster;
struct status_discovery;
struct status_certificates;

struct server_config {
    const char *node_name;    /* shown to clients: riak@host */
    const char *version;      /* three integers with dots, as clients parse it */
    const char *const *users; /* names of those who come by certificate */
    size_t user_count;
    size_t object_size_max; /* bytes of one object */
    size_t small_budget;    /* bytes of small bodies, and of what is being sent, over all connections */
    size_t large_budget;    /* the same of large bodies, and of answers that are being gathered */
    uint32_t siblings_max;
    uint64_t reap_ms;              /* delete_mode: how long a tombstone stays; 0: immediate; STORE_REAP_NEVER: keep */
    uint64_t handshake_timeout_ms; /* from accept to authenticated */
    uint64_t auth_failure_delay_ms;
    uint64_t stall_timeout_ms;   /* a large transfer that makes no progress for so long is ended */
    uint64_t request_timeout_ms; /* of a request that says none */
    uint64_t memory_limit;       /* of the whole process, bytes; for operators, as the following */
    uint64_t (*resident)(void);  /* what it takes now, as the system counts it; NULL: not known */
    /* Where nodes may be, candidates from number `from` on (wire/status.h); NULL: this server looks for none. */
    void (*discovery)(void *arg, unsigned from, struct status_discovery *out);
    /* The ends of this node's own certificates and of its root; NULL: it has none. */
    void (*certificates)(void *arg, struct status_certificates *out);
    void *arg;
};

struct server {
    struct server_config config; /* texts borrowed */
    struct router *router;       /* borrowed, as the following */
    struct cluster *cluster;     /* for operators; NULL: none, set by the owner after server_init() */
    struct timers *timers;
    const struct clock *clock;
    const struct log *log;
    struct metrics *metrics;
    struct api api;             /* what requests need of all that */
    struct budget small, large; /* budget_of() says which is for how much */
    struct shares shares;       /* users' of them */
    struct list holders;        /* sessions that have something to read or to send */
    struct timer pressure;      /* runs while somebody waits for memory */
    struct list unflushed;      /* sessions that have written outside of all calls of their transport, */
    struct timer flush;         /* until this one, in the next turn */
    struct password_queue passwords;
    struct turns turns;
    struct repeats repeats; /* what the log was told of sessions */
    struct client_certs client_certs;
    struct put_scratch put_scratch; /* of the put being prepared */
};

/* What is larger than that takes from the budget of large transfers, so that a small one never waits for it. */
static inline struct budget *budget_of(struct server *s, size_t size)
{
    return size > s->small.limit / 16 ? &s->large : &s->small;
}

static inline struct budget_share *share_of(const struct server *s, struct share *user, const struct budget *b)
{
    return b == &s->large ? &user->large : &user->small;
}

/* Bytes that requests have now, of all there are for them, for one purpose. */
static inline size_t server_memory_of(const struct server *s, enum budget_purpose purpose)
{
    return s->small.purpose[purpose] + s->large.purpose[purpose];
}

/* The most that is gathered for one answer, or for one job of map/reduce, bytes. */
static inline size_t server_gather_max(const struct server *s)
{
    return s->large.limit / 2;
}

void server_init(struct server *s, const struct server_config *config, struct router *router, struct timers *timers,
                 const struct clock *clock, const struct log *log, struct metrics *metrics);
void server_fini(struct server *s);

#endif
