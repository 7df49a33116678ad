/* SPDX-License-Identifier: Apache-2.0 */
#include "security/change.h"

#include <string.h>

void security_name_lower(char *name)
{
    for (; *name; name++)
        if (*name >= 'A' && *name <= 'Z')
            *name = (char)(*name - 'A' + 'a');
}

const char *security_name_refused(const char *name)
{
    static const char *const reserved[] = {"all", "on", "to", "from", "any"};
    if (!*name)
        return "a name is needed";
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return "all, on, to, from and any are reserved words";
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr(",;:<=>?/\"'\\", *p))
            return "a name has no blanks, no control characters, and none of , ; : < = > ? / \" ' \\";
        else if (*p >= 'A' && *p <= 'Z')
            return "names are kept in small letters";
    return NULL;
}

static const char *role_refused(const struct security_change *c)
{
    if (c->configured && c->role != ROLE_USER)
        return "configurations name users, no groups, and not all";
    if (c->role == ROLE_ALL)
        return *c->name ? "all has no name" : c->act <= SECURITY_DELETE ? "all users are no user and no group" : NULL;
    if (c->role == ROLE_GROUP && c->act >= SECURITY_ADD_SOURCE)
        return "a source is for a user, or for all";
    return security_name_refused(c->name);
}

static const char *fields_refused(const struct security_change *c)
{
    if (!c->has_groups && c->group_count)
        return "groups are given without being said to be";
    for (size_t i = 0; i < c->group_count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->group[i].name, c->group[k].name) == 0)
                return "a group is given twice";
    if (!c->has_password)
        return NULL;
    if (c->role != ROLE_USER)
        return "groups have no passwords";
    if (c->password.iterations < PASSWORD_ITERATIONS_MIN || c->password.iterations > PASSWORD_ITERATIONS_MAX)
        return "the iterations of a password are at least 1000 and at most 10000000";
    return NULL;
}

static const char *grant_refused(const struct security_change *c)
{
    if (!c->permissions || c->permissions & ~PERMISSIONS_ALL)
        return "there is no such permission";
    if (*c->bucket && !*c->type)
        return "a bucket is named without its type";
    return NULL;
}

static const char *source_refused(const struct security_change *c)
{
    struct address_range range;
    const char *why;
    if (!range_parse(c->range, &range, &why))
        return why;
    if (c->act == SECURITY_ADD_SOURCE && (c->method == 0 || c->method > METHOD_MAX))
        return "the method of a source is certificate, password or trust";
    return NULL;
}

const char *security_change_refused(const struct security_change *c)
{
    const char *why = role_refused(c);
    if (why)
        return why;
    switch (c->act) {
    case SECURITY_ADD:
    case SECURITY_ALTER:
        return fields_refused(c);
    case SECURITY_GRANT:
    case SECURITY_REVOKE:
        return grant_refused(c);
    case SECURITY_ADD_SOURCE:
    case SECURITY_DELETE_SOURCE:
        return source_refused(c);
    default:
        return NULL;
    }
}

static const char *const methods[] = {
    [METHOD_CERTIFICATE] = "certificate", [METHOD_PASSWORD] = "password", [METHOD_TRUST] = "trust"};

const char *security_method_name(uint32_t method)
{
    return method && method <= METHOD_MAX ? methods[method] : "none";
}

uint32_t security_method_of(const char *name)
{
    for (uint32_t i = 1; i <= METHOD_MAX; i++)
        if (strcmp(name, methods[i]) == 0)
            return i;
    return 0;
}
