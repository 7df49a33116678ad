/* SPDX-License-Identifier: Apache-2.0 */
#include "consensus/configuration.h"
#include "consensus/group_impl.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/rule.h"
#include "consensus/rules.h"

unsigned group_members(const struct group *g, struct group_member out[GROUP_MEMBERS_MAX])
{
    return configuration_members(&g->raft.configuration, out);
}

unsigned group_members_committed(const struct group *g, struct group_member out[GROUP_MEMBERS_MAX])
{
    const struct raft *r = &g->raft;
    return configuration_members(r->configuration_uncommitted_index ? &r->configuration_committed : &r->configuration,
                                 out);
}

static int submit_change(struct group *g, const struct group_member *m, unsigned n)
{
    struct raft_configuration c;
    if (configuration_build(m, n, &c))
        return E_NOMEM;
    struct blob *b = configuration_encode(&c);
    raft_configuration_close(&c);
    if (!b || entry_log_reserve(&g->log, 1)) {
        blob_put(b);
        return E_NOMEM;
    }
    struct raft_entry entry = {
        .term = g->raft.current_term, .type = RAFT_CHANGE, .buf = {b->data, b->size}, .batch = b};
    struct raft_event e = {.type = RAFT_SUBMIT, .submit.entries = &entry, .submit.n = 1};
    int rv = group_step(g, &e);
    blob_put(b);
    return rv == 0 ? 0 : rv == RAFT_NOTLEADER ? E_CLOSED : rv == RAFT_NOMEM ? E_NOMEM : E_AGAIN;
}

int group_change(struct group *g, uint64_t now_ms, enum group_change what, uint64_t id)
{
    struct group_member now[GROUP_MEMBERS_MAX], then[GROUP_MEMBERS_MAX];
    unsigned then_count;
    group_flush(g, now_ms);
    if (!group_leads(g) || raft_transferee(&g->raft))
        return E_CLOSED;
    /* Rule 3: before that, an older change that we have not seen may be in force (Ongaro's single-server bug). */
    if (!group_has_committed_own(g) && rule_holds(RULE_RAFT_3))
        return E_AGAIN;
    if (g->raft.configuration_uncommitted_index || g->raft.leader_state.promotee_id)
        return E_AGAIN;
    unsigned now_count = group_members(g, now);
    int err = rules_change(now, now_count, what, id, g->raft.id, then, &then_count);
    if (err)
        return err;
    /* Rule 15: the library finds a member's progress by its place, and moves it only when the number changes. */
    ASSERT(rules_is_one_change(now, now_count, then, then_count));
    group_enter(g, now_ms);
    err = submit_change(g, then, then_count);
    group_leave(g);
    return err;
}

int group_catch_up(struct group *g, uint64_t now_ms, uint64_t id)
{
    int status;
    group_flush(g, now_ms);
    if (!group_leads(g))
        return E_CLOSED;
    if (raft_catch_up(&g->raft, id, &status))
        return E_NOT_FOUND;
    if (g->raft.leader_state.promotee_id || status == RAFT_CATCH_UP_RUNNING)
        return E_AGAIN;
    struct raft_event e = {.type = RAFT_CATCH_UP, .catch_up.server_id = id};
    group_enter(g, now_ms);
    group_step_or_break(g, &e);
    group_leave(g);
    return 0;
}

enum group_catch_up group_catch_up_status(const struct group *g, uint64_t id)
{
    int status;
    if (!group_leads(g) || raft_catch_up(&g->raft, id, &status))
        return GROUP_CATCH_UP_NONE;
    switch (status) {
    case RAFT_CATCH_UP_RUNNING:
        return GROUP_CATCH_UP_RUNNING;
    case RAFT_CATCH_UP_ABORTED:
        return GROUP_CATCH_UP_ABORTED;
    case RAFT_CATCH_UP_FINISHED:
        return GROUP_CATCH_UP_FINISHED;
    default:
        return GROUP_CATCH_UP_NONE;
    }
}

void group_catch_up_abort(struct group *g, uint64_t id)
{
    g->aborted = id;
}

int group_transfer(struct group *g, uint64_t now_ms, uint64_t id)
{
    group_flush(g, now_ms);
    if (!group_leads(g) || raft_transferee(&g->raft))
        return E_CLOSED;
    struct raft_event e = {.type = RAFT_TRANSFER, .transfer.server_id = id};
    group_enter(g, now_ms);
    /* R-READ: the other may stand for election at once, whatever voters have promised this leader: so it stops reading
     * by lease before it says so. And for good in this term, since what it has said cannot be taken back: the message
     * may still be on its way when the library gives the transfer up. */
    bool before = g->reads_ended;
    g->reads_ended = true;
    int rv = group_step(g, &e);
    if (rv == RAFT_BADID) /* nothing was said */
        g->reads_ended = before;
    group_leave(g);
    return rv == 0 ? 0 : rv == RAFT_BADID ? E_NOT_FOUND : E_NOMEM;
}

bool group_is_transferring(const struct group *g)
{
    return raft_transferee(&g->raft) != 0;
}
