/* SPDX-License-Identifier: Apache-2.0 */
/* What a node tells operators about its cluster: plain values, a picture of one moment. The cluster layer fills them,
 * cluster_msg.h carries them, ephemeralctl shows them. */
#ifndef WIRE_STATUS_H
#define WIRE_STATUS_H

#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATUS_MEMBERS_MAX    64
#define STATUS_REPLICAS_MAX   8   /* of one partition: seven, and one that is being added */
#define STATUS_PARTITIONS_MAX 64  /* in one answer; more are asked for in pages */
#define STATUS_TRANSFERS_MAX  256 /* in one answer: a node has a few at a time */
#define STATUS_SOURCES_MAX    64  /* of discovery, in one answer */
#define STATUS_CANDIDATES_MAX 64  /* likewise; more are asked for in pages */
#define STATUS_TEXT_MAX       256 /* with its NUL, as all texts here */
#define STATUS_ADDRESS_MAX    64
#define STATUS_NAME_MAX       130

enum status_node_state {
    STATUS_SEEKING = 1, /* in no cluster: looks for one, or for enough others to form one */
    STATUS_FORMING,     /* has accepted a forming, waits for its leader */
    STATUS_JOINING,     /* asks a cluster to be admitted */
    STATUS_MEMBER,
    STATUS_STRANDED, /* a member whose cluster has lost its majority */
    STATUS_LEAVING
};

enum status_member_state {
    STATUS_LIVE = 1,
    STATUS_SUSPECT, /* the cluster's leader has not heard it for a lease and its margin: it is worked around */
    STATUS_MEMBER_LEAVING,
    STATUS_UNREACHABLE /* the node that answers does not hear it now */
};

enum status_health {
    STATUS_HEALTHY = 1,
    STATUS_DEGRADED, /* requests are served, but a node or a copy is missing, or the node that answers is not ready */
    STATUS_NO_QUORUM /* the node that answers reaches no majority of a cluster; also when it is in none */
};

/* In words; "unknown" for what is none of them. */
const char *status_node_state_text(enum status_node_state state);
const char *status_health_text(enum status_health health);

struct status_member {
    uint64_t id;
    struct incarnation incarnation;
    char address[STATUS_ADDRESS_MAX]; /* numeric */
    char name[STATUS_NAME_MAX];       /* its instance name (option place); empty: it has none */
    uint16_t epmd_port, handoff_port;
    enum status_member_state state;
    bool seat, leader;    /* of the meta group */
    uint64_t age_ms;      /* since it was admitted */
    uint64_t memory_used; /* bytes, as of its last report, as what follows; UINT64_MAX: not known */
    uint64_t memory_limit;
    uint64_t keys; /* of all its replicas */
    uint64_t lag;  /* meta entries that it has not applied yet */
};

/* Of the node that answers, in bytes; UINT64_MAX: not known. What a log shares with the data counts in both. */
struct status_memory {
    uint64_t resident, limit;          /* of its process, as the system counts it; the option memory */
    uint64_t data, data_limit;         /* keys and values, those among them that are being copied here */
    uint64_t logs, logs_limit;         /* kept for followers that lag a little; logs are cut above it */
    uint64_t peers;                    /* waits to be sent to other nodes */
    uint64_t requests, requests_limit; /* of clients: bodies and answers on their way */
};

/* When certificates end, seconds since the epoch; 0: not known. */
struct status_certificates {
    uint64_t now;               /* of the node that answers */
    uint64_t root;              /* the root that signs its certificates */
    uint64_t node;              /* the first end of its own, which it renews */
    uint64_t client;            /* the first end of its clients' in use */
    char user[STATUS_TEXT_MAX]; /* whose that is */
};

