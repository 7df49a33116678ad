/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of buckets and types: who may read and change them, and to what. */
#include "api_rig.h"
#include "support.h"

#include <string.h>

static const struct slice none;
static const struct bucket_props n_val_5 = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};

static void of_buckets(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props props;
    struct properties_text text;
    assert_true(properties_of_bucket(&r->api, &r->who, none, slice_str("b"), &props, &r->out));
    assert_int_equal(props.n_val, 3);
    assert_true(
        properties_check_bucket(&r->api, &r->who, slice_str("default"), slice_str("b"), &n_val_5, &text, &r->out));
    api_rig_set_bucket(r, "", "b", &n_val_5);
    assert_true(properties_of_bucket(&r->api, &r->who, slice_str("default"), slice_str("b"), &props, &r->out));
    assert_int_equal(props.n_val, 5);
    assert_false(properties_of_bucket(&r->api, &r->who, slice_str("t"), slice_str("b"), &props, &r->out));
    assert_outcome(r, OUTCOME_NO_TYPE);
    assert_slice_is(r->out.name, "t");
}

static void bad_properties(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props zero = {.set = PROP_BIT(PROP_N_VAL), .n_val = 0};
    struct properties_text text;
    assert_false(properties_check_bucket(&r->api, &r->who, none, slice_str("b"), &zero, &text, &r->out));
    assert_outcome(r, OUTCOME_BAD_PROPERTIES);
    assert_non_null(strstr(r->out.why, "n_val"));
}

static void of_types(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props props;
    struct properties_text text;
    assert_true(properties_of_type(&r->api, &r->who, none, &props, &r->out));
    assert_false(properties_check_type(&r->api, &r->who, slice_str("default"), &n_val_5, &text, &r->out));
    assert_outcome(r, OUTCOME_FIXED_TYPE);
    assert_false(properties_check_type(&r->api, &r->who, slice_str("t"), &n_val_5, &text, &r->out));
    assert_outcome(r, OUTCOME_NO_TYPE);
    api_rig_create_type(r, "t", &n_val_5);
    assert_true(properties_check_type(&r->api, &r->who, slice_str("t"), &n_val_5, &text, &r->out));
    assert_true(properties_of_type(&r->api, &r->who, slice_str("t"), &props, &r->out));
    assert_int_equal(props.n_val, 5);
}

static void creation(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props bad = {.set = PROP_BIT(PROP_N_VAL), .n_val = 0};
    struct properties_text text;
    assert_false(properties_check_creation(&r->api, &r->who, &n_val_5, &text, &r->out));
    assert_outcome(r, OUTCOME_ADMIN_ONLY);
    r->who = api_rig_principal("operator", false, true);
    assert_true(properties_check_creation(&r->api, &r->who, &n_val_5, &text, &r->out));
    assert_false(properties_check_creation(&r->api, &r->who, &bad, &text, &r->out));
    assert_outcome(r, OUTCOME_BAD_PROPERTIES);
}

static void permissions(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props props;
    struct properties_text text;
    struct slice b = slice_str("b");
    r->who = api_rig_principal("nobody", false, false);
    assert_false(properties_of_bucket(&r->api, &r->who, none, b, &props, &r->out));
    assert_int_equal(r->out.permission, MAY_GET_BUCKET);
    assert_false(properties_of_type(&r->api, &r->who, none, &props, &r->out));
    assert_int_equal(r->out.permission, MAY_GET_TYPE);
    assert_false(properties_check_bucket(&r->api, &r->who, none, b, &n_val_5, &text, &r->out));
    assert_int_equal(r->out.permission, MAY_SET_BUCKET);
    assert_false(properties_check_reset(&r->api, &r->who, none, b, &r->out));
    assert_int_equal(r->out.permission, MAY_SET_BUCKET);
    assert_false(properties_check_type(&r->api, &r->who, none, &n_val_5, &text, &r->out));
    assert_int_equal(r->out.permission, MAY_SET_TYPE);
    assert_false(properties_check_list(&r->api, &r->who, &r->out));
    assert_int_equal(r->out.permission, MAY_GET_TYPE);
    assert_outcome(r, OUTCOME_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(of_buckets), API_CASE(bad_properties), API_CASE(of_types), API_CASE(creation), API_CASE(permissions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
