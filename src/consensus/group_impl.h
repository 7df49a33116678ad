/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a group share, and nobody else sees: the library's replica and what stands around it. */
#ifndef CONSENSUS_GROUP_IMPL_H
#define CONSENSUS_GROUP_IMPL_H

#include "consensus/group.h"

#include <raft.h>

/* The next version owns memory differently. */
#if RAFT_VERSION_NUMBER != 2201
#error "this adapter is for cowsql raft 0.22.1, just that"
#endif

/* Entries given to the library at once: an array on the stack. */
#define RUN_MAX 256

struct copy {
    uint64_t destination; /* 0: no copy here */
    uint64_t index;       /* of its end, once the install message was sent; else 0 */
    uint64_t answer_ms;   /* until when that message may be answered */
};

struct group {
    struct raft raft;
    const struct group_hooks *hooks;
    void *arg;
    struct entry_log log;
    uint64_t now_ms, applied;
    uint64_t beat_ms;  /* the next heartbeat, where this replica leads */
    uint64_t told;     /* the commit index that all were sent by this leader, last */
    uint64_t heard_ms; /* a leader of this term, last */
    uint64_t aborted;  /* the spare whose catching up is to end; 0 */
    unsigned heartbeat_ms, election_ms;
    bool first; /* the library's election time-out is shorter, until it has passed once or somebody else is heard */
    size_t log_max;
    unsigned news;
    uint64_t leader_told; /* whom the news last named */
    bool busy;            /* a hook may be running */
    const char *broken;   /* why */
    bool broken_told;
    bool tell_stored;                       /* the library has yet to hear that its entries are stored */
    bool installing;                        /* ... and its snapshot */
    bool elected;                           /* leads since this step: an entry of its own term is due */
    struct raft_snapshot_metadata snapshot; /* while installing */
    struct blob **queue;
    unsigned queued, queue_cap;
    struct copy copies[GROUP_MEMBERS_MAX];
};

static inline bool leads(const struct group *g)
{
    return g->raft.state == RAFT_LEADER;
}

/* --- group.c --- */

/* Every call that gives the library something stands between these: time moves on; and all that follows from it happens
 * (group_settle()), then the caller hears the news. */
void group_enter(struct group *g, uint64_t now_ms);
void group_leave(struct group *g);
void group_settle(struct group *g);
/* One event. 0, or the library's refusal. Room for the entries it may add was made before. */
int group_step(struct group *g, struct raft_event *event);
/* One that must succeed. */
void group_step_or_break(struct group *g, struct raft_event *event);
void group_break(struct group *g, const char *why); /* static text */
/* What comes next is not the first election any more (group_birth.leads_first). */
void group_end_haste(struct group *g);

/* --- group_send.c --- */

void group_send_message(struct group *g, const struct raft_message *r);
/* Tells a leader of an earlier term of ours. Not left to the library, which sends such an answer with an index that it
 * has never set. */
void group_reject_old(struct group *g, uint64_t destination, uint64_t rejected);
/* Up to where entries may be dropped. */
uint64_t group_disposable(const struct group *g);
/* The copy to that replica, or NULL. */
struct copy *group_find_copy(struct group *g, uint64_t destination);

#endif
