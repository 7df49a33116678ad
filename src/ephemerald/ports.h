/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of a node as a table: which address and number, which TLS, and which protocol clients speak there. Opened
 * in the order of the table and closed in the reverse one. Those of the nodes stand first: they are this process's
 * until it does nothing more in the cluster (net/listener.h). */
#ifndef EPHEMERALD_PORTS_H
#define EPHEMERALD_PORTS_H

#include "ephemerald/certificates.h"
#include "ephemerald/config.h"
#include "ephemerald/descriptors.h"
#include "net/listener.h"
#include "riak/riak.h"
#include "session/accept.h"

enum port_name { PORT_EPMD, PORT_HANDOFF, NODE_PORTS, PORT_PROTO = NODE_PORTS, PORTS };

struct ports {
    const struct config *config; /* borrowed, as what follows */
    const struct log *log;
    struct net_loop *loop;
    const struct certificates *certificates;
    const char *listen; /* the address that is listened on; not before ports_check() or ports_open() */
    struct riak *riak;
    struct {
        struct listener listener;
        struct session_acceptor sessions; /* of a clients' port */
    } port[PORTS];
    unsigned open; /* the first so many */
};

void ports_init(struct ports *p, const struct config *config, const struct log *log, struct net_loop *loop,
                const struct certificates *certificates);

/* Whether all could be opened now. The exit status; what is wrong was logged. */
int ports_check(struct ports *p);

/* Who serves clients, before ports_open(); borrowed until ports_fini(). */
void ports_serve(struct ports *p, struct server *server, struct riak *riak);
void ports_fini(struct ports *p);

/* The exit status; what is wrong was logged. Some may be open then. */
int ports_open(struct ports *p, const struct descriptor_shares *shares, struct acceptor *nodes,
               struct metrics *metrics);
/* After a start that failed: no connection was accepted yet. An open port would keep the loop running. */
void ports_abandon(struct ports *p);

/* Closes the one that was opened last, with its connections: `closed` is called when they are gone. False: none is
 * open. */
bool ports_close_last(struct ports *p, void (*closed)(void *arg), void *arg);
/* The last of the clients' was the one that was closed last. */
static inline bool ports_clients_are_closed(const struct ports *p)
{
    return p->open == NODE_PORTS;
}
size_t ports_count_clients(const struct ports *p); /* connections */

#endif
