/* SPDX-License-Identifier: Apache-2.0 */
/* io/resolver.h over the C library's resolver, which blocks: it runs on threads of its own, for a bounded number of
 * names at once. A caller is answered after RESOLVER_TIMEOUT_MS at the latest, even while a thread still waits for a
 * name server.
 *
 * Nothing waits for such a thread: not libuv's pool, which makes keys and hashes passwords, and not the end of the
 * process. A name server that does not answer can hold a thread for a minute. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "io/resolver.h"
#include "net/loop.h"

#define RESOLVER_QUERIES_MAX 2  /* threads */
#define RESOLVER_WAITING_MAX 64 /* names that wait for one of them */
#define RESOLVER_FOUND_MAX   64 /* addresses of one answer: a cluster has far fewer nodes; the rest is dropped */
#define RESOLVER_TIMEOUT_MS  ((uint64_t)10000)

struct resolver_shared; /* what the threads touch; it lives as long as the last of them */

struct net_resolver {
    struct resolver resolver;
    struct net_loop *loop;
    uint64_t timeout_ms;
    struct resolver_shared *shared;
    uv_async_t finished; /* a thread is done */
    struct list queries; /* on a thread, */
    size_t running;      /* so many of them */
    struct list waiting; /* for a thread */
    size_t waiting_count;
    bool ended;
};

/* `loop` is borrowed. `timeout_ms`: 0: RESOLVER_TIMEOUT_MS. resolve() gives E_TOO_MANY over RESOLVER_WAITING_MAX.
 * E_NOMEM: then net_resolver_stop() is not due. */
int net_resolver_init(struct net_resolver *r, struct net_loop *loop, uint64_t timeout_ms);
/* No `done` is called any more. The resolver must live until net_loop_fini(); threads that are still at work need
 * neither it nor the loop. */
void net_resolver_stop(struct net_resolver *r);

#endif
