/* SPDX-License-Identifier: Apache-2.0 */
/* How a node that is in no cluster, or in one that has lost its majority, comes into one: it joins the one that is
 * there, or takes part in forming one (R-FORM, R-FRESH), or in re-forming its own (R-REFORM). */
#include "cluster/cluster_impl.h"

#include "base/assert.h"
#include "base/rule.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS     100
#define OFFER_MS    2000 /* for all answers to an offer */
#define STRAGGLE_MS 300  /* once enough have accepted, for the others */
#define HEARD_MS    2000 /* whoever was heard in this time is not silent */
#define JOIN_MS     500  /* asked again */

static void on_tick(struct timer *t);

void bootstrap_init(struct bootstrap *f)
{
    timer_init(&f->tick, on_tick);
}

void bootstrap_begin(struct cluster *c)
{
    struct bootstrap *f = &c->bootstrap;
    f->stage = FORM_NONE;
    f->began_ms = now_of(c);
    f->quorum_ms = f->all_heard_ms = 0;
    timer_start(c->config.timers, &f->tick, TICK_MS);
}

void bootstrap_stop(struct cluster *c)
{
    timer_stop(c->config.timers, &c->bootstrap.tick);
    c->bootstrap.stage = FORM_NONE;
    c->bootstrap.survivors = false;
    c->bootstrap.left = 0;
}

/* A node takes part in one proposal at a time.
 *
 *      +<------- revoked, refused, or too late -------+
 *      v                                              |
 *    NONE ---proposes---> OFFERED ---enough accept----+---> STARTED
 *      |                     |                        |        |
 *      |                 a lower incarnation offers   |        +--- bootstrap_stop(): a member, or given up
 *      |                     v                        |
 *      +---accepts-------> ACCEPTED ---start comes----+
 *
 *  stage    | moves to | when
 *  NONE     | OFFERED  | it sees enough others, and is the one to propose
 *           | ACCEPTED | another proposes, and nothing speaks against it
 *           | STARTED  | it is the only node of its cluster
 *  OFFERED  | STARTED  | enough have accepted
 *           | ACCEPTED | another with a lower incarnation proposes: it wins
 *           | NONE     | too few have accepted in time, or the start failed
 *  ACCEPTED | STARTED  | the proposer says so
 *           | ACCEPTED | a lower incarnation proposes, or the same again
 *           | NONE     | the start does not come in time
 *  STARTED  | NONE     | the start failed here; else only bootstrap_stop() and bootstrap_begin() end it */
static const unsigned moves[FORM_COUNT] = {
    [FORM_NONE] = 1u << FORM_OFFERED | 1u << FORM_ACCEPTED | 1u << FORM_STARTED,
    [FORM_OFFERED] = 1u << FORM_STARTED | 1u << FORM_ACCEPTED | 1u << FORM_NONE,
    [FORM_ACCEPTED] = 1u << FORM_STARTED | 1u << FORM_ACCEPTED | 1u << FORM_NONE,
    [FORM_STARTED] = 0,
};

void bootstrap_enter(struct cluster *c, enum bootstrap_stage stage)
{
    ASSERT(moves[c->bootstrap.stage] >> stage & 1 || !rule_holds(RULE_FORM)); /* which is what keeps to them */
    c->bootstrap.stage = stage;
    c->bootstrap.stage_ms = now_of(c);
}

static uint64_t for_ms(const struct cluster *c)
{
    return now_of(c) - c->bootstrap.stage_ms;
}

/* --- who is out there --- */

static bool was_heard(const struct cluster *c, const struct peer *p, uint64_t within_ms)
{
    return p->has_beacon && now_of(c) - p->heard_ms <= within_ms;
}

bool bootstrap_hears(const struct cluster *c, const struct peer *p)
{
    return was_heard(c, p, HEARD_MS);
}

static bool is_fresh(const struct cluster *c, const struct peer *p)
{
    return was_heard(c, p, HEARD_MS) && mesh_sees(&c->mesh, p) && p->beacon.state == PEER_SEEKING;
}

