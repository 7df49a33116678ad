/* SPDX-License-Identifier: Apache-2.0 */
#include "datatype/operation.h"

#include "datatype/code.h"

int operation_put_number(struct buf *out, int64_t value)
{
    return put_varint(out, zigzag(value));
}

int operation_put_byte(struct buf *out, uint8_t value)
{
    return put_byte(out, value);
}

int operation_put_count(struct buf *out, size_t count)
{
    return put_varint(out, count);
}

int operation_put_name(struct buf *out, struct slice name)
{
    return put_name(out, name);
}

int operation_put_field(struct buf *out, enum datatype kind, struct slice name)
{
    int err = put_byte(out, (uint8_t)kind);
    return err ? err : put_name(out, name);
}

int operation_begin(struct buf *out, size_t *mark)
{
    return begin_sized(out, mark);
}

int operation_end(struct buf *out, size_t mark)
{
    return end_sized(out, mark);
}

bool operation_adds(enum datatype kind, struct slice op)
{
    bool no_adds = op.len && op.data[0] == 0; /* a set's count of them comes first */
    return kind != DATATYPE_COUNTER && (kind != DATATYPE_SET || !no_adds);
}

/* A removal is told by where it stands in the operation, and whether it is a field's: that orders them as they come. */
void note_absent(struct application *a, const struct item *removal)
{
    uint64_t place = (uint64_t)(removal->at - a->update->op.data), is_field = removal->kind != DATATYPE_NONE;
    if (!a->update->has_context && (place << 1 | is_field) < a->absent)
        a->absent = place << 1 | is_field;
}

bool operation_removal(struct slice op, uint64_t absent, struct slice *name, enum datatype *kind)
{
    if (absent >> 1 >= op.len)
        return false;
    struct reader r = reader_of(slice_skip(op, (size_t)(absent >> 1)));
    *kind = absent & 1 ? (enum datatype)read_byte(&r) : DATATYPE_NONE;
    *name = read_name(&r);
    return !r.bad && *kind <= DATATYPE_LAST;
}
