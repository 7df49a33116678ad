/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/json.h"

#include "base/err.h"
#include "failing_alloc.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

struct rig {
    struct config *c;
    char why[512];
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.c = calloc(1, sizeof *r->c)};
    assert_non_null(r->c);
}

static void rig_fini(struct rig *r)
{
    config_fini(r->c);
    free(r->c);
}

static void assert_why(const struct rig *r, const char *part)
{
    if (!strstr(r->why, part))
        fail_msg("\"%s\" does not say \"%s\"", r->why, part);
}

static int read_users(struct rig *r, const char *text)
{
    return json_read_users(r->c, text, r->why, sizeof r->why);
}

static int read_types(struct rig *r, const char *text)
{
    return json_read_types(r->c, text, r->why, sizeof r->why);
}

/* --- users --- */

static void test_a_user(void **state)
{
    static const char *const texts[] = {
        "{\"name\":\"myUser\",\"auth_mode\":\"certificate\"}",
        "{ \"name\" : \"myUser\", \"auth_mode\" : \"certificate\" }", /* as in F5's manifest */
        "{\"auth_mode\":\"certificate\",\n \"name\":\"myUser\"}\n",
        "{\"name\":\"myUser\"}",
        "[{\"name\":\"myUser\",\"auth_mode\":\"certificate\"}]",
        "\xef\xbb\xbf{\"name\":\"myUser\"}", /* a byte order mark */
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rig r;
        rig_init(&r);
        assert_int_equal(read_users(&r, texts[i]), 0);
        assert_int_equal(r.c->user_count, 1);
        assert_string_equal(r.c->user_names[0], "myUser");
        rig_fini(&r);
    }
}

static void test_two_users(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_users(&r, "[{\"name\":\"one\"},{\"name\":\"zw\xc3\xb6i\",\"auth_mode\":\"certificate\"}]"),
                     0);
    assert_int_equal(r.c->user_count, 2);
    assert_string_equal(r.c->user_names[0], "one");
    assert_string_equal(r.c->user_names[1], "zw\xc3\xb6i");
    rig_fini(&r);
}

/* An array of `count` objects: [{"name":"u0"},...]. */
static char *many_users(unsigned count)
{
    char *text = malloc((size_t)count * 32 + 3), *p = text;
    assert_non_null(text);
    *p++ = '[';
    for (unsigned i = 0; i < count; i++)
        p += sprintf(p, "%s{\"name\":\"u%u\"}", i ? "," : "", i);
    strcpy(p, "]");
    return text;
}

static void test_as_many_users_as_allowed(void **state)
{
    struct rig r;
    char *text = many_users(CONFIG_USERS_MAX);
    (void)state;
    rig_init(&r);
    assert_int_equal(read_users(&r, text), 0);
    assert_int_equal(r.c->user_count, CONFIG_USERS_MAX);
    assert_string_equal(r.c->user_names[CONFIG_USERS_MAX - 1], "u1023");
    rig_fini(&r);
    free(text);
    text = many_users(CONFIG_USERS_MAX + 1);
    rig_init(&r);
    assert_int_equal(read_users(&r, text), E_TOO_MANY);
    assert_why(&r, "more than 1024 users");
    rig_fini(&r);
    free(text);
}

struct bad {
    const char *text;
    int err;
    const char *says;
};

static void assert_bad(int (*read)(struct rig *r, const char *text), const struct bad *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rig r;
        rig_init(&r);
        int err = read(&r, b[i].text);
        if (err != b[i].err)
            fail_msg("%s: %d (%s)", b[i].text, err, r.why);
        assert_why(&r, b[i].says);
        rig_fini(&r);
    }
}

static void test_users_that_are_no_json(void **state)
{
    static const struct bad bad[] = {
        {"", E_MALFORMED, "not valid JSON: '[' or '{' expected near end of file (line 1, column 0)"},
        {"myUser", E_MALFORMED, "line 1, column 6): give {\"name\":\"myUser\",\"auth_mode\":\"certificate\"}"},
        {"\"myUser\"", E_MALFORMED, "'[' or '{' expected"},
        {"{\"name\":", E_MALFORMED, "line 1, column 8"},
        {"[{\"name\":\"a\"},\n {\"name\" \"b\"}]", E_MALFORMED, "line 2, column 12"},
        {"{\"name\":\"a\"} x", E_MALFORMED, "line 1, column 14"},
        {"{'name':'a'}", E_MALFORMED, "line 1, column 2"},
        {"{\"name\":\"a\",}", E_MALFORMED, "line 1, column 13"},
        {"{\"name\":\"a\",\"name\":\"b\"}", E_MALFORMED, "duplicate object key"},
        {"{\"name\":\"\xff\"}", E_MALFORMED, "unable to decode byte 0xff"},
        {"{\"name\":\"a\\u0000b\"}", E_MALFORMED, "\\u0000 is not allowed"},
    };
    (void)state;
    assert_bad(read_users, bad, sizeof bad / sizeof bad[0]);
}

