/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a node's part in its cluster share, and nobody else sees. */
#ifndef CLUSTER_CLUSTER_IMPL_H
#define CLUSTER_CLUSTER_IMPL_H

#include "base/id.h"
#include "cluster/cluster.h"
#include "cluster/phase.h"
#include "mesh/mesh.h"
#include "map/seats.h"
#include "map/meta_state.h"
#include "consensus/group.h"
#include "consensus/read_index.h"
#include "router/router_impl.h"
#include "store/snapshot.h"

#define BEACON_MS 200

struct op;

/* --- the meta group --- */

struct meta {
    struct meta_state *state; /* NULL: in no cluster */
    struct group *group;
    uint64_t self; /* this node's member id */
    bool whole;    /* the state is there */
    struct read_index rounds;
    struct timer tick;
    bool dirty;
    uint64_t taken_id;      /* the last of META_TAKE_ID, until it is used; 0 */
    uint64_t members_index; /* since when the member table is as it is */
    bool changed;           /* something was applied since the end of the last turn */
    uint64_t copy_wanted[META_MEMBERS_MAX];
    unsigned copy_wanted_count;
    struct buf copy_in; /* a state that comes */
    uint64_t copy_source, copy_term, copy_number, copy_index;
    uint64_t copy_count;
    struct known_member {
        struct incarnation incarnation;
        uint64_t since_ms; /* this node knows of it */
        /* R-GONE: what whole answers of the orchestrator's API have said since. It was listed once; the last two
         * answers in a row that did not list it were asked for then, the latest first (0: there was none). */
        bool was_listed;
        uint64_t unlisted_ms[2];
    } known[META_MEMBERS_MAX];
    unsigned known_count;
    uint64_t leader_seen_ms;
    uint64_t leader_told; /* that the lease was last asked of */
    bool was_led;         /* a leader was seen since this group began here */
    struct list waiting;  /* ops: changes of the catalog */
    struct list answered; /* ops: applied, to be known everywhere first */
};

/* --- leases --- */

struct lease {
    uint64_t until_ms;
    uint64_t granted_until_ms, granted_index; /* counts once that is applied */
    uint64_t hold_ms;                         /* before which this node, as meta leader, grants none */
    struct timer renew;
    uint64_t renewed_ms;
    uint64_t told_catalog; /* catalog_version that the meta leader was told of */
    bool settled;
    unsigned member_count; /* what the meta leader has said of the members */
    struct peer_load member[PEER_SEATS_MAX];
};

/* --- what only the meta leader knows --- */

struct replica_view {
    uint32_t generation;
    uint64_t replica;
    bool whole, frozen, broken, no_room;
    uint64_t last_term, last_index, keys;
};

struct member_view {
    uint64_t member;
    uint64_t heard_ms;
    uint64_t applied; /* of the meta group, when it last renewed */
    uint64_t known;   /* the same, or later (PEER_KNOWN) */
    uint64_t memory_used, memory_limit;
    uint64_t full_ms; /* when it last said that a copy did not fit; 0: never */
    uint64_t unreachable;
    uint64_t cut_off_ms; /* most of the others do not reach it on 8099, since then; 0: they do */
    bool renewed;        /* at least once under this leader */
    bool leaving;
    bool suspect_told;
    bool due; /* a renewal has come that no round was asked for yet; sent at */
    uint64_t sent_ms;
    bool asked;   /* a grant follows the round, for a renewal sent at */
    bool granted; /* ... or has followed */
    uint64_t asked_ms, term, round, index;
    uint64_t round_ms;       /* when that round was asked for */
    uint64_t lease_until_ms; /* no later than this its last lease ends */
    struct replica_view replica[META_PARTITIONS_MAX];
};

struct partition_view {
    uint32_t generation;
    uint64_t leader; /* a replica */
    uint64_t term;
    uint64_t heard_ms;
    unsigned count;
    struct group_member member[META_REPLICAS_MAX];
    uint64_t lag[META_REPLICAS_MAX];
    uint32_t stuck_generation; /* nobody leads this one ... */
    uint64_t stuck_ms;         /* ... since then */
    uint32_t lost_generation;  /* most voters of this one are dead ... */
    uint64_t lost_ms;          /* ... since then */
};

