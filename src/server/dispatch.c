#include "server/dispatch.h"

typedef void (*handler)(struct session *s, struct slice body);

/* One row a message: who answers it. Everything else is unknown, which clients' test suites rely on. */
static const handler handlers[256] = {
    [MSG_PING_REQ] = admin_ping,
    [MSG_GET_CLIENT_ID_REQ] = admin_get_client_id,
    [MSG_SET_CLIENT_ID_REQ] = admin_set_client_id,
    [MSG_GET_SERVER_INFO_REQ] = admin_server_info,
    [MSG_GET_REQ] = kv_get,
    [MSG_PUT_REQ] = kv_put,
    [MSG_DEL_REQ] = kv_del,
    [MSG_LIST_BUCKETS_REQ] = list_buckets,
    [MSG_LIST_KEYS_REQ] = list_keys,
    [MSG_GET_BUCKET_REQ] = bucket_get,
    [MSG_SET_BUCKET_REQ] = bucket_set,
    [MSG_RESET_BUCKET_REQ] = bucket_reset,
    [MSG_GET_BUCKET_TYPE_REQ] = bucket_get_type,
    [MSG_SET_BUCKET_TYPE_REQ] = bucket_set_type,
};

void dispatch_request(struct session *s, uint8_t code, struct slice body)
{
    if (handlers[code])
        handlers[code](s, body);
    else if (code == MSG_START_TLS)
        session_error(s, "Security not enabled; STARTTLS not allowed.");
    else
        session_error(s, "Unknown message code: %u", code);
}
