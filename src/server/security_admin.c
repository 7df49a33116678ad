/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups and grants, for operators (wire/security_msg.h). */
#include "base/err.h"
#include "server/authorize.h"
#include "server/dispatch.h"
#include "server/kv.h"
#include "server/error_reply.h"
#include "server/login.h"
#include "wire/security_msg.h"

/* What a code of acl_apply() means to who asked. */
static const char *text_of(int err)
{
    switch (err) {
    case E_EXISTS:
        return "there is one of that name already";
    case E_NOT_FOUND:
        return "there is no user or group of that name";
    case E_ABSENT:
        return "what is to be taken away is not there (a permission is revoked with the very type and bucket with "
               "which "
               "it was granted), or a group that is named is not";
    case E_TOO_MANY:
        return "there are as many users, groups, grants or sources as there may be";
    default:
        return err_text(err);
    }
}

static void on_changed(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    (void)result;
    if (!err)
        session_reply_empty(s, MSG_SECURITY_CHANGE_RESP);
    else if (!refusal_late(s, err, "the change is made: look before making it again"))
        session_error(s, "Security change refused: %s", text_of(err));
    session_finish(s);
}

/* An operator's doings are always told, and that a door was opened to those without certificate is a warning. */
static void log_change(const struct session *s, const struct security_change *c)
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
    log_info(s->server->log, "security", "%s (%s) asks to %s %s%s", s->name, s->user_name, acts[c->act], roles[c->role],
             c->name);
    if (opens)
        log_warn(s->server->log, "security",
                 "a source of %s with the method %s: clients there are let in without a certificate", c->range,
                 security_method_name(c->method));
}

void users_change(struct session *s, struct slice body)
{
    struct security_change c;
    if (security_msg_decode_change(body, &c)) {
        kv_malformed(s, "EphSecurityChange");
        return;
    }
    if (!authorize_admin(s, "to change users"))
        return;
    c.configured = c.role == ROLE_USER && security_is_configured(s->server, c.name);
    const char *why = security_change_refused(&c);
    if (!why && c.configured && (c.act == SECURITY_ADD || c.act == SECURITY_DELETE))
        why = "the user is one of this node's configuration, which makes it: grant, revoke and alter change it, and it "
              "goes when no configuration names it any more";
    if (why) {
        session_error(s, "Security change refused: %s", why);
        return;
    }
    log_change(s, &c);
    router_change_security(s->server->router, session_ask(s, 0, on_changed), &c);
}

/* --- the list --- */

struct page {
    uint32_t from;
    struct security_list_resp resp;
};

static void take(void *arg, const struct security_change *c)
{
    struct page *p = arg;
    if (p->resp.total++ < p->from || p->resp.count == SECURITY_PAGE_MAX)
        return;
    struct security_change *to = &p->resp.change[p->resp.count++];
    *to = *c;
    memset(&to->password, 0, sizeof to->password);
}

/* Those whom the configuration alone names come first, without a grant of their own: they may do everything. */
static void take_configured(struct page *p, const struct server *server)
{
    const struct acl *r = router_acl(server->router);
    for (size_t i = 0; i < server->config.user_count; i++) {
        struct security_change c = {.act = SECURITY_ADD, .role = ROLE_USER, .configured = true};
        if (security_name(slice_str(server->config.users[i]), c.name) && !acl_user(r, c.name))
            take(p, &c);
    }
}

static bool is_configured(const void *server, const char *name)
{
    return security_is_configured(server, name);
}

void users_list(struct session *s, struct slice body)
{
    struct security_list_req req;
    if (security_msg_decode_list_req(body, &req)) {
        kv_malformed(s, "EphSecurityListReq");
        return;
    }
    if (!authorize_admin(s, "to list users"))
        return;
    struct page p = {.from = req.from};
    take_configured(&p, s->server);
    acl_each_command(router_acl(s->server->router), is_configured, s->server, take, &p);
    int err = security_msg_put_list(session_out(s), &p.resp);
    if (err)
        session_broken(s, err);
}
