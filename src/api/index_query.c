/* SPDX-License-Identifier: Apache-2.0 */
#include "api/index_query.h"

#include "api/authorize.h"
#include "api/put_content.h"
#include "api/target.h"
#include "api/term_regex.h"
#include "base/err.h"
#include "router/index_match.h"
#include "wire/index_msg.h"

static bool refuse(struct outcome *out, enum outcome_code code)
{
    return outcome_refuse(out, (struct outcome){.code = code});
}

/* A copy, behind what stands in the text. Slices of it hold as long as it does not grow: it has room for all from the
 * start. */
static struct slice keep(struct index_query *q, struct slice from)
{
    size_t before = buf_len(&q->text);
    if (buf_append_slice(&q->text, from))
        return slice_make(NULL, 0);
    return slice_make(buf_slice(&q->text).data + before, from.len);
}

/* A term of an integer field in the form in which terms are stored. */
static bool keep_term(struct index_query *q, struct slice from, struct slice *kept, struct outcome *out)
{
    struct slice digits;
    bool negative;
    if (!index_match_is_integer(q->router.index)) {
        *kept = keep(q, from);
        return true;
    }
    if (!index_integer(from, &digits, &negative))
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_TERM, .name = q->router.index, .value = from});
    size_t before = buf_len(&q->text);
    if (negative)
        keep(q, slice_str("-"));
    keep(q, digits);
    *kept = slice_skip(buf_slice(&q->text), before);
    return true;
}

static bool prepare_field(struct index_query *q, const struct index_request *r, struct outcome *out)
{
    struct slice kept = keep(q, r->field);
    index_field_lower((uint8_t *)(uintptr_t)kept.data, kept.len);
    q->router.index = kept;
    return index_match_is_index(kept) ||
           outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_FIELD, .name = r->field});
}

static bool prepare_terms(struct index_query *q, const struct index_request *r, struct outcome *out)
{
    if (slice_is(q->router.index, "$bucket"))
        return true;
    if (r->is_range)
        return (r->has_min && r->has_max)
                   ? keep_term(q, r->min, &q->router.min, out) && keep_term(q, r->max, &q->router.max, out)
                   : refuse(out, OUTCOME_BAD_RANGE);
    if (!r->has_min)
        return refuse(out, OUTCOME_NO_TERM);
    if (!keep_term(q, r->min, &q->router.min, out))
        return false;
    q->router.max = q->router.min;
    return true;
}

static bool prepare_regex(struct index_query *q, const struct index_request *r, struct outcome *out)
{
    if (!r->has_regex)
        return true;
    q->regex = term_regex_make(r->regex, q->why, sizeof q->why);
    if (!q->regex)
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_REGEX, .value = r->regex, .why = q->why});
    return !index_match_is_integer(q->router.index) || refuse(out, OUTCOME_REGEX_OF_INTEGERS);
}

static bool prepare_page(struct index_query *q, const struct index_request *r, struct outcome *out)
{
    struct router_query *query = &q->router;
    q->paged = r->has_page;
    q->in_order = r->has_page || r->in_order || r->has_continuation;
    q->max = r->has_page ? r->page_size : SIZE_MAX;
    top_k_init(&q->hits, index_match_is_integer(query->index), q->max ? q->max : 1);
    query->has_after = r->has_continuation && r->continuation.len;
    return !query->has_after ||
           index_continuation_decode(r->continuation, &q->text, &query->after.term, &query->after.key) == 0 ||
           refuse(out, OUTCOME_BAD_CONTINUATION);
}

bool index_query_prepare(const struct api *a, const struct principal *who, const struct index_request *r,
                         struct index_query *q, struct outcome *out)
{
    uint8_t *p;
    size_t size = r->field.len + r->min.len + r->max.len + r->continuation.len + 2;
    *q = (struct index_query){0};
    buf_init(&q->text, SIZE_MAX / 2);
    buf_init(&q->continuation, SIZE_MAX / 2);
    if (!bucket_check_scan(a, who, MAY_INDEX, r->type, r->bucket, out))
        return false;
    if (buf_reserve(&q->text, size, &p))
        return outcome_fail(out, E_NOMEM);
    if (!prepare_field(q, r, out) || !prepare_terms(q, r, out) || !prepare_regex(q, r, out) || !prepare_page(q, r, out))
        return false;
    q->terms = r->return_terms && r->is_range && !index_match_is_special(q->router.index);
    return true;
}

void index_query_fini(struct index_query *q)
{
    top_k_fini(&q->hits);
    term_regex_free(q->regex);
    buf_fini(&q->text);
    buf_fini(&q->continuation);
}

/* --- hits --- */

void index_query_next(struct index_query *q)
{
    q->router.has_below = q->in_order && q->max && top_k_full(&q->hits, &q->router.below);
}

/* Terms are matched and, of "$key", keys; "$bucket" has all, as Riak's. */
bool index_query_admits(const struct index_query *q, const struct router_hit *hit)
{
    if (!q->regex || slice_is(q->router.index, "$bucket"))
        return true;
    return term_regex_matches(q->regex, index_match_is_special(q->router.index) ? hit->key : hit->term);
}

int index_query_keep(struct index_query *q, const struct router_hit *hit)
{
    return q->max ? top_k_add(&q->hits, hit) : 0;
}

void index_query_restart(struct index_query *q)
{
    top_k_clear(&q->hits);
}

bool index_query_sort_some(struct index_query *q, size_t count)
{
    return top_k_sort_some(&q->hits, count);
}

int index_query_end_page(struct index_query *q)
{
    if (!q->paged || q->max == 0 || q->hits.count < q->max)
        return 0;
    struct router_hit last = top_k_at(&q->hits, q->hits.count - 1);
    buf_release(&q->continuation);
    return index_continuation_encode(&q->continuation, last.term, last.key);
}
