/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c as the oracle of the decoders that read protobuf by themselves (wire/pb.h). */
#ifndef ORACLE_H
#define ORACLE_H

#include "wire/protobuf_arena.h"

#define ORACLE_ARENA ((size_t)4 * 1024 * 1024) /* an input is small; a decoder that wants more is to be seen */

/* The message's bytes without any unknown field, in the arena: what every decoder must take, because protobuf-c wrote
 * it. The message is changed. */
struct slice oracle_pack(const ProtobufCMessage *message, struct arena *arena);

#endif
