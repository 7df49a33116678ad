/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path's own decoders against protobuf-c: random messages are encoded by one and read by the other. */
#include "base/rng.h"
#include "store/props.h"
#include "support.h"
#include "base/err.h"
#include "wire/frame.h"
#include "wire/kv_msg.h"

#include <riak.pb-c.h>
#include <stdlib.h>

#define ROUNDS 3000

static uint8_t pool[4096];

static ProtobufCBinaryData random_bytes(struct rng *r)
{
    static const size_t sizes[] = {0, 1, 3, 127, 128, 300, 2000};
    size_t len = sizes[rng_below(r, sizeof sizes / sizeof sizes[0])];
    return (ProtobufCBinaryData){len, pool + rng_below(r, sizeof pool - len)};
}

static uint32_t random_quorum(struct rng *r)
{
    static const uint32_t values[] = {0, 1, 2, 127, 128, 300, QUORUM_ONE, QUORUM_QUORUM, QUORUM_ALL, QUORUM_DEFAULT};
    return values[rng_below(r, sizeof values / sizeof values[0])];
}

static bool coin(struct rng *r)
{
    return rng_below(r, 2) == 0;
}

static struct slice slice_of(ProtobufCBinaryData b)
{
    return slice_make(b.data, b.len);
}

static void fill_pool(struct rng *r)
{
    rng_fill(r, pool, sizeof pool);
}

static struct slice pack(const ProtobufCMessage *m)
{
    static uint8_t out[1 << 16];
    return slice_make(out, protobuf_c_message_pack(m, out));
}

static void test_get_req_read(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 1);
    fill_pool(&r);
    for (int i = 0; i < ROUNDS; i++) {
        RpbGetReq m = RPB_GET_REQ__INIT;
        struct kv_get_req got;
        m.bucket = random_bytes(&r);
        m.key = random_bytes(&r);
        m.has_r = coin(&r);
        m.r = random_quorum(&r);
        m.has_pr = coin(&r);
        m.pr = random_quorum(&r);
        m.has_notfound_ok = coin(&r);
        m.notfound_ok = coin(&r);
        m.has_if_modified = coin(&r);
        m.if_modified = random_bytes(&r);
        m.has_head = coin(&r);
        m.head = coin(&r);
        m.has_deletedvclock = coin(&r);
        m.deletedvclock = coin(&r);
        m.has_timeout = coin(&r);
        m.timeout = (uint32_t)rng_next(&r);
        m.has_sloppy_quorum = coin(&r);
        m.has_n_val = coin(&r);
        m.n_val = (uint32_t)rng_below(&r, 10);
        m.has_type = coin(&r);
        m.type = random_bytes(&r);
        assert_int_equal(kv_get_req_decode(pack(&m.base), &got), 0);
        assert_slice_equal(got.bucket, slice_of(m.bucket));
        assert_slice_equal(got.key, slice_of(m.key));
        assert_int_equal(got.r, m.has_r ? m.r : QUORUM_DEFAULT);
        assert_int_equal(got.pr, m.has_pr ? m.pr : QUORUM_DEFAULT);
        assert_int_equal(got.notfound_ok, m.has_notfound_ok ? m.notfound_ok : true);
        assert_int_equal(got.has_if_modified, m.has_if_modified);
        if (m.has_if_modified)
            assert_slice_equal(got.if_modified, slice_of(m.if_modified));
        assert_int_equal(got.head, m.has_head && m.head);
        assert_int_equal(got.deletedvclock, m.has_deletedvclock && m.deletedvclock);
        assert_int_equal(got.timeout_ms, m.has_timeout ? m.timeout : 0);
        assert_int_equal(got.has_n_val, m.has_n_val);
        assert_int_equal(got.has_type, m.has_type);
    }
}

struct content_parts {
    RpbContent content;
    RpbPair meta[3], index[2];
    RpbLink link[2];
    RpbPair *metas[3], *indexes[2];
    RpbLink *links[2];
};

