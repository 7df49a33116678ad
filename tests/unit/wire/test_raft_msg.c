/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/raft_msg.h"

#include "base/err.h"
#include "support.h"

static struct raft_msg sent_and_received(const struct raft_msg *m, struct buf *b)
{
    struct raft_msg out;
    buf_consume(b, buf_len(b));
    assert_int_equal(raft_msg_encode(b, m), 0);
    assert_int_equal(raft_msg_decode(buf_slice(b), &out), 0);
    assert_int_equal(out.kind, m->kind);
    assert_int_equal(out.source, m->source);
    assert_int_equal(out.destination, m->destination);
    assert_int_equal(out.term, m->term);
    /* Not a byte less, nor one more. */
    for (size_t n = 0; n < buf_len(b) && m->kind != RAFT_MSG_INSTALL; n++)
        assert_int_equal(raft_msg_decode(slice_make(buf_slice(b).data, n), &out), E_MALFORMED);
    assert_int_equal(buf_append(b, "", 1), 0);
    assert_int_equal(raft_msg_decode(buf_slice(b), &out), m->kind == RAFT_MSG_INSTALL ? 0 : E_MALFORMED);
    assert_int_equal(raft_msg_decode(slice_make(buf_slice(b).data, buf_len(b) - 1), &out), 0);
    return out;
}

#define MSG(k, ...) ((struct raft_msg){.kind = k, .source = 1, .destination = UINT64_MAX, .term = 3, __VA_ARGS__})

static void test_each_kind(void **state)
{
    struct buf b;
    struct raft_msg m, out;
    (void)state;
    buf_init(&b, 1000);
    m = MSG(RAFT_MSG_APPEND, .append = {.prev_index = 1, .prev_term = 2, .commit = UINT64_MAX, .stamp_ms = 11});
    out = sent_and_received(&m, &b);
    assert_int_equal(out.append.prev_index, 1);
    assert_int_equal(out.append.prev_term, 2);
    assert_true(out.append.commit == UINT64_MAX);
    assert_int_equal(out.append.stamp_ms, 11);
    m = MSG(RAFT_MSG_APPEND_RESULT, .append_result = {.rejected = 7, .last_index = 6, .stamp_ms = 12});
    out = sent_and_received(&m, &b);
    assert_int_equal(out.append_result.rejected, 7);
    assert_int_equal(out.append_result.last_index, 6);
    assert_int_equal(out.append_result.stamp_ms, 12);
    m = MSG(RAFT_MSG_VOTE, .vote = {.last_index = 5, .last_term = 4, .disrupt_leader = true});
    out = sent_and_received(&m, &b);
    assert_int_equal(out.vote.last_index, 5);
    assert_int_equal(out.vote.last_term, 4);
    assert_true(out.vote.disrupt_leader && !out.vote.pre_vote);
    m = MSG(RAFT_MSG_VOTE_RESULT, .vote_result = {.pre_vote = true});
    out = sent_and_received(&m, &b);
    assert_true(out.vote_result.pre_vote && !out.vote_result.granted);
    m = MSG(RAFT_MSG_INSTALL, .install = {9, 8, 7, slice_str("members")});
    out = sent_and_received(&m, &b);
    assert_int_equal(out.install.last_index, 9);
    assert_int_equal(out.install.last_term, 8);
    assert_int_equal(out.install.configuration_index, 7);
    assert_slice_is(out.install.configuration, "members");
    m = MSG(RAFT_MSG_TIMEOUT_NOW, .timeout_now = {5, 4});
    out = sent_and_received(&m, &b);
    assert_int_equal(out.timeout_now.last_index, 5);
    assert_int_equal(out.timeout_now.last_term, 4);
    m = MSG(RAFT_MSG_COMMIT, .commit = {7, 6});
    out = sent_and_received(&m, &b);
    assert_int_equal(out.commit.index, 7);
    assert_int_equal(out.commit.term, 6);
    buf_fini(&b);
}

static void test_entries(void **state)
{
    static const char *const texts[] = {"", "one", "another"};
    struct raft_msg m = MSG(RAFT_MSG_APPEND, .append.count = 3), out;
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(raft_msg_encode(&b, &m), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct raft_msg_entry e = {i + 1, (uint8_t)(i + 1), slice_str(texts[i])};
        assert_int_equal(raft_msg_decode(buf_slice(&b), &out), E_MALFORMED); /* too few */
        assert_int_equal(raft_msg_put_entry(&b, &e), 0);
    }
    assert_int_equal(raft_msg_decode(buf_slice(&b), &out), 0);
    assert_int_equal(out.append.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct raft_msg_entry e = raft_msg_take_entry(&out.append.entries);
        assert_int_equal(e.term, i + 1);
        assert_int_equal(e.type, i + 1);
        assert_slice_is(e.data, texts[i]);
    }
    assert_int_equal(out.append.entries.len, 0);
    buf_fini(&b);
}

static void test_what_is_none(void **state)
{
    struct buf b;
    struct raft_msg out, none[3];
    (void)state;
    buf_init(&b, 1000);
    for (unsigned i = 0; i < 3; i++)
        none[i] = MSG(RAFT_MSG_TIMEOUT_NOW, .timeout_now = {5, 4});
    none[0].source = none[1].destination = none[2].term = 0;
    for (unsigned i = 0; i < 3; i++) {
        buf_consume(&b, buf_len(&b));
        assert_int_equal(raft_msg_encode(&b, &none[i]), 0);
        assert_int_equal(raft_msg_decode(buf_slice(&b), &out), E_MALFORMED);
    }
    for (unsigned kind = 0; kind < 256; kind++) {
        uint8_t bytes[41] = {(uint8_t)kind, [8] = 1, [16] = 1, [24] = 1}; /* two numbers behind the head */
        bool is_one = kind == RAFT_MSG_TIMEOUT_NOW || kind == RAFT_MSG_COMMIT;
        assert_int_equal(raft_msg_decode(slice_make(bytes, sizeof bytes), &out), is_one ? 0 : E_MALFORMED);
    }
    uint8_t flags[26] = {RAFT_MSG_VOTE_RESULT, [8] = 1, [16] = 1, [24] = 1, 4};
    assert_int_equal(raft_msg_decode(slice_make(flags, sizeof flags), &out), E_MALFORMED);
    buf_fini(&b);
}

static void test_a_full_buffer(void **state)
{
    struct buf b;
    struct raft_msg m = MSG(RAFT_MSG_TIMEOUT_NOW, .timeout_now = {5, 4});
    struct raft_msg_entry e = {1, 1, slice_str("0123456789")};
    (void)state;
    buf_init(&b, 10);
    assert_int_equal(raft_msg_encode(&b, &m), E_TOO_LARGE);
    assert_int_equal(raft_msg_put_entry(&b, &e), E_TOO_LARGE);
    assert_int_equal(buf_len(&b), 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
