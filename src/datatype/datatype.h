/* SPDX-License-Identifier: Apache-2.0 */
/* Riak's data types (riak-protocol.md section 12) as pure functions: a state, an operation and what its writer has seen
 * give the next state, the same on every replica. Writers have one order (store/store.h), so that what a writer adds
 * carries the number of its write, `seq`, and a context is the number up to which all was seen: a remove takes away
 * what is at or before it, and what was added after it stays.
 *
 * State of a key: 'E', 2, kind u8, then the payload. As Riak's, it is a value that a plain get answers, and any bytes
 * that a plain put has left may stand in its place: what is read here is checked.
 *
 *   counter    zigzag varint, modulo 2^64
 *   register   its bytes
 *   flag       varint: the seq that enabled it; 0: disabled
 *   set, gset  (seq varint, element)*, in the order of the elements
 *   hll        hyperloglog.h
 *   map        (kind u8, name, seq varint of its last update, size u32 of the payload, payload)*, by name, then kind
 * An element or a name is its length as a varint, then its bytes. */
#ifndef DATATYPE_DATATYPE_H
#define DATATYPE_DATATYPE_H

#include "base/buf.h"

/* The last two are of fields of a map alone. Fields of one name are in the order of the kinds. */
enum datatype {
    DATATYPE_NONE,
    DATATYPE_COUNTER,
    DATATYPE_REGISTER,
    DATATYPE_MAP,
    DATATYPE_FLAG,
    DATATYPE_SET,
    DATATYPE_GSET,
    DATATYPE_HLL,
    DATATYPE_LAST = DATATYPE_HLL
};

#define DATATYPE_DEPTH_MAX 32    /* maps within maps */
#define DATATYPE_ITEMS_MAX 65536 /* of one operation: elements and fields, in all */
#define DATATYPE_HEAD      3     /* bytes in front of the payload */

/* As bucket types name it; DATATYPE_NONE: no such one. */
enum datatype datatype_by_name(struct slice name);
const char *datatype_name(enum datatype kind);

struct datatype_update {
    enum datatype kind;
    struct slice op;   /* operation.h */
    uint64_t seq;      /* of this write, over all before it */
    bool has_context;  /* without: what is removed must be there */
    uint64_t seen_seq; /* what the context has seen */
};

/* Appends the state after the update to `out`; an empty `state`: there is none yet.
 *   E_ABSENT     without context, something was to be removed that is not there: the first such, for
 *                operation_removal()
 *   E_INVALID    the state is not of that kind
 *   E_MALFORMED  the operation is none
 *   E_NOMEM, E_TOO_LARGE
 * `out` is as it was then. */
int datatype_apply(const struct datatype_update *u, struct slice state, struct buf *out, uint64_t *absent);

/* Whether the whole state is one of that kind; *payload is a view. */
bool datatype_check(enum datatype kind, struct slice state, struct slice *payload);

/* --- reading a payload that was checked --- */

int64_t datatype_counter(struct slice payload);
bool datatype_flag(struct slice payload);
/* Elements of a set or gset in their order: start with *rest = payload; false at the end. */
bool datatype_next_element(struct slice *rest, struct slice *element);
struct datatype_field {
    enum datatype kind;
    struct slice name, payload;
};
bool datatype_next_field(struct slice *rest, struct datatype_field *f);
/* The estimated number of distinct elements. */
uint64_t datatype_cardinality(struct slice payload);

#endif
