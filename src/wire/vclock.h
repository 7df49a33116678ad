/* SPDX-License-Identifier: Apache-2.0 */
/* The client's form of a revision, which Riak's clients call the vclock and only ever hand back: 1 version byte, epoch
 * u64, generation u32, index u64, first 8 bytes of the cluster id, tag of the key u64, big-endian. memcmp is the order
 * of the vclocks of one key (architecture.md, "Revisions").
 *
 * What it says to a store: nothing was seen (none), everything up to a revision was seen (known), or something of
 * another cluster or another key was seen, which counts as nothing here (foreign, R-EPOCH). Revisions are counted for
 * each partition, so the vclock of another key can be higher than all that this key has: it must never be compared. */
#ifndef WIRE_VCLOCK_H
#define WIRE_VCLOCK_H

#include "base/id.h"
#include "base/slice.h"
#include "store/revision.h"

#define VCLOCK_SIZE       37
#define CLUSTER_ID_PREFIX 8

/* `key_tag`: store_key_tag() of the key. */
void vclock_encode(struct revision rev, struct cluster_id cluster_id, uint64_t key_tag, uint8_t out[VCLOCK_SIZE]);
/* E_MALFORMED: not one of ours. *foreign: of another cluster id or another key; the epoch is for the caller to compare.
 */
int vclock_decode(struct slice in, struct cluster_id cluster_id, uint64_t key_tag, struct revision *rev, bool *foreign);

#endif
