/* SPDX-License-Identifier: Apache-2.0 */
/* A result from another node. Every view lies in the input, and what is decoded is encoded again to the same bytes. */
#include "base/err.h"
#include "fuzz.h"
#include "wire/object_msg.h"

static void read_siblings(const struct object *o, struct slice in, struct blob *holder)
{
    struct object_cursor c = {0};
    struct object_sibling s;
    size_t count = 0;
    bool live = false;
    for (; object_next(o, &c, &s); count++) {
        ASSERT(fuzz_inside(s.value, in) && fuzz_inside(s.meta, in));
        ASSERT(s.value_blob == (s.value.len > RECORD_INLINE_MAX ? holder : NULL));
        live = live || !s.tombstone;
    }
    ASSERT(count > 0 && count == record_sibling_count(&o->record) && o->live == live);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_result result;
    struct buf out;
    struct slice in = slice_make(data, size);
    struct blob *holder = blob_create(0); /* stands for the one that the input lies in */
    ASSERT(holder);
    int err = object_msg_decode(in, holder, &result);
    ASSERT(err == 0 || err == E_MALFORMED);
    buf_init(&out, SIZE_MAX / 2);
    if (!err) {
        if (result.exists)
            read_siblings(&result.object, in, holder);
        ASSERT(object_msg_encode(&out, &result) == 0 && slice_eq(buf_slice(&out), in));
    }
    buf_fini(&out);
    ASSERT(holder->refs == 1);
    blob_put(holder);
    return 0;
}
