/* SPDX-License-Identifier: Apache-2.0 */
/* The data of one partition: a deterministic machine. Commands in, results out; it never reads a clock, a socket or a
 * random source, and the same commands give the same state on every replica. Memory is freed in bounded steps that are
 * part of applying, so that no call takes long and all replicas agree.
 *
 * Versions: one writer order per partition makes causality simple. A write with context c replaces the siblings whose
 * revision is at or before c and adds its own; without context it replaces none (allow_mult) or all (not). The object's
 * revision, the "vclock", is the revision of its newest sibling. A deleted object stays as a tombstone for
 * rules.reap_ms. The newest write decides when a key expires, within what rules.ttl_from_create leaves it.
 *
 * Inside, writes are numbered by seq = index + (the seq at which the present epoch and generation began): an object
 * that is older than that has the revision (epoch, generation, 1), as architecture.md, "Revisions", says. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/id.h"
#include "store/command.h"

struct store;
struct store_snapshot; /* store/snapshot.h */

/* `key` is part of the state: the same on all replicas. The partition of a hash: its top bits. */
void store_key_init(struct store_key *out, const struct hash_key *key, struct slice type, struct slice bucket,
                    struct slice k);
/* Names a key (type, bucket, key) in a vclock. The same on all nodes of a cluster. It does not disclose the hashes,
 * from which a client could choose keys that collide. */
uint64_t store_key_tag(const struct hash_key *key, const struct store_key *k);
static inline unsigned store_partition(uint64_t hash, unsigned partitions)
{
    return (unsigned)(((hash >> 32) * partitions) >> 32);
}

/* `memory` is borrowed and shared by all stores of a node. E_NOMEM. */
int store_create(const struct hash_key *key, struct store_memory *memory, struct store **out);
void store_destroy(struct store **s);

/* A term of a secondary index. Integers are in canonical decimal and are ordered by their values; other terms by
 * their bytes. */
struct store_term {
    struct slice index, term;
    bool integer;
};
/* Reads the next term from the front of a sibling's metadata, which is advanced; false: there are no more. */
typedef bool (*store_term_next)(struct slice *meta, struct store_term *out);
/* Keeps an index of the terms that `next` finds, for store_index_range(). Before the first object. */
void store_keep_index(struct store *s, store_term_next next);

/* An object as it stands; borrowed until the store's next change. */
struct object {
    struct record record;
    struct revision revision;
    uint64_t base_ms;
    struct blob *holder; /* NULL, or where all its values lie: of an object that came from another node */
    bool live;           /* has a sibling that is no tombstone */
};

struct object_sibling {
    struct slice value, meta;
    struct blob *value_blob; /* NULL, or where a large value lies: take a reference to keep it */
    uint64_t seq;
    uint64_t stamp_ms; /* since the Unix epoch */
    bool tombstone;
};

struct object_cursor {
    struct sibling_cursor inner;
};
bool object_next(const struct object *o, struct object_cursor *c, struct object_sibling *out);
/* The state of a data type: the value of the one sibling that is no tombstone; empty when there is none. False: there
 * are several. It may be anything, as a plain put can leave it (datatype_check()). */
bool object_state(const struct object *o, struct slice *state);

struct store_result {
    int err;       /* as store_apply() returns */
    bool exists;   /* there is an object now: `object` is valid, also after a refusal by condition */
    bool repeated; /* R-RETRY: it was applied before; `err`, `number` and `revision` are of then, `object` is of now */
    struct object object;
    struct revision revision; /* of the command, or the present epoch's base where that is later; with `repeated` and
                                 E_TOO_..., or of a counter: none */
    uint64_t number; /* with E_TOO_MANY: the siblings there would be, 0: too many origins or results of one (R-RETRY);
                        with E_TOO_LARGE: the bytes; with E_ABSENT: which removal (datatype/operation.h); of a counter's
                        update: what it came to, as an int64_t */
};

/* Applies one command. Its revision must be higher than all earlier ones (ASSERT).
 *   0             done
 *   E_EXISTS, E_NOT_FOUND, E_MODIFIED    its condition does not hold
 *   E_TOO_MANY, E_TOO_LARGE              the object would pass its limits
 *   E_ABSENT, E_INVALID, E_MALFORMED     of an update: what it removes without context is not there; the value is not
 *                                        of that data type; it is no operation
 *   E_TOO_MANY    the origin is one too many, or has STORE_RESULTS_MAX results that it did not acknowledge
 *   E_STALE       its origin has acknowledged it: it was answered, and must not have an effect again
 *   E_NOMEM       the heap failed; the write has had no effect. This replica lacks what the others have from here on:
 * end it All but the last are the same on every replica. In every case time has moved on and what is due is being
 * freed; what of it was freed already is seen by nobody. */
