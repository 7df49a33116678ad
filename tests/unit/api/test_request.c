/* SPDX-License-Identifier: Apache-2.0 */
/* Gets, puts, deletes and updates as a door makes them: prepared, given to the router, and what came of it. */
#include "api_rig.h"
#include "datatype/operation.h"
#include "support.h"

static struct put_request put_of(const char *type, const char *key, const struct kv_content *content)
{
    return (struct put_request){
        .names = api_rig_names(type, "b", key), .quorums = QUORUMS_OF_BUCKET, .content = content};
}

static bool prepare_put(struct api_rig *r, const struct put_request *p, struct prepared_write *w)
{
    return request_prepare_put(&r->api, &r->who, p, &r->scratch, w, &r->out);
}

/* Prepared and made. */
static bool put_if(struct api_rig *r, const char *type, const char *key, const char *value, struct slice vclock,
                   enum store_condition condition)
{
    struct kv_content content = {.value = slice_str(value), .has_value = true};
    struct put_request p = put_of(type, key, &content);
    struct prepared_write w;
    p.vclock = vclock;
    p.condition = condition;
    return prepare_put(r, &p, &w) && api_rig_write(r, &w);
}

static bool put(struct api_rig *r, const char *key, const char *value)
{
    return put_if(r, "", key, value, slice_make(NULL, 0), STORE_ALWAYS);
}

static bool get(struct api_rig *r, const char *type, const char *key)
{
    struct get_request g = {.names = api_rig_names(type, "b", key), .quorums = QUORUMS_OF_BUCKET};
    struct prepared_read p;
    return request_prepare_get(&r->api, &r->who, &g, &p, &r->out) && api_rig_read(r, &p);
}

static bool delete (struct api_rig *r, const char *type, const char *key, struct slice vclock)
{
    struct delete_request d = {.names = api_rig_names(type, "b", key), .quorums = QUORUMS_OF_BUCKET, .vclock = vclock};
    struct prepared_write w;
    return request_prepare_delete(&r->api, &r->who, &d, &w, &r->out) && api_rig_write(r, &w);
}

static void put_get_delete(void **state)
{
    struct api_rig *r = *state;
    assert_false(get(r, "", "k"));
    assert_outcome(r, OUTCOME_NOT_FOUND);
    assert_true(put(r, "k", "value"));
    assert_true(get(r, "", "k"));
    assert_true(r->has_object);
    assert_string_equal(r->value, "value");
    assert_true(delete (r, "", "k", slice_make(NULL, 0)));
    assert_true(get(r, "", "k")); /* a tombstone, for a while */
    assert_false(r->has_object);
    api_rig_wait(r, 4000);
    assert_false(get(r, "", "k"));
}

static void permissions_of_their_own(void **state)
{
    struct api_rig *r = *state;
    api_rig_add_user(r, "anna", NULL);
    api_rig_grant(r, "anna", PERMISSION_BIT(MAY_PUT), "default", "b");
    r->who = api_rig_principal("anna", false, false);
    assert_true(put(r, "k", "value"));
    assert_false(get(r, "", "k"));
    assert_outcome(r, OUTCOME_DENIED);
    assert_int_equal(r->out.permission, MAY_GET);
    assert_false(delete (r, "", "k", slice_make(NULL, 0)));
    assert_int_equal(r->out.permission, MAY_DELETE);
}

static void names_are_checked(void **state)
{
    struct api_rig *r = *state;
    assert_false(put(r, "", "value"));
    assert_outcome(r, OUTCOME_NAME_EMPTY);
    assert_false(get(r, "", ""));
    assert_outcome(r, OUTCOME_NAME_EMPTY);
    assert_true(delete (r, "", "", slice_make(NULL, 0))); /* nothing is under it */
    assert_false(get(r, "t", "k"));
    assert_outcome(r, OUTCOME_NO_TYPE);
}

static void if_absent(void **state)
{
    struct api_rig *r = *state;
    struct slice none = {0};
    assert_true(put_if(r, "", "k", "1", none, STORE_IF_ABSENT));
    assert_false(put_if(r, "", "k", "2", none, STORE_IF_ABSENT));
    assert_outcome(r, OUTCOME_EXISTS);
    assert_int_equal(outcome_effect(r->out.code), EFFECT_NONE);
    assert_true(get(r, "", "k"));
    assert_string_equal(r->value, "1");
}