static bool is_stranded_too(const struct cluster *c, const struct peer *p)
{
    return c->phase == PHASE_STRANDED && c->meta.state && was_heard(c, p, HEARD_MS) && mesh_sees(&c->mesh, p) &&
           p->beacon.state == PEER_STRANDED && cluster_id_equal(p->beacon.cluster_id, c->meta.state->cluster_id);
}

/* In the same epoch; or one of the two was left behind when the other began a later one, in which it has a place. */
static bool is_companion(const struct cluster *c, const struct peer *p)
{
    if (!is_stranded_too(c, p))
        return false;
    return p->beacon.epoch >= c->meta.state->epoch ||
           meta_member_by_incarnation(c->meta.state, p->hello.incarnation) != NULL;
}

static bool takes_part(const struct cluster *c, const struct peer *p)
{
    return is_fresh(c, p) || is_companion(c, p);
}

/* R-FRESH: somebody holds something. Forming over it would lose it. */
static const struct peer *somebody_holds(const struct cluster *c)
{
    for (unsigned i = 0; rule_holds(RULE_FRESH) && i < c->mesh.peer_count; i++) {
        const struct peer *p = c->mesh.peer[i];
        const struct peer_hello *h = &p->hello;
        if (was_heard(c, p, c->times.lost_after) &&
            (p->beacon.state == PEER_MEMBER || p->beacon.state == PEER_STRANDED || p->beacon.state == PEER_REFORMING) &&
            !mesh_proves_dead(&c->mesh, h->incarnation, h->address, h->epmd_port, 0))
            return p;
    }
    return NULL;
}

unsigned bootstrap_heard(const struct cluster *c)
{
    unsigned n = 1;
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        n += was_heard(c, c->mesh.peer[i], HEARD_MS);
    return n;
}

static unsigned count_participants(const struct cluster *c)
{
    unsigned n = 1;
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        n += takes_part(c, c->mesh.peer[i]);
    return n;
}

static bool is_lower(struct incarnation a, struct incarnation b)
{
    return incarnation_compare(a, b) < 0;
}

unsigned bootstrap_here(const struct cluster *c, char *names, size_t size)
{
    unsigned n = 1;
    size_t len = (size_t)snprintf(names, size, "%s:%u", c->mesh.config.self.address, c->config.epmd_port);
    for (unsigned i = 0; i < c->mesh.peer_count; i++) {
        const struct peer_hello *h = &c->mesh.peer[i]->hello;
        if (!takes_part(c, c->mesh.peer[i]))
            continue;
        n++;
        if (len < size)
            len += (size_t)snprintf(names + len, size - len, ", %s:%u", h->address, h->epmd_port);
    }
    return n;
}

unsigned bootstrap_seats(const struct cluster *c)
{
    const struct meta_settings *s = c->meta.state ? &c->meta.state->settings : NULL;
    return seats_count_after(cluster_n(c), s ? s->expected : c->config.expected, s ? s->lowered_seats : 0);
}

/* --- an operator's word --- */

/* It is told to one of the stranded nodes, and counts for all: who proposes is another, perhaps. */
static bool is_said_survivors(const struct cluster *c)
{
    bool said = c->bootstrap.survivors;
    for (unsigned i = 0; !said && i < c->mesh.peer_count; i++)
        said = is_companion(c, c->mesh.peer[i]) && c->mesh.peer[i]->beacon.survivors;
    return said;
}

/* How many nodes run in all; 0: nobody has said so. */
static unsigned said_left(const struct cluster *c)
{
    unsigned left = c->bootstrap.left;
    for (unsigned i = 0; !left && i < c->mesh.peer_count; i++)
        if (is_companion(c, c->mesh.peer[i]))
            left = c->mesh.peer[i]->beacon.left;
    return left;
}

/* R-SEATS guards against another group that has a quorum: of members that are missing, or of new nodes. An operator who
 * says how many nodes run in all says that there is none, and if all of these take part they are enough. Where this
 * node hears more or fewer than that the word is not true here. */
static unsigned quorum(const struct cluster *c)
{
    unsigned usual = seats_quorum(bootstrap_seats(c)), left = c->phase == PHASE_STRANDED ? said_left(c) : 0;
    return left && left < usual && bootstrap_heard(c) == left ? left : usual;
}

