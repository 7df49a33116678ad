/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of users by operators, and the list of them. */
#include "api_rig.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct security_change adding(const char *name)
{
    struct security_change c = {.act = SECURITY_ADD, .role = ROLE_USER};
    snprintf(c.name, sizeof c.name, "%s", name);
    return c;
}

static void for_operators_alone(void **state)
{
    struct api_rig *r = *state;
    struct security_change c = adding("anna");
    assert_false(security_admin_check(&r->api, &r->who, &c, &r->out));
    assert_outcome(r, OUTCOME_ADMIN_ONLY);
    assert_false(security_admin_list(&r->api, &r->who, NULL, NULL, &r->out));
    assert_outcome(r, OUTCOME_ADMIN_ONLY);
}

static void changes(void **state)
{
    struct api_rig *r = *state;
    struct security_change c = adding("anna"), bad = adding("a,b"), mine = adding("myuser");
    r->who = api_rig_principal("operator", false, true);
    assert_true(security_admin_check(&r->api, &r->who, &c, &r->out));
    assert_false(c.configured);
    assert_false(security_admin_check(&r->api, &r->who, &bad, &r->out));
    assert_outcome(r, OUTCOME_BAD_CHANGE);
    assert_non_null(r->out.why);
    assert_false(security_admin_check(&r->api, &r->who, &mine, &r->out)); /* the configuration makes that one */
    assert_outcome(r, OUTCOME_BAD_CHANGE);
    mine.act = SECURITY_GRANT;
    mine.permissions = PERMISSION_BIT(MAY_GET);
    assert_true(security_admin_check(&r->api, &r->who, &mine, &r->out));
    assert_true(mine.configured);
}

struct names {
    char text[256];
    bool shows_password;
};

static void take(void *arg, const struct security_change *c)
{
    static const struct password none;
    struct names *n = arg;
    n->shows_password |= memcmp(&c->password, &none, sizeof none) != 0;
    if (c->act == SECURITY_ADD)
        snprintf(n->text + strlen(n->text), sizeof n->text - strlen(n->text), "%s%s ", c->name,
                 c->configured ? "*" : "");
}

static void the_list(void **state)
{
    struct api_rig *r = *state;
    struct names n = {.text = ""};
    api_rig_add_user(r, "anna", "secret");
    r->who = api_rig_principal("operator", false, true);
    assert_true(security_admin_list(&r->api, &r->who, take, &n, &r->out));
    assert_string_equal(n.text, "myuser* other* anna ");
    assert_false(n.shows_password);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(for_operators_alone),
        API_CASE(changes),
        API_CASE(the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
