/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "kv_rig.h"
#include "support.h"
#include "wire/bucket_msg.h"

static size_t take_names(struct kv_rig *r, uint8_t code, bool *done)
{
    struct frame f = fake_conn_take(&r->conn);
    struct slice rest = f.body, name;
    size_t n = 0;
    assert_int_equal(f.code, code);
    while (bucket_list_resp_next(&rest, &name, done) > 0)
        n++;
    return n;
}

static void send_list_keys(struct kv_rig *r, const char *bucket)
{
    struct bucket_list_keys_req req = {.bucket = slice_str(bucket)};
    size_t mark;
    assert_int_equal(frame_begin(&r->request, MSG_LIST_KEYS_REQ, &mark), 0);
    assert_int_equal(bucket_list_keys_req_encode(&r->request, &req), 0);
    frame_end(&r->request, mark);
}

static void test_list_keys(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    size_t names = 0;
    struct kv_del_req d = kv_del_of("k7");
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        kv_rig_put(r, key, "v");
    }
    kv_rig_send_del(r, &d);
    fake_conn_expect_empty(&r->conn, MSG_DEL_RESP);
    send_list_keys(r, "b");
    assert_int_equal(frame_put_empty(&r->request, MSG_PING_REQ), 0);
    kv_rig_send(r);
    while (!done) {
        fake_node_wait(&r->node, 1);
        size_t n = take_names(r, MSG_LIST_KEYS_RESP, &done);
        assert_true(!done || n == 0);
        names += n;
    }
    assert_int_equal(names, 4999);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP); /* queued behind the listing */
    send_list_keys(r, "empty");
    kv_rig_send(r);
    done = false;
    fake_node_wait(&r->node, 1);
    assert_int_equal(take_names(r, MSG_LIST_KEYS_RESP, &done), 0);
    assert_true(done);
}

static void test_list_ends_with_its_connection(void **state)
{
    struct kv_rig *r = *state;
    for (int i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        kv_rig_put(r, key, "v");
    }
    send_list_keys(r, "b");
    kv_rig_send(r);
    assert_true(r->conn.paused || !fake_conn_silent(&r->conn));
}

static void test_list_buckets(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    for (int i = 0; i < 300; i++) {
        char bucket[16];
        struct kv_put_req p = kv_put_of("k", "v");
        snprintf(bucket, sizeof bucket, "b%d", i % 100);
        p.bucket = slice_str(bucket);
        p.has_key = i >= 100; /* and generated keys elsewhere */
        kv_rig_send_put(r, &p);
        fake_conn_take(&r->conn);
    }
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_make(NULL, 0));
    fake_node_wait(&r->node, 1);
    assert_int_equal(take_names(r, MSG_LIST_BUCKETS_RESP, &done), 100);
    assert_false(done); /* not streamed: the field is not there */
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_make("\x10\x01", 2));
    size_t names = 0;
    while (!done) {
        fake_node_wait(&r->node, 1);
        names += take_names(r, MSG_LIST_BUCKETS_RESP, &done);
    }
    assert_int_equal(names, 100);
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_str("\x1a\x06nosuch"));
    fake_conn_expect_error(&r->conn,
                           "No bucket-type named 'nosuch': create it with ephemeralctl type-create, or configure "
                           "it in bucket-types");
}

/* However many names a step brings, frames are of a size that every client reads. */
static void test_streamed_frames_are_bounded(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    size_t names = 0, frames = 0;
    for (int i = 0; i < 3000; i++) {
        char bucket[16];
        struct kv_put_req p = kv_put_of("k", "v");
        snprintf(bucket, sizeof bucket, "b%d", i);
        p.bucket = slice_str(bucket);
        kv_rig_send_put(r, &p);
        fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    }
    fake_conn_give_frame(&r->conn, MSG_LIST_BUCKETS_REQ, slice_make("\x10\x01", 2));
    while (!done) {
        fake_node_wait(&r->node, 1);
        size_t n = take_names(r, MSG_LIST_BUCKETS_RESP, &done);
        assert_in_range(n, 0, 1024);
        names += n;
        frames++;
    }
    assert_int_equal(names, 3000);
    assert_in_range(frames, 4, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_list_keys),
        KV_CASE(test_list_ends_with_its_connection),
        KV_CASE(test_list_buckets),
        KV_CASE(test_streamed_frames_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