static void if_unmodified(void **state)
{
    struct api_rig *r = *state;
    struct revision old = {.epoch = 1, .generation = 1, .index = 1};
    struct target t;
    struct key_names n = api_rig_names("", "b", "k");
    uint8_t bytes[VCLOCK_SIZE];
    assert_true(target_resolve(&r->api, &r->who, MAY_PUT, &n, &t, &r->out));
    assert_false(put_if(r, "", "k", "1", vclock_of(&r->api, t.tag, old, bytes), STORE_IF_UNMODIFIED));
    assert_outcome(r, OUTCOME_NOT_FOUND);
    assert_true(put(r, "k", "1"));
    assert_false(put_if(r, "", "k", "2", vclock_of(&r->api, t.tag, old, bytes), STORE_IF_UNMODIFIED));
    assert_outcome(r, OUTCOME_MODIFIED);
}

/* There the bucket makes the conditions, and all of them are one outcome. */
static void consistent_buckets(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props props = {.set = PROP_BIT(PROP_CONSISTENT), .consistent = true};
    struct slice none = {0};
    api_rig_create_type(r, "t", &props);
    assert_true(put_if(r, "t", "k", "1", none, STORE_ALWAYS));
    assert_false(put_if(r, "t", "k", "2", none, STORE_ALWAYS));
    assert_outcome(r, OUTCOME_CONFLICT);
    assert_true(delete (r, "t", "k", none));
}

static void bad_vclocks(void **state)
{
    struct api_rig *r = *state;
    assert_false(put_if(r, "", "k", "1", slice_str("abc"), STORE_ALWAYS));
    assert_outcome(r, OUTCOME_BAD_VCLOCK);
    assert_false(delete (r, "", "k", slice_str("abc")));
    assert_outcome(r, OUTCOME_BAD_VCLOCK);
    assert_int_equal(r->out.number, 3);
}

/* Values and metadata count together. */
static void too_large(void **state)
{
    struct api_rig *r = *state;
    static char value[1001];
    struct kv_content content = {.value = slice_make(value, 1000), .has_value = true};
    struct put_request p = put_of("", "k", &content);
    struct prepared_write w;
    assert_true(prepare_put(r, &p, &w) && api_rig_write(r, &w));
    content.value.len = 1001;
    assert_false(prepare_put(r, &p, &w));
    assert_outcome(r, OUTCOME_TOO_LARGE);
    assert_true(r->out.number == 1001 && r->out.limit == 1000);
    content.value.len = 990;
    content.has_content_type = true;
    content.content_type = slice_str("text/plain");
    assert_false(prepare_put(r, &p, &w));
    assert_int_equal(r->out.number, 1002);
}

static void too_many_siblings(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props props = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true};
    api_rig_set_bucket(r, "", "b", &props);
    assert_true(put(r, "k", "1") && put(r, "k", "2") && put(r, "k", "3"));
    assert_false(put(r, "k", "4"));
    assert_outcome(r, OUTCOME_TOO_MANY_SIBLINGS);
    assert_true(r->out.number == 4 && r->out.limit == 3);
}

/* --- time to live --- */

static bool put_ttl(struct api_rig *r, const char *seconds, struct prepared_write *w)
{
    struct kv_item item = {
        .kind = KV_USERMETA, .key = slice_str(PUT_TTL_KEY), .value = slice_str(seconds), .has_value = true};
    struct kv_content content = {.value = slice_str("v"), .has_value = true, .has_lists = true};
    struct put_request p = put_of("", "k", &content);
    struct buf raw;
    buf_init(&raw, SIZE_MAX / 2);
    assert_int_equal(kv_meta_put_item(&raw, &item), 0);
    content.raw = buf_slice(&raw);
    bool good = prepare_put(r, &p, w) && api_rig_write(r, w);
    buf_fini(&raw);
    return good;
}

