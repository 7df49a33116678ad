/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/configuration.h"
#include "consensus/group_impl.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/rule.h"
#include "consensus/rules.h"

#include <stdlib.h>

/* Entries on their way to a follower: more than any log holds, as its bytes are bounded. */
#define INFLIGHT_MAX (1u << 20)
/* Proposals that wait for the end of the turn. */
#define QUEUE_MAX 65536
/* Catching up takes as long as its copy, which has its own ways to fail. */
#define CATCH_UP_MS 600000

/* --- the library's step, and what it asks for --- */

void group_break(struct group *g, const char *why)
{
    if (!g->broken)
        g->broken = why;
}

/* Of our own making, or, where the library makes an empty one of 8 bytes, without a blob. */
static struct entry keep_entry(const struct raft_entry *e)
{
    struct entry out = {.term = e->term, .type = (uint8_t)e->type};
    if (e->batch == e->buf.base) {
        raft_free(e->batch);
        return out;
    }
    out.data = slice_make(e->buf.base, e->buf.len);
    out.blob = blob_get(e->batch);
    return out;
}

static void take_entries(struct group *g, const struct raft_update *u)
{
    if (u->entries.index <= g->log.last)
        entry_log_truncate(&g->log, u->entries.index);
    ASSERT(u->entries.index == g->log.last + 1);
    for (unsigned i = 0; i < u->entries.n; i++) {
        struct entry e = keep_entry(&u->entries.batch[i]);
        entry_log_append(&g->log, &e);
        if (e.type == ENTRY_CHANGE) {
            g->news |= GROUP_NEWS_MEMBERS;
            g->read_until_ms = 0; /* R-READ: of another majority from now on */
        }
    }
    g->tell_stored = true;
}

static void take_snapshot(struct group *g, const struct raft_update *u)
{
    g->snapshot = u->snapshot.metadata;
    g->installing = true;
    entry_log_reset(&g->log, g->snapshot.index, g->snapshot.term);
    g->applied = g->snapshot.index;
    g->news |= GROUP_NEWS_MEMBERS;
    g->hooks->installed(g->arg, g->applied);
}

/* One event. 0, or the library's refusal. Room for the entries it may add was made before. */
int group_step(struct group *g, struct raft_event *event)
{
    struct raft_update u = {0};
    event->time = g->now_ms;
    int rv = raft_step(&g->raft, event, &u);
    if (rv)
        return rv;
    if (u.flags & RAFT_UPDATE_ENTRIES)
        take_entries(g, &u);
    if (u.flags & RAFT_UPDATE_SNAPSHOT)
        take_snapshot(g, &u);
    /* They lie in the library's array, which the next step overwrites. */
    if (u.flags & RAFT_UPDATE_MESSAGES)
        for (unsigned i = 0; i < u.messages.n && !g->broken; i++)
            group_send_message(g, &u.messages.batch[i]);
    if (u.flags & (RAFT_UPDATE_STATE | RAFT_UPDATE_CURRENT_TERM))
        g->news |= GROUP_NEWS_LEADERSHIP;
    if (u.flags & RAFT_UPDATE_STATE && leads(g))
        g->elected = true;
    return 0;
}

void group_step_or_break(struct group *g, struct raft_event *event)
{
    int rv = group_step(g, event);
    if (rv)
        group_break(g, raft_strerror(rv));
}

/* What is stored in memory is stored at once. */
static void tell_stored(struct group *g)
{
    struct raft_event e = {.type = RAFT_PERSISTED_ENTRIES, .persisted_entries.index = g->log.last};
    g->tell_stored = false;
    group_step_or_break(g, &e);
}

static void tell_installed(struct group *g)
{
    struct raft_event e = {
        .type = RAFT_PERSISTED_SNAPSHOT, .persisted_snapshot.metadata = g->snapshot, .persisted_snapshot.last = true};
    g->installing = false;
    group_step_or_break(g, &e);
}

