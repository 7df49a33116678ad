/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "client/call.h"

int client_change_security(struct client *c, const struct security_change *change)
{
    struct frame f;
    int err = call_announce(c);
    if (err)
        return err;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    c->changes = true;
    return call_finish(c, security_msg_put_change_req(b, change), CALL_WHOLE, MSG_SECURITY_CHANGE_RESP, &f);
}

int client_list_security(struct client *c, uint32_t from, struct security_list_resp *out)
{
    struct security_list_req req = {.from = from};
    struct frame f;
    struct buf *b = call_begin(c);
    if (!b)
        return E_CLOSED;
    int err = call_finish(c, security_msg_put_list_req(b, &req), CALL_WHOLE, MSG_SECURITY_LIST_RESP, &f);
    if (err)
        return err;
    err = security_msg_decode_list(f.body, out);
    return err ? call_fail(c, err, "the server's answer cannot be decoded: is it of another version?") : 0;
}