static void test_json_that_is_no_user(void **state)
{
    static const struct bad bad[] = {
        {"[]", E_INVALID, "an empty array: nobody could connect"},
        {"{}", E_INVALID, "a user needs a \"name\" of 1 to 255 bytes"},
        {"{\"name\":\"\"}", E_INVALID, "a user needs a \"name\" of 1 to 255 bytes"},
        {"{\"name\":5}", E_INVALID, "a user needs a \"name\""},
        {"{\"name\":null}", E_INVALID, "a user needs a \"name\""},
        {"{\"auth_mode\":\"certificate\"}", E_INVALID, "a user needs a \"name\""},
        {"{\"name\":\"my user\"}", E_INVALID, "holds a blank or a control character: \"my user\""},
        {"{\"name\":\"my\\tuser\"}", E_INVALID, "holds a blank or a control character"},
        {"{\"name\":\"my\\u007fuser\"}", E_INVALID, "holds a blank or a control character"},
        {"{\"name\":\"a\",\"user\":\"b\"}", E_INVALID, "the unknown key \"user\": name and auth_mode are known"},
        {"{\"name\":\"a\",\"Auth_Mode\":\"x\"}", E_INVALID, "the unknown key \"Auth_Mode\""},
        {"{\"name\":\"a\",\"auth_mode\":5}", E_INVALID, "auth_mode of user \"a\" must be a text"},
        {"{\"name\":\"a\",\"auth_mode\":\"password\"}", E_UNSUPPORTED,
         "auth_mode \"password\" of user \"a\" is not served: only \"certificate\" is"},
        {"[\"a\"]", E_INVALID, "a user must be an object like {\"name\":\"myUser\",\"auth_mode\":\"certificate\"}"},
        {"[{\"name\":\"a\"},[]]", E_INVALID, "a user must be an object"},
        {"[{\"name\":\"a\"},{\"name\":\"b\",\"x\":1}]", E_INVALID, "the unknown key \"x\""},
    };
    (void)state;
    assert_bad(read_users, bad, sizeof bad / sizeof bad[0]);
}

static void test_length_of_a_users_name(void **state)
{
    char text[300];
    struct rig r;
    (void)state;
    for (int len = 255; len <= 256; len++) {
        rig_init(&r);
        snprintf(text, sizeof text, "{\"name\":\"%0*d\"}", len, 7);
        assert_int_equal(read_users(&r, text), len <= 255 ? 0 : E_INVALID);
        rig_fini(&r);
    }
    assert_why(&r, "1 to 255 bytes");
}

static void test_length_of_a_text(void **state)
{
    struct rig r;
    char *text = malloc(JSON_TEXT_MAX + 2);
    (void)state;
    assert_non_null(text);
    memset(text, ' ', JSON_TEXT_MAX + 1);
    memcpy(text, "{\"name\":\"a\"}", 12);
    text[JSON_TEXT_MAX + 1] = '\0';
    rig_init(&r);
    assert_int_equal(read_users(&r, text), E_TOO_LARGE);
    assert_why(&r, "JSON of 262145 bytes: at most 262144 are read");
    text[JSON_TEXT_MAX] = '\0';
    assert_int_equal(read_users(&r, text), 0);
    rig_fini(&r);
    free(text);
}

/* --- bucket types --- */

static void test_no_types(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_types(&r, "{}"), 0);
    assert_int_equal(r.c->bucket_type_count, 0);
    json_free(r.c);
    json_free(r.c);
    rig_fini(&r);
}

static void test_a_type_with_and_without_props(void **state)
{
    static const char *const texts[] = {"{\"short\":{\"ttl\":30}}", "{\"short\":{\"props\":{\"ttl\":30}}}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        rig_init(&r);
        assert_int_equal(read_types(&r, texts[i]), 0);
        assert_int_equal(r.c->bucket_type_count, 1);
        assert_string_equal(r.c->bucket_types[0].name, "short");
        assert_int_equal(r.c->bucket_types[0].props.set, PROP_BIT(PROP_TTL));
        assert_int_equal(r.c->bucket_types[0].props.ttl_s, 30);
        rig_fini(&r);
    }
}