/* --- whose turn it is to propose --- */

static bool lowest_of_fresh(const struct cluster *c)
{
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        if (is_fresh(c, c->mesh.peer[i]) && is_lower(c->mesh.peer[i]->hello.incarnation, c->incarnation))
            return false;
    return true;
}

/* The best meta log, of the latest epoch; the lowest incarnation among equals. */
static bool is_better_log(const struct cluster *c, const struct peer *p)
{
    if (p->beacon.epoch != c->meta.state->epoch)
        return p->beacon.epoch > c->meta.state->epoch;
    uint64_t term = group_last_term(c->meta.group), index = group_last_index(c->meta.group);
    if (p->beacon.meta_term != term)
        return p->beacon.meta_term > term;
    if (p->beacon.meta_index != index)
        return p->beacon.meta_index > index;
    return is_lower(p->hello.incarnation, c->incarnation);
}

static bool best_of_stranded(const struct cluster *c)
{
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        if (is_companion(c, c->mesh.peer[i]) && is_better_log(c, c->mesh.peer[i]))
            return false;
    return true;
}

static bool is_gone(const struct cluster *c, const struct member *m)
{
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    uint64_t heard = p ? p->heard_ms : 0;
    if (heard < c->meta.leader_seen_ms)
        heard = c->meta.leader_seen_ms; /* until then it may have been heard by others */
    /* The operator's word is about who is missing: one that is heard is none, it only answers late. */
    bool said = is_said_survivors(c) && !(p && was_heard(c, p, HEARD_MS));
    /* R-GONE: the orchestrator's word counts nothing here. Those who were replaced may be a majority that serves still,
     * beyond a cut; more than N processes run then. */
    bool is_named = !rule_holds(RULE_GONE_QUORUM) && gone_is_named(c, m, heard);
    return said || now_of(c) - heard >= c->times.lost_after || cluster_proves_dead(c, m) || is_named;
}

static bool has_accepted(const struct bootstrap *f, struct incarnation incarnation)
{
    for (unsigned i = 0; i < f->invited_count; i++)
        if (incarnation_equal(f->invited[i].incarnation, incarnation))
            return f->invited[i].accepted;
    return false;
}

/* One that was admitted and seeks still, as it has never heard so, holds nothing and may take part like the others. */
static bool is_with_us(const struct cluster *c, const struct member *m)
{
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    if (m->id == c->meta.self)
        return true;
    return c->bootstrap.stage == FORM_OFFERED ? has_accepted(&c->bootstrap, m->incarnation) : p && takes_part(c, p);
}

/* R-REFORM (a): every missing member of the old epoch is proven dead or lost: what it holds may be all that there is.
 * Asked before the offer, and again before the start: who has not accepted is left behind. */
static bool missing_are_gone(const struct cluster *c)
{
    for (unsigned i = 0; i < c->meta.state->member_count; i++)
        if (!is_with_us(c, &c->meta.state->member[i]) && !is_gone(c, &c->meta.state->member[i]))
            return !rule_holds(RULE_REFORM);
    return true;
}

static bool all_are_heard(const struct cluster *c)
{
    return bootstrap_heard(c) >= cluster_n(c);
}

/* R-FORM: all N: at once; else after a grace. R-FRESH: a long one while somebody is silent who may hold something. The
 * last of N is heard before it can take part: the short one begins then, however long the others have waited for it. */
static bool grace_is_over(const struct cluster *c)
{
    const struct bootstrap *f = &c->bootstrap;
    uint64_t since = f->all_heard_ms > f->quorum_ms ? f->all_heard_ms : f->quorum_ms;
    if (count_participants(c) >= cluster_n(c))
        return true;
    if (!f->quorum_ms)
        return false;
    return f->all_heard_ms ? now_of(c) - since >= c->times.form_grace : now_of(c) - f->quorum_ms >= c->times.lost_after;
}

static bool is_stranded(const struct cluster *c, const struct peer *p)
{
    return was_heard(c, p, HEARD_MS) && mesh_sees(&c->mesh, p) && p->beacon.state == PEER_STRANDED;
}

