/* The named rules that can be left out of a build, so that a test shows what each is for: compiled with
 * -DEPHEMERAL_WITHOUT=RULE_..., the code runs as if that rule had not been thought of. In every other build the
 * question is a constant. */
#ifndef BASE_RULE_H
#define BASE_RULE_H

#include <stdbool.h>

/* Of the adapter to the Raft library (src/consensus). */
enum rule {
    RULE_RAFT_2 = 2,   /* a message for another replica is dropped */
    RULE_RAFT_3 = 3,   /* no change of members before an entry of the leader's own term is committed */
    RULE_RAFT_4 = 4,   /* a change of members is fed to the library alone */
    RULE_RAFT_5 = 5,   /* the commit index never goes back */
    RULE_RAFT_6 = 6,   /* one copy under way to each replica */
    RULE_RAFT_7 = 7,   /* a spare whose catching up was aborted is removed */
    RULE_RAFT_8 = 8,   /* the library's time never goes back */
    RULE_RAFT_9 = 9,   /* a read waits for an own-term commit and a majority */
    RULE_RAFT_10 = 10, /* messages are validated */
    RULE_RAFT_13 = 13, /* a leader's timeouts come at a cadence of its own */
    RULE_RAFT_14 = 14, /* nothing is encoded for who is not connected */
    RULE_RAFT_15 = 15, /* a change adds or removes one, the others keep their order */
    RULE_RAFT_16 = 16, /* a single voter is left only where it leads */
    RULE_RAFT_17 = 17  /* a rebuilt group starts behind a snapshot */
};

#ifdef EPHEMERAL_WITHOUT
#define rule_holds(rule) ((rule) != EPHEMERAL_WITHOUT)
#else
#define rule_holds(rule) true
#endif

#endif
