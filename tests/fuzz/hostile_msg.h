/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that get past a node's first checks: of the right cluster, epoch, ids and terms where the input says 0, and
 * of others where it says so. */
#ifndef FUZZ_HOSTILE_MSG_H
#define FUZZ_HOSTILE_MSG_H

#include "hostile.h"

/* Appends the body of a message of that kind (enum peer_msg_kind), said by `peer` on that plane. */
void hostile_message(const struct world *w, unsigned peer, unsigned plane, unsigned kind, struct slice *in,
                     struct buf *body);

#endif
