/* SPDX-License-Identifier: Apache-2.0 */
/* RpbGetResp and RpbPutResp as a client reads them: every input is given to both. What decodes is written again by the
 * server's encoder and decodes to the same; what protobuf-c decodes, ours decodes, to the same. */
#include "fuzz.h"
#include "oracle.h"
#include "wire/frame.h"
#include "wire/kv_msg.h"

#include <riak.pb-c.h>

static struct kv_resp resp, again; /* some tens of KB each */

static void same_content(const struct kv_resp_content *ours, const RpbContent *c)
{
    ASSERT(slice_eq(ours->content.value, protobuf_slice(c->value)));
    ASSERT(ours->content.has_content_type == c->has_content_type);
    ASSERT(slice_eq(ours->content.content_type, protobuf_slice(c->content_type)));
    ASSERT(slice_eq(ours->content.charset, protobuf_slice(c->charset)));
    ASSERT(slice_eq(ours->content.content_encoding, protobuf_slice(c->content_encoding)));
    ASSERT(slice_eq(ours->vtag, protobuf_slice(c->vtag)));
    ASSERT(ours->last_mod == c->last_mod && ours->last_mod_usecs == c->last_mod_usecs);
    ASSERT(ours->content.deleted == c->deleted);
    ASSERT(ours->content.has_lists == (c->n_links + c->n_usermeta + c->n_indexes > 0));
}

/* What the two messages have in common, field by field. */
struct theirs {
    RpbContent *const *content;
    size_t count;
    struct slice vclock, key;
    bool unchanged;
};

static void same(const struct kv_resp *ours, const struct theirs *t)
{
    ASSERT(ours->count + ours->more == t->count);
    ASSERT(slice_eq(ours->vclock, t->vclock) && slice_eq(ours->key, t->key) && ours->unchanged == t->unchanged);
    for (size_t i = 0; i < ours->count; i++)
        same_content(&ours->content[i], t->content[i]);
}

static struct theirs theirs_of(const ProtobufCMessage *m, bool is_put)
{
    const RpbPutResp *put = (const RpbPutResp *)(const void *)m;
    const RpbGetResp *get = (const RpbGetResp *)(const void *)m;
    if (is_put)
        return (struct theirs){put->content, put->n_content, protobuf_slice(put->vclock), protobuf_slice(put->key), 0};
    return (struct theirs){get->content, get->n_content, protobuf_slice(get->vclock), {0}, get->unchanged};
}

static void compare(struct slice body, bool is_put, const struct kv_resp *ours)
{
    struct arena arena;
    arena_init(&arena, ORACLE_ARENA);
    const ProtobufCMessage *m =
        protobuf_unpack(is_put ? &rpb_put_resp__descriptor : &rpb_get_resp__descriptor, &arena, body);
    if (m) {
        struct theirs t = theirs_of(m, is_put);
        if (ours)
            same(ours, &t);
        ASSERT(kv_resp_decode(oracle_pack(m, &arena), is_put, &again) == 0);
        same(&again, &t);
    }
    arena_fini(&arena);
}

static void put_meta(const struct kv_content *c, struct buf *meta)
{
    struct slice rest = c->raw;
    struct kv_item item;
    int more;
    buf_consume(meta, buf_len(meta));
    if (c->has_content_type)
        ASSERT(kv_meta_put_text(meta, 2, c->content_type) == 0);
    while ((more = kv_content_next(&rest, &item)) > 0)
        ASSERT(kv_meta_put_item(meta, &item) == 0);
    ASSERT(more == 0);
}

/* A sibling as the server would answer it, to be written and read again. */
static void sibling_of(const struct kv_resp_content *c, struct slice meta, struct kv_sibling *out)
{
    *out = (struct kv_sibling){.value = c->content.value,
                               .meta = meta,
                               .last_mod_ms = (uint64_t)c->last_mod * 1000 + c->last_mod_usecs / 1000 % 1000,
                               .deleted = c->content.deleted};
    kv_vtag(c->last_mod, c->last_mod_usecs, out->vtag);
}

static void check_again(const struct kv_resp_content *c, const struct kv_resp_content *got)
{
    ASSERT(slice_eq(c->content.value, got->content.value) && c->content.deleted == got->content.deleted);
    ASSERT(c->content.has_lists == got->content.has_lists && c->last_mod == got->last_mod);
    ASSERT(got->last_mod_usecs == c->last_mod_usecs / 1000 % 1000 * 1000 && got->vtag.len == KV_VTAG_SIZE);
}

/* The first sibling, written with the vclock and the key. */
static void write_again(const struct kv_resp *r)
{
    struct buf out, meta;
    struct kv_sibling s;
    struct frame f;
    buf_init(&out, SIZE_MAX / 2);
    buf_init(&meta, SIZE_MAX / 2);
    put_meta(&r->content[0].content, &meta);
    sibling_of(&r->content[0], buf_slice(&meta), &s);
    ASSERT(kv_resp_begin(&out, MSG_PUT_RESP, kv_resp_size(kv_sibling_size(&s), r->vclock, r->key)) == 0);
    ASSERT(kv_sibling_put_head(&out, &s) == 0 && buf_append_slice(&out, s.value) == 0);
    ASSERT(kv_resp_end(&out, r->vclock, r->key) == 0);
    struct slice in = buf_slice(&out);
    ASSERT(frame_take(&in, UINT32_MAX, &f) == 1 && in.len == 0);
    ASSERT(kv_resp_decode(f.body, true, &again) == 0);
    ASSERT(again.count == 1 && slice_eq(again.vclock, r->vclock) && slice_eq(again.key, r->key));
    check_again(&r->content[0], &again.content[0]);
    buf_fini(&out);
    buf_fini(&meta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    for (int is_put = 0; is_put < 2; is_put++) {
        int err = kv_resp_decode(body, is_put, &resp);
        ASSERT(resp.count <= KV_RESP_SIBLINGS_MAX);
        compare(body, is_put, err ? NULL : &resp);
        if (!err && resp.count)
            write_again(&resp);
    }
    return 0;
}
