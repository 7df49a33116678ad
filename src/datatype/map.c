/* SPDX-License-Identifier: Apache-2.0 */
/* Maps: fields by name and kind, each with the seq of its last update. A field that is removed with a context loses
 * what was seen of it, and stays where it was updated after that. */
#include "datatype/code.h"

#include "base/err.h"
#include "base/rule.h"

struct field {
    struct item id; /* name and kind */
    uint64_t seq;
    struct slice payload;
};

static bool next_field(struct reader *r, struct field *f)
{
    if (!reader_more(r))
        return false;
    f->id.kind = (enum datatype)read_byte(r);
    f->id.name = read_name(r);
    f->seq = read_varint(r);
    f->payload = read_bytes(r, read_u32(r));
    r->bad = r->bad || f->id.kind < DATATYPE_COUNTER || f->id.kind > DATATYPE_SET || f->seq == 0;
    return !r->bad;
}

/* A field up to its payload; end_sized() follows. */
static int begin_field(struct buf *out, const struct item *id, uint64_t seq, size_t *mark)
{
    int err = put_byte(out, (uint8_t)id->kind);
    if (!err)
        err = put_name(out, id->name);
    if (!err)
        err = put_varint(out, seq);
    return err ? err : begin_sized(out, mark);
}

static int put_field(struct buf *out, const struct field *f)
{
    size_t mark;
    int err = begin_field(out, &f->id, f->seq, &mark);
    if (!err)
        err = buf_append_slice(out, f->payload);
    return err ? err : end_sized(out, mark);
}

/* --- applying --- */

/* What removals leave of a field; seq 0: nothing. Its payload may come to lie in `scratch`. */
static int remove_field(struct application *a, const struct item *removals, size_t count, struct field *f,
                        struct buf *scratch)
{
    const struct datatype_update *u = a->update;
    if (count == 0)
        return 0;
    if (f->seq == 0 || count > 1) /* the second finds nothing */
        note_absent(a, &removals[f->seq ? 1 : 0]);
    if (f->seq == 0)
        return 0;
    if (!u->has_context || f->seq <= u->seen_seq || !rule_holds(RULE_CONTEXT)) {
        f->seq = 0;
        f->payload = slice_make(NULL, 0);
        return 0;
    }
    int err = payload_reset(f->id.kind, f->payload, u->seen_seq, scratch);
    f->payload = buf_slice(scratch);
    return err;
}

/* One update after the other: all but the last go to a place of their own. */
static int update_field(struct application *a, const struct item *updates, size_t count, struct field *f,
                        struct buf *out)
{
    struct buf turn[2];
    size_t mark;
    int err = begin_field(out, &f->id, a->update->seq, &mark);
    buf_init(&turn[0], out->max);
    buf_init(&turn[1], out->max);
    a->depth++;
    for (size_t i = 0; !err && i < count; i++) {
        struct buf *to = i + 1 == count ? out : &turn[i % 2];
        if (to != out)
            buf_consume(to, buf_len(to));
        err = payload_apply(a, f->id.kind, f->payload, updates[i].op, to);
        f->payload = buf_slice(to);
    }
    a->depth--;
    buf_fini(&turn[0]);
    buf_fini(&turn[1]);
    return err ? err : end_sized(out, mark);
}

static size_t count_equal(const struct items *l, size_t at, const struct item *id)
{
    size_t n = 0;
    while (at + n < l->count && item_cmp(&l->at[at + n], id) == 0)
        n++;
    return n;
}

static const struct item *least(const struct item *a, const struct items *l, size_t at)
{
    return at < l->count && (!a || item_cmp(&l->at[at], a) < 0) ? &l->at[at] : a;
}

/* What becomes of one field. */
static int merge_field(struct application *a, struct field *f, const struct item *removals, size_t removal_count,
                       const struct item *updates, size_t update_count, struct buf *out)
{
    struct buf scratch;
    buf_init(&scratch, out->max);
    int err = remove_field(a, removals, removal_count, f, &scratch);
    if (!err && update_count)
        err = update_field(a, updates, update_count, f, out);
    else if (!err && f->seq)
        err = put_field(out, f);
    buf_fini(&scratch);
    return err;
}

static int merge(struct application *a, struct reader *now, const struct items *removes, const struct items *updates,
                 struct buf *out)
{
    struct field held = {0};
    size_t remove = 0, update = 0;
    bool more = next_field(now, &held);
    int err = 0;
    while (!err && !now->bad && (more || remove < removes->count || update < updates->count)) {
        const struct item *id = least(least(more ? &held.id : NULL, removes, remove), updates, update);
        struct field f = {.id = {.name = id->name, .kind = id->kind}};
        size_t gone = count_equal(removes, remove, &f.id), come = count_equal(updates, update, &f.id);
        if (more && item_cmp(&held.id, &f.id) == 0) {
            f = held;
            more = next_field(now, &held);
        }
        err = merge_field(a, &f, items_from(removes, remove), gone, items_from(updates, update), come, out);
        remove += gone;
        update += come;
    }
    return err ? err : now->bad ? E_MALFORMED : 0;
}

int map_apply(struct application *a, struct slice payload, struct slice op, struct buf *out)
{
    struct reader r = reader_of(op), now = reader_of(payload);
    struct items removes, updates = {0};
    int err = a->depth < DATATYPE_DEPTH_MAX ? 0 : E_MALFORMED;
    if (err)
        return err;
    err = items_read(&r, true, false, &removes);
    if (!err)
        err = items_read(&r, true, true, &updates);
    if (!err && reader_more(&r))
        err = E_MALFORMED;
    if (!err)
        err = merge(a, &now, &removes, &updates, out);
    items_fini(&removes);
    items_fini(&updates);
    return err;
}

int map_reset(struct slice payload, uint64_t seen_seq, struct buf *out)
{
    struct reader r = reader_of(payload);
    struct field f;
    int err = 0;
    while (!err && next_field(&r, &f)) {
        size_t mark;
        if (f.seq <= seen_seq)
            continue;
        err = begin_field(out, &f.id, f.seq, &mark);
        if (!err)
            err = payload_reset(f.id.kind, f.payload, seen_seq, out);
        if (!err)
            err = end_sized(out, mark);
    }
    return err;
}

bool map_check(struct slice payload, unsigned depth)
{
    struct reader r = reader_of(payload);
    struct field f, before = {0};
    if (depth >= DATATYPE_DEPTH_MAX)
        return false;
    for (bool first = true; next_field(&r, &f); first = false, before = f)
        if ((!first && item_cmp(&before.id, &f.id) >= 0) || !payload_check(f.id.kind, f.payload, depth + 1))
            return false;
    return !r.bad;
}

bool datatype_next_field(struct slice *rest, struct datatype_field *out)
{
    struct reader r = reader_of(*rest);
    struct field f;
    bool more = next_field(&r, &f);
    if (more)
        *out = (struct datatype_field){f.id.kind, f.id.name, f.payload};
    *rest = slice_make(r.p, (size_t)(r.end - r.p));
    return more;
}
