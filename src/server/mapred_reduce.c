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
    if (c)
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

static int cmp_places(const void *pa, const void *pb)
{
    return cmp(*(json_t *const *)pa, *(json_t *const *)pb);
}

static json_t *sorted(const json_t *values, bool distinct)
{
    size_t n = json_array_size(values);
    json_t **at = malloc((n + 1) * sizeof *at), *out = at ? json_array() : NULL;
    for (size_t i = 0; out && i < n; i++)
        at[i] = json_array_get(values, i);
    if (out)
        qsort(at, n, sizeof *at, cmp_places);
    for (size_t i = 0; out && i < n; i++) {
        if (distinct && i && json_equal(at[i - 1], at[i]))
            continue;
        if (json_array_append(out, at[i])) {
            json_decref(out);
            out = NULL;
        }
    }
    free(at);
    return out;
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
        if (!sum)
            return NULL;
    }
    return list_of(sum);
}

static json_t *count_of(const json_t *values)
{
    json_int_t n = 0;
    json_t *value;
    size_t i;
    json_array_foreach(values, i, value) n +=
        json_is_integer(value) ? json_integer_value(value) : 1; /* a number is what was counted before */
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
        return count_of(values);
    case REDUCE_PLIST_SUM:
        return plist_sum_of(values, why);
    case REDUCE_STRING_TO_INTEGER:
        return integers_of(values, why);
    default: /* identity */
        return identity_of(values, why);
    }
}
