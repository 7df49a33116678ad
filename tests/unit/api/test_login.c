/* SPDX-License-Identifier: Apache-2.0 */
/* How principals show who they are: by certificate, by password, or not at all. */
#include "api_rig.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

struct attempt {
    struct login login;
    bool done, let_in;
    char why[128];
};

static void on_done(struct login *l, const struct outcome *out)
{
    struct attempt *a = LIST_ENTRY(l, struct attempt, login);
    assert_false(a->done);
    a->done = true;
    a->let_in = !out;
    if (out)
        snprintf(a->why, sizeof a->why, "%s", out->why);
}

static struct principal from(const char *address, const char *certificate)
{
    struct principal p = api_rig_principal(certificate ? certificate : "", false, false);
    p.address = address;
    p.name_count = certificate != NULL;
    p.user[0] = '\0';
    return p;
}

static enum login_state begin(struct api_rig *r, struct attempt *a, const char *user, const char *password)
{
    *a = (struct attempt){.done = false};
    login_init(&a->login, on_done);
    enum login_state state = login_begin(&r->api, &a->login, &r->who, slice_str(user), slice_str(password), &r->out);
    assert_false(a->done); /* never from within the call */
    return state;
}

static void expect_refused(struct api_rig *r, const char *user, const char *why)
{
    struct attempt a;
    uint64_t failed = r->metrics.auth_failed;
    assert_int_equal(begin(r, &a, user, ""), LOGIN_REFUSED);
    assert_outcome(r, OUTCOME_NOT_LET_IN);
    assert_string_equal(r->out.why, why);
    assert_int_equal(r->metrics.auth_failed, failed + 1);
}

static void by_certificate(void **state)
{
    struct api_rig *r = *state;
    struct attempt a;
    r->who = from("10.0.0.1:5", "MyUser");
    assert_int_equal(begin(r, &a, "MYUSER", ""), LOGIN_ACCEPTED);
    assert_string_equal(r->who.user, "myuser");
    assert_true(r->who.configured);
    assert_int_equal(r->metrics.auth_ok, 1);
    expect_refused(r, "other", "the name it gives is not the common name of its certificate");
    r->who.name_count = 2;
    expect_refused(r, "myuser", "its certificate has several common names");
    r->who.name_count = 0;
    expect_refused(r, "myuser", "it has no certificate with a common name");
    expect_refused(r, "nobody", "there is no such user");
    assert_string_equal(r->who.user, "nobody"); /* for the log */
}

static void impossible_names(void **state)
{
    struct api_rig *r = *state;
    char name[SECURITY_NAME_SIZE + 1];
    memset(name, 'x', sizeof name);
    name[SECURITY_NAME_SIZE] = '\0';
    r->who = from("10.0.0.1:5", "myuser");
    expect_refused(r, name, "no user can have the name that it gives");
}

/* A node's certificate lets in its own name, known or not, and no other. */
static void nodes(void **state)
{
    struct api_rig *r = *state;
    struct attempt a;
    r->who = from("10.0.0.1:5", "operator");
    r->who.is_node = true;
    assert_int_equal(begin(r, &a, "operator", ""), LOGIN_ACCEPTED);
    assert_false(r->who.configured);
    expect_refused(r, "myuser", "the name it gives is not the common name of its certificate");
}

static void by_password(void **state)
{
    struct api_rig *r = *state;
    struct attempt a;
    api_rig_add_user(r, "anna", "secret");
    api_rig_add_source(r, "anna", "10.0.0.0/8", METHOD_PASSWORD);
    r->who = from("10.0.0.1:5", NULL);
    assert_int_equal(begin(r, &a, "anna", "secret"), LOGIN_PENDING);
    api_rig_wait(r, 10);
    assert_true(a.done && a.let_in);
    assert_false(r->who.configured);
    assert_int_equal(begin(r, &a, "anna", "guess"), LOGIN_PENDING);
    api_rig_wait(r, 10);
    assert_true(a.done && !a.let_in);
    assert_string_equal(a.why, "its password is another");
    r->who.address = "192.168.0.1:5";
    expect_refused(r, "anna", "no source lets it in from its address");
}

static void forgotten(void **state)
{
    struct api_rig *r = *state;
    struct attempt a;
    api_rig_add_user(r, "anna", "secret");
    api_rig_add_source(r, "anna", "10.0.0.0/8", METHOD_PASSWORD);
    r->who = from("10.0.0.1:5", NULL);
    assert_int_equal(begin(r, &a, "anna", "secret"), LOGIN_PENDING);
    login_forget(&a.login);
    login_forget(&a.login);
    api_rig_wait(r, 10);
    assert_false(a.done);
}

static void without_password(void **state)
{
    struct api_rig *r = *state;
    api_rig_add_user(r, "anna", NULL);
    api_rig_add_source(r, "anna", "10.0.0.0/8", METHOD_PASSWORD);
    r->who = from("10.0.0.1:5", NULL);
    expect_refused(r, "anna", "its source asks for a password, and it has none");
}

static void by_trust(void **state)
{
    struct api_rig *r = *state;
    struct attempt a;
    assert_false(login_takes_bare(&r->api, "10.0.0.1:5"));
    api_rig_add_user(r, "anna", NULL);
    api_rig_add_source(r, "anna", "10.0.0.1/32", METHOD_TRUST);
    assert_true(login_takes_bare(&r->api, "10.0.0.1:5"));
    assert_false(login_takes_bare(&r->api, "10.0.0.2:5"));
    assert_false(login_takes_bare(&r->api, "no address"));
    r->who = from("10.0.0.1:5", NULL);
    assert_int_equal(begin(r, &a, "anna", ""), LOGIN_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_CASE(by_certificate), API_CASE(impossible_names), API_CASE(nodes),    API_CASE(by_password),
        API_CASE(forgotten),      API_CASE(without_password), API_CASE(by_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
