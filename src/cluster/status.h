/* SPDX-License-Identifier: Apache-2.0 */
/* What a node can tell about its cluster, and what operators can ask of it. The values stand in wire/status.h, because
 * they travel to ephemeralctl as they are. */
#ifndef CLUSTER_STATUS_H
#define CLUSTER_STATUS_H

#include "map/placement.h"
#include "wire/status.h"

_Static_assert(STATUS_MEMBERS_MAX >= PLACEMENT_MEMBERS_MAX, "every member is told");
_Static_assert(STATUS_REPLICAS_MAX >= PLACEMENT_REPLICAS_MAX + 1, "every replica is told, and one that is being added");

struct cluster;

/* Fills all of *out, but for what only others know of its memory: the process as a whole, and requests. */
void cluster_status(const struct cluster *c, struct status_node *out);
/* Partitions from number `from` on, at most `max`; returns how many were written. There are
 * cluster_partition_count(), and none while the node is in no cluster. */
unsigned cluster_partition_count(const struct cluster *c);
unsigned cluster_partitions(const struct cluster *c, struct status_partition *out, unsigned from, unsigned max);
/* At most `max`; returns how many were written. */
size_t cluster_transfers(const struct cluster *c, struct status_transfer *out, size_t max);
/* Why who may be at that address is a member, or is none: fills `state` and `why`. */
void cluster_judge_candidate(const struct cluster *c, const char *address, uint16_t epmd_port,
                             struct status_candidate *out);
/* Address and port of the i-th place that this node connects to, or tries to; false: there are no more. */
bool cluster_place(const struct cluster *c, size_t i, char address[STATUS_ADDRESS_MAX], uint16_t *epmd_port);
/* Whether it is in no cluster, or in one that has lost its majority: it looks for others. */
bool cluster_seeks(const struct cluster *c);
/* What an orchestrator's readiness probe is answered (R-READY, readiness.c): true also where all that the node can do
 * is wait for others to be started; once true, until the node leaves. status_node.ready is another answer: ready now,
 * within a cluster that has a majority. */
bool cluster_probe_ready(const struct cluster *c);

/* Begins to leave: replicas are handed over, then the node ends its membership. E_EXISTS: it leaves already. E_CLOSED:
 * it is in no cluster. */
int cluster_leave(struct cluster *c);
/* Whether somebody may take over what this node holds. E_AGAIN: its cluster has no majority, so leaving would lose
 * that; `why` says so. For operators: a node that is told to end does. */
int cluster_may_leave(const struct cluster *c, char *why, size_t why_size);
/* The operator's word that the members that are missing are gone for good (R-REFORM). `left`: and that so many nodes
 * run in all, this one with them, new ones too; they are then enough (R-SEATS). 0: that is not said. `why` is filled
 * where it does not return 0: E_INVALID   this node is not stranded, or another number of nodes is here: nothing was
 * done E_AGAIN     too few nodes are here: they form again once enough are; or it will be stranded in a moment, and
 * nothing was done */
int cluster_reform_survivors(struct cluster *c, unsigned left, char *why, size_t why_size);

#endif
