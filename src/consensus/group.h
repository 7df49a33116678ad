/* SPDX-License-Identifier: Apache-2.0 */
/* One replica of a Raft group, in memory: the only user of the Raft library (cowsql raft 0.22.1, through raft_step()).
 * It knows entries and replicas, not keys, nodes or connections.
 *
 * The caller gives it time, messages and commands; it gives back messages to be sent, entries to be applied and news,
 * through hooks. A hook must not call back into its group.
 *
 * The library has traps, each reproduced; the rules that keep clear of them are numbered (architecture.md, "The Raft
 * library") and stand at the lines that obey them: here, in rules.h (what a message and a change may say) and in
 * read_index.h. Two are the caller's: an id is given to one replica once and never again, for a replica that forgot
 * what it had promised loses acknowledged writes (1); and how many voters may be removed in a row is for the cluster to
 * judge (18). */
#ifndef CONSENSUS_GROUP_H
#define CONSENSUS_GROUP_H

#include "base/buf.h"
#include "consensus/entry_log.h"
#include "wire/raft_msg.h"

struct group;

/* Voters, standbys and spares of one group; a meta group has a standby on every node. */
#define GROUP_MEMBERS_MAX 64

enum group_role { GROUP_SPARE, GROUP_STANDBY, GROUP_VOTER };

struct group_member {
    uint64_t id;
    enum group_role role;
};

enum group_news {
    GROUP_NEWS_LEADERSHIP = 1, /* state, term or leader */
    GROUP_NEWS_MEMBERS = 2 /* group_members(), from the moment a change is in the log, or group_members_committed() */
};

struct group_hooks {
    /* The clock of every `now_ms`, read afresh: a turn may have begun long ago (R-READ). */
    uint64_t (*clock_ms)(void *arg);
    /* Where a message to that replica goes: a buffer to which it is appended, followed by end(). NULL: it cannot be
     * reached now, and the message is lost. */
    struct buf *(*begin)(void *arg, uint64_t destination);
    /* err: the message could not be written whole, what was written of it is to be taken back. can_wait: it may wait a
     * few milliseconds for another to the same replica's node. */
    void (*end)(void *arg, uint64_t destination, int err, bool can_wait);
    /* A committed command. Borrowed; the blob may be kept by a reference. */
    void (*apply)(void *arg, uint64_t index, const struct entry *e);
    void (*news)(void *arg, unsigned news);
    /* The replica lags by more than the log holds: it needs a copy of the state. Called once until group_copy_ended()
     * for it, or until it has said that it is there. Its bytes are not the group's business; group_send_install() ends
     * it.
     */
    void (*copy_wanted)(void *arg, uint64_t destination);
    /* An install message has come. True when the whole copy that belongs to it is there. */
    bool (*copy_complete)(void *arg, uint64_t source, uint64_t index);
    /* From now on the state is that copy. What was applied before is void. */
    void (*installed)(void *arg, uint64_t index);
    /* This replica can do no more: a committed entry was contradicted, or memory ran out at a point of no return. It
     * answers nothing any more; destroy it, and join again under a new id. `why` is static. */
    void (*broken)(void *arg, const char *why);
};

struct group_config {
    uint64_t self; /* rule 1: an id that no replica of this group has had before */
    uint32_t seed; /* of the election timeouts */
    unsigned
        election_ms; /* without a leader for this long, up to twice as long by chance, a voter stands for election */
    unsigned heartbeat_ms; /* at most a third of election_ms */
    size_t log_max;        /* bytes; group_set_log_max() */
};

/* How a replica comes to be. No voters: it joins a group that is there, and learns everything from it. Index 0: one of
 * the first replicas of a new group, all created alike. Otherwise: the group is rebuilt over the state that its
 * replicas hold as of `index`, `term`; index >= 2, or a later joiner would be given the log alone (rule 17). */
struct group_birth {
    const uint64_t *voters;
    unsigned voter_count;
    uint64_t index, term;
    /* This one of the first replicas, and no other, stands for election soon instead of after election_ms: none of them
     * has led yet. If the others are not there yet, an election follows as usual. */
    bool leads_first;
};

/* Times are milliseconds of one clock that never goes back. Hooks are borrowed, and not called before it returns: a
 * group of one leads already then. E_NOMEM, E_INVALID. */
int group_create(const struct group_config *config, const struct group_birth *birth, const struct group_hooks *hooks,
                 void *arg, uint64_t now_ms, struct group **out);
void group_destroy(struct group **g);

/* --- time and messages --- */

/* When group_tick() has something to do; UINT64_MAX once it is broken. */
uint64_t group_deadline_ms(const struct group *g);
void group_tick(struct group *g, uint64_t now_ms);
/* What raft_msg_decode() gave. 0: taken, or not meant for this replica, or of the past; E_NOMEM: lost, as if the
 * network had lost it. E_MALFORMED: no replica says that; close the connection to its sender. */
int group_receive(struct group *g, uint64_t now_ms, const struct raft_msg *m);

/* Somebody knows that the entry of that index and term is committed. Where this log has it, it counts here, too, also
 * when nobody leads. */
void group_learn_commit(struct group *g, uint64_t now_ms, uint64_t index, uint64_t term);

/* --- commands --- */

/* Queues a command after those that wait; group_flush() proposes them as one batch. The reference is taken, also on
 * error. *index: where it will stand if it is committed: apply() for that index with this very blob, else it was
 * overruled. E_CLOSED: this replica does not lead, or is handing over: certainly not proposed. E_NOMEM, E_TOO_MANY:
 * likewise. */
