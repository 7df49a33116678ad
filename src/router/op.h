/* SPDX-License-Identifier: Apache-2.0 */
/* A request under way through this node: a client's, or another node's. It is tried where the partition is led, here or
 * elsewhere, until it is answered or its time is over.
 *
 * R-RETRY: every write carries its origin and a sequence by which its repetition is recognised, so that what may have
 * been proposed can be tried again. */
#ifndef ROUTER_OP_H
#define ROUTER_OP_H

#include "router/router_impl.h"

/* The cluster's state; NULL: in no cluster. */
static inline const struct meta_state *router_map(const struct router *r)
{
    return *r->env.state;
}

/* P; 0: in no cluster. */
static inline unsigned router_partitions(const struct router *r)
{
    return router_map(r) ? router_map(r)->settings.partitions : 0;
}

static inline uint64_t router_clock_ms(const struct router *r)
{
    return clock_boot_ms(r->env.clock);
}

static inline bool router_has_lease(const struct router *r)
{
    return r->env.hooks->lease_is_valid(r->env.arg);
}

/* Requests can be made, as far as the cluster's state goes. */
static inline bool router_is_in_cluster(const struct router *r)
{
    return *r->env.whole && router_map(r)->partition[0].generation;
}

/* Where an operation is, and with it in which list:
 *
 *      OP_QUEUED        the router's queue: to be dispatched at the end of the turn
 *      OP_WAITS         the router's waits: until its next try
 *      OP_ASKED         the peer's requests: that node is to answer
 *      OP_PROPOSED      the partition's waiting, or the meta group's: its entry is to be applied
 *      OP_READS         the partition's reads: a round, or an entry, is to be seen
 *      OP_KNOWN         the meta group's answered: applied, and to be known everywhere
 *      OP_DISPATCHED    none: it is being tried, or answered
 *
 *                 +----> OP_QUEUED -----+
 *                 |                     v
 *      (new) --> OP_DISPATCHED <--- OP_WAITS <---+
 *                 |         ^                    |
 *                 |         +--------- OP_ASKED -+
 *                 +--> OP_ASKED                  |
 *                 +--> OP_PROPOSED --------------+
 *                 |        +--> OP_KNOWN
 *                 +--> OP_READS -----------------+
 *                 ^       |
 *                 +-------+ a listing of buckets, of the next partition
 *
 * It ends from wherever it is. At each move op_move() checks the table of moves, and that `asked` is set in OP_ASKED
 * alone. */
enum op_state { OP_DISPATCHED, OP_QUEUED, OP_WAITS, OP_ASKED, OP_PROPOSED, OP_READS, OP_KNOWN };

struct op_name {
    uint64_t hash;
    uint32_t place; /* counted from 1; 0: none */
};

struct op {
    enum op_state state;
    struct list place;       /* in the list of its state */
    struct list by_peer;     /* of those that have come over one */
    struct list by_sequence; /* of this node's own writes to the partition */
    struct router *router;
    struct router_request *request; /* a client's; NULL: another node's, or nobody cares any more */
    struct peer *from;              /* another node's: the answer goes there, to this number */
    uint64_t from_number;
    size_t from_bytes; /* counted in from->served_bytes */
    enum peer_request_kind kind;
    struct partition *partition;
    struct blob *blob;  /* the command, the key, or the change of the catalog */
    struct blob *entry; /* what stands in the log for it */
    struct store_key key;
    uint64_t index, term, round;
    uint64_t sequence;
    uint64_t number; /* of the request that was sent to another node */
    uint64_t deadline_ms;
    uint64_t cursor, end;
    struct router_scan *scan;
    store_list_f list_f;
    struct router_query query; /* views into blob */
    struct slice at;           /* of a query: where the partition's part stands, a view too */
    router_hit_f hit_f;
    struct buf names;     /* of a range of buckets, */
    struct op_name *seen; /* and where they stand in it, by their hashes */
    size_t seen_cap, seen_count;
    void *list_arg;
    int err;
    struct peer *asked; /* where its answer is to come from; NULL: nobody was */
    bool maybe_done, wants_object;
    bool asks_leader;         /* of a read of any replica: its leader was asked, */
    uint64_t leader_until_ms; /* which is tried until then */
    struct peer_mark floor;   /* whoever is not as far does not answer it (R-FLOOR) */
    bool admitted;            /* R-KNOWN: what it was made by is what all who serve know; */
    uint64_t catalog_version; /* made by this one */
    struct timer timer;       /* of its next try or its end */
    struct op *next_free;
};

/* A read or write of a key, whose answer has a result; others have none. */
static inline bool op_is_of_key(enum peer_request_kind kind)
{
    return kind == PEER_WRITE || kind == PEER_GET || kind == PEER_GET_ANY || kind == PEER_GET_LATEST;
}

/* The key is of the partition that it is asked of. */
static inline bool op_is_here(const struct op *w, const struct store_key *k)
{
    return store_partition(k->hash, router_partitions(w->router)) == w->partition->number;
}

