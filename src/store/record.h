/* SPDX-License-Identifier: Apache-2.0 */
/* A record: one key with its siblings, packed into bytes that stand next to other records in a block (store/table.h).
 * Overhead beside key and value: about ten bytes.
 *
 *   record   = flags u8, size varint (of what follows), key_len varint, key, [due varint], siblings
 *   sibling  = (flags u8, size varint)* , seq varint, stamp varint, [meta], value     * only in a record of several
 *   meta     = len varint, bytes                        or, if large, a reference
 *   value    = the rest                                 or, if large, a reference
 *   reference = pointer to a blob (8 bytes), offset varint, len varint
 *
 * seq is the store's own order of writes (store/store.h); stamp and due are milliseconds since the store's base. A
 * large value or metadata is a counted reference to a blob, owned by the record. This file only packs and unpacks;
 * which siblings there are is decided in object.c.
 *
 * Flat siblings are what goes to another node: the siblings of a record of several, also when there is one, without
 * references, whatever their sizes. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/blob.h"
#include "base/buf.h"
#include "store/memory.h"

#define RECORD_INLINE_MAX 512 /* larger values live in blobs, so that blocks stay small enough to move */
#define RECORD_META_MAX   256 /* likewise for metadata */
#define RECORD_KEY_MAX    65536

enum record_flag {
    RECORD_TOMBSTONE = 1, /* of a sibling */
    RECORD_META = 2,      /* of a sibling */
    RECORD_META_BLOB = 4, /* of a sibling, with RECORD_META */
    RECORD_BLOB = 8,      /* of a sibling */
    RECORD_DUE = 16,      /* of a record */
    RECORD_MANY = 32      /* of a record */
};
#define RECORD_SIBLING_FLAGS (RECORD_TOMBSTONE | RECORD_META | RECORD_META_BLOB | RECORD_BLOB)

/* Bytes that may stand in a blob. `blob` is NULL or holds `bytes`. */
struct content_bytes {
    struct slice bytes;
    struct blob *blob;
};

/* One sibling, unpacked. Borrowed from the record. */
struct sibling {
    uint64_t seq;
    uint64_t stamp; /* ms since the store's base */
    struct content_bytes value, meta;
    bool tombstone;
};

/* A record as it lies in a block. */
struct record {
    const uint8_t *start;
    size_t size; /* all of it */
    uint8_t flags;
    struct slice key;
    struct slice body; /* due and siblings */
};

/* Unpacks the record at p, which is well-formed: it was packed here. Borrowed from the block. */
void record_read(const uint8_t *p, struct record *out);

/* ms since the base; UINT64_MAX: never. */
uint64_t record_due(const struct record *r);

/* Iterates the siblings, the oldest first: start with a zeroed cursor; false at the end. */
struct sibling_cursor {
    struct slice rest;
    bool started;
};
bool record_next_sibling(const struct record *r, struct sibling_cursor *c, struct sibling *out);
size_t record_sibling_count(const struct record *r);
/* Whether every sibling is a tombstone. */
bool record_is_dead(const struct record *r);
/* The seq of the newest sibling: the object's revision. */
uint64_t record_seq(const struct record *r);

/* Packs a record into `out`, which is emptied first. Takes no references: those that stand in `siblings` pass to the
 * record when the caller stores it. `count` >= 1. E_NOMEM or E_TOO_LARGE. */
int record_pack(struct buf *out, struct slice key, uint64_t due, const struct sibling *siblings, size_t count);

/* Appends a record's siblings, flat. E_NOMEM or E_TOO_LARGE. */
int record_put_flat(struct buf *out, const struct record *r);
/* Of bytes from elsewhere: false unless they are flat siblings, at least one, as record_put_flat() writes them. *out is
 * a record without a key of just these, borrowed. */
bool record_read_flat(struct slice in, struct record *out);

/* Heap bytes that the record holds outside of its block. */
size_t record_blob_footprint(const struct record *r);

/* Drops the references that the record holds, and their charge. A blob's charge belongs to the reference: a blob that
 * two siblings share is charged twice, which errs on the safe side. */
void record_release(const struct record *r, struct store_memory *memory);

static inline size_t varint_size(uint64_t v)
{
    return ((unsigned)(64 - __builtin_clzll(v | 1)) + 6) / 7;
}

static inline uint8_t *varint_put(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static inline const uint8_t *varint_get(const uint8_t *p, uint64_t *v)
{
    uint64_t value = *p & 0x7f;
    for (unsigned shift = 7; *p++ & 0x80; shift += 7)
        value |= (uint64_t)(*p & 0x7f) << shift;
    *v = value;
    return p;
}

#endif
