#include "server/key_filter.h"

#include "base/arena.h"
#include "server/term_regex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  8
#define MEMORY_MAX ((size_t)512 * 1024) /* for one key */

/* What a key has become on its way. */
struct value {
    enum { NOTHING, TEXT, INTEGER, REAL, TRUTH } kind;
    struct slice text;
    json_int_t integer;
    double real;
    bool truth;
};

struct step;
typedef struct value (*step_f)(struct key_filter *f, const struct step *s, struct value v);

struct chain {
    struct step *step;
    size_t count;
};

struct step {
    step_f run;
    const json_t *args;       /* the list that it is of: its name first */
    struct term_regex *regex; /* of matches */
    struct chain *chain;      /* of and, or, not */
    size_t chains;
};

struct key_filter {
    struct chain chain;
    struct arena arena; /* of the key under way */
    size_t steps;
};

static const struct value nothing = {.kind = NOTHING};

static struct value truth(bool is)
{
    return (struct value){.kind = TRUTH, .truth = is};
}

static struct value text(const void *bytes, size_t len)
{
    return (struct value){.kind = TEXT, .text = slice_make(bytes, len)};
}

static struct slice text_of(const json_t *v)
{
    return slice_make(json_string_value(v), json_string_length(v));
}

static const json_t *arg(const struct step *s, size_t i)
{
    return json_array_get(s->args, i + 1);
}

static struct value value_of(const json_t *v)
{
    if (json_is_string(v))
        return (struct value){.kind = TEXT, .text = text_of(v)};
    if (json_is_integer(v))
        return (struct value){.kind = INTEGER, .integer = json_integer_value(v)};
    return json_is_real(v) ? (struct value){.kind = REAL, .real = json_real_value(v)} : nothing;
}

/* --- what becomes of it --- */

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

