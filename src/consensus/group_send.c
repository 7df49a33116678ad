/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/configuration.h"
#include "consensus/group_impl.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/rule.h"

/* Of one group's entries in one message: no election waits behind more (a larger entry goes alone). */
#define APPEND_BYTES ((size_t)64 * 1024)

static int encode_entries(const struct group *g, struct buf *out, uint64_t index, uint32_t count)
{
    int err = 0;
    for (; count && !err; count--, index++) {
        const struct entry *e = entry_log_at(&g->log, index);
        struct raft_msg_entry wire = {e->term, e->type, e->data};
        err = raft_msg_put_entry(out, &wire);
    }
    return err;
}

static int send(struct group *g, const struct raft_msg *m)
{
    /* Rule 14: who is not there is sent the whole tail at every heartbeat, so ask before encoding it. */
    struct buf *out = g->hooks->begin(g->arg, m->destination);
    if (!out && rule_holds(RULE_RAFT_14))
        return E_IO;
    struct buf lost;
    if (!out) {
        buf_init(&lost, SIZE_MAX / 2);
        out = &lost;
    }
    int err = raft_msg_encode(out, m);
    if (!err && m->kind == RAFT_MSG_APPEND)
        err = encode_entries(g, out, m->append.prev_index + 1, m->append.count);
    if (out == &lost)
        buf_fini(&lost);
    g->hooks->end(g->arg, m->destination, err, m->kind == RAFT_MSG_COMMIT);
    return err;
}

/* How many of `count` entries from `index` on go into one message. */
static uint32_t fitting(const struct group *g, uint64_t index, uint32_t count)
{
    size_t bytes = 0;
    uint32_t n = 0;
    while (n < count) {
        bytes += entry_log_at(&g->log, index + n)->data.len + RAFT_MSG_ENTRY_HEAD;
        if (n && bytes > APPEND_BYTES)
            break;
        n++;
    }
    return n;
}

/* One of the library's, in as many as the size of messages asks for. */
static void send_append(struct group *g, struct raft_msg *m, uint32_t left)
{
    for (;;) {
        m->append.count = fitting(g, m->append.prev_index + 1, left);
        if (send(g, m))
            return; /* what follows would only be rejected */
        left -= m->append.count;
        if (left == 0)
            return;
        m->append.prev_index += m->append.count;
        m->append.prev_term = entry_log_term(&g->log, m->append.prev_index);
    }
}

struct copy *group_find_copy(struct group *g, uint64_t destination)
{
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
        if (g->copies[i].destination == destination)
            return &g->copies[i];
    return NULL;
}

static bool is_under_way(const struct group *g, const struct copy *c)
{
    return c->index == 0 || g->now_ms < c->answer_ms;
}

/* Rule 6: the library asks for a snapshot again at every rejected heartbeat. */
static void want_copy(struct group *g, uint64_t destination)
{
    struct copy *c = group_find_copy(g, destination);
    if (c && is_under_way(g, c) && rule_holds(RULE_RAFT_6))
        return;
    if (!c)
        c = group_find_copy(g, 0);
    if (!c)
        return; /* as many as members: one of them is none any more, and will be ended */
    *c = (struct copy){.destination = destination};
    g->hooks->copy_wanted(g->arg, destination);
}

