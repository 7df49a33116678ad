/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a member's leaving: it has left, or waits no longer for others to take over what it holds. */
#include "cluster/cluster_impl.h"

#include <stdio.h>

/* How long leaving may take. */
#define LEAVE_MS 30000
/* For so long a node is waited for that is to come, when no member stays. */
#define COME_MS 10000
/* And for so long the orchestrator's answer that says whether one is to come. */
#define LIST_MS 1500
/* From one line of the log on what is left to the next. */
#define TELL_MS 1000
/* Every node says several times in this time, if only that it is there. */
#define HEARD_MS 3000

/* One that was silent as the leaving began, over a connection that stands, has as long to be heard. */
static bool is_there(const struct cluster *c, const struct peer *p)
{
    uint64_t since = p->in[PLANE_CONTROL] && p->heard_ms < c->leave_ms ? c->leave_ms : p->heard_ms;
    return p->has_beacon && now_of(c) - since <= HEARD_MS;
}

static bool stays(const struct cluster *c, const struct member *m)
{
    const struct peer *p = m->id == c->meta.self ? NULL : mesh_peer(&c->mesh, m->incarnation);
    return p && is_there(c, p) && p->beacon.state == PEER_MEMBER && !p->beacon.leaving;
}

static bool somebody_stays(const struct cluster *c)
{
    for (unsigned i = 0; i < c->meta.state->member_count; i++)
        if (stays(c, &c->meta.state->member[i]))
            return true;
    return false;
}

/* A node that has said hello and is in no cluster yet. */
static bool somebody_seeks(const struct cluster *c)
{
    for (unsigned i = 0; i < c->mesh.peer_count; i++) {
        const struct peer *p = c->mesh.peer[i];
        if (is_there(c, p) && p->beacon.state == PEER_SEEKING && !p->beacon.leaving && mesh_sees(&c->mesh, p))
            return true;
    }
    return false;
}

/* An orchestrator counts a task as running that still makes its keys, and ends an old one for it at once. So all
 * members may be told to leave before the first of those who take their places has said hello. */
static bool somebody_comes(const struct cluster *c)
{
    uint64_t since = now_of(c) - c->leave_ms;
    bool may_be_listed = since < LIST_MS && gone_awaits_list(c, c->leave_ms);
    return since < COME_MS && (somebody_seeks(c) || gone_lists_a_stranger(c) || may_be_listed);
}

/* Elections take far less. Without a leader nobody can be given anything. */
static bool is_led(const struct cluster *c)
{
    return meta_leader_id(c) || now_of(c) - c->meta.leader_seen_ms < c->times.stranded_after / 2;
}

bool cluster_is_leaving(const struct cluster *c, uint64_t member)
{
    const struct member *m = meta_member(c->meta.state, member);
    if (!m || m->state == MEMBER_LEAVING)
        return m != NULL;
    if (member == c->meta.self)
        return c->phase == PHASE_LEAVING;
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    return p && p->has_beacon && p->beacon.leaving;
}

/* --- what is left to do --- */

struct rest {
    unsigned copies, leads; /* of this node */
    /* Of those, partitions of which the nodes that stay are no majority, and those of which they have nothing. */
    unsigned minority, last;
};

static unsigned count_replicas(const struct cluster *c, const struct partition_map *map, bool only_staying)
{
    unsigned n = 0;
    for (unsigned i = 0; i < map->replica_count; i++)
        n += map->replica[i].state == REPLICA_PRESENT &&
             !(only_staying && cluster_is_leaving(c, map->replica[i].member));
    return n;
}

static struct rest count_rest(const struct cluster *c)
{
    struct rest r = {0};
    for (unsigned i = 0; i < partitions_of(c); i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        unsigned staying = count_replicas(c, map, true), all = count_replicas(c, map, false);
        if (!meta_replica_of(map, c->meta.self))
            continue;
        r.copies++;
        r.leads += partition_leads(&c->partitions.at[i]);
        r.last += staying == 0;
        r.minority += staying != 0 && staying < all / 2 + 1;
    }
    return r;
}

static const char *explain_rest(const struct cluster *c, const struct rest *r, char *out, size_t size)
{
    int n = snprintf(out, size, "leaving: %u copies are still to be handed over", r->copies);
    if (!r->copies && meta_has_seat(c, c->meta.self))
        snprintf(out, size,
                 "leaving: all copies are handed over; waiting for a node that takes over this node's seat, as the "
                 "cluster would have no majority without it");
    else if (r->minority || r->last)
        snprintf(out + n, size - (size_t)n,
                 "; if the leaving nodes ended now, %u partitions would lose their data and %u their majority", r->last,
                 r->minority);
    return out;
}

bool cluster_explain_leaving(const struct cluster *c, char *out, size_t size)
{
    struct rest r = count_rest(c);
    explain_rest(c, &r, out, size);
    return r.last || r.minority;
}

static void tell_rest(struct cluster *c)
{
    char text[STATUS_TEXT_MAX];
    uint64_t now = now_of(c);
    if (!c->meta.whole || now - c->leave_told_ms < TELL_MS)
        return;
    c->leave_told_ms = now;
    if (cluster_explain_leaving(c, text, sizeof text))
        log_warn(c->config.log, "cluster", "%s", text);
    else
        log_info(c->config.log, "cluster", "%s", text);
}

void cluster_tell_leaving(struct cluster *c)
{
    struct rest r = count_rest(c);
    c->leave_told_ms = now_of(c);
    log_info(c->config.log, "cluster", "leaving: handing over %u leaderships, %u copies%s; this takes %d s at most",
             r.leads, r.copies, meta_has_seat(c, c->meta.self) ? " and a seat" : "", LEAVE_MS / 1000);
}

/* --- its end --- */

static bool has_left(const struct cluster *c)
{
    return c->left || (c->meta.whole && !meta_member(c->meta.state, c->meta.self));
}

/* True: it leaves no longer. */
static bool is_over(const struct cluster *c)
{
    const struct log *log = c->config.log;
    char rest[STATUS_TEXT_MAX];
    if (has_left(c))
        log_info(log, "cluster", "left the cluster after %llu ms", (unsigned long long)(now_of(c) - c->leave_ms));
    else if (c->meta.whole && !somebody_stays(c) && !somebody_comes(c))
        log_info(log, "cluster", "no member stays that could take over what this node holds: ending without waiting");
    else if (c->meta.whole && !is_led(c))
        log_warn(log, "cluster",
                 "the cluster has no majority, so nobody can take over what this node holds: ending without waiting");
    else if (now_of(c) - c->leave_ms >= LEAVE_MS) {
        if (c->meta.whole)
            cluster_explain_leaving(c, rest, sizeof rest);
        log_warn(log, "cluster", "leaving took longer than %d s: ending now%s%s", LEAVE_MS / 1000,
                 c->meta.whole ? "; " : "", c->meta.whole ? rest : "");
    } else
        return false;
    return true;
}

void cluster_note_left(struct cluster *c)
{
    if (c->phase != PHASE_LEAVING)
        return;
    if (!is_over(c)) {
        tell_rest(c);
        return;
    }
    cluster_set_phase(c, PHASE_ENDED);
    c->config.ended(c->config.arg);
}
