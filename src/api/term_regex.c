/* SPDX-License-Identifier: Apache-2.0 */
#include "api/term_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#define PATTERN_MAX ((size_t)64 * 1024)
#define STEPS_MAX   10000u /* of one match */
#define HEAP_MAX_K  1024u

struct term_regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

/* The words of the PCRE that Riak has, where PCRE2 has others for what is most often wrong. */
static const char *words_of(int error)
{
    switch (error) {
    case PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS:
        return "missing )";
    case PCRE2_ERROR_MISSING_SQUARE_BRACKET:
        return "missing terminating ] for character class";
    case PCRE2_ERROR_QUANTIFIER_INVALID:
        return "nothing to repeat";
    case PCRE2_ERROR_END_BACKSLASH:
        return "\\\\ at end of pattern";
    default:
        return NULL;
    }
}

static void explain(int error, size_t offset, char *why, size_t size)
{
    PCRE2_UCHAR text[128];
    const char *words = words_of(error);
    if (!words && pcre2_get_error_message(error, text, sizeof text) < 0)
        words = "not a regular expression";
    snprintf(why, size, "{\"%s\",%zu}", words ? words : (const char *)text, offset);
}

struct term_regex *term_regex_make(struct slice pattern, char *why, size_t size)
{
    int error = PCRE2_ERROR_NOMEMORY;
    size_t offset = 0;
    struct term_regex *r = calloc(1, sizeof *r);
    if (pattern.len > PATTERN_MAX)
        error = PCRE2_ERROR_PATTERN_TOO_LARGE;
    else if (r)
        r->code = pcre2_compile(pattern.data ? pattern.data : (const uint8_t *)"", pattern.len,
                                PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF, &error, &offset, NULL);
    if (r && r->code) {
        r->data = pcre2_match_data_create(1, NULL);
        r->context = pcre2_match_context_create(NULL);
    }
    if (r && r->data && r->context) {
        pcre2_set_match_limit(r->context, STEPS_MAX);
        pcre2_set_heap_limit(r->context, HEAP_MAX_K);
        return r;
    }
    explain(error, offset, why, size);
    term_regex_free(r);
    return NULL;
}

void term_regex_free(struct term_regex *r)
{
    if (!r)
        return;
    pcre2_match_context_free(r->context);
    pcre2_match_data_free(r->data);
    pcre2_code_free(r->code);
    free(r);
}

bool term_regex_matches(const struct term_regex *r, struct slice term)
{
    const uint8_t *subject = term.data ? term.data : (const uint8_t *)"";
    size_t len = term.len < TERM_REGEX_LOOKED_AT ? term.len : TERM_REGEX_LOOKED_AT;
    return pcre2_match(r->code, subject, len, 0, 0, r->data, r->context) >= 0;
}
