/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_sort.h"

#include <stdlib.h>
#include <string.h>

/* --- the order --- */

static int rank(const json_t *v)
{
    return json_is_number(v) ? 0 : json_is_object(v) ? 3 : json_is_array(v) ? 4 : json_is_string(v) ? 5 : 1;
}

static int cmp_texts(const json_t *a, const json_t *b)
{
    size_t x = json_string_length(a), y = json_string_length(b);
    int c = memcmp(json_string_value(a), json_string_value(b), x < y ? x : y);
    return c ? c : (x > y) - (x < y);
}

static int cmp_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return (json_integer_value(a) > json_integer_value(b)) - (json_integer_value(a) < json_integer_value(b));
    return (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
}

static int cmp(const json_t *a, const json_t *b)
{
    int c = (rank(a) > rank(b)) - (rank(a) < rank(b));
    if (c || a == b)
        return c;
    if (json_is_number(a))
        return cmp_numbers(a, b);
    if (json_is_string(a))
        return cmp_texts(a, b);
    if (!json_is_array(a))
        return (json_typeof(a) > json_typeof(b)) - (json_typeof(a) < json_typeof(b));
    for (size_t i = 0; !c && i < json_array_size(a) && i < json_array_size(b); i++)
        c = cmp(json_array_get(a, i), json_array_get(b, i));
    size_t x = json_array_size(a), y = json_array_size(b);
    return c ? c : (x > y) - (x < y);
}

/* A value in its place. The order above leaves some as one, objects, and whole numbers beside others: their kind and
 * their text tell them apart, so that equal ones come to stand beside each other. */
struct place {
    json_t *value;
    char *text; /* of lists and objects; NULL also where some of it is no UTF-8 */
};

static int cmp_places(const struct place *a, const struct place *b)
{
    int c = cmp(a->value, b->value);
    if (c || a->value == b->value)
        return c;
    c = (json_typeof(a->value) > json_typeof(b->value)) - (json_typeof(a->value) < json_typeof(b->value));
    return c || !a->text || !b->text ? c : strcmp(a->text, b->text);
}

static struct place place_of(json_t *value)
{
    bool has_text = json_is_object(value) || json_is_array(value);
    return (struct place){value, has_text ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL};
}

/* --- merging: runs of one value, then of two, four and so on --- */

struct mapred_sort {
    const json_t *values;
    bool distinct;
    size_t n, placed;
    size_t text_bytes;
    struct place *from, *to; /* of n values each */
    size_t width;            /* of the runs in `from` */
    size_t at;               /* where the two that are being merged begin; so many stand in `to` */
    size_t left, right;      /* how many of each of them are taken */
    size_t taken;            /* of the sorted ones into the list */
    json_t *out;
};

struct mapred_sort *mapred_sort_create(const json_t *values, bool distinct)
{
    struct mapred_sort *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct mapred_sort){.values = values, .distinct = distinct, .n = json_array_size(values), .width = 1};
    s->from = calloc(s->n + 1, sizeof *s->from);
    s->to = calloc(s->n + 1, sizeof *s->to);
    s->out = json_array();
    if (s->from && s->to && s->out)
        return s;
    mapred_sort_destroy(s);
    return NULL;
}

void mapred_sort_destroy(struct mapred_sort *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->from && i < s->placed; i++)
        free(s->from[i].text);
    free(s->from);
    free(s->to);
    json_decref(s->out);
    free(s);
}

size_t mapred_sort_bytes(const struct mapred_sort *s)
{
    return s->text_bytes + 2 * s->n * sizeof(struct place) + s->taken * sizeof(json_t *);
}

static void place_one(struct mapred_sort *s)
{
    struct place p = place_of(json_array_get(s->values, s->placed));
    s->text_bytes += p.text ? strlen(p.text) + 24 : 0;
    s->from[s->placed++] = p;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One more of the two runs at `at`, or the next two. A run that was merged has a value at each place: while the two are
 * merged both `from` and `to` have it, so that texts are freed once, from where they were. */
static void merge_one(struct mapred_sort *s)
{
    size_t middle = least(s->at + s->width, s->n), end = least(middle + s->width, s->n);
    size_t left = s->at + s->left, right = middle + s->right;
    size_t to = s->at + s->left + s->right;
    if (left < middle && (right == end || cmp_places(&s->from[left], &s->from[right]) <= 0)) {
        s->to[to] = s->from[left];
        s->left++;
    } else {
        s->to[to] = s->from[right];
        s->right++;
    }
    if (to + 1 < end)
        return;
    s->at = end;
    s->left = s->right = 0;
    if (end < s->n)
        return;
    struct place *merged = s->to;
    s->to = s->from;
    s->from = merged;
    s->width *= 2;
    s->at = 0;
}

static bool take_one(struct mapred_sort *s)
{
    size_t i = s->taken++;
    bool same = s->distinct && i && cmp_places(&s->from[i - 1], &s->from[i]) == 0;
    if (i) { /* it has been compared for the last time */
        free(s->from[i - 1].text);
        s->from[i - 1].text = NULL;
    }
    return same || json_array_append(s->out, s->from[i].value) == 0;
}

enum mapred_sort_state mapred_sort_step(struct mapred_sort *s, size_t count)
{
    for (; count; count--) {
        if (s->placed < s->n)
            place_one(s);
        else if (s->width < s->n)
            merge_one(s);
        else if (s->taken == s->n)
            return MAPRED_SORT_DONE;
        else if (!take_one(s))
            return MAPRED_SORT_NO_MEMORY;
    }
    return s->placed == s->n && s->width >= s->n && s->taken == s->n ? MAPRED_SORT_DONE : MAPRED_SORT_MORE;
}

json_t *mapred_sort_take(struct mapred_sort *s)
{
    json_t *out = s->out;
    s->out = NULL;
    return out;
}
