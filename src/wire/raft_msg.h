/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between the replicas of one Raft group: bytes of a peer into a struct and back. What a message may say
 * is judged in consensus/rules.h; here only its form is. Which cluster, epoch and group it belongs to stands in the
 * envelope around it, and so does its length.
 *
 * All numbers are big-endian. Head: kind u8, source id u64, destination id u64, term u64. Then, by kind:
 *   append         prev index u64, prev term u64, commit u64, stamp u64, entries u32, then each entry: term u64,
 *                  type u8, length u32, bytes
 *   append result  rejected u64, last index u64, stamp u64
 *   vote           last index u64, last term u64, flags u8 (1: pre-vote, 2: the leader has asked for it)
 *   vote result    flags u8 (1: pre-vote, 2: granted)
 *   install        last index u64, last term u64, configuration's index u64, configuration (the rest)
 *   timeout now    last index u64, last term u64
 *   commit         index u64, its term u64 */
#ifndef WIRE_RAFT_MSG_H
#define WIRE_RAFT_MSG_H

#include "base/buf.h"
#include "base/slice.h"

enum raft_msg_kind {
    RAFT_MSG_APPEND = 1,
    RAFT_MSG_APPEND_RESULT,
    RAFT_MSG_VOTE,
    RAFT_MSG_VOTE_RESULT,
    RAFT_MSG_INSTALL,
    RAFT_MSG_TIMEOUT_NOW,
    RAFT_MSG_COMMIT, /* ours, not the library's: up to where the log is committed. It is not answered */
    RAFT_MSG_KIND_MAX = RAFT_MSG_COMMIT
};

/* Ids are those of replicas, never 0 in what was decoded; indexes count from 1, 0 stands for none. */
struct raft_msg {
    enum raft_msg_kind kind;
    uint64_t source, destination;
    uint64_t term;
    union {
        struct {
            uint64_t prev_index, prev_term, commit;
            uint64_t stamp_ms; /* the sender's clock, before it was sent (R-READ) */
            uint32_t count;
            struct slice entries; /* borrowed; `count` whole entries */
        } append;
        struct {
            uint64_t rejected; /* 0: accepted */
            uint64_t last_index;
            uint64_t stamp_ms; /* of the append that it answers; 0: it answers something else */
        } append_result;
        struct {
            uint64_t last_index, last_term;
            bool pre_vote, disrupt_leader;
        } vote;
        struct {
            bool pre_vote, granted;
        } vote_result;
        struct {
            uint64_t last_index, last_term, configuration_index;
            struct slice configuration; /* borrowed */
        } install;
        struct {
            uint64_t last_index, last_term;
        } timeout_now;
        struct {
            uint64_t index, term; /* of an entry that is committed */
        } commit;
    };
};

struct raft_msg_entry {
    uint64_t term;
    uint8_t type;
    struct slice data; /* borrowed */
};

/* Of the length field; an entry is one command with one object. */
#define RAFT_MSG_ENTRY_MAX  UINT32_MAX
#define RAFT_MSG_ENTRY_HEAD 13

/* E_NOMEM, E_TOO_LARGE as buf_append(); then nothing was appended. `append.entries` is not looked at: entries follow by
 * raft_msg_put_entry(), `append.count` of them. */
int raft_msg_encode(struct buf *out, const struct raft_msg *m);
int raft_msg_put_entry(struct buf *out, const struct raft_msg_entry *e);

/* E_MALFORMED: not one of these, or an id or a term that is 0, or entries that do not fill the rest exactly. */
int raft_msg_decode(struct slice in, struct raft_msg *m);
/* Takes the next entry from the front of what raft_msg_decode() has checked. */
struct raft_msg_entry raft_msg_take_entry(struct slice *entries);

#endif
