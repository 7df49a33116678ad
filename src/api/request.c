/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"

bool request_prepare_get(const struct api *a, const struct principal *who, const struct get_request *g,
                         struct prepared_read *p, struct outcome *out)
{
    if (!key_names_check_given(&g->names, out) || !key_names_check_lengths(&g->names, out) ||
        !target_resolve(a, who, MAY_GET, &g->names, &p->target, out) ||
        !target_check_quorums(&p->target, QUORUMS_READ, &g->quorums, out))
        return false;
    p->any_replica = target_is_any_replica(&p->target, &g->quorums);
    return true;
}

/* --- put --- */

/* Larger than one may be by itself: it is not to go through a log for that. */
static bool check_size(const struct api *a, const struct put_request *r, const struct put_content *content,
                       struct outcome *out)
{
    size_t size = r->content->value.len + content->meta.len;
    return size <= a->object_size_max ||
           outcome_refuse(out,
                          (struct outcome){.code = OUTCOME_TOO_LARGE, .number = size, .limit = a->object_size_max});
}

static void fill_in_put(const struct api *a, const struct put_request *r, const struct put_content *content,
                        struct prepared_write *p)
{
    struct store_command *c = &p->command;
    c->rules = target_rules(a, &p->target);
    if (content->has_ttl) {
        c->rules.ttl_ms = content->ttl_ms;
        c->rules.ttl_from_create = false;
    }
    c->condition = r->condition;
    target_require_context(&p->target, c);
    c->value = (struct content_bytes){r->content->value, r->holder};
    c->meta.bytes = content->meta;
    c->tombstone = r->content->deleted;
}

bool request_prepare_put(const struct api *a, const struct principal *who, const struct put_request *r,
                         struct put_scratch *scratch, struct prepared_write *p, struct outcome *out)
{
    struct put_content content;
    p->command = (struct store_command){.op = STORE_PUT};
    if (!key_names_check_given(&r->names, out) || !key_names_check_lengths(&r->names, out) ||
        !target_resolve(a, who, MAY_PUT, &r->names, &p->target, out) ||
        !target_check_quorums(&p->target, QUORUMS_WRITE, &r->quorums, out) ||
        !vclock_read(a, p->target.tag, r->vclock, &p->command.context, out) ||
        !put_content_prepare(scratch, r->content, &content, out) || !check_size(a, r, &content, out))
        return false;
    p->command.key = p->target.key;
    fill_in_put(a, r, &content, p);
    return true;
}

/* --- delete --- */

bool request_prepare_delete(const struct api *a, const struct principal *who, const struct delete_request *r,
                            struct prepared_write *p, struct outcome *out)
{
    p->command = (struct store_command){.op = STORE_DELETE};
    if (!key_names_check_lengths(&r->names, out) || !target_resolve(a, who, MAY_DELETE, &r->names, &p->target, out) ||
        !target_check_quorums(&p->target, QUORUMS_DELETE, &r->quorums, out) ||
        !vclock_read(a, p->target.tag, r->vclock, &p->command.context, out))
        return false;
    p->command.key = p->target.key;
    p->command.rules = target_rules(a, &p->target);
    target_require_context(&p->target, &p->command);
    return true;
}

/* --- data types --- */

static bool refuse(struct outcome *out, enum outcome_code code)
{
    return outcome_refuse(out, (struct outcome){.code = code});
}

static bool is_default(const struct target *t)
{
    return t->key.type.len == 0;
}

bool target_check_update(const struct target *t, enum datatype kind, struct outcome *out)
{
    if (is_default(t) && kind != DATATYPE_COUNTER)
        return refuse(out, OUTCOME_NOT_A_COUNTER);
    if (!t->rules->allow_mult)
        return refuse(out, OUTCOME_NO_ALLOW_MULT);
    if (is_default(t))
        return true;
    if (t->rules->datatype == DATATYPE_NONE)
        return refuse(out, OUTCOME_NO_DATATYPE);
    return t->rules->datatype == kind ||
           outcome_refuse(
               out, (struct outcome){.code = OUTCOME_OTHER_DATATYPE, .number = kind, .limit = t->rules->datatype});
}

bool target_check_fetch(const struct target *t, enum datatype *kind, struct outcome *out)
{
    *kind = is_default(t) ? DATATYPE_COUNTER : t->rules->datatype;
    if (is_default(t))
        return true;
    if (!t->rules->allow_mult)
        return refuse(out, OUTCOME_NO_ALLOW_MULT);
    return *kind != DATATYPE_NONE || refuse(out, OUTCOME_NO_DATATYPE);
}

/* The metadata of a data type's object: its content type alone, as a plain get shows it. */
static int put_content_type(enum datatype kind, struct buf *meta)
{
    static const char *const types[] = {[DATATYPE_COUNTER] = "application/riak_counter",
                                        [DATATYPE_SET] = "application/riak_set",
                                        [DATATYPE_GSET] = "application/riak_gset",
                                        [DATATYPE_HLL] = "application/riak_hll",
                                        [DATATYPE_MAP] = "application/riak_map"};
    buf_consume(meta, buf_len(meta));
    return kv_meta_put_text(meta, 2, slice_str(types[kind]));
}

bool request_prepare_update(const struct api *a, const struct target *t, enum datatype kind, struct slice op,
                            struct slice vclock, struct put_scratch *scratch, struct store_command *c,
                            struct outcome *out)
{
    *c = (struct store_command){.op = STORE_UPDATE, .key = t->key, .datatype = kind, .value.bytes = op};
    if (!vclock_read(a, t->tag, vclock, &c->context, out))
        return false;
    int err = put_content_type(kind, &scratch->meta);
    if (err)
        return outcome_fail(out, err);
    c->rules = target_rules(a, t);
    c->meta.bytes = buf_slice(&scratch->meta);
    return true;
}
