/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "support.h"
#include "wire/admin_msg.h"
#include "wire/frame.h"
#include "wire/vclock.h"

static void test_takes_whole_frames_only(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 3, 9, 'a', 'b', 0, 0, 0, 1, 1};
    (void)state;
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct slice in = slice_make(bytes, len);
        struct frame f;
        int got = frame_take(&in, 100, &f);
        assert_int_equal(got, len >= 7);
        if (got == 1) {
            assert_int_equal(f.code, 9);
            assert_slice_is(f.body, "ab");
            assert_int_equal(in.len, len - 7);
        } else {
            assert_int_equal(in.len, len);
        }
    }
}

static void test_lengths_that_are_refused(void **state)
{
    static const uint8_t zero[] = {0, 0, 0, 0}, large[] = {0, 0, 1, 0}, max[] = {0, 0, 0, 100, 1};
    uint8_t code;
    size_t body;
    (void)state;
    assert_int_equal(frame_head_parse(slice_make(zero, 3), 100, &code, &body), E_AGAIN);
    assert_int_equal(frame_head_parse(slice_make(zero, 4), 100, &code, &body), E_MALFORMED);
    assert_int_equal(frame_head_parse(slice_make(large, 4), 100, &code, &body), E_TOO_LARGE);
    assert_int_equal(body, 255);
    assert_int_equal(frame_head_parse(slice_make(max, 5), 100, &code, &body), 0);
    assert_int_equal(body, 99);
}

static void test_begin_and_end(void **state)
{
    struct buf out;
    size_t mark;
    struct frame f;
    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(frame_put_empty(&out, 2), 0);
    assert_int_equal(frame_begin(&out, 10, &mark), 0);
    assert_int_equal(buf_append(&out, "body", 4), 0);
    frame_end(&out, mark);
    struct slice in = buf_slice(&out);
    assert_int_equal(frame_take(&in, 100, &f), 1);
    assert_int_equal(f.code, 2);
    assert_int_equal(frame_take(&in, 100, &f), 1);
    assert_int_equal(f.code, 10);
    assert_slice_is(f.body, "body");
    buf_fini(&out);
}

static void test_vclock(void **state)
{
    static const struct cluster_id id = {{1, 2, 3, 4, 5, 6, 7, 8}}, other = {{9}};
    const struct revision rev = {0x0102030405060708, 0x0a0b0c0d, 0x1112131415161718};
    const uint64_t tag = 0x2122232425262728;
    uint8_t a[VCLOCK_SIZE], b[VCLOCK_SIZE];
    struct revision got;
    bool foreign;
    (void)state;
    vclock_encode(rev, id, tag, a);
    assert_int_equal(vclock_decode(slice_make(a, sizeof a), id, tag, &got, &foreign), 0);
    assert_int_equal(revision_cmp(got, rev), 0);
    assert_false(foreign);
    assert_int_equal(vclock_decode(slice_make(a, sizeof a), other, tag, &got, &foreign), 0);
    assert_true(foreign);
    assert_int_equal(vclock_decode(slice_make(a, sizeof a), id, tag + 1, &got, &foreign), 0); /* of another key */
    assert_true(foreign);
    assert_int_equal(vclock_decode(slice_make(a, sizeof a - 1), id, tag, &got, &foreign), E_MALFORMED);
    a[0] = 1;
    assert_int_equal(vclock_decode(slice_make(a, sizeof a), id, tag, &got, &foreign), E_MALFORMED);
    /* the order of the bytes is the order of the revisions */
    vclock_encode(rev, id, tag, a);
    vclock_encode((struct revision){rev.epoch, rev.generation + 1, 0}, id, tag, b);
    assert_true(memcmp(a, b, VCLOCK_SIZE) < 0);
}

static void test_auth_request(void **state)
{
    struct buf out;
    struct frame f;
    struct admin_auth_req req;
    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(admin_auth_req_put(&out, slice_str("user"), slice_str("")), 0);
    struct slice in = buf_slice(&out);
    assert_int_equal(frame_take(&in, 100, &f), 1);
    assert_int_equal(admin_auth_req_decode(f.body, &req), 0);
    assert_slice_is(req.user, "user");
    assert_int_equal(req.password.len, 0);
    assert_int_equal(admin_auth_req_decode(slice_make(NULL, 0), &req), E_MALFORMED);
    assert_int_equal(admin_auth_req_decode(slice_make("\x08\x01", 2), &req), E_MALFORMED);
    assert_int_equal(admin_auth_req_decode(slice_make("\x0a\x05us", 4), &req), E_MALFORMED);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_whole_frames_only),
        cmocka_unit_test(test_lengths_that_are_refused),
        cmocka_unit_test(test_begin_and_end),
        cmocka_unit_test(test_vclock),
        cmocka_unit_test(test_auth_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
