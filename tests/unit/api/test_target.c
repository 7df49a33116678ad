/* SPDX-License-Identifier: Apache-2.0 */
/* From names to keys: names, types, quorums, vclocks, conditions. */
#include "api_rig.h"
#include "support.h"

#include <stdlib.h>

static const struct slice none;

static void given_names(void **state)
{
    struct api_rig *r = *state;
    struct key_names n = api_rig_names("t", "b", "k");
    assert_true(key_names_check_given(&n, &r->out));
    n.type = none;
    assert_false(key_names_check_given(&n, &r->out));
    assert_outcome(r, OUTCOME_NAME_EMPTY);
    assert_int_equal(r->out.part, PART_TYPE);
    n.has_type = false;
    assert_true(key_names_check_given(&n, &r->out));
    n.key = none;
    assert_false(key_names_check_given(&n, &r->out));
    assert_int_equal(r->out.part, PART_KEY);
    n.bucket = none;
    assert_false(key_names_check_given(&n, &r->out));
    assert_int_equal(r->out.part, PART_BUCKET);
}

static void long_names(void **state)
{
    struct api_rig *r = *state;
    struct key_names n = api_rig_names("", "b", "k");
    char *bytes = calloc(1, KEY_NAME_MAX + 1);
    n.bucket = slice_make(bytes, KEY_NAME_MAX);
    n.key = n.bucket;
    assert_true(key_names_check_lengths(&n, &r->out));
    n.key = slice_make(bytes, KEY_NAME_MAX + 1);
    assert_false(key_names_check_lengths(&n, &r->out));
    assert_outcome(r, OUTCOME_NAME_TOO_LONG);
    assert_true(r->out.part == PART_KEY && r->out.number == KEY_NAME_MAX + 1 && r->out.limit == KEY_NAME_MAX);
    free(bytes);
}

static void generated_keys_differ(void **state)
{
    struct api_rig *r = *state;
    char a[GENERATED_KEY_SIZE + 1], b[GENERATED_KEY_SIZE + 1];
    key_generate(&r->clock, a);
    key_generate(&r->clock, b);
    assert_int_equal(strlen(a), GENERATED_KEY_SIZE);
    assert_string_not_equal(a, b);
}

static bool resolve(struct api_rig *r, const char *type, struct target *t)
{
    struct key_names n = api_rig_names(type, "b", "k");
    return target_resolve(&r->api, &r->who, MAY_GET, &n, t, &r->out);
}

static void types(void **state)
{
    struct api_rig *r = *state;
    struct target unnamed, named, other;
    struct bucket_props props = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};
    assert_true(resolve(r, "", &unnamed) && resolve(r, "default", &named));
    assert_int_equal(unnamed.tag, named.tag); /* one key, however its type is named */
    assert_int_equal(unnamed.key.hash, named.key.hash);
    assert_false(resolve(r, "t", &other));
    assert_outcome(r, OUTCOME_NO_TYPE);
    assert_slice_is(r->out.name, "t");
    assert_false(bucket_type_check(&r->api, slice_str("t"), &r->out));
    api_rig_create_type(r, "t", &props);
    assert_true(bucket_type_check(&r->api, slice_str("t"), &r->out));
    assert_true(bucket_type_check(&r->api, slice_str("default"), &r->out) && bucket_type_check(&r->api, none, &r->out));
    assert_true(resolve(r, "t", &other));
    assert_int_equal(other.rules->n_val, 5);
    assert_int_not_equal(other.tag, unnamed.tag);
}

/* Permission comes before existence: who may not read a bucket does not learn whether its type exists. */
static void permission_comes_first(void **state)
{
    struct api_rig *r = *state;
    struct target t;
    r->who = api_rig_principal("nobody", false, false);
    assert_false(resolve(r, "t", &t));
    assert_outcome(r, OUTCOME_DENIED);
}

static void quorums(void **state)
{
    struct api_rig *r = *state;
    struct target t;
    struct quorums q = QUORUMS_OF_BUCKET;
    assert_true(resolve(r, "", &t)); /* n_val 3 */
    assert_true(target_check_quorums(&t, QUORUMS_READ, &q, &r->out));
    assert_true(target_check_quorums(&t, QUORUMS_WRITE, &q, &r->out));
    assert_true(target_check_quorums(&t, QUORUMS_DELETE, &q, &r->out));
    q.w = 4;
    assert_true(target_check_quorums(&t, QUORUMS_READ, &q, &r->out)); /* which has no w */
    assert_false(target_check_quorums(&t, QUORUMS_WRITE, &q, &r->out));
    assert_outcome(r, OUTCOME_BAD_QUORUM);
    assert_int_equal(r->out.limit, 3);
    q.w = QUORUM_ALL;
    assert_true(target_check_quorums(&t, QUORUMS_WRITE, &q, &r->out));
    q.node_confirms = 4;
    assert_false(target_check_quorums(&t, QUORUMS_WRITE, &q, &r->out));
    q = QUORUMS_OF_BUCKET;
    q.rw = 4;
    assert_true(target_check_quorums(&t, QUORUMS_WRITE, &q, &r->out));
    assert_false(target_check_quorums(&t, QUORUMS_DELETE, &q, &r->out));
}

