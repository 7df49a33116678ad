/* SPDX-License-Identifier: Apache-2.0 */
/* Sets: each element with the seq of the write that added it last. Of a gset nothing is ever removed. */
#include "datatype/code.h"

#include "base/err.h"
#include "base/rule.h"

struct member {
    struct slice name;
    uint64_t seq; /* 0: it is not there */
};

static bool next_member(struct reader *r, struct member *m)
{
    if (!reader_more(r))
        return false;
    m->seq = read_varint(r);
    m->name = read_name(r);
    r->bad = r->bad || m->seq == 0;
    return !r->bad;
}

static int put_member(struct buf *out, const struct member *m)
{
    int err = put_varint(out, m->seq);
    return err ? err : put_name(out, m->name);
}

/* How many of the items from *at on have that name; they are passed. */
static size_t take(const struct items *l, size_t *at, struct slice name)
{
    size_t from = *at;
    while (*at < l->count && slice_eq(l->at[*at].name, name))
        ++*at;
    return *at - from;
}

static struct slice least(struct slice a, bool has_a, const struct items *l, size_t at)
{
    return at < l->count && (!has_a || slice_cmp(l->at[at].name, a) < 0) ? l->at[at].name : a;
}

/* One removal after the other: the second finds nothing. */
static void remove_member(struct application *a, const struct item *removals, size_t count, struct member *m)
{
    for (size_t i = 0; i < count; i++)
        if (m->seq == 0)
            note_absent(a, &removals[i]);
        else if (!a->update->has_context || m->seq <= a->update->seen_seq || !rule_holds(RULE_CONTEXT))
            m->seq = 0;
}

/* One walk over what is there, what comes and what goes, all in the order of the elements. */
static int merge(struct application *a, struct reader *now, const struct items *adds, const struct items *removes,
                 struct buf *out)
{
    struct member held = {0};
    size_t add = 0, remove = 0;
    bool more = next_member(now, &held);
    int err = 0;
    while (!err && !now->bad && (more || add < adds->count || remove < removes->count)) {
        bool has_add = add < adds->count;
        struct slice name = least(held.name, more, adds, add);
        name = least(name, more || has_add, removes, remove);
        struct member m = {name, 0};
        if (more && slice_eq(held.name, name)) {
            m.seq = held.seq;
            more = next_member(now, &held);
        }
        if (take(adds, &add, name))
            m.seq = a->update->seq;
        size_t gone = take(removes, &remove, name);
        remove_member(a, items_from(removes, remove - gone), gone, &m);
        if (m.seq)
            err = put_member(out, &m);
    }
    return err ? err : now->bad ? E_MALFORMED : 0;
}

int set_apply(struct application *a, struct slice payload, struct slice op, struct buf *out)
{
    struct reader r = reader_of(op), now = reader_of(payload);
    struct items adds, removes = {0};
    int err = items_read(&r, false, false, &adds);
    if (!err)
        err = items_read(&r, false, false, &removes);
    if (!err && (reader_more(&r) || (a->update->kind == DATATYPE_GSET && removes.count)))
        err = E_MALFORMED;
    if (!err)
        err = merge(a, &now, &adds, &removes, out);
    items_fini(&adds);
    items_fini(&removes);
    return err;
}

int set_reset(struct slice payload, uint64_t seen_seq, struct buf *out)
{
    struct reader r = reader_of(payload);
    struct member m;
    int err = 0;
    while (!err && next_member(&r, &m))
        if (m.seq > seen_seq)
            err = put_member(out, &m);
    return err;
}

bool set_check(struct slice payload)
{
    struct reader r = reader_of(payload);
    struct member m, before = {0};
    for (bool first = true; next_member(&r, &m); first = false, before = m)
        if (!first && slice_cmp(before.name, m.name) >= 0)
            return false;
    return !r.bad;
}

bool datatype_next_element(struct slice *rest, struct slice *element)
{
    struct reader r = reader_of(*rest);
    struct member m;
    bool more = next_member(&r, &m);
    if (more)
        *element = m.name;
    *rest = slice_make(r.p, (size_t)(r.end - r.p));
    return more;
}