static void random_content(struct rng *r, struct content_parts *p)
{
    rpb_content__init(&p->content);
    p->content.value = random_bytes(r);
    p->content.has_content_type = coin(r);
    p->content.content_type = random_bytes(r);
    p->content.has_charset = coin(r);
    p->content.charset = random_bytes(r);
    p->content.has_vtag = coin(r);
    p->content.vtag = random_bytes(r);
    p->content.has_last_mod = coin(r);
    p->content.last_mod = (uint32_t)rng_next(r);
    p->content.has_deleted = coin(r);
    p->content.deleted = coin(r);
    p->content.n_usermeta = rng_below(r, 4);
    p->content.n_indexes = rng_below(r, 3);
    p->content.n_links = rng_below(r, 3);
    p->content.usermeta = p->metas;
    p->content.indexes = p->indexes;
    p->content.links = p->links;
    for (size_t i = 0; i < 3; i++) {
        rpb_pair__init(&p->meta[i]);
        p->meta[i].key = random_bytes(r);
        p->meta[i].has_value = coin(r);
        p->meta[i].value = random_bytes(r);
        p->metas[i] = &p->meta[i];
    }
    for (size_t i = 0; i < 2; i++) {
        rpb_pair__init(&p->index[i]);
        p->index[i].key = random_bytes(r);
        p->index[i].has_value = 1;
        p->index[i].value = random_bytes(r);
        p->indexes[i] = &p->index[i];
        rpb_link__init(&p->link[i]);
        p->link[i].has_bucket = p->link[i].has_key = p->link[i].has_tag = 1;
        p->link[i].bucket = random_bytes(r);
        p->link[i].key = random_bytes(r);
        p->link[i].tag = random_bytes(r);
        p->links[i] = &p->link[i];
    }
}

static void check_items(const struct kv_content *got, const RpbContent *m)
{
    struct slice rest = got->raw;
    struct kv_item item;
    size_t metas = 0, indexes = 0, links = 0;
    while (kv_content_next(&rest, &item) > 0) {
        if (item.kind == KV_USERMETA) {
            const RpbPair *p = m->usermeta[metas++];
            assert_slice_equal(item.key, slice_of(p->key));
            assert_int_equal(item.has_value, p->has_value);
        } else if (item.kind == KV_INDEX) {
            const RpbPair *p = m->indexes[indexes++];
            assert_slice_equal(item.value, slice_of(p->value));
        } else {
            const RpbLink *l = m->links[links++];
            assert_slice_equal(item.key, slice_of(l->bucket));
            assert_slice_equal(item.tag, slice_of(l->tag));
        }
    }
    assert_int_equal(metas, m->n_usermeta);
    assert_int_equal(indexes, m->n_indexes);
    assert_int_equal(links, m->n_links);
}

static void test_put_req_read(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 2);
    fill_pool(&r);
    for (int i = 0; i < ROUNDS; i++) {
        RpbPutReq m = RPB_PUT_REQ__INIT;
        struct content_parts parts;
        struct kv_put_req got;
        random_content(&r, &parts);
        m.bucket = random_bytes(&r);
        m.has_key = coin(&r);
        m.key = random_bytes(&r);
        m.has_vclock = coin(&r);
        m.vclock = random_bytes(&r);
        m.content = &parts.content;
        m.has_w = coin(&r);
        m.w = random_quorum(&r);
        m.has_return_body = coin(&r);
        m.return_body = coin(&r);
        m.has_if_none_match = coin(&r);
        m.if_none_match = coin(&r);
        m.has_type = coin(&r);
        m.type = random_bytes(&r);
        m.has_node_confirms = coin(&r);
        m.node_confirms = (uint32_t)rng_below(&r, 5);
        assert_int_equal(kv_put_req_decode(pack(&m.base), &got), 0);
        assert_int_equal(got.has_key, m.has_key);
        assert_int_equal(got.vclock.len, m.has_vclock ? m.vclock.len : 0);
        assert_int_equal(got.w, m.has_w ? m.w : QUORUM_DEFAULT);
        assert_int_equal(got.return_body, m.has_return_body && m.return_body);
        assert_int_equal(got.if_none_match, m.has_if_none_match && m.if_none_match);
        assert_int_equal(got.node_confirms, m.has_node_confirms ? m.node_confirms : 0);
        assert_true(got.has_content);
        assert_slice_equal(got.content.value, slice_of(parts.content.value));
        assert_int_equal(got.content.has_content_type, parts.content.has_content_type);
        assert_int_equal(got.content.deleted, parts.content.has_deleted && parts.content.deleted);
        assert_int_equal(got.content.has_lists,
                         parts.content.n_links + parts.content.n_usermeta + parts.content.n_indexes > 0);
        check_items(&got.content, &parts.content);
    }
}

