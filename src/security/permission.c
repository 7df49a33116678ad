/* SPDX-License-Identifier: Apache-2.0 */
#include "security/permission.h"

static const char *const names[PERMISSION_COUNT] = {
    [MAY_GET] = "riak_kv.get",
    [MAY_PUT] = "riak_kv.put",
    [MAY_DELETE] = "riak_kv.delete",
    [MAY_LIST_KEYS] = "riak_kv.list_keys",
    [MAY_LIST_BUCKETS] = "riak_kv.list_buckets",
    [MAY_MAPREDUCE] = "riak_kv.mapreduce",
    [MAY_INDEX] = "riak_kv.index",
    [MAY_GET_PREFLIST] = "riak_kv.get_preflist",
    [MAY_GET_BUCKET] = "riak_core.get_bucket",
    [MAY_SET_BUCKET] = "riak_core.set_bucket",
    [MAY_GET_TYPE] = "riak_core.get_bucket_type",
    [MAY_SET_TYPE] = "riak_core.set_bucket_type",
};

const char *permission_name(enum permission p)
{
    return names[p];
}

static uint32_t one(struct slice name)
{
    for (unsigned i = 0; i < PERMISSION_COUNT; i++)
        if (slice_is(name, names[i]))
            return PERMISSION_BIT(i);
    return slice_is(name, "all") ? PERMISSIONS_ALL : 0;
}

uint32_t permissions_of(struct slice list)
{
    uint32_t all = 0;
    for (;;) {
        const uint8_t *comma = list.len ? memchr(list.data, ',', list.len) : NULL;
        uint32_t bits = one(slice_make(list.data, comma ? (size_t)(comma - list.data) : list.len));
        if (!bits)
            return 0;
        all |= bits;
        if (!comma)
            return all;
        list = slice_skip(list, (size_t)(comma - list.data) + 1);
    }
}