struct controller {
    bool leads;
    bool wants_id;       /* for a phantom */
    bool dirty;          /* something has changed since it last looked */
    uint64_t since_ms;   /* first commit of its own term; 0: not yet */
    uint64_t turn_ms;    /* the last turn in which it led; 0: none yet */
    uint64_t busy_index; /* a proposal of its own that is not applied yet */
    uint64_t seen_index; /* applied as it last looked */
    uint64_t handed_ms;  /* when it last tried to let another lead */
    struct member_view *view[META_MEMBERS_MAX];
    unsigned view_count;
    struct partition_view partition[META_PARTITIONS_MAX];
    struct timer duty;
    bool settled;
    /* Partitions, since it was last told, and their keys: as last counted, those that survive, and of how many nobody
     * had counted them. */
    struct {
        unsigned partitions, uncounted;
        uint64_t keys_before, keys;
    } rebuilt, emptied;
};

/* --- forming --- */

struct bootstrap {
    enum bootstrap_stage { FORM_NONE, FORM_OFFERED, FORM_ACCEPTED, FORM_STARTED, FORM_COUNT } stage;
    uint64_t began_ms;       /* seeking, or being stranded */
    uint64_t quorum_ms;      /* enough were seen since then; 0 */
    uint64_t all_heard_ms;   /* all N were heard since then; 0 */
    struct peer_offer offer; /* made or accepted */
    struct incarnation proposer;
    uint64_t stage_ms;
    uint64_t abandon_ms;
    uint64_t joined_ms; /* a cluster was last asked */
    unsigned abandoned; /* times */
    unsigned invited_count;
    struct {
        struct incarnation incarnation;
        bool accepted;
    } invited[META_MEMBERS_MAX];
    struct timer tick;
    bool survivors; /* an operator's word at this node: the members that are missing are gone for good, */
    unsigned left;  /* and so many nodes run in all; 0: not that */
};

/* --- the orchestrator's word --- */

/* As many as discovery has candidates; of a longer list the rest is not kept. */
#define ORCHESTRATOR_PLACES_MAX 256

struct orchestrator {
    uint64_t leaving_ms;  /* a member was leaving then; 0: none yet */
    uint64_t stranger_ms; /* the last answer, which was asked for then, lists one that is no member; 0: it lists none */
    uint64_t asked_ms;    /* for the last answer */
    uint64_t seen_ms;     /* for the last that lists this node (R-FENCE); before one: the start of this node */
    /* Some of N nodes are not heard, since then; 0: all are. */
    uint64_t missing_ms;
    uint64_t fence_ms;  /* from then on quorum requests are not answered, unless something changes; UINT64_MAX: never */
    uint64_t looked_ms; /* whether any are missing, last */
    bool latched;       /* that was reached in this epoch, and this node has not been listed since */
    uint64_t epoch;
    bool fenced; /* as the log was told */
    /* Of the last whole answer that lists this node. */
    uint64_t placed_ms; /* it was asked for then; 0: there was none, or not all of it is kept */
    unsigned place_count;
    struct {
        char address[PEER_ADDRESS_SIZE];
        uint16_t port;
    } place[ORCHESTRATOR_PLACES_MAX];
};

/* --- what an orchestrator is told (readiness.c) --- */

struct readiness {
    enum readiness_state { NOT_READY, READY_WAITING, READY_SETTLED } state;
    uint64_t near_ms; /* a cluster has been about to form since then; 0: none is */
};

/* What the log was told of how things stand (notes.c). */
struct cluster_notes {
    char why[STATUS_TEXT_MAX];
    uint64_t looked_ms, why_ms;
    uint64_t refused, refused_ms; /* writes, for memory */
    unsigned incomplete;          /* partitions */
    uint64_t incomplete_ms;
};

struct cluster {
    struct cluster_config config;
    struct cluster_times times; /* in force */
    enum cluster_phase phase;
    struct incarnation incarnation;
    struct store_memory memory;
    struct mesh mesh;
    struct meta meta;
    struct lease lease;
    struct controller controller;
    struct bootstrap bootstrap;
    struct orchestrator orchestrator;
    struct readiness readiness;
    struct cluster_notes notes;
    struct partitions partitions;
    struct router router;
    struct timer beacon;
    struct timer again; /* runs: another turn is to follow at once */
    uint64_t highest_epoch;
    /* Of each partition, as its leader has said last, as far as this node has heard of it; UINT64_MAX: not known. */
    uint64_t keys_counted[META_PARTITIONS_MAX];
    unsigned listed;
    bool listed_for_certain; /* by sources that know all nodes */
    bool discovery_answered;
    bool frozen; /* every group of the epoch, for good */
    uint64_t frozen_ms;
    enum next_life next;
    bool left; /* the cluster has let it go: it was leaving, and is no member any more */
    bool closing;
    uint64_t created_ms;
    uint64_t wall_ahead_ms; /* of the boot clock, as it was at the start (R-TIME) */
    /* R-TIME: the cluster's time is that of its first forming, and what has gone by since; a partition that begins anew
     * begins with it. Who forms the cluster again goes on with the latest that any of them knows. */
    uint64_t time_ms;      /* as this node has it ... */
    uint64_t time_boot_ms; /* ... at this moment of its clock */
    struct {
        bool shared;
        uint64_t epoch;
        uint32_t generation;
    } tickets_told;           /* which secrets of tickets config.tickets() was told last; not shared: none */
    uint64_t catalog_version; /* grows with each change of the catalog here, and when a whole state comes */
    uint64_t leave_ms, leave_told_ms;
    struct buf scratch;
    unsigned gone_count; /* incarnations that are no members, and since when they are known not to be */
    struct {
        struct incarnation incarnation;
        uint64_t since_ms;
    } gone[META_MEMBERS_MAX];
};

