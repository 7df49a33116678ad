/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "store/catalog.h"
#include "store/props_check.h"
#include "support.h"

#include <stdio.h>

static const struct hash_key key = {3, 4};

static void test_defaults_and_types(void **state)
{
    struct store_memory m = {0, SIZE_MAX / 2};
    struct catalog *c;
    struct bucket_props p = {.set = PROP_BIT(PROP_TTL), .ttl_s = 30}, got;
    (void)state;
    assert_int_equal(catalog_create(&m, &key, &c), 0);
    assert_true(catalog_has_type(c, slice_str("")));
    assert_true(catalog_has_type(c, slice_str("default")));
    assert_false(catalog_has_type(c, slice_str("short")));
    assert_null(catalog_rules(c, slice_str("short"), slice_str("b")));
    assert_int_equal(catalog_create_type(c, slice_str("short"), &p), 0);
    assert_int_equal(catalog_create_type(c, slice_str("short"), &p), E_EXISTS);
    assert_int_equal(catalog_create_type(c, slice_str("default"), &p), E_EXISTS);
    assert_int_equal(catalog_create_type(c, slice_str("any"), &p), E_INVALID);
    assert_int_equal(catalog_create_type(c, slice_str(""), &p), E_INVALID);
    assert_int_equal(catalog_get_type(c, slice_str("short"), &got), 0);
    assert_int_equal(got.ttl_s, 30);
    assert_true(got.allow_mult);
    assert_false(catalog_rules(c, slice_str(""), slice_str("b"))->allow_mult);
    assert_int_equal(catalog_rules(c, slice_str("short"), slice_str("b"))->ttl_s, 30);
    catalog_destroy(&c);
    assert_int_equal(m.used, 0);
}

static void test_overrides(void **state)
{
    struct store_memory m = {0, SIZE_MAX / 2};
    struct catalog *c;
    struct bucket_props mult = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true}, got;
    struct bucket_props n = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};
    char name[16];
    (void)state;
    assert_int_equal(catalog_create(&m, &key, &c), 0);
    size_t empty = m.used;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "b%d", i);
        assert_int_equal(catalog_set_bucket(c, slice_str(""), slice_str(name), &mult), 0);
    }
    assert_true(catalog_rules(c, slice_str(""), slice_str("b77"))->allow_mult);
    assert_false(catalog_rules(c, slice_str(""), slice_str("other"))->allow_mult);
    /* what the type changes later shows through where the bucket says nothing */
    assert_int_equal(catalog_set_type(c, slice_str(""), &n), 0);
    assert_int_equal(catalog_rules(c, slice_str(""), slice_str("b77"))->n_val, 5);
    assert_true(catalog_rules(c, slice_str(""), slice_str("b77"))->allow_mult);
    /* a second change keeps the first */
    n.n_val = 2;
    assert_int_equal(catalog_set_bucket(c, slice_str(""), slice_str("b77"), &n), 0);
    assert_int_equal(catalog_get_bucket(c, slice_str(""), slice_str("b77"), &got), 0);
    assert_int_equal(got.n_val, 2);
    assert_true(got.allow_mult);
    assert_int_equal(catalog_rules(c, slice_str(""), slice_str("b77"))->n_val, 2);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "b%d", i);
        catalog_reset_bucket(c, slice_str(""), slice_str(name));
        assert_false(catalog_rules(c, slice_str(""), slice_str(name))->allow_mult);
    }
    catalog_reset_bucket(c, slice_str("nosuch"), slice_str("b"));
    assert_true(m.used < empty + 16384); /* the entries are gone; the array of slots stays */
    catalog_destroy(&c);
    assert_int_equal(m.used, 0);
}

/* Texts and hooks are copies: the request that brought them is gone. */
static void test_owns_its_texts(void **state)
{
    struct store_memory m = {0, SIZE_MAX / 2};
    struct catalog *c;
    char text[] = "memory", module[] = "mod";
    struct commit_hook hook = {true, {slice_str(module), slice_str("f")}, {0}};
    struct bucket_props p = {.set = PROP_BIT(PROP_BACKEND) | PROP_BIT(PROP_PRECOMMIT),
                             .backend = slice_str(text),
                             .precommit = {1, &hook}},
                        got;
    (void)state;
    assert_int_equal(catalog_create(&m, &key, &c), 0);
    assert_int_equal(catalog_set_bucket(c, slice_str(""), slice_str("b"), &p), 0);
    memset(text, 'x', sizeof text);
    memset(module, 'x', sizeof module);
    memset(&hook, 0, sizeof hook);
    assert_int_equal(catalog_get_bucket(c, slice_str(""), slice_str("b"), &got), 0);
    assert_slice_is(got.backend, "memory");
    assert_int_equal(got.precommit.count, 1);
    assert_slice_is(got.precommit.hook[0].modfun.module, "mod");
    catalog_destroy(&c);
}

static void test_memory_limit(void **state)
{
    struct store_memory m = {0, 0};
    struct catalog *c;
    struct bucket_props p = {.set = PROP_BIT(PROP_N_VAL), .n_val = 2};
    char name[16];
    int err = 0;
    (void)state;
    assert_int_equal(catalog_create(&m, &key, &c), 0);
    m.limit = m.used + 20000;
    for (int i = 0; i < 10000 && !err; i++) {
        snprintf(name, sizeof name, "b%d", i);
        err = catalog_set_bucket(c, slice_str(""), slice_str(name), &p);
    }
    assert_int_equal(err, E_FULL);
    assert_true(m.used < m.limit + 4096);
    catalog_destroy(&c);
}

