/* SPDX-License-Identifier: Apache-2.0 */
#include "base/repeats.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

static bool is_over(const struct repeat *e, uint64_t now_ms)
{
    return now_ms - e->last_ms >= 2 * REPEATS_PERIOD_MS;
}

static bool is_it(const struct repeat *e, unsigned cause, const char *subject)
{
    return e->used && e->cause == cause && strncmp(e->subject, subject, sizeof e->subject - 1) == 0;
}

static struct repeat *find(struct repeats *r, unsigned cause, const char *subject)
{
    for (unsigned i = 0; i < REPEATS_MAX; i++)
        if (is_it(&r->entry[i], cause, subject))
            return &r->entry[i];
    return NULL;
}

/* One that is free, or over. NULL: all are in use. */
static struct repeat *find_free(struct repeats *r, uint64_t now_ms)
{
    for (unsigned i = 0; i < REPEATS_MAX; i++)
        if (!r->entry[i].used || is_over(&r->entry[i], now_ms))
            return &r->entry[i];
    return NULL;
}

static bool note(struct repeat *e, uint64_t now_ms, uint64_t *untold)
{
    bool is_new = !e->used || is_over(e, now_ms);
    e->used = true;
    e->last_ms = now_ms;
    *untold = is_new ? 0 : ++e->untold;
    if (!is_new && now_ms - e->said_ms < REPEATS_PERIOD_MS)
        return false;
    e->said_ms = now_ms;
    e->untold = 0;
    return true;
}

bool repeats_note(struct repeats *r, uint64_t now_ms, unsigned cause, const char *subject, uint64_t *untold)
{
    ASSERT(cause < REPEATS_CAUSES_MAX);
    struct repeat *e = find(r, cause, subject);
    if (!e && (e = find_free(r, now_ms)) != NULL) {
        *e = (struct repeat){.cause = cause};
        snprintf(e->subject, sizeof e->subject, "%s", subject);
    }
    return note(e ? e : &r->others[cause], now_ms, untold);
}

bool repeats_end(struct repeats *r, unsigned cause, const char *subject)
{
    struct repeat *e = find(r, cause, subject);
    if (!e)
        return false;
    e->used = false;
    return true;
}

const char *repeats_text(uint64_t untold, char out[REPEATS_TEXT_SIZE])
{
    out[0] = '\0';
    if (untold)
        snprintf(out, REPEATS_TEXT_SIZE, " (%llu times since this was last logged)", (unsigned long long)untold);
    return out;
}

bool repeats_log(struct repeats *r, const struct log *log, uint64_t now_ms, unsigned cause, const char *subject,
                 char again[REPEATS_TEXT_SIZE])
{
    uint64_t untold;
    bool all = log && log->level >= LOG_DEBUG, is_news = repeats_note(r, now_ms, cause, subject, &untold);
    repeats_text(is_news && !all ? untold : 0, again);
    return is_news || all;
}
