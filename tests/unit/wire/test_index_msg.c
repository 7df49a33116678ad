/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/index_msg.h"

#include "support.h"

static void test_continuations(void **state)
{
    static const struct {
        const char *term, *key;
    } hits[] = {{"term", "key"}, {"", "key"}, {"term", ""}, {"", ""}, {"\xff\x01", "\x80"}};
    (void)state;
    for (unsigned i = 0; i < sizeof hits / sizeof hits[0]; i++) {
        struct buf text, bytes;
        struct slice term, key;
        buf_init(&text, SIZE_MAX / 2);
        buf_init(&bytes, SIZE_MAX / 2);
        assert_int_equal(buf_append(&bytes, "before", 6), 0);
        assert_int_equal(index_continuation_encode(&text, slice_str(hits[i].term), slice_str(hits[i].key)), 0);
        assert_int_equal(index_continuation_decode(buf_slice(&text), &bytes, &term, &key), 0);
        assert_slice_is(term, hits[i].term);
        assert_slice_is(key, hits[i].key);
        buf_fini(&text);
        buf_fini(&bytes);
    }
}

static void test_no_continuations(void **state)
{
    static const char *const wrong[] = {"",           "01",         "0100000000a", "0200000000",
                                        "0100000001", "010000000G", "01ffffffff61"};
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buf bytes;
        struct slice term, key;
        buf_init(&bytes, SIZE_MAX / 2);
        assert_int_equal(index_continuation_decode(slice_str(wrong[i]), &bytes, &term, &key), E_MALFORMED);
        buf_fini(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_continuations),
        cmocka_unit_test(test_no_continuations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
