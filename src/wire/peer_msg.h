/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between nodes: how each looks on a link, in one description for both directions (wire/coder.h). What
 * they mean stands where they are used, in src/cluster.
 *
 *   frame: length u32 of what follows, kind u8, body
 *
 * A decoder gives E_MALFORMED for anything else; views it gives are borrowed from the frame. */
#ifndef WIRE_PEER_MSG_H
#define WIRE_PEER_MSG_H

#include "base/id.h"
#include "wire/coder.h"

#define PEER_VERSION      1
#define PEER_FRAME_HEAD   5
#define PEER_NAME_SIZE    65
#define PEER_PLACE_SIZE   130
#define PEER_ADDRESS_SIZE 46
#define PEER_SEATS_MAX    64
#define PEER_REPLICAS_MAX 256    /* partitions of a node: all of them */
#define PEER_GROUP_META   0xffff /* the meta group's number; others are partitions' */

/* Three connections go from each node to each other: what decides who lives and leads never waits behind what is
 * large. */
enum peer_plane { PLANE_CONTROL, PLANE_RAFT, PLANE_BULK, PLANE_COUNT };

enum peer_msg_kind {
    PEER_HELLO = 1, /* the first on every connection, from both sides */
    PEER_BEACON,
    /* forming and joining */
    PEER_OFFER,
    PEER_ACCEPT,
    PEER_START,
    PEER_JOIN, /* no body: who asks has said hello */
    PEER_ADMIT,
    /* leases */
    PEER_RENEW,
    PEER_GRANT,
    /* Raft groups */
    PEER_RAFT,
    PEER_ROUNDS,
    PEER_COPY,
    /* requests to another node, and their answers, on the same connection */
    PEER_REQUEST,
    PEER_ANSWER,
    /* to who has dialed: it cannot be reached where its hello says that it is */
    PEER_NOT_REACHED,
    PEER_KNOWN, /* to the meta leader, between renewals */
    PEER_KIND_COUNT
};

/* Appends the head of a frame, whose body is to follow; *start is where it stands, in bytes from buf's front.
 * E_TOO_LARGE, E_NOMEM. */
int peer_frame_begin(struct buf *out, enum peer_msg_kind kind, size_t *start);
/* Fills in its length, now that the body is there; under 4 GiB. */
void peer_frame_end(struct buf *out, size_t start);
/* Takes the next whole frame from the front of *in. 1: *kind and *body; 0: not all of it is there, *need bytes are
 * the whole of it, as far as can be told; E_MALFORMED: no such kind, E_TOO_LARGE: longer than `max`. */
int peer_frame_next(struct slice *in, size_t max, unsigned *kind, struct slice *body, size_t *need);

struct peer_hello {
    uint16_t version;
    unsigned plane;            /* what this connection is for */
    char name[PEER_NAME_SIZE]; /* of the cluster: nodes of another are not talked to */
    struct incarnation incarnation;
    char address[PEER_ADDRESS_SIZE]; /* where this node is reached, numeric */
    uint16_t epmd_port, handoff_port;
    char place[PEER_PLACE_SIZE];
};
void code_hello(struct coder *c, struct peer_hello *m);

#define PEER_WHY_SIZE 96 /* with the NUL */

/* PEER_NOT_REACHED: said on the connection that the other one has made. */
struct peer_not_reached {
    char why[PEER_WHY_SIZE];
};
void code_not_reached(struct coder *c, struct peer_not_reached *m);

/* What a node is to others. */
enum peer_state {
    PEER_SEEKING,
    PEER_FORMING, /* an empty cluster */
    PEER_MEMBER,
    PEER_STRANDED,
    PEER_REFORMING, /* a cluster that holds something */
    PEER_STATE_MAX = PEER_REFORMING
};

