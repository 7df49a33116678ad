#include "server/mapred_reduce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the order of values: numbers, objects, lists, texts, as Erlang orders its terms --- */

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

static int cmp_places(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;
    int c = cmp(a->value, b->value);
    if (c || a->value == b->value)
        return c;
    c = (json_typeof(a->value) > json_typeof(b->value)) - (json_typeof(a->value) < json_typeof(b->value));
    return c || !a->text || !b->text ? c : strcmp(a->text, b->text);
}

static void place(struct place *p, json_t *value)
{
    bool has_text = json_is_object(value) || json_is_array(value);
    *p = (struct place){value, has_text ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL};
}

static json_t *sorted(const json_t *values, bool distinct)
{
    size_t n = json_array_size(values);
    struct place *at = calloc(n + 1, sizeof *at);
    json_t *out = at ? json_array() : NULL;
    bool good = out != NULL;
    for (size_t i = 0; at && i < n; i++)
        place(&at[i], json_array_get(values, i));
    if (good)
        qsort(at, n, sizeof *at, cmp_places);
    for (size_t i = 0; good && i < n; i++)
        if (!distinct || !i || cmp_places(&at[i - 1], &at[i]) != 0)
            good = json_array_append(out, at[i].value) == 0;
    for (size_t i = 0; at && i < n; i++)
        free(at[i].text);
    free(at);
    if (good)
        return out;
    json_decref(out);
    return NULL;
}

/* --- sums --- */

static bool is_not_found(const json_t *v)
{
    return json_is_object(v) && json_object_get(v, "not_found");
}

static json_t *list_of(json_t *value)
{
    json_t *list = value ? json_array() : NULL;
    if (!list || json_array_append_new(list, value)) {
        if (!list)
            json_decref(value);
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *add(json_t *a, const json_t *b)
{
    json_int_t sum;
    if (json_is_integer(a) && json_is_integer(b) &&
        !__builtin_add_overflow(json_integer_value(a), json_integer_value(b), &sum))
        return json_integer(sum);
    return json_real(json_number_value(a) + json_number_value(b));
}

static json_t *sum_of(const json_t *values, const char **why)
{
    json_t *sum = json_integer(0), *value, *next;
    size_t i;
    json_array_foreach(values, i, value)
    {
        if (is_not_found(value))
            continue;
        if (!json_is_number(value))
            *why = "badarith: a value is no number";
        next = json_is_number(value) && sum ? add(sum, value) : NULL;
        json_decref(sum);
        sum = next;
        if (!sum && !*why)
            *why = "badarith: the sum is no number that JSON holds, or memory is out";
        if (!sum)
            return NULL;
    }
    return list_of(sum);
}

/* A number is what was counted before. */
static json_t *count_of(const json_t *values, const char **why)
{
    json_int_t n = 0;
    json_t *value;
    size_t i;
    json_array_foreach(values, i, value)
    {
        json_int_t more = json_is_integer(value) ? json_integer_value(value) : 1;
        if (__builtin_add_overflow(n, more, &n)) {
            *why = "badarith: more than 64 bits hold";
            return NULL;
        }
    }
    return list_of(json_integer(n));
}

static bool add_to(json_t *sums, const char *name, const json_t *value)
{
    json_t *before = json_object_get(sums, name), *after;
    if (!json_is_number(value))
        return false;
    after = before ? add(before, value) : json_copy((json_t *)(uintptr_t)value);
    return after && json_object_set_new(sums, name, after) == 0;
}

static json_t *plist_sum_of(const json_t *values, const char **why)
{
    json_t *sums = json_object(), *value, *number;
    const char *name;
    size_t i;
    bool good = sums != NULL;
    json_array_foreach(values, i, value)
    {
        if (json_is_object(value))
            json_object_foreach(value, name, number) good = good && add_to(sums, name, number);
        else if (json_array_size(value) == 2 && json_is_string(json_array_get(value, 0)))
            good = good && add_to(sums, json_string_value(json_array_get(value, 0)), json_array_get(value, 1));
        else
            good = false;
    }
    if (good)
        return list_of(sums);
    *why = "badarg: a value is no object or pair of names and numbers";
    json_decref(sums);
    return NULL;
}

/* As Erlang reads one: no blanks around it. False: it is none, or one that 64 bits do not hold. */
static bool integer_of(const json_t *value, json_int_t *out)
{
    const char *text = json_string_value(value);
    char *end;
    bool begins = text && (text[0] == '-' || text[0] == '+' || (text[0] >= '0' && text[0] <= '9'));
    errno = 0;
    *out = begins ? strtoll(text, &end, 10) : 0;
    return begins && end == text + json_string_length(value) && errno == 0;
}

static json_t *integers_of(const json_t *values, const char **why)
{
    json_t *out = json_array(), *value;
    size_t i;
    json_array_foreach(values, i, value)
    {
        json_int_t n;
        if (is_not_found(value))
            continue;
        bool is_text = integer_of(value, &n);
        if (!is_text && !json_is_integer(value))
            *why = "badarg: a value is no text of a whole number of 64 bits";
        if (*why || json_array_append_new(out, is_text ? json_integer(n) : json_incref(value))) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* [bucket, key], or [bucket, key, null, type]: without the key's data. */
static json_t *place_of(const json_t *value)
{
    json_t *bucket = json_array_get(value, 0), *key = json_array_get(value, 1), *type = json_array_get(value, 3);
    return type ? json_pack("[O, O, n, O]", bucket, key, type) : json_pack("[O, O]", bucket, key);
}

static json_t *identity_of(const json_t *values, const char **why)
{
    json_t *out = json_array(), *value;
    size_t i;
    json_array_foreach(values, i, value)
    {
        bool is_place = json_array_size(value) >= 2;
        if (!is_place)
            *why = "unhandled_entry: a value is no bucket and key";
        if (!is_place || json_array_append_new(out, place_of(value))) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

json_t *mapred_reduce(enum mapred_function f, const json_t *values, const char **why)
{
    *why = NULL;
    switch (f) {
    case REDUCE_SORT:
        return sorted(values, false);
    case REDUCE_SET_UNION:
        return sorted(values, true);
    case REDUCE_SUM:
        return sum_of(values, why);
    case REDUCE_COUNT_INPUTS:
        return count_of(values, why);
    case REDUCE_PLIST_SUM:
        return plist_sum_of(values, why);
    case REDUCE_STRING_TO_INTEGER:
        return integers_of(values, why);
    default: /* identity */
        return identity_of(values, why);
    }
}
