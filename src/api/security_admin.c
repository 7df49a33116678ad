/* SPDX-License-Identifier: Apache-2.0 */
#include "api/security_admin.h"

#include "api/authorize.h"

#include <stdio.h>

/* What an operator does is always logged; a source that lets in clients without certificate is a warning. */
static void log_change(const struct api *a, const struct principal *who, const struct security_change *c)
{
    static const char *const acts[] = {[SECURITY_ADD] = "add",
                                       [SECURITY_ALTER] = "alter",
                                       [SECURITY_DELETE] = "delete",
                                       [SECURITY_GRANT] = "grant to",
                                       [SECURITY_REVOKE] = "revoke from",
                                       [SECURITY_ADD_SOURCE] = "add a source to",
                                       [SECURITY_DELETE_SOURCE] = "delete a source of"};
    static const char *const roles[] = {[ROLE_USER] = "user ", [ROLE_GROUP] = "group ", [ROLE_ALL] = "all"};
    bool opens = c->act == SECURITY_ADD_SOURCE && c->method != METHOD_CERTIFICATE;
    log_info(a->log, "security", "%s (%s) asks to %s %s%s", who->address, who->user, acts[c->act], roles[c->role],
             c->name);
    if (opens)
        log_warn(a->log, "security",
                 "a source of %s with the method %s: clients there are let in without a certificate", c->range,
                 security_method_name(c->method));
}

bool security_admin_check(const struct api *a, const struct principal *who, struct security_change *c,
                          struct outcome *out)
{
    if (!authorize_admin(a, who, out))
        return false;
    c->configured = c->role == ROLE_USER && api_user_is_configured(a, c->name);
    const char *why = security_change_refused(c);
    if (!why && c->configured && (c->act == SECURITY_ADD || c->act == SECURITY_DELETE))
        why = "the user is one of this node's configuration, which makes it: grant, revoke and alter change it, and it "
              "goes when no configuration names it any more";
    if (why)
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_CHANGE, .why = why});
    log_change(a, who, c);
    return true;
}

/* --- the list --- */

struct visit {
    void (*f)(void *arg, const struct security_change *c);
    void *arg;
};

static void without_password(void *arg, const struct security_change *c)
{
    const struct visit *v = arg;
    struct security_change shown = *c;
    memset(&shown.password, 0, sizeof shown.password);
    v->f(v->arg, &shown);
}

/* Those whom the configuration alone names come first, without a grant of their own: they may do everything. */
static void list_configured(const struct api *a, struct visit *v)
{
    const struct acl *acl = router_acl(a->router);
    for (size_t i = 0; i < a->user_count; i++) {
        struct security_change c = {.act = SECURITY_ADD, .role = ROLE_USER, .configured = true};
        if (strlen(a->users[i]) >= sizeof c.name)
            continue;
        snprintf(c.name, sizeof c.name, "%s", a->users[i]);
        security_name_lower(c.name);
        if (!acl_user(acl, c.name))
            without_password(v, &c);
    }
}

static bool is_configured(const void *a, const char *name)
{
    return api_user_is_configured(a, name);
}

bool security_admin_list(const struct api *a, const struct principal *who,
                         void (*f)(void *arg, const struct security_change *c), void *arg, struct outcome *out)
{
    struct visit v = {f, arg};
    if (!authorize_admin(a, who, out))
        return false;
    list_configured(a, &v);
    acl_each_command(router_acl(a->router), is_configured, a, without_password, &v);
    return true;
}
