/* SPDX-License-Identifier: Apache-2.0 */
/* Listings and map/reduce whose steps are answered in later turns. */
#include "base/err.h"
#include "kv_rig.h"
#include "support.h"
#include "wire/bucket_msg.h"
#include "wire/pb.h"

#include <stdio.h>

/* --- listings --- */

static void put_keys(struct kv_rig *r, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        kv_rig_put(r, key, "v");
    }
}

/* All names that stand in the output; `done`: the last frame has come. */
static size_t take_names(struct kv_rig *r, bool *done)
{
    size_t n = 0;
    while (!*done && !fake_conn_silent(&r->conn)) {
        struct frame f = fake_conn_take(&r->conn);
        struct slice rest = f.body, name;
        assert_int_equal(f.code, MSG_LIST_KEYS_RESP);
        while (bucket_list_resp_next(&rest, &name, done) > 0)
            n++;
    }
    return n;
}

static void test_listing_step_by_step(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    unsigned steps = 0;
    size_t names = 0;
    put_keys(r, 5000);
    r->node.late.holds = true;
    unsigned asked = r->node.late.asked;
    kv_rig_append_list(r, 0);
    kv_rig_append_frame(r, MSG_PING_REQ, slice_make(NULL, 0));
    kv_rig_send(r);
    while (!done) {
        steps++;
        assert_int_equal(r->node.late.asked, asked + steps); /* one step after the other */
        unsigned flushes = r->conn.flushes;
        kv_rig_answer_late(r);
        assert_true(r->conn.flushes > flushes);
        names += take_names(r, &done);
        fake_node_wait(&r->node, 1);
    }
    assert_int_equal(names, 5000);
    assert_true(steps >= ROUTER_PARTITIONS_MAX);
    fake_conn_expect_empty(&r->conn, MSG_PING_RESP);
}

/* Steps that are answered at once behind one that was not, with other turns between them. */
static void test_listing_of_both_kinds_of_steps(void **state)
{
    struct kv_rig *r = *state;
    bool done = false;
    size_t names = 0;
    put_keys(r, 5000);
    kv_rig_append_list(r, 0);
    r->node.late.holds = true;
    kv_rig_send(r);
    for (int i = 0; !done; i++) {
        r->node.late.holds = i % 5 == 0;
        late_router_answer(&r->node.late);
        fake_node_wait(&r->node, 1);
        names += take_names(r, &done);
    }
    assert_int_equal(names, 5000);
    r->node.late.holds = false;
    kv_rig_ping(r);
}

/* Its time is for the whole, and a step has what is left of it. */
static void test_listing_runs_out_of_time(void **state)
{
    static const char *const text =
        "timeout: the list was not complete within its 100 ms: give it more time, or ask of a smaller bucket";
    struct kv_rig *r = *state;
    put_keys(r, 10);
    r->node.late.holds = true;
    kv_rig_append_list(r, 100);
    kv_rig_send(r);
    assert_int_equal(r->node.late.timeout_ms, 100);
    fake_node_wait(&r->node, 40);
    kv_rig_answer_late(r);
    assert_int_equal(r->node.late.timeout_ms, 60);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, text);
    kv_rig_append_list(r, 100);
    kv_rig_send(r);
    fake_node_wait(&r->node, 100);
    kv_rig_answer_late(r); /* the step was just in time, the next would not be */
    fake_conn_expect_error(&r->conn, text);
    kv_rig_append_list(r, 0);
    kv_rig_send(r);
    kv_rig_fail_late(r, E_TIMEOUT);
    fake_conn_expect_error(&r->conn, "timeout: the list made no progress for 60000 ms: ask for it again");
    kv_rig_append_list(r, 0);
    kv_rig_send(r);
    kv_rig_fail_late(r, E_NOMEM);
    fake_conn_expect_error(&r->conn, "the list could not be completed: out of memory: ask for it again");
    kv_rig_ping(r);
}

/* --- map/reduce --- */

