/* SPDX-License-Identifier: Apache-2.0 */
#include "security/acl.h"

#include "base/err.h"
#include "support.h"

#include <stdio.h>

static struct acl *r;

static int set_up(void **state)
{
    (void)state;
    return acl_create(&r);
}

static int tear_down(void **state)
{
    (void)state;
    acl_destroy(&r);
    return 0;
}

static struct security_change change(enum security_act act, enum security_role role, const char *name)
{
    struct security_change c = {.act = act, .role = role};
    snprintf(c.name, sizeof c.name, "%s", name);
    return c;
}

static int add(enum security_role role, const char *name, const char *group)
{
    struct security_change c = change(SECURITY_ADD, role, name);
    c.has_groups = group != NULL;
    c.group_count = group != NULL;
    if (group)
        snprintf(c.group[0].name, sizeof c.group[0].name, "%s", group);
    return acl_apply(r, &c);
}

static int grant(enum security_act act, enum security_role role, const char *name, uint32_t what, const char *type,
                 const char *bucket)
{
    struct security_change c = change(act, role, name);
    c.permissions = what;
    snprintf(c.type, sizeof c.type, "%s", type);
    snprintf(c.bucket, sizeof c.bucket, "%s", bucket);
    return acl_apply(r, &c);
}

static int source(enum security_act act, enum security_role role, const char *name, const char *range, uint32_t method)
{
    struct security_change c = change(act, role, name);
    snprintf(c.range, sizeof c.range, "%s", range);
    c.method = method;
    return acl_apply(r, &c);
}

static uint32_t may(const char *name, const char *type, const char *bucket)
{
    return acl_permissions(r, acl_user(r, name), slice_str(type), slice_str(bucket));
}

static uint32_t method(const char *name, const char *from)
{
    struct address a;
    assert_true(address_parse(from, &a));
    return acl_method(r, acl_user(r, name), &a);
}

#define GET PERMISSION_BIT(MAY_GET)
#define PUT PERMISSION_BIT(MAY_PUT)
#define DEL PERMISSION_BIT(MAY_DELETE)

static void nobody_is_in_an_empty_one(void **state)
{
    struct address a;
    (void)state;
    assert_true(address_parse("127.0.0.1", &a));
    assert_null(acl_user(r, "joe"));
    assert_null(acl_user(NULL, "joe"));
    assert_false(acl_takes_bare(NULL, &a));
    assert_false(acl_takes_bare(r, &a));
    assert_int_equal(acl_method(NULL, NULL, &a), METHOD_CERTIFICATE);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "joe", GET, "", ""), E_NOT_FOUND);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_USER, "joe", "::/0", METHOD_TRUST), E_NOT_FOUND);
}

static void grants_are_united(void **state)
{
    (void)state;
    assert_int_equal(add(ROLE_USER, "joe", NULL), 0);
    assert_int_equal(add(ROLE_USER, "joe", NULL), E_EXISTS);
    assert_int_equal(may("joe", "default", "b"), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "joe", GET, "default", "b"), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "joe", PUT, "default", ""), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_ALL, "", DEL, "", ""), 0);
    assert_int_equal(may("joe", "default", "b"), GET | PUT | DEL);
    assert_int_equal(may("joe", "default", "other"), PUT | DEL);
    assert_int_equal(may("joe", "default", ""), PUT | DEL);
    assert_int_equal(may("joe", "maps", "b"), DEL);
    assert_int_equal(may("joe", "", ""), DEL);
}

/* A bucket "tb" of the type "d" is not the bucket "b" of the type "dt". */
static void names_do_not_run_together(void **state)
{
    (void)state;
    assert_int_equal(add(ROLE_USER, "joe", NULL), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "joe", GET, "d", "tb"), 0);
    assert_int_equal(may("joe", "dt", "b"), 0);
    assert_int_equal(may("joe", "dtb", ""), 0);
    assert_int_equal(may("joe", "d", "tb"), GET);
}

static void what_is_revoked_is_gone(void **state)
{
    (void)state;
    assert_int_equal(add(ROLE_USER, "joe", NULL), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "joe", GET | PUT, "", ""), 0);
    assert_int_equal(grant(SECURITY_REVOKE, ROLE_USER, "joe", GET, "default", ""), E_ABSENT);
    assert_int_equal(may("joe", "default", "b"), GET | PUT);
    assert_int_equal(grant(SECURITY_REVOKE, ROLE_USER, "joe", GET | DEL, "", ""), 0);
    assert_int_equal(may("joe", "default", "b"), PUT);
    assert_int_equal(grant(SECURITY_REVOKE, ROLE_USER, "joe", GET, "", ""), E_ABSENT);
    assert_int_equal(grant(SECURITY_REVOKE, ROLE_USER, "joe", PUT, "", ""), 0);
    assert_int_equal(may("joe", "default", "b"), 0);
}