int group_propose(struct group *g, struct blob *command, uint64_t *index);
/* Once per turn of the loop, for every group with commands that wait. */
void group_flush(struct group *g, uint64_t now_ms);
/* Once per turn, after that: the others are told what has been committed since they were sent something. Without it
 * they know by the next entries or the next heartbeat, and answer reads with what was before. */
void group_tell_commit(struct group *g);

/* --- what is known --- */

bool group_leads(const struct group *g);
uint64_t group_leader(const struct group *g); /* a replica's id; 0: not known */
uint64_t group_term(const struct group *g);
uint64_t group_last_index(const struct group *g);
uint64_t group_last_term(const struct group *g);
uint64_t group_commit_index(const struct group *g);
uint64_t group_applied_index(const struct group *g);
uint64_t group_applied_term(const struct group *g); /* of that entry */
/* An entry of the leader's own term is committed: only then is the commit index of all that was ever answered (rule 9),
 * and only then may members change (rule 3). */
bool group_has_committed_own(const struct group *g);
/* Those that count, from the moment they are in the log: a change may yet be overruled by another leader. */
unsigned group_members(const struct group *g, struct group_member out[GROUP_MEMBERS_MAX]);
/* Those of the last change that is committed: it will never be undone, only followed by another. */
unsigned group_members_committed(const struct group *g, struct group_member out[GROUP_MEMBERS_MAX]);
/* How far a member's log is known to agree with the leader's; 0 where that is not known. */
uint64_t group_match_index(const struct group *g, uint64_t id);
size_t group_log_bytes(const struct group *g);

/* For a replica that is frozen (R-REBUILD): applies all of its log, committed or not; nothing may follow but
 * group_destroy(). */
void group_apply_tail(struct group *g);

/* --- R-READ: reads by lease (group_lease.c) --- */

/* True: what is applied here is the latest state, and a read that has come in may be answered from it now. False: a
 * round tells (read_index.h). It looks at the clock, so ask for each read after it came in. It becomes true with the
 * answers to appends and heartbeats, and stays so while they come; it is false for the rest of a term in which
 * group_transfer() was called. */
bool group_may_read(struct group *g);
/* The voter's half of a round: true: it follows that leader in that term, and the caller sends yes; from now on it
 * keeps its vote for the leader for an election time-out. */
bool group_promise(struct group *g, uint64_t leader, uint64_t term);
/* The leader's half: the voter has said yes, in that term, to a question that was sent at that time of this replica's
 * clock, or later. */
void group_hear_promise(struct group *g, uint64_t id, uint64_t term, uint64_t stamp_ms);

/* The process of that replica, which may lead, has ended, as far as can be known. If this one has answered it last, it
 * stands for election as soon as its promise ends, instead of after a time-out by chance; voters do so a few
 * milliseconds apart. Hearing the leader again ends it. A wrong call costs an election, and nothing else. The deadline
 * changes. */
void group_leader_is_gone(struct group *g, uint64_t now_ms, uint64_t id);

/* --- members, by the leader --- */

enum group_change {
    GROUP_ADD_SPARE,
    GROUP_ADD_STANDBY,
    GROUP_ADD_VOTER, /* without catching up: for the seat of a phantom (rule 12) */
    GROUP_PROMOTE_STANDBY,
    GROUP_PROMOTE_VOTER,
    GROUP_REMOVE
};
/* One at a time. 0: proposed, and in force. E_CLOSED: does not lead. E_AGAIN: another is under way, or nothing of this
 * term is committed yet. E_INVALID: not a change that may be made (rules.h). E_NOMEM. */
int group_change(struct group *g, uint64_t now_ms, enum group_change what, uint64_t id);

enum group_catch_up { GROUP_CATCH_UP_NONE, GROUP_CATCH_UP_RUNNING, GROUP_CATCH_UP_ABORTED, GROUP_CATCH_UP_FINISHED };
/* Brings a spare up to the log's end. One at a time: E_AGAIN. E_CLOSED, E_NOT_FOUND. */
int group_catch_up(struct group *g, uint64_t now_ms, uint64_t id);
enum group_catch_up group_catch_up_status(const struct group *g, uint64_t id);
/* The spare is not waited for any more, because it is gone: with the next heartbeat its catching up is aborted, and it
 * is removed. No other change can be made before. */
void group_catch_up_abort(struct group *g, uint64_t id);

/* Hands leadership to a voter; proposals are refused meanwhile, for an election timeout at most. Also when it fails,
 * group_may_read() is false for the rest of the term. E_CLOSED, E_NOT_FOUND. */
int group_transfer(struct group *g, uint64_t now_ms, uint64_t id);
bool group_is_transferring(const struct group *g);

/* --- the log's length, and copies of the state --- */

/* Entries that are applied are dropped when the log holds more than this. */
void group_set_log_max(struct group *g, size_t bytes);
/* The copy to that replica is whole, as of what is applied now: tells the replica to take it. What follows in the log
 * stays until the replica has it. E_IO: not connected; E_CLOSED: does not lead any more, or there was no copy. */
int group_send_install(struct group *g, uint64_t destination);
/* It is over, one way or the other; if the replica still needs one, copy_wanted() says so again. */
void group_copy_ended(struct group *g, uint64_t destination);

#endif
