/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/discovery_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- for operators --- */

static uint64_t age_of(const struct discovery_report *r, uint64_t at_ms)
{
    return at_ms ? clock_boot_ms(r->clock) - at_ms : UINT64_MAX;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void fill_source(const struct discovery_report *r, size_t i, struct status_source *out)
{
    struct discovery_source s;
    discovery_source_get(r->discovery, i, &s);
    *out = (struct status_source){.authoritative = s.authoritative,
                                  .answered_age_ms = age_of(r, s.answered_ms),
                                  .took_ms = s.took_ms,
                                  .nodes = s.nodes,
                                  .addresses = s.addresses,
                                  .size = s.size,
                                  .failed_age_ms = age_of(r, s.failed_ms)};
    copy(out->name, sizeof out->name, s.name);
    copy(out->note, sizeof out->note, s.note);
    copy(out->problem, sizeof out->problem, s.problem);
    copy(out->error, sizeof out->error, s.error);
}

static void fill_sources(const struct discovery_report *r, struct status_discovery *out)
{
    size_t total = discovery_source_count(r->discovery);
    out->source_total = (unsigned)total;
    out->source_count = total < STATUS_SOURCES_MAX ? total : STATUS_SOURCES_MAX;
    for (size_t i = 0; i < out->source_count; i++)
        fill_source(r, i, &out->source[i]);
}

static uint64_t sources_of(const struct discovery_report *r, const struct discovery_candidate *c)
{
    size_t total = discovery_source_count(r->discovery);
    uint64_t sources = 0;
    for (size_t i = 0; i < total && i < STATUS_SOURCES_MAX; i++)
        if (discovery_source_lists(r->discovery, i, c))
            sources |= UINT64_C(1) << i;
    return sources;
}

static bool is_candidate(const struct discovery_view *view, const char *address, uint16_t port)
{
    for (size_t i = 0; i < view->count; i++)
        if (view->candidates[i].epmd_port == port && strcmp(view->candidates[i].address, address) == 0)
            return true;
    return false;
}

/* The next place of the answer, or NULL: it is before the page, or after it. */
static struct status_candidate *next_place(struct status_discovery *out, unsigned from)
{
    unsigned number = out->candidate_total++;
    if (number < from || out->candidate_count == STATUS_CANDIDATES_MAX)
        return NULL;
    return &out->candidate[out->candidate_count++];
}

/* Returns the place that it has in the answer, or NULL. */
static struct status_candidate *add(const struct discovery_report *r, unsigned from, const char *address, uint16_t port,
                                    struct status_discovery *out)
{
    struct status_candidate *c = next_place(out, from);
    if (!c)
        return NULL;
    *c = (struct status_candidate){.epmd_port = port};
    copy(c->address, sizeof c->address, address);
    cluster_judge_candidate(r->cluster, address, port, c);
    return c;
}

void discovery_report_fill(const struct discovery_report *r, unsigned from, struct status_discovery *out)
{
    const struct discovery_view *view = discovery_current(r->discovery);
    char address[STATUS_ADDRESS_MAX];
    uint16_t port;
    out->candidate_total = 0;
    out->candidate_count = 0;
    fill_sources(r, out);
    for (size_t i = 0; i < view->count; i++) {
        const struct discovery_candidate *c = &view->candidates[i];
        struct status_candidate *place = add(r, from, c->address, c->epmd_port, out);
        if (place)
            place->sources = sources_of(r, c);
    }
    for (size_t i = 0; cluster_place(r->cluster, i, address, &port); i++)
        if (!is_candidate(view, address, port))
            add(r, from, address, port, out);
}

/* --- for the log --- */

/* A text that grows up to its end, and then says that there is more. */
struct text {
    char text[640];
    size_t len;
    unsigned left_out;
};

static void append(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(struct text *t, const char *format, ...)
{
    size_t room = sizeof t->text - t->len;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->len, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < room)
        t->len += (size_t)n;
    else
        t->left_out++;
    t->text[t->len] = '\0';
}

static void append_source(struct text *t, const struct status_source *s)
{
    const char *between = t->len ? "; " : "";
    bool fails = *s->error && s->failed_age_ms < s->answered_age_ms;
    if (fails)
        append(t, "%s%.120s: no answer: %.200s", between, s->name, s->error);
    else if (s->answered_age_ms == UINT64_MAX)
        append(t, "%s%.120s: no answer yet", between, s->name);
    else
        append(t, "%s%.120s: %u node(s), %u address(es), %" PRIu64 " s ago%s%.200s", between, s->name, s->nodes,
               s->addresses, s->answered_age_ms / 1000, *s->problem ? ", but " : "", s->problem);
}

static void append_candidate(struct text *t, const struct status_candidate *c)
{
    const char *between = t->len ? "; " : "";
    append(t, strchr(c->address, ':') ? "%s[%s]:%u %s%s%.100s" : "%s%s:%u %s%s%.100s", between, c->address,
           c->epmd_port, status_candidate_state_text(c->state), *c->why ? ": " : "", c->why);
}

static void end(struct text *t, unsigned further)
{
    unsigned more = t->left_out + further;
    if (more)
        snprintf(t->text + t->len, sizeof t->text - t->len, "; and %u more", more);
}

static void log_sources(const struct discovery_report *r, const struct status_discovery *d)
{
    struct text t = {.len = 0};
    for (size_t i = 0; i < d->source_count; i++)
        append_source(&t, &d->source[i]);
    end(&t, d->source_total - (unsigned)d->source_count);
    log_info(r->log, "discovery", "seeking for %" PRIu64 " s; sources: %s",
             (clock_boot_ms(r->clock) - r->since_ms) / 1000, d->source_total ? t.text : "none (peers)");
}

static void log_candidates(const struct discovery_report *r, const struct status_discovery *d)
{
    struct text t = {.len = 0};
    struct status_node s;
    cluster_status(r->cluster, &s);
    for (size_t i = 0; i < d->candidate_count; i++)
        append_candidate(&t, &d->candidate[i]);
    end(&t, d->candidate_total - (unsigned)d->candidate_count);
    log_info(r->log, "discovery", "%s: %s; candidates: %s (ephemeralctl discovery shows all)",
             status_node_state_text(s.state), s.why, d->candidate_total ? t.text : "none");
}

static void on_timer(struct timer *timer)
{
    struct discovery_report *r = LIST_ENTRY(timer, struct discovery_report, timer);
    struct status_discovery d;
    discovery_report_fill(r, 0, &d);
    log_sources(r, &d);
    log_candidates(r, &d);
    timer_start(r->timers, &r->timer, REPORT_AGAIN_MS);
}

/* --- whether this node seeks --- */

void discovery_report_turn(struct discovery_report *r)
{
    bool seeks = cluster_seeks(r->cluster);
    if (seeks == r->seeks)
        return;
    r->seeks = seeks;
    r->since_ms = clock_boot_ms(r->clock);
    discovery_seek(r->discovery, seeks);
    if (seeks)
        timer_start(r->timers, &r->timer, REPORT_FIRST_MS);
    else
        timer_stop(r->timers, &r->timer);
}

void discovery_report_init(struct discovery_report *r, struct discovery *d, const struct cluster *c,
                           struct timers *timers, const struct clock *clock, const struct log *log)
{
    *r = (struct discovery_report){.discovery = d, .cluster = c, .timers = timers, .clock = clock, .log = log};
    timer_init(&r->timer, on_timer);
    discovery_report_turn(r);
}

void discovery_report_fini(struct discovery_report *r)
{
    if (r->timers)
        timer_stop(r->timers, &r->timer);
    *r = (struct discovery_report){.discovery = NULL};
}
