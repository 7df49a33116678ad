/* SPDX-License-Identifier: Apache-2.0 */
/* A small blocking client: one connection, one call at a time, each bounded by the time-out. For tools, tests and
 * programs that wait anyway; what needs many connections or pipelining drives conn.h itself.
 *
 * Every call returns 0 or a code. When the server answered with an error, client_error() is its text,
 * client_error_code() its number, and the code is what the text means (answer.h); the connection lives on. After any
 * other failure it is dead (client_alive() is false), and whether a write happened is not known. What a call hands out
 * (slices of values, keys, names) is borrowed until the next call. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "client/conn.h"
#include "client/identity.h"
#include "store/props.h"
#include "wire/cluster_msg.h"
#include "wire/kv_msg.h"
#include "wire/security_msg.h"

struct client;

#define CLIENT_TIMEOUT_DEFAULT_MS 10000u
#define CLIENT_PORT_DEFAULT       8087

struct client_options {
    const struct client_identity *identity; /* borrowed until the client is closed */
    const char *host;                       /* name or address; borrowed during the call */
    uint16_t port;                          /* 0: CLIENT_PORT_DEFAULT */
    unsigned timeout_ms;                    /* of connecting with authentication, and of each call; 0: the default */
    bool direct_tls;                        /* TLS from the first byte instead of RpbStartTls */
    const struct client *resume;            /* an open client of the same server and identity whose TLS session is
                                               taken up, or NULL; borrowed during the call */
};

/* Connects, does the TLS handshake and authenticates. On success *out is the client, to be freed by client_close(); on
 * failure it is NULL, and `why` is one line that says what failed.
 *   E_NOT_FOUND    the host is unknown; looking up its name is not bounded by timeout_ms
 *   E_TIMEOUT      not done within timeout_ms
 *   E_CLOSED       the connection was refused, or the server closed it
 *   E_IO           the connection failed in another way
 *   E_TLS          the handshake failed, or the server's certificate is not the expected one
 *   E_DENIED       the server refused the user
 *   E_AGAIN        the server has no place for another client
 *   E_UNSUPPORTED  the server does not know RpbStartTls
 *   E_MALFORMED, E_TOO_LARGE   it does not speak the protocol, or the user's name or password is too long
 *   E_NOMEM */
int client_connect(const struct client_options *options, struct client **out, char *why, size_t why_size);
/* Says goodbye, without waiting, and frees. */
void client_close(struct client **c);

bool client_alive(const struct client *c);
const char *client_error(const struct client *c); /* of the last call; "" after success; borrowed until the next */
uint32_t client_error_code(const struct client *c);
const struct client_conn *client_connection(const struct client *c); /* for its TLS version, suite, resumption */

int client_ping(struct client *c);

struct client_server_info {
    struct slice node, version;
};
int client_server_info(struct client *c, struct client_server_info *out);

/* A write and a read in that node's own memory: 0 when the value came back. An older node answers with E_UNSUPPORTED.
 */
int client_self_test(struct client *c, struct client_server_info *out);

/* Requests are borrowed during the call; a new one starts from the client_*_request() of its kind, which leaves
 * everything to the bucket's properties. An empty `type` means "default".
 * Get: E_NOT_FOUND when there is no content (out->vclock is still set if a tombstone's was asked for), or 0 with at
 * least one, or with out->unchanged. */
struct kv_get_req client_get_request(struct slice type, struct slice bucket, struct slice key);
struct kv_put_req client_put_request(struct slice type, struct slice bucket, struct slice key, struct slice value);
struct kv_del_req client_del_request(struct slice type, struct slice bucket, struct slice key);
int client_get(struct client *c, const struct kv_get_req *req, struct kv_resp *out);
/* `meta` is built with kv_meta_put_text() and kv_meta_put_item(). */
int client_put(struct client *c, const struct kv_put_req *req, struct slice meta, struct kv_resp *out);
/* Also 0 when there was nothing to delete. */
int client_del(struct client *c, const struct kv_del_req *req);

/* Calls `each` for every name, in no order; the slice is borrowed during it. `each` returns false to stop: then the
 * rest is not read, and the connection is dead. */
typedef bool (*client_each)(void *arg, struct slice name);
int client_list_keys(struct client *c, struct slice type, struct slice bucket, client_each each, void *arg);
int client_list_buckets(struct client *c, struct slice type, client_each each, void *arg);

/* The whole properties of a bucket; merge some over them; back to what the type says. */
int client_get_props(struct client *c, struct slice type, struct slice bucket, struct bucket_props *out);
int client_set_props(struct client *c, struct slice type, struct slice bucket, const struct bucket_props *props);
int client_reset_props(struct client *c, struct slice type, struct slice bucket);

/* Bucket types: what they say, and a change of it; a new one (for nodes' certificates alone); all there are. */
int client_get_type(struct client *c, struct slice type, struct bucket_props *out);
int client_set_type(struct client *c, struct slice type, const struct bucket_props *props);
int client_create_type(struct client *c, struct slice type, const struct bucket_props *props);
int client_list_types(struct client *c, client_each each, void *arg);

/* Users and what they may do, for nodes' certificates alone: one change, E_INVALID when it is refused; and those from
 * number `from` on that make all there is, as many as fit: continue after the last, until out->count is 0. */
int client_change_security(struct client *c, const struct security_change *change);
int client_list_security(struct client *c, uint32_t from, struct security_list_resp *out);

/* What the node knows about its cluster (wire/status.h). Riak answers these with E_UNSUPPORTED. */
int client_cluster_status(struct client *c, struct status_node *out);
/* Partitions from number `from` on, as many as fit: continue after the last, until out->count is 0. */
int client_cluster_partitions(struct client *c, uint32_t from, struct cluster_partitions_resp *out);
int client_cluster_transfers(struct client *c, struct cluster_transfers_resp *out);
/* Candidates from number `from` on. */
int client_cluster_discovery(struct client *c, uint32_t from, struct status_discovery *out);
int client_cluster_ready(struct client *c, bool probe, struct cluster_ready_resp *out);
/* 0: it has begun. E_DENIED when the certificate has not the role of a node (identity.h mints one), E_INVALID when the
 * node refuses, E_AGAIN when something else must come first. */
int client_cluster_act(struct client *c, const struct cluster_act_req *req);

/* One exchange of any message: `body` goes out with `code`, *out is the answer whose code is `expected`. For what has
 * no call of its own. */
int client_exchange(struct client *c, uint8_t code, struct slice body, uint8_t expected, struct frame *out);

#endif
