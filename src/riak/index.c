/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of secondary indexes (riak-protocol.md section 10): for one term or a range of them, of a field of the
 * objects, of their keys, or of all there are. Unless an order is asked for, hits go out as they are found. */
#include "api/authorize.h"
#include "base/err.h"
#include "cluster/index_match.h"
#include "riak/dispatch.h"
#include "riak/top_k.h"
#include "riak/kv.h"
#include "riak/term_regex.h"
#include "riak/scan.h"
#include "wire/index_msg.h"

#include <stdlib.h>

struct index_scan {
    struct scan scan;          /* first */
    struct router_query query; /* views into `text` */
    struct buf text;
    struct term_regex *regex; /* or NULL */
    bool terms;               /* are answered beside the keys */
    bool sorted;
    bool paged; /* a continuation follows a full page */
    size_t max; /* hits of a page */
    struct top_k hits;
    size_t answered; /* so many of them */
    struct buf continuation;
};

static struct index_scan *index_of(struct scan *w)
{
    return (struct index_scan *)(void *)w;
}

/* --- the scan --- */

static void answer_hit(struct index_scan *x, const struct router_hit *hit)
{
    struct slice names[] = {hit->term, hit->key};
    scan_add(&x->scan, x->terms ? names : names + 1, x->terms ? 2 : 1, x->hits.bytes);
}

/* Riak matches terms and, of "$key", keys; "$bucket" has all. */
static bool admits(const struct index_scan *x, const struct router_hit *hit)
{
    if (!x->regex || slice_is(x->query.index, "$bucket"))
        return true;
    return term_regex_matches(x->regex, index_match_is_special(x->query.index) ? hit->key : hit->term);
}

static void take_hit(void *arg, const struct router_hit *hit)
{
    struct index_scan *x = arg;
    if (x->scan.failed || x->scan.starved || !admits(x, hit))
        return;
    if (!x->sorted)
        answer_hit(x, hit);
    else if (x->max)
        x->scan.failed = top_k_add(&x->hits, hit) != 0 || (!scan_hold(&x->scan, x->hits.bytes) && x->scan.failed);
}

static void step(struct scan *w, struct router_request *q)
{
    struct index_scan *x = index_of(w);
    x->query.has_below = x->sorted && x->max && top_k_full(&x->hits, &x->query.below);
    router_deliver(q, router_query(w->session->server->router, q, &w->router, scan_type(w), scan_bucket(w), &x->query,
                                   take_hit, x));
}

#define SORTED_AT_ONCE   256
#define ANSWERED_AT_ONCE 256

/* A page that is full has another behind it, be it an empty one. */
static enum scan_finish end_page(struct index_scan *x)
{
    if (!x->paged || x->hits.count < x->max || x->max == 0)
        return WALK_ENDED;
    struct router_hit last = top_k_at(&x->hits, x->hits.count - 1);
    buf_release(&x->continuation);
    x->scan.failed = x->scan.failed || index_continuation_encode(&x->continuation, last.term, last.key) != 0;
    return WALK_ENDED;
}

static enum scan_finish finish(struct scan *w)
{
    struct index_scan *x = index_of(w);
    if (!top_k_sort_some(&x->hits, SORTED_AT_ONCE))
        return WALK_MORE;
    for (unsigned n = 0; n < ANSWERED_AT_ONCE && x->answered < x->hits.count; n++) {
        struct router_hit hit = top_k_at(&x->hits, x->answered++);
        answer_hit(x, &hit);
    }
    return x->answered < x->hits.count ? WALK_MORE : end_page(x);
}

static void restart(struct scan *w)
{
    struct index_scan *x = index_of(w);
    top_k_clear(&x->hits);
    x->answered = 0;
}

static int add(struct scan *w, struct buf *out, const struct slice *names, size_t count)
{
    return index_resp_encode(out, names, count, index_of(w)->terms, slice_make(NULL, 0), false);
}

static int end(struct scan *w, struct buf *out)
{
    struct index_scan *x = index_of(w);
    return index_resp_encode(out, NULL, 0, x->terms, buf_slice(&x->continuation), w->streamed);
}

static void destroy(struct scan *w)
{
    struct index_scan *x = index_of(w);
    top_k_fini(&x->hits);
    term_regex_free(x->regex);
    buf_fini(&x->text);
    buf_fini(&x->continuation);
    free(x);
}

static const struct scan_ops ops = {MSG_INDEX_RESP, step, finish, add, end, restart, destroy};

/* --- what is asked --- */

#define SHOWN_MAX 256

static int shown(struct slice s)
{
    return (int)(s.len < SHOWN_MAX ? s.len : SHOWN_MAX);
}

/* A view of `from`, copied behind what stands in the text. Slices into it hold as long as it does not grow: it has room
 * for all from the start. */
static struct slice keep(struct index_scan *x, struct slice from)
{
    size_t before = buf_len(&x->text);
    if (buf_append_slice(&x->text, from))
        return slice_make(NULL, 0);
    return slice_make(buf_slice(&x->text).data + before, from.len);
}

/* A bound of an integer index in the form in which terms stand there. False: answered. */
static bool keep_bound(struct session *s, struct index_scan *x, struct slice from, struct slice *out)
{
    struct slice digits;
    bool negative;
    if (!index_match_is_integer(x->query.index)) {
        *out = keep(x, from);
        return true;
    }
    if (!index_integer(from, &digits, &negative)) {
        riak_error(s, "Invalid integer in the query of '%.*s': '%.*s'", shown(x->query.index),
                   (const char *)x->query.index.data, shown(from), (const char *)from.data);
        return false;
    }
    size_t before = buf_len(&x->text);
    if (negative)
        keep(x, slice_str("-"));
    keep(x, digits);
    *out = slice_skip(buf_slice(&x->text), before);
    return true;
}

