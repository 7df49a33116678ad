/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the key filters share. Not for users. */
#ifndef RIAK_KEY_FILTER_IMPL_H
#define RIAK_KEY_FILTER_IMPL_H

#include "riak/mapred/key_filter.h"

#include "base/arena.h"
#include "riak/mapred/json_text.h"
#include "api/term_regex.h"

#define KEY_FILTER_DEPTH_MAX  8
#define KEY_FILTER_MEMORY_MAX ((size_t)512 * 1024) /* for one key */
#define KEY_FILTER_COST_MAX   10000                /* likewise, of some 100 ns each */

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
    struct arena arena; /* of the key under way, */
    size_t left;        /* and what it may cost yet */
    size_t steps, regexes;
};

/* args: of each argument what it is to be: t text, n whole number, v text or number, b true or false, c chain; "[": the
 * next may be left out; "*" after it: one or any number of them. */
struct filter_kind {
    const char *name, *args;
    step_f run;
};
const struct filter_kind *filter_kind(const char *name); /* NULL: there is no such */

static inline const json_t *arg(const struct step *s, size_t i)
{
    return json_array_get(s->args, i + 1);
}

#endif
