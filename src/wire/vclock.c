#include "wire/vclock.h"

#include "base/err.h"

#define VCLOCK_VERSION 1

static uint8_t *put_be(uint8_t *p, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

static uint64_t get_be(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

void vclock_encode(struct revision rev, const uint8_t cluster_id[CLUSTER_ID_PREFIX], uint8_t out[VCLOCK_SIZE])
{
    uint8_t *p = out;
    *p++ = VCLOCK_VERSION;
    p = put_be(p, rev.epoch, 8);
    p = put_be(p, rev.generation, 4);
    p = put_be(p, rev.index, 8);
    memcpy(p, cluster_id, CLUSTER_ID_PREFIX);
}

int vclock_decode(struct slice in, const uint8_t cluster_id[CLUSTER_ID_PREFIX], struct revision *rev, bool *foreign)
{
    if (in.len != VCLOCK_SIZE || in.data[0] != VCLOCK_VERSION)
        return E_MALFORMED;
    rev->epoch = get_be(in.data + 1, 8);
    rev->generation = (uint32_t)get_be(in.data + 9, 4);
    rev->index = get_be(in.data + 13, 8);
    *foreign = memcmp(in.data + 21, cluster_id, CLUSTER_ID_PREFIX) != 0;
    return 0;
}
