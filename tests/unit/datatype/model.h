/* SPDX-License-Identifier: Apache-2.0 */
/* Data types as one would write them down without a thought of bytes or speed: what the tests hold the real ones
 * against. Elements and fields are named by one letter. */
#ifndef MODEL_H
#define MODEL_H

#include "base/buf.h"
#include "base/rng.h"
#include "datatype/datatype.h"

#define LETTERS     4
#define FIELDS      (LETTERS * 5) /* of a map: each letter with each kind */
#define LIST_MAX    4
#define MODEL_DEPTH 3

/* A random operation. */
struct op {
    enum datatype kind;
    int64_t increment;
    char text;
    bool enable;
    unsigned add_count, remove_count;
    unsigned add[LIST_MAX], remove[LIST_MAX]; /* letters of a set; places of fields in a map, whose adds are updates */
    struct op *update[LIST_MAX];
};

/* *depth bounds the nesting. Freed by op_free(). */
struct op *op_random(struct rng *r, enum datatype kind, unsigned depth);
void op_free(struct op *o);
void op_encode(const struct op *o, struct buf *out);

struct value {
    enum datatype kind;
    uint64_t seq; /* of a field's last update; 0: it is not there */
    int64_t count;
    char text[2];
    uint64_t enabled, element[LETTERS];
    struct value *field; /* FIELDS of them, or NULL */
};

/* Applies it; true: done. False: *v has changed in part, and this was the first that was not there. */
bool model_apply(struct value *v, const struct op *o, const struct datatype_update *u, unsigned *letter,
                 enum datatype *kind);
struct value *model_copy(const struct value *v);
void model_free(struct value *v);
/* Fails the test where they differ. */
void model_compare(const struct value *v, struct slice payload);

enum datatype field_kind(unsigned place);
char letter_of(unsigned n);

#endif