static void own_times_to_live(void **state)
{
    struct api_rig *r = *state;
    struct prepared_write w;
    struct bucket_props props = {
        .set = PROP_BIT(PROP_TTL) | PROP_BIT(PROP_TTL_FROM), .ttl_s = 5, .ttl_from = slice_str(PROPS_TTL_FROM_CREATE)};
    api_rig_set_bucket(r, "", "b", &props);
    assert_true(put(r, "bucket", "v"));
    assert_true(put_ttl(r, "60", &w));
    assert_int_equal(w.command.rules.ttl_ms, 60000);
    assert_false(w.command.rules.ttl_from_create); /* from this write on, whatever the bucket says */
    api_rig_wait(r, 6000);
    assert_false(get(r, "", "bucket"));
    assert_true(get(r, "", "k"));
    api_rig_wait(r, 60000);
    assert_false(get(r, "", "k"));
    assert_outcome(r, OUTCOME_NOT_FOUND);
    assert_true(put_ttl(r, "0", &w)); /* for ever */
    api_rig_wait(r, 60000);
    assert_true(get(r, "", "k"));
    assert_false(put_ttl(r, "soon", &w));
    assert_outcome(r, OUTCOME_BAD_TTL);
}

/* --- data types --- */

static bool resolve(struct api_rig *r, const char *type, struct target *t)
{
    struct key_names n = api_rig_names(type, "b", "k");
    return target_resolve(&r->api, &r->who, MAY_PUT, &n, t, &r->out);
}

static void updates_by_bucket(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props set = {
        .set = PROP_BIT(PROP_DATATYPE) | PROP_BIT(PROP_ALLOW_MULT), .datatype = slice_str("set"), .allow_mult = true};
    struct bucket_props plain = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true};
    struct target t;
    enum datatype kind;
    assert_true(resolve(r, "default", &t));
    assert_false(target_check_update(&t, DATATYPE_SET, &r->out));
    assert_outcome(r, OUTCOME_NOT_A_COUNTER);
    assert_false(target_check_update(&t, DATATYPE_COUNTER, &r->out));
    assert_outcome(r, OUTCOME_NO_ALLOW_MULT);
    assert_true(target_check_fetch(&t, &kind, &r->out) && kind == DATATYPE_COUNTER);
    api_rig_set_bucket(r, "", "b", &plain);
    assert_true(resolve(r, "default", &t) && target_check_update(&t, DATATYPE_COUNTER, &r->out));
    api_rig_create_type(r, "plain", &plain);
    assert_true(resolve(r, "plain", &t));
    assert_false(target_check_update(&t, DATATYPE_SET, &r->out));
    assert_outcome(r, OUTCOME_NO_DATATYPE);
    assert_false(target_check_fetch(&t, &kind, &r->out));
    api_rig_create_type(r, "sets", &set);
    assert_true(resolve(r, "sets", &t));
    assert_false(target_check_update(&t, DATATYPE_COUNTER, &r->out));
    assert_outcome(r, OUTCOME_OTHER_DATATYPE);
    assert_true(r->out.number == DATATYPE_COUNTER && r->out.limit == DATATYPE_SET);
    assert_true(target_check_update(&t, DATATYPE_SET, &r->out));
    assert_true(target_check_fetch(&t, &kind, &r->out) && kind == DATATYPE_SET);
}

static void a_counter_counts(void **state)
{
    struct api_rig *r = *state;
    struct bucket_props props = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true};
    struct prepared_write w;
    struct buf op;
    buf_init(&op, SIZE_MAX / 2);
    assert_int_equal(operation_put_number(&op, 5), 0);
    api_rig_set_bucket(r, "", "b", &props);
    assert_true(resolve(r, "", &w.target));
    assert_false(request_prepare_update(&r->api, &w.target, DATATYPE_COUNTER, buf_slice(&op), slice_str("x"),
                                        &r->scratch, &w.command, &r->out));
    assert_outcome(r, OUTCOME_BAD_VCLOCK);
    assert_true(request_prepare_update(&r->api, &w.target, DATATYPE_COUNTER, buf_slice(&op), slice_make(NULL, 0),
                                       &r->scratch, &w.command, &r->out));
    assert_true(api_rig_write(r, &w));
    assert_true(get(r, "", "k"));
    buf_fini(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(put_get_delete),    API_CASE(permissions_of_their_own),
        API_CASE(names_are_checked), API_CASE(if_absent),
        API_CASE(if_unmodified),     API_CASE(consistent_buckets),
        API_CASE(bad_vclocks),       API_CASE(too_large),
        API_CASE(too_many_siblings), API_CASE(own_times_to_live),
        API_CASE(updates_by_bucket), API_CASE(a_counter_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
