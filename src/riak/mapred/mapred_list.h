/* SPDX-License-Identifier: Apache-2.0 */
/* The list of inputs that a job of map/reduce brings, which may be long: it stays the text that it is, and is decoded
 * one by one. */
#ifndef RIAK_MAPRED_LIST_H
#define RIAK_MAPRED_LIST_H

#include "riak/mapred/etf.h"

/* Values in one input, or in another part of a job: it is decoded as a whole. */
#define MAPRED_VALUES_MAX 16384

struct mapred_list {
    bool given;
    bool terms;
    struct slice json;     /* what follows, after the bracket; a view */
    bool begun, ended;     /* something was taken; the bracket that ends it was */
    struct etf_reader etf; /* the same of terms, */
    uint32_t left;         /* of which so many follow */
};

/* `text`: of JSON's array, and a list of them where it is no bucket with its type. */
void mapred_list_of_json(struct mapred_list *l, struct slice text);
/* Takes the list that is next, of terms. False: it is none. */
bool mapred_list_of_terms(struct mapred_list *l, struct etf_reader *r);

enum mapred_list_next { MAPRED_LIST_ONE, MAPRED_LIST_END, MAPRED_LIST_BAD };

/* The next, in JSON's form; a new reference. MAPRED_LIST_END: that was all, also when it is asked for once more.
 * MAPRED_LIST_BAD: it is none, or too large. */
enum mapred_list_next mapred_list_next(struct mapred_list *l, json_t **out);

#endif
