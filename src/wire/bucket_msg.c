/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/bucket_msg.h"

#include "base/err.h"
#include "wire/pb.h"
#include "wire/protobuf_arena.h"

#include <riak.pb-c.h>

/* --- properties, both ways --- */

static void take_modfun(const RpbModFun *from, struct mod_fun *to)
{
    to->module = protobuf_slice(from->module);
    to->function = protobuf_slice(from->function);
}

static int take_hooks(RpbCommitHook *const *from, size_t count, struct arena *arena, struct commit_hooks *to)
{
    if (count > PROPS_HOOKS_MAX)
        return E_TOO_MANY;
    struct commit_hook *hook = arena_alloc(arena, (count + 1) * sizeof *hook);
    if (!hook)
        return E_MALFORMED;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!from[i]->modfun && !from[i]->has_name) /* nothing: Riak drops it */
            continue;
        struct commit_hook *h = &hook[kept++];
        *h = (struct commit_hook){.has_modfun = from[i]->modfun != NULL};
        if (from[i]->modfun)
            take_modfun(from[i]->modfun, &h->modfun);
        if (from[i]->has_name)
            h->name = protobuf_slice(from[i]->name);
    }
    *to = (struct commit_hooks){kept, hook};
    return 0;
}

/* One line a property: its bit, our field and protobuf's. X(bit, ours, theirs) */
#define NUMBERS(X)                                                                                                     \
    X(PROP_N_VAL, n_val, n_val)                                                                                        \
    X(PROP_OLD_VCLOCK, old_vclock, old_vclock)                                                                         \
    X(PROP_YOUNG_VCLOCK, young_vclock, young_vclock)                                                                   \
    X(PROP_BIG_VCLOCK, big_vclock, big_vclock)                                                                         \
    X(PROP_SMALL_VCLOCK, small_vclock, small_vclock)                                                                   \
    X(PROP_PR, pr, pr)                                                                                                 \
    X(PROP_R, r, r)                                                                                                    \
    X(PROP_W, w, w)                                                                                                    \
    X(PROP_PW, pw, pw)                                                                                                 \
    X(PROP_DW, dw, dw)                                                                                                 \
    X(PROP_RW, rw, rw)                                                                                                 \
    X(PROP_HLL_PRECISION, hll_precision, hll_precision)                                                                \
    X(PROP_TTL, ttl_s, ttl)                                                                                            \
    X(PROP_NODE_CONFIRMS, node_confirms, node_confirms)
#define FLAGS(X)                                                                                                       \
    X(PROP_ALLOW_MULT, allow_mult, allow_mult)                                                                         \
    X(PROP_LAST_WRITE_WINS, last_write_wins, last_write_wins)                                                          \
    X(PROP_BASIC_QUORUM, basic_quorum, basic_quorum)                                                                   \
    X(PROP_NOTFOUND_OK, notfound_ok, notfound_ok)                                                                      \
    X(PROP_SEARCH, search, search)                                                                                     \
    X(PROP_CONSISTENT, consistent, consistent)                                                                         \
    X(PROP_WRITE_ONCE, write_once, write_once)                                                                         \
    X(PROP_DVV_ENABLED, dvv_enabled, dvv_enabled)
#define TEXTS(X)                                                                                                       \
    X(PROP_BACKEND, backend, backend)                                                                                  \
    X(PROP_SEARCH_INDEX, search_index, search_index)                                                                   \
    X(PROP_DATATYPE, datatype, datatype)                                                                               \
    X(PROP_TTL_FROM, ttl_from, ttl_from)                                                                               \
    X(PROP_SYNC_ON_WRITE, sync_on_write, sync_on_write)

