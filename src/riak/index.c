/* SPDX-License-Identifier: Apache-2.0 */
/* RpbIndexReq (riak-protocol.md section 10). Unless an order is asked for, hits go out as they are found. */
#include "api/ask.h"
#include "api/authorize.h"
#include "api/index_query.h"
#include "api/target.h"
#include "riak/dispatch.h"
#include "riak/error_reply.h"
#include "session/scan.h"
#include "wire/index_msg.h"

#include <stdio.h>
#include <stdlib.h>

struct index_scan {
    struct scan scan; /* first */
    struct index_query query;
    size_t answered; /* hits of those that were kept */
};

static struct index_scan *index_of(struct scan *w)
{
    return (struct index_scan *)(void *)w;
}

/* --- the scan --- */

static void answer_hit(struct index_scan *x, const struct router_hit *hit)
{
    struct slice names[] = {hit->term, hit->key};
    bool terms = x->query.terms;
    scan_add(&x->scan, terms ? names : names + 1, terms ? 2 : 1, x->query.hits.bytes);
}

static void on_hit(void *arg, const struct router_hit *hit)
{
    struct index_scan *x = arg;
    if (x->scan.failed || x->scan.starved || !index_query_admits(&x->query, hit))
        return;
    if (!x->query.in_order)
        answer_hit(x, hit);
    else if (index_query_keep(&x->query, hit))
        x->scan.failed = true;
    else
        scan_hold(&x->scan, x->query.hits.bytes);
}

static enum router_state step(struct scan *w, struct router_request *q)
{
    struct index_scan *x = index_of(w);
    index_query_next(&x->query);
    return ask_query(&w->session->server->api, q, &w->router, scan_type(w), scan_bucket(w), &x->query.router, on_hit,
                     x);
}

#define SORTED_AT_ONCE   256
#define ANSWERED_AT_ONCE 256

static enum scan_finish finish(struct scan *w)
{
    struct index_scan *x = index_of(w);
    if (!index_query_sort_some(&x->query, SORTED_AT_ONCE))
        return SCAN_MORE;
    for (unsigned n = 0; n < ANSWERED_AT_ONCE && x->answered < x->query.hits.count; n++) {
        struct router_hit hit = index_query_hit(&x->query, x->answered++);
        answer_hit(x, &hit);
    }
    if (x->answered < x->query.hits.count)
        return SCAN_MORE;
    x->scan.failed = x->scan.failed || index_query_end_page(&x->query) != 0;
    return SCAN_ENDED;
}

static void restart(struct scan *w)
{
    struct index_scan *x = index_of(w);
    index_query_restart(&x->query);
    x->answered = 0;
}

static int add(struct scan *w, struct buf *out, const struct slice *names, size_t count)
{
    return index_resp_encode(out, names, count, index_of(w)->query.terms, slice_make(NULL, 0), false);
}

static int end(struct scan *w, struct buf *out)
{
    const struct index_query *q = &index_of(w)->query;
    return index_resp_encode(out, NULL, 0, q->terms, buf_slice(&q->continuation), w->streamed);
}

static void destroy(struct scan *w)
{
    struct index_scan *x = index_of(w);
    index_query_fini(&x->query);
    free(x);
}

static const struct scan_ops ops = {MSG_INDEX_RESP,  step,    finish, riak_part_begin, add, end,
                                    riak_part_close, restart, destroy};

/* --- what is asked --- */

#define SHOWN_MAX 256

/* "undefined", or the bytes as Erlang shows them. */
static void show(char *out, size_t size, struct slice s, bool has)
{
    if (has)
        snprintf(out, size, "<<\"%.*s\">>", (int)(s.len < SHOWN_MAX ? s.len : SHOWN_MAX), (const char *)s.data);
    else
        snprintf(out, size, "undefined");
}

/* What is missing of a range is named beside what is there. */
static void refuse(struct session *s, const struct index_req *req, const struct outcome *o)
{
    char min[SHOWN_MAX + 16], max[SHOWN_MAX + 16], text[2 * sizeof min + 64];
    struct riak_words words = {.text = {[OUTCOME_BAD_RANGE] = text}};
    show(min, sizeof min, req->min, req->has_min);
    show(max, sizeof max, req->max, req->has_max);
    snprintf(text, sizeof text, "Invalid range query: %s -> %s", min, max);
    riak_refuse(s, &words, o);
}

/* Riak asks for the permission first. */
static void refuse_names(struct session *s, const struct index_req *req)
{
    struct outcome refused;
    if (!authorize_in(&s->server->api, &s->who, MAY_INDEX, req->type, req->bucket, &refused))
        riak_refuse(s, NULL, &refused);
    else
        riak_refuse_malformed(s, req->has_bucket ? "RpbIndexReq without index" : "RpbIndexReq without bucket");
}

static struct index_request request_of(const struct index_req *req)
{
    return (struct index_request){.type = req->type,
                                  .bucket = req->bucket,
                                  .field = req->index,
                                  .is_range = req->is_range,
                                  .has_min = req->is_range ? req->has_min : req->has_key,
                                  .has_max = req->has_max,
                                  .min = req->is_range ? req->min : req->key,
                                  .max = req->max,
                                  .return_terms = req->return_terms,
                                  .in_order = req->pagination_sort,
                                  .has_page = req->has_max_results,
                                  .page_size = req->max_results,
                                  .has_regex = req->has_term_regex,
                                  .regex = req->term_regex,
                                  .has_continuation = req->has_continuation,
                                  .continuation = req->continuation};
}

void index_query(struct session *s, struct slice body)
{
    struct index_req req;
    struct outcome refused;
    if (index_req_decode(body, &req)) {
        riak_refuse_malformed(s, "RpbIndexReq");
        return;
    }
    if (!req.has_bucket || !req.has_index) {
        refuse_names(s, &req);
        return;
    }
    struct index_scan *x = calloc(1, sizeof *x);
    if (!x) {
        riak_refuse_memory(s);
        return;
    }
    struct index_request asked = request_of(&req);
    x->scan.ops = &ops;
    x->scan.what = "the query's answer";
    x->scan.streamed = req.stream;
    if (index_query_prepare(&s->server->api, &s->who, &asked, &x->query, &refused)) {
        scan_begin(s, &x->scan, bucket_type_of(req.type), req.bucket, req.timeout_ms);
    } else {
        refuse(s, &req, &refused);
        destroy(&x->scan);
    }
}