/* P; 0: in no cluster. */
static inline unsigned partitions_of(const struct cluster *c)
{
    return c->meta.state ? c->meta.state->settings.partitions : 0;
}

static inline uint64_t now_of(const struct cluster *c)
{
    return clock_boot_ms(c->config.clock);
}

/* The same clock at this very moment: the process may have been stopped since the turn began. For what must not be
 * earlier than something that others have done since. */
static inline uint64_t precise_now_of(const struct cluster *c)
{
    return clock_precise_us(c->config.clock) / 1000;
}

/* --- cluster.c, cluster_frames.c --- */

extern const struct mesh_hooks cluster_mesh_hooks;
void cluster_on_beacon_timer(struct timer *t);

void cluster_set_phase(struct cluster *c, enum cluster_phase phase);
/* N (architecture.md, "N"): the most nodes that anybody knows of. */
unsigned cluster_n(const struct cluster *c);
unsigned
cluster_own_n(const struct cluster *c); /* that this node knows of: an address that is an alias counts for none */
/* How many nodes an orchestrator's API says there are to be, where they are fewer than cluster-size; else 0. */
unsigned cluster_too_few_listed(const struct cluster *c);
/* At the end of this turn. */
void cluster_decide_next(struct cluster *c, enum next_life next);
/* Forgets the cluster that it was in. `as_stranger`: under a new incarnation. */
void cluster_forget(struct cluster *c, bool as_stranger);
void cluster_beacon_now(struct cluster *c);
/* R-EPOCH: epochs begin at the wall clock's milliseconds; one that is far ahead is nobody's. */
bool cluster_believes_epoch(const struct cluster *c, uint64_t epoch);
bool cluster_proves_dead(const struct cluster *c, const struct member *m);                         /* R-PROOF */
const struct known_member *cluster_known(const struct cluster *c, struct incarnation incarnation); /* or NULL */
/* 0: that incarnation is a member. Otherwise for how many ms this node has known that it is none, at least 1: the first
 * question about an incarnation starts its count. Of more than META_MEMBERS_MAX counts the oldest is forgotten. */
uint64_t cluster_gone_for_ms(struct cluster *c, struct incarnation incarnation);
uint32_t cluster_seed(const struct cluster *c);

/* --- gone.c --- */

void gone_init(struct cluster *c);
/* R-GONE: the orchestrator has taken it off its list since it was last heard, at `heard_ms`. */
bool gone_is_named(const struct cluster *c, const struct member *m, uint64_t heard_ms);
/* R-GONE: asks the orchestrator, if an answer that is asked for now counts against the member. */
void gone_ask(const struct cluster *c, const struct member *m, uint64_t heard_ms);
void gone_look(struct cluster *c); /* every BEACON_MS */
/* R-FENCE: this node may be replaced already, so it does not answer quorum requests. */
static inline bool gone_is_fenced(const struct cluster *c)
{
    return now_of(c) >= c->orchestrator.fence_ms;
}
/* NULL: none is to be there, as far as this node knows. */
const struct member *cluster_member_at(const struct cluster *c, const char *address, uint16_t port);
/* The orchestrator's latest list, which is fresh, has an address where no member of this cluster is. */
bool gone_lists_a_stranger(const struct cluster *c);
/* There is an orchestrator, whose latest answer was asked for before that. */
bool gone_awaits_list(const struct cluster *c, uint64_t since_ms);
void gone_explain_fence(const struct cluster *c, char *out, size_t size);

/* --- health.c --- */

