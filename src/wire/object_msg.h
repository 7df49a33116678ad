/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a request, for the node that has passed it on: the result of a read or write, with the object's siblings
 * as they lie in the store, so that neither side unpacks or copies them on the way.
 *
 *   version u8 (1), flags u8 (1 exists, 2 repeated), error u8 (its number in base/err.h), number varint
 *   revision of the command: epoch u64, generation u32, index u64
 *   [exists: revision of the object, base u64 (ms), then the siblings to the end: flat, see store/record.h] */
#ifndef WIRE_OBJECT_MSG_H
#define WIRE_OBJECT_MSG_H

#include "base/buf.h"
#include "store/store.h"

/* Appends the message; the only copy of the values on this side. E_NOMEM or E_TOO_LARGE: `out` is as it was. */
int object_msg_encode(struct buf *out, const struct store_result *r);

/* Views into `in`, which is hostile and lies in `holder` (NULL: in none that may be kept): object_next() gives the
 * holder as the blob of each large value, for a reference that keeps it. E_MALFORMED. */
int object_msg_decode(struct slice in, struct blob *holder, struct store_result *out);

#endif
