/* SPDX-License-Identifier: Apache-2.0 */
/* The meta leader's work: leases, deaths and seats; admissions are in bootstrap_join.c. What it knows of members here
 * is from their renewals, and forgotten when it leads no more; what it decides is proposed to the meta group, one
 * command at a time. */
#include "cluster/health.h"

#include "base/rule.h"

#include <stdlib.h>

/* How often it looks whether something is to be done that no message tells. */
#define DUTY_MS 100

static void on_duty(struct timer *t)
{
    struct cluster *c = LIST_ENTRY(t, struct cluster, controller.duty);
    c->controller.dirty = true; /* cluster_turn() follows */
    timer_start(c->config.timers, &c->controller.duty, DUTY_MS);
}

void controller_init(struct controller *o)
{
    timer_init(&o->duty, on_duty);
}

void controller_stop(struct cluster *c)
{
    struct controller *o = &c->controller;
    timer_stop(c->config.timers, &o->duty);
    while (o->view_count)
        free(o->view[--o->view_count]);
    memset(o->partition, 0, sizeof o->partition);
    o->leads = o->settled = false;
    o->since_ms = o->turn_ms = o->busy_index = o->seen_index = o->handed_ms = 0;
}

struct member_view *controller_member_view(struct cluster *c, uint64_t member)
{
    for (unsigned i = 0; i < c->controller.view_count; i++)
        if (c->controller.view[i]->member == member)
            return c->controller.view[i];
    return NULL;
}

/* --- leases --- */

static void take_replica(struct cluster *c, struct member_view *w, const struct peer_replica *r)
{
    if (r->partition >= META_PARTITIONS_MAX)
        return;
    if (r->no_room)
        w->full_ms = now_of(c);
    w->replica[r->partition] = (struct replica_view){.generation = r->generation,
                                                     .replica = r->replica,
                                                     .whole = r->whole,
                                                     .frozen = r->frozen,
                                                     .broken = r->broken,
                                                     .no_room = r->no_room,
                                                     .last_term = r->last_term,
                                                     .last_index = r->last_index,
                                                     .keys = r->keys};
    struct partition_view *p = &c->controller.partition[r->partition];
    if (!r->leads || (p->generation == r->generation && p->term > r->last_term)) /* it led once */
        return;
    if (r->generation == c->meta.state->partition[r->partition].generation)
        c->keys_counted[r->partition] = r->keys;
    p->generation = r->generation;
    p->leader = r->replica;
    p->term = r->last_term;
    p->heard_ms = now_of(c);
    p->count = 0;
    for (unsigned i = 0; i < r->member_count && i < META_REPLICAS_MAX; i++) {
        p->member[p->count] =
            (struct group_member){r->member[i].replica, r->member[i].voter ? GROUP_VOTER : GROUP_SPARE};
        p->lag[p->count++] = r->member[i].lag;
    }
}

void controller_known(struct cluster *c, uint64_t member, uint64_t applied)
{
    struct member_view *w = c->controller.leads ? controller_member_view(c, member) : NULL;
    if (!w || applied <= w->known)
        return;
    w->known = applied;
    c->meta.dirty = true; /* changes of the catalog may be answered now */
}

void controller_renewed(struct cluster *c, const struct peer_renew *r, struct slice replicas)
{
    struct member_view *w = c->controller.leads ? controller_member_view(c, r->member) : NULL;
    if (!w)
        return;
    w->heard_ms = now_of(c);
    w->renewed = true;
    w->applied = r->applied;
    controller_known(c, r->member, r->applied);
    w->memory_used = r->memory_used;
    w->memory_limit = r->memory_limit;
    w->unreachable = r->unreachable;
    w->leaving = r->leaving;
    memset(w->replica, 0, sizeof w->replica);
    struct coder coder = coder_reader(replicas);
    for (unsigned i = 0; i < r->replica_count && !coder.err; i++) {
        struct peer_replica one;
        code_replica(&coder, &one);
        take_replica(c, w, &one);
    }
    c->meta.dirty = c->controller.dirty = true;
    w->due = true;
    w->sent_ms = r->sent_ms;
}

/* One that is under way is not put off by a later renewal: where these come faster than rounds are answered, none would
 * ever be granted. What it was sent with may be lost, so not for ever. */
