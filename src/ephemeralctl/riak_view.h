/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster in the shapes in which Riak's commands print it. A member's share of the ring is its share of all replicas
 * of partitions; the claimant is the member that leads the cluster; "reachable" is what the node that answers hears
 * now. */
#ifndef EPHEMERALCTL_RIAK_VIEW_H
#define EPHEMERALCTL_RIAK_VIEW_H

#include "wire/status.h"

#include <stdio.h>

struct riak_ring {
    struct status_node node;
    unsigned partitions, replicas;      /* that the cluster has */
    unsigned holds[STATUS_MEMBERS_MAX]; /* of the replicas, by the place in node.member */
};

/* Counts a partition in. */
void riak_ring_add(struct riak_ring *r, const struct status_partition *p);
/* Whether all members answer. */
bool riak_ring_is_ready(const struct riak_ring *r);

void riak_view_members(const struct riak_ring *r, FILE *out); /* riak-admin member-status */
void riak_view_ring(const struct riak_ring *r, FILE *out);    /* riak-admin ring-status */
void riak_view_ready(const struct riak_ring *r, FILE *out);   /* riak-admin ringready */
void riak_view_cluster(const struct riak_ring *r, FILE *out); /* riak-admin cluster status */
void riak_view_status(const struct riak_ring *r, FILE *out);  /* riak-admin status */
void riak_view_transfers(const struct status_node *s, const struct status_transfer *list, size_t count, FILE *out);

#endif