/* Of a node that seeks: those who would form again with it, as far as one can tell who holds nothing. */
static bool may_reform(const struct cluster *c)
{
    unsigned stranded = 0;
    for (unsigned i = 0; i < c->mesh.peer_count; i++)
        stranded += is_stranded(c, c->mesh.peer[i]);
    return stranded && count_participants(c) + stranded >= quorum(c);
}

bool bootstrap_is_near(const struct cluster *c)
{
    const struct bootstrap *f = &c->bootstrap;
    if (f->stage != FORM_NONE || (c->phase == PHASE_SEEKING && may_reform(c)))
        return true;
    bool waits = c->phase == PHASE_SEEKING && !all_are_heard(c);
    return count_participants(c) >= quorum(c) && !waits;
}

static void note_quorum(struct cluster *c)
{
    struct bootstrap *f = &c->bootstrap;
    if (count_participants(c) < quorum(c))
        f->quorum_ms = 0;
    else if (!f->quorum_ms)
        f->quorum_ms = now_of(c);
    if (!all_are_heard(c))
        f->all_heard_ms = 0;
    else if (!f->all_heard_ms)
        f->all_heard_ms = now_of(c);
}

static bool may_propose(const struct cluster *c)
{
    if (!c->bootstrap.quorum_ms || bootstrap_seats(c) > PEER_SEATS_MAX)
        return false;
    if (c->phase == PHASE_STRANDED)
        return best_of_stranded(c) && missing_are_gone(c);
    return lowest_of_fresh(c) && !somebody_holds(c) && grace_is_over(c);
}

/* --- offers --- */

int bootstrap_send(struct link *l, enum peer_msg_kind kind, void (*code)(struct coder *, void *), void *m)
{
    struct buf *out = link_begin(l, kind);
    if (!out)
        return E_IO;
    struct coder coder = coder_writer(out);
    code(&coder, m);
    link_end(l, coder.err);
    return coder.err;
}

static void code_offer_f(struct coder *c, void *m)
{
    code_offer(c, m);
}

static void code_accept_f(struct coder *c, void *m)
{
    code_accept(c, m);
}

struct link *bootstrap_link(const struct cluster *c, struct incarnation incarnation)
{
    return mesh_link(&c->mesh, incarnation, PLANE_CONTROL);
}

/* R-EPOCH: above all that was heard of, and not below the participants' clocks. */
uint64_t bootstrap_next_epoch(const struct cluster *c)
{
    uint64_t walls[META_MEMBERS_MAX + 1], own = clock_wall_ms(c->config.clock);
    unsigned n = 1;
    walls[0] = own;
    for (unsigned i = 0; i < c->mesh.peer_count && n < META_MEMBERS_MAX; i++) {
        if (!takes_part(c, c->mesh.peer[i]))
            continue;
        uint64_t wall = c->mesh.peer[i]->beacon.wall_ms;
        unsigned at = n++;
        for (; at && walls[at - 1] > wall; at--)
            walls[at] = walls[at - 1];
        walls[at] = wall;
    }
    uint64_t median = walls[n / 2];
    return rule_holds(RULE_EPOCH) && c->highest_epoch + 1 > median ? c->highest_epoch + 1 : median;
}

/* R-PLEDGE: before a node proposes or accepts, it freezes every group of older epochs for good. */
void bootstrap_freeze(struct cluster *c)
{
    if (c->frozen || !c->meta.state)
        return;
    /* What was answered may be committed without this node's having heard of it. */
    if (c->meta.group && c->meta.whole)
        group_apply_tail(c->meta.group);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        partition_freeze(&c->partitions.at[i]);
    lease_end(c);
    controller_stop(c);
    c->frozen = true;
    c->frozen_ms = now_of(c);
    timer_stop(c->config.timers, &c->meta.tick);
}

/* R-LEASE: nothing is granted any more to who was declared dead; it comes back as another. */
static bool is_dead(const struct cluster *c, const struct peer *p)
{
    return c->meta.state && meta_is_dead(c->meta.state, p->hello.incarnation);
}

