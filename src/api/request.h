/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for a key: get, put, delete, and updates of data types. A door serves one in three steps:
 *
 *   1. It fills in a struct get_request (put_..., delete_...) with views into its message, and calls
 * request_prepare_... False: refused, without effect; *out says why.
 *   2. It gives what was prepared to the router, in the same turn: ask_read() or ask_write(), with a struct
 *      router_request of its own (router/router.h says which fields to fill in). It keeps what the answer needs: the
 *      target's tag, and whether the bucket is consistent.
 *   3. The request's `done` asks answer.h what the router's answer means: true, and the result holds the object; or an
 *      outcome.
 *
 * Steps 1 and 2 borrow the message and the scratch; after step 2 nothing of either is needed. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "api/put_content.h"
#include "api/target.h"

/* Permission riak_kv.get. NAME_EMPTY, NAME_TOO_LONG, those of target_resolve(), BAD_N_VAL, BAD_QUORUM. */
struct get_request {
    struct key_names names;
    struct quorums quorums;
};
struct prepared_read {
    struct target target;
    bool any_replica; /* for ask_read() */
};
bool request_prepare_get(const struct api *a, const struct principal *who, const struct get_request *g,
                         struct prepared_read *p, struct outcome *out);

/* A command for ask_write(), and the bucket's rules. */
struct prepared_write {
    struct target target;
    struct store_command command;
};

/* Permission riak_kv.put. As a get; BAD_VCLOCK, those of put_content_prepare(), TOO_LARGE. */
struct put_request {
    struct key_names names; /* a door whose clients may leave out the key calls key_generate() */
    struct quorums quorums;
    struct slice vclock;              /* "": none */
    enum store_condition condition;   /* the client's; a consistent bucket puts its own in its place */
    const struct kv_content *content; /* put_content.h */
    struct blob *holder;              /* where a large value lies, which the store then shares; NULL: it is copied */
};
bool request_prepare_put(const struct api *a, const struct principal *who, const struct put_request *r,
                         struct put_scratch *scratch, struct prepared_write *p, struct outcome *out);

/* Permission riak_kv.delete. As a put; an empty name is no error, as there is nothing under it. */
struct delete_request {
    struct key_names names;
    struct quorums quorums;
    struct slice vclock;
};
bool request_prepare_delete(const struct api *a, const struct principal *who, const struct delete_request *r,
                            struct prepared_write *p, struct outcome *out);

/* --- data types --- */

/* Of a target that was resolved with riak_kv.put. A typed bucket takes operations on its own data type, a default one
 * counters alone; both need allow_mult. NOT_A_COUNTER, NO_ALLOW_MULT, NO_DATATYPE, OTHER_DATATYPE. */
bool target_check_update(const struct target *t, enum datatype kind, struct outcome *out);
/* Of a target that was resolved with riak_kv.get. *kind: what a read expects there. NO_ALLOW_MULT, NO_DATATYPE. */
bool target_check_fetch(const struct target *t, enum datatype *kind, struct outcome *out);

/* The command of an update, for a target that passed its checks. `op`: datatype/operation.h. BAD_VCLOCK, NO_MEMORY. */
bool request_prepare_update(const struct api *a, const struct target *t, enum datatype kind, struct slice op,
                            struct slice vclock, struct put_scratch *scratch, struct store_command *c,
                            struct outcome *out);

#endif
