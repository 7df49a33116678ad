/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/configuration.h"
#include "consensus/group_impl.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/rule.h"
#include "consensus/rules.h"

static struct raft_message from(const struct raft_msg *m, const struct configuration_address *a,
                                enum raft_message_type type)
{
    return (struct raft_message){.type = type, .server_id = m->source, .server_address = a->text};
}

static void receive(struct group *g, struct raft_message *m)
{
    struct raft_event e = {.type = RAFT_RECEIVE, .receive.message = m};
    group_step_or_break(g, &e);
}

/* A place in a log, and what the message says that follows it. */
struct run {
    uint64_t prev_index, prev_term;
    struct slice entries; /* that are still to be taken */
    uint32_t count;
};

/* Takes the next entries that the library may be given together: a change of members alone (rule 4: it takes the
 * place of the first for that of the change, and waits for ever for it to be committed). */
static unsigned take_run(struct run *r, struct raft_msg_entry out[RUN_MAX])
{
    unsigned n = 0;
    while (r->count && n < RUN_MAX) {
        struct slice rest = r->entries;
        struct raft_msg_entry e = raft_msg_take_entry(&rest);
        if (n && e.type == ENTRY_CHANGE && rule_holds(RULE_RAFT_4))
            break;
        out[n++] = e;
        r->entries = rest;
        r->count--;
        if (e.type == ENTRY_CHANGE && rule_holds(RULE_RAFT_4))
            break;
    }
    return n;
}

/* Copies the entries out of the message, each into a blob of its own: whoever keeps the value of one keeps no other. */
static int copy_run(const struct raft_msg_entry *in, unsigned n, struct raft_entry out[RUN_MAX])
{
    for (unsigned i = 0; i < n; i++) {
        struct blob *b = blob_create(in[i].data.len);
        if (!b) {
            while (i-- > 0)
                blob_put(out[i].batch);
            return E_NOMEM;
        }
        if (in[i].data.len)
            memcpy(b->data, in[i].data.data, in[i].data.len);
        out[i] = (struct raft_entry){
            .term = in[i].term, .type = (enum raft_entry_type)in[i].type, .buf = {b->data, b->size}, .batch = b};
    }
    return 0;
}

/* 0; E_AGAIN: not taken; E_NOMEM. */
static int feed(struct group *g, struct raft_message *m, const struct raft_msg_entry *entries, unsigned n)
{
    struct raft_entry batch[RUN_MAX];
    void *own[RUN_MAX];
    if (n && (entry_log_reserve(&g->log, n) || copy_run(entries, n, batch)))
        return E_NOMEM;
    for (unsigned i = 0; i < n; i++)
        own[i] = batch[i].batch;
    m->append_entries.entries = n ? batch : NULL;
    m->append_entries.n_entries = n;
    struct raft_event e = {.type = RAFT_RECEIVE, .receive.message = m};
    ASSERT(!g->tell_stored);
    group_step_or_break(g, &e);
    /* What it does not take the library takes for one batch, and frees the first entry's; until here nobody else had a
     * reference to it. */
    for (unsigned i = g->tell_stored ? 0 : 1; i < n; i++)
        blob_put(own[i]);
    group_settle(g);
    return g->log.last < m->append_entries.prev_log_index + n ? E_AGAIN : 0;
}

/* Rule 5: what we have committed, the leader has too. Fed to the library, a duplicate or a latecomer would take the
 * commit index back. */
static void skip_committed(const struct group *g, struct run *r)
{
    uint64_t commit = raft_commit_index(&g->raft);
    if (r->prev_index >= commit)
        return;
    for (uint64_t known = commit - r->prev_index; known && r->count; known--, r->count--)
        raft_msg_take_entry(&r->entries);
    r->prev_index = commit;
    r->prev_term = entry_log_term(&g->log, commit);
}

static int receive_append(struct group *g, const struct raft_msg *in)
{
    struct configuration_address a = configuration_address(in->source);
    struct raft_message m = from(in, &a, RAFT_APPEND_ENTRIES);
    struct run r = {in->append.prev_index, in->append.prev_term, in->append.entries, in->append.count};
    struct raft_msg_entry entries[RUN_MAX];
    int err = 0;
    if (in->term < g->raft.current_term) {
        group_reject_old(g, in->source, in->append.prev_index);
        return 0;
    }
    if (rule_holds(RULE_RAFT_5))
        skip_committed(g, &r);
    do {
        unsigned n = take_run(&r, entries);
        m.append_entries.term = in->term;
        m.append_entries.prev_log_index = r.prev_index;
        m.append_entries.prev_log_term = r.prev_term;
        m.append_entries.leader_commit = in->append.commit;
        err = feed(g, &m, entries, n);
        if (n) {
            r.prev_index += n;
            r.prev_term = entries[n - 1].term;
        }
    } while (r.count && !err && !g->broken);
    return err == E_NOMEM ? err : 0;
}

static void receive_append_result(struct group *g, const struct raft_msg *in)
{
    struct configuration_address a = configuration_address(in->source);
    struct raft_message m = from(in, &a, RAFT_APPEND_ENTRIES_RESULT);
    m.append_entries_result.version = 2;
    m.append_entries_result.term = in->term;
    m.append_entries_result.rejected = in->append_result.rejected;
    m.append_entries_result.last_log_index = in->append_result.last_index;
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX && !in->append_result.rejected; i++)
        if (g->copies[i].destination == in->source && g->copies[i].index &&
            in->append_result.last_index >= g->copies[i].index)
            g->copies[i].destination = 0; /* it has taken the copy */
    receive(g, &m);
}

