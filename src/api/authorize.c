/* SPDX-License-Identifier: Apache-2.0 */
#include "api/authorize.h"

#include "api/ask.h"

#include <strings.h>

static const struct slice none = {0};

bool api_user_is_configured(const struct api *a, const char *name)
{
    for (size_t i = 0; i < a->user_count; i++)
        if (strcasecmp(a->users[i], name) == 0)
            return true;
    return false;
}

static bool deny(const struct api *a, enum permission what, struct slice type, struct slice bucket, struct outcome *out)
{
    if (!a->ops->is_current(a->router))
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_NOT_SERVING});
    a->metrics->requests_denied++;
    return outcome_refuse(out,
                          (struct outcome){.code = OUTCOME_DENIED, .permission = what, .name = type, .value = bucket});
}

bool authorize(const struct api *a, const struct principal *who, enum permission what, struct slice type,
               struct slice bucket, struct outcome *out)
{
    if (who->is_node)
        return true;
    const struct acl *acl = router_acl(a->router);
    const struct acl_role *user = acl_user(acl, who->user);
    bool may = user ? acl_permissions(acl, user, type, bucket) & PERMISSION_BIT(what) : who->configured;
    return may || deny(a, what, type, bucket, out);
}

bool authorize_in(const struct api *a, const struct principal *who, enum permission what, struct slice type,
                  struct slice bucket, struct outcome *out)
{
    return authorize(a, who, what, type.len ? type : slice_str("default"), bucket, out);
}

bool authorize_somewhere(const struct api *a, const struct principal *who, enum permission what, struct outcome *out)
{
    if (who->is_node)
        return true;
    const struct acl *acl = router_acl(a->router);
    const struct acl_role *user = acl_user(acl, who->user);
    bool may = user ? acl_permissions_anywhere(acl, user) & PERMISSION_BIT(what) : who->configured;
    return may || deny(a, what, none, none, out);
}

bool authorize_admin(const struct api *a, const struct principal *who, struct outcome *out)
{
    if (who->is_node)
        return true;
    a->metrics->requests_denied++;
    return outcome_refuse(out, (struct outcome){.code = OUTCOME_ADMIN_ONLY});
}
