/* SPDX-License-Identifier: Apache-2.0 */
/* What name servers know of this node: its address for the others, where the configuration gives only names, and the
 * host's full name, for the certificate. It is looked up while the node runs, so that no port waits for a name server;
 * what fails is asked for again.
 *
 * Reads no clock and no socket: time comes through timers and clock, answers through the resolver. */
#ifndef EPHEMERALD_OWN_NAMES_H
#define EPHEMERALD_OWN_NAMES_H

#include "base/timers.h"
#include "ephemerald/config.h"
#include "io/clock.h"
#include "io/resolver.h"

struct own_names_config {
    const struct config *config; /* all borrowed until own_names_destroy() */
    const char *listen;          /* numeric: which family is served */
    struct resolver *resolver;
    struct timers *timers;
    const struct clock *clock;
    const struct log *log;
    /* The address from which this machine reaches the other nodes, in 46 bytes: what is left where its names lead to
     * nothing that others could connect to, as on a machine whose name is one of loopback. False: no other node is
     * known yet, or no route leads to one. */
    bool (*route)(void *arg, char *out);
    /* Once, if config->advertise is empty: this address. A cluster of one whose names have none takes
     * CONFIG_ADVERTISE_ALONE after OWN_NAMES_ALONE_MS at the latest. */
    void (*placed)(void *arg, const char *address);
    /* Perhaps once: the host's full name, where that has a dot. */
    void (*named)(void *arg, const char *full_name);
    void *arg;
};

#define OWN_NAMES_ALONE_MS ((uint64_t)2000)
#define OWN_NAMES_FIRST_MS ((uint64_t)1000)  /* after a failure; twice as long each time, up to: */
#define OWN_NAMES_LAST_MS  ((uint64_t)15000) /* and so often while the log says that there is none: */
#define OWN_NAMES_SAY_MS   ((uint64_t)60000)

struct own_names;

/* E_NOMEM. Nothing is asked yet. */
int own_names_create(const struct own_names_config *config, struct own_names **out);
/* Asks. The functions of the configuration are called later, never from inside this call. */
void own_names_start(struct own_names *n);
/* `route` may have another answer now. */
void own_names_routed(struct own_names *n);
/* *n may be NULL. Answers that the resolver still owes are let go when they come. */
void own_names_destroy(struct own_names **n);

#endif
