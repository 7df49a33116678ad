/* SPDX-License-Identifier: Apache-2.0 */
/* RpbGetReq, RpbPutReq and RpbDelReq: every input is given to all three decoders. What decodes is written again and
 * decodes to the same; what protobuf-c decodes, ours decodes, to the same. */
#include "fuzz.h"
#include "oracle.h"
#include "store/props.h"
#include "wire/frame.h"
#include "wire/kv_msg.h"

#include <riak.pb-c.h>

/* Takes the one frame that an encoder wrote. */
static struct slice body_of(const struct buf *out)
{
    struct slice in = buf_slice(out);
    struct frame f;
    ASSERT(frame_take(&in, UINT32_MAX, &f) == 1 && in.len == 0);
    return f.body;
}

/* --- get --- */

static void same_get(const struct kv_get_req *a, const struct kv_get_req *b)
{
    ASSERT(slice_eq(a->bucket, b->bucket) && slice_eq(a->key, b->key));
    ASSERT(a->has_type == b->has_type && slice_eq(a->type, b->type));
    ASSERT(a->has_if_modified == b->has_if_modified && slice_eq(a->if_modified, b->if_modified));
    ASSERT(a->r == b->r && a->pr == b->pr && a->timeout_ms == b->timeout_ms && a->node_confirms == b->node_confirms);
    ASSERT(a->has_n_val == b->has_n_val && a->n_val == b->n_val);
    ASSERT(a->basic_quorum == b->basic_quorum && a->notfound_ok == b->notfound_ok);
    ASSERT(a->head == b->head && a->deletedvclock == b->deletedvclock);
}

static void get_of(const RpbGetReq *m, struct kv_get_req *out)
{
    *out = (struct kv_get_req){.bucket = protobuf_slice(m->bucket),
                               .key = protobuf_slice(m->key),
                               .type = protobuf_slice(m->type),
                               .if_modified = protobuf_slice(m->if_modified),
                               .r = m->has_r ? m->r : QUORUM_DEFAULT,
                               .pr = m->has_pr ? m->pr : QUORUM_DEFAULT,
                               .timeout_ms = m->timeout,
                               .n_val = m->n_val,
                               .node_confirms = m->node_confirms,
                               .has_type = m->has_type,
                               .has_if_modified = m->has_if_modified,
                               .has_n_val = m->has_n_val,
                               .basic_quorum = m->basic_quorum,
                               .notfound_ok = m->has_notfound_ok ? m->notfound_ok != 0 : true,
                               .head = m->head,
                               .deletedvclock = m->deletedvclock};
}

static void compare_get(struct slice body, const struct kv_get_req *ours)
{
    struct arena arena;
    struct kv_get_req want, got;
    arena_init(&arena, ORACLE_ARENA);
    const ProtobufCMessage *m = protobuf_unpack(&rpb_get_req__descriptor, &arena, body);
    if (m) {
        get_of((const RpbGetReq *)(const void *)m, &want);
        if (ours)
            same_get(ours, &want);
        ASSERT(kv_get_req_decode(oracle_pack(m, &arena), &got) == 0);
        ASSERT(got.has_bucket && got.has_key);
        same_get(&got, &want);
    }
    arena_fini(&arena);
}

static void fuzz_get(struct slice body)
{
    struct kv_get_req req, again;
    struct buf out;
    if (kv_get_req_decode(body, &req)) {
        compare_get(body, NULL);
        return;
    }
    ASSERT(fuzz_inside(req.bucket, body) && fuzz_inside(req.key, body) && fuzz_inside(req.type, body));
    compare_get(body, &req);
    buf_init(&out, SIZE_MAX / 2);
    ASSERT(kv_get_req_encode(&out, &req) == 0);
    ASSERT(kv_get_req_decode(body_of(&out), &again) == 0);
    same_get(&req, &again);
    compare_get(body_of(&out), &again);
    buf_fini(&out);
}

/* --- delete --- */

static void same_del(const struct kv_del_req *a, const struct kv_del_req *b)
{
    ASSERT(slice_eq(a->bucket, b->bucket) && slice_eq(a->key, b->key) && slice_eq(a->vclock, b->vclock));
    ASSERT(a->has_type == b->has_type && slice_eq(a->type, b->type));
    ASSERT(a->rw == b->rw && a->r == b->r && a->w == b->w && a->pr == b->pr && a->pw == b->pw && a->dw == b->dw);
    ASSERT(a->timeout_ms == b->timeout_ms && a->has_n_val == b->has_n_val && a->n_val == b->n_val);
}

static uint32_t quorum(protobuf_c_boolean has, uint32_t value)
{
    return has ? value : QUORUM_DEFAULT;
}

