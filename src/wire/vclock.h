/* The client's form of a revision, which Riak's clients call the vclock and only ever hand back: 1 version byte, epoch
 * u64, generation u32, index u64, first 8 bytes of the cluster id, big-endian; memcmp is their order (design.md section
 * 1).
 *
 * What it says to a store: nothing was seen (none), everything up to a revision was seen (known), or something of
 * another cluster was seen, which counts as nothing here (foreign, R-EPOCH). */
#ifndef WIRE_VCLOCK_H
#define WIRE_VCLOCK_H

#include "base/slice.h"
#include "store/revision.h"

#define VCLOCK_SIZE       29
#define CLUSTER_ID_PREFIX 8

void vclock_encode(struct revision rev, const uint8_t cluster_id[CLUSTER_ID_PREFIX], uint8_t out[VCLOCK_SIZE]);
/* E_MALFORMED: not one of ours. *foreign: of another cluster id; the epoch is for the caller to compare. */
int vclock_decode(struct slice in, const uint8_t cluster_id[CLUSTER_ID_PREFIX], struct revision *rev, bool *foreign);

#endif
