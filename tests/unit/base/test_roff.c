/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing of a text is taken for roff's own, and what a reader copies from the page is what was written. */
#include "base/roff.h"
#include "base/version.h"

#include "support.h"

#include <stdlib.h>

static char *written(void (*write)(FILE *out))
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    write(f);
    assert_int_equal(fclose(f), 0);
    return text;
}

static void write_title(FILE *out)
{
    roff_title(out, "daemon", 8, "serves");
}

static void test_the_title_names_the_release(void **state)
{
    char *text = written(write_title), *version = strstr(text, version_text);
    (void)state;
    assert_int_equal(strncmp(text, ".TH DAEMON 8 ", 13), 0);
    assert_non_null(version);
    assert_non_null(strstr(text, "\n.SH NAME\ndaemon \\- serves\n"));
    free(text);
}

static void write_hostile(FILE *out)
{
    roff_paragraph(out, ".TH is no macro here\n'nor this\n  --flag and \\n");
}

static void test_a_text_is_no_macro(void **state)
{
    char *text = written(write_hostile);
    (void)state;
    assert_string_equal(text, ".PP\n\\&.TH is no macro here\n\\&'nor this\n\\-\\-flag and \\(rsn\n");
    free(text);
}

static void write_term(FILE *out)
{
    roff_term(out, "--name", "VALUE");
    roff_text(out, "what\nit does");
    roff_verbatim(out, "  a\n\nb");
}

static void test_a_term_and_lines_as_they_stand(void **state)
{
    char *text = written(write_term);
    (void)state;
    assert_string_equal(text, ".TP\n\\fB\\-\\-name\\fR \\fIVALUE\\fR\nwhat\nit does\n.RS\n.nf\n  a\n\nb\n.fi\n.RE\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_title_names_the_release),
        cmocka_unit_test(test_a_text_is_no_macro),
        cmocka_unit_test(test_a_term_and_lines_as_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
