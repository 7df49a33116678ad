/* SPDX-License-Identifier: Apache-2.0 */
/* The vclock. Input: one, or two side by side, which are also compared. */
#include "fuzz.h"
#include "base/err.h"
#include "wire/vclock.h"

#define KEY_TAG    UINT64_C(0x6b65796f66313233) /* "keyof123" */
#define ORDER_SIZE (VCLOCK_SIZE - CLUSTER_ID_PREFIX - 8)

static const struct cluster_id cluster_id = {"cluster1"};

/* False: it is none of ours. */
static bool read_one(struct slice in, struct revision *rev)
{
    uint8_t again[VCLOCK_SIZE];
    bool foreign;
    int err = vclock_decode(in, cluster_id, KEY_TAG, rev, &foreign);
    ASSERT(err == 0 || err == E_MALFORMED);
    if (err)
        return false;
    ASSERT(in.len == VCLOCK_SIZE);
    vclock_encode(*rev, cluster_id, KEY_TAG, again);
    ASSERT(memcmp(again, in.data, ORDER_SIZE) == 0);
    ASSERT(foreign == (memcmp(again, in.data, VCLOCK_SIZE) != 0));
    return true;
}

static int sign(int c)
{
    return (c > 0) - (c < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct revision a, b;
    if (size != (size_t)2 * VCLOCK_SIZE) {
        read_one(in, &a);
        return 0;
    }
    /* memcmp is their order */
    if (read_one(fuzz_take(&in, VCLOCK_SIZE), &a) && read_one(in, &b))
        ASSERT(sign(revision_cmp(a, b)) == sign(memcmp(data, data + VCLOCK_SIZE, ORDER_SIZE)));
    return 0;
}
