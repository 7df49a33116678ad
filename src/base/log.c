/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static uint64_t wall_now_ms(void *arg)
{
    (void)arg;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void log_init(struct log *l, enum log_level level, log_sink sink, void *arg)
{
    *l = (struct log){.level = level, .sink = sink, .arg = arg, .wall_ms = wall_now_ms};
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (strcasecmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

static size_t put_time(const struct log *l, char *line, size_t size)
{
    if (!l->wall_ms)
        return 0;
    uint64_t ms = l->wall_ms(l->arg);
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return n + (size_t)snprintf(line + n, size - n, ".%03uZ ", (unsigned)(ms % 1000));
}

void log_write(const struct log *l, enum log_level level, const char *area, const char *format, ...)
{
    if (!l || level > l->level)
        return;
    char line[LOG_LINE_MAX];
    size_t n = put_time(l, line, sizeof line);
    n += (size_t)snprintf(line + n, sizeof line - n, "%-5s %s: ", level_names[level], area);
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, sizeof line - n, format, args);
    va_end(args);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    l->sink(l->arg, level, line);
}
