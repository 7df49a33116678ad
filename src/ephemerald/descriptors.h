/* SPDX-License-Identifier: Apache-2.0 */
/* The file descriptors of the process, shared out among those who may connect, so that clients and strangers never take
 * what the nodes and an operator need: a node that cannot reach the others cannot heal. */
#ifndef EPHEMERALD_DESCRIPTORS_H
#define EPHEMERALD_DESCRIPTORS_H

#include "base/log.h"
#include "ephemerald/config.h"

/* Connections at once. */
struct descriptor_shares {
    size_t clients, strangers; /* of the clients' port: authenticated, and not */
    size_t operators;          /* of the clients' port: with a node's certificate, beyond `clients` */
    size_t node_strangers;     /* of each of the nodes' ports: not authenticated */
    size_t least, whole;       /* descriptors that a node needs at least, and for all that was configured */
};

/* Raises the limit (RLIMIT_NOFILE) to the most that is allowed. Returns it. */
size_t descriptors_raise(void);
/* False: there are too few for a node, `least` says how many it needs. */
bool descriptors_share(struct descriptor_shares *s, size_t limit, const struct config *config);
/* Both, and what is to be said of them is logged. 0, or EX_OSERR. */
int descriptors_init(struct descriptor_shares *s, const struct config *config, const struct log *log);

#endif