/* A number that is all of the text, which begins as Erlang's do. */
static const char *digits_of(struct key_filter *f, struct value v)
{
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

static struct value string_to_float(struct key_filter *f, const struct step *s, struct value v)
{
    const char *at = digits_of(f, v);
    char *end;
    (void)s;
    errno = 0;
    double x = at && strchr(at, '.') && !strpbrk(at, "xX") ? strtod(at, &end) : 0;
    bool good = at && strchr(at, '.') && !strpbrk(at, "xX") && end > at && !*end && !errno;
    return good ? (struct value){.kind = REAL, .real = x} : nothing;
}

static struct value change_case(struct key_filter *f, struct value v, char first, int by)
{
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
    struct slice between = text_of(arg(s, 0));
    json_int_t left = json_integer_value(arg(s, 1));
    (void)f;
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
    uint8_t *p = v.kind == TEXT ? arena_alloc(&f->arena, v.text.len + 1) : NULL;
    size_t n = 0;
    (void)s;
    for (size_t i = 0; p && i < v.text.len && v.text.data[i] != '&' && v.text.data[i] != ';'; i++) {
        const uint8_t *at = v.text.data + i;
        bool coded = at[0] == '%' && i + 2 < v.text.len && hex_of(at[1]) >= 0 && hex_of(at[2]) >= 0;
        p[n++] = coded ? (uint8_t)(hex_of(at[1]) << 4 | hex_of(at[2])) : at[0] == '+' ? ' ' : at[0];
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
    (void)f;
    return truth(v.kind == TEXT && term_regex_matches(s->regex, v.text));
}

static struct value as_text(struct key_filter *f, struct value v)
{
    return v.kind == INTEGER ? int_to_string(f, NULL, v) : v.kind == REAL ? float_to_string(f, NULL, v) : v;
}

static struct value set_member(struct key_filter *f, const struct step *s, struct value v)
{
    size_t n = json_array_size(s->args) - 1;
    v = as_text(f, v);
    for (size_t i = 0; v.kind == TEXT && i < n; i++)
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
    struct slice to = text_of(arg(s, 0));
    json_int_t max = json_integer_value(arg(s, 1));
    v = as_text(f, v);
    if (v.kind != TEXT)
        return nothing;
    /* No more edits than the longer one is long, no fewer than it is longer. */
    size_t longer = v.text.len > to.len ? v.text.len : to.len, shorter = v.text.len + to.len - longer;
    if (max < 0 || longer - shorter > (size_t)max)
        return truth(false);
    return truth(longer <= (size_t)max || (longer <= 2 * KEY_FILTER_TEXT_MAX && edits(v.text, to) <= (size_t)max));
}

static struct value starts_with(struct key_filter *f, const struct step *s, struct value v)
{
    struct slice with = text_of(arg(s, 0));
    v = as_text(f, v);
    return truth(v.kind == TEXT && v.text.len >= with.len &&
                 (!with.len || memcmp(v.text.data, with.data, with.len) == 0));
}

static struct value ends_with(struct key_filter *f, const struct step *s, struct value v)
{
    struct slice with = text_of(arg(s, 0));
    v = as_text(f, v);
    return truth(v.kind == TEXT && v.text.len >= with.len &&
                 (!with.len || memcmp(v.text.data + v.text.len - with.len, with.data, with.len) == 0));
}

/* --- chains --- */

static bool passes(struct key_filter *f, const struct chain *c, struct value v)
{
    for (size_t i = 0; i < c->count && v.kind != NOTHING; i++)
        v = c->step[i].run(f, &c->step[i], v);
    return c->count == 0 || (v.kind == TRUTH && v.truth);
}

static struct value all_of(struct key_filter *f, const struct step *s, struct value v)
{
    bool all = true;
    for (size_t i = 0; all && i < s->chains; i++)
        all = passes(f, &s->chain[i], v);
    return truth(all);
}

static struct value any_of(struct key_filter *f, const struct step *s, struct value v)
{
    bool any = false;
    for (size_t i = 0; !any && i < s->chains; i++)
        any = passes(f, &s->chain[i], v);
    return truth(any);
}

static struct value none_of(struct key_filter *f, const struct step *s, struct value v)
{
    return truth(!passes(f, &s->chain[0], v));
}

/* --- reading --- */

/* args: of each argument what it is to be: t text, n whole number, v text or number, b true or false, c chain; in
 * brackets, the last: it may be left out; a star behind it: any number of them. */
static const struct {
    const char *name, *args;
    step_f run;
} kinds[] = {
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

struct reader {
    struct key_filter *f;
    char *why;
    size_t size;
};

static bool fail(const struct reader *r, const char *name, const char *what)
{
    snprintf(r->why, r->size, "key_filters: %.40s: %s", name, what);
    return false;
}

static bool read_chain(const struct reader *r, const json_t *list, unsigned depth, struct chain *out);

static bool is_of(const json_t *v, char what)
{
    switch (what) {
    case 't':
        return json_is_string(v);
    case 'n':
        return json_is_integer(v);
    case 'v':
        return json_is_string(v) || json_is_number(v);
    case 'b':
        return json_is_boolean(v);
    default:
        return json_is_array(v);
    }
}

static bool fits(const json_t *list, const char *args)
{
    size_t n = json_array_size(list) - 1, i = 0;
    const char *at = args;
    for (; i < n && *at; i++) {
        at += *at == '[';
        if (!is_of(json_array_get(list, i + 1), *at))
            return false;
        at += at[1] != '*';
    }
    bool enough = !*at || *at == '[' || (at[1] == '*' && i > 0);
    return i == n && enough;
}

static bool read_step(const struct reader *r, const json_t *list, unsigned depth, struct step *out)
{
    const char *name = json_string_value(json_array_get(list, 0));
    size_t i = 0, count = sizeof kinds / sizeof kinds[0];
    if (!name)
        return fail(r, "?", "a filter is a list of its name and its arguments");
    while (i < count && strcmp(kinds[i].name, name) != 0)
        i++;
    if (i == count)
        return fail(r, name, "there is no such filter");
    if (++r->f->steps > KEY_FILTER_STEPS_MAX || depth > DEPTH_MAX)
        return fail(r, name, "too many filters, or too deep within each other");
    if (!fits(list, kinds[i].args))
        return fail(r, name, "these are not its arguments");
    *out = (struct step){.run = kinds[i].run, .args = list};
    if (kinds[i].run == similar_to && json_string_length(arg(out, 0)) > KEY_FILTER_TEXT_MAX)
        return fail(r, name, "a text of at most 256 bytes");
    if (kinds[i].run == matches) {
        char why[128];
        out->regex = term_regex_make(text_of(arg(out, 0)), why, sizeof why);
        return out->regex || fail(r, name, "this is no regular expression");
    }
    if (kinds[i].args[0] != 'c')
        return true;
    size_t n = json_array_size(list) - 1;
    out->chain = calloc(n, sizeof *out->chain);
    for (; out->chain && out->chains < n; out->chains++) {
        if (!read_chain(r, arg(out, out->chains), depth + 1, &out->chain[out->chains])) {
            out->chains++; /* what it holds is freed */
            return false;
        }
    }
    return out->chain || fail(r, name, "out of memory");
}

static bool read_chain(const struct reader *r, const json_t *list, unsigned depth, struct chain *out)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > KEY_FILTER_STEPS_MAX)
        return fail(r, "?", "a list of lists, each a name and its arguments");
    out->step = calloc(n + 1, sizeof *out->step);
    if (!out->step)
        return fail(r, "?", "out of memory");
    bool good = true;
    for (size_t i = 0; good && i < n; i++, out->count++)
        good = read_step(r, json_array_get(list, i), depth, &out->step[i]);
    return good;
}

static void free_chain(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct step *s = &c->step[i];
        term_regex_free(s->regex);
        for (size_t k = 0; k < s->chains; k++)
            free_chain(&s->chain[k]);
        free(s->chain);
    }
    free(c->step);
}

struct key_filter *key_filter_make(const json_t *list, char *why, size_t size)
{
    struct key_filter *f = calloc(1, sizeof *f);
    struct reader r = {f, why, size};
    if (!f) {
        fail(&r, "?", "out of memory");
        return NULL;
    }
    arena_init(&f->arena, MEMORY_MAX);
    if (read_chain(&r, list, 1, &f->chain))
        return f;
    key_filter_free(f);
    return NULL;
}

void key_filter_free(struct key_filter *f)
{
    if (!f)
        return;
    free_chain(&f->chain);
    arena_fini(&f->arena);
    free(f);
}

bool key_filter_passes(struct key_filter *f, struct slice key)
{
    arena_reset(&f->arena);
    return passes(f, &f->chain, (struct value){.kind = TEXT, .text = key});
}
