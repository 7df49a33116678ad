/* SPDX-License-Identifier: Apache-2.0 */
/* Values in their order, numbers, objects, lists, texts, as Erlang orders its terms; sorted in steps, because there may
 * be many. */
#ifndef RIAK_MAPRED_SORT_H
#define RIAK_MAPRED_SORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct mapred_sort;

/* `values`, a list, is borrowed until mapred_sort_destroy(). `distinct`: of equal ones one. NULL: E_NOMEM. */
struct mapred_sort *mapred_sort_create(const json_t *values, bool distinct);
void mapred_sort_destroy(struct mapred_sort *s); /* NULL is allowed */

enum mapred_sort_state { MAPRED_SORT_MORE, MAPRED_SORT_DONE, MAPRED_SORT_NO_MEMORY };

/* Goes on for about so many values. */
enum mapred_sort_state mapred_sort_step(struct mapred_sort *s, size_t count);
/* What it has beside the values themselves, bytes. */
size_t mapred_sort_bytes(const struct mapred_sort *s);
/* When it is done: the list, once; a new reference. */
json_t *mapred_sort_take(struct mapred_sort *s);

#endif
