/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that fail in a later turn: time-outs, refusals, and what their texts say. */
#include "base/err.h"
#include "kv_rig.h"
#include "support.h"
#include "wire/admin_msg.h"

static void test_time_outs_are_given_on(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_del_req d = kv_del_of("k");
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 60000);
    g.timeout_ms = 11;
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 11);
    p.timeout_ms = 12;
    kv_rig_send_put(r, &p);
    assert_int_equal(r->node.late.timeout_ms, 12);
    d.timeout_ms = 13;
    kv_rig_send_del(r, &d);
    assert_int_equal(r->node.late.timeout_ms, 13);
    kv_rig_append_list(r, 14);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 14);
    kv_rig_append_list(r, 0);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 60000);
    fake_conn_take_all(&r->conn);
}

static void set_timeout(struct kv_rig *r, uint32_t timeout_ms)
{
    assert_int_equal(admin_timeout_put_req(&r->request, timeout_ms), 0);
    kv_rig_send(r);
    fake_conn_expect_empty(&r->conn, MSG_TIMEOUT_RESP);
}

/* For what has no field for it; what a request says itself goes before. */
static void test_time_out_of_a_connection(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    r->node.late.holds = true;
    set_timeout(r, 900);
    kv_rig_append_list(r, 0);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 900);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the list made no progress for 900 ms: ask for it again");
    g.timeout_ms = 11;
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 11);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_take_all(&r->conn);
    set_timeout(r, 0);
    g.timeout_ms = 0;
    kv_rig_send_get(r, &g);
    assert_int_equal(r->node.late.timeout_ms, 60000);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_take_all(&r->conn);
    kv_rig_append_frame(r, MSG_TIMEOUT_REQ, slice_str("\x0a"));
    kv_rig_send(r);
    fake_conn_expect_error(&r->conn, "Error processing incoming message: EphTimeoutReq could not be decoded");
}

/* Who waits in vain is told what for. */
static void test_cause_of_time_outs(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_put_req p = kv_put_of("k", "v");
    r->node.late.holds = true;
    r->node.late.obstacle = "no quorum: 2 of 5 seats answer";
    kv_rig_send_get(r, &g);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it has had no effect: try "
                                     "again; no quorum: 2 of 5 seats answer");
    kv_rig_send_put(r, &p);
    kv_rig_fail_late(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "write has had its effect: read the key before writing again; no quorum: 2 of 5 "
                                     "seats answer");
    kv_rig_append_list(r, 0);
    kv_rig_send(r);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the list made no progress for 60000 ms: ask for it again; no quorum: 2 "
                                     "of 5 seats answer");
}

/* Only a put that returns what it has written: whoever does it elsewhere sends the object along or not. */
static void test_who_wants_the_object(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req body = kv_put_of("k", "v"), head = kv_put_of("k", "v"), none = kv_put_of("k", "v");
    struct kv_del_req d = kv_del_of("k");
    body.return_body = head.return_head = true;
    kv_rig_send_put(r, &body);
    assert_true(r->node.late.wants_object);
    kv_rig_send_put(r, &none);
    assert_false(r->node.late.wants_object);
    kv_rig_send_put(r, &head);
    assert_true(r->node.late.wants_object);
    kv_rig_send_del(r, &d);
    assert_false(r->node.late.wants_object);
    fake_conn_take_all(&r->conn);
}

static void put_that_fails(struct kv_rig *r, const struct kv_put_req *req, int err, const char *text)
{
    kv_rig_send_put(r, req);
    kv_rig_fail_late(r, err);
    fake_conn_expect_error(&r->conn, text);
}

/* What another node may say of a write: nothing of it is about this node. */
static void test_words_of_refusals(void **state)
{
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("k", "v");
    r->node.late.holds = true;
    put_that_fails(r, &p, E_FULL,
                   "overload: the memory of a node that keeps this key is full: delete keys, let them expire, or give "
                   "the nodes more memory");
    put_that_fails(r, &p, E_TOO_MANY,
                   "overload: too many writes to this part of the keys are under way through this "
                   "node; this one has had no effect: try again");
    put_that_fails(r, &p, E_CLOSED,
                   "unavailable: the node that serves this key has just given it up; the request has "
                   "had no effect: try again");
    put_that_fails(r, &p, E_STALE,
                   "the answer was lost on its way between the nodes, and it is not known whether the "
                   "write has had its effect: read the key before writing again");
    kv_rig_ping(r);
}