void group_send_message(struct group *g, const struct raft_message *r)
{
    struct raft_msg m = {.source = g->raft.id, .destination = r->server_id};
    switch (r->type) {
    case RAFT_APPEND_ENTRIES:
        m.kind = RAFT_MSG_APPEND;
        m.term = r->append_entries.term;
        m.append.prev_index = r->append_entries.prev_log_index;
        m.append.prev_term = r->append_entries.prev_log_term;
        m.append.commit = r->append_entries.leader_commit;
        m.append.stamp_ms = g->now_ms; /* R-READ: not later than it is sent */
        send_append(g, &m, r->append_entries.n_entries);
        return;
    case RAFT_APPEND_ENTRIES_RESULT:
        m.kind = RAFT_MSG_APPEND_RESULT;
        m.term = r->append_entries_result.term;
        m.append_result.rejected = r->append_entries_result.rejected;
        m.append_result.last_index = r->append_entries_result.last_log_index;
        m.append_result.stamp_ms = r->server_id == g->answering ? g->stamp_ms : 0;
        break;
    case RAFT_REQUEST_VOTE:
        m.kind = RAFT_MSG_VOTE;
        m.term = r->request_vote.term;
        m.vote.last_index = r->request_vote.last_log_index;
        m.vote.last_term = r->request_vote.last_log_term;
        m.vote.pre_vote = r->request_vote.pre_vote;
        /* R-READ: the library keeps on saying so in the terms that follow, in which another may lead. */
        m.vote.disrupt_leader =
            r->request_vote.disrupt_leader && (m.term == g->told_term || !rule_holds(RULE_READ_TRANSFER));
        break;
    case RAFT_REQUEST_VOTE_RESULT:
        m.kind = RAFT_MSG_VOTE_RESULT;
        m.term = r->request_vote_result.term;
        m.vote_result.pre_vote = r->request_vote_result.pre_vote;
        m.vote_result.granted = r->request_vote_result.vote_granted;
        break;
    case RAFT_INSTALL_SNAPSHOT:
        want_copy(g, r->server_id);
        return;
    case RAFT_TIMEOUT_NOW:
        m.kind = RAFT_MSG_TIMEOUT_NOW;
        m.term = r->timeout_now.term;
        m.timeout_now.last_index = r->timeout_now.last_log_index;
        m.timeout_now.last_term = r->timeout_now.last_log_term;
        break;
    }
    send(g, &m);
}

void group_reject_old(struct group *g, uint64_t destination, uint64_t rejected)
{
    struct raft_msg m = {.kind = RAFT_MSG_APPEND_RESULT,
                         .source = g->raft.id,
                         .destination = destination,
                         .term = g->raft.current_term,
                         .append_result = {.rejected = rejected}};
    send(g, &m);
}

void group_refuse_vote(struct group *g, const struct raft_msg *in)
{
    struct raft_msg m = {.kind = RAFT_MSG_VOTE_RESULT,
                         .source = g->raft.id,
                         .destination = in->source,
                         .term = in->vote.pre_vote ? in->term : g->raft.current_term,
                         .vote_result = {.pre_vote = in->vote.pre_vote}};
    send(g, &m);
}

void group_tell_commit(struct group *g)
{
    if (g->broken || !leads(g) || raft_commit_index(&g->raft) <= g->told)
        return;
    struct group_member to[GROUP_MEMBERS_MAX];
    unsigned n = group_members(g, to);
    g->told = raft_commit_index(&g->raft);
    for (unsigned i = 0; i < n; i++) {
        struct raft_msg m = {.kind = RAFT_MSG_COMMIT,
                             .source = g->raft.id,
                             .destination = to[i].id,
                             .term = g->raft.current_term,
                             .commit = {g->told, entry_log_term(&g->log, g->told)}};
        if (to[i].id != g->raft.id)
            send(g, &m);
    }
}

/* --- copies --- */

/* Up to where entries may go: what follows the end of a copy stays until its receiver has it (R-COPY 5). */
uint64_t group_disposable(const struct group *g)
{
    uint64_t index = g->applied;
    for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++)
        if (g->copies[i].destination && g->copies[i].index && g->copies[i].index < index)
            index = g->copies[i].index;
    return index;
}

int group_send_install(struct group *g, uint64_t destination)
{
    struct copy *copy = group_find_copy(g, destination);
    if (!copy || !group_leads(g))
        return E_CLOSED;
    struct blob *b = configuration_encode(&g->raft.configuration_committed);
    if (!b)
        return E_NOMEM;
    struct raft_msg m = {.kind = RAFT_MSG_INSTALL,
                         .source = g->raft.id,
                         .destination = destination,
                         .term = g->raft.current_term,
                         .install = {.last_index = g->applied,
                                     .last_term = entry_log_term(&g->log, g->applied),
                                     .configuration_index = g->raft.configuration_committed_index,
                                     .configuration = slice_make(b->data, b->size)}};
    int err = send(g, &m);
    if (!err) {
        copy->index = g->applied;
        copy->answer_ms = g->now_ms + g->raft.election_timeout;
    }
    blob_put(b);
    return err;
}

void group_copy_ended(struct group *g, uint64_t destination)
{
    struct copy *copy = group_find_copy(g, destination);
    if (copy)
        copy->destination = 0;
}