/* Rules 3 and 9: the library appends an entry of its own term only where it has uncommitted ones. */
static void begin_term(struct group *g)
{
    g->elected = false;
    g->told = 0;
    memset(g->copies, 0, sizeof g->copies);
    group_begin_lease(g);
    g->beat_ms = g->now_ms + g->heartbeat_ms;
    if (entry_log_term(&g->log, g->log.last) == g->raft.current_term || !rule_holds(RULE_RAFT_3))
        return;
    struct raft_entry barrier = {.term = g->raft.current_term, .type = RAFT_BARRIER, .batch = blob_create(0)};
    struct raft_event e = {.type = RAFT_SUBMIT, .submit.entries = &barrier, .submit.n = 1};
    if (!barrier.batch || entry_log_reserve(&g->log, 1)) {
        group_break(g, "out of memory");
        blob_put(barrier.batch);
        return;
    }
    barrier.buf.base = ((struct blob *)barrier.batch)->data;
    group_step_or_break(g, &e);
    blob_put(barrier.batch);
}

static void apply_change(struct group *g, const struct entry *change)
{
    struct raft_event e = {.type = RAFT_CONFIGURATION, .configuration.index = g->applied};
    if (configuration_decode(change->data, &e.configuration.conf))
        group_break(g, "out of memory");
    else
        group_step_or_break(g, &e);
    g->news |= GROUP_NEWS_MEMBERS;
}

static bool apply_next(struct group *g)
{
    if (g->applied >= raft_commit_index(&g->raft))
        return false;
    g->applied++;
    const struct entry *e = entry_log_at(&g->log, g->applied);
    if (e->type == ENTRY_COMMAND)
        g->hooks->apply(g->arg, g->applied, e);
    else if (e->type == ENTRY_CHANGE)
        apply_change(g, e);
    return true;
}

/* Nothing is serialized: a copy is made when somebody needs it, of what is then. Half of what is allowed stays for
 * followers that are a little behind. */
static void compact(struct group *g)
{
    size_t bytes = g->log.bytes;
    uint64_t end = group_disposable(g), upto = g->log.first - 1;
    while (upto < end && bytes > g->log_max / 2) {
        upto++;
        bytes -= entry_log_at(&g->log, upto)->data.len + sizeof(struct entry);
    }
    if (upto < g->log.first || g->applied == g->raft.trail.snapshot.index)
        return;
    struct raft_event e = {.type = RAFT_SNAPSHOT, .snapshot.trailing = (unsigned)(g->applied - upto)};
    e.snapshot.metadata.index = g->applied;
    e.snapshot.metadata.term = entry_log_term(&g->log, g->applied);
    e.snapshot.metadata.configuration_index = g->raft.configuration_committed_index;
    raft_configuration_init(&e.snapshot.metadata.configuration); /* the library keeps the one that it has */
    group_step_or_break(g, &e);
    entry_log_trim(&g->log, upto);
}

/* Until nothing follows from what has happened. */
void group_settle(struct group *g)
{
    bool more = true;
    while (more && !g->broken) {
        more = true;
        if (g->tell_stored)
            tell_stored(g);
        else if (g->installing)
            tell_installed(g);
        else if (g->elected)
            begin_term(g);
        else
            more = apply_next(g);
    }
    if (!g->broken && g->log.bytes > g->log_max)
        compact(g);
}

void group_enter(struct group *g, uint64_t now_ms)
{
    ASSERT(!g->busy); /* a hook called back */
    g->busy = true;
    /* Rule 8. The caller's clock does not go back; where ours came from is not the library's concern. */
    if (rule_holds(RULE_RAFT_8))
        ASSERT(now_ms >= g->now_ms);
    g->now_ms = now_ms;
}

void group_leave(struct group *g)
{
    group_settle(g);
    /* A follower learns of its leader without a change of state or term. */
    if (group_leader(g) != g->leader_told)
        g->news |= GROUP_NEWS_LEADERSHIP;
    g->leader_told = group_leader(g);
    unsigned news = g->news;
    g->news = 0;
    if (news && !g->broken)
        g->hooks->news(g->arg, news);
    if (g->broken && !g->broken_told) {
        g->broken_told = true;
        g->hooks->broken(g->arg, g->broken);
    }
    g->busy = false;
}

