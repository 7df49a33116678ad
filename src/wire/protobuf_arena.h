/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c over a request's arena: what it allocates while it decodes is freed with the arena, and bounded by it. For
 * the files of this folder. */
#ifndef WIRE_PROTOBUF_ARENA_H
#define WIRE_PROTOBUF_ARENA_H

#include "base/arena.h"
#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>

/* The decoded message, in the arena; NULL: malformed, a required field is missing, or larger than the arena's maximum.
 */
const ProtobufCMessage *protobuf_unpack(const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                                        struct slice body);
/* Appends the encoded message. E_NOMEM, E_TOO_LARGE. */
int protobuf_pack(const ProtobufCMessage *message, struct buf *out);

static inline struct slice protobuf_slice(ProtobufCBinaryData b)
{
    return slice_make(b.data, b.len);
}

static inline ProtobufCBinaryData protobuf_bytes(struct slice s)
{
    return (ProtobufCBinaryData){s.len, (uint8_t *)(uintptr_t)s.data};
}

#endif
