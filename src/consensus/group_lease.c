/* SPDX-License-Identifier: Apache-2.0 */
/* R-READ: reads by lease, and what they rest on.
 *
 *     leader   sends, at t of its clock ......................... reads until t + rules_lease_ms()
 *     voter         receives, at u of its clock: promises .............. votes for nobody else before u + election_ms
 *
 * A voter that answers a leader keeps its vote for it. While a majority of the voters in force keeps it, nobody else
 * can be elected, so nobody else can have acknowledged a write, and what the leader has applied is the latest state.
 * The leader's time is the shorter one, also where its clock is slow and the voter's fast, and it began before the
 * voter's: a message is not received before it is sent.
 *
 * The library has habits of its own that look like this (a follower with a leader refuses votes), but it counts from
 * the caller's clock, which may lag, and it forgets: so the promise is kept here, before a message reaches it. */
#include "consensus/group_impl.h"

#include "base/rule.h"

/* The clock of now_ms, but of this moment: a turn of the loop may have taken long, or the process may have been stopped
 * in the middle of it. */
static uint64_t moment_ms(const struct group *g)
{
    uint64_t ms = g->hooks->clock_ms(g->arg);
    return ms > g->now_ms ? ms : g->now_ms;
}

/* --- the voter --- */

void group_promise_to(struct group *g, uint64_t leader, uint64_t term)
{
    g->promise = (struct rules_promise){leader, term, moment_ms(g) + g->election_ms};
    g->gone_until_ms = 0; /* it lives */
}

bool group_promise(struct group *g, uint64_t leader, uint64_t term)
{
    if (g->broken || group_term(g) != term || group_leader(g) != leader)
        return false;
    group_promise_to(g, leader, term);
    return true;
}

bool group_may_vote(struct group *g, const struct raft_msg *m)
{
    if (!rules_may_vote(&g->promise, g->now_ms, m))
        return false;
    /* The leader has not been heard for an election time-out, or asks itself. The library would still refuse, until
     * this voter stands for election: the last of the voters, not the first, would decide when somebody is elected. */
    if (g->raft.state == RAFT_FOLLOWER && m->term > g->raft.current_term && !m->vote.disrupt_leader)
        g->raft.follower_state.current_leader.id = 0;
    return true;
}

bool group_may_obey(const struct group *g, const struct raft_msg *m)
{
    return rules_may_stand(&g->promise, g->now_ms) || (m->source == g->promise.leader && m->term == g->promise.term);
}

/* --- a leader that is gone --- */

/* Two voters do not ask for votes at the same moment: the place in the configuration decides who is first. */
#define PLACE_MS 5
/* A voter that heard the leader later keeps its promise for longer: it is asked again so soon. */
#define AGAIN_MS 25

/* Among the voters that are left. False: this replica is none. */
static bool find_place(const struct group *g, uint64_t gone, unsigned *place)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(g, m);
    *place = 0;
    for (unsigned i = 0; i < n; i++) {
        if (m[i].role != GROUP_VOTER || m[i].id == gone)
            continue;
        if (m[i].id == g->raft.id)
            return true;
        ++*place;
    }
    return false;
}

void group_leader_is_gone(struct group *g, uint64_t now_ms, uint64_t id)
{
    unsigned place;
    if (g->broken || leads(g) || g->promise.leader != id || g->gone_until_ms || !find_place(g, id, &place))
        return;
    uint64_t free_ms = g->promise.until_ms > now_ms ? g->promise.until_ms : now_ms;
    g->stagger_ms = PLACE_MS * place;
    g->stand_ms = free_ms + g->stagger_ms;
    g->gone_until_ms = free_ms + UINT64_C(2) * g->election_ms;
}

/* While the leader is gone. A candidate that has been promised votes, and only has to get them, waits for longer: each
 * try costs a term, and votes on their way do not count in the next. */