/* --- life --- */

static int start_fresh(struct group *g, struct raft_event *e, const struct group_member *m, unsigned n)
{
    struct raft_configuration c;
    struct raft_entry first = {.term = 1, .type = RAFT_CHANGE};
    if (configuration_build(m, n, &c))
        return E_NOMEM;
    struct blob *b = configuration_encode(&c);
    raft_configuration_close(&c);
    if (!b || entry_log_reserve(&g->log, 1)) {
        blob_put(b);
        return E_NOMEM;
    }
    first.batch = b;
    first.buf = (struct raft_buffer){b->data, b->size};
    struct entry kept = {.term = 1, .type = ENTRY_CHANGE, .data = slice_make(b->data, b->size), .blob = b};
    entry_log_append(&g->log, &kept);
    g->applied = 1;
    e->start.term = 1;
    e->start.start_index = 1;
    e->start.entries = &first;
    e->start.n_entries = 1;
    return group_step(g, e) ? E_NOMEM : 0;
}

static int start_rebuilt(struct group *g, struct raft_event *e, const struct group_birth *birth,
                         const struct group_member *m)
{
    struct raft_snapshot_metadata s = {.index = birth->index, .term = birth->term, .configuration_index = birth->index};
    if (configuration_build(m, birth->voter_count, &s.configuration))
        return E_NOMEM;
    entry_log_reset(&g->log, birth->index, birth->term);
    g->applied = birth->index;
    e->start.term = birth->term;
    e->start.metadata = &s;
    e->start.start_index = birth->index + 1;
    return group_step(g, e) ? E_NOMEM : 0;
}

static int start(struct group *g, const struct group_birth *birth)
{
    struct raft_event e = {.type = RAFT_START, .start.start_index = 1};
    struct group_member m[GROUP_MEMBERS_MAX];
    for (unsigned i = 0; i < birth->voter_count; i++)
        m[i] = (struct group_member){birth->voters[i], GROUP_VOTER};
    if (birth->voter_count == 0)
        return group_step(g, &e) ? E_NOMEM : 0;
    if (birth->index == 0 || !rule_holds(RULE_RAFT_17))
        return start_fresh(g, &e, m, birth->voter_count);
    return start_rebuilt(g, &e, birth, m);
}

static void set_habits(struct raft *r, const struct group_config *c)
{
    r->tracer = NULL; /* its default costs a third of the time and is not thread-safe */
    raft_seed(r, c->seed);
    raft_set_election_timeout(r, c->election_ms);
    /* Rule 13: every timeout that we give a leader is a heartbeat to everybody. */
    raft_set_heartbeat_timeout(r, rule_holds(RULE_RAFT_13) ? 1 : c->heartbeat_ms);
    raft_set_pre_vote(r, true);
    raft_set_max_inflight_entries(r, INFLIGHT_MAX);
    /* Rule 6. When the log was cut again since a copy was asked for, the library does not notice that the replica still
     * needs one but by this time-out; that it asks too often is no harm (want_copy). */
    raft_set_install_snapshot_timeout(r, c->election_ms);
    raft_set_max_catch_up_round_duration(r, CATCH_UP_MS);
}

/* Half of it is for the others, who may learn a little later that there is such a group. */
#define FIRST_ELECTION_MS 50

static void hasten_election(struct group *g)
{
    g->first = true;
    raft_set_election_timeout(&g->raft, FIRST_ELECTION_MS);
}

/* A leader's patience with its followers, and a candidate's with the voters, is the usual one. */
void group_end_haste(struct group *g)
{
    if (!g->first)
        return;
    g->first = false;
    raft_set_election_timeout(&g->raft, g->election_ms);
}