static bool is_under_way(const struct cluster *c, const struct member_view *w)
{
    return w->asked && w->term == group_term(c->meta.group) && w->round > c->meta.rounds.confirmed &&
           now_of(c) - w->round_ms < c->times.lease / RENEWALS_PER_LEASE;
}

/* R-LEASE: the first of an epoch comes when none of an older one can be valid any more; and each only after a round of
 * the meta quorum that was begun after the renewal came in. */
static void ask_rounds(struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count && now_of(c) >= c->lease.hold_ms; i++) {
        struct member_view *w = c->controller.view[i];
        if (!w->due || is_under_way(c, w) ||
            read_index_ask(&c->meta.rounds, c->meta.group, &w->term, &w->round, &w->index))
            continue;
        w->due = false;
        w->asked = true;
        w->round_ms = now_of(c);
        w->asked_ms = w->sent_ms;
        c->meta.dirty = true;
    }
}

static struct peer_load load_of(const struct cluster *c, const struct member_view *w)
{
    uint64_t applied = group_applied_index(c->meta.group);
    struct peer_load load = {.member = w->member,
                             .memory_used = w->memory_used,
                             .memory_limit = w->memory_limit,
                             .lag = applied > w->applied ? applied - w->applied : 0,
                             .suspect = controller_is_suspect(c, w)};
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        load.keys += w->replica[i].keys;
    return load;
}

static void fill_grant(const struct cluster *c, const struct member_view *w, struct peer_grant *g)
{
    *g = (struct peer_grant){.epoch = c->meta.state->epoch,
                             .sent_ms = w->asked_ms,
                             .index = w->index,
                             .settled = c->controller.settled,
                             .time_ms = cluster_now_ms(c)};
    g->cluster_id = c->meta.state->cluster_id;
    for (unsigned i = 0; i < c->controller.view_count && g->member_count < PEER_SEATS_MAX; i++)
        g->member[g->member_count++] = load_of(c, c->controller.view[i]);
    g->partition_count = partitions_of(c);
    memcpy(g->keys, c->keys_counted, g->partition_count * sizeof g->keys[0]);
}

static void grant(struct cluster *c, struct member_view *w)
{
    struct peer_grant g;
    fill_grant(c, w, &g);
    w->asked = false;
    w->granted = true;
    w->lease_until_ms = precise_now_of(c) + c->times.lease; /* it was sent before this */
    if (w->member == c->meta.self) {
        lease_take_grant(c, &g);
        return;
    }
    struct link *l = cluster_link(c, w->member, PLANE_CONTROL);
    struct buf *out = link_begin(l, PEER_GRANT);
    if (!out)
        return;
    struct coder coder = coder_writer(out);
    code_grant(&coder, &g);
    link_end(l, coder.err);
}

static void grant_confirmed(struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        struct member_view *w = c->controller.view[i];
        if (w->asked && w->round <= c->meta.rounds.confirmed && c->meta.rounds.term == group_term(c->meta.group))
            grant(c, w);
    }
}

/* --- who is watched --- */

static struct member_view *watch_add(struct cluster *c, uint64_t member)
{
    struct controller *o = &c->controller;
    struct member_view *w = o->view_count < META_MEMBERS_MAX ? calloc(1, sizeof *w) : NULL;
    if (!w)
        return NULL;
    w->member = member;
    w->heard_ms = now_of(c); /* what came before this node led is not known */
    w->lease_until_ms = precise_now_of(c) + c->times.lease;
    o->view[o->view_count++] = w;
    return w;
}

/* Whoever has left, or comes back after it was given up, hears of it here: its replica of the meta group is told no
 * more. */
static void tell_gone(const struct cluster *c, uint64_t member)
{
    const struct meta_state *s = c->meta.state;
    for (unsigned i = 0; i < s->dead_count; i++)
        if (s->dead[i].id == member)
            lease_say_dead(c, s->dead[i].incarnation);
}

