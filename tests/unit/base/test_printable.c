/* SPDX-License-Identifier: Apache-2.0 */
/* No byte of a stranger drives a terminal, and names that differ look different. */
#include "base/printable.h"

#include "support.h"

#include <stdlib.h>

static const struct {
    const char *in;
    size_t len;
    const char *name, *line, *text;
} cases[] = {
#define CASE(in, name, line, text)                                                                                     \
    {                                                                                                                  \
        in, sizeof in - 1, name, line, text                                                                            \
    }
    CASE("", "", "", ""),
    CASE("plain key/1", "plain key/1", "plain key/1", "plain key/1"),
    CASE("\x1b[31mred", "\\x1b[31mred", "\\x1b[31mred", "\\x1b[31mred"),
    CASE("a\nb\tc\rd", "a\\nb\\tc\\rd", "a\\nb\\tc\\rd", "a\nb\tc\\rd"),
    CASE("a\0b\x7f", "a\\x00b\\x7f", "a\\x00b\\x7f", "a\\x00b\\x7f"),
    CASE("back\\n", "back\\\\n", "back\\n", "back\\n"),
    CASE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
    CASE("\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m", "\\xc2\\x9b31m", "\\xc2\\x9b31m"),    /* U+009B begins an escape sequence, too */
    CASE("\xff\xc3", "\\xff\\xc3", "\\xff\\xc3", "\\xff\\xc3"), /* no UTF-8 */
    CASE("\xe2\x80\xae"
         "gpj",
         "\\xe2\\x80\\xaegpj", "\\xe2\\x80\\xaegpj", "\\xe2\\x80\\xaegpj"),        /* turns what follows around */
    CASE("\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"), /* half a surrogate */
#undef CASE
};

static void expect_printed(struct slice in, enum printable_keep keep, const char *wanted)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    printable_print(in, keep, f);
    fclose(f);
    assert_string_equal(text, wanted);
    free(text);
}

static void printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice in = slice_make(cases[i].in, cases[i].len);
        char copy[64];
        expect_printed(in, PRINTABLE_NAME, cases[i].name);
        expect_printed(in, PRINTABLE_LINE, cases[i].line);
        expect_printed(in, PRINTABLE_TEXT, cases[i].text);
        assert_int_equal(printable_copy(in, copy, sizeof copy), strlen(cases[i].line));
        assert_string_equal(copy, cases[i].line);
    }
}

/* Nothing that is escaped is cut in its middle. */
static void cut(void **state)
{
    char copy[8];
    (void)state;
    static const char *const wanted[] = {"", "a", "a", "a", "a", "a\\x1b", "a\\x1b"};
    for (size_t size = 1; size < sizeof copy; size++) {
        printable_copy(slice_str("a\x1b\x1b"), copy, size);
        assert_string_equal(copy, wanted[size - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(printed), cmocka_unit_test(cut)};
    return cmocka_run_group_tests_name("base/printable", tests, NULL, NULL);
}
