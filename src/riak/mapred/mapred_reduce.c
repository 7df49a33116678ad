/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_reduce.h"

#include "riak/mapred/mapred_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *sorted(const json_t *values, bool distinct)
{
    struct mapred_sort *sort = mapred_sort_create(values, distinct);
    enum mapred_sort_state state = sort ? MAPRED_SORT_MORE : MAPRED_SORT_NO_MEMORY;
    while (state == MAPRED_SORT_MORE)
        state = mapred_sort_step(sort, SIZE_MAX);
    json_t *out = state == MAPRED_SORT_DONE ? mapred_sort_take(sort) : NULL;
    mapred_sort_destroy(sort);
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