/* "undefined", or the bytes as Erlang shows them. */
static void show(char *out, size_t size, struct slice s, bool has)
{
    if (has)
        snprintf(out, size, "<<\"%.*s\">>", shown(s), (const char *)s.data);
    else
        snprintf(out, size, "undefined");
}

static bool check_range(struct session *s, const struct index_req *req)
{
    char min[SHOWN_MAX + 16], max[SHOWN_MAX + 16];
    if (req->has_min && req->has_max)
        return true;
    show(min, sizeof min, req->min, req->has_min);
    show(max, sizeof max, req->max, req->has_max);
    riak_error(s, "Invalid range query: %s -> %s", min, max);
    return false;
}

static bool take_bounds(struct session *s, struct index_scan *x, const struct index_req *req)
{
    if (slice_is(x->query.index, "$bucket"))
        return true;
    if (req->is_range)
        return check_range(s, req) && keep_bound(s, x, req->min, &x->query.min) &&
               keep_bound(s, x, req->max, &x->query.max);
    if (!req->has_key) {
        riak_error(s, "Invalid equality query undefined");
        return false;
    }
    if (!keep_bound(s, x, req->key, &x->query.min))
        return false;
    x->query.max = x->query.min;
    return true;
}

static bool take_index(struct session *s, struct index_scan *x, struct slice name)
{
    struct slice kept = keep(x, name);
    index_field_lower((uint8_t *)(uintptr_t)kept.data, kept.len);
    x->query.index = kept;
    if (index_match_is_index(kept))
        return true;
    riak_error(s,
               "Invalid index '%.*s': give a field that ends in _bin or _int, or one of the special ones $key and "
               "$bucket",
               shown(name), (const char *)name.data);
    return false;
}

static bool take_regex(struct session *s, struct index_scan *x, const struct index_req *req)
{
    char why[256];
    if (!req->has_term_regex)
        return true;
    x->regex = term_regex_make(req->term_regex, why, sizeof why);
    if (!x->regex)
        riak_error(s, "Invalid term regular expression <<\"%.*s\">> : %s", shown(req->term_regex),
                   (const char *)req->term_regex.data, why);
    bool takes = x->regex && !index_match_is_integer(x->query.index);
    if (x->regex && !takes)
        riak_error(s, "Can not use term regular expression in integer query");
    return takes;
}

static bool take_page(struct session *s, struct index_scan *x, const struct index_req *req)
{
    x->paged = req->has_max_results;
    x->sorted = req->has_max_results || req->pagination_sort || req->has_continuation;
    x->max = req->has_max_results ? req->max_results : SIZE_MAX;
    /* What a regular expression leaves out is not known yet. */
    if (x->sorted && !x->regex && x->max <= UINT32_MAX)
        x->query.limit = x->max ? (uint32_t)x->max : 1;
    top_k_init(&x->hits, index_match_is_integer(x->query.index), x->max ? x->max : 1);
    x->query.has_after = req->has_continuation && req->continuation.len;
    if (!x->query.has_after ||
        index_continuation_decode(req->continuation, &x->text, &x->query.after.term, &x->query.after.key) == 0)
        return true;
    riak_error(s, "Invalid continuation: give back the bytes that an answer to the same query held");
    return false;
}

/* Room for all that is kept of the request, so that views into it hold. */
static bool make_text(struct session *s, struct index_scan *x, const struct index_req *req)
{
    uint8_t *p;
    size_t size = req->index.len + req->key.len + req->min.len + req->max.len + req->continuation.len + 2;
    if (buf_reserve(&x->text, size, &p) == 0)
        return true;
    riak_refuse_memory(s);
    return false;
}

static bool take_all(struct session *s, struct index_scan *x, const struct index_req *req)
{
    bool real = make_text(s, x, req) && take_index(s, x, req->index);
    if (!real || !take_bounds(s, x, req) || !take_regex(s, x, req) || !take_page(s, x, req))
        return false;
    x->terms = req->return_terms && req->is_range && !index_match_is_special(x->query.index);
    return true;
}

static bool check(struct session *s, const struct index_req *req)
{
    struct outcome refused;
    if (!authorize_in(&s->server->api, &s->who, MAY_INDEX, req->type, req->bucket, &refused)) {
        riak_refuse(s, NULL, &refused);
        return false;
    }
    if (!req->has_bucket || !req->has_index) {
        riak_refuse_malformed(s, req->has_bucket ? "RpbIndexReq without index" : "RpbIndexReq without bucket");
        return false;
    }
    if (bucket_type_check(&s->server->api, req->type, &refused))
        return true;
    riak_refuse(s, NULL, &refused);
    return false;
}

void index_query(struct session *s, struct slice body)
{
    struct index_req req;
    if (index_req_decode(body, &req)) {
        riak_refuse_malformed(s, "RpbIndexReq");
        return;
    }
    req.type = bucket_type_of(req.type);
    if (!check(s, &req))
        return;
    struct index_scan *x = calloc(1, sizeof *x);
    if (!x) {
        riak_refuse_memory(s);
        return;
    }
    x->scan.ops = &ops;
    x->scan.what = "the query's answer";
    x->scan.streamed = req.stream;
    buf_init(&x->text, SIZE_MAX / 2);
    buf_init(&x->continuation, SIZE_MAX / 2);
    if (take_all(s, x, &req))
        scan_begin(s, &x->scan, req.type, req.bucket, req.timeout_ms);
    else
        destroy(&x->scan);
}