static void del_of(const RpbDelReq *m, struct kv_del_req *out)
{
    *out = (struct kv_del_req){.bucket = protobuf_slice(m->bucket),
                               .key = protobuf_slice(m->key),
                               .type = protobuf_slice(m->type),
                               .vclock = protobuf_slice(m->vclock),
                               .rw = quorum(m->has_rw, m->rw),
                               .r = quorum(m->has_r, m->r),
                               .w = quorum(m->has_w, m->w),
                               .pr = quorum(m->has_pr, m->pr),
                               .pw = quorum(m->has_pw, m->pw),
                               .dw = quorum(m->has_dw, m->dw),
                               .timeout_ms = m->timeout,
                               .n_val = m->n_val,
                               .has_type = m->has_type,
                               .has_n_val = m->has_n_val};
}

static void compare_del(struct slice body, const struct kv_del_req *ours)
{
    struct arena arena;
    struct kv_del_req want, got;
    arena_init(&arena, ORACLE_ARENA);
    const ProtobufCMessage *m = protobuf_unpack(&rpb_del_req__descriptor, &arena, body);
    if (m) {
        del_of((const RpbDelReq *)(const void *)m, &want);
        if (ours)
            same_del(ours, &want);
        ASSERT(kv_del_req_decode(oracle_pack(m, &arena), &got) == 0);
        same_del(&got, &want);
    }
    arena_fini(&arena);
}

static void fuzz_del(struct slice body)
{
    struct kv_del_req req, again;
    struct buf out;
    if (kv_del_req_decode(body, &req)) {
        compare_del(body, NULL);
        return;
    }
    ASSERT(fuzz_inside(req.bucket, body) && fuzz_inside(req.key, body) && fuzz_inside(req.vclock, body));
    compare_del(body, &req);
    buf_init(&out, SIZE_MAX / 2);
    ASSERT(kv_del_req_encode(&out, &req) == 0);
    ASSERT(kv_del_req_decode(body_of(&out), &again) == 0);
    same_del(&req, &again);
    compare_del(body_of(&out), &again);
    buf_fini(&out);
}

/* --- put --- */

static void same_content(const struct kv_content *a, const struct kv_content *b)
{
    ASSERT(slice_eq(a->value, b->value));
    ASSERT(a->has_content_type == b->has_content_type && slice_eq(a->content_type, b->content_type));
    ASSERT(a->has_charset == b->has_charset && slice_eq(a->charset, b->charset));
    ASSERT(a->has_content_encoding == b->has_content_encoding && slice_eq(a->content_encoding, b->content_encoding));
    ASSERT(a->has_lists == b->has_lists);
}

static void same_item(const struct kv_item *a, const struct kv_item *b)
{
    ASSERT(a->kind == b->kind && slice_eq(a->key, b->key) && slice_eq(a->value, b->value) && slice_eq(a->tag, b->tag));
}

static void same_items(const struct kv_content *a, const struct kv_content *b)
{
    struct slice rest_a = a->raw, rest_b = b->raw;
    struct kv_item item_a, item_b;
    for (;;) {
        int more_a = kv_content_next(&rest_a, &item_a), more_b = kv_content_next(&rest_b, &item_b);
        ASSERT(more_a == more_b && more_a >= 0); /* what was accepted can be walked */
        if (!more_a)
            return;
        ASSERT(fuzz_inside(item_a.key, a->raw) && fuzz_inside(item_a.value, a->raw) && fuzz_inside(item_a.tag, a->raw));
        same_item(&item_a, &item_b);
    }
}

static void same_put(const struct kv_put_req *a, const struct kv_put_req *b)
{
    ASSERT(slice_eq(a->bucket, b->bucket) && slice_eq(a->vclock, b->vclock));
    ASSERT(a->has_key == b->has_key && slice_eq(a->key, b->key));
    ASSERT(a->has_type == b->has_type && slice_eq(a->type, b->type));
    ASSERT(a->w == b->w && a->dw == b->dw && a->pw == b->pw && a->timeout_ms == b->timeout_ms);
    ASSERT(a->node_confirms == b->node_confirms && a->has_n_val == b->has_n_val && a->n_val == b->n_val);
    ASSERT(a->return_body == b->return_body && a->return_head == b->return_head && a->asis == b->asis);
    ASSERT(a->if_not_modified == b->if_not_modified && a->if_none_match == b->if_none_match);
    same_content(&a->content, &b->content);
}