struct status_node {
    enum status_node_state state;
    char why[STATUS_TEXT_MAX]; /* why it is not in a cluster, or not ready; empty: nothing is amiss */
    bool ready;                /* a member of a cluster with a majority, whose keys have all had their copies once */
    bool serving;              /* holds a valid lease */
    bool probe; /* what an orchestrator's readiness probe is told: also yes where only another node's start can help */
    enum status_health health; /* 0: the node does not say, as it is of an older release */
    uint64_t id;               /* its member id; 0: none */
    struct incarnation incarnation;
    char name[STATUS_TEXT_MAX];   /* the cluster's */
    struct cluster_id cluster_id; /* zeros: none */
    uint64_t epoch;
    unsigned expected;          /* N, as this node knows it */
    unsigned seats;             /* S */
    int may_lose;               /* members that may end at once without loss of a majority anywhere; -1: not known */
    int partitions_incomplete;  /* with fewer replicas within reach than they should have; -1: not known */
    int partitions_unavailable; /* without a majority of their replicas within reach; -1: not known */
    unsigned partitions_lost;   /* that began empty as no replica was left, since the cluster was first formed */
    unsigned partitions_lost_uncounted; /* of those: nobody knew how many keys they held */
    uint64_t keys_lost;                 /* of the others, as last counted before */
    struct status_memory memory;
    struct status_certificates certificates;
    char release[STATUS_TEXT_MAX]; /* of its program; empty: not known */
    struct status_member member[STATUS_MEMBERS_MAX];
    size_t member_count;
};

struct status_replica {
    uint64_t member;
    bool voter;   /* else it is being added */
    uint64_t lag; /* entries that it lags behind the leader's log; UINT64_MAX: not known */
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

/* What one source of discovery has said of where nodes may be. */
struct status_source {
    char name[STATUS_TEXT_MAX];
    bool authoritative;            /* the expected number of nodes may fall by its word */
    uint64_t answered_age_ms;      /* since its last answer; UINT64_MAX: it has not answered yet */
    uint64_t took_ms;              /* from the question to that answer */
    unsigned nodes;                /* that it lists, with an address or without */
    unsigned addresses;            /* that it lists */
    int size;                      /* nodes that there are to be; -1: it does not say */
    char note[STATUS_TEXT_MAX];    /* what else the answer says; empty: nothing */
    char problem[STATUS_TEXT_MAX]; /* what is wrong with the answer, which is used; empty: nothing */
    uint64_t failed_age_ms;        /* since the last question that it did not answer; UINT64_MAX: there was none */
    char error[STATUS_TEXT_MAX];   /* why it did not */
};

/* Why a candidate is a member, or is none. */
enum status_candidate_state {
    STATUS_CANDIDATE_NEW = 1, /* was not reached yet, nor has it failed */
    STATUS_CANDIDATE_SELF,    /* this node */
    STATUS_CANDIDATE_MEMBER,  /* of this node's cluster */
    STATUS_CANDIDATE_SILENT,  /* nobody answers there */
    STATUS_CANDIDATE_REFUSED, /* a node answers that this one does not talk to */
    STATUS_CANDIDATE_ALIAS,   /* another address of a node that has its own */
    STATUS_CANDIDATE_ONE_WAY, /* answers, but does not connect to this node */
    STATUS_CANDIDATE_SEEKING, /* in no cluster */
    STATUS_CANDIDATE_WAITING, /* for being admitted to this node's cluster */
    STATUS_CANDIDATE_FORMING, /* has accepted a forming */
    STATUS_CANDIDATE_STRANDED,
    STATUS_CANDIDATE_OTHER /* a member of a cluster that this node is not in */
};

/* A place where a node may be. */
struct status_candidate {
    char address[STATUS_ADDRESS_MAX]; /* numeric */
    uint16_t epmd_port;
    uint64_t sources; /* bit i: the source i of the same answer lists it */
    enum status_candidate_state state;
    char why[STATUS_TEXT_MAX]; /* more about the state; empty: nothing */
};

struct status_discovery {
    unsigned source_total; /* also those that found no place here */
    struct status_source source[STATUS_SOURCES_MAX];
    size_t source_count;
    unsigned candidate_total;
    struct status_candidate candidate[STATUS_CANDIDATES_MAX];
    size_t candidate_count; /* none: there are no more */
};

/* In words; "unknown" for what is none of them. */
const char *status_candidate_state_text(enum status_candidate_state state);

#endif
