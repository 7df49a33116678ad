/* SPDX-License-Identifier: Apache-2.0 */
#include "server/login.h"

#include <strings.h>

bool security_name(struct slice given, char out[SECURITY_NAME_SIZE])
{
    memset(out, 0, SECURITY_NAME_SIZE);
    if (given.len >= SECURITY_NAME_SIZE || (given.len && memchr(given.data, '\0', given.len)))
        return false;
    if (given.len)
        memcpy(out, given.data, given.len);
    security_name_lower(out);
    return true;
}

bool security_is_configured(const struct server *s, const char *name)
{
    for (size_t i = 0; i < s->config.user_count; i++)
        if (strcasecmp(s->config.users[i], name) == 0)
            return true;
    return false;
}

bool security_takes_bare(const struct server *s, const char *address)
{
    struct address from;
    return address_parse(address, &from) && acl_takes_bare(router_acl(s->router), &from);
}

/* NULL: the certificate is of that name. */
static const char *check_certificate(const struct stream_peer *peer, const char *name)
{
    if (peer->cn_count == 0)
        return "it has no certificate with a common name";
    if (peer->cn_count > 1)
        return "its certificate has several common names";
    if (strcasecmp(peer->cn, name) != 0)
        return "the name it gives is not the common name of its certificate";
    return NULL;
}

static uint32_t judge_password(const struct acl_role *user, const struct password **password, const char **why)
{
    *password = user ? acl_password(user) : NULL;
    *why = *password ? NULL : "its source asks for a password, and it has none";
    return *password ? METHOD_PASSWORD : 0;
}

uint32_t security_judge(const struct session *s, const char *name, const struct password **password, const char **why)
{
    const struct acl *r = router_acl(s->server->router);
    const struct acl_role *user = acl_user(r, name);
    struct address from;
    *why = check_certificate(&s->peer, name);
    if (s->peer.is_node) /* whoever has made that certificate can make any */
        return *why ? 0 : METHOD_CERTIFICATE;
    if (!user && !security_is_configured(s->server, name)) {
        *why = "there is no such user";
        return 0;
    }
    uint32_t method = address_parse(s->name, &from) ? acl_method(r, user, &from) : 0;
    if (method == METHOD_PASSWORD)
        return judge_password(user, password, why);
    if (method == METHOD_CERTIFICATE)
        return *why ? 0 : method;
    *why = method ? NULL : "no source lets it in from its address";
    return method;
}
