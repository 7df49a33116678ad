/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/trace.h"

#include <stdarg.h>
#include <string.h>

/* FNV-1a over words, finished by a multiplication: order counts, and nothing else does. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t word;
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        hash = mix(hash, word);
    }
    word = n;
    for (size_t i = 0; i < n; i++)
        word = word << 8 | p[i];
    return mix(hash, word);
}

void trace_init(struct trace *t, const uint64_t *now_us)
{
    memset(t, 0, sizeof *t);
    t->now_us = now_us;
}

void trace_fini(struct trace *t)
{
    if (t->file)
        fclose(t->file);
    t->file = NULL;
}

void trace_line(struct trace *t, enum log_level level, const char *who, const char *format, ...)
{
    char text[TRACE_WIDTH], *line = t->line[t->lines % TRACE_LINES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->hash = mix_bytes(mix(t->hash, *t->now_us), text, strlen(text));
    if (t->file)
        fprintf(t->file, "%llu %s: %s\n", (unsigned long long)*t->now_us, who, text);
    if (level > LOG_INFO)
        return;
    snprintf(line, TRACE_WIDTH, "%10.3f %s: %.*s", (double)*t->now_us / 1000000, who, TRACE_WIDTH - 40, text);
    t->lines++;
    if (t->verbose)
        fprintf(stderr, "%s\n", line);
}

void trace_bytes(struct trace *t, const char *what, uint64_t number, struct slice bytes)
{
    t->hash = mix_bytes(mix(mix(t->hash, *t->now_us), number), bytes.data, bytes.len);
    if (t->file)
        fprintf(t->file, "%llu %s %llu: %zu bytes, %016llx\n", (unsigned long long)*t->now_us, what,
                (unsigned long long)number, bytes.len, (unsigned long long)t->hash);
}

void trace_story(const struct trace *t, FILE *file)
{
    uint64_t first = t->lines > TRACE_LINES ? t->lines - TRACE_LINES : 0;
    for (uint64_t i = first; i < t->lines; i++)
        fprintf(file, "%s\n", t->line[i % TRACE_LINES]);
}
