/* SPDX-License-Identifier: Apache-2.0 */
/* One client of a fake node, and the messages of keys and buckets. */
#ifndef KV_RIG_H
#define KV_RIG_H

#include "fake_node.h"
#include "store/props.h"
#include "wire/vclock.h"

struct kv_rig {
    struct fake_node node;
    struct fake_conn conn;
    struct buf request;
    struct kv_resp resp;
    uint8_t vclock[VCLOCK_SIZE]; /* of the last answer that had one */
    size_t vclock_len;
};

int kv_rig_setup(void **state);
int kv_rig_teardown(void **state);
#define KV_CASE(f) cmocka_unit_test_setup_teardown(f, kv_rig_setup, kv_rig_teardown)

/* Requests for a key of bucket "b", to be changed as the test needs it. */
struct kv_put_req kv_put_of(const char *key, const char *value);
struct kv_get_req kv_get_of(const char *key);
struct kv_del_req kv_del_of(const char *key);

/* Gives the client's connection what was written to r->request. */
void kv_rig_send(struct kv_rig *r);
void kv_rig_send_put_meta(struct kv_rig *r, const struct kv_put_req *req, struct slice meta);
void kv_rig_send_put(struct kv_rig *r, const struct kv_put_req *req);
void kv_rig_send_get(struct kv_rig *r, const struct kv_get_req *req);
void kv_rig_send_del(struct kv_rig *r, const struct kv_del_req *req);
/* A put of `size` zeros, on any connection. */
void kv_rig_put_large(struct fake_conn *c, const char *key, size_t size);
void kv_rig_set_props(struct kv_rig *r, const struct bucket_props *props);

/* The answer to a get or put, as views into the connection's output. */
const struct kv_resp *kv_rig_answer(struct kv_rig *r, uint8_t code);
struct slice kv_rig_vclock(const struct kv_rig *r); /* of the last answer that had one */

/* Asked and answered. */
const struct kv_resp *kv_rig_get(struct kv_rig *r, const char *key);
void kv_rig_put(struct kv_rig *r, const char *key, const char *value);
void kv_rig_allow_mult(struct kv_rig *r);

/* The router answers what it was asked first, or that it failed. */
void kv_rig_answer_late(struct kv_rig *r);
void kv_rig_fail_late(struct kv_rig *r, int err);
/* One more request to be sent: with that body, or for the keys of the bucket "b". */
void kv_rig_append_frame(struct kv_rig *r, uint8_t code, struct slice body);
void kv_rig_append_list(struct kv_rig *r, uint32_t timeout_ms);
void kv_rig_ping(struct kv_rig *r); /* the connection is served */

#endif
