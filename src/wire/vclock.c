/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/vclock.h"

#include "base/bytes.h"
#include "base/err.h"

#define VCLOCK_VERSION 2

void vclock_encode(struct revision rev, struct cluster_id cluster_id, uint64_t key_tag, uint8_t out[VCLOCK_SIZE])
{
    uint8_t *p = out;
    *p++ = VCLOCK_VERSION;
    p = bytes_put(p, rev.epoch, 8);
    p = bytes_put(p, rev.generation, 4);
    p = bytes_put(p, rev.index, 8);
    memcpy(p, cluster_id.b, CLUSTER_ID_PREFIX);
    bytes_put(p + CLUSTER_ID_PREFIX, key_tag, 8);
}

int vclock_decode(struct slice in, struct cluster_id cluster_id, uint64_t key_tag, struct revision *rev, bool *foreign)
{
    if (in.len != VCLOCK_SIZE || in.data[0] != VCLOCK_VERSION)
        return E_MALFORMED;
    rev->epoch = bytes_get(in.data + 1, 8);
    rev->generation = (uint32_t)bytes_get(in.data + 9, 4);
    rev->index = bytes_get(in.data + 13, 8);
    *foreign = memcmp(in.data + 21, cluster_id.b, CLUSTER_ID_PREFIX) != 0 ||
               bytes_get(in.data + 21 + CLUSTER_ID_PREFIX, 8) != key_tag;
    return 0;
}
