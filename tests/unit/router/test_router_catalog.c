/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "cluster/cluster_impl.h"
#include "router_rig.h"
#include "support.h"

static void test_types(void **state)
{
    struct rig r;
    struct bucket_props ttl = {.set = PROP_BIT(PROP_TTL), .ttl_s = 30}, got;
    struct slice type = slice_str("short");
    (void)state;
    rig_init(&r);
    router_deliver(&r.request, router_set_type(r.router, &r.request, type, &ttl));
    assert_int_equal(rig_turn(&r), E_NOT_FOUND);
    router_deliver(&r.request, router_create_type(r.router, &r.request, type, &ttl));
    assert_int_equal(rig_turn(&r), 0);
    assert_false(r.has_result);
    router_deliver(&r.request, router_create_type(r.router, &r.request, type, &ttl));
    assert_int_equal(rig_turn(&r), E_EXISTS);
    assert_int_equal(catalog_get_type(router_catalog(r.router), type, &got), 0);
    assert_int_equal(got.ttl_s, 30);
    ttl.ttl_s = 40;
    router_deliver(&r.request, router_set_type(r.router, &r.request, type, &ttl));
    assert_int_equal(rig_turn(&r), 0);
    assert_int_equal(catalog_rules(router_catalog(r.router), type, slice_str("b"))->ttl_s, 40);
    rig_fini(&r);
}

static void test_bucket_properties(void **state)
{
    struct rig r;
    struct bucket_props n = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};
    struct slice none = slice_make(NULL, 0), b = slice_str("b");
    (void)state;
    rig_init(&r);
    router_deliver(&r.request, router_set_bucket(r.router, &r.request, slice_str("nosuch"), b, &n));
    assert_int_equal(rig_turn(&r), E_NOT_FOUND);
    router_deliver(&r.request, router_set_bucket(r.router, &r.request, none, b, &n));
    assert_int_equal(rig_turn(&r), 0);
    assert_int_equal(catalog_rules(router_catalog(r.router), none, b)->n_val, 5);
    assert_int_equal(catalog_rules(router_catalog(r.router), none, slice_str("c"))->n_val, 3);
    router_deliver(&r.request, router_reset_bucket(r.router, &r.request, none, b));
    assert_int_equal(rig_turn(&r), 0);
    assert_false(r.has_result);
    assert_int_equal(catalog_rules(router_catalog(r.router), none, b)->n_val, 3);
    rig_fini(&r);
}

static void test_users(void **state)
{
    struct rig r;
    struct security_change add = {.act = SECURITY_ADD, .role = ROLE_USER, .name = "joe"};
    (void)state;
    rig_init(&r);
    assert_null(acl_user(router_acl(r.router), "joe"));
    router_deliver(&r.request, router_change_security(r.router, &r.request, &add));
    assert_int_equal(rig_turn(&r), 0);
    assert_false(r.has_result);
    assert_non_null(acl_user(router_acl(r.router), "joe"));
    router_deliver(&r.request, router_change_security(r.router, &r.request, &add));
    assert_int_equal(rig_turn(&r), E_EXISTS);
    add.act = SECURITY_DELETE; /* also when there is no room for anything else */
    r.alone.cluster->memory.limit = 0;
    router_deliver(&r.request, router_change_security(r.router, &r.request, &add));
    assert_int_equal(rig_turn(&r), 0);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_bucket_properties),
        cmocka_unit_test(test_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
