/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/dispatch.h"

#include "api/ask.h"
#include "api/authorize.h"
#include "riak/error_reply.h"

struct handler {
    void (*answer)(struct session *s, struct slice body);
    bool needs_cluster; /* hash key, catalog or data: not while the node is in none */
    bool overlaps;      /* it concerns one key or none (R-ORDER): others may be under way with it */
};

/* One row a message: who answers it. Everything else is unknown, which clients' test suites rely on. */
static const struct handler handlers[256] = {
    [MSG_PING_REQ] = {admin_ping, false, true},
    [MSG_GET_CLIENT_ID_REQ] = {admin_get_client_id, false, true},
    [MSG_SET_CLIENT_ID_REQ] = {admin_set_client_id, false, true},
    [MSG_GET_SERVER_INFO_REQ] = {admin_server_info, false, true},
    [MSG_GET_REQ] = {kv_get, true, true},
    [MSG_PUT_REQ] = {kv_put, true, true},
    [MSG_DEL_REQ] = {kv_del, true, true},
    [MSG_LIST_BUCKETS_REQ] = {list_buckets, true, false},
    [MSG_LIST_KEYS_REQ] = {list_keys, true, false},
    [MSG_GET_BUCKET_REQ] = {bucket_get, true, false},
    [MSG_SET_BUCKET_REQ] = {bucket_set, true, false},
    [MSG_MAPRED_REQ] = {mapred, true, false},
    [MSG_INDEX_REQ] = {index_query, true, false},
    [MSG_RESET_BUCKET_REQ] = {bucket_reset, true, false},
    [MSG_GET_BUCKET_TYPE_REQ] = {bucket_get_type, true, false},
    [MSG_SET_BUCKET_TYPE_REQ] = {bucket_set_type, true, false},
    [MSG_PREFLIST_REQ] = {preflist_get, true, false},
    [MSG_COUNTER_UPDATE_REQ] = {counter_update, true, true},
    [MSG_COUNTER_GET_REQ] = {counter_get, true, true},
    [MSG_DT_FETCH_REQ] = {datatype_fetch, true, true},
    [MSG_DT_UPDATE_REQ] = {datatype_update, true, true},
    [MSG_SELF_TEST_REQ] = {self_test, false, false},
    [MSG_TIMEOUT_REQ] = {admin_set_timeout, false, false}, /* those before it keep the time that they had */
    [MSG_SECURITY_CHANGE_REQ] = {users_change, true, false},
    [MSG_SECURITY_LIST_REQ] = {users_list, true, false},
    [MSG_CREATE_TYPE_REQ] = {bucket_create_type, true, false},
    [MSG_LIST_TYPES_REQ] = {bucket_list_types, true, false},
    [MSG_CLUSTER_STATUS_REQ] = {cluster_admin_status, false, false},
    [MSG_CLUSTER_PARTITIONS_REQ] = {cluster_admin_partitions, false, false},
    [MSG_CLUSTER_TRANSFERS_REQ] = {cluster_admin_transfers, false, false},
    [MSG_CLUSTER_READY_REQ] = {cluster_admin_ready, false, false},
    [MSG_CLUSTER_DISCOVERY_REQ] = {cluster_admin_discovery, false, false},
    [MSG_CLUSTER_ACT_REQ] = {cluster_admin_act, false, false},
};

/* Messages that may be as large as an object, and what they take. The bucket's type comes behind the value in some:
 * that the user may write to this very bucket is seen when all is there. Others hold names, properties, or a job. */
#define OTHERS_MAX ((size_t)2 * 1024 * 1024)

static bool may_be_large(uint8_t code)
{
    return code == MSG_PUT_REQ || code == MSG_DT_UPDATE_REQ;
}

/* NULL: it can be served. */
static const char *unavailable(const struct session *s, uint8_t code)
{
    return handlers[code].needs_cluster ? ask_unavailable(&s->server->api) : NULL;
}

bool dispatch_is_alone(uint8_t code)
{
    return handlers[code].answer && !handlers[code].overlaps;
}

bool dispatch_admits(struct session *s, uint8_t code, size_t body_len)
{
    const char *why = unavailable(s, code);
    bool large = may_be_large(code);
    struct outcome refused = {.code = OUTCOME_UNAVAILABLE, .why = why};
    if (why)
        riak_refuse(s, NULL, &refused);
    else if (!handlers[code].answer)
        riak_error(s, "Unknown message code: %u", code);
    else if (!large && body_len > OTHERS_MAX)
        riak_refuse_size(s, body_len, OTHERS_MAX);
    else if ((large || code == MSG_MAPRED_REQ) &&
             !authorize_somewhere(&s->server->api, &s->who, large ? MAY_PUT : MAY_MAPREDUCE, &refused))
        riak_refuse(s, NULL, &refused);
    else
        return true;
    return false;
}

void dispatch_request(struct session *s, uint8_t code, struct slice body)
{
    const struct handler *h = &handlers[code];
    struct outcome refused = {.code = OUTCOME_UNAVAILABLE, .why = unavailable(s, code)};
    if (refused.why)
        riak_refuse(s, NULL, &refused);
    else if (h->answer)
        h->answer(s, body);
    else if (code == MSG_START_TLS)
        riak_error(s, "Security not enabled; STARTTLS not allowed.");
    else
        riak_error(s, "Unknown message code: %u", code);
}
