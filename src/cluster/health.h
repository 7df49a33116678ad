/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the cluster ops, as this node sees it now. */
#ifndef CLUSTER_HEALTH_H
#define CLUSTER_HEALTH_H

#include "cluster/cluster_impl.h"

struct cluster_health {
    bool quorum; /* a majority of the seats is heard; else nothing below but seats and members is known */
    bool all_here;
    unsigned seats, seats_heard;
    unsigned members_heard;
    int may_lose; /* members that may end at once without loss of a majority anywhere; -1: not known */
    unsigned incomplete, unavailable; /* partitions: as in status_node */
};
void cluster_judge(const struct cluster *c, struct cluster_health *out);
enum status_health cluster_health_word(const struct cluster *c, const struct cluster_health *h);

/* This node hears it now, and is heard. */
bool cluster_hears(const struct cluster *c, const struct member *m);
/* In an order that people can read; returns how many there are. */
unsigned cluster_members_by_address(const struct cluster *c, const struct member *out[META_MEMBERS_MAX]);
/* Names of the members that do not answer, as far as they have room, then how many more there are; returns the number
 * of all of them. `size` is at least MEMBER_NAME_MAX. */
unsigned cluster_missing(const struct cluster *c, char *out, size_t size);

#endif
