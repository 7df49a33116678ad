/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "model.h"

#include "datatype/operation.h"

#include <stdlib.h>

char letter_of(unsigned n)
{
    return (char)('a' + n);
}

/* In the order of a map's fields: by name, then kind. */
enum datatype field_kind(unsigned place)
{
    return (enum datatype)(DATATYPE_COUNTER + place % 5);
}

static char field_letter(unsigned place)
{
    return letter_of(place / 5);
}

/* --- operations --- */

struct op *op_random(struct rng *r, enum datatype kind, unsigned depth)
{
    struct op *o = calloc(1, sizeof *o);
    unsigned names = kind == DATATYPE_MAP ? FIELDS : LETTERS;
    assert_non_null(o);
    o->kind = kind;
    o->increment = (int64_t)rng_below(r, 20) - 10;
    o->text = letter_of((unsigned)rng_below(r, LETTERS));
    o->enable = rng_below(r, 2);
    o->add_count = (unsigned)rng_below(r, LIST_MAX + 1);
    o->remove_count = kind == DATATYPE_GSET || rng_below(r, 2) ? 0 : (unsigned)rng_below(r, LIST_MAX + 1);
    for (unsigned i = 0; i < LIST_MAX; i++) {
        o->add[i] = (unsigned)rng_below(r, names);
        o->remove[i] = (unsigned)rng_below(r, names);
        if (kind == DATATYPE_MAP && depth == 0 && field_kind(o->add[i]) == DATATYPE_MAP)
            o->add[i]++;
        if (kind == DATATYPE_MAP && i < o->add_count)
            o->update[i] = op_random(r, field_kind(o->add[i]), depth ? depth - 1 : 0);
    }
    return o;
}

void op_free(struct op *o)
{
    for (unsigned i = 0; o && i < LIST_MAX; i++)
        op_free(o->update[i]);
    free(o);
}

static void put_letters(struct buf *out, const unsigned *letter, unsigned count)
{
    assert_int_equal(operation_put_count(out, count), 0);
    for (unsigned i = 0; i < count; i++) {
        char c = letter_of(letter[i]);
        assert_int_equal(operation_put_name(out, slice_make(&c, 1)), 0);
    }
}

static void put_field(struct buf *out, unsigned place)
{
    char c = field_letter(place);
    assert_int_equal(operation_put_field(out, field_kind(place), slice_make(&c, 1)), 0);
}

static void put_map(struct buf *out, const struct op *o)
{
    assert_int_equal(operation_put_count(out, o->remove_count), 0);
    for (unsigned i = 0; i < o->remove_count; i++)
        put_field(out, o->remove[i]);
    assert_int_equal(operation_put_count(out, o->add_count), 0);
    for (unsigned i = 0; i < o->add_count; i++) {
        size_t mark;
        put_field(out, o->add[i]);
        assert_int_equal(operation_begin(out, &mark), 0);
        op_encode(o->update[i], out);
        assert_int_equal(operation_end(out, mark), 0);
    }
}

void op_encode(const struct op *o, struct buf *out)
{
    switch (o->kind) {
    case DATATYPE_COUNTER:
        assert_int_equal(operation_put_number(out, o->increment), 0);
        break;
    case DATATYPE_REGISTER:
        assert_int_equal(operation_put_byte(out, (uint8_t)o->text), 0);
        break;
    case DATATYPE_FLAG:
        assert_int_equal(operation_put_byte(out, o->enable), 0);
        break;
    case DATATYPE_SET:
    case DATATYPE_GSET:
        put_letters(out, o->add, o->add_count);
        put_letters(out, o->remove, o->remove_count);
        break;
    default:
        put_map(out, o);
    }
}

/* --- values --- */

void model_free(struct value *v)
{
    for (unsigned i = 0; v && v->field && i < FIELDS; i++)
        model_free(&v->field[i]);
    if (v)
        free(v->field);
    if (v)
        v->field = NULL;
}

static void copy_into(struct value *to, const struct value *from)
{
    *to = *from;
    if (!from->field)
        return;
    to->field = calloc(FIELDS, sizeof *to->field);
    assert_non_null(to->field);
    for (unsigned i = 0; i < FIELDS; i++)
        copy_into(&to->field[i], &from->field[i]);
}

struct value *model_copy(const struct value *v)
{
    struct value *copy = calloc(1, sizeof *copy);
    assert_non_null(copy);
    copy_into(copy, v);
    return copy;
}