static int take_props(const RpbBucketProps *from, struct arena *arena, struct bucket_props *to)
{
    int err = 0;
    *to = (struct bucket_props){0};
#define X(bit, ours, theirs)                                                                                           \
    if (from->has_##theirs) {                                                                                          \
        to->ours = from->theirs;                                                                                       \
        to->set |= PROP_BIT(bit);                                                                                      \
    }
    NUMBERS(X)
#undef X
#define X(bit, ours, theirs)                                                                                           \
    if (from->has_##theirs) {                                                                                          \
        to->ours = from->theirs != 0;                                                                                  \
        to->set |= PROP_BIT(bit);                                                                                      \
    }
    FLAGS(X)
#undef X
#define X(bit, ours, theirs)                                                                                           \
    if (from->has_##theirs) {                                                                                          \
        to->ours = protobuf_slice(from->theirs);                                                                       \
        to->set |= PROP_BIT(bit);                                                                                      \
    }
    TEXTS(X)
#undef X
    /* proto2: a value that the enum does not have is an unknown field. */
    if (from->has_repl && (uint32_t)from->repl <= RPB_BUCKET_PROPS__RPB_REPL_MODE__TRUE) {
        to->repl = (uint32_t)from->repl;
        to->set |= PROP_BIT(PROP_REPL);
    }
    if (from->chash_keyfun) {
        take_modfun(from->chash_keyfun, &to->chash_keyfun);
        to->set |= PROP_BIT(PROP_CHASH_KEYFUN);
    }
    if (from->linkfun) {
        take_modfun(from->linkfun, &to->linkfun);
        to->set |= PROP_BIT(PROP_LINKFUN);
    }
    /* The lists count only where has_... says so; an empty list with it clears. */
    if (!err && from->has_has_precommit && from->has_precommit) {
        to->set |= PROP_BIT(PROP_PRECOMMIT);
        err = take_hooks(from->precommit, from->n_precommit, arena, &to->precommit);
    }
    if (!err && from->has_has_postcommit && from->has_postcommit) {
        to->set |= PROP_BIT(PROP_POSTCOMMIT);
        err = take_hooks(from->postcommit, from->n_postcommit, arena, &to->postcommit);
    }
    return err;
}

/* The parts of an RpbBucketProps that protobuf-c wants behind pointers. */
struct hook_parts {
    RpbCommitHook hook[PROPS_HOOKS_MAX];
    RpbModFun modfun[PROPS_HOOKS_MAX];
    RpbCommitHook *list[PROPS_HOOKS_MAX];
};

struct props_parts {
    RpbBucketProps props;
    RpbModFun chash_keyfun, linkfun;
    struct hook_parts pre, post;
};

static void give_modfun(const struct mod_fun *from, RpbModFun *to)
{
    rpb_mod_fun__init(to);
    to->module = protobuf_bytes(from->module);
    to->function = protobuf_bytes(from->function);
}

static RpbCommitHook **give_hooks(const struct commit_hooks *from, struct hook_parts *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct commit_hook *h = &from->hook[i];
        rpb_commit_hook__init(&to->hook[i]);
        to->list[i] = &to->hook[i];
        if (h->has_modfun) {
            give_modfun(&h->modfun, &to->modfun[i]);
            to->hook[i].modfun = &to->modfun[i];
        }
        to->hook[i].has_name = h->name.data != NULL;
        to->hook[i].name = protobuf_bytes(h->name);
    }
    return to->list;
}

static void give_lists(const struct bucket_props *from, struct props_parts *to)
{
    RpbBucketProps *p = &to->props;
    if (props_has(from, PROP_PRECOMMIT)) {
        p->has_has_precommit = p->has_precommit = 1;
        p->precommit = give_hooks(&from->precommit, &to->pre);
        p->n_precommit = from->precommit.count;
    }
    if (props_has(from, PROP_POSTCOMMIT)) {
        p->has_has_postcommit = p->has_postcommit = 1;
        p->postcommit = give_hooks(&from->postcommit, &to->post);
        p->n_postcommit = from->postcommit.count;
    }
}

static void give_props(const struct bucket_props *from, struct props_parts *to)
{
    RpbBucketProps *p = &to->props;
    rpb_bucket_props__init(p);
#define X(bit, ours, theirs)                                                                                           \
    p->has_##theirs = props_has(from, bit);                                                                            \
    p->theirs = from->ours;
    NUMBERS(X)
    FLAGS(X)
#undef X
#define X(bit, ours, theirs)                                                                                           \
    p->has_##theirs = props_has(from, bit);                                                                            \
    p->theirs = protobuf_bytes(from->ours);
    TEXTS(X)
#undef X
    p->has_repl = props_has(from, PROP_REPL);
    p->repl = (RpbBucketProps__RpbReplMode)from->repl;
    if (props_has(from, PROP_CHASH_KEYFUN)) {
        give_modfun(&from->chash_keyfun, &to->chash_keyfun);
        p->chash_keyfun = &to->chash_keyfun;
    }
    if (props_has(from, PROP_LINKFUN)) {
        give_modfun(&from->linkfun, &to->linkfun);
        p->linkfun = &to->linkfun;
    }
    give_lists(from, to);
}