static void put_of(const RpbPutReq *m, struct kv_put_req *out)
{
    const RpbContent *c = m->content;
    *out = (struct kv_put_req){.bucket = protobuf_slice(m->bucket),
                               .key = protobuf_slice(m->key),
                               .type = protobuf_slice(m->type),
                               .vclock = protobuf_slice(m->vclock),
                               .w = quorum(m->has_w, m->w),
                               .dw = quorum(m->has_dw, m->dw),
                               .pw = quorum(m->has_pw, m->pw),
                               .timeout_ms = m->timeout,
                               .n_val = m->n_val,
                               .node_confirms = m->node_confirms,
                               .has_key = m->has_key,
                               .has_type = m->has_type,
                               .has_n_val = m->has_n_val,
                               .return_body = m->return_body,
                               .return_head = m->return_head,
                               .if_not_modified = m->if_not_modified,
                               .if_none_match = m->if_none_match,
                               .asis = m->asis};
    out->content = (struct kv_content){.value = protobuf_slice(c->value),
                                       .content_type = protobuf_slice(c->content_type),
                                       .charset = protobuf_slice(c->charset),
                                       .content_encoding = protobuf_slice(c->content_encoding),
                                       .has_content_type = c->has_content_type,
                                       .has_charset = c->has_charset,
                                       .has_content_encoding = c->has_content_encoding,
                                       .has_lists = c->n_links + c->n_usermeta + c->n_indexes > 0,
                                       .deleted = c->deleted};
}

static void same_pair(const struct kv_item *item, const RpbPair *p)
{
    ASSERT(slice_eq(item->key, protobuf_slice(p->key)) && slice_eq(item->value, protobuf_slice(p->value)));
    ASSERT(item->has_value == p->has_value);
}

static void compare_items(const struct kv_content *ours, const RpbContent *c)
{
    struct slice rest = ours->raw;
    struct kv_item item;
    size_t links = 0, metas = 0, indexes = 0;
    while (kv_content_next(&rest, &item) > 0) {
        if (item.kind == KV_USERMETA) {
            ASSERT(metas < c->n_usermeta);
            same_pair(&item, c->usermeta[metas++]);
        } else if (item.kind == KV_INDEX) {
            ASSERT(indexes < c->n_indexes);
            same_pair(&item, c->indexes[indexes++]);
        } else {
            ASSERT(links < c->n_links);
            const RpbLink *l = c->links[links++];
            ASSERT(slice_eq(item.key, protobuf_slice(l->bucket)) && slice_eq(item.value, protobuf_slice(l->key)));
            ASSERT(slice_eq(item.tag, protobuf_slice(l->tag)));
        }
    }
    ASSERT(links == c->n_links && metas == c->n_usermeta && indexes == c->n_indexes);
}

static void compare_put(struct slice body, const struct kv_put_req *ours)
{
    struct arena arena;
    struct kv_put_req want, got;
    arena_init(&arena, ORACLE_ARENA);
    const ProtobufCMessage *m = protobuf_unpack(&rpb_put_req__descriptor, &arena, body);
    if (m) {
        const RpbContent *c = ((const RpbPutReq *)(const void *)m)->content;
        put_of((const RpbPutReq *)(const void *)m, &want);
        if (ours) {
            same_put(ours, &want);
            ASSERT(ours->content.deleted == want.content.deleted);
            compare_items(&ours->content, c);
        }
        ASSERT(kv_put_req_decode(oracle_pack(m, &arena), &got) == 0);
        same_put(&got, &want);
        ASSERT(got.content.deleted == want.content.deleted);
        compare_items(&got.content, c);
    }
    arena_fini(&arena);
}

/* The content's metadata, as a client gives it and as a store keeps it. */
static void put_meta(const struct kv_content *c, struct buf *meta)
{
    struct slice rest = c->raw;
    struct kv_item item;
    int more;
    if (c->has_content_type)
        ASSERT(kv_meta_put_text(meta, 2, c->content_type) == 0);
    if (c->has_charset)
        ASSERT(kv_meta_put_text(meta, 3, c->charset) == 0);
    if (c->has_content_encoding)
        ASSERT(kv_meta_put_text(meta, 4, c->content_encoding) == 0);
    while ((more = kv_content_next(&rest, &item)) > 0)
        ASSERT(kv_meta_put_item(meta, &item) == 0);
    ASSERT(more == 0);
}

static void fuzz_put(struct slice body)
{
    struct kv_put_req req, again;
    struct buf out, meta;
    if (kv_put_req_decode(body, &req)) {
        compare_put(body, NULL);
        return;
    }
    ASSERT(fuzz_inside(req.content.raw, body) && fuzz_inside(req.content.value, req.content.raw));
    compare_put(body, &req);
    buf_init(&out, SIZE_MAX / 2);
    buf_init(&meta, SIZE_MAX / 2);
    put_meta(&req.content, &meta);
    ASSERT(kv_put_req_encode(&out, &req, buf_slice(&meta)) == 0);
    ASSERT(kv_put_req_decode(body_of(&out), &again) == 0);
    same_put(&req, &again);
    same_items(&req.content, &again.content);
    compare_put(body_of(&out), &again);
    buf_fini(&out);
    buf_fini(&meta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    fuzz_get(body);
    fuzz_put(body);
    fuzz_del(body);
    return 0;
}
