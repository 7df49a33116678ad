/* SPDX-License-Identifier: Apache-2.0 */
#include "store/props.h"
#include "support.h"

static void expect(bool included, const struct bucket_props *all, struct bucket_props fields)
{
    assert_int_equal(props_include(all, &fields), included);
}

static void test_nothing_is_in_everything(void **state)
{
    struct bucket_props defaults, none = {0};
    (void)state;
    props_defaults(true, &defaults);
    expect(true, &defaults, none);
    expect(true, &defaults, defaults);
    expect(true, &none, none);
    expect(false, &none, defaults);
}

/* Each of the plain ones, with the default's value and with another. */
#define NUMBERS(X)                                                                                                     \
    X(PROP_N_VAL, n_val)                                                                                               \
    X(PROP_OLD_VCLOCK, old_vclock)                                                                                     \
    X(PROP_YOUNG_VCLOCK, young_vclock)                                                                                 \
    X(PROP_BIG_VCLOCK, big_vclock)                                                                                     \
    X(PROP_SMALL_VCLOCK, small_vclock)                                                                                 \
    X(PROP_PR, pr)                                                                                                     \
    X(PROP_R, r)                                                                                                       \
    X(PROP_W, w)                                                                                                       \
    X(PROP_PW, pw)                                                                                                     \
    X(PROP_DW, dw)                                                                                                     \
    X(PROP_RW, rw)                                                                                                     \
    X(PROP_REPL, repl)                                                                                                 \
    X(PROP_HLL_PRECISION, hll_precision)                                                                               \
    X(PROP_TTL, ttl_s)
#define SWITCHES(X)                                                                                                    \
    X(PROP_ALLOW_MULT, allow_mult)                                                                                     \
    X(PROP_LAST_WRITE_WINS, last_write_wins)                                                                           \
    X(PROP_BASIC_QUORUM, basic_quorum)                                                                                 \
    X(PROP_NOTFOUND_OK, notfound_ok)                                                                                   \
    X(PROP_SEARCH, search)                                                                                             \
    X(PROP_CONSISTENT, consistent)                                                                                     \
    X(PROP_WRITE_ONCE, write_once)

static void test_one_value(void **state)
{
    struct bucket_props all;
    (void)state;
    props_defaults(true, &all);
    all.set = PROP_BIT(PROP_COUNT) - 1;
#define CHECK(bit, field)                                                                                              \
    expect(true, &all, (struct bucket_props){.set = PROP_BIT(bit), .field = all.field});                               \
    expect(false, &all, (struct bucket_props){.set = PROP_BIT(bit), .field = all.field + 1});
    NUMBERS(CHECK)
#undef CHECK
#define CHECK(bit, field)                                                                                              \
    expect(true, &all, (struct bucket_props){.set = PROP_BIT(bit), .field = all.field});                               \
    expect(false, &all, (struct bucket_props){.set = PROP_BIT(bit), .field = !all.field});
    SWITCHES(CHECK)
#undef CHECK
}

/* A field that is not there is not the same as one that is zero. */
static void test_a_field_that_is_not_there(void **state)
{
    struct bucket_props all = {.set = PROP_BIT(PROP_N_VAL), .n_val = 3};
    (void)state;
    expect(false, &all, (struct bucket_props){.set = PROP_BIT(PROP_TTL), .ttl_s = 0});
    expect(true, &all, (struct bucket_props){.set = PROP_BIT(PROP_N_VAL), .n_val = 3, .ttl_s = 9}); /* not given */
}

static void test_texts(void **state)
{
    const struct bucket_props all = {.set = PROP_BIT(PROP_BACKEND) | PROP_BIT(PROP_SEARCH_INDEX) |
                                            PROP_BIT(PROP_DATATYPE) | PROP_BIT(PROP_TTL_FROM) |
                                            PROP_BIT(PROP_SYNC_ON_WRITE),
                                     .backend = slice_str("memory"),
                                     .search_index = slice_str("people"),
                                     .datatype = slice_str("map"),
                                     .ttl_from = slice_str("create"),
                                     .sync_on_write = slice_str("all")};
    struct bucket_props other = all;
    (void)state;
    expect(true, &all, other);
    other.backend = slice_str("memorx");
    expect(false, &all, other);
    other = all;
    other.search_index = slice_make(NULL, 0);
    expect(false, &all, other);
    other = all;
    other.datatype = slice_str("maps");
    expect(false, &all, other);
    other = all;
    other.ttl_from = slice_str("write");
    expect(false, &all, other);
    other = all;
    other.sync_on_write = slice_str("one");
    expect(false, &all, other);
}

static struct bucket_props hooks_of(const struct commit_hook *hook, size_t count)
{
    return (struct bucket_props){.set = PROP_BIT(PROP_PRECOMMIT) | PROP_BIT(PROP_POSTCOMMIT),
                                 .precommit = {count, hook},
                                 .postcommit = {count, hook}};
}

static void test_functions_and_hooks(void **state)
{
    const struct mod_fun fun = {slice_str("riak_core_util"), slice_str("chash_std_keyfun")};
    const struct mod_fun other = {slice_str("riak_core_util"), slice_str("chash_bucketonly_keyfun")};
    const struct bucket_props funs = {
        .set = PROP_BIT(PROP_CHASH_KEYFUN) | PROP_BIT(PROP_LINKFUN), .chash_keyfun = fun, .linkfun = fun};
    const struct commit_hook one[] = {{.has_modfun = true, .modfun = fun}, {.name = slice_str("Validate.it")}};
    const struct commit_hook same[] = {{.has_modfun = true, .modfun = fun}, {.name = slice_str("Validate.it")}};
    const struct commit_hook another[] = {{.has_modfun = true, .modfun = other}, {.name = slice_str("Validate.it")}};
    const struct bucket_props hooks = hooks_of(one, 2);
    (void)state;
    expect(true, &funs, funs);
    expect(true, &funs, (struct bucket_props){.set = PROP_BIT(PROP_LINKFUN), .linkfun = fun});
    expect(false, &funs, (struct bucket_props){.set = PROP_BIT(PROP_LINKFUN), .linkfun = other});
    expect(false, &funs, (struct bucket_props){.set = PROP_BIT(PROP_CHASH_KEYFUN), .chash_keyfun = other});
    expect(true, &hooks, hooks_of(same, 2));
    expect(false, &hooks, hooks_of(same, 1));
    expect(false, &hooks, hooks_of(same + 1, 1));
    expect(false, &hooks, hooks_of(another, 2));
    expect(true, &hooks, (struct bucket_props){.set = PROP_BIT(PROP_PRECOMMIT), .precommit = {2, same}});
    expect(false, &hooks, (struct bucket_props){.set = PROP_BIT(PROP_POSTCOMMIT)}); /* none at all are some others */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_in_everything),  cmocka_unit_test(test_one_value),
        cmocka_unit_test(test_a_field_that_is_not_there), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_functions_and_hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
