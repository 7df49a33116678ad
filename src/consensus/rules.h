/* SPDX-License-Identifier: Apache-2.0 */
/* What a message may say to a replica, and which changes of members may be made: pure functions. The library takes
 * everything for granted, and in Debian's build without its assertions. */
#ifndef CONSENSUS_RULES_H
#define CONSENSUS_RULES_H

#include "consensus/group.h"

/* What of a replica the judgement needs. */
struct rules_view {
    uint64_t self, term, commit, last;
    uint64_t commit_term;
    uint64_t now_ms;
    uint64_t match; /* of the message's source, where this replica leads; else 0 */
    bool leads;
};

/* Entry types, as the library numbers them. */
enum { ENTRY_COMMAND = 1, ENTRY_BARRIER = 2, ENTRY_CHANGE = 3 };

/* How far ahead of ours a term may be: more elections than any cluster lives to see, few enough never to overflow. */
#define RULES_TERM_JUMP ((uint64_t)1 << 32)

/* 0; E_AGAIN: of the past, to be dropped; E_MALFORMED: nothing that a replica says (rule 10). */
int rules_check_message(const struct rules_view *v, const struct raft_msg *m);
/* The library's own encoding of a configuration, which its decoder reads without looking where it ends. */
int rules_check_configuration(struct slice encoded);

/* R-READ: the vote that a voter keeps for the leader whom it has answered, until then; leader 0: it has answered none.
 */
struct rules_promise {
    uint64_t leader, term, until_ms;
};

/* How long after it sent a message the leader may rely on who answered it. Each of the two clocks may run a
 * RULES_DRIFT_PART faster or slower than time, and both are read in whole milliseconds. */
#define RULES_DRIFT_PART 50
uint64_t rules_lease_ms(unsigned election_ms);
/* Whether the promise leaves room for that vote, or pre-vote: it is over; or its leader itself asks, which leads no
 * more; or a candidate asks that its leader, or a later one, told to stand: that leader has stopped reading by lease.
 */
bool rules_may_vote(const struct rules_promise *p, uint64_t now_ms, const struct raft_msg *m);
bool rules_may_stand(const struct rules_promise *p, uint64_t now_ms);

/* Members after the change, at `out`, count in *n: one is added at the end, or removed, or has another role; the others
 * keep their order (rule 15). E_INVALID: it is a member already, or is none; or the change would leave a single voter
 * that is not `self`, the leader (rule 16); or no voter, or too many members. */
int rules_change(const struct group_member *now, unsigned now_count, enum group_change what, uint64_t id, uint64_t self,
                 struct group_member out[GROUP_MEMBERS_MAX], unsigned *n);
/* True when `after` is `before` with just one change of those kinds. */
bool rules_is_one_change(const struct group_member *before, unsigned before_count, const struct group_member *after,
                         unsigned after_count);

#endif
