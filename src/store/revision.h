/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the writes of one partition: (epoch, generation, index), compared in that order. One command of the
 * partition's log is one index. It is what clients see as the "vclock", and a fencing token (architecture.md,
 * "Revisions"). */
#ifndef STORE_REVISION_H
#define STORE_REVISION_H

#include <stdint.h>

struct revision {
    uint64_t epoch;
    uint32_t generation;
    uint64_t index;
};

static inline int revision_cmp(struct revision a, struct revision b)
{
    if (a.epoch != b.epoch)
        return a.epoch < b.epoch ? -1 : 1;
    if (a.generation != b.generation)
        return a.generation < b.generation ? -1 : 1;
    return (a.index > b.index) - (a.index < b.index);
}

#endif
