/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include "base/assert.h"

static void drop_unknown(ProtobufCMessage *m);

static void drop_in_field(const ProtobufCFieldDescriptor *f, char *message)
{
    void *member = message + f->offset;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        return;
    if (f->label != PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage *one = *(ProtobufCMessage **)member;
        if (one)
            drop_unknown(one);
        return;
    }
    size_t count = *(size_t *)(void *)(message + f->quantifier_offset);
    ProtobufCMessage **list = *(ProtobufCMessage ***)member;
    for (size_t i = 0; i < count; i++)
        drop_unknown(list[i]);
}

static void drop_unknown(ProtobufCMessage *m)
{
    m->n_unknown_fields = 0;
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        drop_in_field(&m->descriptor->fields[i], (char *)m);
}

struct slice oracle_pack(const ProtobufCMessage *message, struct arena *arena)
{
    drop_unknown((ProtobufCMessage *)(uintptr_t)message);
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *out = arena_alloc(arena, size);
    ASSERT(out);
    return slice_make(out, protobuf_c_message_pack(message, out));
}
