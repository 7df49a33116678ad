/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs whose lists of inputs are not decoded as a whole; and texts of JSON that are cut into values. */
#include "support.h"

#include "riak/mapred/json_scan.h"
#include "riak/mapred/mapred_job.h"
#include "riak/mapred/mapred_set.h"
#include "riak/mapred/mapred_sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The values of the text, each between slashes. */
static const char *scanned(const char *text)
{
    static char out[256];
    struct slice in = slice_str(text), value;
    size_t len = 0;
    out[0] = '\0';
    while (json_scan_value(&in, &value))
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s/", (int)value.len, (const char *)value.data);
    snprintf(out + len, sizeof out - len, "%s", json_scan_at_end(in) ? "" : "?");
    return out;
}

static void test_values(void **state)
{
    (void)state;
    assert_string_equal(scanned(""), "");
    assert_string_equal(scanned(" \n\t\r "), "");
    assert_string_equal(scanned("1 true  \"a b\" [1,[2],{\"]\":\"}\"}] {}"),
                        "1/true/\"a b\"/[1,[2],{\"]\":\"}\"}]/{}/");
    assert_string_equal(scanned("\"a\\\"b\\\\\" 2"), "\"a\\\"b\\\\\"/2/");
    assert_string_equal(scanned("\"open"), "?");
    assert_string_equal(scanned("\"open\\"), "?");
    assert_string_equal(scanned("[1,2"), "?");
    assert_string_equal(scanned("[\"]"), "?");
    assert_string_equal(scanned("1]"), "1/?");
}

static struct mapred_job job;
static char why[512];

static bool read_job(const char *text)
{
    why[0] = '\0';
    return mapred_job_read(slice_str(text), false, &job, why, sizeof why);
}

#define QUERY "\"query\":[{\"link\":{}}]"

static void expect_inputs(const char *text, const char *inputs, enum mapred_list_next end)
{
    char got[256] = "";
    size_t len = 0;
    json_t *input;
    enum mapred_list_next next;
    assert_true(read_job(text));
    assert_int_equal(job.inputs, MAPRED_LIST);
    while ((next = mapred_list_next(&job.list, &input)) == MAPRED_LIST_ONE) {
        char *one = json_dumps(input, JSON_COMPACT | JSON_ENCODE_ANY);
        len += (size_t)snprintf(got + len, sizeof got - len, "%s/", one);
        free(one);
        json_decref(input);
    }
    assert_string_equal(got, inputs);
    assert_int_equal(next, end);
    if (end == MAPRED_LIST_END) /* a phase whose last objects are on their way asks again */
        assert_int_equal(mapred_list_next(&job.list, &input), MAPRED_LIST_END);
    mapred_job_fini(&job);
}

static void test_lists(void **state)
{
    (void)state;
    expect_inputs("{\"inputs\":[[\"b\",\"k\"]]," QUERY "}", "[\"b\",\"k\"]/", MAPRED_LIST_END);
    expect_inputs(" { " QUERY " , \"inputs\" : [ [\"b\",\"k\"] , 7 , [\"b\",\"l\",{\"x\":[1]}] ] } ",
                  "[\"b\",\"k\"]/7/[\"b\",\"l\",{\"x\":[1]}]/", MAPRED_LIST_END);
    expect_inputs("{\"inputs\":[[\"b\",\"k\"],]," QUERY "}", "[\"b\",\"k\"]/", MAPRED_LIST_BAD);
    expect_inputs("{\"inputs\":[[\"b\",\"k\"][\"b\"]]," QUERY "}", "[\"b\",\"k\"]/", MAPRED_LIST_BAD);
    expect_inputs("{\"inputs\":[[\"b\",]]," QUERY "}", "", MAPRED_LIST_BAD);
    expect_inputs("{\"inputs\":[[\"b\\n\",\"a\nb\tc\"]]," QUERY "}", "[\"b\\n\",\"a\\nb\\tc\"]/", MAPRED_LIST_END);
    /* The last one counts. */
    expect_inputs("{\"inputs\":\"b\",\"inputs\":[[\"c\",\"k\"]]," QUERY "}", "[\"c\",\"k\"]/", MAPRED_LIST_END);
    assert_true(read_job("{\"inputs\":[[\"c\",\"k\"]],\"inputs\":\"b\"," QUERY "}"));
    assert_int_equal(job.inputs, MAPRED_BUCKET);
    mapred_job_fini(&job);
    assert_true(read_job("{\"inputs\":[ \"type\" , \"b\"]," QUERY "}"));
    assert_int_equal(job.inputs, MAPRED_BUCKET);
    assert_string_equal(job.type, "type");
    mapred_job_fini(&job);
}

