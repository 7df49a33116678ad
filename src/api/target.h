/* SPDX-License-Identifier: Apache-2.0 */
/* From the names in a request to the key that it is about: names > permission > rules of the bucket and hashed key. And
 * what those rules make of a read or a write. The order of the checks is the caller's; Riak's is that of this file. */
#ifndef API_TARGET_H
#define API_TARGET_H

#include "api/api.h"
#include "api/outcome.h"
#include "api/principal.h"
#include "wire/vclock.h"

#define KEY_NAME_MAX       65536 /* bytes of a bucket's name, and of a key */
#define GENERATED_KEY_SIZE 27    /* 160 random bits in base 62, as Riak's */

struct key_names {
    struct slice type; /* "" or "default": the default type */
    struct slice bucket, key;
    bool has_type; /* the request names a type: it may not be empty then */
};

struct target {
    const struct bucket_rules *rules; /* borrowed until the loop's next turn */
    struct store_key key;             /* slices are those of the names */
    uint64_t tag;                     /* of the key, in its vclocks: keep it for the answer */
};

/* NAME_EMPTY. */
bool key_names_check_given(const struct key_names *n, struct outcome *out);
/* NAME_TOO_LONG. */
bool key_names_check_lengths(const struct key_names *n, struct outcome *out);
/* A random key for an object that comes without one, NUL-terminated. */
void key_generate(const struct clock *clock, char out[GENERATED_KEY_SIZE + 1]);

/* DENIED, NOT_SERVING (authorize.h), NO_TYPE. */
bool target_resolve(const struct api *a, const struct principal *who, enum permission what, const struct key_names *n,
                    struct target *t, struct outcome *out);

/* A type as the catalog and the router name it: "" for "default". */
static inline struct slice bucket_type_of(struct slice given)
{
    return slice_is(given, "default") ? slice_make(NULL, 0) : given;
}
/* NO_TYPE: it does not exist. */
bool bucket_type_check(const struct api *a, struct slice type, struct outcome *out);

/* Whether keys (riak_kv.list_keys, riak_kv.index) or buckets (riak_kv.list_buckets, without a bucket) may be scanned
 * there. DENIED, NOT_SERVING, NO_TYPE. */
bool bucket_check_scan(const struct api *a, const struct principal *who, enum permission what, struct slice type,
                       struct slice bucket, struct outcome *out);

/* --- quorums --- */

/* What a request asks for; the symbolic values of store/props.h may be used. QUORUM_DEFAULT: the bucket's. Only the
 * fields that its kind of request has are looked at. They change nothing but whether a request is refused, and whether
 * a read may be answered by any replica. */
struct quorums {
    bool has_n_val;
    uint32_t n_val; /* 1 to the bucket's */
    uint32_t r, pr, w, dw, pw, rw;
    uint32_t node_confirms; /* 0: none asked for */
};
#define QUORUMS_OF_BUCKET                                                                                              \
    (struct quorums)                                                                                                   \
    {                                                                                                                  \
        .r = QUORUM_DEFAULT, .pr = QUORUM_DEFAULT, .w = QUORUM_DEFAULT, .dw = QUORUM_DEFAULT, .pw = QUORUM_DEFAULT,    \
        .rw = QUORUM_DEFAULT                                                                                           \
    }

enum quorum_use { QUORUMS_READ, QUORUMS_WRITE, QUORUMS_DELETE };

/* BAD_N_VAL, BAD_QUORUM. */
bool target_check_quorums(const struct target *t, enum quorum_use use, const struct quorums *q, struct outcome *out);
/* r = 1, and no primary asked for: any replica may answer, with a state that may be stale (R-FLOOR). Never in a
 * consistent bucket. */
bool target_is_any_replica(const struct target *t, const struct quorums *q);

/* --- vclocks --- */

/* A client's vclock, "" for none, as the store understands it. BAD_VCLOCK: this store has never given it out. */
bool vclock_read(const struct api *a, uint64_t tag, struct slice vclock, struct store_context *context,
                 struct outcome *out);
/* A view of `bytes`. */
struct slice vclock_of(const struct api *a, uint64_t tag, struct revision revision, uint8_t bytes[VCLOCK_SIZE]);

/* --- writes --- */

/* What the bucket's properties and the node's options make of a write. */
struct store_rules target_rules(const struct api *a, const struct target *t);

/* The conditions that a consistent bucket puts on each write, in place of those that the client names; c->op and
 * c->context are set. A put without a vclock must be the first one of its key; a put or delete with a vclock needs the
 * key to be as it was read; a delete without a vclock has no condition. As Riak's. */
void target_require_context(const struct target *t, struct store_command *c);

#endif