static bool may_remove(uint64_t seq, const struct datatype_update *u)
{
    return !u->has_context || seq <= u->seen_seq;
}

static struct value *field_of(struct value *v, unsigned place)
{
    if (!v->field)
        v->field = calloc(FIELDS, sizeof *v->field);
    assert_non_null(v->field);
    v->field[place].kind = field_kind(place);
    return &v->field[place];
}

static void clear(struct value *v)
{
    enum datatype kind = v->kind;
    model_free(v);
    *v = (struct value){.kind = kind};
}

/* What was seen goes. */
static void reset(struct value *v, uint64_t seen)
{
    for (unsigned i = 0; i < LETTERS; i++)
        if (v->element[i] <= seen)
            v->element[i] = 0;
    if (v->enabled <= seen)
        v->enabled = 0;
    for (unsigned i = 0; v->field && i < FIELDS; i++) {
        if (v->field[i].seq <= seen)
            clear(&v->field[i]);
        else
            reset(&v->field[i], seen);
    }
}

static bool set_apply(struct value *v, const struct op *o, const struct datatype_update *u, unsigned *letter)
{
    for (unsigned i = 0; i < o->add_count; i++)
        v->element[o->add[i]] = u->seq;
    for (unsigned i = 0; i < o->remove_count; i++) {
        *letter = o->remove[i];
        if (!v->element[*letter] && !u->has_context)
            return false;
        if (may_remove(v->element[*letter], u))
            v->element[*letter] = 0;
    }
    return true;
}

static bool map_apply(struct value *v, const struct op *o, const struct datatype_update *u, unsigned *letter,
                      enum datatype *kind)
{
    for (unsigned i = 0; i < o->remove_count; i++) {
        struct value *f = field_of(v, o->remove[i]);
        *letter = o->remove[i] / 5;
        *kind = f->kind;
        if (!f->seq && !u->has_context)
            return false;
        if (may_remove(f->seq, u))
            clear(f);
        else
            reset(f, u->seen_seq);
    }
    for (unsigned i = 0; i < o->add_count; i++) {
        struct value *f = field_of(v, o->add[i]);
        f->seq = u->seq;
        if (!model_apply(f, o->update[i], u, letter, kind))
            return false;
    }
    return true;
}

bool model_apply(struct value *v, const struct op *o, const struct datatype_update *u, unsigned *letter,
                 enum datatype *kind)
{
    *kind = DATATYPE_NONE;
    switch (o->kind) {
    case DATATYPE_COUNTER:
        v->count += o->increment;
        return true;
    case DATATYPE_REGISTER:
        v->text[0] = o->text;
        return true;
    case DATATYPE_FLAG:
        if (o->enable)
            v->enabled = u->seq;
        else if (may_remove(v->enabled, u))
            v->enabled = 0;
        return true;
    case DATATYPE_SET:
    case DATATYPE_GSET:
        return set_apply(v, o, u, letter);
    default:
        return map_apply(v, o, u, letter, kind);
    }
}

/* --- comparing --- */

static void compare_elements(const struct value *v, struct slice payload)
{
    struct slice element;
    for (unsigned i = 0; i < LETTERS; i++) {
        char c = letter_of(i);
        if (!v->element[i])
            continue;
        assert_true(datatype_next_element(&payload, &element));
        assert_slice_equal(element, slice_make(&c, 1));
    }
    assert_false(datatype_next_element(&payload, &element));
}

static void compare_fields(const struct value *v, struct slice payload)
{
    struct datatype_field f;
    for (unsigned i = 0; v->field && i < FIELDS; i++) {
        char c = field_letter(i);
        if (!v->field[i].seq)
            continue;
        assert_true(datatype_next_field(&payload, &f));
        assert_int_equal(f.kind, field_kind(i));
        assert_slice_equal(f.name, slice_make(&c, 1));
        model_compare(&v->field[i], f.payload);
    }
    assert_false(datatype_next_field(&payload, &f));
}

void model_compare(const struct value *v, struct slice payload)
{
    switch (v->kind) {
    case DATATYPE_COUNTER:
        assert_int_equal(datatype_counter(payload), v->count);
        break;
    case DATATYPE_REGISTER:
        assert_slice_is(payload, v->text);
        break;
    case DATATYPE_FLAG:
        assert_int_equal(datatype_flag(payload), v->enabled != 0);
        break;
    case DATATYPE_SET:
    case DATATYPE_GSET:
        compare_elements(v, payload);
        break;
    default:
        compare_fields(v, payload);
    }
}
