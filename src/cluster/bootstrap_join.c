/* SPDX-License-Identifier: Apache-2.0 */
/* Joining a cluster that is there: its leader is asked, and says as whom; what the cluster knows comes through the meta
 * group. */
#include "cluster/cluster_impl.h"

static bool is_of_this_epoch(const struct cluster *c, const struct peer_admit *m)
{
    return c->meta.state && m->epoch == c->meta.state->epoch &&
           cluster_id_equal(m->cluster_id, c->meta.state->cluster_id);
}

/* It has pledged itself to a re-forming that never came (R-PLEDGE), and its cluster goes on without it: there is
 * nothing for it to wait for. The leader was asked when every lease that this node had helped to grant was over, and
 * answers only under a lease. */
static bool has_pledged_in_vain(const struct cluster *c)
{
    return c->phase == PHASE_STRANDED && c->frozen &&
           c->bootstrap.joined_ms >= c->frozen_ms + c->times.lease + c->times.margin;
}

int bootstrap_take_admit(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_admit m;
    code_admit(&coder, &m);
    if (coder_end(&coder))
        return coder.err;
    if (is_of_this_epoch(c, &m) && has_pledged_in_vain(c)) {
        log_warn(c->config.log, "cluster",
                 "the cluster continued without this node, which had given it up: joining it as a new member");
        cluster_decide_next(c, NEXT_STRANGER);
        return 0;
    }
    if (m.member == 0 && is_of_this_epoch(c, &m)) { /* this incarnation was declared dead, or has left */
        if (c->phase == PHASE_LEAVING) {
            c->left = true;
        } else if (!lease_is_valid(c)) {
            log_warn(c->config.log, "cluster", "the cluster continued without this node: joining it as a new member");
            cluster_decide_next(c, NEXT_STRANGER);
        }
        return 0;
    }
    /* From the leader that was asked, and nobody else. */
    const struct peer_beacon *b = &l->peer->beacon;
    if (c->meta.group || c->phase != PHASE_SEEKING || !c->bootstrap.joined_ms || !l->peer->has_beacon || !b->leads ||
        b->epoch != m.epoch || !cluster_id_equal(b->cluster_id, m.cluster_id))
        return 0;
    if (m.member == 0) { /* what came back was given up meanwhile */
        cluster_decide_next(c, NEXT_STRANGER);
        return 0;
    }
    static const struct hash_key no_key;
    static const struct group_birth joins;
    struct meta_state *s;
    if (meta_state_create(&c->memory, &no_key, &s))
        return E_NOMEM;
    s->cluster_id = m.cluster_id;
    s->epoch = m.epoch;
    s->settings = bootstrap_settings(c);
    struct member leader = bootstrap_member(c, &l->peer->hello);
    leader.id = m.leader;
    s->member[s->member_count++] = leader; /* the only one that is known before the state has come */
    if (meta_start(c, s, m.member, &joins))
        return E_NOMEM;
    /* R-LEASE: its leader admits under a lease of this epoch, so none of an older one is valid any more. */
    c->lease.hold_ms = 0;
    c->bootstrap.stage_ms = now_of(c);
    cluster_set_phase(c, PHASE_JOINING);
    return 0;
}

void bootstrap_ask_to_join(struct cluster *c)
{
    for (unsigned i = 0; i < c->mesh.peer_count; i++) {
        const struct peer *p = c->mesh.peer[i];
        struct link *l = bootstrap_link(c, p->hello.incarnation);
        if (!bootstrap_hears(c, p) || p->beacon.state != PEER_MEMBER || !p->beacon.leads)
            continue;
        struct buf *out = link_begin(l, PEER_JOIN);
        if (out)
            link_end(l, 0);
        c->bootstrap.joined_ms = now_of(c);
    }
}

/* --- the leader's side --- */

static void admit(struct cluster *c, struct link *l, uint64_t member)
{
    struct peer_admit m = {.epoch = c->meta.state->epoch, .member = member, .leader = c->meta.self};
    struct buf *out = link_begin(l, PEER_ADMIT);
    m.cluster_id = c->meta.state->cluster_id;
    if (!out)
        return;
    struct coder coder = coder_writer(out);
    code_admit(&coder, &m);
    link_end(l, coder.err);
}

static void join(struct cluster *c, struct link *l)
{
    const struct peer_hello *h = &l->peer->hello;
    uint64_t index;
    struct meta_command m = {.kind = META_ADD_MEMBER};
    if (!c->controller.leads || !c->controller.since_ms)
        return;
    struct link *back = mesh_link(&c->mesh, h->incarnation, PLANE_CONTROL);
    const struct member *known = meta_member_by_incarnation(c->meta.state, h->incarnation);
    if (meta_is_dead(c->meta.state, h->incarnation))
        admit(c, back, 0);
    else if (known && lease_is_valid(c))
        admit(c, back, known->id);
    if (known || !back || !mesh_sees(&c->mesh, l->peer) || meta_is_dead(c->meta.state, h->incarnation) ||
        c->controller.busy_index)
        return;
    m.who.incarnation = h->incarnation;
    memcpy(m.who.address, h->address, sizeof m.who.address);
    memcpy(m.who.place, h->place, sizeof m.who.place);
    m.who.joined_ms = clock_wall_ms(c->config.clock);
    m.who.epmd_port = h->epmd_port;
    m.who.handoff_port = h->handoff_port;
    log_info(c->config.log, "cluster", "admitting %s port %u", h->address, h->epmd_port);
    if (meta_propose(c, &m, &index) == 0)
        c->controller.busy_index = index;
}

int bootstrap_take_join(struct cluster *c, struct link *l)
{
    if (c->meta.whole && !c->frozen)
        join(c, l);
    return 0;
}
