/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the meta group: who is a member, which replicas of which partitions are where, and the catalog. A
 * deterministic machine: committed entries in, the same state on every node out. It decides nothing; that is the meta
 * leader's work (controller.c), which proposes what is applied here. */
#ifndef MAP_META_STATE_H
#define MAP_META_STATE_H

#include "base/id.h"
#include "map/placement.h"
#include "map/ticket_secrets.h"
#include "security/acl.h"
#include "store/catalog.h"
#include "wire/peer_msg.h"

#define META_PARTITIONS_MAX 64
#define META_MEMBERS_MAX    PLACEMENT_MEMBERS_MAX
#define META_REPLICAS_MAX   (PLACEMENT_REPLICAS_MAX + 2) /* of one partition, the coming and the going included */

enum member_state { MEMBER_LIVE, MEMBER_LEAVING, MEMBER_STATE_MAX = MEMBER_LEAVING };

struct member {
    uint64_t id; /* never given out again (R-ID); also its replica's of the meta group */
    struct incarnation incarnation;
    char address[PEER_ADDRESS_SIZE];
    uint16_t epmd_port, handoff_port;
    char place[PEER_PLACE_SIZE];
    unsigned state;
    uint64_t joined_ms; /* on the wall clock of who admitted it, for operators */
};

enum replica_state {
    REPLICA_ADDING,   /* the partition's leader is to make it a voter */
    REPLICA_PRESENT,  /* it is one */
    REPLICA_REMOVING, /* the leader is to take it out */
    REPLICA_STATE_MAX = REPLICA_REMOVING
};

struct replica {
    uint64_t id; /* in the partition's Raft group; never given out again (R-ID) */
    uint64_t member;
    unsigned state;
};

struct partition_map {
    uint32_t generation; /* 0: not created yet */
    uint64_t leader;     /* preferred: a member; 0: none */
    unsigned birth_count;
    uint64_t birth[PLACEMENT_REPLICAS_MAX]; /* R-ID: the replicas that start the generation; this never changes */
    uint64_t donor; /* of the generation: the replica of the one before that it is built from; 0: it begins empty */
    unsigned replica_count;
    struct replica replica[META_REPLICAS_MAX];
    unsigned frozen_count; /* R-REBUILD: replicas of older generations, kept until this one is whole */
    struct replica frozen[META_REPLICAS_MAX];
};

/* What is fixed when the cluster forms, and what every node takes from it. */
struct meta_settings {
    uint32_t expected; /* E0 */
    uint32_t replicas;
    uint32_t partitions; /* P: those numbered from it on are never created */
    uint32_t heartbeat_ms, election_ms, lease_ms, margin_ms, lost_after_ms;
    /* R-SEATS: an operator's word has made the seats fewer than E0 asks for, so many; 0 once there are enough again. */
    uint32_t lowered_seats;
};

struct meta_state {
    struct cluster_id cluster_id;
    uint64_t epoch;
    bool all_fresh;     /* all N took part in forming it, and none of them held anything */
    uint64_t formed_ms; /* R-TIME: the cluster's time when this epoch was formed: of the first, the wall clock */
    struct hash_key key;
    struct meta_settings settings;
    uint64_t next_id; /* of members and of replicas */
    unsigned member_count;
    struct member member[META_MEMBERS_MAX]; /* those who live or leave */
    unsigned dead_count;                    /* the latest who died: nothing is granted to them any more */
    struct {
        uint64_t id;
        struct incarnation incarnation;
    } dead[META_MEMBERS_MAX];
    struct partition_map partition[META_PARTITIONS_MAX];
    /* Partitions that began empty again because no replica survived, ever: how many, how many of them nobody had
     * counted, and what the others held as last counted. */
    uint64_t lost, lost_uncounted, lost_keys;
    /* Of each partition when this epoch was formed again, as last counted before; UINT64_MAX: that is not known. */
    uint64_t keys_before[META_PARTITIONS_MAX];
    struct ticket_secrets tickets;
    struct catalog *catalog;
    struct acl *acl;
    struct store_memory *memory;
};

/* Empty, with a catalog. `memory` is borrowed. E_NOMEM. */
int meta_state_create(struct store_memory *memory, const struct hash_key *key, struct meta_state **out);
void meta_state_destroy(struct meta_state **s);

/* The whole of it, as bytes and back (into a new state, E_NOMEM, E_MALFORMED): for START and for copies. What comes
 * back is a state that commands could have made: settings within their bounds, ids that were given out, each once, a
 * map whose members have one lasting replica of a partition each, and all partitions created or none. */
