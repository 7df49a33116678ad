/* SPDX-License-Identifier: Apache-2.0 */
/* The Riak door: Riak's protocol buffers interface, as a protocol of the connection engine (docs/riak-protocol.md).
 *
 *   riak.c          frames, StartTls and RpbAuthReq, what the engine refuses
 *   dispatch.c      from a message's code to who answers it
 *   error_reply.c   outcomes in Riak's words
 *   kv*.c, ...      one file for each family of messages
 *   mapred/         map/reduce */
#ifndef RIAK_RIAK_H
#define RIAK_RIAK_H

#include "base/arena.h"
#include "datatype/datatype.h"
#include "riak/mapred/garbage.h"
#include "session/scan.h"
#include "session/session.h"
#include "wire/frame.h"
#include "wire/vclock.h"

#define CLIENT_ID_MAX    64
#define RIAK_FRAME_SLACK ((size_t)1024 * 1024) /* of a frame beside its object: names, metadata, protobuf */

/* Of a node: the door's `arg`. */
struct riak {
    struct arena arena;     /* of the request being decoded: one at a time, whatever the connection */
    struct buf operation;   /* of the update being prepared */
    struct garbage garbage; /* of jobs of map/reduce */
};

void riak_init(struct riak *r, struct timers *timers, const struct clock *clock);
void riak_fini(struct riak *r);

extern const struct protocol riak_protocol;

/* What a request's answer will need when its message is long gone: a handler writes the part that is its own, its
 * `done` reads it. */
struct riak_request {
    struct blob *operation; /* of an update, while its answer may have to name a part of it; else NULL */
    union {
        struct {
            bool head, deletedvclock, has_if_modified;
            uint8_t if_modified[VCLOCK_SIZE];
            size_t if_modified_len; /* over VCLOCK_SIZE: none of ours, and not kept */
        } get;
        struct {
            bool returns, head;
            bool consistent;                        /* also of a delete, which has none of the others */
            char generated[GENERATED_KEY_SIZE + 1]; /* "": the client gave the key */
        } put;
        struct {
            enum datatype kind;
            bool value, context; /* that are to be answered */
            char generated[GENERATED_KEY_SIZE + 1];
        } datatype;
        uint8_t change; /* of properties: the answer's code */
    };
};

static inline struct riak *riak_of(const struct session *s)
{
    return s->door->arg;
}

/* The state of the present request. */
static inline struct riak_request *riak_request(const struct session *s)
{
    return session_state(s);
}

/* For scan_ops: one part is one message, whose code is the kind. */
int riak_part_begin(struct scan *w, struct buf *part);
void riak_part_close(struct scan *w, struct buf *part);

/* Answers with RpbErrorResp. The connection stays. */
void riak_error(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Answers with a frame that has no body. */
void riak_reply_empty(struct session *s, uint8_t code);

/* What the client has set for itself; `id` is borrowed. E_NOMEM. */
struct slice riak_client_id(const struct session *s);
int riak_set_client_id(struct session *s, struct slice id); /* CLIENT_ID_MAX bytes at most */

#endif
