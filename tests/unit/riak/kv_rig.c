/* SPDX-License-Identifier: Apache-2.0 */
#include "kv_rig.h"

#include <stdlib.h>
#include "store/props.h"
#include "support.h"
#include "wire/bucket_msg.h"

int kv_rig_setup(void **state)
{
    struct kv_rig *r = calloc(1, sizeof *r);
    fake_node_init(&r->node);
    fake_conn_open_ready(&r->conn, &r->node);
    buf_init(&r->request, SIZE_MAX / 2);
    *state = r;
    return 0;
}

int kv_rig_teardown(void **state)
{
    struct kv_rig *r = *state;
    fake_conn_close(&r->conn);
    assert_int_equal(r->node.server.small.used, 0);
    assert_int_equal(r->node.server.large.used, 0); /* every byte of the budget came back */
    fake_node_fini(&r->node);
    buf_fini(&r->request);
    free(r);
    return 0;
}

struct kv_put_req kv_put_of(const char *key, const char *value)
{
    return (struct kv_put_req){.bucket = slice_str("b"),
                               .key = slice_str(key),
                               .has_key = true,
                               .content = {.value = slice_str(value)},
                               .w = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT};
}

struct kv_get_req kv_get_of(const char *key)
{
    return (struct kv_get_req){.bucket = slice_str("b"),
                               .key = slice_str(key),
                               .r = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .notfound_ok = true};
}

struct kv_del_req kv_del_of(const char *key)
{
    return (struct kv_del_req){.bucket = slice_str("b"),
                               .key = slice_str(key),
                               .rw = QUORUM_DEFAULT,
                               .r = QUORUM_DEFAULT,
                               .w = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT};
}

void kv_rig_send(struct kv_rig *r)
{
    fake_conn_give(&r->conn, buf_slice(&r->request));
    buf_consume(&r->request, buf_len(&r->request));
}

void kv_rig_send_put_meta(struct kv_rig *r, const struct kv_put_req *req, struct slice meta)
{
    assert_int_equal(kv_put_req_encode(&r->request, req, meta), 0);
    kv_rig_send(r);
}

void kv_rig_send_put(struct kv_rig *r, const struct kv_put_req *req)
{
    kv_rig_send_put_meta(r, req, slice_make(NULL, 0));
}

void kv_rig_send_get(struct kv_rig *r, const struct kv_get_req *req)
{
    assert_int_equal(kv_get_req_encode(&r->request, req), 0);
    kv_rig_send(r);
}

void kv_rig_send_del(struct kv_rig *r, const struct kv_del_req *req)
{
    assert_int_equal(kv_del_req_encode(&r->request, req), 0);
    kv_rig_send(r);
}

const struct kv_resp *kv_rig_answer(struct kv_rig *r, uint8_t code)
{
    struct frame f = fake_conn_take(&r->conn);
    assert_int_equal(f.code, code);
    assert_int_equal(kv_resp_decode(f.body, code == MSG_PUT_RESP, &r->resp), 0);
    if (r->resp.vclock.len) {
        assert_int_equal(r->resp.vclock.len, VCLOCK_SIZE);
        memcpy(r->vclock, r->resp.vclock.data, VCLOCK_SIZE);
        r->vclock_len = VCLOCK_SIZE;
    }
    return &r->resp;
}

const struct kv_resp *kv_rig_get(struct kv_rig *r, const char *key)
{
    struct kv_get_req req = kv_get_of(key);
    kv_rig_send_get(r, &req);
    return kv_rig_answer(r, MSG_GET_RESP);
}

void kv_rig_put(struct kv_rig *r, const char *key, const char *value)
{
    struct kv_put_req req = kv_put_of(key, value);
    kv_rig_send_put(r, &req);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

struct slice kv_rig_vclock(const struct kv_rig *r)
{
    return slice_make(r->vclock, r->vclock_len);
}

void kv_rig_set_props(struct kv_rig *r, const struct bucket_props *props)
{
    struct bucket_req req = {.bucket = slice_str("b"), .props = *props};
    size_t mark;
    assert_int_equal(frame_begin(&r->request, MSG_SET_BUCKET_REQ, &mark), 0);
    assert_int_equal(bucket_set_req_encode(&r->request, &req), 0);
    frame_end(&r->request, mark);
    kv_rig_send(r);
}

void kv_rig_allow_mult(struct kv_rig *r)
{
    struct bucket_props p = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true};
    kv_rig_set_props(r, &p);
    fake_conn_expect_empty(&r->conn, MSG_SET_BUCKET_RESP);
}

void kv_rig_put_large(struct fake_conn *c, const char *key, size_t size)
{
    uint8_t *bytes = calloc(1, size);
    struct kv_put_req p = kv_put_of(key, "");
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    p.content.value = slice_make(bytes, size);
    assert_int_equal(kv_put_req_encode(&b, &p, slice_make(NULL, 0)), 0);
    fake_conn_give(c, buf_slice(&b));
    buf_fini(&b);
    free(bytes);
}

/* --- requests whose answers come later --- */

void kv_rig_answer_late(struct kv_rig *r)
{
    assert_true(late_router_answer(&r->node.late));
}

void kv_rig_fail_late(struct kv_rig *r, int err)
{
    assert_true(late_router_fail(&r->node.late, err));
}

void kv_rig_append_frame(struct kv_rig *r, uint8_t code, struct slice body)
{
    size_t mark;
    assert_int_equal(frame_begin(&r->request, code, &mark), 0);
    assert_int_equal(buf_append_slice(&r->request, body), 0);
    frame_end(&r->request, mark);
}

void kv_rig_append_list(struct kv_rig *r, uint32_t timeout_ms)
{
    struct bucket_list_keys_req req = {.bucket = slice_str("b"), .timeout_ms = timeout_ms};
    size_t mark;
    assert_int_equal(frame_begin(&r->request, MSG_LIST_KEYS_REQ, &mark), 0);
    assert_int_equal(bucket_list_keys_req_encode(&r->request, &req), 0);
    frame_end(&r->request, mark);
}

void kv_rig_ping(struct kv_rig *r)
{
    kv_rig_append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    kv_rig_send(r);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
}