int group_create(const struct group_config *config, const struct group_birth *birth, const struct group_hooks *hooks,
                 void *arg, uint64_t now_ms, struct group **out)
{
    if (config->self == 0 || config->heartbeat_ms == 0 || config->election_ms < 3 * config->heartbeat_ms ||
        birth->voter_count > GROUP_MEMBERS_MAX || birth->index == 1)
        return E_INVALID;
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return E_NOMEM;
    g->hooks = hooks;
    g->arg = arg;
    g->heartbeat_ms = config->heartbeat_ms;
    g->election_ms = config->election_ms;
    g->log_max = config->log_max;
    entry_log_init(&g->log, 0, 0);
    if (raft_init(&g->raft, NULL, NULL, config->self, configuration_address(config->self).text)) {
        free(g);
        return E_NOMEM;
    }
    set_habits(&g->raft, config);
    if (birth->leads_first && birth->voter_count > 1)
        hasten_election(g);
    g->now_ms = now_ms;
    int err = start(g, birth);
    group_settle(g);
    g->news = 0; /* the caller cannot have heard anything yet */
    if (!err && g->broken)
        err = E_NOMEM;
    if (err)
        group_destroy(&g);
    *out = g;
    return err;
}

static void drop_queue(struct group *g)
{
    for (unsigned i = 0; i < g->queued; i++)
        blob_put(g->queue[i]);
    g->queued = 0;
}

void group_destroy(struct group **gp)
{
    struct group *g = *gp;
    if (!g)
        return;
    ASSERT(!g->busy);
    drop_queue(g);
    raft_close(&g->raft, NULL);
    entry_log_fini(&g->log);
    free(g->queue);
    free(g);
    *gp = NULL;
}

/* --- time --- */

uint64_t group_deadline_ms(const struct group *g)
{
    if (g->broken)
        return UINT64_MAX;
    /* Rule 13, and with it 7: the library's own deadline of a leader looks at all servers, may lie in the past for
     * ever, and comes at moments that make it take live followers for dead. */
    if (leads(g))
        return rule_holds(RULE_RAFT_13) ? g->beat_ms : raft_timeout(&g->raft);
    return group_stand_ms(g);
}

/* Rule 7: an aborted spare keeps the library busy, and nothing would ever take it out. */
static void remove_aborted_spare(struct group *g)
{
    struct group_member m[GROUP_MEMBERS_MAX];
    unsigned n = group_members(g, m);
    for (unsigned i = 0; i < n; i++)
        if (m[i].role == GROUP_SPARE && group_catch_up_status(g, m[i].id) == GROUP_CATCH_UP_ABORTED) {
            group_change(g, g->now_ms, GROUP_REMOVE, m[i].id);
            return;
        }
}

/* The library aborts a catching up only for the time that it takes: it has had all of it. */
static void limit_catch_up(struct group *g)
{
    bool is_over = g->aborted && g->raft.leader_state.promotee_id == g->aborted;
    raft_set_max_catch_up_round_duration(&g->raft, is_over ? 0 : CATCH_UP_MS);
    g->aborted = 0;
}

void group_tick(struct group *g, uint64_t now_ms)
{
    group_flush(g, now_ms);
    if (g->broken || group_deadline_ms(g) > now_ms)
        return;
    struct raft_event e = {.type = RAFT_TIMEOUT};
    group_enter(g, now_ms);
    /* On the same milliseconds in all groups: what they say to one peer leaves together. */
    g->beat_ms = (now_ms / g->heartbeat_ms + 1) * g->heartbeat_ms;
    if (leads(g))
        limit_catch_up(g);
    group_hasten_stand(g);
    if (entry_log_reserve(&g->log, 1) == 0) /* the library's empty entry of a new term */
        group_step_or_break(g, &e);
    group_end_haste(g);
    group_leave(g);
    if (!g->broken && leads(g) && rule_holds(RULE_RAFT_7))
        remove_aborted_spare(g);
}

/* --- commands --- */

static int make_room(struct group *g)
{
    if (g->queued < g->queue_cap)
        return 0;
    if (g->queued == QUEUE_MAX)
        return E_TOO_MANY;
    unsigned cap = g->queue_cap ? 2 * g->queue_cap : 16;
    struct blob **queue = realloc(g->queue, cap * sizeof(struct blob *));
    if (!queue)
        return E_NOMEM;
    g->queue = queue;
    g->queue_cap = cap;
    return 0;
}

