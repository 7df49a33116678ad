/* SPDX-License-Identifier: Apache-2.0 */
/* Where the replicas of partitions should be: a pure function of who lives and of where they are now. Balanced (no
 * member has two more than another, replicas and leaders alike), and with the least movement that this takes: a replica
 * leaves a live member only where it has too many.
 *
 * It says where things should end, not in which steps: how many move at once, and that a dead replica is removed before
 * another is added but a live one after, is the meta leader's business (architecture.md, "Placement"). */
#ifndef MAP_PLACEMENT_H
#define MAP_PLACEMENT_H

#include <stdint.h>

#define PLACEMENT_MEMBERS_MAX  64
#define PLACEMENT_REPLICAS_MAX 7

struct placement_partition {
    uint64_t member[PLACEMENT_REPLICAS_MAX]; /* distinct ids; the first `count` */
    unsigned count;
    unsigned kept;   /* set here: the first `kept` were there before */
    uint64_t leader; /* preferred: one of them; 0: none yet */
};

/* `live`: distinct ids of members that may hold replicas, `live_count` <= PLACEMENT_MEMBERS_MAX. `p` is changed in
 * place to the target: every partition has min(replicas, live_count) members, all of them live; those that stay keep
 * their order, new ones follow. The same input gives the same output. */
void placement_compute(const uint64_t *live, unsigned live_count, unsigned replicas, struct placement_partition *p,
                       unsigned partitions);

#endif