/* Takes an error that names the key between the two texts; the key is 27 bytes long. */
static void expect_error_with_key(struct kv_rig *r, const char *before, const char *after)
{
    struct frame f = fake_conn_take(&r->conn);
    char text[512] = "";
    size_t head = strlen(before);
    assert_int_equal(f.code, MSG_ERROR_RESP);
    assert_in_range(f.body.len, 2, sizeof text);
    memcpy(text, f.body.data + 2, f.body.len - 2); /* tag and length, which is one byte up to 127 */
    const char *found = strstr(text, before);
    assert_non_null(found);
    assert_int_equal(strspn(found + head, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
                     GENERATED_KEY_SIZE);
    assert_memory_equal(found + head + GENERATED_KEY_SIZE, after, strlen(after));
}

/* Nobody could find out what became of it otherwise. */
static void test_unsure_put_tells_the_key_it_made(void **state)
{
    static const char after[] = "': get it before writing it again";
    struct kv_rig *r = *state;
    struct kv_put_req p = kv_put_of("", "v");
    p.has_key = false;
    r->node.late.holds = true;
    kv_rig_send_put(r, &p);
    kv_rig_fail_late(r, E_UNKNOWN);
    expect_error_with_key(r,
                          "timeout: the request's time of 60000 ms is over, and it is not known whether the object is "
                          "stored under the key '",
                          after);
    kv_rig_send_put(r, &p);
    kv_rig_fail_late(r, E_STALE);
    expect_error_with_key(r, "it is not known whether the object is stored under the key '", after);
    put_that_fails(r, &p, E_TIMEOUT,
                   "timeout: the request's time of 60000 ms is over, and it has had no effect: try again");
}

static void test_words_of_time_outs(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct kv_put_req p = kv_put_of("k", "v");
    struct kv_del_req d = kv_del_of("k");
    r->node.late.holds = true;
    g.timeout_ms = 250;
    kv_rig_send_get(r, &g);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn,
                           "timeout: the request's time of 250 ms is over, and it has had no effect: try again");
    kv_rig_send_put(r, &p);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn,
                           "timeout: the request's time of 60000 ms is over, and it has had no effect: try again");
    kv_rig_send_put(r, &p);
    kv_rig_fail_late(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "write has had its effect: read the key before writing again");
    kv_rig_send_del(r, &d);
    kv_rig_fail_late(r, E_UNKNOWN);
    fake_conn_expect_error(&r->conn, "timeout: the request's time of 60000 ms is over, and it is not known whether the "
                                     "write has had its effect: read the key before writing again");
    kv_rig_send_put(r, &p);
    kv_rig_fail_late(r, E_NOMEM);
    fake_conn_expect_error(&r->conn, "out of memory");
    assert_int_equal(r->node.metrics.requests_failed, 5);
    kv_rig_ping(r);
}

static void expect_unavailable(struct kv_rig *r)
{
    fake_conn_expect_error(&r->conn, "unavailable: this node has found no cluster yet");
}

static void test_without_a_cluster(void **state)
{
    static const uint8_t needy[] = {MSG_LIST_BUCKETS_REQ, MSG_LIST_KEYS_REQ,       MSG_GET_BUCKET_REQ,
                                    MSG_SET_BUCKET_REQ,   MSG_RESET_BUCKET_REQ,    MSG_GET_BUCKET_TYPE_REQ,
                                    MSG_DEL_REQ,          MSG_SET_BUCKET_TYPE_REQ, MSG_PUT_REQ};
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    struct fake_conn c;
    r->node.late.unavailable = "this node has found no cluster yet";
    kv_rig_send_get(r, &g);
    expect_unavailable(r);
    for (size_t i = 0; i < sizeof needy; i++) {
        kv_rig_append_frame(r, needy[i], slice_make(NULL, 0));
        kv_rig_send(r);
        expect_unavailable(r);
    }
    assert_int_equal(r->node.late.asked, 0);
    kv_rig_ping(r);
    kv_rig_append_frame(r, MSG_GET_SERVER_INFO_REQ, slice_make(NULL, 0));
    kv_rig_append_frame(r, MSG_GET_CLIENT_ID_REQ, slice_make(NULL, 0));
    kv_rig_append_frame(r, 199, slice_make(NULL, 0));
    kv_rig_send(r);
    assert_int_equal(fake_conn_take(&r->conn).code, MSG_GET_SERVER_INFO_RESP);
    assert_int_equal(fake_conn_take(&r->conn).code, MSG_GET_CLIENT_ID_RESP);
    fake_conn_expect_error(&r->conn, "Unknown message code: 199");
    fake_conn_open_ready(&c, &r->node);
    fake_conn_close(&c);
    r->node.late.unavailable = NULL;
    kv_rig_put(r, "k", "v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_time_outs_are_given_on), KV_CASE(test_time_out_of_a_connection),
        KV_CASE(test_cause_of_time_outs),     KV_CASE(test_words_of_time_outs),
        KV_CASE(test_words_of_refusals),      KV_CASE(test_unsure_put_tells_the_key_it_made),
        KV_CASE(test_who_wants_the_object),   KV_CASE(test_without_a_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