/* What we write is what protobuf-c reads. */
static void test_requests_written(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 3);
    fill_pool(&r);
    for (int i = 0; i < ROUNDS; i++) {
        struct kv_put_req req = {.bucket = slice_of(random_bytes(&r)),
                                 .key = slice_of(random_bytes(&r)),
                                 .type = slice_of(random_bytes(&r)),
                                 .vclock = slice_of(random_bytes(&r)),
                                 .content.value = slice_of(random_bytes(&r)),
                                 .w = random_quorum(&r),
                                 .dw = QUORUM_DEFAULT,
                                 .pw = QUORUM_DEFAULT,
                                 .has_key = coin(&r),
                                 .has_type = coin(&r),
                                 .return_head = coin(&r)};
        struct buf out, meta;
        struct frame f = {0};
        buf_init(&out, 1 << 20);
        buf_init(&meta, 1 << 20);
        assert_int_equal(kv_meta_put_text(&meta, 2, slice_str("text/plain")), 0);
        assert_int_equal(kv_put_req_encode(&out, &req, buf_slice(&meta)), 0);
        struct slice in = buf_slice(&out);
        assert_int_equal(frame_take(&in, 1 << 20, &f), 1);
        assert_int_equal(in.len, 0);
        RpbPutReq *m = rpb_put_req__unpack(NULL, f.body.len, f.body.data);
        assert_non_null(m);
        assert_slice_equal(slice_of(m->bucket), req.bucket);
        assert_int_equal(m->has_key, req.has_key);
        assert_int_equal(m->has_w ? m->w : QUORUM_DEFAULT, req.w);
        assert_int_equal(m->has_type, req.has_type);
        if (req.has_type)
            assert_slice_equal(slice_of(m->type), req.type);
        assert_slice_equal(slice_of(m->content->value), req.content.value);
        assert_slice_is(slice_of(m->content->content_type), "text/plain");
        rpb_put_req__free_unpacked(m, NULL);
        buf_fini(&out);
        buf_fini(&meta);
    }
}

static void test_response_written(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 4);
    fill_pool(&r);
    for (int i = 0; i < ROUNDS; i++) {
        struct kv_sibling s[3];
        size_t count = rng_below(&r, 4), size = 0;
        struct slice vclock = slice_of(random_bytes(&r)), key = slice_of(random_bytes(&r));
        struct buf out, meta;
        struct frame f = {0};
        buf_init(&out, 1 << 20);
        buf_init(&meta, 1 << 20);
        assert_int_equal(kv_meta_put_text(&meta, 3, slice_str("utf-8")), 0);
        for (size_t j = 0; j < count; j++) {
            s[j] = (struct kv_sibling){.value = slice_of(random_bytes(&r)),
                                       .meta = coin(&r) ? buf_slice(&meta) : slice_make(NULL, 0),
                                       .last_mod_ms = rng_below(&r, UINT64_C(4000000000000)),
                                       .deleted = coin(&r)};
            kv_vtag(rng_next(&r), rng_next(&r), s[j].vtag);
            size += kv_sibling_size(&s[j]);
        }
        assert_int_equal(kv_resp_begin(&out, MSG_PUT_RESP, kv_resp_size(size, vclock, key)), 0);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(kv_sibling_put_head(&out, &s[j]), 0);
            assert_int_equal(buf_append_slice(&out, s[j].value), 0);
        }
        assert_int_equal(kv_resp_end(&out, vclock, key), 0);
        struct slice in = buf_slice(&out);
        assert_int_equal(frame_take(&in, 1 << 20, &f), 1);
        assert_int_equal(in.len, 0); /* the size that was announced is the size that was written */
        RpbPutResp *m = rpb_put_resp__unpack(NULL, f.body.len, f.body.data);
        assert_non_null(m);
        assert_int_equal(m->n_content, count);
        assert_int_equal(m->has_vclock, vclock.len > 0);
        assert_int_equal(m->has_key, key.len > 0);
        for (size_t j = 0; j < count; j++) {
            assert_slice_equal(slice_of(m->content[j]->value), s[j].value);
            assert_int_equal(m->content[j]->has_charset, s[j].meta.len > 0);
            assert_int_equal(m->content[j]->vtag.len, KV_VTAG_SIZE);
            assert_int_equal(m->content[j]->last_mod, (uint32_t)(s[j].last_mod_ms / 1000));
            assert_int_equal(m->content[j]->last_mod_usecs, s[j].last_mod_ms % 1000 * 1000);
            assert_int_equal(m->content[j]->has_deleted, s[j].deleted);
        }
        rpb_put_resp__free_unpacked(m, NULL);
        buf_fini(&out);
        buf_fini(&meta);
    }
}

