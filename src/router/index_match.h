/* SPDX-License-Identifier: Apache-2.0 */
/* A query of a secondary index: which terms of an object it hits, and the order of hits. Pure functions; the scan over
 * the partitions is in router_list.c. */
#ifndef ROUTER_INDEX_MATCH_H
#define ROUTER_INDEX_MATCH_H

#include "router/router.h"
#include "wire/coder.h"

/* Fields "_int" hold whole numbers in canonical decimal (see put_content.h), of any size, and are ordered as such; all
 * else is bytes. */
bool index_match_is_integer(struct slice index);
bool index_match_is_special(struct slice index); /* "$key", "$bucket" */
bool index_match_is_index(struct slice index);   /* or a field "_bin" or "_int": there is nothing else */
int index_match_cmp_terms(bool integer, struct slice a, struct slice b);
/* By term, then key. */
int index_match_cmp_hits(bool integer, const struct router_hit *a, const struct router_hit *b);

/* Calls f for each term of the object that is hit, each once; of "$key" and "$bucket" once, with an empty term. */
void index_match_object(const struct router_query *q, struct slice key, const struct object *o, router_hit_f f,
                        void *arg);

/* Finds the terms for store_keep_index(). */
bool index_match_next_term(struct slice *meta, struct store_term *out);
/* The range of the store's index that a query is for; not of a special one. */
struct store_range index_match_range(const struct router_query *q);

void index_match_code(struct coder *c, struct router_query *q); /* read: views */

#endif
