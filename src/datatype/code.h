/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of states and operations: numbers, names and what they are sorted by. For the files of this folder. All
 * input may be anything: a reader that met what cannot be is `bad` from there on, and gives zeros. */
#ifndef DATATYPE_CODE_H
#define DATATYPE_CODE_H

#include "base/zigzag.h"
#include "datatype/datatype.h"

struct reader {
    const uint8_t *p, *end;
    bool bad;
};

struct reader reader_of(struct slice s);
static inline bool reader_more(const struct reader *r)
{
    return !r->bad && r->p != r->end;
}
uint8_t read_byte(struct reader *r);
uint64_t read_varint(struct reader *r);
uint32_t read_u32(struct reader *r);
struct slice read_bytes(struct reader *r, size_t n);
struct slice read_name(struct reader *r); /* length, bytes */

int put_byte(struct buf *out, uint8_t b);
int put_varint(struct buf *out, uint64_t v);
int put_name(struct buf *out, struct slice name);

/* Around bytes whose size u32 stands in front of them. */
int begin_sized(struct buf *out, size_t *mark);
int end_sized(struct buf *out, size_t mark);

/* One element or field that an operation names. */
struct item {
    struct slice name;
    enum datatype kind; /* of a field; DATATYPE_NONE: an element */
    struct slice op;    /* of an update */
    const uint8_t *at;  /* where it stands: the order of what is equal */
};

struct items {
    struct item *at;
    size_t count;
};

/* The items from i on; NULL when there are none. */
static inline const struct item *items_from(const struct items *l, size_t i)
{
    return i < l->count ? l->at + i : NULL;
}

int item_cmp(const struct item *a, const struct item *b); /* by name, then kind */

/* Reads a count and so many items, sorted; `fields`: with their kinds; `updates`: with their operations. E_MALFORMED,
 * E_NOMEM. *out is to be given back by items_fini() in every case. */
int items_read(struct reader *r, bool fields, bool updates, struct items *out);
void items_fini(struct items *l);

/* What an update takes along on its way down. */
struct application {
    const struct datatype_update *update;
    uint64_t absent; /* the first removal of what is not there, as operation_removal() takes it */
    unsigned depth;
};

/* Something is to be removed that is not there: no error where a context was given. */
void note_absent(struct application *a, const struct item *removal);

/* Each appends the payload after the operation to `out`; `payload` is empty where there is none yet. E_MALFORMED,
 * E_NOMEM, E_TOO_LARGE. */
int payload_apply(struct application *a, enum datatype kind, struct slice payload, struct slice op, struct buf *out);
int set_apply(struct application *a, struct slice payload, struct slice op, struct buf *out);
int map_apply(struct application *a, struct slice payload, struct slice op, struct buf *out);
int hll_apply(struct slice payload, struct slice op, struct buf *out);

/* Appends what is left of a payload when all that was seen is removed; *left: something is. */
int payload_reset(enum datatype kind, struct slice payload, uint64_t seen_seq, struct buf *out);
int set_reset(struct slice payload, uint64_t seen_seq, struct buf *out);
int map_reset(struct slice payload, uint64_t seen_seq, struct buf *out);

bool payload_check(enum datatype kind, struct slice payload, unsigned depth);
bool set_check(struct slice payload);
bool map_check(struct slice payload, unsigned depth);
bool hll_check(struct slice payload);

#endif
