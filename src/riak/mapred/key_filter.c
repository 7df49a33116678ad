/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/key_filter_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct value nothing = {.kind = NOTHING};

static struct value truth(bool is)
{
    return (struct value){.kind = TRUTH, .truth = is};
}

static struct value text(const void *bytes, size_t len)
{
    return (struct value){.kind = TEXT, .text = slice_make(bytes, len)};
}

static struct value value_of(const json_t *v)
{
    if (json_is_string(v))
        return (struct value){.kind = TEXT, .text = json_text(v)};
    if (json_is_integer(v))
        return (struct value){.kind = INTEGER, .integer = json_integer_value(v)};
    return json_is_real(v) ? (struct value){.kind = REAL, .real = json_real_value(v)} : nothing;
}

/* --- what becomes of it --- */

/* False: the key has cost too much. */
static bool spend(struct key_filter *f, size_t cost)
{
    bool can = cost <= f->left;
    f->left = can ? f->left - cost : 0;
    return can;
}

static struct value keep(struct key_filter *f, const char *digits)
{
    char *kept = arena_strdup(&f->arena, slice_str(digits));
    return kept ? text(kept, strlen(digits)) : nothing;
}

static struct value int_to_string(struct key_filter *f, const struct step *s, struct value v)
{
    char digits[32];
    (void)s;
    snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, v.integer);
    return v.kind == INTEGER ? keep(f, digits) : nothing;
}

/* As Erlang writes one: 20 digits behind the point. */
static struct value float_to_string(struct key_filter *f, const struct step *s, struct value v)
{
    char digits[64];
    (void)s;
    snprintf(digits, sizeof digits, "%.20e", v.real);
    return v.kind == REAL ? keep(f, digits) : nothing;
}

static struct value as_text(struct key_filter *f, struct value v)
{
    return v.kind == INTEGER ? int_to_string(f, NULL, v) : v.kind == REAL ? float_to_string(f, NULL, v) : v;
}

/* A number that is all of the text, which begins as Erlang's do. */
static const char *digits_of(struct key_filter *f, struct value v)
{
    v = as_text(f, v);
    const char *at = v.kind == TEXT && v.text.len < 64 ? arena_strdup(&f->arena, v.text) : NULL;
    bool begins = at && (*at == '-' || *at == '+' || (*at >= '0' && *at <= '9'));
    return begins && strlen(at) == v.text.len ? at : NULL;
}

static struct value string_to_int(struct key_filter *f, const struct step *s, struct value v)
{
    const char *at = digits_of(f, v);
    char *end;
    (void)s;
    errno = 0;
    json_int_t n = at ? strtoll(at, &end, 10) : 0;
    return at && end > at && !*end && !errno ? (struct value){.kind = INTEGER, .integer = n} : nothing;
}

/* Digits on both sides of the point, and perhaps an exponent. */
static bool is_float(const char *at)
{
    static const char digits[] = "0123456789";
    at += *at == '-' || *at == '+';
    size_t whole = strspn(at, digits), part = at[whole] == '.' ? strspn(at + whole + 1, digits) : 0;
    if (!whole || !part)
        return false;
    at += whole + 1 + part;
    if (*at != 'e' && *at != 'E')
        return !*at;
    at += at[1] == '-' || at[1] == '+' ? 2 : 1;
    return *at && !at[strspn(at, digits)];
}

static struct value string_to_float(struct key_filter *f, const struct step *s, struct value v)
{
    const char *at = digits_of(f, v);
    (void)s;
    if (!at || !is_float(at))
        return nothing;
    errno = 0;
    double x = strtod(at, NULL);
    return errno ? nothing : (struct value){.kind = REAL, .real = x};
}

static struct value change_case(struct key_filter *f, struct value v, char first, int by)
{
    v = as_text(f, v);
    uint8_t *p = v.kind == TEXT ? (uint8_t *)arena_strdup(&f->arena, v.text) : NULL;
    for (size_t i = 0; p && i < v.text.len; i++)
        if (p[i] >= first && p[i] < first + 26)
            p[i] = (uint8_t)(p[i] + by);
    return p ? text(p, v.text.len) : nothing;
}

static struct value to_upper(struct key_filter *f, const struct step *s, struct value v)
{
    (void)s;
    return change_case(f, v, 'a', 'A' - 'a');
}

static struct value to_lower(struct key_filter *f, const struct step *s, struct value v)
{
    (void)s;
    return change_case(f, v, 'A', 'a' - 'A');
}