static void test_two_types(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(read_types(&r, "{\"maps\":{\"datatype\":\"map\"},\"plain\":{}}"), 0);
    assert_int_equal(r.c->bucket_type_count, 2);
    assert_string_equal(r.c->bucket_types[0].name, "maps");
    assert_slice_is(r.c->bucket_types[0].props.datatype, "map");
    assert_string_equal(r.c->bucket_types[1].name, "plain");
    assert_int_equal(r.c->bucket_types[1].props.set, 0);
    rig_fini(&r);
}

static char *many_types(unsigned count)
{
    char *text = malloc((size_t)count * 32 + 3), *p = text;
    assert_non_null(text);
    *p++ = '{';
    for (unsigned i = 0; i < count; i++)
        p += sprintf(p, "%s\"t%u\":{\"n_val\":%u}", i ? "," : "", i, i + 1);
    strcpy(p, "}");
    return text;
}

static void test_as_many_types_as_allowed(void **state)
{
    struct rig r;
    char *text = many_types(CONFIG_TYPES_MAX);
    (void)state;
    rig_init(&r);
    assert_int_equal(read_types(&r, text), 0);
    assert_int_equal(r.c->bucket_type_count, CONFIG_TYPES_MAX);
    assert_int_equal(r.c->bucket_types[CONFIG_TYPES_MAX - 1].props.n_val, CONFIG_TYPES_MAX);
    rig_fini(&r);
    free(text);
    text = many_types(CONFIG_TYPES_MAX + 1);
    rig_init(&r);
    assert_int_equal(read_types(&r, text), E_TOO_MANY);
    assert_why(&r, "more than 256 bucket types");
    rig_fini(&r);
    free(text);
}

static const struct bucket_props *props_of(struct rig *r, const char *text)
{
    int err = read_types(r, text);
    if (err)
        fail_msg("%s: %s", text, r->why);
    return &r->c->bucket_types[0].props;
}

static void test_numbers_of_a_type(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    const struct bucket_props *p =
        props_of(&r, "{\"t\":{\"n_val\":5,\"old_vclock\":1,\"young_vclock\":0,\"big_vclock\":3,\"small_vclock\":4,"
                     "\"hll_precision\":14,\"ttl\":316224000}}");
    assert_int_equal(p->set, PROP_BIT(PROP_N_VAL) | PROP_BIT(PROP_OLD_VCLOCK) | PROP_BIT(PROP_YOUNG_VCLOCK) |
                                 PROP_BIT(PROP_BIG_VCLOCK) | PROP_BIT(PROP_SMALL_VCLOCK) |
                                 PROP_BIT(PROP_HLL_PRECISION) | PROP_BIT(PROP_TTL));
    assert_int_equal(p->n_val, 5);
    assert_int_equal(p->old_vclock, 1);
    assert_int_equal(p->young_vclock, 0);
    assert_int_equal(p->big_vclock, 3);
    assert_int_equal(p->small_vclock, 4);
    assert_int_equal(p->hll_precision, 14);
    assert_int_equal(p->ttl_s, PROPS_TTL_MAX_S);
    rig_fini(&r);
}

static void test_quorums_of_a_type(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    const struct bucket_props *p = props_of(&r, "{\"t\":{\"r\":\"one\",\"w\":\"quorum\",\"rw\":\"all\",\"dw\":2,"
                                                "\"pr\":0,\"pw\":4294967292}}");
    assert_int_equal(p->set, PROP_BIT(PROP_R) | PROP_BIT(PROP_W) | PROP_BIT(PROP_RW) | PROP_BIT(PROP_DW) |
                                 PROP_BIT(PROP_PR) | PROP_BIT(PROP_PW));
    assert_int_equal(p->r, QUORUM_ONE);
    assert_int_equal(p->w, QUORUM_QUORUM);
    assert_int_equal(p->rw, QUORUM_ALL);
    assert_int_equal(p->dw, 2);
    assert_int_equal(p->pr, 0);
    assert_int_equal(p->pw, QUORUM_ALL);
    rig_fini(&r);
}