/* Operators know nodes by their addresses: "10.0.0.1:4369", "[fd00::1]:4369". Both return `room`. */
#define MEMBER_NAME_MAX (PEER_ADDRESS_SIZE + sizeof "[]:65535")
const char *member_name(const struct member *m, char room[MEMBER_NAME_MAX]);
/* "member 12" for one that is not in the table any more. */
const char *cluster_member_name(const struct cluster *c, uint64_t member, char room[MEMBER_NAME_MAX]);
/* status.c: why quorum requests cannot be served, and which members do not answer. */
void cluster_explain_quorum(const struct cluster *c, char *out, size_t size);
/* The same, and of partitions without a majority; false: there is nothing to say. */
bool cluster_explain_obstacle(const struct cluster *c, char *out, size_t size);

/* --- notes.c --- */

void cluster_note_waiting(struct cluster *c); /* seeking or stranded, every now and then */
void cluster_note_full(struct cluster *c);    /* once in a turn */
void cluster_note_members(struct cluster *c); /* the meta leader, every now and then */

/* --- readiness.c --- */

void readiness_turn(struct cluster *c);
/* The leader has said that seats and partitions are full. */
void readiness_settle(struct cluster *c);
bool readiness_is_settled(const struct cluster *c); /* it was so once, in the life of this process */

/* --- leave.c --- */

/* It has been told to end: as it says itself, which is known before the meta group has it. */
bool cluster_is_leaving(const struct cluster *c, uint64_t member);

/* What a member that leaves still has to do; true: something would be lost, or not be served, if it ended now. */
bool cluster_explain_leaving(const struct cluster *c, char *out, size_t size);
void cluster_tell_leaving(struct cluster *c); /* as it begins */
/* Of a member that leaves: whether it has left, or nobody can take over what it holds. */
void cluster_note_left(struct cluster *c);

/* --- bootstrap.c --- */

void bootstrap_init(struct bootstrap *f);
void bootstrap_begin(struct cluster *c);
/* bootstrap_join.c */
int bootstrap_take_admit(struct cluster *c, struct link *l, struct slice body);
int bootstrap_take_join(struct cluster *c, struct link *l);
void bootstrap_ask_to_join(struct cluster *c);
/* bootstrap_start.c */
struct meta_settings bootstrap_settings(const struct cluster *c);
struct member bootstrap_member(const struct cluster *c, const struct peer_hello *h);
void bootstrap_start(struct cluster *c); /* with those who have accepted */
int bootstrap_take_start(struct cluster *c, struct link *l, struct slice body);
/* bootstrap.c, for those two */
void bootstrap_enter(struct cluster *c, enum bootstrap_stage stage);
void bootstrap_freeze(struct cluster *c); /* R-PLEDGE */
uint64_t bootstrap_next_epoch(const struct cluster *c);
bool bootstrap_hears(const struct cluster *c, const struct peer *p); /* now */
unsigned bootstrap_accepted(const struct bootstrap *f);              /* how many, this node with them */
int bootstrap_send(struct link *l, enum peer_msg_kind kind, void (*code)(struct coder *, void *), void *m);
struct link *bootstrap_link(const struct cluster *c, struct incarnation incarnation);
unsigned bootstrap_seats(const struct cluster *c); /* that a cluster formed now would have (R-SEATS) */
/* For what operators say and are told: how many nodes are heard, this one with them, how many of them would take part,
 * and the names of those. */
unsigned bootstrap_heard(const struct cluster *c);
unsigned bootstrap_here(const struct cluster *c, char *names, size_t size);
/* Those who are here are enough, so a cluster forms, or one forms again, when some time has passed and nobody else
 * comes. Not where all that they wait for are silent nodes, and none of them holds anything (R-FRESH). */
bool bootstrap_is_near(const struct cluster *c);
int bootstrap_frame(struct cluster *c, struct link *l, unsigned kind, struct slice body);
void bootstrap_stop(struct cluster *c);
/* A cluster of one. */
int bootstrap_alone(struct cluster *c);

/* --- meta.c --- */

void meta_init(struct meta *m);
/* Takes `state` over. voters NULL: it joins. */
int meta_start(struct cluster *c, struct meta_state *state, uint64_t self, const struct group_birth *birth);
void meta_stop(struct cluster *c);
void meta_turn(struct cluster *c);
int meta_raft(struct cluster *c, const struct raft_msg *msg);
int meta_copy(struct cluster *c, const struct peer_copy *m);
void meta_round(struct cluster *c, const struct peer_round *r);
/* Queues a command for the log of the meta group, which must exist. *index: where it will stand if it is committed.
 * Overwrites c->scratch. E_CLOSED: this node does not lead the group, or is handing over; E_NOMEM, E_TOO_MANY,
 * E_TOO_LARGE. After an error nothing was queued. */
