/* SPDX-License-Identifier: Apache-2.0 */
/* Control characters in JSON strings. */
#include "support.h"

#include "base/err.h"
#include "riak/mapred/json_loose.h"

static void expect(const char *text, const char *wanted)
{
    struct buf out;
    buf_init(&out, 1024);
    assert_int_equal(json_escape_controls(slice_str(text), &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((const char *)buf_slice(&out).data, wanted);
    buf_fini(&out);
}

static void test_text_without_them_stays(void **state)
{
    (void)state;
    expect("", "");
    expect("{\"a\": [1, \"b\\n\", \"\\\\\"]}", "{\"a\": [1, \"b\\n\", \"\\\\\"]}");
}

static void test_in_strings_they_are_escaped(void **state)
{
    (void)state;
    expect("\"\n\"", "\"\\u000a\"");
    expect("{\n\t\"a\n\": \"\tb\x1f\"\n}\n", "{\n\t\"a\\u000a\": \"\\u0009b\\u001f\"\n}\n");
}

/* A quote that is escaped ends no string, one after an escaped backslash does. */
static void test_quotes(void **state)
{
    (void)state;
    expect("\"a\\\"\n\"\n", "\"a\\\"\\u000a\"\n");
    expect("\"a\\\\\"\n\"\n\"", "\"a\\\\\"\n\"\\u000a\"");
    expect("\"not ended\n", "\"not ended\\u000a");
}

static void test_the_maximum_holds(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 8);
    assert_int_equal(json_escape_controls(slice_str("\"\n\n\""), &out), E_TOO_LARGE);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_without_them_stays),
        cmocka_unit_test(test_in_strings_they_are_escaped),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_the_maximum_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
