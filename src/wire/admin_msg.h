/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, authentication, server information and client ids (riak-protocol.md sections 1, 3 and 15): bodies, without
 * frames where not said otherwise. */
#ifndef WIRE_ADMIN_MSG_H
#define WIRE_ADMIN_MSG_H

#include "base/arena.h"
#include "base/buf.h"

/* A whole frame: RpbErrorResp with errcode 0, as Riak always sends it. E_NOMEM, E_TOO_LARGE. */
int admin_error_put(struct buf *out, struct slice text);

struct admin_auth_req {
    struct slice user, password; /* borrowed from the body */
};
/* E_MALFORMED; a missing password is accepted as Riak does. */
int admin_auth_req_decode(struct slice body, struct admin_auth_req *out);

/* The id of RpbSetClientIdReq, borrowed from the body. E_MALFORMED. */
int admin_client_id_decode(struct slice body, struct slice *out);
/* Whole frames: RpbGetClientIdResp and RpbGetServerInfoResp. */
int admin_client_id_put(struct buf *out, struct slice id);
int admin_server_info_put(struct buf *out, struct slice node, struct slice version);
/* EphSelfTestResp (proto/ephemeral.proto), which admin_server_info_decode() reads: a whole frame. */
int admin_self_test_put(struct buf *out, struct slice node, struct slice version);

/* EphTimeoutReq (proto/ephemeral.proto): milliseconds. E_MALFORMED. */
int admin_timeout_decode_req(struct slice body, uint32_t *timeout_ms);

/* --- the client's direction --- */

int admin_timeout_put_req(struct buf *out, uint32_t timeout_ms); /* a whole frame */

int admin_auth_req_put(struct buf *out, struct slice user, struct slice password); /* a whole frame */
/* The text and code of RpbErrorResp; views. */
int admin_error_decode(struct slice body, struct slice *text, uint32_t *code);
int admin_server_info_decode(struct slice body, struct slice *node, struct slice *version);

#endif