/* Groups in groups, in a circle as well. */
static void groups_give_to_their_members(void **state)
{
    struct security_change circle = change(SECURITY_ALTER, ROLE_GROUP, "a");
    (void)state;
    assert_int_equal(add(ROLE_GROUP, "b", "a"), E_ABSENT);
    assert_int_equal(add(ROLE_GROUP, "a", NULL), 0);
    assert_int_equal(add(ROLE_GROUP, "b", "a"), 0);
    assert_int_equal(add(ROLE_USER, "joe", "b"), 0);
    assert_int_equal(add(ROLE_USER, "a", NULL), 0); /* a user, not the group */
    assert_int_equal(grant(SECURITY_GRANT, ROLE_GROUP, "a", GET, "", ""), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_GROUP, "b", PUT, "", ""), 0);
    assert_int_equal(may("joe", "t", "b"), GET | PUT);
    assert_int_equal(may("a", "t", "b"), 0);
    circle.has_groups = true;
    circle.group_count = 2;
    strcpy(circle.group[0].name, "b");
    strcpy(circle.group[1].name, "a");
    assert_int_equal(acl_apply(r, &circle), 0);
    assert_int_equal(may("joe", "t", "b"), GET | PUT);
    struct security_change gone = change(SECURITY_DELETE, ROLE_GROUP, "b");
    assert_int_equal(acl_apply(r, &gone), 0);
    assert_false(acl_has_group(r, "b"));
    assert_int_equal(may("joe", "t", "b"), 0);
}

/* A change of which one part does not fit changes nothing. */
static void all_or_nothing(void **state)
{
    struct security_change c = change(SECURITY_ALTER, ROLE_USER, "joe");
    (void)state;
    assert_int_equal(add(ROLE_GROUP, "a", NULL), 0);
    assert_int_equal(add(ROLE_USER, "joe", "a"), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_GROUP, "a", GET, "", ""), 0);
    c.has_groups = c.has_password = true;
    c.group_count = 1;
    strcpy(c.group[0].name, "none");
    c.password.iterations = 1000;
    assert_int_equal(acl_apply(r, &c), E_ABSENT);
    assert_int_equal(may("joe", "t", "b"), GET);
    assert_null(acl_password(acl_user(r, "joe")));
    c = change(SECURITY_REVOKE, ROLE_USER, "configured");
    c.configured = true;
    c.permissions = GET;
    strcpy(c.type, "t");
    assert_int_equal(acl_apply(r, &c), E_ABSENT);
    assert_null(acl_user(r, "configured"));
}

static void the_narrowest_source_counts(void **state)
{
    struct address a;
    (void)state;
    assert_int_equal(add(ROLE_USER, "joe", NULL), 0);
    assert_int_equal(add(ROLE_USER, "ann", NULL), 0);
    assert_int_equal(method("joe", "10.1.1.1"), 0);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "10.0.0.0/8", METHOD_CERTIFICATE), 0);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_USER, "joe", "10.1.0.0/16", METHOD_PASSWORD), 0);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "10.1.0.0/16", METHOD_TRUST), 0);
    assert_int_equal(method("joe", "10.1.1.1"), METHOD_PASSWORD);
    assert_int_equal(method("ann", "10.1.1.1"), METHOD_TRUST);
    assert_int_equal(method("joe", "10.2.1.1"), METHOD_CERTIFICATE);
    assert_int_equal(method("joe", "11.1.1.1"), 0);
    assert_true(address_parse("10.1.1.1", &a));
    assert_true(acl_takes_bare(r, &a));
    assert_true(address_parse("10.2.1.1", &a));
    assert_false(acl_takes_bare(r, &a));
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_USER, "joe", "10.1.0.0/16", METHOD_CERTIFICATE),
                     0); /* replaced */
    assert_int_equal(method("joe", "10.1.1.1"), METHOD_CERTIFICATE);
    assert_int_equal(source(SECURITY_DELETE_SOURCE, ROLE_USER, "joe", "10.1.0.0/16", 0), 0);
    assert_int_equal(source(SECURITY_DELETE_SOURCE, ROLE_USER, "joe", "10.1.0.0/16", 0), E_ABSENT);
    assert_int_equal(method("joe", "10.1.1.1"), METHOD_TRUST);
}

