/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of a partition's log. What is decoded is encoded again to the same bytes, and a store takes it. */
#include "fuzz.h"
#include "base/err.h"
#include "store/store.h"
#include "wire/command_msg.h"

static const struct hash_key key;

static void apply(struct store_command *c)
{
    struct store_memory memory = {.limit = (size_t)64 << 20};
    struct store *s;
    struct store_result result;
    ASSERT(store_create(&key, &memory, &s) == 0);
    c->revision = (struct revision){1, 1, 2};
    store_key_init(&c->key, &key, c->key.type, c->key.bucket, c->key.key);
    int err = store_apply(s, c, &result);
    c->revision.index++;
    int again = store_apply(s, c, &result); /* R-RETRY: what has an origin has its effect once */
    ASSERT(!c->origin.sequence || c->op >= STORE_TICK || (result.repeated && again == err));
    store_check(s);
    store_destroy(&s);
    ASSERT(memory.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_command c;
    struct blob *entry = blob_create(size);
    ASSERT(entry);
    if (size)
        memcpy(entry->data, data, size);
    int err = command_decode(slice_make(entry->data, size), entry, &c);
    ASSERT(err == 0 || err == E_MALFORMED);
    if (!err) {
        struct blob *again = command_encode(&c);
        ASSERT(again && slice_eq(slice_make(again->data, again->size), slice_make(data, size)));
        blob_put(again);
        apply(&c);
    }
    ASSERT(entry->refs == 1); /* what the store kept, it gave back */
    blob_put(entry);
    return 0;
}
