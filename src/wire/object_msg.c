/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/object_msg.h"

#include "base/bytes.h"
#include "base/err.h"
#include "wire/pb.h"

#define OBJECT_VERSION 1
#define REVISION_SIZE  20
#define FIXED_SIZE     3
#define BASE_SIZE      8

enum { FLAG_EXISTS = 1, FLAG_REPEATED = 2, FLAGS_ALL = 3 };

static uint8_t *put_revision(uint8_t *p, struct revision r)
{
    return bytes_put(bytes_put(bytes_put(p, r.epoch, 8), r.generation, 4), r.index, 8);
}

static size_t head_size(const struct store_result *r)
{
    size_t object = r->exists ? REVISION_SIZE + BASE_SIZE : 0;
    return FIXED_SIZE + pb_varint_size(r->number) + REVISION_SIZE + object;
}

int object_msg_encode(struct buf *out, const struct store_result *r)
{
    size_t before = buf_len(out);
    uint8_t *p;
    int err = buf_reserve(out, head_size(r), &p);
    if (err)
        return err;
    *p++ = OBJECT_VERSION;
    *p++ = (uint8_t)((r->exists ? FLAG_EXISTS : 0) | (r->repeated ? FLAG_REPEATED : 0));
    *p++ = (uint8_t)-r->err;
    p = put_revision(pb_put_varint(p, r->number), r->revision);
    if (r->exists)
        bytes_put(put_revision(p, r->object.revision), r->object.base_ms, BASE_SIZE);
    buf_commit(out, head_size(r));
    err = r->exists ? record_put_flat(out, &r->object.record) : 0;
    if (err)
        out->end = out->start + before;
    return err;
}

/* --- reading --- */

static bool take(struct pb_reader *r, int size, uint64_t *out)
{
    if (r->end - r->p < size)
        return false;
    *out = bytes_get(r->p, size);
    r->p += size;
    return true;
}

/* The shortest form alone. */
static bool take_varint(struct pb_reader *r, uint64_t *out)
{
    const uint8_t *start = r->p;
    return pb_read_varint(r, out) && (size_t)(r->p - start) == pb_varint_size(*out);
}

static bool take_revision(struct pb_reader *r, struct revision *out)
{
    uint64_t generation;
    if (!take(r, 8, &out->epoch) || !take(r, 4, &generation) || !take(r, 8, &out->index))
        return false;
    out->generation = (uint32_t)generation;
    return true;
}

static bool take_fixed(struct pb_reader *r, struct store_result *out)
{
    uint64_t version, flags, number;
    if (!take(r, 1, &version) || !take(r, 1, &flags) || !take(r, 1, &number))
        return false;
    out->exists = flags & FLAG_EXISTS;
    out->repeated = flags & FLAG_REPEATED;
    out->err = -(int)number;
    return version == OBJECT_VERSION && flags <= FLAGS_ALL && err_known(out->err) && take_varint(r, &out->number) &&
           take_revision(r, &out->revision);
}

static bool take_object(struct pb_reader *r, struct blob *holder, struct object *out)
{
    if (!take_revision(r, &out->revision) || !take(r, BASE_SIZE, &out->base_ms))
        return false;
    struct slice siblings = slice_make(r->p, (size_t)(r->end - r->p));
    if (!record_read_flat(siblings, &out->record))
        return false;
    r->p = r->end;
    out->holder = holder;
    out->live = !record_is_dead(&out->record);
    return true;
}

int object_msg_decode(struct slice in, struct blob *holder, struct store_result *out)
{
    struct pb_reader r = pb_reader_of(in);
    *out = (struct store_result){0};
    bool good = take_fixed(&r, out) && (!out->exists || take_object(&r, holder, &out->object));
    return good && r.p == r.end ? 0 : E_MALFORMED;
}
