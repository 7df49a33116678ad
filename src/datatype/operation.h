/* SPDX-License-Identifier: Apache-2.0 */
/* An operation on a data type, as it stands in a command: what the client has asked for, in one form of our own.
 *
 *   counter     zigzag varint: what is added
 *   register    the bytes that it is set to
 *   flag        u8: 1 enable, 0 disable
 *   set, gset   count, elements to add; count, elements to remove (of a gset: 0)
 *   hll         precision u8; count, elements to add
 *   map         count, fields to remove; count, (field, size u32 of the operation, operation)*
 *   field       kind u8, name
 * Counts and lengths are varints. In a map removes come first, then updates; in a set adds come first, so that with a
 * context what is added and removed at once stays. */
#ifndef DATATYPE_OPERATION_H
#define DATATYPE_OPERATION_H

#include "datatype/datatype.h"

/* Pieces, appended in the order above. E_NOMEM, E_TOO_LARGE. */
int operation_put_number(struct buf *out, int64_t value);
int operation_put_byte(struct buf *out, uint8_t value);
int operation_put_count(struct buf *out, size_t count);
int operation_put_name(struct buf *out, struct slice name);
int operation_put_field(struct buf *out, enum datatype kind, struct slice name);

/* Around the operation on a field: *mark is for the end. */
int operation_begin(struct buf *out, size_t *mark);
int operation_end(struct buf *out, size_t mark);

/* False: it leaves a state at most as large as it was, but for a number. It may say true of such a one, too. */
bool operation_adds(enum datatype kind, struct slice op);

/* What could not be removed, by the number that datatype_apply() has given; views into `op`. *kind: of a field of a
 * map; DATATYPE_NONE: an element of a set. False: no such number. */
bool operation_removal(struct slice op, uint64_t absent, struct slice *name, enum datatype *kind);

#endif