static void expect_bucket(bool typed, const struct bucket_props *type, struct bucket_props f, const char *text)
{
    char got[512] = "";
    bool ok = props_check_bucket(type, typed, &f, got, sizeof got);
    assert_int_equal(ok, text == NULL);
    assert_string_equal(got, text ? text : "");
}

static void test_a_text_that_is_cut(void **state)
{
    struct bucket_props plain, f = {.set = PROP_BIT(PROP_N_VAL) | PROP_BIT(PROP_R)};
    char got[64];
    (void)state;
    props_defaults(false, &plain);
    for (size_t size = 1; size <= sizeof got; size++) {
        memset(got, 'x', sizeof got);
        assert_false(props_check_bucket(&plain, false, &f, got, size));
        assert_true(strlen(got) < size);
    }
}

#define SET(bit, field, value)                                                                                         \
    (struct bucket_props)                                                                                              \
    {                                                                                                                  \
        .set = PROP_BIT(bit), .field = value                                                                           \
    }

static void test_riaks_words(void **state)
{
    struct bucket_props plain, typed, counters;
    (void)state;
    props_defaults(false, &plain);
    props_defaults(true, &typed);
    counters = typed;
    counters.set |= PROP_BIT(PROP_DATATYPE);
    counters.datatype = slice_str("counter");
    expect_bucket(false, &plain, SET(PROP_N_VAL, n_val, 0),
                  "[{n_val,not_integer}]: n_val is a whole number from 1 to 1024, not 0");
    expect_bucket(false, &plain, SET(PROP_N_VAL, n_val, 200), NULL);
    expect_bucket(false, &plain, SET(PROP_R, r, 0),
                  "[{r,not_valid_quorum}]: r is one, quorum, all, or a number of replicas from 1 on, not 0");
    expect_bucket(false, &plain, SET(PROP_R, r, 10), NULL);
    expect_bucket(false, &plain, SET(PROP_PR, pr, 0), NULL);
    expect_bucket(false, &plain, SET(PROP_W, w, QUORUM_ONE), NULL);
    expect_bucket(false, &plain, SET(PROP_OLD_VCLOCK, old_vclock, 0),
                  "[{old_vclock,not_integer}]: old_vclock is a whole number from 1 to 4294967295, not 0");
    expect_bucket(false, &plain, SET(PROP_YOUNG_VCLOCK, young_vclock, 0), NULL);
    expect_bucket(false, &plain, SET(PROP_CONSISTENT, consistent, true),
                  "[{consistent,\"cannot update consistent property\"}]: consistent is given when a bucket type is "
                  "created, and stays");
    expect_bucket(false, &plain, SET(PROP_WRITE_ONCE, write_once, true),
                  "[{write_once,\"cannot update write_once property\"}]: write_once is given when a bucket type is "
                  "created, and stays");
    expect_bucket(false, &plain, SET(PROP_DATATYPE, datatype, slice_str("set")), NULL);
    expect_bucket(false, &plain, SET(PROP_TTL_FROM, ttl_from, slice_str("create")), NULL);
    expect_bucket(false, &plain, SET(PROP_TTL_FROM, ttl_from, slice_str("write")), NULL);
    expect_bucket(false, &plain, SET(PROP_TTL_FROM, ttl_from, slice_str("read")),
                  "[{ttl_from,not_valid}]: ttl_from is write, the default, or create: ttl counts from a key's last "
                  "write, or from its first");
    expect_bucket(false, &plain, SET(PROP_HLL_PRECISION, hll_precision, 20), NULL);
    expect_bucket(
        true, &typed, SET(PROP_DATATYPE, datatype, slice_str("set")),
        "[{datatype,\"`datatype` must not be defined.\"}]: datatype is given when a bucket type is created, and stays");
    expect_bucket(true, &typed, SET(PROP_LAST_WRITE_WINS, last_write_wins, true),
                  "[{dvv_enabled,\n                                \"If last_write_wins is true, dvv_enabled must be "
                  "false\"}]");
    expect_bucket(true, &typed,
                  (struct bucket_props){.set = PROP_BIT(PROP_LAST_WRITE_WINS) | PROP_BIT(PROP_DVV_ENABLED),
                                        .last_write_wins = true},
                  NULL);
    expect_bucket(true, &typed, SET(PROP_DVV_ENABLED, dvv_enabled, false), NULL);
    expect_bucket(true, &counters, SET(PROP_DATATYPE, datatype, slice_str("counter")), NULL);
    expect_bucket(true, &counters, SET(PROP_DATATYPE, datatype, slice_str("set")),
                  "[{datatype,\"set not supported for bucket datatype property\"}]");
    expect_bucket(true, &counters, SET(PROP_ALLOW_MULT, allow_mult, false),
                  "[{allow_mult,\n                                \"Data Type buckets must be allow_mult=true\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_types), cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_owns_its_texts),     cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_riaks_words),        cmocka_unit_test(test_a_text_that_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