/* The n-th of the parts between any of the characters; empty ones are none. */
static struct value tokenize(struct key_filter *f, const struct step *s, struct value v)
{
    struct slice between = json_text(arg(s, 0));
    json_int_t left = json_integer_value(arg(s, 1));
    v = as_text(f, v);
    for (size_t i = 0, begin = 0; v.kind == TEXT && i <= v.text.len; i++) {
        bool ends = i == v.text.len || (between.len && memchr(between.data, v.text.data[i], between.len));
        if (ends && i > begin && --left == 0)
            return text(v.text.data + begin, i - begin);
        begin = ends ? i + 1 : begin;
    }
    return nothing;
}

static int hex_of(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* As a query's value: blanks for "+", and what stands behind "&" or ";" is another's. */
static struct value urldecode(struct key_filter *f, const struct step *s, struct value v)
{
    v = as_text(f, v);
    uint8_t *p = v.kind == TEXT ? arena_alloc(&f->arena, v.text.len + 1) : NULL;
    size_t n = 0;
    (void)s;
    for (size_t i = 0; p && i < v.text.len && v.text.data[i] != '&' && v.text.data[i] != ';'; i++) {
        const uint8_t *at = v.text.data + i;
        bool coded = at[0] == '%' && i + 2 < v.text.len && hex_of(at[1]) >= 0 && hex_of(at[2]) >= 0;
        p[n++] = (uint8_t)(coded ? hex_of(at[1]) << 4 | hex_of(at[2]) : at[0] == '+' ? ' ' : at[0]);
        i += coded ? 2 : 0;
    }
    return p ? text(p, n) : nothing;
}

/* --- what passes --- */

static double number(struct value v)
{
    return v.kind == INTEGER ? (double)v.integer : v.real;
}

static bool is_number(struct value v)
{
    return v.kind == INTEGER || v.kind == REAL;
}

/* Numbers before texts, as Erlang orders them. */
static int order(struct value a, struct value b)
{
    if (a.kind == INTEGER && b.kind == INTEGER)
        return (a.integer > b.integer) - (a.integer < b.integer);
    if (is_number(a) && is_number(b))
        return (number(a) > number(b)) - (number(a) < number(b));
    if (a.kind == TEXT && b.kind == TEXT)
        return slice_cmp(a.text, b.text);
    return is_number(a) ? -1 : 1;
}

static bool is_ordered(struct value v)
{
    return is_number(v) || v.kind == TEXT;
}

static struct value greater_than(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    return truth(is_ordered(v) && order(v, value_of(arg(s, 0))) > 0);
}

static struct value less_than(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    return truth(is_ordered(v) && order(v, value_of(arg(s, 0))) < 0);
}

static struct value greater_than_eq(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    return truth(is_ordered(v) && order(v, value_of(arg(s, 0))) >= 0);
}

static struct value less_than_eq(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    return truth(is_ordered(v) && order(v, value_of(arg(s, 0))) <= 0);
}

static struct value between(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    if (!is_ordered(v))
        return nothing;
    int low = order(v, value_of(arg(s, 0))), high = order(v, value_of(arg(s, 1)));
    return truth(json_is_false(arg(s, 2)) ? low > 0 && high < 0 : low >= 0 && high <= 0);
}

/* A whole number is never one with a point. */
static bool is_same(struct value a, struct value b)
{
    return a.kind == b.kind && is_ordered(a) && order(a, b) == 0;
}

static struct value eq(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    return truth(is_same(v, value_of(arg(s, 0))));
}

static struct value neq(struct key_filter *f, const struct step *s, struct value v)
{
    (void)f;
    return v.kind == NOTHING ? nothing : truth(!is_same(v, value_of(arg(s, 0))));
}

static struct value matches(struct key_filter *f, const struct step *s, struct value v)
{
    size_t len = v.text.len < TERM_REGEX_LOOKED_AT ? v.text.len : TERM_REGEX_LOOKED_AT;
    if (v.kind != TEXT || !spend(f, len * len / 1024)) /* at worst it begins anew at each place */
        return nothing;
    return truth(term_regex_matches(s->regex, v.text));
}

static struct value set_member(struct key_filter *f, const struct step *s, struct value v)
{
    size_t n = json_array_size(s->args) - 1;
    v = as_text(f, v);
    if (v.kind != TEXT || !spend(f, n / 4))
        return nothing;
    for (size_t i = 0; i < n; i++)
        if (is_same(v, as_text(f, value_of(arg(s, i)))))
            return truth(true);
    return truth(false);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned least_of_two = a < b ? a : b;
    return least_of_two < c ? least_of_two : c;
}

/* Levenshtein's; both are short. */
static unsigned edits(struct slice a, struct slice b)
{
    unsigned row[KEY_FILTER_TEXT_MAX + 1];
    for (unsigned k = 0; k <= b.len; k++)
        row[k] = k;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned before = row[0];
        row[0] = i;
        for (unsigned k = 1; k <= b.len; k++) {
            unsigned above = row[k];
            row[k] = least(above + 1, row[k - 1] + 1, before + (a.data[i - 1] != b.data[k - 1]));
            before = above;
        }
    }
    return row[b.len];
}

