/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "support.h"
#include "wire/bucket_msg.h"

static void expect_same(const struct bucket_props *a, const struct bucket_props *b)
{
    assert_int_equal(a->set, b->set);
    assert_int_equal(a->n_val, b->n_val);
    assert_int_equal(a->allow_mult, b->allow_mult);
    assert_int_equal(a->r, b->r);
    assert_int_equal(a->ttl_s, b->ttl_s);
    assert_slice_equal(a->datatype, b->datatype);
    assert_slice_equal(a->chash_keyfun.function, b->chash_keyfun.function);
    assert_int_equal(a->precommit.count, b->precommit.count);
    for (size_t i = 0; i < a->precommit.count; i++) {
        assert_slice_equal(a->precommit.hook[i].name, b->precommit.hook[i].name);
        assert_int_equal(a->precommit.hook[i].has_modfun, b->precommit.hook[i].has_modfun);
        assert_slice_equal(a->precommit.hook[i].modfun.module, b->precommit.hook[i].modfun.module);
    }
}

static void round_trip(const struct bucket_props *props)
{
    struct buf out;
    struct arena arena;
    struct bucket_props got;
    struct bucket_req req = {.bucket = slice_str("b"), .type = slice_str("t"), .has_type = true, .props = *props};
    buf_init(&out, 10000);
    arena_init(&arena, 100000);
    assert_int_equal(bucket_get_resp_encode(&out, props), 0);
    assert_int_equal(bucket_get_resp_decode(buf_slice(&out), &arena, &got), 0);
    expect_same(&got, props);
    buf_consume(&out, buf_len(&out));
    assert_int_equal(bucket_set_req_encode(&out, &req), 0);
    assert_int_equal(bucket_set_req_decode(buf_slice(&out), &arena, &req), 0);
    assert_slice_is(req.bucket, "b");
    assert_slice_is(req.type, "t");
    expect_same(&req.props, props);
    buf_fini(&out);
    arena_fini(&arena);
}

static void test_properties(void **state)
{
    const struct commit_hook hooks[] = {{true, {slice_str("m"), slice_str("f")}, slice_make(NULL, 0)},
                                        {false, {{0}, {0}}, slice_str("js")}};
    struct bucket_props p;
    (void)state;
    props_defaults(false, &p);
    round_trip(&p);
    p.set |= PROP_BIT(PROP_TTL) | PROP_BIT(PROP_TTL_FROM) | PROP_BIT(PROP_DATATYPE);
    p.ttl_s = 30;
    p.ttl_from = slice_str(PROPS_TTL_FROM_CREATE);
    p.datatype = slice_str("map");
    p.precommit = (struct commit_hooks){2, hooks};
    round_trip(&p);
    p = (struct bucket_props){0};
    round_trip(&p);
}

/* A list of hooks counts only where has_precommit says so. */
static void test_hooks_without_their_flag_are_ignored(void **state)
{
    static const uint8_t without[] = {0x0a, 1, 'b', 0x12, 4, 0x22, 2, 0x12, 0};
    static const uint8_t cleared[] = {0x0a, 1, 'b', 0x12, 2, 0x28, 1};
    struct arena arena;
    struct bucket_req req;
    (void)state;
    arena_init(&arena, 100000);
    assert_int_equal(bucket_set_req_decode(slice_make(without, sizeof without), &arena, &req), 0);
    assert_false(props_has(&req.props, PROP_PRECOMMIT));
    assert_int_equal(bucket_set_req_decode(slice_make(cleared, sizeof cleared), &arena, &req), 0);
    assert_true(props_has(&req.props, PROP_PRECOMMIT));
    assert_int_equal(req.props.precommit.count, 0);
    arena_fini(&arena);
}

static void test_malformed(void **state)
{
    struct arena arena;
    struct bucket_req req;
    struct bucket_list_keys_req keys;
    struct bucket_list_buckets_req buckets;
    (void)state;
    arena_init(&arena, 100000);
    assert_int_equal(bucket_get_req_decode(slice_make(NULL, 0), &arena, &req), E_MALFORMED);
    assert_int_equal(bucket_set_req_decode(slice_str("\x0a\x01"
                                                     "b"),
                                           &arena, &req),
                     E_MALFORMED);
    assert_int_equal(bucket_list_keys_req_decode(slice_str("\xff\xff"), &arena, &keys), E_MALFORMED);
    assert_int_equal(bucket_list_buckets_req_decode(slice_make(NULL, 0), &arena, &buckets), 0);
    assert_false(buckets.stream);
    arena_fini(&arena);
    /* an arena that is too small is an error, not a crash */
    arena_init(&arena, 8);
    assert_int_equal(bucket_get_req_decode(slice_str("\x0a\x01"
                                                     "b"),
                                           &arena, &req),
                     E_MALFORMED);
    arena_fini(&arena);
}

static void test_list_response(void **state)
{
    const struct slice names[] = {slice_str("a"), slice_str(""), slice_str("ccc")};
    struct buf out;
    bool done = false;
    struct slice name, rest;
    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(bucket_list_resp_encode(&out, names, 3, true), 0);
    rest = buf_slice(&out);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bucket_list_resp_next(&rest, &name, &done), 1);
        assert_slice_equal(name, names[i]);
    }
    assert_int_equal(bucket_list_resp_next(&rest, &name, &done), 0);
    assert_true(done);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_hooks_without_their_flag_are_ignored),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_list_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
