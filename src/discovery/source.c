/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/source.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/list.h"
#include "discovery/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what it knows --- */

static bool same(const struct discovery_candidate *a, const struct discovery_candidate *b)
{
    return a->epmd_port == b->epmd_port && strcmp(a->address, b->address) == 0;
}

static struct sighting *find(const struct source *s, const struct discovery_candidate *c)
{
    for (size_t i = 0; i < s->count; i++)
        if (same(&s->sightings[i].candidate, c))
            return &s->sightings[i];
    return NULL;
}

/* Where there is no room left: the place of the one that is gone for longest. NULL: all are listed. */
static struct sighting *longest_gone(const struct source *s)
{
    struct sighting *oldest = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct sighting *g = &s->sightings[i];
        if (!g->listed && (!oldest || g->gone_ms < oldest->gone_ms))
            oldest = g;
    }
    return oldest;
}

static void note(struct source *s, const struct discovery_candidate *c)
{
    struct sighting *g = find(s, c);
    if (!g && s->count < DISCOVERY_CANDIDATES_MAX)
        g = &s->sightings[s->count++];
    if (!g)
        g = longest_gone(s);
    if (g)
        *g = (struct sighting){.candidate = *c, .listed = true};
}

static void mark_gone(struct source *s)
{
    uint64_t now = clock_boot_ms(s->home->clock);
    for (size_t i = 0; i < s->count; i++) {
        struct sighting *g = &s->sightings[i];
        if (g->listed)
            g->gone_ms = now;
        g->listed = false;
    }
}

/* Those that have been gone for long enough. Every answer comes here, also the lack of one. */
static void forget_old(struct source *s)
{
    uint64_t now = clock_boot_ms(s->home->clock);
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct sighting *g = &s->sightings[i];
        if (g->listed || now - g->gone_ms < SOURCE_KEEP_MS)
            s->sightings[kept++] = *g;
    }
    s->count = kept;
}

/* All of `list` that is new finds its place afterwards. */
static int make_room(struct source *s, size_t count)
{
    size_t most = s->count + count < DISCOVERY_CANDIDATES_MAX ? s->count + count : DISCOVERY_CANDIDATES_MAX;
    if (most == 0)
        return 0;
    struct sighting *sightings = realloc(s->sightings, most * sizeof *sightings);
    if (!sightings)
        return E_NOMEM;
    s->sightings = sightings;
    return 0;
}

/* --- when it is asked --- */

static void ask_after(struct source *s, uint64_t delay_ms)
{
    if (s->changes)
        timer_start(s->home->timers, &s->timer, delay_ms);
}

static uint64_t interval_of(const struct source *s)
{
    return s->interval_ms ? s->interval_ms : SOURCE_INTERVAL_MS;
}

/* After the delay, less a random half of it, which is doubled for the next time. */
static void back_off(struct source *s, uint64_t *delay_ms, uint64_t most_ms)
{
    uint64_t delay = *delay_ms, half = delay / 2;
    uint32_t chance = 0;
    clock_random(s->home->clock, &chance, sizeof chance);
    *delay_ms = delay * 2 < most_ms ? delay * 2 : most_ms;
    ask_after(s, delay - half + chance % (half + 1));
}

static void ask_soon(struct source *s)
{
    back_off(s, &s->retry_ms, SOURCE_INTERVAL_MS);
}

/* `news`: the answer was another than the one before. */
static void ask_again(struct source *s, bool news)
{
    if (news)
        s->retry_ms = SOURCE_RETRY_MS;
    if (s->seeks)
        ask_soon(s);
    else
        ask_after(s, interval_of(s));
}

void source_seek(struct source *s, bool seeks)
{
    bool begins = seeks && !s->seeks;
    s->seeks = seeks;
    if (!begins)
        return;
    s->retry_ms = SOURCE_RETRY_MS;
    if (!s->asking && !s->refused)
        ask_soon(s);
}

static void on_timer(struct timer *t)
{
    struct source *s = LIST_ENTRY(t, struct source, timer);
    ask_after(s, interval_of(s));
    source_ask(s);
}

void source_init(struct source *s, const struct source_ops *ops, const struct source_home *home)
{
    s->ops = ops;
    s->home = home;
    s->retry_ms = SOURCE_RETRY_MS;
    s->refused_ms = SOURCE_REFUSED_MS;
    s->size = -1;
    timer_init(&s->timer, on_timer);
    ask_after(s, interval_of(s));
}