/* Said over and over on the control connection. */
struct peer_beacon {
    unsigned state;
    bool serving;                 /* holds a valid lease now */
    uint32_t n;                   /* the largest number of nodes that it knows of (architecture.md, "N") */
    struct cluster_id cluster_id; /* zeros: in none */
    uint64_t epoch;
    uint64_t highest_epoch;         /* that it ever heard of */
    uint64_t wall_ms;               /* R-EPOCH */
    uint64_t meta_term, meta_index; /* of the last entry of its meta log */
    bool leads;
    bool leaving;                           /* it gives up what it holds, and ends */
    char leader_address[PEER_ADDRESS_SIZE]; /* of the meta leader that it follows; empty: none */
    uint16_t leader_port;
    bool survivors; /* an operator has said here that the missing members are gone for good ... */
    uint32_t left;  /* ... and that so many nodes run in all; 0: not that */
};
void code_beacon(struct coder *c, struct peer_beacon *m);

/* Who forms a cluster proposes it to those who are to take part. */
struct peer_offer {
    uint64_t proposal; /* drawn at random for each */
    bool reform;       /* epoch + 1 of the cluster that the proposer is a member of, else a new one */
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint32_t left; /* so few take part as an operator has said that no more nodes run; 0: it needs no such word */
};
void code_offer(struct coder *c, struct peer_offer *m);

struct peer_accept {
    uint64_t proposal;
    bool accepted;    /* false: withdrawn, or never */
    uint64_t time_ms; /* of the cluster that is to be formed again (R-TIME); 0: not known */
};
void code_accept(struct coder *c, struct peer_accept *m);

struct peer_start {
    uint64_t proposal;
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint64_t index, term; /* after which the meta group begins */
    unsigned voter_count;
    uint64_t voters[PEER_SEATS_MAX]; /* member ids, distinct and none of them 0; phantoms' among them */
    struct slice state;              /* meta_state_code() */
};
void code_start(struct coder *c, struct peer_start *m);

struct peer_admit {
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint64_t member; /* the new id; 0: this incarnation is dead, it must come as another */
    uint64_t leader; /* the sender's id */
};
void code_admit(struct coder *c, struct peer_admit *m);

struct peer_renew {
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint64_t member;
    uint64_t sent_ms; /* on the sender's clock */
    uint64_t applied; /* of the meta group */
    uint64_t memory_used, memory_limit;
    uint64_t unreachable; /* bit i: the i-th member of the table as of `applied` does not answer it on 8099 */
    bool leaving;
    unsigned replica_count; /* that many struct peer_replica follow */
};
void code_renew(struct coder *c, struct peer_renew *m);

/* How far the sender has applied the meta group's log: the leader may be waiting for that (R-KNOWN). It renews nothing.
 */
struct peer_known {
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint64_t member;
    uint64_t applied;
};
void code_known(struct coder *c, struct peer_known *m);

/* One replica that the sender holds. */
struct peer_replica {
    uint16_t partition;
    uint32_t generation;
    uint64_t replica;
    bool leads, whole, frozen;
    bool broken;  /* of no use any more: to be replaced by another */
    bool no_room; /* the last copy of the partition that came here did not fit */
    uint64_t last_term, last_index;
    uint64_t keys;
    unsigned member_count; /* where it leads: the group's members */
    struct {
        uint64_t replica;
        bool voter;
        uint64_t lag; /* entries; UINT64_MAX: not known */
    } member[PEER_SEATS_MAX];
};
void code_replica(struct coder *c, struct peer_replica *m);

/* What the meta leader knows of a member. */
struct peer_load {
    uint64_t member;
    uint64_t memory_used, memory_limit;
    uint64_t keys; /* of all its replicas */
    uint64_t lag;  /* meta entries that it has not applied */
    bool suspect;
};

