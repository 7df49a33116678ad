/* SPDX-License-Identifier: Apache-2.0 */
/* Erlang's terms as map/reduce reads and writes them: what is cut off, too deep, too many or improper is refused. The
 * bytes are those of term_to_binary/1. */
#include "riak/mapred/etf.h"
#include "riak/mapred/mapred_job.h"
#include "support.h"

#include <stdint.h>
#include <stdlib.h>

#define BYTES(text) slice_make((const uint8_t *)(text), sizeof(text) - 1)

/* [{inputs, [{{<<"b">>, <<"k">>}, {a, [1, 2.5], "cd"}}]}, {'query', [{map, {modfun, riak_kv_mapreduce,
 * map_object_value}, none, true}, {link, <<"b">>, '_', false}]}, {timeout, 60000}] */
static const char job_bytes[] =
    "\203l\0\0\0\3h\2d\0\6inputsl\0\0\0\1h\2h\2m\0\0\0\1bm\0\0\0\1kh\3d\0\1al\0\0\0\2a\1F@\4\0\0\0\0\0\0jk\0\2cdjh\2d\0"
    "\5queryl\0\0\0\2h\4d\0\3maph\3d\0\6modfund\0\21riak_kv_mapreduced\0\20map_object_"
    "valued\0\4noned\0\4trueh\4d\0\4lin"
    "km\0\0\0\1bd\0\1_d\0\5falsejh\2d\0\7timeoutb\0\0\352`j";

static uint8_t *copy; /* of the last job */

/* In memory of its own, so that sanitizers see where it ends. */
static bool is_job(struct slice in, struct mapred_job *job)
{
    free(copy);
    copy = malloc(in.len ? in.len : 1);
    char why[256] = "";
    assert_non_null(copy);
    if (in.len)
        memcpy(copy, in.data, in.len);
    bool good = mapred_job_read(slice_make(copy, in.len), true, job, why, sizeof why);
    assert_int_equal(good, !*why);
    return good;
}

static void a_job(void **state)
{
    struct mapred_job job;
    (void)state;
    assert_true(is_job(BYTES(job_bytes), &job));
    assert_int_equal(job.inputs, MAPRED_LIST);
    assert_int_equal(job.timeout_ms, 60000);
    assert_int_equal(job.phases, 2);
    assert_int_equal(job.phase[0].function, MAP_OBJECT_VALUE);
    assert_true(job.phase[0].keep && job.phase[0].bytes && !job.phase[0].arg);
    assert_int_equal(job.phase[1].function, MAP_LINKS);
    assert_string_equal(job.phase[1].bucket, "b");
    assert_null(job.phase[1].tag);
    json_t *input;
    assert_int_equal(mapred_list_next(&job.list, &input), MAPRED_LIST_ONE);
    char *text = json_dumps(input, JSON_COMPACT);
    assert_string_equal(text, "[\"b\",\"k\",[\"a\",[1,2.5],[99,100]]]");
    free(text);
    json_decref(input);
    assert_int_equal(mapred_list_next(&job.list, &input), MAPRED_LIST_END);
    mapred_job_fini(&job);
}

/* A caller compares the arity also where there is no tuple. */
static void a_tuple_that_is_cut_off_has_no_arity(void **state)
{
    static const char *const cut[] = {"\203h", "\203h\7", "\203i\0\0\0", "\203i\0\0\1\0"};
    static const size_t len[] = {2, 3, 5, 6};
    (void)state;
    for (size_t i = 0; i < sizeof len / sizeof len[0]; i++) {
        struct etf_reader r;
        uint32_t arity = 77;
        assert_true(etf_begin(&r, slice_make((const uint8_t *)cut[i], len[i])));
        assert_false(etf_tuple(&r, &arity));
        assert_int_equal(arity, 0);
    }
}

static void what_is_cut_off_or_goes_on_is_none(void **state)
{
    struct mapred_job job;
    char longer[sizeof job_bytes + 1];
    (void)state;
    for (size_t n = 0; n < sizeof job_bytes - 1; n++)
        assert_false(is_job(slice_make((const uint8_t *)job_bytes, n), &job));
    memcpy(longer, job_bytes, sizeof job_bytes - 1);
    longer[sizeof job_bytes - 1] = 'j';
    assert_false(is_job(slice_make((const uint8_t *)longer, sizeof job_bytes), &job));
}

