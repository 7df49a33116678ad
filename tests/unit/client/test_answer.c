/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "client/answer.h"
#include "wire/admin_msg.h"
#include "wire/frame.h"

static int decode(const char *text, struct answer_error *out)
{
    struct buf b;
    struct frame f;
    buf_init(&b, 4096);
    assert_int_equal(admin_error_put(&b, slice_str(text)), 0);
    struct slice rest = buf_slice(&b);
    assert_int_equal(frame_take(&rest, 4096, &f), 1);
    int err = answer_error_decode(f.body, out);
    buf_fini(&b);
    return err;
}

static void texts_have_meanings(void **state)
{
    (void)state;
    struct answer_error e;
    assert_int_equal(decode("match_found", &e), E_EXISTS);
    assert_string_equal(e.text, "match_found");
    assert_int_equal(e.code, 0);
    assert_int_equal(decode("modified", &e), E_MODIFIED);
    assert_int_equal(decode("notfound", &e), E_NOT_FOUND);
    assert_int_equal(decode("{too_large,53477486}", &e), E_TOO_LARGE);
    assert_int_equal(decode("Permission denied: User 'u' does not have 'riak_kv.get' on default/b", &e), E_DENIED);
    assert_int_equal(decode("Unknown message code: 70", &e), E_UNSUPPORTED);
    assert_int_equal(decode("unavailable: this node is in no cluster yet", &e), E_AGAIN);
    assert_int_equal(decode("overload: too many writes", &e), E_AGAIN);
    assert_int_equal(decode("timeout: the request's time of 1 ms is over", &e), E_TIMEOUT);
    assert_int_equal(decode("the answer was lost on its way between the nodes, and it is not known", &e), E_UNKNOWN);
    assert_int_equal(decode("something else", &e), E_INVALID);
    assert_int_equal(decode("", &e), E_INVALID);
}

static void text_is_printable_and_cut(void **state)
{
    (void)state;
    struct answer_error e;
    char text[2 * ANSWER_TEXT_MAX];
    decode("a\x1b[31mb\nc\x7f", &e);
    assert_string_equal(e.text, "a\\x1b[31mb\\nc\\x7f");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    decode(text, &e);
    assert_int_equal(strlen(e.text), ANSWER_TEXT_MAX - 1);
}

static void garbage_is_malformed(void **state)
{
    (void)state;
    struct answer_error e;
    static const uint8_t truncated[] = {0x0a, 0x20, 'a'};
    assert_int_equal(answer_error_decode(slice_make(truncated, sizeof truncated), &e), E_MALFORMED);
    assert_true(strlen(e.text) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_meanings),
        cmocka_unit_test(text_is_printable_and_cut),
        cmocka_unit_test(garbage_is_malformed),
    };
    return cmocka_run_group_tests_name("client/answer", tests, NULL, NULL);
}