static void test_flags_of_a_type(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    const struct bucket_props *p =
        props_of(&r, "{\"t\":{\"allow_mult\":true,\"last_write_wins\":true,\"basic_quorum\":false,"
                     "\"notfound_ok\":true,\"search\":false,\"consistent\":false,\"write_once\":true}}");
    assert_int_equal(p->set, PROP_BIT(PROP_ALLOW_MULT) | PROP_BIT(PROP_LAST_WRITE_WINS) | PROP_BIT(PROP_BASIC_QUORUM) |
                                 PROP_BIT(PROP_NOTFOUND_OK) | PROP_BIT(PROP_SEARCH) | PROP_BIT(PROP_CONSISTENT) |
                                 PROP_BIT(PROP_WRITE_ONCE));
    assert_true(p->allow_mult && p->last_write_wins && p->notfound_ok && p->write_once);
    assert_false(p->basic_quorum || p->search || p->consistent);
    rig_fini(&r);
}

static void test_texts_of_a_type(void **state)
{
    struct rig r;
    char text[1200];
    (void)state;
    rig_init(&r);
    const struct bucket_props *p =
        props_of(&r, "{\"t\":{\"backend\":\"memory\",\"search_index\":\"\",\"datatype\":\"hll\"}}");
    assert_int_equal(p->set, PROP_BIT(PROP_BACKEND) | PROP_BIT(PROP_SEARCH_INDEX) | PROP_BIT(PROP_DATATYPE));
    assert_slice_is(p->backend, "memory");
    assert_slice_is(p->search_index, "");
    assert_slice_is(p->datatype, "hll");
    rig_fini(&r);
    for (int len = PROPS_TEXT_MAX; len <= PROPS_TEXT_MAX + 1; len++) {
        rig_init(&r);
        snprintf(text, sizeof text, "{\"t\":{\"backend\":\"%0*d\"}}", len, 7);
        assert_int_equal(read_types(&r, text), len <= PROPS_TEXT_MAX ? 0 : E_INVALID);
        rig_fini(&r);
    }
    assert_why(&r, "bucket type \"t\": property \"backend\" must be a text of at most 1024 bytes");
}

static void test_types_that_are_no_json(void **state)
{
    static const struct bad bad[] = {
        {"{\"short\":{\"ttl\":}}", E_MALFORMED, "not valid JSON: unexpected token near '}' (line 1, column 17)"},
        {"{\"a\":{},\"a\":{}}", E_MALFORMED, "duplicate object key"},
        {"{\"a\":{\"ttl\":1,\"ttl\":2}}", E_MALFORMED, "duplicate object key"},
        {"{\"a\":{\"ttl\":99999999999999999999}}", E_MALFORMED, "too big integer"},
        {"[]", E_INVALID, "must be an object of bucket types, like {\"short\":{\"ttl\":30}}"},
    };
    (void)state;
    assert_bad(read_types, bad, sizeof bad / sizeof bad[0]);
}

static void test_names_of_types(void **state)
{
    static const struct bad bad[] = {
        {"{\"default\":{}}", E_INVALID,
         "bucket type \"default\": a name has 1 to 255 bytes, and \"default\" and \"any\" are reserved"},
        {"{\"any\":{}}", E_INVALID, "bucket type \"any\": a name has"},
        {"{\"\":{}}", E_INVALID, "bucket type \"\": a name has 1 to 255 bytes"},
    };
    struct rig r;
    char text[300];
    (void)state;
    assert_bad(read_types, bad, sizeof bad / sizeof bad[0]);
    for (int len = 255; len <= 256; len++) {
        rig_init(&r);
        snprintf(text, sizeof text, "{\"%0*d\":{}}", len, 7);
        assert_int_equal(read_types(&r, text), len <= 255 ? 0 : E_INVALID);
        rig_fini(&r);
    }
}

static void test_types_that_are_no_objects(void **state)
{
    static const struct bad bad[] = {
        {"{\"t\":30}", E_INVALID, "bucket type \"t\": its properties must be an object, like {\"ttl\":30}"},
        {"{\"t\":[]}", E_INVALID, "bucket type \"t\": its properties must be an object"},
        {"{\"t\":{\"props\":[]}}", E_INVALID, "bucket type \"t\": its properties must be an object"},
        {"{\"t\":{\"props\":{},\"ttl\":1}}", E_INVALID, "bucket type \"t\": its properties must be an object"},
        {"{\"good\":{},\"t\":null}", E_INVALID, "bucket type \"t\""},
    };
    (void)state;
    assert_bad(read_types, bad, sizeof bad / sizeof bad[0]);
}

