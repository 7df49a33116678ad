/* SPDX-License-Identifier: Apache-2.0 */
/* Names of permissions, and which changes make no sense by themselves. */
#include "security/change.h"
#include "support.h"

#include <stdio.h>

static void names_of_permissions(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PERMISSION_COUNT; i++)
        assert_int_equal(permissions_of(slice_str(permission_name(i))), PERMISSION_BIT(i));
    assert_int_equal(permissions_of(slice_str("riak_kv.get,riak_core.set_bucket")),
                     PERMISSION_BIT(MAY_GET) | PERMISSION_BIT(MAY_SET_BUCKET));
    assert_int_equal(permissions_of(slice_str("all")), PERMISSIONS_ALL);
    static const char *const bad[] = {
        "", ",", "riak_kv.get,", ",riak_kv.get", "riak_kv.fly", "RIAK_KV.GET", "riak_kv.get "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(permissions_of(slice_str(bad[i])), 0);
}

static void names_of_users(void **state)
{
    static const char *const good[] = {"a", "myuser", "joe-1_x.y@example", "\xc3\xbc", "allof"};
    static const char *const bad[] = {"",    "all", "on",  "to",  "from", "any", "a b",  "a,b",  "a;b", "a:b", "a<b",
                                      "a=b", "a>b", "a?b", "a/b", "A",    "a\n", "\x7f", "a\"b", "a'b", "a\\b"};
    char mixed[] = "MyUser-\xc3\x9c";
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_null(security_name_refused(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(security_name_refused(bad[i]));
    security_name_lower(mixed);
    assert_string_equal(mixed, "myuser-\xc3\x9c");
}

static struct security_change change(enum security_act act, enum security_role role, const char *name)
{
    struct security_change c = {.act = act, .role = role, .permissions = 1, .range = "::/0", .method = METHOD_TRUST};
    snprintf(c.name, sizeof c.name, "%s", name);
    return c;
}

static void changes_that_make_sense(void **state)
{
    (void)state;
    for (unsigned act = 1; act <= SECURITY_ACT_MAX; act++) {
        struct security_change user = change(act, ROLE_USER, "joe"), group = change(act, ROLE_GROUP, "ops"),
                               all = change(act, ROLE_ALL, "");
        assert_null(security_change_refused(&user));
        assert_int_equal(security_change_refused(&group) != NULL, act >= SECURITY_ADD_SOURCE);
        assert_int_equal(security_change_refused(&all) != NULL, act <= SECURITY_DELETE);
    }
}

#define REFUSED(act, role, name, ...)                                                                                  \
    do {                                                                                                               \
        struct security_change c = change(act, role, name);                                                            \
        __VA_ARGS__;                                                                                                   \
        assert_non_null(security_change_refused(&c));                                                                  \
    } while (0)

static void changes_that_do_not(void **state)
{
    (void)state;
    REFUSED(SECURITY_GRANT, ROLE_ALL, "joe");
    REFUSED(SECURITY_ADD, ROLE_USER, "Joe");
    REFUSED(SECURITY_GRANT, ROLE_GROUP, "ops", c.configured = true);
    REFUSED(SECURITY_GRANT, ROLE_ALL, "", c.configured = true);
    REFUSED(SECURITY_GRANT, ROLE_USER, "joe", c.permissions = 0);
    REFUSED(SECURITY_GRANT, ROLE_USER, "joe", c.permissions = PERMISSIONS_ALL + 1);
    REFUSED(SECURITY_REVOKE, ROLE_USER, "joe", strcpy(c.bucket, "b"));
    REFUSED(SECURITY_ADD_SOURCE, ROLE_USER, "joe", c.method = 0);
    REFUSED(SECURITY_ADD_SOURCE, ROLE_USER, "joe", c.method = METHOD_MAX + 1);
    REFUSED(SECURITY_DELETE_SOURCE, ROLE_USER, "joe", strcpy(c.range, "10.0.0.1/8"));
    REFUSED(SECURITY_ALTER, ROLE_USER, "joe", c.group_count = 1);
    REFUSED(SECURITY_ALTER, ROLE_USER, "joe", c.has_groups = true, c.group_count = 2);
    REFUSED(SECURITY_ALTER, ROLE_USER, "joe", c.has_password = true, c.password.iterations = 999);
    REFUSED(SECURITY_ALTER, ROLE_USER, "joe", c.has_password = true, c.password.iterations = 10000001);
    REFUSED(SECURITY_ALTER, ROLE_GROUP, "ops", c.has_password = true, c.password.iterations = 1000);
}

static void names_of_methods(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= METHOD_MAX; i++)
        assert_int_equal(security_method_of(security_method_name(i)), i);
    assert_int_equal(security_method_of("pam"), 0);
    assert_string_equal(security_method_name(0), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_permissions),    cmocka_unit_test(names_of_users),
        cmocka_unit_test(changes_that_make_sense), cmocka_unit_test(changes_that_do_not),
        cmocka_unit_test(names_of_methods),
    };
    return cmocka_run_group_tests_name("security/change", tests, NULL, NULL);
}