int meta_state_encode(const struct meta_state *s, struct buf *out);
int meta_state_decode(struct store_memory *memory, struct slice in, struct meta_state **out);

/* For a re-forming (R-REFORM): a member that is not in `kept` (ids of members) is dead, and what replicas there are is
 * frozen, to be donors. */
void meta_state_reform(struct meta_state *s, const uint64_t *kept, unsigned count);
/* Adds a member, with an id of its own. 0: there are too many. */
uint64_t meta_state_add(struct meta_state *s, const struct member *who);

/* --- commands --- */

enum meta_command_kind {
    META_ADD_MEMBER,    /* who */
    META_REMOVE_MEMBER, /* member: it is dead, or has left */
    META_LEAVE,         /* member: it begins to leave */
    META_CREATE,        /* partition p has the replicas member[0..count): all of them at once, after forming */
    META_REPLICAS,      /* changes of partitions' replicas */
    META_REBUILD,       /* partition, donor (a replica's id, or 0), member[0]: where its new first replica is; keys */
    META_WHOLE,         /* partition: what is kept of older generations can go */
    META_TAKE_ID,       /* an id for a phantom */
    META_CATALOG,       /* body: enum catalog_change and its RpbSetBucketReq or EphSecurityChange */
    META_FREEZE,        /* partition: nobody takes part in its generation any more; what there is may be a donor */
    META_SEATS,         /* count: settings.lowered_seats is this from now on */
    META_TICKETS,       /* generation, random, time_ms: another secret of TLS session tickets */
    META_COMMAND_MAX = META_TICKETS
};

enum replica_change {
    CHANGE_ADD,
    CHANGE_PRESENT,
    CHANGE_REMOVE,
    CHANGE_GONE,
    CHANGE_LEADER,
    CHANGE_LET_GO, /* what is kept of it, frozen, can go */
    REPLICA_CHANGE_MAX = CHANGE_LET_GO
};

struct meta_change {
    uint16_t partition;
    unsigned what;
    uint64_t id; /* of a member for ADD and LEADER, of a replica otherwise */
};

#define META_CHANGES_MAX 256

enum catalog_change {
    CATALOG_CREATE_TYPE,
    CATALOG_SET_TYPE,
    CATALOG_SET_BUCKET,
    CATALOG_RESET_BUCKET,
    CATALOG_SECURITY, /* of the acl */
    CATALOG_CHANGE_MAX = CATALOG_SECURITY
};

struct meta_command {
    unsigned kind;
    uint64_t member; /* or a phantom's new id, filled in by apply */
    struct member who;
    uint16_t partition;
    uint32_t generation; /* of FREEZE, REBUILD, WHOLE and TICKETS: the one that it was proposed for */
    uint64_t donor;
    uint64_t keys; /* that it held, as last counted; UINT64_MAX: that is not known */
    unsigned count;
    struct meta_change change[META_CHANGES_MAX];
    struct {
        unsigned count;
        uint64_t member[PLACEMENT_REPLICAS_MAX];
    } create[META_PARTITIONS_MAX];
    struct slice body;
    uint8_t random[RATCHET_SIZE];
    uint64_t time_ms; /* the cluster's */
};
void code_meta_command(struct coder *c, struct meta_command *m);

/* Applies it: any command that can be decoded. 0, or why it has no effect (E_EXISTS, E_NOT_FOUND, ..., what the catalog
 * says): the same everywhere. */
int meta_state_apply(struct meta_state *s, struct meta_command *m);

/* One change of the catalog, as the body of META_CATALOG. */
int catalog_change_encode(struct buf *out, enum catalog_change what, struct slice type, struct slice bucket,
                          const struct bucket_props *props);
/* The same of one of the acl. */
int catalog_security_encode(struct buf *out, const struct security_change *change);

/* --- questions --- */

const struct member *meta_member(const struct meta_state *s, uint64_t id); /* or NULL */
const struct member *meta_member_by_incarnation(const struct meta_state *s, struct incarnation incarnation);
bool meta_is_dead(const struct meta_state *s, struct incarnation incarnation);
const struct replica *meta_replica(const struct partition_map *p, uint64_t id); /* or NULL */
/* That member's, the coming before the going; or NULL. */
const struct replica *meta_replica_of(const struct partition_map *p, uint64_t member);

#endif
