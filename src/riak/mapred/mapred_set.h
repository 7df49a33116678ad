/* SPDX-License-Identifier: Apache-2.0 */
/* Which values a list has: to leave out what it has already. Equal is what mapred_sort.h calls so. */
#ifndef RIAK_MAPRED_SET_H
#define RIAK_MAPRED_SET_H

#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct mapred_set {
    struct mapred_set_entry *table; /* the values are borrowed */
    size_t count, cap;
    struct hash_key key; /* secret: who chooses the values must not choose where they stand */
};

/* Zeroed at the start, but for the key. Afterwards it is empty, and may be used again. */
void mapred_set_fini(struct mapred_set *s);

enum mapred_set_answer { MAPRED_SET_NEW, MAPRED_SET_HAS, MAPRED_SET_NO_MEMORY };

/* MAPRED_SET_NEW: it has it now. */
enum mapred_set_answer mapred_set_add(struct mapred_set *s, json_t *value);

#endif