static void a_user_takes_all_with_him(void **state)
{
    struct security_change gone = change(SECURITY_DELETE, ROLE_USER, "joe");
    (void)state;
    assert_int_equal(add(ROLE_USER, "joe", NULL), 0);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "joe", GET, "", ""), 0);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_USER, "joe", "::/0", METHOD_TRUST), 0);
    assert_int_equal(acl_apply(r, &gone), 0);
    assert_int_equal(acl_apply(r, &gone), E_NOT_FOUND);
    assert_int_equal(add(ROLE_USER, "joe", NULL), 0);
    assert_int_equal(may("joe", "t", "b"), 0);
    assert_int_equal(method("joe", "::1"), 0);
}

/* Who is configured and not here comes by certificate; the first change makes him with what he had. */
static void configured_users(void **state)
{
    struct security_change c = change(SECURITY_REVOKE, ROLE_USER, "myuser");
    struct address a;
    (void)state;
    assert_true(address_parse("1.2.3.4", &a));
    c.configured = true;
    c.permissions = PUT;
    assert_int_equal(acl_apply(r, &c), 0);
    assert_int_equal(may("myuser", "t", "b"), PERMISSIONS_ALL & ~PUT);
    assert_int_equal(method("myuser", "1.2.3.4"), METHOD_CERTIFICATE);
    assert_int_equal(acl_method(r, NULL, &a), METHOD_CERTIFICATE);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "::/0", METHOD_TRUST), 0);
    assert_int_equal(acl_method(r, NULL, &a), METHOD_CERTIFICATE); /* his own first */
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "0.0.0.0/0", METHOD_TRUST), 0);
    assert_int_equal(acl_method(r, NULL, &a), METHOD_CERTIFICATE); /* that is everywhere, too */
    assert_int_equal(method("myuser", "1.2.3.4"), METHOD_CERTIFICATE);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "1.0.0.0/8", METHOD_TRUST), 0);
    assert_int_equal(acl_method(r, NULL, &a), METHOD_TRUST); /* the narrower */
    assert_int_equal(method("myuser", "1.2.3.4"), METHOD_TRUST);
}

static void there_are_bounds(void **state)
{
    char name[32];
    (void)state;
    for (unsigned i = 0; i < ACL_USERS_MAX; i++) {
        snprintf(name, sizeof name, "u%u", i * 7919 % ACL_USERS_MAX);
        assert_int_equal(add(ROLE_USER, name, NULL), 0);
        snprintf(name, sizeof name, "10.0.%u.%u", i / 256, i % 256);
        assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", name, METHOD_TRUST), 0);
    }
    assert_int_equal(add(ROLE_USER, "one-more", NULL), E_TOO_MANY);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "::1", METHOD_TRUST), E_TOO_MANY);
    assert_int_equal(source(SECURITY_ADD_SOURCE, ROLE_ALL, "", "10.0.0.0", METHOD_PASSWORD), 0);
    for (unsigned i = 0; i < ACL_GRANTS_MAX; i++) {
        snprintf(name, sizeof name, "b%u", i);
        assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "u5", GET, "t", name), 0);
    }
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "u6", GET, "t", "b"), E_TOO_MANY);
    assert_int_equal(grant(SECURITY_GRANT, ROLE_USER, "u5", PUT, "t", "b7"), 0);
    assert_int_equal(may("u5", "t", "b7"), GET | PUT);
    assert_int_equal(may("u1023", "t", "b7"), 0);
    for (unsigned i = 0; i < ACL_GROUPS_MAX; i++) {
        snprintf(name, sizeof name, "g%u", i);
        assert_int_equal(add(ROLE_GROUP, name, NULL), 0);
    }
    assert_int_equal(add(ROLE_GROUP, "one-more", NULL), E_TOO_MANY);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_in_an_empty_one),
        TEST(grants_are_united),
        TEST(names_do_not_run_together),
        TEST(what_is_revoked_is_gone),
        TEST(groups_give_to_their_members),
        TEST(all_or_nothing),
        TEST(the_narrowest_source_counts),
        TEST(a_user_takes_all_with_him),
        TEST(configured_users),
        TEST(there_are_bounds),
    };
    return cmocka_run_group_tests_name("security/acl", tests, NULL, NULL);
}