/* A step of a scan: its answer is names, or hits. */
static inline bool op_is_scan(enum peer_request_kind kind)
{
    return kind == PEER_KEYS || kind == PEER_BUCKETS || kind == PEER_QUERY;
}

static inline bool op_has_effect(const struct op *w)
{
    return w->kind == PEER_WRITE || w->kind == PEER_CATALOG;
}

/* Sent or proposed, and it is not known what has become of it. */
static inline bool op_is_out(const struct op *w)
{
    return w->state == OP_ASKED || w->state == OP_PROPOSED || w->state == OP_KNOWN;
}

/* Puts it at the end of that list, and out of the one in which it was. `to`: NULL with OP_DISPATCHED alone. `asked`:
 * with OP_ASKED alone. */
void op_move(struct op *w, enum op_state state, struct list *to, struct peer *asked);
/* NULL: no memory. Its time runs from now. */
struct op *op_create(struct router *r, enum peer_request_kind kind, uint64_t timeout_ms);
/* Tries it: the first time, or again. */
void op_dispatch(struct op *w);
/* The first time, of a write whose command is at hand; `c` is borrowed for the call. */
void op_dispatch_write(struct op *w, const struct store_command *c);
/* The command of a write, with its key hashed: views into w->blob. As command_decode(). */
int op_decode_write(const struct op *w, struct store_command *out);
/* What was proposed is not tried again until its time is over. */
void op_until_deadline(struct op *w);
/* Tries it again a little later (OP_WAITS). One of another node is refused instead, and one that nobody waits for is
 * dropped: `w` may be freed. */
void op_wait(struct op *w);
/* That member can be reached, and is heard. */
bool op_can_ask(const struct op *w, uint64_t member);
/* Sends it to that member; 0, or one that cannot be reached: to another that has the partition, or waits. */
void op_forward(struct op *w, uint64_t member);
/* Answers and ends it. */
void op_finish(struct op *w, int err, const struct store_result *result);
/* Ends it without an answer. */
void op_drop(struct op *w);
/* Of another node's: it is not answered any more. */
void op_leave_peer(struct op *w);

/* Requests, and large answers, do not wait behind more than this on a connection for another node. */
#define FORWARD_BACKLOG_MAX ((size_t)8 * 1024 * 1024)
/* What one node's requests may take here at a time, with their ops: whoever has more is refused, and tries again. */
#define SERVED_MAX ((size_t)64 * 1024 * 1024)

/* peer_request.c: to another node, and the answers to it. */
int op_send(struct op *w, struct peer *p); /* E_IO, E_NOMEM, E_TOO_LARGE */
void op_answer(struct op *w, int err, const struct store_result *result);
/* Certainly without effect; ends it. `leader`: who may know better. */
void op_refuse(struct op *w, uint64_t leader);
/* It may have its effect yet; ends it. */
void op_answer_unsure(struct op *w);

/* read_any.c */
void router_begin_any(struct op *w, const struct router_floor *f); /* NULL: nothing was shown before */
void router_read_any(struct op *w);                                /* dispatches it */
/* How far the replica here is; no epoch: there is none. */
struct peer_mark router_mark(const struct partition *p);
/* So far was a replica that has shown its client something. `f` may be NULL. */
void router_raise(struct router_floor *f, unsigned partition, const struct peer_mark *m);
/* It is answered by what is here. */
static inline void router_seen(const struct op *w)
{
    struct peer_mark m = router_mark(w->partition);
    if (w->request)
        router_raise(w->request->floor, w->partition->number, &m);
}

/* router.c, router_list.c */
/* A call begins. NULL: no memory, with which it ends: ROUTER_DONE. */
struct op *router_begin(struct router *r, struct router_request *q, enum peer_request_kind kind);
/* The rest of it: dispatches what router_begin() gave, or finishes it with `err`. */
enum router_state router_start(struct router *r, struct op *w, int err);
/* The end of a call whose op was dispatched: DONE if it is answered. */
enum router_state router_end_call(struct router *r);
void router_peer_gone(struct peer *p);
/* This node answers quorum reads of it; and takes writes, too, which it does not while it hands over. */
bool router_reads(const struct router *r, const struct partition *p);
bool router_serves(const struct router *r, const struct partition *p);
void router_read_now(struct op *w);   /* it reads, and partition_may_read_now() */
void router_scan_here(struct op *w);  /* this node leads the partition, and may answer */
int router_decode_scan(struct op *w); /* type and bucket, and of a query what is asked */
/* The key of a read as bytes, and back into w->key; E_NOMEM, E_MALFORMED. */
struct blob *router_encode_key(const struct store_key *k);
int router_decode_key(struct op *w);
/* A listing's answer. */
int router_take_listing(struct op *w, struct slice body);
int router_put_listing(struct op *w, struct buf *out);

#endif
