/* SPDX-License-Identifier: Apache-2.0 */
/* What an orchestrator's readiness probe is answered (R-READY). An orchestrator sends traffic to nodes that are ready,
 * names only those in the DNS of a headless service, and starts or replaces the next node when the last one is ready.
 * So a node is ready when it is a full member, and also when all that it can do is wait for others to be started.
 *
 *     NOT_READY --only waits--> WAITING
 *         |                        |
 *         +--is settled-----+------+--is settled--> SETTLED
 *
 *  state      | moves to | when
 *  NOT_READY  | WAITING  | the node seeks or is stranded, and has looked for others long enough: for ten seconds, or
 *             |          | until it sees all that the orchestrator's API lists. Nothing that it sees will give it a
 *             |          | cluster soon: no member, nobody who forms, too few nodes for a quorum, or enough of them
 *             |          | that hold nothing and wait for silent ones (R-FRESH)
 *  NOT_READY, | SETTLED  | the cluster's leader has said that seats and partitions are as full as the live members
 * allow WAITING    |          |
 *
 * Nothing leads back. A node that was ready and is healthy stays ready while a cluster forms, while it joins, without a
 * lease and when it is stranded: an unready node disappears from DNS, and if all of them do, nobody finds anybody. Only
 * a node that leaves is not ready any more, whatever it was: what is new goes to others. */
#include "cluster/cluster_impl.h"

#include "base/assert.h"

/* How long a node looks for others before it says that it only waits. */
#define SEEK_MS 10000
/* How old the answer of an orchestrator's API may be that spares it this. */
#define ANSWER_MS 5000
/* A cluster that was about to form for so many times T_lost is not waited for any longer: a further node may help. */
#define NEAR_LOST_TIMES 2

static void move(struct cluster *c, enum readiness_state to)
{
    ASSERT(c->readiness.state < to);
    c->readiness.state = to;
}

/* A cluster to join, or one that is about to be. Where such a node has lost its leader for good, it becomes stranded.
 */
static bool sees_cluster(const struct cluster *c)
{
    for (unsigned i = 0; i < c->mesh.peer_count; i++) {
        const struct peer *p = c->mesh.peer[i];
        bool belongs =
            p->beacon.state == PEER_MEMBER || p->beacon.state == PEER_FORMING || p->beacon.state == PEER_REFORMING;
        if (p->has_beacon && belongs && mesh_sees(&c->mesh, p))
            return true;
    }
    return false;
}

static bool is_near(struct cluster *c)
{
    struct readiness *r = &c->readiness;
    if (!bootstrap_is_near(c))
        r->near_ms = 0;
    else if (!r->near_ms)
        r->near_ms = now_of(c);
    return r->near_ms && now_of(c) - r->near_ms < NEAR_LOST_TIMES * (uint64_t)c->times.lost_after;
}

/* An API may have forgotten a node that still runs (R-GONE). That does no harm here: a node that is ready while it
 * waits forms nothing because of it. */
static bool sees_all_listed(const struct cluster *c)
{
    const struct orchestrator *o = &c->orchestrator;
    bool listed = o->placed_ms && now_of(c) - o->placed_ms <= ANSWER_MS;
    for (unsigned i = 0; listed && i < o->place_count; i++)
        listed = mesh_has_met(&c->mesh, o->place[i].address, o->place[i].port);
    return listed;
}

static bool has_looked(const struct cluster *c)
{
    return c->discovery_answered && (now_of(c) - c->created_ms >= SEEK_MS || sees_all_listed(c));
}

static bool only_waits(struct cluster *c)
{
    if (c->phase != PHASE_SEEKING && c->phase != PHASE_STRANDED) {
        c->readiness.near_ms = 0;
        return false;
    }
    return !is_near(c) && !sees_cluster(c) && has_looked(c);
}

void readiness_turn(struct cluster *c)
{
    char names[STATUS_TEXT_MAX / 2];
    if (c->readiness.state != NOT_READY || !only_waits(c))
        return;
    move(c, READY_WAITING);
    unsigned n = bootstrap_here(c, names, sizeof names);
    log_info(c->config.log, "cluster",
             "ready to orchestrators, without a cluster: waiting for further nodes to be started; %u of %u nodes are "
             "here: %s",
             n, cluster_n(c), names);
}

void readiness_settle(struct cluster *c)
{
    if (c->readiness.state == READY_SETTLED || c->phase != PHASE_MEMBER)
        return;
    move(c, READY_SETTLED);
    log_info(c->config.log, "cluster", "ready: seats and partitions are as full as the live members allow");
}

bool readiness_is_settled(const struct cluster *c)
{
    return c->readiness.state == READY_SETTLED;
}

bool cluster_probe_ready(const struct cluster *c)
{
    return c->readiness.state != NOT_READY && c->phase != PHASE_LEAVING && c->phase != PHASE_ENDED;
}
