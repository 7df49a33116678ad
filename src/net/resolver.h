/* io/resolver.h over the C library's resolver, which blocks: it runs on libuv's worker threads, for a bounded number of
 * names at once. Who has waited for RESOLVER_TIMEOUT_MS hears so, even while a thread still waits for a name server. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "io/resolver.h"
#include "net/loop.h"

/* Half of libuv's threads may be stuck with a name server that does not answer; the others are for everything else. */
#define RESOLVER_QUERIES_MAX 2
#define RESOLVER_WAITING_MAX 64 /* names that wait for one of them */
#define RESOLVER_FOUND_MAX   64 /* addresses of one answer: a cluster has far fewer nodes; the rest is dropped */
#define RESOLVER_TIMEOUT_MS  ((uint64_t)10000)

struct net_resolver {
    struct resolver resolver;
    struct net_loop *loop;
    uint64_t timeout_ms;
    struct list queries; /* on a worker thread, */
    size_t running;      /* so many of them */
    struct list waiting; /* for a thread */
    size_t waiting_count;
    bool ended;
};

/* `loop` is borrowed. `timeout_ms`: 0: RESOLVER_TIMEOUT_MS. resolve() gives E_TOO_MANY over RESOLVER_WAITING_MAX. */
void net_resolver_init(struct net_resolver *r, struct net_loop *loop, uint64_t timeout_ms);
/* No `done` is called any more. A thread may still be at work: the resolver must live until net_loop_fini(), which
 * waits for it. */
void net_resolver_stop(struct net_resolver *r);

#endif