static void receive_vote(struct group *g, const struct raft_msg *in)
{
    if (!group_may_vote(g, in)) {
        group_refuse_vote(g, in);
        return;
    }
    struct configuration_address a = configuration_address(in->source);
    struct raft_message m = from(in, &a, RAFT_REQUEST_VOTE);
    m.request_vote.version = 2;
    m.request_vote.term = in->term;
    m.request_vote.candidate_id = in->source;
    m.request_vote.last_log_index = in->vote.last_index;
    m.request_vote.last_log_term = in->vote.last_term;
    m.request_vote.pre_vote = in->vote.pre_vote;
    m.request_vote.disrupt_leader = in->vote.disrupt_leader;
    receive(g, &m);
}

static int receive_vote_result(struct group *g, const struct raft_msg *in)
{
    struct configuration_address a = configuration_address(in->source);
    struct raft_message m = from(in, &a, RAFT_REQUEST_VOTE_RESULT);
    m.request_vote_result.version = 2;
    m.request_vote_result.term = in->term;
    m.request_vote_result.pre_vote = in->vote_result.pre_vote;
    m.request_vote_result.vote_granted = in->vote_result.granted;
    /* Else the library looks into a union for what only candidates have there. */
    if (g->raft.state != RAFT_CANDIDATE)
        return 0;
    if (entry_log_reserve(&g->log, 1)) /* it may be the vote that makes us lead */
        return E_NOMEM;
    receive(g, &m);
    return 0;
}

static int receive_install(struct group *g, const struct raft_msg *in)
{
    struct configuration_address a = configuration_address(in->source);
    struct raft_message m = from(in, &a, RAFT_INSTALL_SNAPSHOT);
    if (in->term >= g->raft.current_term && !g->hooks->copy_complete(g->arg, in->source, in->install.last_index))
        return 0; /* the leader makes another */
    m.install_snapshot.term = in->term;
    m.install_snapshot.last_index = in->install.last_index;
    m.install_snapshot.last_term = in->install.last_term;
    m.install_snapshot.conf_index = in->install.configuration_index;
    if (configuration_decode(in->install.configuration, &m.install_snapshot.conf))
        return E_NOMEM;
    receive(g, &m);
    return 0;
}

static void receive_timeout_now(struct group *g, const struct raft_msg *in)
{
    if (!group_may_obey(g, in))
        return;
    g->told_term = in->term + 1;
    struct configuration_address a = configuration_address(in->source);
    struct raft_message m = from(in, &a, RAFT_TIMEOUT_NOW);
    m.timeout_now.term = in->term;
    m.timeout_now.last_log_index = in->timeout_now.last_index;
    m.timeout_now.last_log_term = in->timeout_now.last_term;
    receive(g, &m);
}

/* That an entry is committed is true whoever says it, and stays so: where this log has it (the same index and term),
 * all before it are the same, too (log matching). The library looks at its commit index, and keeps nothing beside it.
 */
static void learn_commit(struct group *g, uint64_t index, uint64_t term)
{
    if (leads(g) || index <= raft_commit_index(&g->raft) || index > g->log.last || g->installing ||
        entry_log_term(&g->log, index) != term)
        return;
    g->raft.commit_index = index;
}

void group_learn_commit(struct group *g, uint64_t now_ms, uint64_t index, uint64_t term)
{
    if (g->broken)
        return;
    group_enter(g, now_ms);
    learn_commit(g, index, term);
    group_leave(g);
}

static int dispatch(struct group *g, const struct raft_msg *m)
{
    switch (m->kind) {
    case RAFT_MSG_APPEND:
        return receive_append(g, m);
    case RAFT_MSG_APPEND_RESULT:
        receive_append_result(g, m);
        break;
    case RAFT_MSG_VOTE:
        receive_vote(g, m);
        break;
    case RAFT_MSG_VOTE_RESULT:
        return receive_vote_result(g, m);
    case RAFT_MSG_INSTALL:
        return receive_install(g, m);
    case RAFT_MSG_TIMEOUT_NOW:
        receive_timeout_now(g, m);
        break;
    case RAFT_MSG_COMMIT:
        learn_commit(g, m->commit.index, m->commit.term);
        break;
    }
    return 0;
}

int group_receive(struct group *g, uint64_t now_ms, const struct raft_msg *m)
{
    /* Rule 2: the library does not look whom a message is for. */
    if (g->broken || (m->destination != g->raft.id && rule_holds(RULE_RAFT_2)))
        return 0;
    group_flush(g, now_ms);
    uint64_t commit = raft_commit_index(&g->raft);
    struct rules_view v = {.self = g->raft.id,
                           .term = g->raft.current_term,
                           .commit = commit,
                           .commit_term = commit ? entry_log_term(&g->log, commit) : 0,
                           .last = g->log.last,
                           .now_ms = now_ms,
                           .match = group_match_index(g, m->source),
                           .leads = leads(g)};
    int err = rule_holds(RULE_RAFT_10) ? rules_check_message(&v, m) : 0;
    if (err)
        return err == E_AGAIN ? 0 : err;
    group_enter(g, now_ms);
    if ((m->kind == RAFT_MSG_APPEND || m->kind == RAFT_MSG_INSTALL) && m->term >= g->raft.current_term) {
        g->heard_ms = g->now_ms;
        group_promise_to(g, m->source, m->term); /* R-READ: it is about to be answered */
    }
    if (m->kind == RAFT_MSG_APPEND_RESULT)
        group_hear_promise(g, m->source, m->term, m->append_result.stamp_ms);
    g->answering = m->kind == RAFT_MSG_APPEND ? m->source : 0;
    g->stamp_ms = g->answering ? m->append.stamp_ms : 0;
    group_end_haste(g);
    err = dispatch(g, m);
    g->answering = 0;
    group_leave(g);
    return err;
}