static void watch_members(struct cluster *c)
{
    struct controller *o = &c->controller;
    for (unsigned i = 0; i < c->meta.state->member_count; i++)
        if (!controller_member_view(c, c->meta.state->member[i].id))
            watch_add(c, c->meta.state->member[i].id);
    for (unsigned i = 0; i < o->view_count;)
        if (meta_member(c->meta.state, o->view[i]->member)) {
            i++;
        } else {
            tell_gone(c, o->view[i]->member);
            free(o->view[i]);
            o->view[i] = o->view[--o->view_count];
        }
}

static bool is_cut_off(const struct cluster *c, const struct member_view *w)
{
    unsigned at = 0, complain = 0, asked = 0;
    while (at < c->meta.state->member_count && c->meta.state->member[at].id != w->member)
        at++;
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        const struct member_view *o = c->controller.view[i];
        if (o == w || !o->renewed || now_of(c) - o->heard_ms > c->times.lease)
            continue;
        /* Its bits are by the places in the member table as it knew that. */
        if (o->applied < c->meta.members_index)
            continue;
        asked++;
        complain += (unsigned)(o->unreachable >> at & 1);
    }
    return asked > 1 && complain > asked / 2;
}

static void note_cut_off(struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        struct member_view *w = c->controller.view[i];
        if (!is_cut_off(c, w))
            w->cut_off_ms = 0;
        else if (!w->cut_off_ms)
            w->cut_off_ms = now_of(c);
    }
}

/* Silent for a lease and its margin, or its address is another's; or a majority cannot reach it on 8099 for so long. */
bool controller_is_suspect(const struct cluster *c, const struct member_view *w)
{
    const struct member *m = meta_member(c->meta.state, w->member);
    if (w->member != c->meta.self && m && cluster_proves_dead(c, m))
        return true;
    uint64_t silent = now_of(c) - w->heard_ms, cut_off = w->cut_off_ms ? now_of(c) - w->cut_off_ms : 0;
    return silent > c->times.lease + c->times.margin || cut_off > c->times.lease + c->times.margin;
}

/* --- deaths --- */

/* R-LEASE: a new meta leader declares nobody dead before every lease that another may have granted is over. */
static bool may_declare(const struct cluster *c)
{
    return c->controller.since_ms && now_of(c) - c->controller.since_ms >= c->times.lease + c->times.margin;
}

/* By renewals, or anything else. */
static uint64_t heard_ms(const struct cluster *c, const struct member_view *w, const struct member *m)
{
    const struct peer *p = mesh_peer(&c->mesh, m->incarnation);
    uint64_t heard = p && p->heard_ms > w->heard_ms ? p->heard_ms : w->heard_ms;
    return p && p->answered_ms > heard ? p->answered_ms : heard;
}

/* R-GONE: its lease has run out, and what it holds will not come back. */
static bool is_gone(const struct cluster *c, const struct member_view *w, const struct member *m)
{
    uint64_t heard = heard_ms(c, w, m);
    bool over = now_of(c) - heard > c->times.lease + c->times.margin;
    return (over || !rule_holds(RULE_GONE_LEASE)) && gone_is_named(c, m, heard);
}

static void ask_who_is_gone(const struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        const struct member_view *w = c->controller.view[i];
        const struct member *m = meta_member(c->meta.state, w->member);
        if (m && m->id != c->meta.self)
            gone_ask(c, m, heard_ms(c, w, m));
    }
}

/* Why that member is dead; NULL: it is not, as far as is known. */
static const char *why_dead(const struct cluster *c, const struct member_view *w, const struct member *m)
{
    if (w->member == c->meta.self)
        return NULL;
    if (now_of(c) - w->heard_ms >= c->times.lost_after)
        return "it was silent for too long";
    if (cluster_proves_dead(c, m))
        return "another has its address";
    return is_gone(c, w, m) ? "it is silent, and the orchestrator does not list it any more" : NULL;
}

static bool next_death(struct cluster *c, struct meta_command *m)
{
    char name[MEMBER_NAME_MAX];
    for (unsigned i = 0; may_declare(c) && i < c->controller.view_count; i++) {
        const struct member_view *w = c->controller.view[i];
        const struct member *who = meta_member(c->meta.state, w->member);
        const char *why = who ? why_dead(c, w, who) : NULL;
        if (!why)
            continue;
        log_warn(c->config.log, "cluster", "%s (member %llu) is dead: %s", member_name(who, name),
                 (unsigned long long)who->id, why);
        *m = (struct meta_command){.kind = META_REMOVE_MEMBER, .member = who->id};
        return true;
    }
    return false;
}

