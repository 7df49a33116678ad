/* SPDX-License-Identifier: Apache-2.0 */
#include "api/login.h"

#include "base/err.h"

#include <strings.h>

bool login_takes_bare(const struct api *a, const char *address)
{
    struct address from;
    return address_parse(address, &from) && acl_takes_bare(router_acl(a->router), &from);
}

/* The name as the ACL keeps it; false: it is too long to be anybody's. */
static bool keep_name(struct slice given, char out[SECURITY_NAME_SIZE])
{
    memset(out, 0, SECURITY_NAME_SIZE);
    if (given.len >= SECURITY_NAME_SIZE || (given.len && memchr(given.data, '\0', given.len)))
        return false;
    if (given.len)
        memcpy(out, given.data, given.len);
    security_name_lower(out);
    return true;
}

/* NULL: the certificate is of the name that was given. */
static const char *check_certificate(const struct principal *who)
{
    if (who->name_count == 0)
        return "it has no certificate with a common name";
    if (who->name_count > 1)
        return "its certificate has several common names";
    if (strcasecmp(who->certificate_name, who->user) != 0)
        return "the name it gives is not the common name of its certificate";
    return NULL;
}

static uint32_t judge_password(const struct acl_role *user, const struct password **password, const char **why)
{
    *password = user ? acl_password(user) : NULL;
    *why = *password ? NULL : "its source asks for a password, and it has none";
    return *password ? METHOD_PASSWORD : 0;
}

/* By which method the user is let in: certificate and trust at once, a password if the principal has given that of
 * *password. 0: by none, *why says why. */
static uint32_t judge(const struct api *a, const struct principal *who, const struct password **password,
                      const char **why)
{
    const struct acl *acl = router_acl(a->router);
    const struct acl_role *user = acl_user(acl, who->user);
    struct address from;
    *why = check_certificate(who);
    if (who->is_node) /* its owner can make any certificate */
        return *why ? 0 : METHOD_CERTIFICATE;
    if (!user && !api_user_is_configured(a, who->user)) {
        *why = "there is no such user";
        return 0;
    }
    uint32_t method = address_parse(who->address, &from) ? acl_method(acl, user, &from) : 0;
    if (method == METHOD_PASSWORD)
        return judge_password(user, password, why);
    if (method == METHOD_CERTIFICATE)
        return *why ? 0 : method;
    *why = method ? NULL : "no source lets it in from its address";
    return method;
}

static void accept(const struct api *a, struct principal *who)
{
    a->metrics->auth_ok++;
    who->configured = api_user_is_configured(a, who->user);
}

static struct outcome refusal(const struct api *a, const char *why)
{
    a->metrics->auth_failed++;
    return (struct outcome){.code = OUTCOME_NOT_LET_IN, .why = why};
}

static void on_checked(struct password_check *c, bool right)
{
    struct login *l = LIST_ENTRY(c, struct login, check);
    struct outcome out;
    if (right)
        accept(l->api, l->who);
    else
        out = refusal(l->api, "its password is another");
    l->done(l, right ? NULL : &out);
}

void login_init(struct login *l, login_done done)
{
    *l = (struct login){.done = done};
    password_check_init(&l->check, on_checked);
}

enum login_state login_begin(const struct api *a, struct login *l, struct principal *who, struct slice user,
                             struct slice password, struct outcome *out)
{
    const struct password *kept;
    const char *why = "no user can have the name that it gives";
    uint32_t method = keep_name(user, who->user) ? judge(a, who, &kept, &why) : 0;
    if (method && method != METHOD_PASSWORD) {
        accept(a, who);
        return LOGIN_ACCEPTED;
    }
    l->api = a;
    l->who = who;
    int err = method ? password_check_begin(a->passwords, &l->check, kept, password) : 0;
    if (method && !err)
        return LOGIN_PENDING;
    *out = refusal(a, err ? err_text(err) : why);
    return LOGIN_REFUSED;
}

void login_forget(struct login *l)
{
    password_check_forget(&l->check);
}
