/* SPDX-License-Identifier: Apache-2.0 */
/* What get, put and delete (riak-pb.md sections 5 and 6) have in common: the hot path. A request is decoded as views
 * into its frame, checked against the bucket's rules, given to the router, and answered straight into the output queue.
 * The checks answer what does not pass. */
#ifndef SERVER_KV_H
#define SERVER_KV_H

#include "server/session.h"
#include "wire/kv_msg.h"

struct kv_names {
    struct slice bucket, key, type;
    bool has_type;
};

void kv_malformed(struct session *s, const char *message);
bool kv_check_lengths(struct session *s, const struct kv_names *n);
bool kv_check_not_empty(struct session *s, const struct kv_names *n, bool key_needed);
/* Rules of the bucket, borrowed for the moment, and the key's hashes; NULL: there is no such type, or the user must not
 * do `what` there. */
const struct bucket_rules *kv_resolve(struct session *s, enum permission what, struct kv_names *n, struct store_key *k);

struct kv_quorum {
    uint32_t asked, property;
};
/* *n: the bucket's n_val, replaced by the request's own. */
bool kv_check_n_val(struct session *s, bool given, uint32_t asked, uint32_t *n);
bool kv_check_quorums(struct session *s, const struct kv_quorum *q, size_t count, uint32_t node_confirms, uint32_t n);

/* Which key the session's request is about: every vclock that comes or goes with it is of this key. */
void kv_note_key(struct session *s, const struct store_key *k);
/* A client's vclock, as the store understands it, for the key that was noted. False: it is no vclock, which is
 * answered.
 */
bool kv_read_context(struct session *s, struct slice vclock, struct store_context *out);
void kv_refuse_vclock(struct session *s, size_t len);

/* Random, for an object that comes without a key. */
void kv_generate_key(const struct session *s, char out[GENERATED_KEY_SIZE + 1]);

/* r = 1, and no primary asked for: any replica may answer, also with what is stale (promise 3). Not in a consistent
 * type. */
bool kv_is_any_replica(uint32_t r, uint32_t pr, const struct bucket_rules *rules);

/* The conditions that a consistent type puts on each write, in place of those that the client names: a put without a
 * vclock has to be the first one of its key; a put or delete with a vclock needs the key to be as it was read; a delete
 * without a vclock has no condition. As Riak's. */
void kv_require_context(const struct bucket_rules *rules, struct store_command *c);
/* refusal_answer(), of a write to such a type with Riak's one text for all of these conditions. */
void kv_refuse_write(struct session *s, bool consistent, int err, const struct store_result *r);

/* What the options and the bucket make of a write. */
struct store_rules kv_rules(const struct session *s, const struct bucket_rules *rules);

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
/* Of the key that was noted. */
struct slice kv_encode_vclock(const struct session *s, struct revision revision, uint8_t bytes[VCLOCK_SIZE]);

#endif