static void propose(struct cluster *c)
{
    struct bootstrap *f = &c->bootstrap;
    bool is_by_word = quorum(c) < seats_quorum(bootstrap_seats(c));
    f->offer = (struct peer_offer){
        .reform = c->phase == PHASE_STRANDED, .epoch = bootstrap_next_epoch(c), .left = is_by_word ? said_left(c) : 0};
    clock_random(c->config.clock, &f->offer.proposal, sizeof f->offer.proposal);
    if (f->offer.reform)
        f->offer.cluster_id = c->meta.state->cluster_id;
    else
        clock_random(c->config.clock, f->offer.cluster_id.b, sizeof f->offer.cluster_id.b);
    f->proposer = c->incarnation;
    f->invited_count = 0;
    if (f->offer.reform && rule_holds(RULE_PLEDGE))
        bootstrap_freeze(c);
    for (unsigned i = 0; i < c->mesh.peer_count && f->invited_count < META_MEMBERS_MAX - 1; i++) {
        const struct peer *p = c->mesh.peer[i];
        if (!takes_part(c, p) || is_dead(c, p) ||
            bootstrap_send(bootstrap_link(c, p->hello.incarnation), PEER_OFFER, code_offer_f, &f->offer))
            continue;
        f->invited[f->invited_count].incarnation = p->hello.incarnation;
        f->invited[f->invited_count++].accepted = false;
    }
    log_info(c->config.log, "cluster", "%s epoch %llu: proposing it to %u others",
             f->offer.reform ? "re-forming the cluster with" : "forming a cluster with",
             (unsigned long long)f->offer.epoch, f->invited_count);
    bootstrap_enter(c, FORM_OFFERED);
}

static void answer_offer(struct cluster *c, struct incarnation to, uint64_t proposal, bool accepted)
{
    struct peer_accept m = {proposal, accepted, c->meta.state ? cluster_now_ms(c) : 0};
    bootstrap_send(bootstrap_link(c, to), PEER_ACCEPT, code_accept_f, &m);
}

/* Acceptance is revocable: a lower incarnation wins. */
static bool may_accept(const struct cluster *c, const struct peer *p, const struct peer_offer *o)
{
    const struct bootstrap *f = &c->bootstrap;
    /* R-EPOCH: above all that was heard of, and of this age. */
    if (o->epoch <= c->highest_epoch || !cluster_believes_epoch(c, o->epoch))
        return false;
    if (f->stage == FORM_STARTED || !mesh_sees(&c->mesh, p))
        return false;
    /* R-SEATS: what the operator has said is not true at a node that hears more. */
    if (o->left && bootstrap_heard(c) > o->left)
        return false;
    if (f->stage != FORM_NONE && !is_lower(p->hello.incarnation, f->proposer) &&
        !incarnation_equal(p->hello.incarnation, f->proposer))
        return false;
    if (c->phase == PHASE_STRANDED)
        return o->reform && is_companion(c, p) && is_better_log(c, p);
    if (c->phase != PHASE_SEEKING)
        return false;
    return o->reform || !somebody_holds(c);
}

static int take_offer(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_offer o;
    code_offer(&coder, &o);
    if (coder_end(&coder))
        return coder.err;
    struct bootstrap *f = &c->bootstrap;
    struct incarnation from = l->peer->hello.incarnation;
    bool accepted = !c->meta.group || c->phase == PHASE_STRANDED ? may_accept(c, l->peer, &o) : false;
    if (accepted && f->stage == FORM_ACCEPTED && !incarnation_equal(from, f->proposer))
        answer_offer(c, f->proposer, f->offer.proposal, false);
    if (accepted) {
        f->offer = o;
        f->proposer = from;
        bootstrap_enter(c, FORM_ACCEPTED);
        if (o.reform && rule_holds(RULE_PLEDGE))
            bootstrap_freeze(c);
    }
    answer_offer(c, from, o.proposal, accepted);
    return 0;
}

