/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int reading_fail(const struct reading *r, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, r->why_size, format, args);
    va_end(args);
    return status;
}

int reading_fail_at(const struct reading *r, int status, const char *name)
{
    char inner[512];
    snprintf(inner, sizeof inner, "%s", r->why);
    return reading_fail(r, status, "%s: %s", reading_origin(r, name), inner);
}

const char *reading_text(const struct reading *r, const char *name)
{
    return option_text(&r->c->options, name);
}

const char *reading_origin(const struct reading *r, const char *name)
{
    return option_origin(&r->c->options, name);
}

int reading_number(const struct reading *r, const char *name, uint64_t *out)
{
    return option_number(&r->c->options, name, out, r->why, r->why_size) ? EX_CONFIG : 0;
}

int reading_u32(const struct reading *r, const char *name, uint32_t *out)
{
    uint64_t value = 0;
    int status = reading_number(r, name, &value);
    *out = (uint32_t)value;
    return status;
}

int reading_port(const struct reading *r, const char *name, uint16_t *out)
{
    uint64_t value = 0;
    int status = reading_number(r, name, &value);
    *out = (uint16_t)value;
    return status;
}

int reading_copy(const struct reading *r, const char *text, char **out)
{
    *out = strdup(text);
    return *out ? 0 : reading_fail(r, EX_OSERR, "out of memory");
}

bool config_is_wildcard(const char *listen)
{
    return strcmp(listen, "0.0.0.0") == 0 || strcmp(listen, "::") == 0;
}