static void test_wrong_properties(void **state)
{
    static const struct bad bad[] = {
        {"{\"t\":{\"tll\":1}}", E_INVALID, "bucket type \"t\": unknown property \"tll\""},
        {"{\"t\":{\"props\":{\"tll\":1}}}", E_INVALID, "bucket type \"t\": unknown property \"tll\""},
        {"{\"t\":{\"ttl\":\"30\"}}", E_INVALID, "bucket type \"t\": property \"ttl\" must be a whole number"},
        {"{\"t\":{\"ttl\":1.5}}", E_INVALID, "property \"ttl\" must be a whole number"},
        {"{\"t\":{\"ttl\":-1}}", E_INVALID, "property \"ttl\" must be a whole number"},
        {"{\"t\":{\"ttl\":4294967296}}", E_INVALID, "property \"ttl\" must be a whole number"},
        {"{\"t\":{\"ttl\":null}}", E_INVALID, "property \"ttl\" must be a whole number"},
        {"{\"t\":{\"allow_mult\":1}}", E_INVALID, "property \"allow_mult\" must be true or false"},
        {"{\"t\":{\"allow_mult\":\"true\"}}", E_INVALID, "property \"allow_mult\" must be true or false"},
        {"{\"t\":{\"r\":\"some\"}}", E_INVALID, "property \"r\" must be a whole number, or one, quorum, all"},
        {"{\"t\":{\"r\":true}}", E_INVALID, "property \"r\" must be a whole number, or one, quorum, all"},
        {"{\"t\":{\"backend\":5}}", E_INVALID, "property \"backend\" must be a text"},
    };
    (void)state;
    assert_bad(read_types, bad, sizeof bad / sizeof bad[0]);
}

/* What a type may not have, in Riak's words. */
static void test_forbidden_values(void **state)
{
    static const struct bad bad[] = {
        {"{\"t\":{\"n_val\":0}}", E_INVALID, "bucket type \"t\": invalid properties: [{n_val,not_integer}]"},
        {"{\"t\":{\"n_val\":1025}}", E_INVALID, "[{n_val,too_large}]"},
        {"{\"t\":{\"ttl\":316224001}}", E_INVALID, "[{ttl,too_large}]"},
        {"{\"t\":{\"r\":0}}", E_INVALID, "[{r,not_valid_quorum}]"},
        {"{\"t\":{\"datatype\":\"banana\"}}", E_INVALID, "must be one of counter, set, gset, map, hll"},
        {"{\"t\":{\"datatype\":\"map\",\"allow_mult\":false}}", E_INVALID, "Data Type buckets must be allow_mult=true"},
        {"{\"t\":{\"write_once\":true,\"consistent\":true}}", E_INVALID, "must not be consistent=true"},
        {"{\"t\":{\"hll_precision\":17}}", E_INVALID, "17 not supported for Hyperloglog precision"},
        {"{\"t\":{\"n_val\":0,\"r\":0}}", E_INVALID, "[{n_val,not_integer},\n {r,not_valid_quorum}]"},
    };
    (void)state;
    assert_bad(read_types, bad, sizeof bad / sizeof bad[0]);
}

static void test_out_of_memory(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    failing_alloc_start(1);
    assert_int_equal(read_users(&r, "[{\"name\":\"a\"}]"), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_why(&r, "out of memory");
    *r.why = '\0';
    failing_alloc_start(1);
    assert_int_equal(read_types(&r, "{\"t\":{}}"), E_NOMEM);
    assert_true(failing_alloc_stop());
    assert_why(&r, "out of memory");
    assert_int_equal(r.c->bucket_type_count, 0);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user),
        cmocka_unit_test(test_two_users),
        cmocka_unit_test(test_as_many_users_as_allowed),
        cmocka_unit_test(test_users_that_are_no_json),
        cmocka_unit_test(test_json_that_is_no_user),
        cmocka_unit_test(test_length_of_a_users_name),
        cmocka_unit_test(test_length_of_a_text),
        cmocka_unit_test(test_no_types),
        cmocka_unit_test(test_a_type_with_and_without_props),
        cmocka_unit_test(test_two_types),
        cmocka_unit_test(test_as_many_types_as_allowed),
        cmocka_unit_test(test_numbers_of_a_type),
        cmocka_unit_test(test_quorums_of_a_type),
        cmocka_unit_test(test_flags_of_a_type),
        cmocka_unit_test(test_texts_of_a_type),
        cmocka_unit_test(test_types_that_are_no_json),
        cmocka_unit_test(test_names_of_types),
        cmocka_unit_test(test_types_that_are_no_objects),
        cmocka_unit_test(test_wrong_properties),
        cmocka_unit_test(test_forbidden_values),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
