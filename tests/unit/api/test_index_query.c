/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of indexes: what is asked, what is refused, and the pages of an answer. */
#include "api/index_query.h"
#include "api_rig.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct index_request range(const char *field, const char *min, const char *max)
{
    return (struct index_request){.bucket = slice_str("b"),
                                  .field = slice_str(field),
                                  .is_range = true,
                                  .has_min = true,
                                  .has_max = true,
                                  .min = slice_str(min),
                                  .max = slice_str(max)};
}

static void expect_refused(struct api_rig *r, const struct index_request *req, enum outcome_code code)
{
    struct index_query q = {0};
    r->out.code = OUTCOME_OK;
    assert_false(index_query_prepare(&r->api, &r->who, req, &q, &r->out));
    assert_outcome(r, code);
    index_query_fini(&q);
}

static void what_is_refused(void **state)
{
    struct api_rig *r = *state;
    struct index_request q = range("n_float", "1", "2");
    expect_refused(r, &q, OUTCOME_BAD_FIELD);
    assert_slice_is(r->out.name, "n_float");
    q = range("n_int", "1", "x");
    expect_refused(r, &q, OUTCOME_BAD_TERM);
    assert_slice_is(r->out.value, "x");
    q.has_max = false;
    expect_refused(r, &q, OUTCOME_BAD_RANGE);
    q.is_range = q.has_min = false;
    expect_refused(r, &q, OUTCOME_NO_TERM);
    q = range("n_bin", "1", "2");
    q.has_regex = true;
    q.regex = slice_str("(");
    expect_refused(r, &q, OUTCOME_BAD_REGEX);
    q = range("n_int", "1", "2");
    q.has_regex = true;
    q.regex = slice_str("1");
    expect_refused(r, &q, OUTCOME_REGEX_OF_INTEGERS);
    q = range("n_int", "1", "2");
    q.has_continuation = true;
    q.continuation = slice_str("?");
    expect_refused(r, &q, OUTCOME_BAD_CONTINUATION);
    q = range("n_int", "1", "2");
    q.type = slice_str("t");
    expect_refused(r, &q, OUTCOME_NO_TYPE);
    r->who = api_rig_principal("nobody", false, false);
    expect_refused(r, &q, OUTCOME_DENIED);
    assert_int_equal(r->out.permission, MAY_INDEX);
}

static void terms_are_canonical(void **state)
{
    struct api_rig *r = *state;
    struct index_request req = range("N_int", "-007", "+5");
    struct index_query q;
    req.return_terms = true;
    assert_true(index_query_prepare(&r->api, &r->who, &req, &q, &r->out));
    assert_slice_is(q.router.index, "n_int");
    assert_slice_is(q.router.min, "-7");
    assert_slice_is(q.router.max, "5");
    assert_true(q.terms && !q.in_order && !q.paged);
    index_query_fini(&q);
    req.is_range = false; /* of one term, its terms would all be the same */
    assert_true(index_query_prepare(&r->api, &r->who, &req, &q, &r->out));
    assert_slice_is(q.router.max, "-7");
    assert_false(q.terms);
    index_query_fini(&q);
}

static void expressions(void **state)
{
    struct api_rig *r = *state;
    struct index_request req = range("n_bin", "a", "z");
    struct router_hit hit = {slice_str("abc"), slice_str("key")};
    struct index_query q;
    req.has_regex = true;
    req.regex = slice_str("^a");
    assert_true(index_query_prepare(&r->api, &r->who, &req, &q, &r->out));
    assert_true(index_query_admits(&q, &hit));
    hit.term = slice_str("bac");
    assert_false(index_query_admits(&q, &hit));
    index_query_fini(&q);
    req.field = slice_str("$key"); /* there it is about keys */
    req.regex = slice_str("^k");
    assert_true(index_query_prepare(&r->api, &r->who, &req, &q, &r->out));
    assert_true(index_query_admits(&q, &hit));
    index_query_fini(&q);
}

static void keep(struct index_query *q, const char *term, const char *key)
{
    struct router_hit hit = {slice_str(term), slice_str(key)};
    index_query_next(q);
    assert_true(index_query_admits(q, &hit));
    assert_int_equal(index_query_keep(q, &hit), 0);
}

static void expect_hits(struct index_query *q, const char *expected)
{
    char text[128] = "";
    while (!index_query_sort_some(q, 1))
        continue;
    for (size_t i = 0; i < q->hits.count; i++) {
        struct router_hit hit = index_query_hit(q, i);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s/%.*s ", (int)hit.term.len,
                 (const char *)hit.term.data, (int)hit.key.len, (const char *)hit.key.data);
    }
    assert_string_equal(text, expected);
}

static void pages_in_order(void **state)
{
    struct api_rig *r = *state;
    struct index_request req = range("n_int", "0", "100");
    struct index_query first, second;
    req.has_page = true;
    req.page_size = 2;
    assert_true(index_query_prepare(&r->api, &r->who, &req, &first, &r->out));
    assert_true(first.in_order && first.paged);
    keep(&first, "10", "c");
    keep(&first, "9", "b");
    assert_false(first.router.has_below);
    keep(&first, "9", "a"); /* numbers, then keys */
    assert_true(first.router.has_below);
    expect_hits(&first, "9/a 9/b ");
    assert_int_equal(index_query_end_page(&first), 0);
    assert_true(buf_len(&first.continuation) > 0);
    req.has_continuation = true;
    req.continuation = buf_slice(&first.continuation);
    assert_true(index_query_prepare(&r->api, &r->who, &req, &second, &r->out));
    assert_true(second.router.has_after);
    assert_slice_is(second.router.after.term, "9");
    assert_slice_is(second.router.after.key, "b");
    keep(&second, "10", "c");
    expect_hits(&second, "10/c ");
    assert_int_equal(index_query_end_page(&second), 0);
    assert_int_equal(buf_len(&second.continuation), 0); /* it is not full: nothing follows */
    index_query_restart(&second);
    expect_hits(&second, "");
    index_query_fini(&first);
    index_query_fini(&second);
}

static void a_page_of_nothing(void **state)
{
    struct api_rig *r = *state;
    struct index_request req = range("$bucket", "", "");
    struct index_query q;
    req.has_page = true;
    assert_true(index_query_prepare(&r->api, &r->who, &req, &q, &r->out));
    keep(&q, "", "k");
    expect_hits(&q, "");
    assert_int_equal(index_query_end_page(&q), 0);
    assert_int_equal(buf_len(&q.continuation), 0);
    index_query_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(what_is_refused), API_CASE(terms_are_canonical), API_CASE(expressions),
        API_CASE(pages_in_order),  API_CASE(a_page_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
