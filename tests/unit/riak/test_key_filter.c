/* SPDX-License-Identifier: Apache-2.0 */
/* Key filters: Riak's own examples, what is made of keys that fit none, and what is no filter. */
#include "riak/mapred/key_filter.h"
#include "support.h"

#include <stdlib.h>

static char why[256];

static bool passes(const char *filters, const char *key)
{
    json_t *list = json_loads(filters, 0, NULL);
    assert_non_null(list);
    struct key_filter *f = key_filter_make(list, why, sizeof why);
    if (!f)
        fail_msg("%s: %s", filters, why);
    bool is = key_filter_passes(f, slice_str(key));
    assert_int_equal(key_filter_passes(f, slice_str(key)), is); /* nothing is left of the first */
    key_filter_free(f);
    json_decref(list);
    return is;
}

static void expect_none(const char *filters, const char *reason)
{
    json_t *list = json_loads(filters, JSON_DECODE_ANY, NULL);
    assert_non_null(list);
    assert_null(key_filter_make(list, why, sizeof why));
    assert_non_null(strstr(why, reason));
    json_decref(list);
}

static void test_order(void **state)
{
    (void)state;
    assert_true(passes("[[\"string_to_int\"],[\"greater_than\",2009]]", "2010"));
    assert_false(passes("[[\"string_to_int\"],[\"greater_than\",2009]]", "2009"));
    assert_true(passes("[[\"string_to_int\"],[\"less_than\",2009]]", "2008"));
    assert_false(passes("[[\"string_to_int\"],[\"less_than\",2009]]", "2009"));
    assert_true(passes("[[\"string_to_int\"],[\"greater_than_eq\",2009]]", "2009"));
    assert_false(passes("[[\"string_to_int\"],[\"greater_than_eq\",2009]]", "2008"));
    assert_true(passes("[[\"string_to_int\"],[\"less_than_eq\",2009]]", "2009"));
    assert_false(passes("[[\"string_to_int\"],[\"less_than_eq\",2009]]", "2010"));
    assert_true(passes("[[\"string_to_int\"],[\"between\",10,20]]", "10"));
    assert_true(passes("[[\"string_to_int\"],[\"between\",10,20,true]]", "20"));
    assert_false(passes("[[\"string_to_int\"],[\"between\",10,20,false]]", "20"));
    assert_true(passes("[[\"string_to_float\"],[\"between\",1,2]]", "1.5"));
    assert_true(passes("[[\"greater_than\",\"b\"]]", "ba"));
    assert_false(passes("[[\"greater_than\",\"b\"]]", "a"));
    assert_true(passes("[[\"greater_than\",5]]", "1"));                         /* a text is behind all numbers */
    assert_false(passes("[[\"string_to_int\"],[\"greater_than\",\"\"]]", "7")); /* and a number before all texts */
}

static void test_equality(void **state)
{
    (void)state;
    assert_true(passes("[[\"eq\",\"basho\"]]", "basho"));
    assert_false(passes("[[\"eq\",\"basho\"]]", "bash"));
    assert_true(passes("[[\"neq\",\"foo\"]]", "fo"));
    assert_false(passes("[[\"neq\",\"foo\"]]", "foo"));
    assert_false(passes("[[\"string_to_int\"],[\"eq\",1.0]]", "1")); /* as Erlang's =:= */
    assert_true(passes("[[\"set_member\",\"basho\",\"google\",7]]", "google"));
    assert_true(passes("[[\"set_member\",\"basho\",7]]", "7"));
    assert_false(passes("[[\"set_member\",\"basho\"]]", "yahoo"));
    assert_true(passes("[[\"starts_with\",\"closed\"]]", "closed-1"));
    assert_false(passes("[[\"starts_with\",\"closed\"]]", "close"));
    assert_true(passes("[[\"ends_with\",\"0603\"]]", "2010-0603"));
    assert_false(passes("[[\"ends_with\",\"0603\"]]", "603"));
    assert_true(passes("[[\"matches\",\"solutions$\"]]", "a-solutions"));
    assert_false(passes("[[\"matches\",\"^solutions\"]]", "a-solutions"));
}