/* Bytes changed at random: what protobuf-c refuses as malformed we need not refuse alike (it checks required fields),
 * but what we accept is inside the input. */
static void test_damaged_requests(void **state)
{
    struct rng r;
    (void)state;
    rng_seed(&r, 5);
    fill_pool(&r);
    for (int i = 0; i < 20 * ROUNDS; i++) {
        RpbPutReq m = RPB_PUT_REQ__INIT;
        struct content_parts parts;
        struct kv_put_req got;
        random_content(&r, &parts);
        m.bucket = random_bytes(&r);
        m.content = &parts.content;
        struct slice s = pack(&m.base);
        uint8_t *copy = malloc(s.len + 1);
        memcpy(copy, s.data, s.len);
        size_t len = coin(&r) ? rng_below(&r, s.len + 1) : s.len;
        if (len && coin(&r))
            copy[rng_below(&r, len < 40 ? len : 40)] ^= (uint8_t)(1u << rng_below(&r, 8));
        uint8_t *exact = malloc(len ? len : 1); /* so that the sanitizer sees one byte too far */
        memcpy(exact, copy, len);
        if (kv_put_req_decode(slice_make(exact, len), &got) == 0 && got.content.value.len) {
            assert_true(got.content.value.data >= exact &&
                        got.content.value.data + got.content.value.len <= exact + len);
            struct slice rest = got.content.raw;
            struct kv_item item;
            while (got.has_content && kv_content_next(&rest, &item) > 0)
                assert_true(item.key.len <= len);
        }
        free(exact);
        free(copy);
    }
}

static void test_content_twice_is_malformed(void **state)
{
    static const uint8_t twice[] = {0x0a, 1, 'b', 0x22, 2, 0x0a, 0, 0x22, 2, 0x0a, 0};
    struct kv_put_req got;
    (void)state;
    assert_int_equal(kv_put_req_decode(slice_make(twice, sizeof twice - 4), &got), 0);
    assert_int_equal(kv_put_req_decode(slice_make(twice, sizeof twice), &got), E_MALFORMED);
}

/* A vtag is 128 bits as two numbers of 11 digits, the highest first. */
static void a_vtag_is_in_base_62(void **state)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char vtag[KV_VTAG_SIZE];
    struct rng r;
    (void)state;
    kv_vtag(0, 61, vtag);
    assert_memory_equal(vtag, "0000000000000000000000", 21);
    assert_int_equal(vtag[21], 'z');
    rng_seed(&r, 62);
    for (int i = 0; i < 1000; i++) {
        uint64_t half[2] = {i ? rng_next(&r) : UINT64_MAX, rng_next(&r) >> i % 64};
        kv_vtag(half[0], half[1], vtag);
        for (int at = KV_VTAG_SIZE - 1; at >= 0; at--) {
            uint64_t *value = &half[at / (KV_VTAG_SIZE / 2)];
            assert_int_equal(vtag[at], digits[*value % 62]);
            *value /= 62;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vtag_is_in_base_62),
        cmocka_unit_test(test_get_req_read),
        cmocka_unit_test(test_put_req_read),
        cmocka_unit_test(test_requests_written),
        cmocka_unit_test(test_response_written),
        cmocka_unit_test(test_damaged_requests),
        cmocka_unit_test(test_content_twice_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
