#include "server/security.h"

#include <strings.h>

static bool names_equal(struct slice a, const char *b)
{
    return a.len == strlen(b) && strncasecmp((const char *)a.data, b, a.len) == 0;
}

static bool is_user(const struct server *s, const char *name)
{
    for (size_t i = 0; i < s->config.user_count; i++)
        if (strcasecmp(s->config.users[i], name) == 0)
            return true;
    return false;
}

const char *security_check(const struct server *s, const struct stream_peer *peer, struct slice name)
{
    if (peer->cn_count == 0)
        return "its certificate has no common name";
    if (peer->cn_count > 1)
        return "its certificate has several common names";
    if (!is_user(s, peer->cn))
        return "the common name of its certificate is no user's name";
    if (!names_equal(name, peer->cn))
        return "the name it gives is not the common name of its certificate";
    return NULL;
}