static void test_likeness(void **state)
{
    char many[600];
    (void)state;
    assert_true(passes("[[\"similar_to\",\"newyork\",3]]", "newyork"));
    assert_true(passes("[[\"similar_to\",\"newyork\",3]]", "newyorks!!"));
    assert_false(passes("[[\"similar_to\",\"newyork\",3]]", "newyorks!!!"));
    assert_true(passes("[[\"similar_to\",\"basho\",1]]", "baysho"));
    assert_false(passes("[[\"similar_to\",\"basho\",1]]", "baysho!"));
    assert_true(passes("[[\"similar_to\",\"kitten\",3]]", "sitting"));
    assert_false(passes("[[\"similar_to\",\"kitten\",2]]", "sitting"));
    assert_true(passes("[[\"similar_to\",\"\",2]]", "ab"));
    assert_true(passes("[[\"similar_to\",\"ab\",2]]", ""));
    assert_false(passes("[[\"similar_to\",\"ab\",-1]]", "ab"));
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    assert_true(passes("[[\"similar_to\",\"a\",1000]]", many));
    assert_false(passes("[[\"similar_to\",\"a\",500]]", many));
}

static void test_what_becomes_of_it(void **state)
{
    (void)state;
    assert_true(passes("[[\"tokenize\",\"-\",2],[\"eq\",\"12\"]]", "2010-12-20"));
    assert_true(passes("[[\"tokenize\",\"-/\",3],[\"string_to_int\"],[\"eq\",20]]", "//2010-/12/20"));
    assert_false(passes("[[\"tokenize\",\"-\",4],[\"neq\",\"x\"]]", "2010-12-20"));
    assert_false(passes("[[\"tokenize\",\"-\",0],[\"neq\",\"x\"]]", "2010-12-20"));
    assert_true(passes("[[\"to_upper\"],[\"eq\",\"BASHO1\"]]", "Basho1"));
    assert_true(passes("[[\"to_lower\"],[\"eq\",\"basho1\"]]", "BASHO1"));
    assert_true(passes("[[\"urldecode\"],[\"eq\",\"a b/%\"]]", "a+b%2f%&c"));
    assert_true(passes("[[\"urldecode\"],[\"eq\",\"a%4\"]]", "a%4"));
    assert_true(passes("[[\"string_to_int\"],[\"int_to_string\"],[\"eq\",\"7\"]]", "+7"));
    assert_true(passes("[[\"string_to_float\"],[\"float_to_string\"],[\"starts_with\",\"1.5000\"]]", "1.5"));
    assert_true(passes("[]", "anything"));
}

