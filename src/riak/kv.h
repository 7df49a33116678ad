/* SPDX-License-Identifier: Apache-2.0 */
/* What get, put and delete (riak-protocol.md sections 5 and 6) have in common: the hot path. A request is decoded as
 * views into its frame, checked and resolved by src/api, given to the router, and answered straight into the output
 * queue. */
#ifndef RIAK_KV_H
#define RIAK_KV_H

#include "api/request.h"
#include "riak/error_reply.h"

struct kv_answer {
    struct session *session;
    uint8_t code;
    bool head;
    struct slice key; /* generated, or empty */
};
/* The object's siblings by their values, as Riak orders them; clients take the first. Where there is one alone it is
 * `one`, else an array to be freed; NULL: no memory. */
struct object_sibling *kv_siblings(const struct object *o, struct object_sibling *one, size_t *count);

/* Bytes of the object's siblings in an answer, which kv_answer_object() wants to know again. */
size_t kv_siblings_size(const struct object *o, bool head);
void kv_answer_object(const struct kv_answer *a, const struct object *o, size_t size);
/* Answers with a vclock or a key alone, or with nothing. */
void kv_answer_bare(struct session *s, uint8_t code, struct slice vclock, struct slice key);
/* Of the key that the session's request is about. */
struct slice kv_encode_vclock(const struct session *s, struct revision revision, uint8_t bytes[VCLOCK_SIZE]);

#endif
