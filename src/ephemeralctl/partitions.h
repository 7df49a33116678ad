/* SPDX-License-Identifier: Apache-2.0 */
/* All partitions of a cluster, asked for page by page. */
#ifndef EPHEMERALCTL_PARTITIONS_H
#define EPHEMERALCTL_PARTITIONS_H

#include "client/client.h"

#define PARTITIONS_MAX 65536 /* a cluster has 64; a server that says more than this tells no truth */

/* Calls `each` for every partition, by rising number; `one` is borrowed for the call. 0, what
 * client_cluster_partitions() returns, or E_MISMATCH: the numbers do not rise, or there are too many, and asking on
 * would never end. */
typedef void (*partitions_each)(void *arg, const struct status_partition *one);
int partitions_walk(struct client *c, partitions_each each, void *arg);

#endif