/* What a filter can make nothing of does not pass, nor what no filter has judged. */
static void test_what_fits_none(void **state)
{
    (void)state;
    assert_false(passes("[[\"string_to_int\"],[\"less_than\",5]]", "x"));
    assert_false(passes("[[\"string_to_int\"],[\"neq\",5]]", "5x"));
    assert_false(passes("[[\"string_to_int\"],[\"neq\",5]]", "99999999999999999999"));
    assert_false(passes("[[\"string_to_int\"],[\"neq\",5]]", " 4"));
    assert_false(passes("[[\"string_to_float\"],[\"neq\",5]]", "4"));
    assert_false(passes("[[\"string_to_float\"],[\"neq\",5]]", "0x1.8p1"));
    assert_false(passes("[[\"int_to_string\"],[\"neq\",\"x\"]]", "4"));
    assert_false(passes("[[\"to_upper\"]]", "true"));
    assert_false(passes("[[\"not\",[[\"string_to_int\"],[\"eq\",5]]]]", "x"));
    assert_true(passes("[[\"not\",[[\"string_to_int\"],[\"eq\",5]]]]", "6"));
    assert_false(passes("[[\"and\",[[\"eq\",\"x\"]],[[\"string_to_int\"],[\"eq\",5]]]]", "x"));
    assert_true(passes("[[\"or\",[[\"eq\",\"x\"]],[[\"string_to_int\"],[\"eq\",5]]]]", "x"));
    static const char *const none[] = {"1.", "+.5", "1.e3", "1.5e", "1.5x", ".", "", "1e5"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(passes("[[\"string_to_float\"],[\"neq\",0]]", none[i]));
    assert_true(passes("[[\"string_to_float\"],[\"eq\",-1500.0]]", "-1.5e+3"));
    assert_false(passes("[[\"eq\",\"a\"],[\"to_upper\"],[\"neq\",\"a\"]]", "a"));
}

static void test_chains_within(void **state)
{
    const char *march = "[[\"and\",[[\"tokenize\",\"-\",2],[\"eq\",\"03\"]],[[\"starts_with\",\"2010\"]]]]";
    (void)state;
    assert_true(passes(march, "2010-03-01"));
    assert_false(passes(march, "2011-03-01"));
    assert_false(passes(march, "2010-04-01"));
    assert_true(passes("[[\"or\",[[\"ends_with\",\"a\"]],[[\"ends_with\",\"b\"]]]]", "xb"));
    assert_false(passes("[[\"or\",[[\"ends_with\",\"a\"]],[[\"ends_with\",\"b\"]]]]", "xc"));
    assert_true(passes("[[\"not\",[[\"matches\",\"solution\"]]]]", "problem"));
    assert_false(passes("[[\"not\",[[\"matches\",\"solution\"]]]]", "solution"));
    assert_true(passes("[[\"not\",[[\"or\",[[\"eq\",\"a\"]],[[\"not\",[[\"starts_with\",\"b\"]]]]]]]]", "bc"));
}

/* What would take long comes to nothing. */
static void test_what_costs_too_much(void **state)
{
    static char key[65536];
    static const char step[] = "[\"similar_to\",\"%s\",250]";
    char text[257], *filters = malloc(256 * 1024);
    (void)state;
    memset(key, 'a', sizeof key - 1);
    assert_false(passes("[[\"matches\",\"a*[bc]\"]]", key));
    assert_true(passes("[[\"matches\",\"^aaa\"]]", key));
    key[504] = '\0';
    memset(text, 'b', 256);
    text[256] = '\0';
    assert_non_null(filters);
    strcpy(filters, "[[\"or\"");
    for (unsigned i = 0; i < 100; i++) {
        strcat(filters, ",[");
        sprintf(filters + strlen(filters), step, text);
        strcat(filters, "]");
    }
    strcat(filters, ",[[\"starts_with\",\"a\"]]]]");
    assert_false(passes(filters, key)); /* it is given up before the last is tried */
    key[3] = '\0';
    assert_true(passes(filters, key));
    free(filters);
}

static void test_what_is_none(void **state)
{
    char deep[256] = "";
    (void)state;
    expect_none("{}", "a list of lists");
    expect_none("[\"eq\",\"a\"]", "a list of its name");
    expect_none("[[\"sounds_like\",\"a\"]]", "there is no such filter");
    expect_none("[[\"eq\"]]", "these are not its arguments");
    expect_none("[[\"eq\",[]]]", "these are not its arguments");
    expect_none("[[\"eq\",\"a\",\"b\"]]", "these are not its arguments");
    expect_none("[[\"to_upper\",1]]", "these are not its arguments");
    expect_none("[[\"between\",1]]", "these are not its arguments");
    expect_none("[[\"between\",1,2,3]]", "these are not its arguments");
    expect_none("[[\"set_member\"]]", "these are not its arguments");
    expect_none("[[\"and\"]]", "these are not its arguments");
    expect_none("[[\"matches\",\"(\"]]", "no regular expression");
    expect_none("[[\"not\",[[\"no\"]]]]", "there is no such filter");
    expect_none("[[\"and\",[[\"matches\",\"a\"]],[[\"no\"]]]]", "there is no such filter");
    for (unsigned i = 0; i < 10; i++)
        strcat(deep, "[[\"not\",");
    strcat(deep, "[[\"eq\",\"a\"]]");
    for (unsigned i = 0; i < 10; i++)
        strcat(deep, "]]");
    expect_none(deep, "too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_likeness),
        cmocka_unit_test(test_what_becomes_of_it),
        cmocka_unit_test(test_what_fits_none),
        cmocka_unit_test(test_chains_within),
        cmocka_unit_test(test_what_costs_too_much),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
