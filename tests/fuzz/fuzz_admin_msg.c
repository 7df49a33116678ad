/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, authentication, server information and client ids: every input is given to every decoder. What decodes is
 * written again and decodes to the same. */
#include "fuzz.h"
#include "wire/admin_msg.h"
#include "wire/frame.h"

/* The body of the one frame in `out`, which an encoder has just written. */
static struct slice body_of(struct buf *out, int err, uint8_t code)
{
    struct slice in = buf_slice(out);
    struct frame f;
    ASSERT(err == 0);
    ASSERT(frame_take(&in, UINT32_MAX, &f) == 1 && in.len == 0 && f.code == code);
    buf_consume(out, buf_len(out)); /* the bytes stay until the next write */
    return f.body;
}

static void fuzz_auth(struct slice body, struct buf *out)
{
    struct admin_auth_req req, again;
    if (admin_auth_req_decode(body, &req))
        return;
    ASSERT(fuzz_inside(req.user, body) && fuzz_inside(req.password, body));
    struct slice w = body_of(out, admin_auth_req_put(out, req.user, req.password), MSG_AUTH_REQ);
    ASSERT(admin_auth_req_decode(w, &again) == 0);
    ASSERT(slice_eq(req.user, again.user) && slice_eq(req.password, again.password));
}

static void fuzz_client_id(struct slice body, struct buf *out)
{
    struct slice id, again;
    if (admin_client_id_decode(body, &id))
        return;
    ASSERT(fuzz_inside(id, body));
    struct slice w = body_of(out, admin_client_id_put(out, id), MSG_GET_CLIENT_ID_RESP);
    ASSERT(admin_client_id_decode(w, &again) == 0 && slice_eq(id, again));
}

static void fuzz_error(struct slice body, struct buf *out)
{
    struct slice text, again;
    uint32_t code;
    if (admin_error_decode(body, &text, &code))
        return;
    ASSERT(fuzz_inside(text, body));
    struct slice w = body_of(out, admin_error_put(out, text), MSG_ERROR_RESP);
    ASSERT(admin_error_decode(w, &again, &code) == 0 && slice_eq(text, again) && code == 0);
}

static void fuzz_server_info(struct slice body, struct buf *out)
{
    struct slice node, version, node_again, version_again;
    if (admin_server_info_decode(body, &node, &version))
        return;
    ASSERT(fuzz_inside(node, body) && fuzz_inside(version, body));
    struct slice w = body_of(out, admin_server_info_put(out, node, version), MSG_GET_SERVER_INFO_RESP);
    ASSERT(admin_server_info_decode(w, &node_again, &version_again) == 0);
    ASSERT(slice_eq(node, node_again) && slice_eq(version, version_again));
}

static void fuzz_timeout(struct slice body, struct buf *out)
{
    uint32_t ms, again;
    if (admin_timeout_decode_req(body, &ms))
        return;
    ASSERT(admin_timeout_decode_req(body_of(out, admin_timeout_put_req(out, ms), MSG_TIMEOUT_REQ), &again) == 0);
    ASSERT(ms == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    fuzz_auth(body, &out);
    fuzz_client_id(body, &out);
    fuzz_error(body, &out);
    fuzz_server_info(body, &out);
    fuzz_timeout(body, &out);
    buf_fini(&out);
    return 0;
}
