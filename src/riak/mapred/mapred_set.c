/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_set.h"

#include <stdlib.h>
#include <string.h>

struct mapred_set_entry {
    json_t *value; /* NULL: none */
    uint64_t hash;
};

static uint64_t mix(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 29;
}

static uint64_t hash_real(const struct hash_key *key, double real)
{
    real = real == 0 ? 0 : real; /* both zeros are one */
    return hash_bytes(key, slice_make(&real, sizeof real));
}

static uint64_t hash_integer(const struct hash_key *key, json_int_t n)
{
    return hash_bytes(key, slice_make(&n, sizeof n));
}

/* What a client chooses goes through the keyed hash before it is mixed. */
static uint64_t hash_of(const struct hash_key *key, const json_t *v)
{
    uint64_t hash = mix(0, (uint64_t)json_typeof(v));
    size_t i;
    const char *name;
    json_t *part;
    if (json_is_string(v))
        return mix(hash, hash_bytes(key, slice_make(json_string_value(v), json_string_length(v))));
    if (json_is_integer(v))
        return mix(hash, hash_integer(key, json_integer_value(v)));
    if (json_is_real(v))
        return mix(hash, hash_real(key, json_real_value(v)));
    if (json_is_array(v))
        json_array_foreach(v, i, part) hash = mix(hash, hash_of(key, part));
    else if (json_is_object(v))
        json_object_foreach((json_t *)(uintptr_t)v, name, part) hash +=
            mix(hash_bytes(key, slice_str(name)), hash_of(key, part)); /* in whatever order */
    return hash;
}

void mapred_set_fini(struct mapred_set *s)
{
    free(s->table);
    *s = (struct mapred_set){.key = s->key};
}

static bool grow(struct mapred_set *s)
{
    size_t cap = s->cap ? 2 * s->cap : 256;
    struct mapred_set_entry *table = calloc(cap, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < s->cap; i++) {
        size_t at = s->table[i].hash & (cap - 1);
        if (!s->table[i].value)
            continue;
        while (table[at].value)
            at = (at + 1) & (cap - 1);
        table[at] = s->table[i];
    }
    free(s->table);
    s->table = table;
    s->cap = cap;
    return true;
}

enum mapred_set_answer mapred_set_add(struct mapred_set *s, json_t *value)
{
    uint64_t hash = hash_of(&s->key, value);
    if (2 * (s->count + 1) > s->cap && !grow(s))
        return MAPRED_SET_NO_MEMORY;
    size_t at = hash & (s->cap - 1);
    for (; s->table[at].value; at = (at + 1) & (s->cap - 1))
        if (s->table[at].hash == hash && json_equal(s->table[at].value, value))
            return MAPRED_SET_HAS;
    s->table[at] = (struct mapred_set_entry){value, hash};
    s->count++;
    return MAPRED_SET_NEW;
}
