/* SPDX-License-Identifier: Apache-2.0 */
/* What a node says of itself over and over, and what comes in from the others: who may say it, and to whom it goes. */
#include "cluster/cluster_impl.h"

/* --- beacons --- */

static unsigned peer_state(const struct cluster *c)
{
    switch (c->phase) {
    case PHASE_FORMING:
        return c->meta.state && c->meta.state->partition[0].generation ? PEER_REFORMING : PEER_FORMING;
    case PHASE_MEMBER:
    case PHASE_LEAVING:
        return PEER_MEMBER;
    case PHASE_STRANDED:
        return PEER_STRANDED;
    default:
        return PEER_SEEKING;
    }
}

static void describe_leader(const struct cluster *c, struct peer_beacon *b)
{
    const struct member *leader = c->meta.whole ? meta_member(c->meta.state, meta_leader_id(c)) : NULL;
    if (!leader)
        return;
    memcpy(b->leader_address, leader->address, sizeof b->leader_address);
    b->leader_port = leader->epmd_port;
    b->leads = leader->id == c->meta.self;
}

static void describe_self(const struct cluster *c, struct peer_beacon *b)
{
    b->state = peer_state(c);
    b->n = cluster_own_n(c);
    b->highest_epoch = c->highest_epoch;
    b->leaving = c->phase == PHASE_LEAVING || c->phase == PHASE_ENDED;
    b->wall_ms = clock_wall_ms(c->config.clock);
    if (!c->meta.group || !c->meta.whole)
        return;
    b->serving = lease_is_valid(c);
    b->cluster_id = c->meta.state->cluster_id;
    b->epoch = c->meta.state->epoch;
    b->meta_term = group_last_term(c->meta.group);
    b->meta_index = group_last_index(c->meta.group);
    b->survivors = c->bootstrap.survivors;
    b->left = c->bootstrap.left;
    describe_leader(c, b);
}

static void send_beacon(struct link *l, const struct peer_beacon *b)
{
    struct buf *out = link_begin(l, PEER_BEACON);
    if (!out)
        return;
    struct coder coder = coder_writer(out);
    struct peer_beacon copy = *b;
    code_beacon(&coder, &copy);
    link_end(l, coder.err);
}

void cluster_beacon_now(struct cluster *c)
{
    struct peer_beacon b = {0};
    describe_self(c, &b);
    for (unsigned i = 0; i < c->mesh.endpoint_count; i++) {
        struct link *l = c->mesh.endpoint[i]->out[PLANE_CONTROL];
        if (l && l->peer && link_backlog(l) < STREAM_HIGH_WATER)
            send_beacon(l, &b);
    }
}

void cluster_on_beacon_timer(struct timer *t)
{
    struct cluster *c = LIST_ENTRY(t, struct cluster, beacon);
    cluster_beacon_now(c);
    gone_look(c);
    timer_start(c->config.timers, &c->beacon, BEACON_MS);
}

/* --- what comes from the mesh --- */

/* A member of a cluster that was left behind hears of a later one. That somebody serves its own epoch means nothing:
 * beacons may be as old as a connection lives through a cut, and by then he may have been cut off, too. */
static bool is_left_behind(const struct cluster *c, const struct peer_beacon *b)
{
    uint64_t own = c->meta.state ? c->meta.state->epoch : UINT64_MAX;
    return b->serving && c->meta.state && !lease_is_valid(c) && b->epoch > own &&
           (c->phase == PHASE_STRANDED || c->phase == PHASE_MEMBER || c->phase == PHASE_FORMING);
}

/* R-REBUILD: one that has pledged itself, and that the start did not reach, is a member of what it has pledged itself
 * to: partitions may be waiting for what it keeps. It comes as who it is. */
static bool may_return(const struct cluster *c, const struct peer_beacon *b)
{
    return c->phase == PHASE_STRANDED && c->frozen && b->epoch > c->meta.state->epoch &&
           cluster_id_equal(b->cluster_id, c->meta.state->cluster_id);
}

#define EPOCH_AHEAD_MS ((uint64_t)100 * 365 * 86400 * 1000)

bool cluster_believes_epoch(const struct cluster *c, uint64_t epoch)
{
    return epoch < clock_wall_ms(c->config.clock) + EPOCH_AHEAD_MS;
}

static void on_beacon(void *arg, struct peer *p)
{
    struct cluster *c = arg;
    const struct peer_beacon *b = &p->beacon;
    if (!cluster_believes_epoch(c, b->epoch) || !cluster_believes_epoch(c, b->highest_epoch)) {
        p->has_beacon = false;
        return;
    }
    if (b->highest_epoch > c->highest_epoch)
        c->highest_epoch = b->highest_epoch;
    if (b->epoch > c->highest_epoch)
        c->highest_epoch = b->epoch;
    if (b->leader_port) {
        struct endpoint *e = mesh_endpoint(&c->mesh, b->leader_address, b->leader_port);
        if (e)
            e->candidate = true;
    }
    if (is_left_behind(c, b)) {
        enum next_life next = may_return(c, b) ? NEXT_RETURN : NEXT_STRANGER;
        cluster_decide_next(c, next);
        log_warn(c->config.log, "cluster", "%s serves epoch %llu without this node, whose own is %llu: joining it%s",
                 p->hello.address, (unsigned long long)b->epoch, (unsigned long long)c->meta.state->epoch,
                 next == NEXT_RETURN ? " with what it holds" : " as a new member");
    }
}