static void test_what_is_no_job(void **state)
{
    static const char *const none[] = {"",
                                       "[]",
                                       "{",
                                       "{\"inputs\":\"b\"," QUERY,
                                       "{\"inputs\":\"b\"," QUERY "}}",
                                       "{\"inputs\":\"b\"," QUERY ",}",
                                       "{\"inputs\" \"b\"," QUERY "}",
                                       "{\"inputs\":\"b\" " QUERY "}",
                                       "{inputs:\"b\"," QUERY "}",
                                       "{\"inputs\":\"b\"," QUERY ",\"timeout\":x}",
                                       "{\"inputs\":[[\"b\",\"k\"}," QUERY "]"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(read_job(none[i]));
        assert_string_equal(why, MAPRED_NO_JSON);
    }
    assert_false(read_job("{}"));
    assert_string_equal(why, "{\"error\":\"a job has inputs\"}");
    assert_false(read_job("{\"inputs\":[ ]," QUERY "}"));
    assert_string_equal(why, "{\"error\":\"inputs: no inputs were given\"}");
}

/* All but the list is decoded at once: it is bounded. */
static void test_large_parts_are_refused(void **state)
{
    static char text[200000];
    (void)state;
    int len = snprintf(text, sizeof text, "{\"inputs\":\"b\",\"query\":[");
    memset(text + len, '[', 70000);
    memset(text + len + 70000, ']', 70000);
    snprintf(text + len + 140000, 8, "]}");
    assert_false(read_job(text));
    assert_string_equal(why,
                        "{\"error\":\"a part of the job has 70002 values: at most 16384 are read, but of a list of "
                        "inputs\"}");
    len = snprintf(text, sizeof text, "{" QUERY ",\"inputs\":[[\"b\",\"k\",[");
    for (int i = 0; i < 17000; i++)
        len += snprintf(text + len, 8, "1,");
    snprintf(text + len, 8, "1]]]}");
    expect_inputs(text, "", MAPRED_LIST_BAD);
}

/* --- values in order, in steps --- */

static json_t *numbers(int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_integer((i * 7919) % n));
    return list;
}

static void test_sorts_in_steps(void **state)
{
    (void)state;
    for (int n = 0; n < 300; n += n < 20 ? 1 : 37) {
        json_t *in = numbers(n);
        struct mapred_sort *s = mapred_sort_create(in, false);
        unsigned steps = 1;
        while (mapred_sort_step(s, 10) == MAPRED_SORT_MORE)
            steps++;
        assert_true(steps >= (unsigned)n * 2 / 10);
        json_t *out = mapred_sort_take(s);
        assert_int_equal(json_array_size(out), n);
        for (int i = 1; i < n; i++)
            assert_true(json_integer_value(json_array_get(out, (size_t)i - 1)) <=
                        json_integer_value(json_array_get(out, (size_t)i)));
        json_decref(out);
        mapred_sort_destroy(s);
        json_decref(in);
    }
}

/* In the middle of each step it can be given up. */
static void test_sorting_is_given_up(void **state)
{
    json_t *in = json_loads("[[3],[1],[2],{\"a\":1},\"x\"]", 0, NULL);
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        struct mapred_sort *s = mapred_sort_create(in, true);
        mapred_sort_step(s, n);
        mapred_sort_destroy(s);
    }
    json_decref(in);
}

static void test_set(void **state)
{
    json_t *in = json_loads("[1,1.0,\"1\",[1],[1.0],{\"a\":1,\"b\":[2]},null,true,\"\",0.0]", 0, NULL);
    json_t *again = json_loads("[-0.0,\"\",true,null,{\"b\":[2],\"a\":1},[1.0],[1],\"1\",1.0,1]", 0, NULL), *value;
    struct mapred_set s = {0};
    size_t i;
    (void)state;
    json_array_foreach(in, i, value) assert_int_equal(mapred_set_add(&s, value), MAPRED_SET_NEW);
    json_array_foreach(again, i, value) assert_int_equal(mapred_set_add(&s, value), MAPRED_SET_HAS);
    json_t *many = numbers(5000);
    json_array_foreach(many, i, value) assert_int_equal(
        mapred_set_add(&s, value), i == 0 || json_integer_value(value) != 1 ? MAPRED_SET_NEW : MAPRED_SET_HAS);
    assert_int_equal(s.count, 10 + 4999);
    mapred_set_fini(&s);
    json_decref(many);
    json_decref(again);
    json_decref(in);
}

/* Without a key these numbers meet in one place of the table: two thousand million steps, in one turn of the loop. */
static void test_a_set_of_chosen_numbers(void **state)
{
    enum { COUNT = 60000 };
    struct mapred_set set = {.key = {1, 2}};
    json_t *values = json_array();
    (void)state;
    clock_t began = clock();
    for (json_int_t i = 0; i < COUNT; i++) {
        assert_int_equal(json_array_append_new(values, json_integer(i << 46)), 0);
        assert_int_equal(mapred_set_add(&set, json_array_get(values, (size_t)i)), MAPRED_SET_NEW);
    }
    assert_true(clock() - began < CLOCKS_PER_SEC); /* a tenth of that, with all checks of the sanitizers */
    mapred_set_fini(&set);
    json_decref(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_is_no_job),
        cmocka_unit_test(test_large_parts_are_refused),
        cmocka_unit_test(test_sorts_in_steps),
        cmocka_unit_test(test_sorting_is_given_up),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_a_set_of_chosen_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
