/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "riak/mapred/mapred_reduce.h"

#include <stdlib.h>

static char *reduced; /* of the last call */
static const char *wrong;

static void reduce(enum mapred_function f, const char *values)
{
    json_t *in = json_loads(values, 0, NULL), *out;
    assert_non_null(in);
    out = mapred_reduce(f, in, &wrong);
    free(reduced);
    reduced = out ? json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(in);
    json_decref(out);
}

static void expect(enum mapred_function f, const char *values, const char *result)
{
    reduce(f, values);
    assert_non_null(reduced);
    assert_string_equal(reduced, result);
}

static void expect_wrong(enum mapred_function f, const char *values)
{
    reduce(f, values);
    assert_null(reduced);
    assert_non_null(wrong);
}

static void test_orders(void **state)
{
    (void)state;
    expect(REDUCE_SORT, "[]", "[]");
    expect(REDUCE_SORT, "[\"b\",\"a\",2,\"ab\",1.5,[\"b\"],[\"a\",1],[\"a\"],{}]",
           "[1.5,2,{},[\"a\"],[\"a\",1],[\"b\"],\"a\",\"ab\",\"b\"]");
    expect(REDUCE_SET_UNION, "[3,1,3,\"a\",\"a\",[1],[1]]", "[1,3,[1],\"a\"]");
    expect(REDUCE_SET_UNION, "[{\"a\":1},{\"b\":1},{\"a\":1},{\"b\":1,\"a\":2},{\"a\":2,\"b\":1},1,1.0,1,1.0]",
           "[1,1.0,{\"a\":1},{\"a\":2,\"b\":1},{\"b\":1}]");
    expect(REDUCE_SET_UNION, "[[{\"a\":1}],[{\"b\":1}],[{\"a\":1}]]", "[[{\"a\":1}],[{\"b\":1}]]");
}

/* Buckets and keys; what the keys carried is left out, but a type. */
static void test_identity(void **state)
{
    (void)state;
    expect(REDUCE_IDENTITY, "[[\"b\",\"k\"],[\"b\",\"l\",{\"data\":1}],[\"b\",\"m\",7,\"t\"]]",
           "[[\"b\",\"k\"],[\"b\",\"l\"],[\"b\",\"m\",null,\"t\"]]");
    expect_wrong(REDUCE_IDENTITY, "[[\"b\",\"k\"],3]");
    expect_wrong(REDUCE_IDENTITY, "[[\"b\"]]");
}

static void test_sums(void **state)
{
    (void)state;
    expect(REDUCE_SUM, "[]", "[0]");
    expect(REDUCE_SUM, "[1,2,-5,{\"not_found\":{}}]", "[-2]");
    expect(REDUCE_SUM, "[1,0.5]", "[1.5]");
    expect(REDUCE_SUM, "[9223372036854775807,1]", "[9.2233720368547758e18]");
    expect_wrong(REDUCE_SUM, "[1,\"2\"]");
    expect_wrong(REDUCE_SUM, "[1e308,1e308]");
    expect(REDUCE_PLIST_SUM, "[[\"a\",1],{\"b\":2,\"a\":3},[\"b\",5]]", "[{\"a\":4,\"b\":7}]");
    expect_wrong(REDUCE_PLIST_SUM, "[[\"a\",\"b\"]]");
    expect_wrong(REDUCE_PLIST_SUM, "[1]");
}

/* A number among what is counted is what was counted before. */
static void test_counts(void **state)
{
    (void)state;
    expect(REDUCE_COUNT_INPUTS, "[]", "[0]");
    expect(REDUCE_COUNT_INPUTS, "[[\"b\",\"k\"],\"x\",{}]", "[3]");
    expect(REDUCE_COUNT_INPUTS, "[40,\"x\",2]", "[43]");
    expect_wrong(REDUCE_COUNT_INPUTS, "[9223372036854775807,9223372036854775807]");
}

static void test_integers(void **state)
{
    (void)state;
    expect(REDUCE_STRING_TO_INTEGER, "[\"7\",\"-3\",5]", "[7,-3,5]");
    expect(REDUCE_STRING_TO_INTEGER, "[\"+7\",{\"not_found\":{}},\"-9223372036854775808\"]",
           "[7,-9223372036854775808]");
    expect_wrong(REDUCE_STRING_TO_INTEGER, "[\"7x\"]");
    expect_wrong(REDUCE_STRING_TO_INTEGER, "[\" 7\"]");
    expect_wrong(REDUCE_STRING_TO_INTEGER, "[\"9223372036854775808\"]");
    expect_wrong(REDUCE_STRING_TO_INTEGER, "[\"\"]");
    expect_wrong(REDUCE_STRING_TO_INTEGER, "[[]]");
}

static int end(void **state)
{
    (void)state;
    free(reduced);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders), cmocka_unit_test(test_identity), cmocka_unit_test(test_sums),
        cmocka_unit_test(test_counts), cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