bool controller_is_live(struct cluster *c, uint64_t member)
{
    const struct member *m = meta_member(c->meta.state, member);
    const struct member_view *w = controller_member_view(c, member);
    return m && w && m->state == MEMBER_LIVE && !w->leaving && !controller_is_suspect(c, w);
}

/* It has taken up its part, for only who has the state renews. Who was admitted may never have heard so, and a seat
 * that is given to it is given to nobody. */
bool controller_can_sit(struct cluster *c, uint64_t member)
{
    const struct member_view *w = controller_member_view(c, member);
    return controller_is_live(c, member) && w->renewed;
}

/* --- leaving --- */

bool controller_holds_replicas(const struct cluster *c, uint64_t member)
{
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (meta_replica_of(&c->meta.state->partition[i], member) ||
            controller_keeps(&c->meta.state->partition[i], member))
            return true;
    return false;
}

static bool somebody_can_sit(struct cluster *c)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(c->meta.group, m);
    for (unsigned i = 0; i < n; i++)
        if (m[i].role != GROUP_VOTER && controller_can_sit(c, m[i].id))
            return true;
    return false;
}

/* R-LEAVE: it keeps its seat while, without it, those that are heard would be no majority: some that count as here may
 * have just failed. One that joins may take it over yet. */
static bool is_needed(struct cluster *c, uint64_t member)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(c->meta.group, m), seats = 0, here = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct member *who = meta_member(c->meta.state, m[i].id);
        seats += m[i].role == GROUP_VOTER;
        here +=
            m[i].role == GROUP_VOTER && m[i].id != member && controller_is_here(c, m[i].id) && cluster_hears(c, who);
    }
    return here < seats_quorum(seats);
}

static bool may_go(struct cluster *c, const struct member *who)
{
    if (who->state != MEMBER_LEAVING || who->id == c->meta.self || controller_holds_replicas(c, who->id))
        return false;
    return !meta_has_seat(c, who->id) || !(somebody_can_sit(c) || is_needed(c, who->id));
}

/* Who leaves gives up leadership, seat and replicas first. */
static bool next_leave(struct cluster *c, struct meta_command *m)
{
    char name[MEMBER_NAME_MAX];
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        const struct member_view *w = c->controller.view[i];
        const struct member *who = meta_member(c->meta.state, w->member);
        bool begins = who && w->leaving && who->state == MEMBER_LIVE;
        bool is_done = who && may_go(c, who);
        if (!begins && !is_done)
            continue;
        log_info(c->config.log, "cluster", "%s (member %llu) %s", member_name(who, name), (unsigned long long)who->id,
                 begins ? "leaves: its replicas and its seat are given to others" : "has left");
        *m = (struct meta_command){.kind = begins ? META_LEAVE : META_REMOVE_MEMBER, .member = who->id};
        return true;
    }
    return false;
}

/* The seat of a member that stays, with the most of the log; 0: there is none. */
static uint64_t find_heir(struct cluster *c)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(c->meta.group, m);
    uint64_t best = 0, best_match = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t match = group_match_index(c->meta.group, m[i].id);
        if (m[i].role == GROUP_VOTER && m[i].id != c->meta.self && match > best_match &&
            controller_is_live(c, m[i].id) && !cluster_is_leaving(c, m[i].id)) {
            best = m[i].id;
            best_match = match;
        }
    }
    return best;
}

/* R-LEAVE: a leader that leaves lets another lead, before anything else, which then sees it off. Where that fails it
 * goes on for a while as it can. */
static void hand_over(struct cluster *c)
{
    struct controller *o = &c->controller;
    uint64_t heir = cluster_is_leaving(c, c->meta.self) ? find_heir(c) : 0;
    if (!heir || (o->handed_ms && now_of(c) - o->handed_ms < 4 * (uint64_t)c->times.election))
        return;
    o->handed_ms = now_of(c);
    group_transfer(c->meta.group, now_of(c), heir);
}

/* --- the turn --- */