int group_propose(struct group *g, struct blob *command, uint64_t *index)
{
    int err = g->broken || !leads(g) || raft_transferee(&g->raft) ? E_CLOSED : 0;
    if (!err)
        err = make_room(g);
    if (!err)
        err = entry_log_reserve(&g->log, (uint64_t)g->queued + 1);
    if (err) {
        blob_put(command);
        return err;
    }
    g->queue[g->queued++] = command;
    *index = g->log.last + g->queued;
    return 0;
}

/* Nothing has come between a proposal and this: every event of the group flushes first. So this replica leads still. */
static void submit(struct group *g, unsigned from_queue, unsigned n)
{
    struct raft_entry batch[RUN_MAX];
    for (unsigned i = 0; i < n; i++) {
        struct blob *b = g->queue[from_queue + i];
        batch[i] = (struct raft_entry){
            .term = g->raft.current_term, .type = RAFT_COMMAND, .buf = {b->data, b->size}, .batch = b};
    }
    struct raft_event e = {.type = RAFT_SUBMIT, .submit.entries = batch, .submit.n = n};
    g->told =
        raft_commit_index(&g->raft); /* entries tell it to all; a heartbeat does not go to whom something just went */
    group_step_or_break(g, &e);
}

void group_flush(struct group *g, uint64_t now_ms)
{
    if (g->queued == 0 || g->broken)
        return;
    group_enter(g, now_ms);
    for (unsigned i = 0; i < g->queued && !g->broken; i += RUN_MAX) {
        unsigned left = g->queued - i;
        submit(g, i, left < RUN_MAX ? left : RUN_MAX);
        group_settle(g);
    }
    drop_queue(g);
    group_leave(g);
}

void group_apply_tail(struct group *g)
{
    ASSERT(!g->busy);
    g->busy = true;
    while (g->applied < g->log.last) {
        const struct entry *e = entry_log_at(&g->log, ++g->applied);
        if (e->type == ENTRY_COMMAND)
            g->hooks->apply(g->arg, g->applied, e);
    }
    g->busy = false;
}

/* --- what is known --- */

bool group_leads(const struct group *g)
{
    return !g->broken && leads(g);
}

/* A voter that hears nothing stands for election and forgets its leader. One without a vote would believe in it for
 * ever.
 */
static bool leader_is_silent(const struct group *g)
{
    return g->now_ms - g->heard_ms > UINT64_C(2) * g->raft.election_timeout;
}

uint64_t group_leader(const struct group *g)
{
    if (leads(g))
        return g->raft.id;
    if (leader_is_silent(g))
        return 0;
    return g->raft.state == RAFT_FOLLOWER ? g->raft.follower_state.current_leader.id : 0;
}

uint64_t group_term(const struct group *g)
{
    return g->raft.current_term;
}

uint64_t group_last_index(const struct group *g)
{
    return g->log.last;
}

uint64_t group_last_term(const struct group *g)
{
    return entry_log_term(&g->log, g->log.last);
}

uint64_t group_commit_index(const struct group *g)
{
    return raft_commit_index(&g->raft);
}

uint64_t group_applied_index(const struct group *g)
{
    return g->applied;
}

bool group_has_committed_own(const struct group *g)
{
    return group_leads(g) && entry_log_term(&g->log, raft_commit_index(&g->raft)) == g->raft.current_term;
}

uint64_t group_match_index(const struct group *g, uint64_t id)
{
    raft_index index = 0;
    return leads(g) && raft_match_index(&g->raft, id, &index) == 0 ? index : 0;
}

uint64_t group_applied_term(const struct group *g)
{
    return entry_log_term(&g->log, g->applied);
}

size_t group_log_bytes(const struct group *g)
{
    return g->log.bytes;
}

void group_set_log_max(struct group *g, size_t bytes)
{
    g->log_max = bytes;
}