static uint64_t hastened_ms(const struct group *g)
{
    if (g->raft.state != RAFT_CANDIDATE)
        return g->stand_ms;
    unsigned wait = g->raft.candidate_state.in_pre_vote ? AGAIN_MS : g->heartbeat_ms;
    return g->raft.election_timer_start + wait + g->stagger_ms;
}

uint64_t group_stand_ms(const struct group *g)
{
    uint64_t due = raft_timeout(&g->raft);
    if (g->gone_until_ms && hastened_ms(g) < due)
        due = hastened_ms(g);
    return due > g->promise.until_ms || !rule_holds(RULE_READ_PROMISE) ? due : g->promise.until_ms;
}

void group_hasten_stand(struct group *g)
{
    if (!g->gone_until_ms || leads(g))
        return;
    if (g->now_ms >= g->gone_until_ms) { /* nobody was elected: from now on by chance, as usual */
        g->gone_until_ms = 0;
        return;
    }
    if (g->now_ms < hastened_ms(g))
        return;
    /* Followers and candidates have it in the same place: their time-out has passed once it is 0. */
    g->raft.follower_state.randomized_election_timeout = 0;
    g->stand_ms = g->now_ms + AGAIN_MS + g->stagger_ms;
}

/* --- the leader --- */

void group_begin_lease(struct group *g)
{
    memset(g->promised, 0, sizeof g->promised);
    g->read_until_ms = 0;
    g->reads_ended = false;
    g->gone_until_ms = 0;
}

static struct promised *find_promised(struct group *g, uint64_t id)
{
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
        if (g->promised[i].id == id || !g->promised[i].id)
            return &g->promised[i];
    return NULL;
}

/* There are as many places as members: a full table holds some that are members no longer. */
static struct promised *place_for(struct group *g, uint64_t id)
{
    struct promised *p = find_promised(g, id);
    if (p)
        return p;
    memset(g->promised, 0, sizeof g->promised);
    return &g->promised[0];
}

void group_hear_promise(struct group *g, uint64_t id, uint64_t term, uint64_t stamp_ms)
{
    if (!group_leads(g) || term != group_term(g) || !stamp_ms)
        return;
    if (!rule_holds(RULE_READ_SENT))
        stamp_ms = moment_ms(g);
    struct promised *p = place_for(g, id);
    p->id = id;
    if (stamp_ms > p->stamp_ms)
        p->stamp_ms = stamp_ms;
}

static uint64_t promised_by(struct group *g, uint64_t id)
{
    const struct promised *p = find_promised(g, id);
    return p && p->id == id ? p->stamp_ms : 0;
}

/* Of the configuration in force, also where it is not committed: the one before it, by whose majority another could be
 * elected, differs in one voter, so that each majority of the one has a voter in each majority of the other. Who has
 * just been added has answered nothing. */
static uint64_t lease_end(struct group *g, uint64_t now_ms)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    uint64_t stamps[GROUP_MEMBERS_MAX]; /* of voters, the latest first */
    unsigned n = group_members(g, m), voters = 0;
    for (unsigned i = 0; i < n; i++) {
        if (m[i].role != GROUP_VOTER)
            continue;
        uint64_t stamp = m[i].id == g->raft.id ? now_ms : promised_by(g, m[i].id);
        unsigned at = voters++;
        for (; at && stamps[at - 1] < stamp; at--)
            stamps[at] = stamps[at - 1];
        stamps[at] = stamp;
    }
    return voters && stamps[voters / 2] ? stamps[voters / 2] + rules_lease_ms(g->election_ms) : 0;
}

bool group_may_read(struct group *g)
{
    if (!group_leads(g) || (g->reads_ended && rule_holds(RULE_READ_TRANSFER)))
        return false;
    /* Rule 9: before that, what an earlier leader acknowledged may not be applied here. */
    if (group_applied_term(g) != group_term(g) && rule_holds(RULE_RAFT_9))
        return false;
    uint64_t now = moment_ms(g);
    if (now >= g->read_until_ms)
        g->read_until_ms = lease_end(g, now);
    return now < g->read_until_ms;
}
