/* What a node tells operators about its cluster: plain values, a picture of one moment. The cluster layer fills them,
 * cluster_msg.h carries them, ephemeralctl shows them. */
#ifndef WIRE_STATUS_H
#define WIRE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATUS_MEMBERS_MAX    64
#define STATUS_REPLICAS_MAX   8   /* of one partition: seven, and one that is being added */
#define STATUS_PARTITIONS_MAX 64  /* in one answer; more are asked for in pages */
#define STATUS_TRANSFERS_MAX  256 /* in one answer: a node has a few at a time */
#define STATUS_TEXT_MAX       256 /* with its NUL, as all texts here */
#define STATUS_ADDRESS_MAX    64
#define STATUS_ID_SIZE        16

enum status_node_state {
    STATUS_SEEKING = 1, /* in no cluster: looks for one, or for enough others to form one */
    STATUS_FORMING,     /* has accepted a forming, waits for its leader */
    STATUS_JOINING,     /* asks a cluster to be admitted */
    STATUS_MEMBER,
    STATUS_STRANDED, /* a member whose cluster has lost its majority */
    STATUS_LEAVING
};

enum status_member_state { STATUS_LIVE = 1, STATUS_SUSPECT, STATUS_MEMBER_LEAVING };

struct status_member {
    uint64_t id;
    uint8_t incarnation[STATUS_ID_SIZE];
    char address[STATUS_ADDRESS_MAX]; /* numeric */
    uint16_t epmd_port, handoff_port;
    enum status_member_state state;
    bool seat, leader;    /* of the meta group */
    uint64_t age_ms;      /* since it was admitted */
    uint64_t memory_used; /* bytes, as of its last renewal, as what follows */
    uint64_t memory_limit;
    uint64_t keys; /* of all its replicas */
    uint64_t lag;  /* meta entries that it has not applied yet */
};

struct status_node {
    enum status_node_state state;
    char why[STATUS_TEXT_MAX]; /* why it is not in a cluster, or not ready; empty: nothing is amiss */
    bool ready, serving;       /* serving: holds a valid lease */
    uint64_t id;               /* its member id; 0: none */
    uint8_t incarnation[STATUS_ID_SIZE];
    char name[STATUS_TEXT_MAX];         /* the cluster's */
    uint8_t cluster_id[STATUS_ID_SIZE]; /* zeros: none */
    uint64_t epoch;
    unsigned expected; /* N, as this node knows it */
    unsigned seats;    /* S */
    int may_lose;      /* members that may end at once without loss of a majority anywhere; -1: not known */
    unsigned partitions_incomplete; /* with fewer replicas than they should have */
    struct status_member member[STATUS_MEMBERS_MAX];
    size_t member_count;
};

struct status_replica {
    uint64_t member;
    bool voter;   /* else it is being added */
    uint64_t lag; /* entries behind the leader's log; UINT64_MAX: not known */
};

struct status_partition {
    unsigned number;
    uint32_t generation;
    uint64_t leader; /* a member; 0: none known */
    uint64_t keys;   /* UINT64_MAX: not known at this node */
    struct status_replica replica[STATUS_REPLICAS_MAX];
    size_t replica_count;
};

/* Copies that this node sends or receives now. */
struct status_transfer {
    unsigned partition;
    uint64_t from, to; /* members */
    uint64_t keys, bytes;
    uint64_t age_ms;
};

#endif