/* --- requests --- */

#define UNPACK(type, prefix, body, arena)                                                                              \
    const type *m = (const type *)(const void *)protobuf_unpack(&prefix##__descriptor, arena, body)

int bucket_get_req_decode(struct slice body, struct arena *arena, struct bucket_req *out)
{
    UNPACK(RpbGetBucketReq, rpb_get_bucket_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_req){.bucket = protobuf_slice(m->bucket), .has_type = m->has_type != 0};
    out->type = protobuf_slice(m->type);
    return 0;
}

int bucket_reset_req_decode(struct slice body, struct arena *arena, struct bucket_req *out)
{
    UNPACK(RpbResetBucketReq, rpb_reset_bucket_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_req){.bucket = protobuf_slice(m->bucket), .has_type = m->has_type != 0};
    out->type = protobuf_slice(m->type);
    return 0;
}

int bucket_get_type_req_decode(struct slice body, struct arena *arena, struct bucket_req *out)
{
    UNPACK(RpbGetBucketTypeReq, rpb_get_bucket_type_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_req){.type = protobuf_slice(m->type), .has_type = true};
    return 0;
}

int bucket_set_req_decode(struct slice body, struct arena *arena, struct bucket_req *out)
{
    UNPACK(RpbSetBucketReq, rpb_set_bucket_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_req){.bucket = protobuf_slice(m->bucket), .has_type = m->has_type != 0};
    out->type = protobuf_slice(m->type);
    return take_props(m->props, arena, &out->props);
}

int bucket_set_type_req_decode(struct slice body, struct arena *arena, struct bucket_req *out)
{
    UNPACK(RpbSetBucketTypeReq, rpb_set_bucket_type_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_req){.type = protobuf_slice(m->type), .has_type = true};
    return take_props(m->props, arena, &out->props);
}

int bucket_get_resp_encode(struct buf *out, const struct bucket_props *props)
{
    struct props_parts parts;
    RpbGetBucketResp m = RPB_GET_BUCKET_RESP__INIT;
    give_props(props, &parts);
    m.props = &parts.props;
    return protobuf_pack(&m.base, out);
}

int bucket_list_buckets_req_decode(struct slice body, struct arena *arena, struct bucket_list_buckets_req *out)
{
    UNPACK(RpbListBucketsReq, rpb_list_buckets_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_list_buckets_req){.type = protobuf_slice(m->type),
                                            .has_type = m->has_type != 0,
                                            .stream = m->has_stream && m->stream,
                                            .timeout_ms = m->has_timeout ? m->timeout : 0};
    return 0;
}

int bucket_list_keys_req_decode(struct slice body, struct arena *arena, struct bucket_list_keys_req *out)
{
    UNPACK(RpbListKeysReq, rpb_list_keys_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_list_keys_req){.bucket = protobuf_slice(m->bucket),
                                         .type = protobuf_slice(m->type),
                                         .has_type = m->has_type != 0,
                                         .timeout_ms = m->has_timeout ? m->timeout : 0};
    return 0;
}

int bucket_preflist_req_decode(struct slice body, struct arena *arena, struct bucket_preflist_req *out)
{
    UNPACK(RpbGetBucketKeyPreflistReq, rpb_get_bucket_key_preflist_req, body, arena);
    if (!m)
        return E_MALFORMED;
    *out = (struct bucket_preflist_req){.bucket = protobuf_slice(m->bucket),
                                        .key = protobuf_slice(m->key),
                                        .type = protobuf_slice(m->type),
                                        .has_type = m->has_type != 0};
    return 0;
}

int bucket_preflist_item_encode(struct buf *out, uint32_t partition, struct slice node)
{
    RpbBucketKeyPreflistItem item = RPB_BUCKET_KEY_PREFLIST_ITEM__INIT, *items[] = {&item};
    RpbGetBucketKeyPreflistResp m = RPB_GET_BUCKET_KEY_PREFLIST_RESP__INIT;
    item.partition = partition;
    item.node = protobuf_bytes(node);
    item.primary = 1;
    m.n_preflist = 1;
    m.preflist = items;
    return protobuf_pack(&m.base, out); /* messages add up: those of one after the other are one with all of them */
}

/* Names in an array of slices: written in place, protobuf-c would want them copied into its own array. */
int bucket_list_resp_encode(struct buf *out, const struct slice *names, size_t count, bool done)
{
    size_t size = done ? 2 : 0;
    uint8_t *p;
    for (size_t i = 0; i < count; i++)
        size += pb_bytes_size(names[i].len);
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        p = pb_put_bytes(p, 1, names[i]);
    if (done)
        pb_put_uint(p, 2, 1);
    buf_commit(out, size);
    return 0;
}

/* --- the client's direction --- */

int bucket_get_req_encode(struct buf *out, const struct bucket_req *req)
{
    RpbGetBucketReq m = RPB_GET_BUCKET_REQ__INIT;
    m.bucket = protobuf_bytes(req->bucket);
    m.has_type = req->has_type;
    m.type = protobuf_bytes(req->type);
    return protobuf_pack(&m.base, out);
}

int bucket_set_req_encode(struct buf *out, const struct bucket_req *req)
{
    struct props_parts parts;
    RpbSetBucketReq m = RPB_SET_BUCKET_REQ__INIT;
    give_props(&req->props, &parts);
    m.bucket = protobuf_bytes(req->bucket);
    m.has_type = req->has_type;
    m.type = protobuf_bytes(req->type);
    m.props = &parts.props;
    return protobuf_pack(&m.base, out);
}

int bucket_get_type_req_encode(struct buf *out, const struct bucket_req *req)
{
    RpbGetBucketTypeReq m = RPB_GET_BUCKET_TYPE_REQ__INIT;
    m.type = protobuf_bytes(req->type);
    return protobuf_pack(&m.base, out);
}

int bucket_set_type_req_encode(struct buf *out, const struct bucket_req *req)
{
    struct props_parts parts;
    RpbSetBucketTypeReq m = RPB_SET_BUCKET_TYPE_REQ__INIT;
    give_props(&req->props, &parts);
    m.type = protobuf_bytes(req->type);
    m.props = &parts.props;
    return protobuf_pack(&m.base, out);
}

int bucket_get_resp_decode(struct slice body, struct arena *arena, struct bucket_props *out)
{
    UNPACK(RpbGetBucketResp, rpb_get_bucket_resp, body, arena);
    return m ? take_props(m->props, arena, out) : E_MALFORMED;
}

int bucket_list_buckets_req_encode(struct buf *out, const struct bucket_list_buckets_req *req)
{
    RpbListBucketsReq m = RPB_LIST_BUCKETS_REQ__INIT;
    m.has_timeout = req->timeout_ms != 0;
    m.timeout = req->timeout_ms;
    m.has_stream = m.stream = req->stream;
    m.has_type = req->has_type;
    m.type = protobuf_bytes(req->type);
    return protobuf_pack(&m.base, out);
}

int bucket_list_keys_req_encode(struct buf *out, const struct bucket_list_keys_req *req)
{
    RpbListKeysReq m = RPB_LIST_KEYS_REQ__INIT;
    m.bucket = protobuf_bytes(req->bucket);
    m.has_timeout = req->timeout_ms != 0;
    m.timeout = req->timeout_ms;
    m.has_type = req->has_type;
    m.type = protobuf_bytes(req->type);
    return protobuf_pack(&m.base, out);
}

int bucket_list_resp_next(struct slice *rest, struct slice *name, bool *done)
{
    struct pb_reader r = pb_reader_of(*rest);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        *rest = slice_make(r.p, (size_t)(r.end - r.p));
        if (f.number == 2 && f.wire == PB_VARINT)
            *done = f.value != 0;
        if (f.number != 1)
            continue;
        *name = f.bytes;
        return f.wire == PB_BYTES ? 1 : E_MALFORMED;
    }
    return more;
}
