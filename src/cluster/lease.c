/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster_impl.h"

#include "base/rule.h"

#include <stdlib.h>

/* Between two of them. */
#define RENEW_GAP_MS 50

static void on_renew(struct timer *t);

void lease_init(struct lease *l)
{
    timer_init(&l->renew, on_renew);
}

void lease_begin(struct cluster *c, uint64_t hold_ms)
{
    c->lease.until_ms = c->lease.granted_until_ms = 0;
    c->lease.hold_ms = hold_ms;
    lease_renew_now(c);
}

void lease_end(struct cluster *c)
{
    timer_stop(c->config.timers, &c->lease.renew);
    c->lease.until_ms = c->lease.granted_until_ms = 0;
    c->lease.settled = false;
    c->lease.member_count = 0;
}

/* R-LEASE. A group of one seat, which this node holds, is its own majority: there is nobody else who could serve. */
bool lease_is_valid(const struct cluster *c)
{
    if (gone_is_fenced(c) && rule_holds(RULE_FENCE))
        return false;
    /* By the clock of this very moment: the process may have been stopped since the turn began. */
    if (precise_now_of(c) < c->lease.until_ms || !rule_holds(RULE_LEASE))
        return true;
    return c->meta.group && !c->frozen && meta_seats(c) == 1 && group_leads(c->meta.group);
}

/* The lease counts once the meta state that its grant speaks of is applied here. */
void lease_applied(struct cluster *c)
{
    struct lease *l = &c->lease;
    if (!l->granted_until_ms || !c->meta.group || group_applied_index(c->meta.group) < l->granted_index)
        return;
    if (l->granted_until_ms > l->until_ms)
        l->until_ms = l->granted_until_ms;
    l->granted_until_ms = 0;
}

/* --- the member's side --- */

static void describe(const struct cluster *c, struct peer_renew *r)
{
    *r = (struct peer_renew){.epoch = c->meta.state->epoch,
                             .member = c->meta.self,
                             .sent_ms = now_of(c),
                             .applied = group_applied_index(c->meta.group),
                             .memory_used = c->memory.used,
                             .memory_limit = c->memory.limit,
                             .leaving = c->phase == PHASE_LEAVING};
    r->cluster_id = c->meta.state->cluster_id;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        r->replica_count += c->partitions.at[i].replica != 0 || c->partitions.at[i].frozen;
    for (unsigned i = 0; i < c->meta.state->member_count; i++) {
        const struct member *m = &c->meta.state->member[i];
        if (m->id != c->meta.self && !mesh_link(&c->mesh, m->incarnation, PLANE_RAFT))
            r->unreachable |= UINT64_C(1) << i;
    }
}

static void code_replicas(struct cluster *c, struct coder *coder)
{
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        struct peer_replica r;
        if (!c->partitions.at[i].replica && !c->partitions.at[i].frozen)
            continue;
        partition_describe(&c->partitions.at[i], &r);
        code_replica(coder, &r);
    }
}

static void renew_at(struct cluster *c, struct link *leader)
{
    struct peer_renew r;
    struct buf *out = leader ? link_begin(leader, PEER_RENEW) : NULL;
    if (!out)
        return;
    describe(c, &r);
    struct coder coder = coder_writer(out);
    code_renew(&coder, &r);
    code_replicas(c, &coder);
    link_end(leader, coder.err);
}

static void renew_here(struct cluster *c)
{
    struct peer_renew r;
    struct buf replicas;
    buf_init(&replicas, SIZE_MAX / 2);
    describe(c, &r);
    struct coder coder = coder_writer(&replicas);
    code_replicas(c, &coder);
    if (!coder.err)
        controller_renewed(c, &r, buf_slice(&replicas));
    buf_fini(&replicas);
}

static bool may_renew(const struct cluster *c)
{
    return c->meta.whole && !c->frozen && (c->phase == PHASE_MEMBER || c->phase == PHASE_LEAVING);
}

void lease_renew_now(struct cluster *c)
{
    if (!may_renew(c))
        return;
    uint64_t leader = meta_leader_id(c);
    c->lease.renewed_ms = now_of(c);
    if (leader == c->meta.self)
        renew_here(c);
    else if (leader)
        renew_at(c, cluster_link(c, leader, PLANE_CONTROL));
    /* Without a leader it is asked for again soon: elections take far less than a lease. */
    timer_start(c->config.timers, &c->lease.renew, leader ? c->times.lease / RENEWALS_PER_LEASE : c->times.heartbeat);
}

static void on_renew(struct timer *t)
{
    lease_renew_now(LIST_ENTRY(t, struct cluster, lease.renew));
}

void lease_renew_soon(struct cluster *c)
{
    uint64_t at = c->lease.renewed_ms + RENEW_GAP_MS, now = now_of(c);
    if (timer_runs(&c->lease.renew) && c->lease.renew.due_ms > at)
        timer_start(c->config.timers, &c->lease.renew, at > now ? at - now : 0);
}

