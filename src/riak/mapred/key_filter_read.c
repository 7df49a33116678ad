/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/key_filter_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct key_filter *f;
    char *why;
    size_t size;
};

static bool fail(const struct reader *r, const char *name, const char *what)
{
    char shown[41] = ""; /* it stands in a text of JSON */
    for (size_t i = 0; i < sizeof shown - 1 && name[i]; i++)
        shown[i] = name[i] >= ' ' && name[i] <= '~' && name[i] != '"' && name[i] != '\\' ? name[i] : '?';
    snprintf(r->why, r->size, "key_filters: %s: %s", shown, what);
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
    const struct filter_kind *kind = name ? filter_kind(name) : NULL;
    if (!name)
        return fail(r, "?", "a filter is a list of its name and its arguments");
    if (!kind)
        return fail(r, name, "there is no such filter");
    if (++r->f->steps > KEY_FILTER_STEPS_MAX || depth > KEY_FILTER_DEPTH_MAX)
        return fail(r, name, "too many filters, or too deep within each other");
    if (!fits(list, kind->args))
        return fail(r, name, "these are not its arguments");
    *out = (struct step){.run = kind->run, .args = list};
    if (strcmp(name, "similar_to") == 0 && json_string_length(arg(out, 0)) > KEY_FILTER_TEXT_MAX)
        return fail(r, name, "a text of at most 256 bytes");
    if (strcmp(name, "matches") == 0) {
        char why[128];
        if (++r->f->regexes > KEY_FILTER_REGEXES_MAX)
            return fail(r, name, "too many regular expressions");
        out->regex = term_regex_make(json_text(arg(out, 0)), why, sizeof why);
        return out->regex || fail(r, name, "this is no regular expression");
    }
    if (kind->args[0] != 'c')
        return true;
    size_t n = json_array_size(list) - 1;
    r->f->steps += n;
    if (r->f->steps > KEY_FILTER_STEPS_MAX)
        return fail(r, name, "too many filters");
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
    arena_init(&f->arena, KEY_FILTER_MEMORY_MAX);
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
