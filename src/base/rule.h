/* SPDX-License-Identifier: Apache-2.0 */
/* The named rules that can be left out of a build, so that a test shows what each is for: compiled with
 * -DEPHEMERAL_WITHOUT=RULE_..., the code runs as if that rule had not been thought of. In every other build the
 * question is a constant. */
#ifndef BASE_RULE_H
#define BASE_RULE_H

#include <stdbool.h>

enum rule {
    /* Of the adapter to the Raft library (src/consensus). */
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
    RULE_RAFT_17 = 17, /* a rebuilt group starts after a snapshot */
    /* Of the cluster (src/cluster, src/store). */
    RULE_PROOF,   /* only a dial begun after an incarnation was last heard proves it dead */
    RULE_SEATS,   /* no two meta groups can both have a quorum */
    RULE_FORM,    /* a node starts with the one proposal that it stands by, and with no other */
    RULE_FRESH,   /* nobody forms a cluster over one that somebody holds something of */
    RULE_EPOCH,   /* an epoch is above all before it, and what was seen in another counts as nothing */
    RULE_ID,      /* ids are never given out again */
    RULE_LEASE,   /* a quorum answer leaves only under a valid lease */
    RULE_COPY,    /* what changes after a snapshot has sent it is sent again */
    RULE_LOST,    /* a partition is rebuilt when its voters are dead, not when they are silent */
    RULE_REBUILD, /* nothing is taken, and no old copy dropped, before the new generation is on enough nodes */
    RULE_PLEDGE,  /* who accepts a re-forming takes no part in what was */
    RULE_REFORM,  /* no re-forming while a missing voter may be alive */
    RULE_READY,   /* ready is said when seats and partitions are full */
    RULE_TIME,    /* a partition's time is not the wall clock's */
    RULE_RETRY,   /* a write that comes again is not applied again */
    RULE_KNOWN,   /* a change of the catalog is answered when all who serve know it */
    RULE_CONTEXT, /* a removal from a set or map takes away only what its context has seen (src/datatype) */
    RULE_MEMORY,  /* what would pass the limit is refused before it is proposed */
    RULE_FLOOR,   /* a connection is shown nothing that is older than what it was shown before */
    /* R-READ, of the adapter: reads by lease. */
    RULE_READ_PROMISE,  /* a voter keeps its vote for the leader that it has answered */
    RULE_READ_SENT,     /* the lease counts from when the leader sent what was answered */
    RULE_READ_TRANSFER, /* no reads by lease once leadership may be handed over; who was told stands in one term */
    RULE_LEAVE,         /* what would lose most of its replicas goes first, where several nodes leave */
    /* Of an orchestrator's word (src/cluster/gone.c). */
    RULE_GONE_LEASE,  /* a member that the API calls gone is dead when its lease and the margin have run out */
    RULE_GONE_FRESH,  /* an answer counts that was asked for a lease after the member was last heard */
    RULE_GONE_TWICE,  /* two such answers must agree */
    RULE_GONE_WHOLE,  /* both are whole lists */
    RULE_GONE_SELF,   /* that name the node which asked */
    RULE_GONE_LISTED, /* and an earlier one named the member */
    RULE_GONE_QUORUM, /* without a majority they count nothing */
    RULE_FENCE        /* a member that may have been replaced, and misses others, does not serve */
};

#ifdef EPHEMERAL_WITHOUT
#define rule_holds(rule) ((rule) != EPHEMERAL_WITHOUT)
#else
#define rule_holds(rule) true
#endif

#endif
