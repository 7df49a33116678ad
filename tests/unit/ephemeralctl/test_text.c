/* SPDX-License-Identifier: Apache-2.0 */
/* Names and values of strangers: raw for programs, harmless for terminals and shells. */
#include "ephemeralctl/text.h"

#include "support.h"

#include <stdlib.h>

static char *text;
static size_t length;
static FILE *out;

static int set_up(void **state)
{
    (void)state;
    out = open_memstream(&text, &length);
    return out ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fclose(out);
    free(text);
    return 0;
}

static const char *printed(void)
{
    fflush(out);
    return text;
}

static void names_and_values(void **state)
{
    struct slice s = slice_str("a\x1b[2J\n\\");
    (void)state;
    text_name(s, false, out);
    text_value(s, false, out);
    assert_string_equal(printed(), "a\x1b[2J\n\\a\x1b[2J\n\\");
    rewind(out);
    text_name(s, true, out);
    fputc('|', out);
    text_value(s, true, out);
    assert_string_equal(printed(), "a\\x1b[2J\\n\\\\|a\\x1b[2J\n\\");
}

static void words_of_a_shell(void **state)
{
    static const char *const words[][2] = {
        {"sessions", "sessions"},         {"group/web-1", "group/web-1"}, {"", "''"},
        {"two words", "'two words'"},     {"$(reboot)", "'$(reboot)'"},   {"it's", "'it'\\''s'"},
        {"back\\slash", "'back\\slash'"}, {"\x1b[2J", "$'\\x1b[2J'"},     {"\n'\\", "$'\\n\\'\\\\'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        rewind(out);
        text_word(words[i][0], out);
        fputc('\0', out);
        assert_string_equal(printed(), words[i][1]);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(names_and_values), CASE(words_of_a_shell)};
    return cmocka_run_group_tests_name("ephemeralctl/text", tests, NULL, NULL);
}
