/* SPDX-License-Identifier: Apache-2.0 */
/* The key filters of map/reduce: a chain of functions, by their names, through which each key goes, and which ends in
 * true for those that pass. They are Riak's (riak_kv_mapred_filters): what becomes of the key stands left of ":".
 *
 *   whatever  int_to_string, float_to_string; string_to_int, string_to_float; to_upper, to_lower; [tokenize,
 * characters, number from 1 on]; urldecode boolean   [greater_than | less_than | greater_than_eq | less_than_eq | eq |
 * neq, value]; [between, low, high, inclusive = true]; [matches, regular expression]; [set_member, text...];
 *             [similar_to, text, edits]; [starts_with | ends_with, text]; [and | or, chain...]; [not, chain]
 *
 * A key that a filter can make nothing of, such as the number of a text that is none, does not pass, not by "not"
 * either. What one key may cost is bounded, in time and in memory: nothing is made of one that costs more. */
#ifndef RIAK_KEY_FILTER_H
#define RIAK_KEY_FILTER_H

#include "base/slice.h"

#include <jansson.h>

#define KEY_FILTER_STEPS_MAX   256 /* in all chains of one */
#define KEY_FILTER_TEXT_MAX    256 /* of similar_to */
#define KEY_FILTER_REGEXES_MAX 16

struct key_filter;

/* `list`: of lists, each a name and its arguments; borrowed as long as the filter is used. NULL: it is none, and `why`
 * says what is wrong; or out of memory. */
struct key_filter *key_filter_make(const json_t *list, char *why, size_t size);
void key_filter_free(struct key_filter *f); /* or NULL */
bool key_filter_passes(struct key_filter *f, struct slice key);

#endif
