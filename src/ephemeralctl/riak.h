/* SPDX-License-Identifier: Apache-2.0 */
/* Riak's own commands, as far as containers and their probes call them: this program under the names riak-admin, riak
 * and readiness-probe.sh. They talk to the node of their own container, with the root's certificate and key that it
 * was given, and print what Riak prints where that is true of this store. */
#ifndef EPHEMERALCTL_RIAK_H
#define EPHEMERALCTL_RIAK_H

#include <stdbool.h>

/* Whether a program of that path is one of them; the last part of the path decides. */
bool riak_is_name(const char *argv0);

/* Runs it, and returns its exit status: 0, or 1 as Riak's commands do. */
int riak_main(int argc, char **argv);

/* --- parts, for tests --- */

/* Where the node of this container serves clients, from the environment that it has itself: PORT_PROTO or
 * EPHEMERAL_STORE_PROTO_PORT, and EPHEMERAL_STORE_LISTEN where that is one address. *host is NULL where any address
 * will do: then loopback is asked. Borrowed from the environment. */
struct riak_node {
    const char *host;
    unsigned short port;
};
struct riak_node riak_node_here(void);

#endif