void source_fini(struct source *s)
{
    timer_stop(s->home->timers, &s->timer);
    free(s->sightings);
    s->sightings = NULL;
}

void source_ask(struct source *s)
{
    if (s->asking)
        return;
    s->asking = true;
    s->asked_ms = clock_boot_ms(s->home->clock);
    s->ops->ask(s);
}

void source_ask_now(struct source *s)
{
    if (!s->asking && !s->refused)
        ask_after(s, 0);
}

/* --- what it reports --- */

static void done(struct source *s)
{
    forget_old(s);
    s->home->changed(s->home->arg);
}

/* Once when it begins, then once in a minute, until it answers. */
#define COMPLAIN_AGAIN_MS 60000
/* A service may have no nodes for a while, as they start. */
#define NOTHING_MS 5000

static void complain(struct source *s, const char *why, const char *then)
{
    uint64_t now = clock_boot_ms(s->home->clock);
    if (s->complained && (s->fallback || now - s->said_ms < COMPLAIN_AGAIN_MS))
        return;
    s->complained = true;
    s->said_ms = now;
    log_write(s->home->log, s->fallback ? LOG_INFO : LOG_WARN, "discovery", "%s: %s; %s", s->name, why, then);
}

static void recover(struct source *s)
{
    if (s->changes && (s->complained || !s->announced))
        log_info(s->home->log, "discovery", "%s: answered%s: %u address(es)%s%s", s->name,
                 s->complained ? " again" : "", view_addresses_of(s), *s->note ? ", " : "", s->note);
    s->complained = false;
    s->announced = true;
}

static void note_nothing(struct source *s)
{
    uint64_t now = clock_boot_ms(s->home->clock);
    if (!s->nothing_ms)
        s->nothing_ms = now;
    if (now - s->nothing_ms >= NOTHING_MS)
        complain(s, "the name has no address that a node could be at",
                 s->fallback ? "another source may know more; it is asked again"
                             : "is it spelled right? It is asked again and again");
}

static void take(struct source *s, const struct discovery_candidate *list, size_t count)
{
    mark_gone(s);
    /* First those that are known, so that none of them loses its place to a new one. */
    for (size_t i = 0; i < count; i++)
        if (find(s, &list[i]))
            note(s, &list[i]);
    for (size_t i = 0; i < count; i++)
        note(s, &list[i]);
}

static bool is_news(const struct source *s, const struct discovery_candidate *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sighting *g = find(s, &list[i]);
        if (!g || !g->listed)
            return true;
    }
    return false;
}

static void judge(struct source *s, size_t count)
{
    if (count)
        s->nothing_ms = 0;
    if (*s->problem)
        complain(s, s->problem, "the rest of its answer is used");
    else if (count)
        recover(s);
    else
        note_nothing(s);
}

void source_answered(struct source *s, const struct discovery_candidate *list, size_t count)
{
    if (count > DISCOVERY_CANDIDATES_MAX)
        count = DISCOVERY_CANDIDATES_MAX;
    if (make_room(s, count)) {
        source_failed(s, err_text(E_NOMEM));
        return;
    }
    bool news = is_news(s, list, count);
    take(s, list, count);
    s->asking = s->refused = false;
    s->refused_ms = SOURCE_REFUSED_MS;
    s->failures = 0;
    s->answered = true;
    s->answered_ms = clock_boot_ms(s->home->clock);
    s->took_ms = s->answered_ms - s->asked_ms;
    judge(s, count);
    if (count)
        ask_again(s, news);
    else
        ask_soon(s);
    done(s);
}

void source_listed(struct source *s, const struct discovery_roster *roster)
{
    s->home->listed(s->home->arg, roster);
}

static void note_failure(struct source *s, const char *why)
{
    s->failed_ms = clock_boot_ms(s->home->clock);
    snprintf(s->error, sizeof s->error, "%s", why);
    s->asking = false;
}

void source_failed(struct source *s, const char *why)
{
    note_failure(s, why);
    complain(s, why, "what was known of it stays, and it is asked again and again");
    s->failures++;
    ask_soon(s);
    done(s);
}

void source_refused(struct source *s, const char *why)
{
    note_failure(s, why);
    /* Once: it may be meant so. What was said before was of something else. */
    if (!s->refused) {
        s->complained = false;
        complain(s, why, "it is asked again in some minutes");
    }
    s->refused = s->answered = true;
    s->authoritative = false;
    s->stated = 0;
    s->size = -1;
    mark_gone(s);
    back_off(s, &s->refused_ms, SOURCE_REFUSED_MAX_MS);
    done(s);
}