/* R-KNOWN: whoever changed the catalog waits until all who serve know the change. A renewal says so too, but it is
 * large and costs a round: there is one in RENEW_GAP_MS at most. */
void lease_tell_known(struct cluster *c)
{
    uint64_t leader = meta_leader_id(c);
    if (c->lease.told_catalog == c->catalog_version || !may_renew(c))
        return;
    c->lease.told_catalog = c->catalog_version;
    struct link *l = leader && leader != c->meta.self ? cluster_link(c, leader, PLANE_CONTROL) : NULL;
    struct buf *out = l ? link_begin(l, PEER_KNOWN) : NULL;
    if (!out)
        return; /* the next renewal says it */
    struct peer_known m = {
        .epoch = c->meta.state->epoch, .member = c->meta.self, .applied = group_applied_index(c->meta.group)};
    m.cluster_id = c->meta.state->cluster_id;
    struct coder coder = coder_writer(out);
    code_known(&coder, &m);
    link_end(l, coder.err);
}

void lease_take_grant(struct cluster *c, const struct peer_grant *g)
{
    struct lease *l = &c->lease;
    /* Counted from the moment the renewal was sent, on this node's own clock. One that waits for what is not applied
     * yet is not put off by a later one. */
    if (l->granted_until_ms <= now_of(c) || g->index <= l->granted_index) {
        l->granted_until_ms = g->sent_ms + c->times.lease;
        l->granted_index = g->index;
    }
    cluster_hear_time(c, g->time_ms);
    l->settled = g->settled;
    l->member_count = g->member_count;
    memcpy(l->member, g->member, g->member_count * sizeof g->member[0]);
    for (unsigned i = 0; i < g->partition_count && i < META_PARTITIONS_MAX; i++)
        c->keys_counted[i] = g->keys[i];
    if (g->settled || !rule_holds(RULE_READY))
        readiness_settle(c);
    lease_applied(c);
}

/* --- messages --- */

static bool is_of_this_cluster(const struct cluster *c, struct cluster_id cluster_id, uint64_t epoch)
{
    return c->meta.whole && !c->frozen && epoch == c->meta.state->epoch &&
           cluster_id_equal(cluster_id, c->meta.state->cluster_id);
}

void lease_say_dead(const struct cluster *c, struct incarnation incarnation)
{
    struct link *l = mesh_link(&c->mesh, incarnation, PLANE_CONTROL);
    struct peer_admit m = {.epoch = c->meta.state->epoch};
    struct buf *out = link_begin(l, PEER_ADMIT);
    m.cluster_id = c->meta.state->cluster_id;
    if (!out)
        return;
    struct coder coder = coder_writer(out);
    code_admit(&coder, &m);
    link_end(l, coder.err);
}

/* Whether a message of a member comes from that member. One that is a member no more is told so: it was away for too
 * long. */
static bool is_from_member(struct cluster *c, const struct link *l, uint64_t member)
{
    const struct member *m = meta_member(c->meta.state, member);
    if (!m && member < c->meta.state->next_id)
        lease_say_dead(c, l->peer->hello.incarnation);
    return m && incarnation_equal(m->incarnation, l->peer->hello.incarnation);
}

static int take_known(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_known m;
    code_known(&coder, &m);
    if (coder_end(&coder))
        return coder.err;
    if (is_of_this_cluster(c, m.cluster_id, m.epoch) && is_from_member(c, l, m.member))
        controller_known(c, m.member, m.applied);
    return 0;
}

static int take_renew(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_renew r;
    code_renew(&coder, &r);
    if (coder.err)
        return coder.err;
    struct slice replicas = coder.in;
    for (unsigned i = 0; i < r.replica_count; i++) {
        struct peer_replica one;
        code_replica(&coder, &one);
    }
    if (coder_end(&coder))
        return coder.err;
    if (is_of_this_cluster(c, r.cluster_id, r.epoch) && is_from_member(c, l, r.member))
        controller_renewed(c, &r, replicas);
    return 0;
}

static int take_grant(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_grant g;
    code_grant(&coder, &g);
    if (coder_end(&coder))
        return coder.err;
    /* From the member that leads, and nobody else. */
    const struct member *leader = c->meta.whole ? meta_member(c->meta.state, meta_leader_id(c)) : NULL;
    bool leads = leader && incarnation_equal(leader->incarnation, l->peer->hello.incarnation);
    if (leads && is_of_this_cluster(c, g.cluster_id, g.epoch) && g.sent_ms <= now_of(c))
        lease_take_grant(c, &g);
    return 0;
}

int lease_frame(struct cluster *c, struct link *l, unsigned kind, struct slice body)
{
    return kind == PEER_RENEW   ? take_renew(c, l, body)
           : kind == PEER_GRANT ? take_grant(c, l, body)
                                : take_known(c, l, body);
}
