/* SPDX-License-Identifier: Apache-2.0 */
/* From a message code to who answers it. */
#ifndef RIAK_DISPATCH_H
#define RIAK_DISPATCH_H

#include "riak/riak.h"

/* Answers one request of an authenticated client, or begins to (session_begin_wait()). `body` is borrowed for the call.
 */
void dispatch_request(struct session *s, uint8_t code, struct slice body);

/* R-ORDER: a request that waits for all before it, and holds back all after it. */
bool dispatch_is_alone(uint8_t code);

/* Whether a body that is not small is to be read at all. False: answered. */
bool dispatch_admits(struct session *s, uint8_t code, size_t body_len);

/* The handlers; one file per family. */
void kv_get(struct session *s, struct slice body);
void kv_put(struct session *s, struct slice body);
void kv_del(struct session *s, struct slice body);
void datatype_fetch(struct session *s, struct slice body);
void datatype_update(struct session *s, struct slice body);
void counter_get(struct session *s, struct slice body);
void counter_update(struct session *s, struct slice body);
void list_buckets(struct session *s, struct slice body);
void list_keys(struct session *s, struct slice body);
void mapred(struct session *s, struct slice body);
void preflist_get(struct session *s, struct slice body);
void index_query(struct session *s, struct slice body);
void bucket_get(struct session *s, struct slice body);
void bucket_set(struct session *s, struct slice body);
void bucket_reset(struct session *s, struct slice body);
void bucket_get_type(struct session *s, struct slice body);
void bucket_set_type(struct session *s, struct slice body);
void bucket_create_type(struct session *s, struct slice body);
void bucket_list_types(struct session *s, struct slice body);
void users_change(struct session *s, struct slice body);
void users_list(struct session *s, struct slice body);
void admin_ping(struct session *s, struct slice body);
void admin_get_client_id(struct session *s, struct slice body);
void admin_set_client_id(struct session *s, struct slice body);
void admin_set_timeout(struct session *s, struct slice body);
void admin_server_info(struct session *s, struct slice body);
void self_test(struct session *s, struct slice body);
void cluster_admin_status(struct session *s, struct slice body);
void cluster_admin_partitions(struct session *s, struct slice body);
void cluster_admin_transfers(struct session *s, struct slice body);
void cluster_admin_ready(struct session *s, struct slice body);
void cluster_admin_discovery(struct session *s, struct slice body);
void cluster_admin_act(struct session *s, struct slice body);

#endif
