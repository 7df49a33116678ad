/* SPDX-License-Identifier: Apache-2.0 */
/* The partitions of which this node keeps replicas: each is a Raft group, or a single replica where it is alone, over a
 * store. It knows the links to other nodes, the cluster's map and the group; what else it needs to know, and whom it
 * tells what has happened, are hooks. */
#ifndef PARTITION_PARTITION_H
#define PARTITION_PARTITION_H

#include "base/id.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/timers.h"
#include "consensus/group.h"
#include "consensus/read_index.h"
#include "io/clock.h"
#include "map/meta_state.h"
#include "mesh/mesh.h"
#include "store/snapshot.h"
#include "wire/status.h"

struct partition;

/* --- what stands around it --- */

struct partition_hooks {
    /* An entry was applied, with that result, which is borrowed. It is called from within the group: it must not call
     * the partition. */
    void (*applied)(void *arg, struct partition *p, uint64_t index, const struct blob *blob, int err,
                    const struct store_result *result);
    /* The replica does not lead any more, or is gone: `waiting` and `reads` are to be emptied. */
    void (*deposed)(void *arg, struct partition *p);
    /* At the end of a turn: those of `reads` that can be answered are to be. */
    void (*serve_reads)(void *arg, struct partition *p);
    /* The open connection to that member; NULL: none is open. */
    struct link *(*link_to)(const void *arg, uint64_t member, enum peer_plane plane);
    bool (*is_leaving)(const void *arg, uint64_t member);
    /* For how long that incarnation is known to be no member; 0: it is one. */
    uint64_t (*gone_for_ms)(void *arg, struct incarnation incarnation);
    /* R-TIME: the cluster's time. */
    uint64_t (*now_ms)(const void *arg);
    /* What partition_describe() says has changed, so that the meta leader should hear of it. */
    void (*renew_soon)(void *arg);
};

/* Borrowed to the end. The owner keeps up to date what is pointed to in the last group. */
struct partition_env {
    const struct partition_hooks *hooks;
    void *arg;
    const struct clock *clock;
    struct timers *timers;
    const struct log *log;
    struct metrics *metrics;
    struct store_memory *memory;
    store_term_next next_term; /* for store_keep_index() */
    size_t frame_max;          /* bytes of the largest object */
    uint64_t forget_after_ms;  /* an origin is forgotten when its incarnation has been gone for so long (R-RETRY) */
    struct meta_state *const *state; /* *state NULL: in no cluster */
    const uint64_t *self;            /* this node's member id */
    const bool *frozen;              /* R-PLEDGE: nothing is done for any group any more */
    const uint32_t *heartbeat_ms, *election_ms;
};

/* --- a partition's replica --- */

struct partition_snapshot_out;
struct partition_snapshot_in;

/* Copies that were sent to one replica, one after the other. */
struct copy_tries {
    uint64_t destination; /* 0: none was */
    uint64_t ended_ms;    /* the last */
    unsigned count;
};

struct partition {
    struct partitions *set; /* all of this node's */
    unsigned number;
    uint32_t generation;
    uint64_t replica; /* this node's, in the generation; 0: none here */
    struct store *store;
    bool whole;          /* the store is what the replica has applied; false: it is still empty, a copy is under way */
    struct group *group; /* NULL with a replica: it is the only one, and what it does is committed */
    size_t log_bytes;    /* of the group's log, as counted in partitions.log_bytes */
    bool broken;
    bool no_room;           /* the last copy that came did not fit */
    bool installs;          /* an install message is being written: after its copy */
    struct link *sends_on;  /* the group is writing a message there; else NULL */
    uint64_t index;         /* applied */
    uint64_t stamp_ms;      /* R-TIME: the partition's time ... */
    uint64_t stamp_boot_ms; /* ... at this moment of this node's clock */
    unsigned turn;          /* of the replicas, when nobody is known to lead */
    uint64_t leader_hint;   /* member that led when it was last heard of; 0 */
    struct read_index rounds;
    struct list waiting; /* ops that are proposed here, in the order of the log */
    struct list reads;   /* ops that wait for a round, in the order of asking */
    struct list own;     /* this node's writes to it that are not answered, by sequence */
    uint64_t sequence;   /* of the last of them */
    struct list dirty;   /* in partitions.dirty: something is to be flushed at the end of the turn */
    struct timer tick;   /* of the group */
    struct timer expiry;
    uint64_t tick_index;  /* of a STORE_TICK that is proposed and not applied */
    uint64_t copy_wanted; /* by that replica */
    uint64_t own_term;    /* the last in which it led and an entry of its own was committed */
    struct copy_tries copy_tries[META_REPLICAS_MAX];
    struct partition_snapshot_out *copy_out;
    struct partition_snapshot_in *copy_in;
    uint64_t no_transfer_until_ms;
    uint64_t forget_ms; /* when it is next looked whether an origin is to be forgotten */
    /* R-REBUILD: what this node held of an older generation. */
    struct store *frozen;
    uint64_t frozen_replica;
    uint32_t frozen_generation;
    uint64_t frozen_term, frozen_index;
};