static json_t *value(struct slice in)
{
    struct etf_reader r;
    json_t *v = etf_begin(&r, in) ? etf_value(&r) : NULL;
    if (v && etf_at_end(&r))
        return v;
    json_decref(v);
    return NULL;
}

static void expect_json(struct slice in, const char *text)
{
    json_t *v = value(in);
    char *got = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    assert_string_equal(got ? got : "none", text);
    free(got);
    json_decref(v);
}

static void values(void **state)
{
    (void)state;
    expect_json(BYTES("\203b\377\377\377\377"), "-1");
    expect_json(BYTES("\203n\10\0\377\377\377\377\377\377\377\177"), "9223372036854775807");
    expect_json(BYTES("\203n\10\1\0\0\0\0\0\0\0\200"), "-9223372036854775808");
    expect_json(BYTES("\203n\10\0\0\0\0\0\0\0\0\200"), "none");
    expect_json(BYTES("\203n\11\0\1\0\0\0\0\0\0\0\1"), "none");
    expect_json(BYTES("\203n\0\0"), "0");
    expect_json(BYTES("\203F\177\360\0\0\0\0\0\0"), "none"); /* infinite */
    expect_json(BYTES("\203w\4true"), "true");
    expect_json(BYTES("\203v\0\5false"), "false");
    expect_json(BYTES("\203s\1x"), "\"x\"");
    expect_json(BYTES("\203i\0\0\0\1j"), "[[]]");
    expect_json(BYTES("\203h\2d\0\6structl\0\0\0\1h\2m\0\0\0\3suba\7j"), "{\"sub\":7}");
    expect_json(BYTES("\203h\2d\0\6structl\0\0\0\1h\2a\1a\7j"), "none"); /* no name */
    expect_json(BYTES("\203l\0\0\0\1a\1a\2"), "none");                   /* improper: [1 | 2] */
    expect_json(BYTES("\203l\377\377\377\377a\1j"), "none");
    expect_json(BYTES("\203P\0\0\0\1x"), "none"); /* compressed */
    expect_json(BYTES("\202j"), "none");
}

static json_t *nested(unsigned depth)
{
    uint8_t bytes[256] = {131};
    size_t n = 1;
    for (unsigned i = 1; i < depth; i++) {
        bytes[n++] = 104;
        bytes[n++] = 1;
    }
    bytes[n++] = 106;
    return value(slice_make(bytes, n));
}

static void depth_and_number_have_bounds(void **state)
{
    (void)state;
    json_t *v = nested(ETF_DEPTH_MAX);
    assert_non_null(v);
    json_decref(v);
    assert_null(nested(ETF_DEPTH_MAX + 1));
    size_t n = 6 + (size_t)ETF_TERMS_MAX, size = n + 1;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 106, size);
    memcpy(bytes, "\203l\0\4\0\0", 6); /* a list of ETF_TERMS_MAX empty ones is one term too many */
    assert_int_equal(ETF_TERMS_MAX, 4 << 16);
    assert_null(value(slice_make(bytes, size)));
    free(bytes);
}

static void what_is_written_is_read_again(void **state)
{
    static const char text[] = "[0,255,256,-1,2147483647,-2147483648,2147483648,-2147483649,9223372036854775807,"
                               "-9223372036854775808,1099511627776,0.5,\"\",\"a\\u0001\",true,false,[],[[\"x\"]]]";
    struct buf out;
    (void)state;
    buf_init(&out, SIZE_MAX / 2);
    json_t *v = json_loads(text, 0, NULL);
    assert_non_null(v);
    assert_int_equal(etf_put_begin(&out), 0);
    assert_int_equal(etf_put_value(&out, v), 0);
    expect_json(buf_slice(&out), text);
    json_decref(v);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job),
        cmocka_unit_test(a_tuple_that_is_cut_off_has_no_arity),
        cmocka_unit_test(what_is_cut_off_or_goes_on_is_none),
        cmocka_unit_test(values),
        cmocka_unit_test(depth_and_number_have_bounds),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests_name("riak/etf", tests, NULL, NULL);
}
