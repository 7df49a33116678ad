/* SPDX-License-Identifier: Apache-2.0 */
/* A store's command as an entry of its partition's log: bytes in a blob that the log, the network and, where a value is
 * large, the store itself share without copying it.
 *
 * What the entry's place in the log says is not repeated in it: the revision is (the group's epoch and generation, the
 * entry's index). Nor are hashes: every replica makes them itself.
 *
 *   version u8 (1), op u8, flags u8 (1 allow_mult, 2 tombstone, 4 has an origin, 8 ttl_from_create), condition u8,
 * context u8, stamp u64 [origin: incarnation 16 bytes, sequence varint, acknowledged varint: under the sequence, or
 * both 0] [context "seen": epoch u64, generation u32, index u64] [of an update: its data type u8] of a write:
 * siblings_max, size_max, ttl_ms, reap_ms varints; then type, bucket, key, metadata, value, each length varint, bytes
 */
#ifndef WIRE_COMMAND_MSG_H
#define WIRE_COMMAND_MSG_H

#include "store/command.h"

/* A new blob with one reference, NULL when there is no memory. Its revision and hashes are not looked at. */
struct blob *command_encode(const struct store_command *c);

/* The partition's time, which is known when the command is proposed. Of a blob that nobody shares. */
void command_set_stamp(struct blob *command, uint64_t stamp_ms);

/* Views into `entry`, which lies in `blob` (NULL: in none that may be kept): a value or metadata that is kept is a
 * reference to it. Everything but revision and hashes is set. E_MALFORMED: no command, or one that no store takes. */
int command_decode(struct slice entry, struct blob *blob, struct store_command *out);

#endif
