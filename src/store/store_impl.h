/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct store, for the files of this folder only. */
#ifndef STORE_STORE_IMPL_H
#define STORE_STORE_IMPL_H

#include "store/bucket.h"
#include "store/object.h"
#include "store/dedup.h"
#include "store/store.h"

struct store {
    struct hash_key key;
    struct store_memory *memory;
    struct bucket_dict buckets;
    bool started;
    uint64_t base_ms; /* of all times in records, ms since the Unix epoch: the first stamp */
    uint64_t stamp;   /* the applied stamp, ms since the base */
    uint64_t epoch;
    uint32_t generation;
    uint64_t floor; /* seq at which the present epoch and generation began */
    uint64_t seq;   /* of the last command */
    uint64_t expired;
    struct dedup dedup;
    struct store_snapshot *copy;  /* hears of every change while it walks; NULL: none */
    struct buf packed;            /* the record being written */
    struct sibling_list siblings; /* of the object being written */
    struct buf state;             /* of the data type being updated */
};

#endif