/* All of a node. */
struct partitions {
    struct partition_env env;
    struct partition at[META_PARTITIONS_MAX];
    struct list dirty;      /* those of which something is to be done at the end of the turn */
    size_t log_bytes;       /* of all logs */
    uint64_t snapshots;     /* begun here */
    uint64_t expiry_end_us; /* of this turn's time for freeing what is due; 0: not begun */
    bool expiry_over;
    uint64_t snapshot_end_us; /* of this turn's time for snapshots; 0: not begun */
};

void partitions_init(struct partitions *s, const struct partition_env *env);
/* What happens from here on belongs to another turn of the loop. */
void partitions_begin_turn(struct partitions *s);
/* At the end of a turn: all that are dirty. */
void partitions_turn(struct partitions *s);

static inline const struct meta_state *partition_state(const struct partition *p)
{
    return *p->set->env.state;
}

static inline const struct partition_map *partition_map(const struct partition *p)
{
    return &partition_state(p)->partition[p->number];
}

/* This node's clock. */
static inline uint64_t partition_clock_ms(const struct partition *p)
{
    return clock_boot_ms(p->set->env.clock);
}

/* A question or an answer of a round to one member (consensus/read_index.h); nothing where there is no connection. */
void round_put(struct link *l, const struct meta_state *state, const struct peer_round *r);

/* --- calls --- */

/* Of the base after which a group begins, and of all that is alone. */
#define PARTITION_BASE_TERM 1

void partition_fini(struct partition *p);
/* Makes this node's replica what the meta state says: creates or destroys its group and store, or freezes it. Without
 * memory the replica is broken (partition_describe() says so), and the meta leader replaces it. */
void partition_follow(struct partition *p);
void partition_freeze(struct partition *p);
uint64_t partition_now_ms(const struct partition *p); /* R-TIME */
/* What another replica says of the partition's time: taken where it is ahead of this node's own counting. */
void partition_hear_time(struct partition *p, uint64_t time_ms);
bool partition_leads(const struct partition *p);
/* The most that logs are to take, all together; once they take more, they are cut. */
size_t partitions_logs_max(const struct partitions *s);
void partitions_bound_logs(struct partitions *s);
void partition_mark_dirty(struct partition *p);
void partition_turn(struct partition *p);
int partition_raft(struct partition *p, const struct raft_msg *m);
void partition_leader_ended(struct partition *p, uint64_t member); /* as meta_leader_ended() */
/* partition_round.c */
void partition_ask_round(struct partition *p);
/* R-TIME: a leader stamps no write before a majority has told it the time. Whoever has heard of the last stamp late, as
 * it was paused, would live in the past: what it writes would be gone too early when another leads. */
bool partition_knows_time(const struct partition *p);
void partition_ask_time(struct partition *p); /* once in each term */
void partition_ask_all(struct partition *p);
/* R-READ: a quorum read that has come in may be answered at once, from what is applied here; else a round is asked. For
 * a partition that router_serves(), and for each read again. */
bool partition_may_read_now(struct partition *p);
struct link *partition_link(const struct partition *p, uint64_t replica); /* or NULL */
void partition_round(struct partition *p, const struct peer_round *r);
void partition_lead(struct partition *p); /* the leader's reconciling with the map */
void partition_forget_origins(struct partition *p);
/* Sees to that at the end of the turn, of one that is alone. */
void partition_remember_origins(struct partition *p);
void partition_describe(struct partition *p, struct peer_replica *out); /* partition_describe.c */
/* An empty store that keeps indexes. E_NOMEM. */
int partition_create_store(const struct partition *p, struct store **out);
int partition_commit_solo(struct partition *p, struct store_command *c, struct store_result *result);
/* partition_expiry.c */
void partition_on_expiry(struct timer *t);
void partition_schedule_expiry(struct partition *p);
void partition_tick(struct partition *p); /* frees what is due, and moves the stamp on */
void partition_rearm(struct partition *p);

void partition_snapshot_begin(struct partition *p);
/* What it sends and receives: at most two. */
size_t partition_transfers(const struct partition *p, struct status_transfer *out);
int partition_snapshot_receive(struct partition *p, const struct peer_copy *m);
bool partition_snapshot_is_complete(struct partition *p, uint64_t source, uint64_t index);
void partition_snapshot_install(struct partition *p);
void partition_snapshot_end(struct partition *p);
void partition_snapshot_tick(struct partition *p); /* forgets one of which nothing has come for long */

#endif
