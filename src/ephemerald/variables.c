/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/variables.h"

#include "base/service_link.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX       "EPHEMERAL_STORE_"
#define VARIABLE_MAX 127

/* The row that has this variable, or -1. */
static int find_row(const struct option_set *s, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < s->count; i++)
        for (const char *p = s->table[i].environment; p && *p; p += strspn(p, " ")) {
            size_t n = strcspn(p, " ");
            if (n == len && memcmp(p, name, len) == 0)
                return (int)i;
            p += n;
        }
    return -1;
}

/* One that is spelled like an option is worth a line: somebody may have meant the option. */
static void log_service_link(const struct log *log, const char *name, const char *value, bool known)
{
    log_write(log, known ? LOG_INFO : LOG_DEBUG, "config",
              "environment variable %s is a service link of Kubernetes ('%.64s'), not an option: ignored%s", name,
              value, known ? " (enableServiceLinks: false in the pod's spec leaves it out)" : "");
}

/* By which an option is given: not all have a variable that begins as ours do. */
static const char *variable_of(const struct option *o, char out[VARIABLE_MAX + 1])
{
    const char *ours = o->environment ? strstr(o->environment, PREFIX) : NULL;
    const char *first = ours ? ours : o->environment ? o->environment : "none";
    snprintf(out, VARIABLE_MAX + 1, "%.*s", (int)strcspn(first, " "), first);
    return out;
}

/* As the option that it would be of: EPHEMERAL_STORE_CLUSTERSIZE is clustersize. */
static void log_unknown(const struct option_set *s, const struct log *log, const char *name)
{
    char option[VARIABLE_MAX + 1], variable[VARIABLE_MAX + 1];
    size_t len = 0;
    for (const char *p = name + strlen(PREFIX); *p; p++)
        option[len++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    option[len] = '\0';
    int near = option_nearest(s, option);
    if (near < 0)
        log_warn(log, "config", "environment variable %s is no option and has no effect: --help lists them all", name);
    else
        log_warn(log, "config", "environment variable %s is no option and has no effect: did you mean %s (option %s)?",
                 name, variable_of(&s->table[near], variable), s->table[near].name);
}

/* Whether it is unknown. */
static bool log_one(const struct option_set *s, const struct log *log, const char *name, const char *value)
{
    bool known = find_row(s, name) >= 0, is_link = service_link_is(name, value);
    if (is_link)
        log_service_link(log, name, value, known);
    else if (!known)
        log_unknown(s, log, name);
    return !is_link && !known;
}

size_t variables_log(const struct option_set *options, const struct log *log)
{
    char name[VARIABLE_MAX + 1];
    size_t unknown = 0;
    for (char *const *v = environ; v && *v; v++) {
        size_t len = strcspn(*v, "=");
        if (strncmp(*v, PREFIX, strlen(PREFIX)) != 0 || !(*v)[len])
            continue;
        snprintf(name, sizeof name, "%.*s", (int)len, *v);
        unknown += log_one(options, log, name, *v + len + 1);
    }
    return unknown;
}