static void send_job(struct kv_rig *r, const char *job)
{
    uint8_t body[32768], *p = pb_put_bytes(body, 1, slice_str(job));
    p = pb_put_bytes(p, 2, slice_str("application/json"));
    kv_rig_append_frame(r, MSG_MAPRED_REQ, slice_make(body, (size_t)(p - body)));
    kv_rig_send(r);
}

static void expect_values(struct kv_rig *r, const char *values)
{
    struct frame f = fake_conn_take(&r->conn);
    struct pb_reader reader = pb_reader_of(f.body);
    struct pb_field field;
    assert_int_equal(f.code, MSG_MAPRED_RESP);
    while (pb_next(&reader, &field) > 0)
        if (field.number == 2)
            assert_slice_is(field.bytes, values);
}

/* Several are asked for at once, and each answer finds what its input said, however long it takes. */
static void test_a_job_keeps_what_its_inputs_say(void **state)
{
    struct kv_rig *r = *state;
    r->node.late.holds = true;
    send_job(
        r, "{\"inputs\":[[\"b\",\"k1\",\"the first\"],[\"b\",\"k2\",{\"n\":2}],[\"b\",\"k3\",\"the third\"],[\"b\","
           "\"k4\",[4,4]]],\"query\":[{\"map\":{\"language\":\"erlang\",\"module\":\"riak_kv_mapreduce\",\"function\":"
           "\"map_object_value\",\"arg\":\"include_keydata\"}}]}");
    while (late_router_answer(&r->node.late))
        fake_node_wait(&r->node, 1);
    expect_values(r, "[\"the first\",{\"n\":2},\"the third\",[4,4]]");
    assert_int_equal(fake_conn_take(&r->conn).code, MSG_MAPRED_RESP); /* done */
    assert_true(fake_conn_silent(&r->conn));
}

/* The whole list is looked at first. */
static void test_a_job_with_a_bad_input_asks_for_nothing(void **state)
{
    struct kv_rig *r = *state;
    r->node.late.holds = true;
    send_job(r, "{\"inputs\":[[\"b\",\"k1\"],[\"b\",\"k2\"],[\"b\"]],\"query\":[{\"link\":{}}]}");
    fake_node_wait(&r->node, 1);
    fake_conn_expect_error(&r->conn, "{\"error\":\"inputs: number 2 is no [bucket, key], [bucket, key, keydata] or "
                                     "[bucket, key, keydata, type]\"}");
    assert_false(late_router_answer(&r->node.late));
    kv_rig_ping(r);
}

/* The list of inputs lies in the message, which is given up with the connection that makes no progress; the object that
 * was asked for comes later. */
static void test_a_job_whose_client_does_not_read_ends(void **state)
{
    struct kv_rig *r = *state;
    static char text[32000];
    size_t len = 0;
    struct fake_conn other;
    struct kv_get_req g = kv_get_of("large");
    kv_rig_put_large(&r->conn, "large", 200000);
    fake_conn_expect_empty(&r->conn, MSG_PUT_RESP);
    fake_conn_open_ready(&other, &r->node);
    kv_rig_send_get(r, &g); /* stays in its queue */
    for (int i = 0; i < 2000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s[\"b\",\"k%d\"]", i ? "," : "{\"inputs\":[", i);
    snprintf(text + len, sizeof text - len, "],\"query\":[{\"link\":{}}]}");
    r->node.late.holds = true;
    send_job(r, text);
    fake_node_wait(&r->node, 100);
    r->node.late.holds = false;
    assert_int_equal(kv_get_req_encode(&r->request, &g), 0);
    fake_conn_give(&other, buf_slice(&r->request)); /* waits for the memory */
    fake_node_wait(&r->node, 7000);
    assert_true(r->conn.closed);
    while (late_router_answer(&r->node.late))
        fake_node_wait(&r->node, 1);
    assert_true(fake_conn_silent(&r->conn));
    fake_conn_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KV_CASE(test_listing_step_by_step),
        KV_CASE(test_listing_of_both_kinds_of_steps),
        KV_CASE(test_listing_runs_out_of_time),
        KV_CASE(test_a_job_keeps_what_its_inputs_say),
        KV_CASE(test_a_job_whose_client_does_not_read_ends),
        KV_CASE(test_a_job_with_a_bad_input_asks_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
