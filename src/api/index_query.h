/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of secondary indexes: for one term or a range of them, of a field of the objects, of their keys ("$key"), or
 * for all keys ("$bucket"). A door fills in a struct index_request, prepares it, and gathers hits in steps:
 *
 *   index_query_prepare()
 *   until the scan has ended:  index_query_next(), then ask_query() with q->router; each hit that
 *                              index_query_admits() is answered at once, or, if q->in_order, kept
 *   if q->in_order:            index_query_sort_some() until it says true, then the hits from index_query_hit()
 *   index_query_end_page()     and its continuation, if it is not empty
 *   index_query_fini()
 *
 * What is kept counts as q->hits.bytes of memory. */
#ifndef API_INDEX_QUERY_H
#define API_INDEX_QUERY_H

#include "api/api.h"
#include "api/outcome.h"
#include "api/principal.h"
#include "api/top_k.h"
#include "base/buf.h"

struct index_request {
    struct slice type, bucket;
    struct slice field; /* ends in _bin or _int, in any case; or "$key", "$bucket" */
    bool is_range;      /* from `min` to `max`, both included; else for `min` alone */
    bool has_min, has_max;
    struct slice min, max;
    bool return_terms; /* with each key its term; of a range of a field */
    bool in_order;     /* by term, then key; pages are in any case */
    bool has_page;     /* at most page_size hits, and a continuation for what follows */
    uint32_t page_size;
    bool has_regex; /* terms that match it alone, of a field _bin; keys of "$key" */
    struct slice regex;
    bool has_continuation; /* as index_query_end_page() has given it, of the page before; "" is the first page */
    struct slice continuation;
};

struct index_query {
    struct router_query router; /* views of `text` */
    bool terms;                 /* hits are answered with their terms */
    bool in_order;              /* hits are kept until all are gathered */
    bool paged;
    size_t max; /* hits that are answered; SIZE_MAX: all */
    struct top_k hits;
    struct term_regex *regex; /* or NULL */
    struct buf text;
    struct buf continuation;
    char why[256]; /* of BAD_REGEX */
};

/* Permission riak_kv.index. DENIED, NOT_SERVING, NO_TYPE, NO_MEMORY, BAD_FIELD, NO_TERM, BAD_RANGE, BAD_TERM,
 * BAD_REGEX, REGEX_OF_INTEGERS, BAD_CONTINUATION. `r` is borrowed for the call, and by the outcome. `q` may be zeros
 * before; it is to be ended by index_query_fini() in any case, after the outcome was used. */
bool index_query_prepare(const struct api *a, const struct principal *who, const struct index_request *r,
                         struct index_query *q, struct outcome *out);
void index_query_fini(struct index_query *q);

/* Before each step: leaves out what cannot be a hit of the page any more. */
void index_query_next(struct index_query *q);
bool index_query_admits(const struct index_query *q, const struct router_hit *hit);
/* Of a query in order. E_NOMEM. */
int index_query_keep(struct index_query *q, const struct router_hit *hit);
/* Forgets what was kept: the scan begins again. */
void index_query_restart(struct index_query *q);
/* True: all hits are in order; else to be called again. */
bool index_query_sort_some(struct index_query *q, size_t count);
static inline struct router_hit index_query_hit(const struct index_query *q, size_t i)
{
    return top_k_at(&q->hits, i); /* i < q->hits.count */
}
/* Writes q->continuation, if the page is full: another one follows, maybe an empty one. E_NOMEM. */
int index_query_end_page(struct index_query *q);

#endif
