/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/protobuf_arena.h"

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void release(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

const ProtobufCMessage *protobuf_unpack(const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                                        struct slice body)
{
    static const uint8_t nothing;
    ProtobufCAllocator allocator = {allocate, release, arena};
    return protobuf_c_message_unpack(descriptor, &allocator, body.len, body.data ? body.data : &nothing);
}

int protobuf_pack(const ProtobufCMessage *message, struct buf *out)
{
    uint8_t *p;
    size_t size = protobuf_c_message_get_packed_size(message);
    int err = buf_reserve(out, size, &p);
    if (!err)
        buf_commit(out, protobuf_c_message_pack(message, p));
    return err;
}
