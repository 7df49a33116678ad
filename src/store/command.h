/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a partition's log: everything that a store needs to know to change, so that applying the same commands
 * in the same order gives the same state on every replica. Time, revision, the bucket's properties and the node's
 * limits are resolved by the node that proposes it. */
#ifndef STORE_COMMAND_H
#define STORE_COMMAND_H

#include "base/id.h"
#include "datatype/datatype.h"
#include "store/record.h"
#include "store/revision.h"

enum store_op {
    STORE_PUT,    /* a new value for a key */
    STORE_DELETE, /* a tombstone for a key */
    STORE_UPDATE, /* of a data type: the value becomes what the operation makes of it */
    STORE_TICK,   /* only time: frees what is due */
    STORE_FORGET  /* its origin is dead and its clients' time is over: the origin's results go (R-RETRY) */
};

enum store_condition {
    STORE_ALWAYS,
    STORE_IF_ABSENT,    /* if_none_match: no live value, E_EXISTS otherwise */
    STORE_IF_UNMODIFIED /* if_not_modified: the context is the revision of the object, or of its tombstone; otherwise
                           E_MODIFIED, or E_NOT_FOUND where no live value is */
};

/* What the writer has seen (R-EPOCH: of another cluster, another epoch or another key, it has seen nothing). */
enum store_context_kind { CONTEXT_NONE, CONTEXT_SEEN, CONTEXT_FOREIGN };
struct store_context {
    enum store_context_kind kind;
    struct revision seen;
};

#define STORE_REAP_NEVER UINT64_MAX

/* What the bucket's properties and the node's options make of this write. */
struct store_rules {
    bool allow_mult;       /* without: the newest write is the only one */
    uint32_t siblings_max; /* E_TOO_MANY past it */
    uint64_t size_max;     /* bytes of one object's values and metadata, E_TOO_LARGE past it */
    uint64_t ttl_ms;       /* life of the key from this write; 0: it does not expire */
    bool ttl_from_create;  /* a live key that ends sooner than that keeps its end. A delete keeps it in any case, where
                              it  leaves siblings */
    uint64_t reap_ms;      /* how long a tombstone stays: 0 not at all, STORE_REAP_NEVER */
};

#define STORE_ORIGINS_MAX 256  /* nodes that a partition remembers: the live ones, and dead ones not yet forgotten */
#define STORE_RESULTS_MAX 8192 /* results that it keeps for each of them */

/* Who proposed it: with the sequence, it tells a repeated command from a new one (R-RETRY). */
struct store_origin {
    struct incarnation incarnation;
    uint64_t sequence;     /* from 1 on, one for each write; 0: nobody repeats this command */
    uint64_t acknowledged; /* < sequence: all up to this one have been answered, and never come again */
};

/* A key with its hashes, made once per request by store_key_init(). Slices are borrowed. An empty type is "default". */
struct store_key {
    struct slice type, bucket, key;
    uint64_t bucket_hash;
    uint64_t hash;
};

struct store_command {
    enum store_op op;
    uint64_t stamp_ms; /* the partition's time, since the Unix epoch (R-TIME) */
    struct revision revision;
    struct store_origin origin;
    struct store_key key; /* not of STORE_TICK and STORE_FORGET */
    struct store_rules rules;
    enum store_condition condition;
    struct store_context context;
    struct content_bytes value, meta; /* borrowed; a blob that is given gets one more reference instead of a copy; the
                                         value of an update is its operation (datatype/operation.h) */
    enum datatype datatype;           /* of an update */
    bool tombstone;                   /* a put that is a tombstone with a value (riak-protocol.md section 4) */
};

#endif
