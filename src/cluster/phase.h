/* SPDX-License-Identifier: Apache-2.0 */
/* Where a node stands with its cluster.
 *
 *              +------------------------ stranger, or abandoned ------------------------+
 *              v                                                                        |
 *          SEEKING ---admitted---> JOINING ---the state is there---+                    |
 *              |                                                   v                    |
 *              +---start---> FORMING ---a leader, and admitted---> MEMBER ---leave---> LEAVING ---> ENDED
 *                              ^                                   |   ^
 *                              |                       no leader for long  a leader again
 *                              |                                   v   |
 *                              +-----------start, by re-forming---STRANDED
 *
 *  phase    | moves to | when
 *  SEEKING  | FORMING  | the proposer of a cluster has started it, this node with it
 *           | JOINING  | a leader has admitted it
 *  FORMING  | MEMBER   | a leader was elected, and the state names this node
 *           | STRANDED | no leader was elected in time, and the node holds what must not be lost
 *           | SEEKING  | the same, and it holds nothing; or its replica of the state is of no use
 *  JOINING  | MEMBER   | the state has come, and names this node
 *           | SEEKING  | nothing came, or it was given up
 *  MEMBER   | STRANDED | no leader was heard for stranded-after-ms (R-REFORM)
 *           | LEAVING  | it was told to leave
 *           | SEEKING  | the cluster has gone on without it
 *  STRANDED | MEMBER   | a leader is heard again
 *           | FORMING  | the cluster was started again, this node with it
 *           | SEEKING  | the cluster has gone on without it
 *  LEAVING  | ENDED    | others have taken over what it held, or nobody can
 *  any      | ENDED    | no certificate could be made for a new incarnation
 *
 * Only MEMBER and LEAVING hold leases. Of all phases but SEEKING, JOINING and ENDED, the state of the cluster is there
 * (cluster_check_phase). */
#ifndef CLUSTER_PHASE_H
#define CLUSTER_PHASE_H

#include <stdbool.h>

enum cluster_phase {
    PHASE_SEEKING,
    PHASE_FORMING,
    PHASE_JOINING,
    PHASE_MEMBER,
    PHASE_STRANDED,
    PHASE_LEAVING,
    PHASE_ENDED,
    PHASE_COUNT
};

/* The table above. */
bool phase_may_become(enum cluster_phase from, enum cluster_phase to);
const char *phase_text(enum cluster_phase phase);

/* What a node becomes at the end of the turn. A later word replaces one before only when it is higher: a node that is
 * to be a stranger has nothing to return with, and one that leaves does not come back. */
enum next_life {
    NEXT_SAME,   /* it goes on */
    NEXT_RETURN, /* it joins the next epoch, as who it is, with what it keeps of the last (R-REBUILD) */
    NEXT_STRANGER,
};

#endif