static void begin(struct cluster *c)
{
    controller_stop(c);
    c->controller.leads = true;
    watch_members(c);
    timer_start(c->config.timers, &c->controller.duty, DUTY_MS);
    log_info(c->config.log, "cluster", "leading the cluster (epoch %llu, term %llu)",
             (unsigned long long)c->meta.state->epoch, (unsigned long long)group_term(c->meta.group));
    lease_renew_now(c);
}

/* An id that a phantom is to have: never given out before, nor again (R-ID). */
static bool next_id(const struct cluster *c, struct meta_command *m)
{
    if (!c->controller.wants_id || c->meta.taken_id)
        return false;
    *m = (struct meta_command){.kind = META_TAKE_ID};
    return true;
}

static bool next_tickets(const struct cluster *c, struct meta_command *m)
{
    const struct ticket_secrets *t = &c->meta.state->tickets;
    if (!c->config.tickets_ms || cluster_now_ms(c) < t->rotated_ms + c->config.tickets_ms)
        return false;
    *m = (struct meta_command){.kind = META_TICKETS, .generation = t->generation, .time_ms = cluster_now_ms(c)};
    clock_random(c->config.clock, m->random, sizeof m->random);
    return true;
}

static bool next_command(struct cluster *c, struct meta_command *m)
{
    return next_death(c, m) || next_id(c, m) || controller_raise_seats(c, m) || next_leave(c, m) ||
           next_tickets(c, m) || controller_rebuild(c, m) || controller_place(c, m);
}

static void decide(struct cluster *c)
{
    struct controller *o = &c->controller;
    static const struct meta_command none;
    struct meta_command m = none;
    if (o->busy_index && group_applied_index(c->meta.group) < o->busy_index)
        return;
    o->busy_index = 0;
    if (next_command(c, &m) && meta_propose(c, &m, &o->busy_index))
        o->busy_index = 0;
}

/* R-READY: those who wait to be ready hear so at once, by their last grant again: the lease that it gives is the same.
 */
static void tell_settled(struct cluster *c)
{
    for (unsigned i = 0; i < c->controller.view_count; i++) {
        struct member_view *w = c->controller.view[i];
        if (w->granted && !w->asked) /* else the next one is on its way */
            grant(c, w);
    }
}

/* What depends on more than the messages of this turn. */
static void do_duty(struct cluster *c)
{
    c->controller.dirty = false;
    watch_members(c);
    note_cut_off(c);
    cluster_note_members(c);
    hand_over(c);
    if (group_is_transferring(c->meta.group))
        return;
    controller_arrange_seats(c);
    ask_who_is_gone(c);
    decide(c);
    bool settled = controller_settled(c), is_news = settled && !c->controller.settled;
    c->controller.settled = settled;
    if (is_news)
        tell_settled(c);
}

/* After a sleep of this node's own, with its host or in the hands of a debugger, nobody has been silent but itself: all
 * that the others have said meanwhile is still to be read. */
static void note_sleep(struct cluster *c)
{
    struct controller *o = &c->controller;
    uint64_t now = now_of(c);
    bool slept = o->turn_ms && now - o->turn_ms > c->times.lease;
    for (unsigned i = 0; slept && i < o->view_count; i++)
        o->view[i]->heard_ms = now;
    o->turn_ms = now;
}

void controller_turn(struct cluster *c)
{
    struct controller *o = &c->controller;
    if (c->frozen || !group_leads(c->meta.group)) {
        if (o->leads)
            controller_stop(c);
        return;
    }
    if (!o->leads)
        begin(c);
    note_sleep(c);
    if (!o->since_ms && group_has_committed_own(c->meta.group)) {
        o->since_ms = now_of(c);
        o->dirty = true;
    }
    if (!o->since_ms)
        return;
    if (group_applied_index(c->meta.group) != o->seen_index) /* a change of seats, too: the next one may follow */
        o->dirty = true;
    o->seen_index = group_applied_index(c->meta.group);
    grant_confirmed(c);
    ask_rounds(c);
    meta_turn(c); /* of a group of one the round is over with its question */
    grant_confirmed(c);
    if (o->dirty)
        do_duty(c);
    meta_turn(c); /* what was proposed leaves in this turn */
}