static void on_opened(void *arg, struct link *l)
{
    struct cluster *c = arg;
    struct peer_beacon b = {0};
    if (l->plane != PLANE_CONTROL)
        return;
    describe_self(c, &b);
    send_beacon(l, &b);
}

static void on_link_closed(void *arg, struct link *l)
{
    (void)arg;
    router_link_closed(l);
}

/* Groups that it led need not wait for a time-out by chance. */
static void on_ended(void *arg, const struct peer *p)
{
    struct cluster *c = arg;
    const struct member *m = c->meta.state ? meta_member_by_incarnation(c->meta.state, p->hello.incarnation) : NULL;
    if (!m || c->frozen)
        return;
    meta_leader_ended(c, m->id);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        partition_leader_ended(&c->partitions.at[i], m->id);
}

/* Copies go on; cluster_turn() follows. */
static void on_drained(void *arg, struct link *l)
{
    struct cluster *c = arg;
    (void)l;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (c->partitions.at[i].copy_out)
            partition_mark_dirty(&c->partitions.at[i]);
}

static bool is_ours(const struct cluster *c, const struct peer_envelope *e)
{
    return c->meta.state && e->epoch == c->meta.state->epoch &&
           cluster_id_equal(e->cluster_id, c->meta.state->cluster_id);
}

/* The replica that a message says it comes from belongs to who has sent it (rule 10). */
static bool is_from(const struct cluster *c, const struct link *l, uint16_t group, uint64_t source)
{
    uint64_t member = source;
    if (group != PEER_GROUP_META) {
        const struct replica *r = meta_replica(&c->meta.state->partition[group], source);
        if (!r)
            return false;
        member = r->member;
    }
    const struct member *m = meta_member(c->meta.state, member);
    /* A state that is not there yet cannot tell: what a joiner believes comes from its leader. */
    if (!m)
        return group == PEER_GROUP_META && !c->meta.whole;
    return incarnation_equal(m->incarnation, l->peer->hello.incarnation);
}

static int take_raft(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_envelope e;
    struct raft_msg m;
    code_envelope(&coder, &e);
    if (coder.err || raft_msg_decode(coder.in, &m) || (e.group >= META_PARTITIONS_MAX && e.group != PEER_GROUP_META))
        return E_MALFORMED;
    if (!is_ours(c, &e) || !is_from(c, l, e.group, m.source))
        return 0; /* R-ID: of another cluster, epoch, generation: dropped */
    if (e.group == PEER_GROUP_META)
        return meta_raft(c, &m);
    struct partition *p = &c->partitions.at[e.group];
    return p->generation == e.generation ? partition_raft(p, &m) : 0;
}

static int take_copy(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_copy m;
    code_copy(&coder, &m);
    if (coder_end(&coder) || (m.envelope.group >= META_PARTITIONS_MAX && m.envelope.group != PEER_GROUP_META))
        return E_MALFORMED;
    if (!is_ours(c, &m.envelope) || !is_from(c, l, m.envelope.group, m.source))
        return 0;
    if (m.envelope.group == PEER_GROUP_META)
        return meta_copy(c, &m);
    struct partition *p = &c->partitions.at[m.envelope.group];
    return p->generation == m.envelope.generation ? partition_snapshot_receive(p, &m) : 0;
}

static int take_rounds(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_envelope e;
    code_envelope(&coder, &e);
    while (!coder.err && coder.in.len) {
        struct peer_round r;
        code_round(&coder, &r);
        if (coder.err || (r.group >= META_PARTITIONS_MAX && r.group != PEER_GROUP_META))
            return E_MALFORMED;
        if (!is_ours(c, &e) || !is_from(c, l, r.group, r.source))
            continue;
        if (r.group == PEER_GROUP_META)
            meta_round(c, &r);
        else if (c->partitions.at[r.group].generation == r.generation)
            partition_round(&c->partitions.at[r.group], &r);
    }
    return coder.err;
}

static int on_frame(void *arg, struct link *l, unsigned kind, struct slice body)
{
    struct cluster *c = arg;
    switch (kind) {
    case PEER_OFFER:
    case PEER_ACCEPT:
    case PEER_START:
    case PEER_JOIN:
    case PEER_ADMIT:
        return bootstrap_frame(c, l, kind, body);
    case PEER_RENEW:
    case PEER_GRANT:
    case PEER_KNOWN:
        return lease_frame(c, l, kind, body);
    case PEER_RAFT:
        return take_raft(c, l, body);
    case PEER_ROUNDS:
        return take_rounds(c, l, body);
    case PEER_COPY:
        return take_copy(c, l, body);
    default:
        return router_frame(&c->router, l, kind, body);
    }
}

const struct mesh_hooks cluster_mesh_hooks = {on_frame, on_beacon, on_opened, on_link_closed, on_ended, on_drained};
