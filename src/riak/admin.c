/* SPDX-License-Identifier: Apache-2.0 */
/* Ping, server information, client ids (riak-protocol.md section 3), and the time-out of a connection. */
#include "base/err.h"
#include "riak/dispatch.h"
#include "riak/error_reply.h"
#include "wire/admin_msg.h"

static void answer(struct session *s, int err)
{
    if (err)
        session_broken(s, err);
}

/* Riak tries to decode what comes with a ping, and fails; it is no message. */
void admin_ping(struct session *s, struct slice body)
{
    if (body.len == 0) {
        riak_reply_empty(s, MSG_PING_RESP);
        return;
    }
    s->server->metrics->frames_malformed++;
    riak_error(s, "Error processing incoming message: RpbPingReq has no body, %zu bytes came", body.len);
}

void admin_get_client_id(struct session *s, struct slice body)
{
    static const uint8_t unset[4];
    struct slice id = riak_client_id(s);
    (void)body;
    answer(s, admin_client_id_put(session_out(s), id.len ? id : slice_make(unset, sizeof unset)));
}

void admin_set_client_id(struct session *s, struct slice body)
{
    struct slice id;
    if (admin_client_id_decode(body, &id)) {
        riak_refuse_malformed(s, "RpbSetClientIdReq");
        return;
    }
    if (id.len > CLIENT_ID_MAX) {
        riak_error(s, "Client id of %zu bytes: at most %d are kept", id.len, CLIENT_ID_MAX);
        return;
    }
    if (riak_set_client_id(s, id))
        riak_refuse_memory(s);
    else
        riak_reply_empty(s, MSG_SET_CLIENT_ID_RESP);
}

void admin_set_timeout(struct session *s, struct slice body)
{
    if (admin_timeout_decode_req(body, &s->timeout_ms)) {
        riak_refuse_malformed(s, "EphTimeoutReq");
        return;
    }
    riak_reply_empty(s, MSG_TIMEOUT_RESP);
}

void admin_server_info(struct session *s, struct slice body)
{
    const struct server_config *c = &s->server->config;
    (void)body;
    answer(s, admin_server_info_put(session_out(s), slice_str(c->node_name), slice_str(c->version)));
}