static struct value similar_to(struct key_filter *f, const struct step *s, struct value v)
{
    struct slice to = json_text(arg(s, 0));
    json_int_t max = json_integer_value(arg(s, 1));
    v = as_text(f, v);
    if (v.kind != TEXT)
        return nothing;
    /* No more edits than the longer one is long, no fewer than it is longer. */
    size_t longer = v.text.len > to.len ? v.text.len : to.len, shorter = v.text.len + to.len - longer;
    if (max < 0 || longer - shorter > (size_t)max)
        return truth(false);
    if (longer <= (size_t)max || longer > 2 * KEY_FILTER_TEXT_MAX)
        return truth(longer <= (size_t)max);
    return spend(f, longer * to.len / 64) ? truth(edits(v.text, to) <= (size_t)max) : nothing;
}

static struct value starts_with(struct key_filter *f, const struct step *s, struct value v)
{
    struct slice with = json_text(arg(s, 0));
    v = as_text(f, v);
    return truth(v.kind == TEXT && v.text.len >= with.len &&
                 (!with.len || memcmp(v.text.data, with.data, with.len) == 0));
}

static struct value ends_with(struct key_filter *f, const struct step *s, struct value v)
{
    struct slice with = json_text(arg(s, 0));
    v = as_text(f, v);
    return truth(v.kind == TEXT && v.text.len >= with.len &&
                 (!with.len || memcmp(v.text.data + v.text.len - with.len, with.data, with.len) == 0));
}

/* --- chains --- */

/* An empty one lets everything pass. */
static struct value run(struct key_filter *f, const struct chain *c, struct value v)
{
    if (c->count == 0)
        return truth(true);
    for (size_t i = 0; i < c->count && v.kind != NOTHING; i++)
        v = spend(f, 1 + v.text.len / 64) ? c->step[i].run(f, &c->step[i], v) : nothing;
    return v.kind == TRUTH ? v : nothing;
}

/* The first that decides; what nothing can be made of is neither. */
static struct value first_that_is(struct key_filter *f, const struct step *s, struct value v, bool decides)
{
    struct value so_far = truth(!decides);
    for (size_t i = 0; so_far.kind == TRUTH && so_far.truth != decides && i < s->chains; i++)
        so_far = run(f, &s->chain[i], v);
    return so_far;
}

static struct value all_of(struct key_filter *f, const struct step *s, struct value v)
{
    return first_that_is(f, s, v, false);
}

static struct value any_of(struct key_filter *f, const struct step *s, struct value v)
{
    return first_that_is(f, s, v, true);
}

static struct value none_of(struct key_filter *f, const struct step *s, struct value v)
{
    v = run(f, &s->chain[0], v);
    return v.kind == TRUTH ? truth(!v.truth) : nothing;
}

/* --- by their names --- */

static const struct filter_kind kinds[] = {
    {"int_to_string", "", int_to_string},
    {"string_to_int", "", string_to_int},
    {"float_to_string", "", float_to_string},
    {"string_to_float", "", string_to_float},
    {"to_upper", "", to_upper},
    {"to_lower", "", to_lower},
    {"tokenize", "tn", tokenize},
    {"urldecode", "", urldecode},
    {"greater_than", "v", greater_than},
    {"less_than", "v", less_than},
    {"greater_than_eq", "v", greater_than_eq},
    {"less_than_eq", "v", less_than_eq},
    {"between", "vv[b", between},
    {"matches", "t", matches},
    {"neq", "v", neq},
    {"eq", "v", eq},
    {"set_member", "v*", set_member},
    {"similar_to", "tn", similar_to},
    {"starts_with", "t", starts_with},
    {"ends_with", "t", ends_with},
    {"and", "c*", all_of},
    {"or", "c*", any_of},
    {"not", "c", none_of},
};

const struct filter_kind *filter_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool key_filter_passes(struct key_filter *f, struct slice key)
{
    arena_reset(&f->arena);
    f->left = KEY_FILTER_COST_MAX;
    struct value v = run(f, &f->chain, (struct value){.kind = TEXT, .text = key});
    return v.kind == TRUTH && v.truth;
}