static void n_vals(void **state)
{
    struct api_rig *r = *state;
    struct target t;
    struct quorums q = QUORUMS_OF_BUCKET;
    static const uint32_t bad[] = {0, 4};
    assert_true(resolve(r, "", &t));
    q.has_n_val = true;
    for (size_t i = 0; i < 2; i++) {
        q.n_val = bad[i];
        assert_false(target_check_quorums(&t, QUORUMS_READ, &q, &r->out));
        assert_outcome(r, OUTCOME_BAD_N_VAL);
        assert_int_equal(r->out.number, bad[i]);
    }
    q.n_val = 1;
    q.r = 2;
    assert_false(target_check_quorums(&t, QUORUMS_READ, &q, &r->out));
    assert_outcome(r, OUTCOME_BAD_QUORUM);
    assert_int_equal(r->out.limit, 1);
    q.r = 1;
    assert_true(target_check_quorums(&t, QUORUMS_READ, &q, &r->out));
}

static void reads_from_any_replica(void **state)
{
    struct api_rig *r = *state;
    struct target t;
    struct quorums q = QUORUMS_OF_BUCKET;
    struct bucket_props consistent = {.set = PROP_BIT(PROP_CONSISTENT), .consistent = true};
    assert_true(resolve(r, "", &t));
    assert_false(target_is_any_replica(&t, &q));
    q.r = 1;
    assert_true(target_is_any_replica(&t, &q));
    q.r = QUORUM_ONE;
    assert_true(target_is_any_replica(&t, &q));
    q.pr = 1;
    assert_false(target_is_any_replica(&t, &q));
    q.pr = QUORUM_DEFAULT;
    q.r = 2;
    assert_false(target_is_any_replica(&t, &q));
    api_rig_create_type(r, "t", &consistent);
    assert_true(resolve(r, "t", &t));
    q.r = 1;
    assert_false(target_is_any_replica(&t, &q));
}

static void vclocks(void **state)
{
    struct api_rig *r = *state;
    struct revision revision = {.epoch = 1, .generation = 1, .index = 9};
    uint8_t bytes[VCLOCK_SIZE];
    struct store_context c;
    assert_true(vclock_read(&r->api, 5, none, &c, &r->out));
    assert_int_equal(c.kind, CONTEXT_NONE);
    struct slice vclock = vclock_of(&r->api, 5, revision, bytes);
    assert_true(vclock_read(&r->api, 5, vclock, &c, &r->out));
    assert_int_equal(c.kind, CONTEXT_SEEN);
    assert_int_equal(revision_cmp(c.seen, revision), 0);
    assert_true(vclock_read(&r->api, 6, vclock, &c, &r->out)); /* of another key: nothing of this one was seen */
    assert_int_equal(c.kind, CONTEXT_FOREIGN);
    vclock.len--;
    assert_false(vclock_read(&r->api, 5, vclock, &c, &r->out));
    assert_outcome(r, OUTCOME_BAD_VCLOCK);
    assert_int_equal(r->out.number, VCLOCK_SIZE - 1);
}

/* A write-once or consistent bucket, and one where the last write wins, keep one value, whatever allow_mult says. */
static void siblings_by_rules(void **state)
{
    struct api_rig *r = *state;
    struct bucket_rules rules = {.allow_mult = true, .ttl_s = 7, .ttl_from_create = true};
    struct target t = {.rules = &rules};
    struct store_rules s = target_rules(&r->api, &t);
    assert_true(s.allow_mult && s.ttl_ms == 7000 && s.ttl_from_create);
    assert_true(s.siblings_max == 3 && s.size_max == 1000 && s.reap_ms == 3000);
    rules.write_once = true;
    assert_false(target_rules(&r->api, &t).allow_mult);
    rules = (struct bucket_rules){.allow_mult = true, .consistent = true};
    assert_false(target_rules(&r->api, &t).allow_mult);
    rules = (struct bucket_rules){.allow_mult = true, .last_write_wins = true};
    assert_false(target_rules(&r->api, &t).allow_mult);
}

static enum store_condition condition(bool consistent, enum store_op op, enum store_context_kind kind)
{
    struct bucket_rules rules = {.consistent = consistent};
    struct target t = {.rules = &rules};
    struct store_command c = {.op = op, .context.kind = kind, .condition = STORE_ALWAYS};
    target_require_context(&t, &c);
    return c.condition;
}

static void conditions_of_consistent_buckets(void **state)
{
    (void)state;
    assert_int_equal(condition(true, STORE_PUT, CONTEXT_NONE), STORE_IF_ABSENT);
    assert_int_equal(condition(true, STORE_PUT, CONTEXT_SEEN), STORE_IF_UNMODIFIED);
    assert_int_equal(condition(true, STORE_PUT, CONTEXT_FOREIGN), STORE_IF_UNMODIFIED);
    assert_int_equal(condition(true, STORE_DELETE, CONTEXT_NONE), STORE_ALWAYS);
    assert_int_equal(condition(true, STORE_DELETE, CONTEXT_SEEN), STORE_IF_UNMODIFIED);
    assert_int_equal(condition(false, STORE_PUT, CONTEXT_SEEN), STORE_ALWAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(given_names),
        API_CASE(long_names),
        API_CASE(generated_keys_differ),
        API_CASE(types),
        API_CASE(permission_comes_first),
        API_CASE(quorums),
        API_CASE(n_vals),
        API_CASE(reads_from_any_replica),
        API_CASE(vclocks),
        API_CASE(siblings_by_rules),
        cmocka_unit_test(conditions_of_consistent_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
