/* SPDX-License-Identifier: Apache-2.0 */
/* What a put's content becomes: texts, lists, index terms, and the time to live. */
#include "api/put_content.h"
#include "base/buf.h"
#include "store/props.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

struct rig {
    struct put_scratch scratch;
    struct buf raw; /* as a door of another protocol writes it */
    struct put_content got;
    struct outcome out;
};

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    put_scratch_init(&rig.scratch);
    buf_init(&rig.raw, SIZE_MAX / 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    put_scratch_fini(&rig.scratch);
    buf_fini(&rig.raw);
    return 0;
}

static void add(enum kv_item_kind kind, const char *key, const char *value)
{
    struct kv_item item = {.kind = kind, .key = slice_str(key), .value = slice_str(value), .has_value = true};
    assert_int_equal(kv_meta_put_item(&rig.raw, &item), 0);
}

static bool prepare(void)
{
    struct kv_content content = {.raw = buf_slice(&rig.raw), .has_lists = buf_len(&rig.raw) > 0};
    return put_content_prepare(&rig.scratch, &content, &rig.got, &rig.out);
}

/* The lists are given anew. */
static bool prepare_with(enum kv_item_kind kind, const char *key, const char *value)
{
    buf_consume(&rig.raw, buf_len(&rig.raw));
    add(kind, key, value);
    return prepare();
}

/* "key=value key=value" of the stored metadata's items. */
static void expect_items(const char *expected)
{
    struct slice rest = rig.got.meta;
    struct kv_item item;
    char text[512] = "";
    while (kv_content_next(&rest, &item) > 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s=%.*s", *text ? " " : "", (int)item.key.len,
                 (const char *)item.key.data, (int)item.value.len, (const char *)item.value.data);
    assert_string_equal(text, expected);
}

static void nothing_is_empty(void **state)
{
    (void)state;
    assert_true(prepare());
    assert_true(rig.got.meta.len == 0 && !rig.got.has_ttl);
}

/* Links, then user metadata, then terms, sorted and each once. */
static void lists_have_an_order(void **state)
{
    (void)state;
    add(KV_INDEX, "b_bin", "2");
    add(KV_INDEX, "A_bin", "x");
    add(KV_USERMETA, "Key", "Value");
    add(KV_INDEX, "b_bin", "1");
    add(KV_INDEX, "B_BIN", "1");
    assert_true(prepare());
    expect_items("Key=Value a_bin=x b_bin=1 b_bin=2");
    assert_false(rig.got.has_ttl);
}

static void integer_terms_are_canonical(void **state)
{
    static const struct {
        const char *given, *kept;
    } rows[] = {{"7", "n_int=7"},  {"007", "n_int=7"}, {"-007", "n_int=-7"},
                {"+5", "n_int=5"}, {"-0", "n_int=0"},  {"-12345678901234567890", "n_int=-12345678901234567890"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(prepare_with(KV_INDEX, "n_int", rows[i].given));
        expect_items(rows[i].kept);
    }
}

static void bad_terms(void **state)
{
    static const char *const values[] = {"", "-", "1x", "0x1", " 1"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_false(prepare_with(KV_INDEX, "N_int", values[i]));
        assert_int_equal(rig.out.code, OUTCOME_BAD_INDEX_VALUE);
        assert_slice_is(rig.out.name, "n_int");
        assert_slice_is(rig.out.value, values[i]);
    }
    assert_false(prepare_with(KV_INDEX, "n_float", "1"));
    assert_int_equal(rig.out.code, OUTCOME_BAD_INDEX_FIELD);
    assert_slice_is(rig.out.name, "n_float");
}

static void too_many_terms(void **state)
{
    char value[16];
    (void)state;
    for (unsigned i = 0; i < PUT_INDEXES_MAX; i++) {
        snprintf(value, sizeof value, "%u", i);
        add(KV_INDEX, "n_int", value);
    }
    assert_true(prepare());
    add(KV_INDEX, "n_int", "-1");
    assert_false(prepare());
    assert_int_equal(rig.out.code, OUTCOME_TOO_MANY_INDEXES);
    assert_true(rig.out.number == PUT_INDEXES_MAX + 1 && rig.out.limit == PUT_INDEXES_MAX);
}

static void times_to_live(void **state)
{
    static const char *const bad[] = {"", "-1", "1.5", "ten", "99999999999", "4294967295"};
    (void)state;
    assert_true(prepare_with(KV_USERMETA, "x-ephemeral-ttl", "60"));
    assert_true(rig.got.has_ttl && rig.got.ttl_ms == 60000);
    expect_items("x-ephemeral-ttl=60"); /* and it is given back with the object */
    assert_true(prepare_with(KV_USERMETA, PUT_TTL_KEY, "0"));
    assert_true(rig.got.has_ttl && rig.got.ttl_ms == 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(prepare_with(KV_USERMETA, PUT_TTL_KEY, bad[i]));
        assert_int_equal(rig.out.code, OUTCOME_BAD_TTL);
        assert_slice_is(rig.out.value, bad[i]);
        assert_int_equal(rig.out.limit, PROPS_TTL_MAX_S);
    }
}

/* What one content left in the scratch is nothing to the next. */
static void contents_are_apart(void **state)
{
    struct kv_content text = {.has_content_type = true, .content_type = slice_str("text/plain")};
    (void)state;
    assert_true(prepare_with(KV_USERMETA, PUT_TTL_KEY, "60"));
    assert_true(put_content_prepare(&rig.scratch, &text, &rig.got, &rig.out));
    assert_false(rig.got.has_ttl);
    expect_items("");
    assert_int_equal(rig.got.meta.len, 2 + strlen("text/plain"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_empty), CASE(lists_have_an_order), CASE(integer_terms_are_canonical), CASE(bad_terms),
        CASE(too_many_terms),   CASE(times_to_live),       CASE(contents_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
