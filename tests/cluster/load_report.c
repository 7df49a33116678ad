/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VIOLATIONS_SHOWN 20

void load_count_error(struct load *l, unsigned host, const char *text)
{
    struct load_errors *e = &l->errors;
    char cut[LOAD_TEXT_MAX];
    snprintf(cut, sizeof cut, "%s", text);
    pthread_mutex_lock(&l->lock);
    unsigned i = 0;
    while (i < e->kinds && (e->kind[i].host != host || strcmp(e->kind[i].text, cut) != 0))
        i++;
    if (i == e->kinds && i < sizeof e->kind / sizeof e->kind[0]) {
        e->kind[i].host = host;
        memcpy(e->kind[i].text, cut, sizeof cut);
        e->kinds++;
    }
    if (i < e->kinds)
        e->kind[i].count++;
    else
        e->more++;
    pthread_mutex_unlock(&l->lock);
}

void load_violation(struct load *l, const char *format, ...)
{
    va_list args;
    if (l->violations++ >= VIOLATIONS_SHOWN)
        return;
    printf("VIOLATION after %llu ms: ", (unsigned long long)(client_now_ms() - l->begin_ms));
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void report_errors(const struct load *l)
{
    for (unsigned i = 0; i < l->errors.kinds; i++)
        printf("errors at %s: %lu times '%s'\n", l->options.host[l->errors.kind[i].host], l->errors.kind[i].count,
               l->errors.kind[i].text);
    if (l->errors.more)
        printf("errors of further kinds: %lu\n", l->errors.more);
}

/* A key's partition had no success for as long as the key itself at most. */
static uint64_t longest_gap(const struct load *l, const char **name)
{
    uint64_t longest = 0;
    *name = "";
    for (unsigned i = 0; i < l->options.keys; i++)
        if (l->key[i].gap_ms > longest) {
            longest = l->key[i].gap_ms;
            *name = l->key[i].name;
        }
    return longest;
}

int load_report(struct load *l)
{
    const char *name;
    uint64_t gap = longest_gap(l, &name);
    report_errors(l);
    printf("written %lu, created %lu, read %lu, refused %lu, in doubt %lu\n", l->written, l->created, l->read,
           l->refused, l->unsure);
    printf("longest time without success: %llu ms (key %s)\n", (unsigned long long)gap, *name ? name : "none");
    printf("lost %lu, violations %lu\n", l->lost, l->violations);
    bool slow = l->options.gap_max_ms && gap > l->options.gap_max_ms;
    if (slow)
        printf("FAILED: a key had no success for longer than %u ms\n", l->options.gap_max_ms);
    if (l->written + l->created == 0)
        printf("FAILED: nothing was written at all\n");
    return l->violations || slow || l->written + l->created == 0 ? 1 : 0;
}
