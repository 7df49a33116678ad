#include "kv_rig.h"
#include "support.h"

static void test_large_value(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    assert_int_equal(r->node.server.bodies.used, 0);
    struct kv_get_req g = kv_get_of("k");
    kv_rig_send_get(r, &g);
    assert_true(r->node.server.bodies.used >= 200000); /* as long as the answer stands in the queue */
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    assert_int_equal(r->node.server.bodies.used, 0);
}

static void test_object_too_large(void **state)
{
    struct kv_rig *r = *state;
    kv_rig_put_large(&r->conn, "k", ((size_t)1 << 20) + 1);
    fake_conn_expect_error(
        &r->conn, "{too_large,1048577}: the object has 1048577 bytes, and at most 1048576 are taken (object-size-max)");
    kv_rig_put_large(&r->conn, "k", (size_t)1 << 20);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
}

static void test_large_bodies_wait_for_the_budget(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a, b;
    uint8_t head[5];
    fake_conn_open_ready(&a, &r->node);
    fake_conn_open_ready(&b, &r->node);
    frame_head_put(head, MSG_PUT_REQ, 200000);
    fake_conn_give(&a, slice_make(head, sizeof head));
    assert_int_equal(r->node.server.bodies.used, 200000);
    kv_rig_put_large(&b, "b", 150000); /* 256 KiB in all: has to wait */
    assert_true(b.paused);
    assert_true(fake_conn_silent(&b));
    assert_int_equal(r->node.metrics.bodies_waited, 1);
    /* a small request elsewhere does not */
    kv_rig_put(r, "small", "v");
    /* the first gives up: it makes no progress */
    fake_node_wait(&r->node, 60000);
    assert_true(a.closed);
    fake_conn_close(&a);
    fake_node_wait(&r->node, 1);
    fake_conn_expect_empty(&b, MSG_PUT_RESP);
    assert_false(b.paused);
    fake_conn_close(&b);
}

static void test_large_answers_wait_for_the_budget(void **state)
{
    struct kv_rig *r = *state;
    struct fake_conn a;
    uint8_t head[5];
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&a, &r->node);
    frame_head_put(head, MSG_PUT_REQ, 200000);
    fake_conn_give(&a, slice_make(head, sizeof head));
    kv_rig_send_get(r, &g);
    assert_true(fake_conn_silent(&r->conn));
    assert_true(r->conn.paused);
    fake_conn_close(&a);
    fake_node_wait(&r->node, 1);
    assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->content[0].content.value.len, 200000);
    assert_false(r->conn.paused);
}

/* A client that asks and does not read is not answered without end. */
static void test_back_pressure(void **state)
{
    struct kv_rig *r = *state;
    struct kv_get_req g = kv_get_of("k");
    kv_rig_put_large(&r->conn, "k", 60000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    kv_rig_send(r);
    assert_true(r->conn.paused);
    assert_true(outq_len(&r->conn.stream.out) < STREAM_HIGH_WATER + 70000);
    size_t answers = 0;
    while (!fake_conn_silent(&r->conn)) {
        assert_int_equal(kv_rig_answer(r, MSG_GET_RESP)->count, 1);
        answers++;
    }
    assert_int_equal(answers, 1000);
    assert_false(r->conn.paused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_large_value),
        KV_CASE(test_object_too_large),
        KV_CASE(test_large_bodies_wait_for_the_budget),
        KV_CASE(test_large_answers_wait_for_the_budget),
        KV_CASE(test_back_pressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
