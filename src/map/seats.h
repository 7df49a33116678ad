/* SPDX-License-Identifier: Apache-2.0 */
/* R-SEATS: how many voters the meta group has, so that two clusters can never both have a quorum: a quorum of a new
 * meta group and one of any older that nodes of the configured size may have formed are together more than N, the
 * number of nodes that run. */
#ifndef MAP_SEATS_H
#define MAP_SEATS_H

/* `n`: N; `configured`: E0, the size that every node is configured with, >= 1. Odd, and never under E0. It may be more
 * than a group can have: up to twice N. */
unsigned seats_count(unsigned n, unsigned configured);
/* The same for a cluster whose seats are, or were lately, fewer than `configured`, as an operator said that all other
 * nodes are gone: a group of `lowered` seats may still have a quorum. 0: there is no such group. */
unsigned seats_count_after(unsigned n, unsigned configured, unsigned lowered);
/* To which a running group may fall when members have left: odd, as many as there are members, and never under the
 * configured size. */
unsigned seats_least(unsigned configured, unsigned members);
/* The fewest for so many nodes, who are all that run: odd. */
unsigned seats_of_all(unsigned nodes);
static inline unsigned seats_quorum(unsigned seats)
{
    return seats / 2 + 1;
}

#endif
