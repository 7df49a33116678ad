/* SPDX-License-Identifier: Apache-2.0 */
#include "server/authorize.h"

#include "server/error_reply.h"

static bool has(const struct session *s, enum permission what, struct slice type, struct slice bucket)
{
    const struct acl *r = router_acl(s->server->router);
    const struct acl_role *user = acl_user(r, s->user_name);
    if (!user)
        return s->configured;
    return acl_permissions(r, user, type, bucket) & PERMISSION_BIT(what);
}

static int shown(struct slice name)
{
    return (int)(name.len < 256 ? name.len : 256);
}

/* Always false. */
static bool deny(struct session *s, enum permission what, struct slice type, struct slice bucket)
{
    if (!router_is_current(s->server->router)) {
        char cause[REFUSAL_CAUSE_MAX];
        session_error(s,
                      "unavailable: this node does not serve now, and may not know what is granted meanwhile; the "
                      "request has had no effect: try again%s",
                      refusal_cause(s, cause));
        return false;
    }
    s->server->metrics->requests_denied++;
    session_error(s, "Permission denied: User '%s' does not have '%s' on %.*s%s%.*s", s->user_name,
                  permission_name(what), type.len ? shown(type) : 3, type.len ? (const char *)type.data : "any",
                  bucket.len ? "/" : "", shown(bucket), bucket.len ? (const char *)bucket.data : "");
    return false;
}

bool authorize(struct session *s, enum permission what, struct slice type, struct slice bucket)
{
    return s->peer.is_node || has(s, what, type, bucket) || deny(s, what, type, bucket);
}

bool authorize_somewhere(struct session *s, enum permission what)
{
    const struct acl *r = router_acl(s->server->router);
    const struct acl_role *user = acl_user(r, s->user_name);
    bool has_it = user ? acl_permissions_anywhere(r, user) & PERMISSION_BIT(what) : s->configured;
    return s->peer.is_node || has_it || deny(s, what, slice_make(NULL, 0), slice_make(NULL, 0));
}

bool authorize_in(struct session *s, enum permission what, struct slice type, struct slice bucket)
{
    return authorize(s, what, type.len ? type : slice_str("default"), bucket);
}

bool authorize_admin(struct session *s, const char *what)
{
    if (s->peer.is_node)
        return true;
    s->server->metrics->requests_denied++;
    session_error(s,
                  "Permission denied: %s takes a certificate with the role of a node, and yours is a user's. "
                  "ephemeralctl mints one for this purpose when it is given --root-ca-cert, --root-ca-key and --user",
                  what);
    return false;
}