struct peer_grant {
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint64_t sent_ms; /* of the renewal */
    uint64_t index;   /* of the meta group: the lease counts once that is applied */
    bool settled;     /* seats and partitions are as full as they can be */
    uint64_t time_ms; /* of the cluster (R-TIME) */
    unsigned member_count;
    struct peer_load member[PEER_SEATS_MAX];
    /* How many keys each partition holds, as its leader has said last; UINT64_MAX: that is not known. Where a majority
     * is lost, this is how those that are left know what is gone. */
    unsigned partition_count;
    uint64_t keys[PEER_REPLICAS_MAX];
};
void code_grant(struct coder *c, struct peer_grant *m);

/* In front of everything that a Raft group says: which group it is. */
struct peer_envelope {
    struct cluster_id cluster_id;
    uint64_t epoch;
    uint16_t group;
    uint32_t generation;
};
#define PEER_ENVELOPE_SIZE 30
void code_envelope(struct coder *c, struct peer_envelope *m);

/* PEER_ROUNDS: read-index rounds (consensus/read_index.h) of several groups: the question or a yes. An envelope whose
 * group and generation are not looked at, then any number of these. */
struct peer_round {
    uint16_t group;
    uint32_t generation;
    uint64_t source, destination; /* replicas */
    uint64_t term, round;
    uint64_t time_ms;  /* of the partition, where the source is (R-TIME); the meta group has none: 0 */
    uint64_t stamp_ms; /* the asking leader's clock, before it asked (R-READ); of the answer: the same */
    bool yes;          /* else it is the question */
};
void code_round(struct coder *c, struct peer_round *m);

/* PEER_COPY: a part of the copy of a group's state; then its bytes. */
struct peer_copy {
    struct peer_envelope envelope;
    uint64_t source, destination; /* replicas */
    uint64_t term;
    uint64_t number; /* of the copy, counted by its sender */
    uint64_t offset; /* of these bytes in it */
    uint64_t index;  /* last part: the applied index as of which it is; else 0 */
    struct slice bytes;
};
void code_copy(struct coder *c, struct peer_copy *m);

/* How far a replica has applied its log: what it shows is as of there. epoch 0: nothing is said. */
struct peer_mark {
    uint64_t epoch;
    uint32_t generation;
    uint64_t index, term; /* of an entry; term 0: not known */
};

enum peer_request_kind {
    PEER_GET,        /* linearizable; body: a key */
    PEER_GET_ANY,    /* from whatever replica is there */
    PEER_WRITE,      /* body: command_encode() */
    PEER_KEYS,       /* one step of a listing, linearizable; body: type, bucket */
    PEER_BUCKETS,    /* body: type */
    PEER_CATALOG,    /* a change of the catalog, for the meta leader */
    PEER_QUERY,      /* one step of an index query, linearizable; body: type, bucket, query */
    PEER_GET_LATEST, /* as PEER_GET_ANY, from who leads: as it is there, linearizable or not */
    PEER_REQUEST_KIND_MAX = PEER_GET_LATEST
};

struct peer_request {
    uint64_t number; /* counted by the sender, on this connection */
    unsigned kind;
    uint16_t partition;
    bool wants_object;      /* of a write: the answer holds the object */
    uint32_t time_ms;       /* that the sender goes on waiting */
    uint64_t cursor, end;   /* of a listing: begins at, goes not past */
    struct peer_mark floor; /* of a read from any replica: one that has not come as far does not answer it (R-FLOOR) */
    struct slice body;
};
void code_request(struct coder *c, struct peer_request *m);

struct peer_answer {
    uint64_t number;
    unsigned status; /* enum peer_answer_status */
    uint64_t leader; /* PEER_DONE: the sender, if it leads; PEER_NOT_HERE: a member that may know better; 0: none */
    struct peer_mark mark; /* PEER_DONE: how far the sender is in the partition */
    struct slice body;
};
enum peer_answer_status {
    PEER_DONE,     /* body: what was asked for */
    PEER_NOT_HERE, /* certainly without effect */
    PEER_UNSURE,   /* of a write: it may have its effect yet */
    PEER_ANSWER_STATUS_MAX = PEER_UNSURE
};
void code_answer(struct coder *c, struct peer_answer *m);

#endif