static int take_accept(struct cluster *c, struct link *l, struct slice body)
{
    struct coder coder = coder_reader(body);
    struct peer_accept m;
    struct bootstrap *f = &c->bootstrap;
    code_accept(&coder, &m);
    if (coder_end(&coder))
        return coder.err;
    for (unsigned i = 0; f->stage == FORM_OFFERED && m.proposal == f->offer.proposal && i < f->invited_count; i++)
        if (incarnation_equal(f->invited[i].incarnation, l->peer->hello.incarnation)) {
            f->invited[i].accepted = m.accepted;
            if (f->offer.reform)
                cluster_hear_time(c, m.time_ms);
        }
    return 0;
}

unsigned bootstrap_accepted(const struct bootstrap *f)
{
    unsigned n = 1;
    for (unsigned i = 0; i < f->invited_count; i++)
        n += f->invited[i].accepted;
    return n;
}

/* --- messages --- */

int bootstrap_frame(struct cluster *c, struct link *l, unsigned kind, struct slice body)
{
    if (l->plane != PLANE_CONTROL || l->endpoint)
        return E_MALFORMED;
    switch (kind) {
    case PEER_OFFER:
        return take_offer(c, l, body);
    case PEER_ACCEPT:
        return take_accept(c, l, body);
    case PEER_START:
        return bootstrap_take_start(c, l, body);
    case PEER_JOIN:
        return body.len ? E_MALFORMED : bootstrap_take_join(c, l);
    default:
        return bootstrap_take_admit(c, l, body);
    }
}

/* --- time --- */

static bool may_start(const struct cluster *c)
{
    const struct bootstrap *f = &c->bootstrap;
    bool all = bootstrap_accepted(f) == f->invited_count + 1;
    /* Who was not offered it by the operator's word has not compared that with what it hears. */
    unsigned needed = f->offer.left ? quorum(c) : seats_quorum(bootstrap_seats(c));
    return bootstrap_accepted(f) >= needed && (all || for_ms(c) >= STRAGGLE_MS) &&
           (!f->offer.reform || missing_are_gone(c));
}

static void tick_seeking(struct cluster *c)
{
    struct bootstrap *f = &c->bootstrap;
    note_quorum(c);
    cluster_note_waiting(c);
    /* Who is stranded in the epoch that another leads may have been declared dead in it: the leader says so. */
    if (f->stage == FORM_NONE && now_of(c) - f->joined_ms >= JOIN_MS)
        bootstrap_ask_to_join(c);
    if (f->stage == FORM_NONE && may_propose(c))
        propose(c);
    else if (f->stage == FORM_OFFERED && may_start(c))
        bootstrap_start(c);
    else if (f->stage == FORM_OFFERED && for_ms(c) >= OFFER_MS)
        bootstrap_enter(c, FORM_NONE);
    else if (f->stage == FORM_ACCEPTED && for_ms(c) >= OFFER_MS) {
        answer_offer(c, f->proposer, f->offer.proposal, false);
        bootstrap_enter(c, FORM_NONE);
    }
}

/* Started, and no leader: with nothing to lose it seeks again, else it is stranded. */
static void tick_forming(struct cluster *c)
{
    if (now_of(c) < c->bootstrap.abandon_ms || c->meta.was_led)
        return;
    log_warn(c->config.log, "cluster", "no leader was elected in epoch %llu: giving it up",
             (unsigned long long)c->meta.state->epoch);
    c->bootstrap.abandoned++;
    bool holds = c->meta.state->partition[0].generation != 0;
    if (holds) {
        cluster_set_phase(c, PHASE_STRANDED);
        bootstrap_begin(c);
    } else {
        cluster_forget(c, false); /* the next forming draws new ids */
    }
}

/* Admitted, but nothing comes: whatever it was told in between, its id is not used again (rule 1). */
static void tick_joining(struct cluster *c)
{
    if (for_ms(c) >= 2 * c->times.stranded_after)
        cluster_decide_next(c, NEXT_STRANGER);
}

static void on_tick(struct timer *t)
{
    struct cluster *c = LIST_ENTRY(t, struct cluster, bootstrap.tick);
    timer_start(c->config.timers, t, TICK_MS);
    if (c->phase == PHASE_SEEKING || c->phase == PHASE_STRANDED)
        tick_seeking(c);
    else if (c->phase == PHASE_FORMING)
        tick_forming(c);
    else if (c->phase == PHASE_JOINING)
        tick_joining(c);
}
