/* SPDX-License-Identifier: Apache-2.0 */
/* What the log is told of how things stand, and not only of what happens: a line when it changes, and once in a minute
 * while it lasts. */
#include "cluster/cluster_impl.h"

#include <stdio.h>

#define AGAIN_MS 60000
/* What comes and goes in less than this is not worth a line. */
#define STEADY_MS 5000

/* --- in no cluster, or in one that has lost its majority --- */

static bool is_waiting(const struct cluster *c)
{
    return c->phase == PHASE_SEEKING || c->phase == PHASE_STRANDED;
}

/* R-FRESH: enough are there, and somebody is silent. */
static void say_why(const struct cluster *c, const char *why)
{
    const struct bootstrap *f = &c->bootstrap;
    uint64_t waited = f->quorum_ms ? now_of(c) - f->quorum_ms : 0;
    if (c->phase == PHASE_SEEKING && f->quorum_ms && waited < c->times.lost_after)
        log_info(c->config.log, "cluster",
                 "%s: enough nodes are here, but others are silent and may hold data: forming without them in %llu "
                 "s (lost-after-ms)",
                 why, (unsigned long long)(c->times.lost_after - waited) / 1000);
    else
        log_info(c->config.log, "cluster", "%s", why);
}

void cluster_note_waiting(struct cluster *c)
{
    struct cluster_notes *n = &c->notes;
    struct status_node s;
    uint64_t now = now_of(c);
    if (!is_waiting(c) || now - c->bootstrap.began_ms < STEADY_MS || now - n->looked_ms < STEADY_MS)
        return;
    n->looked_ms = now;
    cluster_status(c, &s);
    if (strcmp(s.why, n->why) == 0 && now - n->why_ms < AGAIN_MS)
        return;
    n->why_ms = now;
    snprintf(n->why, sizeof n->why, "%s", s.why);
    say_why(c, n->why);
}

/* --- memory --- */

void cluster_note_full(struct cluster *c)
{
    struct cluster_notes *n = &c->notes;
    uint64_t refused = c->config.metrics->writes_refused_full, now = now_of(c);
    if (refused == n->refused || (n->refused_ms && now - n->refused_ms < AGAIN_MS))
        return;
    log_warn(c->config.log, "cluster",
             "memory is full: %llu writes were refused (%zu of %zu MiB are in use here, or a replica's node is full): "
             "delete keys, let them expire (ttl), or give the nodes more (memory)",
             (unsigned long long)(refused - n->refused), c->memory.used >> 20, c->memory.limit >> 20);
    n->refused = refused;
    n->refused_ms = now;
}

/* --- members and copies, by the meta leader --- */

static void note_suspect(struct cluster *c, struct member_view *w)
{
    char name[MEMBER_NAME_MAX];
    const struct member *m = meta_member(c->meta.state, w->member);
    bool is_suspect = controller_is_suspect(c, w);
    if (!m || is_suspect == w->suspect_told)
        return;
    w->suspect_told = is_suspect;
    if (is_suspect)
        log_warn(c->config.log, "cluster",
                 "%s (member %llu) does not answer: others take over its seat and its copies; it counts as dead when "
                 "that is proven, or after %llu s (lost-after-ms)",
                 member_name(m, name), (unsigned long long)m->id, (unsigned long long)c->times.lost_after / 1000);
    else
        log_info(c->config.log, "cluster", "%s (member %llu) answers again", member_name(m, name),
                 (unsigned long long)m->id);
}

static unsigned count_incomplete(struct cluster *c)
{
    uint64_t live[META_MEMBERS_MAX];
    unsigned need = controller_live_members(c, live), n = 0;
    if (need > c->meta.state->settings.replicas)
        need = c->meta.state->settings.replicas;
    for (unsigned i = 0; i < partitions_of(c); i++)
        n += controller_present_here(c, &c->meta.state->partition[i]) < need;
    return n;
}

static void note_copies(struct cluster *c)
{
    struct cluster_notes *n = &c->notes;
    unsigned incomplete = c->meta.state->partition[0].generation ? count_incomplete(c) : 0;
    uint64_t now = now_of(c);
    bool is_news = !n->incomplete != !incomplete;
    if (!is_news && (!incomplete || now - n->incomplete_ms < AGAIN_MS))
        return;
    if (incomplete)
        log_info(c->config.log, "cluster", "%u of %u partitions lack a copy: other members make one", incomplete,
                 partitions_of(c));
    else
        log_info(c->config.log, "cluster", "all partitions have their copies again");
    n->incomplete = incomplete;
    n->incomplete_ms = now;
}

void cluster_note_members(struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count; i++)
        note_suspect(c, c->controller.view[i]);
    if (controller_all_renewed(c))
        note_copies(c);
}