int meta_propose(struct cluster *c, struct meta_command *m, uint64_t *index);
void meta_catalog(struct cluster *c, struct op *w); /* dispatches it */
/* That member's process has most likely ended: if it leads the group, another stands for election as soon as it may. */
void meta_leader_ended(struct cluster *c, uint64_t member);
/* The member that leads the meta group as far as is known here; 0. */
uint64_t meta_leader_id(const struct cluster *c);
bool meta_has_seat(const struct cluster *c, uint64_t member);
unsigned meta_seats(const struct cluster *c); /* voters, phantoms included */
struct link *cluster_link(const struct cluster *c, uint64_t member, enum peer_plane plane);

/* --- lease.c --- */

/* A lease is renewed so often in its life that losing some of the messages does not end it. */
#define RENEWALS_PER_LEASE 5

void lease_init(struct lease *l);
void lease_begin(struct cluster *c, uint64_t hold_ms);
void lease_end(struct cluster *c);
bool lease_is_valid(const struct cluster *c);
int lease_frame(struct cluster *c, struct link *l, unsigned kind, struct slice body);
void lease_take_grant(struct cluster *c, const struct peer_grant *g);
void lease_applied(struct cluster *c); /* the meta group has applied more */
void lease_renew_now(struct cluster *c);
/* Something has changed that the meta leader waits for: soon, however much of it there is. */
void lease_renew_soon(struct cluster *c);
/* Tells the meta leader at once that this node has applied a change of the catalog, if it has since the last call. */
void lease_tell_known(struct cluster *c);
void lease_say_dead(const struct cluster *c, struct incarnation incarnation);

/* --- controller.c, controller_seats.c: the meta leader's work --- */

void controller_init(struct controller *o);
void controller_turn(struct cluster *c);
void controller_stop(struct cluster *c);
struct member_view *controller_member_view(struct cluster *c, uint64_t member);
/* A member renews its lease. `replicas`: r->replica_count encoded replicas (code_replica()), which the caller has
 * checked. Nothing happens where this node does not lead the meta group, or the member is none. */
void controller_renewed(struct cluster *c, const struct peer_renew *r, struct slice replicas);
/* R-KNOWN: the member has applied the meta group's log up to there. */
void controller_known(struct cluster *c, uint64_t member, uint64_t applied);
bool controller_is_live(struct cluster *c, uint64_t member);
bool controller_can_sit(struct cluster *c, uint64_t member);              /* on a seat of the meta group */
bool controller_holds_replicas(const struct cluster *c, uint64_t member); /* or what is kept of older ones */
/* controller_seats.c */
void controller_arrange_seats(struct cluster *c);
bool controller_raise_seats(struct cluster *c, struct meta_command *m); /* fills `m`, or false: that is not due */
bool controller_is_suspect(const struct cluster *c, const struct member_view *w);
/* controller_place.c, controller_rebuild.c. Each fills `m` with the next change of the map that is due; false: none is.
 */
bool controller_place(struct cluster *c, struct meta_command *m);
bool controller_rebuild(struct cluster *c, struct meta_command *m);
bool controller_end_rebuild(struct cluster *c, struct meta_command *m);
bool controller_settled(struct cluster *c);
/* What both go by. A member is here when it is no suspect; it lives when it does not leave either, and has taken up its
 * part. */
bool controller_is_here(struct cluster *c, uint64_t member);
unsigned controller_live_members(struct cluster *c, uint64_t live[META_MEMBERS_MAX]);
/* Positions of everybody who can be heard, and holds anything, are known. */
bool controller_all_renewed(struct cluster *c);
/* What the partition's leader has said of this generation, not long ago; NULL: nothing. */
const struct partition_view *controller_heard(const struct cluster *c, unsigned partition);
unsigned controller_present_here(struct cluster *c, const struct partition_map *map);
/* What the one keeps of the partition's older generations would be missed less than what the other does. */
bool controller_keeps_less(struct cluster *c, unsigned partition, uint64_t member, uint64_t than);
bool controller_keeps(const struct partition_map *map, uint64_t member); /* as the map has it */
/* The member may drop its frozen copy early: the new generation has a leader, and at least R/2 + 1 other copies that
 * are as recent remain on members that are not leaving (of few nodes: on more than a minority of them). */
bool controller_can_spare(struct cluster *c, unsigned partition, uint64_t member);
void controller_add_change(struct meta_command *m, unsigned partition, enum replica_change what, uint64_t id);

uint64_t cluster_now_ms(const struct cluster *c); /* R-TIME */
/* What another says of the cluster's time: taken where it is ahead of this node's own counting. */
void cluster_hear_time(struct cluster *c, uint64_t time_ms);

#endif
