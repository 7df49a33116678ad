/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/marathon_names.h"

#include "base/err.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- URLs --- */

static size_t scheme_length(const char *url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return strlen(schemes[i]);
    return 0;
}

/* NULL: it is good. */
static const char *judge_url(const char *url)
{
    const char *host = url + scheme_length(url);
    size_t host_len = strcspn(host, "/?#");
    for (const char *p = url; *p; p++)
        if (!isgraph((unsigned char)*p))
            return "it has a blank, a control character, or a byte that is not ASCII";
    if (strstr(host, "://"))
        return "its scheme is neither http nor https";
    if (memchr(host, '@', host_len))
        return "it holds a user: set marathon-user and marathon-password-file instead, because URLs are logged";
    if (host_len == 0 || host[0] == ':')
        return "it names no host";
    if (host[host_len - 1] == ':')
        return "the port after its : is missing";
    if (host[host_len + strcspn(host + host_len, "?#")])
        return "it has a query or a fragment: give the URL in front of /v2/apps";
    return NULL;
}

/* `text` is `len` bytes, blanks around it included. */
static const char *add_url(struct marathon_urls *out, const char *text, size_t len)
{
    char *url = out->url[out->count];
    while (len && isspace((unsigned char)*text))
        text++, len--;
    size_t least = scheme_length(text) < len ? scheme_length(text) : len;
    while (len > least && (isspace((unsigned char)text[len - 1]) || text[len - 1] == '/'))
        len--;
    const char *scheme = least ? "" : "http://";
    if (strlen(scheme) + len >= MARATHON_URL_SIZE)
        return "it is longer than 255 bytes";
    snprintf(url, MARATHON_URL_SIZE, "%s%.*s", scheme, (int)len, text);
    const char *what = judge_url(url);
    out->count += !what;
    return what;
}

int marathon_urls_parse(const char *text, struct marathon_urls *out, char *why, size_t why_size)
{
    out->count = 0;
    for (bool more = true; more;) {
        size_t len = strcspn(text, ",");
        if (out->count == MARATHON_URLS_MAX) {
            snprintf(why, why_size, "more than %d URLs", MARATHON_URLS_MAX);
            return E_TOO_MANY;
        }
        const char *what = add_url(out, text, len);
        if (what) {
            snprintf(why, why_size, "URL %zu is not usable: %s; give one like http://marathon.mesos:8080",
                     out->count + 1, what);
            return E_INVALID;
        }
        more = text[len] == ',';
        text += len + more;
    }
    return 0;
}

/* --- ids --- */

static bool is_segment(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return len > 0 && !(len == 1 && text[0] == '.') && !(len == 2 && text[0] == '.' && text[1] == '.');
}

int marathon_id(const char *text, char out[MARATHON_ID_SIZE])
{
    const char *segment = text + (*text == '/');
    if (snprintf(out, MARATHON_ID_SIZE, "/%s", segment) >= MARATHON_ID_SIZE)
        return E_INVALID;
    for (bool more = true; more;) {
        size_t len = strcspn(segment, "/");
        if (!is_segment(segment, len))
            return E_INVALID;
        more = segment[len] == '/';
        segment += len + more;
    }
    return 0;
}

static size_t put(char *out, size_t len, char c)
{
    if (len + 1 < MARATHON_LABEL_SIZE)
        out[len++] = (char)tolower((unsigned char)c);
    return len;
}

/* Mesos-DNS makes one label of a task's name: dots become dashes, capitals small letters, the rest is cut. */
void marathon_label(const char *id, char out[MARATHON_LABEL_SIZE])
{
    size_t len = 0;
    for (const char *end = id + strlen(id); end > id;) {
        const char *begin = end;
        while (begin > id && begin[-1] != '/')
            begin--;
        if (len)
            len = put(out, len, '-');
        for (const char *p = begin; p < end; p++)
            len = put(out, len, *p == '.' ? '-' : *p);
        end = begin > id ? begin - 1 : id;
    }
    while (len && out[len - 1] == '-')
        len--;
    out[len] = '\0';
}
