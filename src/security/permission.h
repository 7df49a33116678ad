/* SPDX-License-Identifier: Apache-2.0 */
/* What a user may be allowed: Riak's permissions by their names. A set of them is a number, one bit each. */
#ifndef SECURITY_PERMISSION_H
#define SECURITY_PERMISSION_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum permission {
    MAY_GET,
    MAY_PUT,
    MAY_DELETE,
    MAY_LIST_KEYS,
    MAY_LIST_BUCKETS,
    MAY_MAPREDUCE,
    MAY_INDEX,
    MAY_GET_PREFLIST,
    MAY_GET_BUCKET,
    MAY_SET_BUCKET,
    MAY_GET_TYPE,
    MAY_SET_TYPE,
    PERMISSION_COUNT
};

#define PERMISSION_BIT(p) (UINT32_C(1) << (p))
#define PERMISSIONS_ALL   (PERMISSION_BIT(PERMISSION_COUNT) - 1)

const char *permission_name(enum permission p); /* "riak_kv.get"; static */
/* The set that a list names: names with commas between, or "all". 0: it names something else, or nothing. */
uint32_t permissions_of(struct slice list);

#endif
