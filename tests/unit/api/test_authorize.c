/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: principals by their kind, and permissions by their scope. */
#include "api/ask.h"
#include "api_rig.h"
#include "support.h"

static const struct slice none;

static bool may_get(struct api_rig *r, const char *type, const char *bucket)
{
    return authorize_in(&r->api, &r->who, MAY_GET, slice_str(type), slice_str(bucket), &r->out);
}

static void configured_users_may_everything(void **state)
{
    struct api_rig *r = *state;
    for (int p = 0; p < PERMISSION_COUNT; p++)
        assert_true(authorize(&r->api, &r->who, (enum permission)p, none, none, &r->out));
    assert_int_equal(r->metrics.requests_denied, 0);
}

static void unknown_users_may_nothing(void **state)
{
    struct api_rig *r = *state;
    r->who = api_rig_principal("nobody", false, false);
    for (int p = 0; p < PERMISSION_COUNT; p++) {
        assert_false(authorize(&r->api, &r->who, (enum permission)p, none, none, &r->out));
        assert_outcome(r, OUTCOME_DENIED);
        assert_int_equal(r->out.permission, p);
        assert_int_equal(r->out.name.len + r->out.value.len, 0);
        assert_false(authorize_somewhere(&r->api, &r->who, (enum permission)p, &r->out));
    }
    assert_int_equal(r->metrics.requests_denied, 2 * PERMISSION_COUNT);
}

static void grants_have_a_scope(void **state)
{
    struct api_rig *r = *state;
    api_rig_add_user(r, "anna", NULL);
    r->who = api_rig_principal("anna", false, false);
    assert_false(may_get(r, "", "b"));
    api_rig_grant(r, "anna", PERMISSION_BIT(MAY_GET), "default", "b");
    assert_true(may_get(r, "", "b"));
    assert_true(may_get(r, "default", "b"));
    assert_true(authorize_somewhere(&r->api, &r->who, MAY_GET, &r->out));
    assert_false(may_get(r, "", "c"));
    assert_outcome(r, OUTCOME_DENIED);
    assert_slice_is(r->out.name, "default"); /* as it is granted by */
    assert_slice_is(r->out.value, "c");
    assert_false(authorize_in(&r->api, &r->who, MAY_PUT, none, slice_str("b"), &r->out));
    assert_false(authorize(&r->api, &r->who, MAY_GET, none, none, &r->out));
    assert_false(authorize_somewhere(&r->api, &r->who, MAY_PUT, &r->out));
    api_rig_grant(r, "anna", PERMISSION_BIT(MAY_GET), "default", "");
    assert_true(may_get(r, "", "c"));
    assert_false(may_get(r, "t", "c"));
}

/* Asked with each request: a connection that is open is no exception. */
static void revoked_counts_at_once(void **state)
{
    struct api_rig *r = *state;
    struct security_change c = {.act = SECURITY_REVOKE, .role = ROLE_USER, .name = "anna", .type = "default"};
    api_rig_add_user(r, "anna", NULL);
    api_rig_grant(r, "anna", PERMISSION_BIT(MAY_GET), "default", "");
    r->who = api_rig_principal("anna", false, false);
    assert_true(may_get(r, "", "b"));
    c.permissions = PERMISSION_BIT(MAY_GET);
    api_rig_change(r, c);
    assert_false(may_get(r, "", "b"));
}

/* The first change of a configured user puts him into the ACL: his grants there count from then on. */
static void a_configured_user_in_the_acl(void **state)
{
    struct api_rig *r = *state;
    struct security_change c = {.act = SECURITY_REVOKE, .role = ROLE_USER, .name = "myuser", .configured = true};
    c.permissions = PERMISSION_BIT(MAY_GET);
    api_rig_change(r, c);
    assert_false(may_get(r, "", "b"));
    assert_true(authorize_in(&r->api, &r->who, MAY_PUT, none, slice_str("b"), &r->out));
}

static void nodes_may_everything(void **state)
{
    struct api_rig *r = *state;
    r->who = api_rig_principal("nobody", false, true);
    for (int p = 0; p < PERMISSION_COUNT; p++) {
        assert_true(authorize(&r->api, &r->who, (enum permission)p, none, none, &r->out));
        assert_true(authorize_somewhere(&r->api, &r->who, (enum permission)p, &r->out));
    }
    assert_true(authorize_admin(&r->api, &r->who, &r->out));
}

static void operators_show_a_nodes_certificate(void **state)
{
    struct api_rig *r = *state;
    assert_false(authorize_admin(&r->api, &r->who, &r->out));
    assert_outcome(r, OUTCOME_ADMIN_ONLY);
    assert_int_equal(r->metrics.requests_denied, 1);
}

static bool is_not_current(const struct router *router)
{
    (void)router;
    return false;
}

/* A node without a lease does not know what was granted meanwhile: it does not say that it is not. */
static void a_node_that_does_not_serve(void **state)
{
    struct api_rig *r = *state;
    struct router_ops ops = router_calls;
    ops.is_current = is_not_current;
    r->api.ops = &ops;
    assert_true(may_get(r, "", "b")); /* what it knows to be granted is */
    r->who = api_rig_principal("nobody", false, false);
    assert_false(may_get(r, "", "b"));
    assert_outcome(r, OUTCOME_NOT_SERVING);
    assert_true(outcome_retryable(r->out.code));
    assert_int_equal(r->metrics.requests_denied, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(configured_users_may_everything),
        API_CASE(unknown_users_may_nothing),
        API_CASE(grants_have_a_scope),
        API_CASE(revoked_counts_at_once),
        API_CASE(a_configured_user_in_the_acl),
        API_CASE(nodes_may_everything),
        API_CASE(operators_show_a_nodes_certificate),
        API_CASE(a_node_that_does_not_serve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
