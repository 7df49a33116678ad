/* SPDX-License-Identifier: Apache-2.0 */
#include "base/service_link.h"

#include <ctype.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* At *p: takes the word, if it stands there and ends the text or is followed by `_`. */
static bool take_word(const char **p, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*p, word, len) != 0 || ((*p)[len] && (*p)[len] != '_'))
        return false;
    *p += len;
    return true;
}

/* "8087_TCP" or "8087_TCP_ADDR", to the end. */
static bool is_port_and_protocol(const char *p)
{
    static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"}, *const parts[] = {"_PROTO", "_PORT", "_ADDR"};
    size_t digits = strspn(p, "0123456789"), i = 0;
    if (!digits)
        return false;
    p += digits;
    while (i < COUNT(protocols) && !take_word(&p, protocols[i]))
        i++;
    if (i == COUNT(protocols))
        return false;
    for (i = 0; *p && i < COUNT(parts); i++)
        if (strcmp(p, parts[i]) == 0)
            return true;
    return !*p;
}

static bool has_name_of_link(const char *name)
{
    for (const char *p = name; (p = strchr(p, '_')); p++) {
        const char *rest = p;
        if (strcmp(p, "_SERVICE_HOST") == 0 || take_word(&rest, "_SERVICE_PORT"))
            return true;
        if (strncmp(p, "_PORT_", 6) == 0 && is_port_and_protocol(p + 6))
            return true;
    }
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* SCHEME://ADDRESS:PORT */
static bool is_url_of_port(const char *value)
{
    static const char *const schemes[] = {"tcp://", "udp://", "sctp://"};
    for (size_t i = 0; i < COUNT(schemes); i++)
        if (strncmp(value, schemes[i], strlen(schemes[i])) == 0) {
            const char *port = strrchr(value, ':') + 1;
            return isdigit((unsigned char)*port) && !port[strspn(port, "0123456789")];
        }
    return false;
}

bool service_link_is(const char *name, const char *value)
{
    return has_name_of_link(name) || (ends_with(name, "_PORT") && is_url_of_port(value));
}
