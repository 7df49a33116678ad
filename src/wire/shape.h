/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are structs of plain values: one table for each says how its fields are numbered and where they lie,
 * and both directions come from it. Not for what clients send often: nothing here is tuned. */
#ifndef WIRE_SHAPE_H
#define WIRE_SHAPE_H

#include "base/buf.h"

#include <stddef.h>

enum shape_kind {
    UINT64,
    UINT64_OR_UNKNOWN, /* UINT64_MAX: the field is left out */
    UINT32,
    UINT16,
    INT_OR_UNKNOWN, /* -1: the field is left out */
    BOOL,
    CHOICE,         /* an enum from 1 to `max` */
    CHOICE_OR_NONE, /* 0: the field is left out */
    TEXT,           /* char[max], ends with its NUL */
    BYTES,          /* uint8_t[max], all of them */
    LIST
};

struct shape;

struct shape_field {
    enum shape_kind kind;
    size_t offset;
    size_t max;                 /* of a choice, bytes of a text, elements of a list */
    const struct shape *shape;  /* of a list's elements */
    size_t element, count_from; /* size of one, and the offset of their number (a size_t) */
};

/* Field number i + 1 is field[i]. */
struct shape {
    const struct shape_field *field;
    size_t count;
};

#define FIELD_AT(type, name)   .offset = offsetof(struct type, name)
#define FIELD_SIZE(type, name) .max = sizeof(((struct type *)0)->name)
#define FIELD(k, type, name)                                                                                           \
    {                                                                                                                  \
        .kind = k, FIELD_AT(type, name)                                                                                \
    }
#define FIELD_CHOICE(type, name, last)                                                                                 \
    {                                                                                                                  \
        .kind = CHOICE, FIELD_AT(type, name), .max = last                                                              \
    }
#define FIELD_CHOICE_OR_NONE(type, name, last)                                                                         \
    {                                                                                                                  \
        .kind = CHOICE_OR_NONE, FIELD_AT(type, name), .max = last                                                      \
    }
#define FIELD_TEXT(type, name)                                                                                         \
    {                                                                                                                  \
        .kind = TEXT, FIELD_AT(type, name), FIELD_SIZE(type, name)                                                     \
    }
#define FIELD_BYTES(type, name)                                                                                        \
    {                                                                                                                  \
        .kind = BYTES, FIELD_AT(type, name), FIELD_SIZE(type, name)                                                    \
    }
#define FIELD_LIST(type, name, n, of, most)                                                                            \
    {                                                                                                                  \
        .kind = LIST, FIELD_AT(type, name), .max = most, .shape = &of, .element = sizeof(((struct type *)0)->name[0]), \
        .count_from = offsetof(struct type, n)                                                                         \
    }
#define SHAPE(name, fields) static const struct shape name = {fields, sizeof fields / sizeof fields[0]}

/* Bytes of the body, and the body itself, to where there is room; returns its end. */
size_t shape_size(const struct shape *s, const void *from);
uint8_t *shape_put(uint8_t *p, const struct shape *s, const void *from);
/* Appends a whole frame: E_NOMEM, E_TOO_LARGE, then nothing was appended. */
int shape_put_frame(struct buf *out, uint8_t code, const struct shape *s, const void *from);

/* Fills *out, `size` bytes of it, whatever it returns; unknown fields are skipped, a missing one is 0, empty, or what
 * stands for "not known". E_MALFORMED: not such a message, a text that is too long or holds a NUL, a number or a choice
 * out of its range. E_TOO_MANY: more elements than a list holds. */
int shape_decode(const struct shape *s, struct slice body, void *out, size_t size);

#endif
