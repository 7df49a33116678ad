/* SPDX-License-Identifier: Apache-2.0 */
/* RpbMapRedReq and RpbMapRedResp (riak-protocol.md section 13): bodies. */
#ifndef WIRE_MAPRED_MSG_H
#define WIRE_MAPRED_MSG_H

#include "base/buf.h"
#include "base/err.h"

struct mapred_req {
    struct slice request, content_type; /* views */
};
/* E_MALFORMED, also when one is missing. */
int mapred_req_decode(struct slice body, struct mapred_req *out);

int mapred_resp_encode(struct buf *out, uint32_t phase, struct slice response);
int mapred_done_encode(struct buf *out);

#endif
