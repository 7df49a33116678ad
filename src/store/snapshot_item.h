/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a copy (store/snapshot.h), as its two sides write and read them.
 *
 * item     = kind u8, size varint (of what follows), fields
 * image    = names, due + 1 (0: none), count, siblings
 * gone     = names
 * names    = type, bucket, key, each as length and bytes
 * sibling  = tombstone u8, seq, stamp, meta, value, the last two as length and bytes
 * origins  = count, origin...: all there are; what the receiver holds of others is void
 * origin   = incarnation (16 bytes), born, mark
 * results  = place of the origin in the last `origins`, count, result...
 * result   = sequence - (that of the result in front of it, or the mark), error u8, number
 * end      = hash key (16 bytes), base, stamp, epoch, generation, floor, seq, expired, started, results, keys, checksum
 *            (8 bytes)
 * Every number is a varint where nothing else is said. */
#ifndef STORE_SNAPSHOT_ITEM_H
#define STORE_SNAPSHOT_ITEM_H

#include <stdint.h>

enum snapshot_item {
    SNAPSHOT_IMAGE = 1,
    SNAPSHOT_GONE = 2,
    SNAPSHOT_END = 3,
    SNAPSHOT_ORIGINS = 4,
    SNAPSHOT_RESULTS = 5
};

#define SNAPSHOT_VARINT_MAX 10

/* Of a time or a seq in the last item: what is added to them later cannot pass 64 bits. */
#define SNAPSHOT_SCALAR_MAX (UINT64_MAX / 4)

#endif
