/* SPDX-License-Identifier: Apache-2.0 */
/* The messages about users and what they may do: codes 232 to 235 of the client protocol, for operators
 * (proto/ephemeral.proto). What one change is (security/change.h) is also what the cluster's log holds of it.
 *
 * security_msg_put_X() appends a whole frame: E_NOMEM, E_TOO_LARGE, then nothing was appended. security_msg_decode_X()
 * takes a body and fills all of *out, whatever it returns, as shape.h says. What was decoded need not make sense:
 * security_change_refused(). */
#ifndef WIRE_SECURITY_MSG_H
#define WIRE_SECURITY_MSG_H

#include "base/buf.h"
#include "security/change.h"

#define SECURITY_PAGE_MAX 16 /* changes in one answer */

int security_msg_put_change_req(struct buf *out, const struct security_change *c);
int security_msg_decode_change(struct slice body, struct security_change *out);
/* A body alone, appended: what the decoder reads. */
int security_msg_encode_change(struct buf *out, const struct security_change *c);

struct security_list_req {
    uint32_t from; /* so many are skipped */
};
int security_msg_put_list_req(struct buf *out, const struct security_list_req *req);
int security_msg_decode_list_req(struct slice body, struct security_list_req *out);

struct security_list_resp {
    uint32_t total;
    struct security_change change[SECURITY_PAGE_MAX]; /* as they make the acl; passwords without salt and hash */
    size_t count;                                     /* none: there are no more */
};
int security_msg_put_list(struct buf *out, const struct security_list_resp *l);
int security_msg_decode_list(struct slice body, struct security_list_resp *out);

#endif