int store_apply(struct store *s, const struct store_command *c, struct store_result *out);

/* Whether the command may be proposed: E_FULL when it would take the node past its memory limit (R-MEMORY). Deletes,
 * updates that add nothing, and writes that need no more than what they replace are always admitted. */
int store_admit(const struct store *s, const struct store_command *c);

/* Whether a command may make the store larger than it is. */
bool store_adds(const struct store_command *c);

/* Reads a key at the partition's time `now_ms`: 0; E_NOT_FOUND (absent or expired); or E_DUE: it expires by now_ms,
 * which must be committed by a STORE_TICK first (R-TIME). A tombstone is found, with live == false. */
int store_get(const struct store *s, const struct store_key *k, uint64_t now_ms, struct object *out);

/* Of the last command that was applied; zero before the first. A copy that a peer sends may say anything: one that is
 * ahead of the log that it came for must not be used, as the next command would not be after it. */
struct revision store_revision(const struct store *s);
/* The applied stamp, ms since the Unix epoch; 0 before the first command. */
uint64_t store_stamp_ms(const struct store *s);
/* When the next record is due, ms since the Unix epoch; UINT64_MAX: none. At or before the applied stamp: there is
 * something to free. */
uint64_t store_due_ms(const struct store *s);

struct store_stats {
    uint64_t keys;       /* records, tombstones included */
    uint64_t tombstones; /* records of nothing but tombstones */
    uint64_t buckets;
    uint64_t expired; /* records freed because they were due, since the start */
    uint64_t origins; /* that are remembered (R-RETRY) */
    uint64_t results; /* of them, not acknowledged */
};
void store_stats_get(const struct store *s, struct store_stats *out);

/* Lists the live keys of a bucket, one slot of the table per call: start with *cursor = 0; false: that was the last. A
 * key that is there all the while is listed exactly once. f must not change the store. */
typedef void (*store_list_f)(void *arg, struct slice name);
bool store_list_keys(const struct store *s, struct slice type, struct slice bucket, uint64_t *cursor, store_list_f f,
                     void *arg);

/* The same for the objects themselves. */
typedef void (*store_object_f)(void *arg, struct slice key, const struct object *o);
bool store_walk_objects(const struct store *s, struct slice type, struct slice bucket, uint64_t *cursor,
                        store_object_f f, void *arg);

/* A range of an index. What comes before and after is a term with its key, in the order of (term, key). */
struct store_range {
    struct slice index;
    bool integer;
    struct slice min, max;     /* of terms, both included */
    bool has_after, has_below; /* only what is after, and what is before, that place */
    struct slice after_term, after_key, below_term, below_key;
    size_t limit; /* no more than the first so many are wanted; 0: all */
};

/* What a range finds. False: pause after this one. The store must not change in the call. */
struct store_range_found {
    bool (*term)(void *arg, struct slice term, struct slice key);
    /* An object with very many or very long terms: some may lie in the range, the caller looks. */
    bool (*object)(void *arg, struct slice key, const struct object *o);
    void *arg;
};

#define STORE_RANGE_VISITED_MAX 4096 /* entries that one call looks at */

/* Gives what a bucket's live objects have in a range, each term of a key once: objects first, then the terms in order.
 * *at: where it paused, empty at the start and at the end. A term that is there all the while is given once, also when
 * the store changes between the calls. 0, E_NOMEM. */
int store_index_range(const struct store *s, struct slice type, struct slice bucket, const struct store_range *r,
                      struct buf *at, const struct store_range_found *f);

bool store_has_bucket(const struct store *s, struct slice type, struct slice bucket);

/* Lists the buckets of a type that hold a live key, one slot of the dictionary per call, as store_list_keys(). */
bool store_list_buckets(const struct store *s, struct slice type, uint64_t *cursor, store_list_f f, void *arg);

/* The incarnation of the i-th origin that is remembered (R-RETRY), of store_stats.origins; borrowed until the next
 * change. */
const struct incarnation *store_origin(const struct store *s, unsigned i);

void store_check(const struct store *s); /* for tests: every invariant, ASSERTs */

#endif
