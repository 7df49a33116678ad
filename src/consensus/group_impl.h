/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a group share, and nobody else sees: the library's replica and what stands around it. */
#ifndef CONSENSUS_GROUP_IMPL_H
#define CONSENSUS_GROUP_IMPL_H

#include "consensus/rules.h"

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

/* R-READ, at the leader: who has answered in this term what was sent then, or later. */
struct promised {
    uint64_t id; /* 0: a free place, and so are all after it */
    uint64_t stamp_ms;
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
    /* R-READ, as a voter. */
    struct rules_promise promise;
    uint64_t
        gone_until_ms;   /* the leader that was promised to is gone: elections are hastened until then; 0: it is not */
    uint64_t stand_ms;   /* ... the next, of a follower */
    unsigned stagger_ms; /* ... what is waited for those who stand before */
    uint64_t told_term;  /* the one in which this replica may ask for votes because a leader told it to; 0 */
    uint64_t answering;  /* whose append is being taken, which was sent ... */
    uint64_t stamp_ms;   /* ... at this time of its clock */
    /* R-READ, as the leader. */
    struct promised promised[GROUP_MEMBERS_MAX];
    uint64_t read_until_ms; /* as last computed; 0: not */
    bool reads_ended;       /* in this term: leadership may be handed over */
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

/* --- group_lease.c: R-READ --- */

/* This replica is about to answer that leader. */
void group_promise_to(struct group *g, uint64_t leader, uint64_t term);
/* Whether that request for a vote reaches the library, which then decides by term and log. */
bool group_may_vote(struct group *g, const struct raft_msg *m);
/* Whether that leader may tell this replica to stand for election. */
bool group_may_obey(const struct group *g, const struct raft_msg *m);
/* When a replica that does not lead has its next time-out. */
uint64_t group_stand_ms(const struct group *g);
/* Before a time-out is given to the library: lets it stand where the leader is gone. */
void group_hasten_stand(struct group *g);
/* A term in which this replica leads begins. */
void group_begin_lease(struct group *g);

/* --- group_send.c --- */

void group_send_message(struct group *g, const struct raft_message *r);
/* Tells a leader of an earlier term of ours. Not left to the library, which sends such an answer with an index that it
 * has never set. */
void group_reject_old(struct group *g, uint64_t destination, uint64_t rejected);
/* As the library refuses: with its own term, or, for a pre-vote, the one that was asked for. */
void group_refuse_vote(struct group *g, const struct raft_msg *request);
/* Up to where entries may be dropped. */
uint64_t group_disposable(const struct group *g);
/* The copy to that replica, or NULL. */
struct copy *group_find_copy(struct group *g, uint64_t destination);

#endif
