/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/admin_msg.h"

#include "wire/frame.h"
#include "wire/pb.h"
#include "wire/shape.h"

/* All of these messages are one or two byte strings: read as views, like the hot path, because they are also what a
 * stranger may send. */

static int read_two(struct slice body, struct slice *first, bool *has_first, struct slice *second)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    *first = *second = slice_make(NULL, 0);
    *has_first = false;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number > 2)
            continue;
        if (f.wire != PB_BYTES)
            return E_MALFORMED;
        *(f.number == 1 ? first : second) = f.bytes;
        *has_first = *has_first || f.number == 1;
    }
    return more;
}

static int put_two(struct buf *out, uint8_t code, struct slice first, const struct slice *second)
{
    size_t body = pb_bytes_size(first.len) + (second ? pb_bytes_size(second->len) : 0);
    uint8_t *p;
    int err = buf_reserve(out, FRAME_HEAD + body, &p);
    if (err)
        return err;
    p = pb_put_bytes(frame_head_put(p, code, body), 1, first);
    if (second)
        pb_put_bytes(p, 2, *second);
    buf_commit(out, FRAME_HEAD + body);
    return 0;
}

int admin_error_put(struct buf *out, struct slice text)
{
    size_t body = pb_bytes_size(text.len) + 2;
    uint8_t *p;
    int err = buf_reserve(out, FRAME_HEAD + body, &p);
    if (err)
        return err;
    p = pb_put_bytes(frame_head_put(p, MSG_ERROR_RESP, body), 1, text);
    pb_put_uint(p, 2, 0);
    buf_commit(out, FRAME_HEAD + body);
    return 0;
}

int admin_auth_req_decode(struct slice body, struct admin_auth_req *out)
{
    bool has_user;
    int err = read_two(body, &out->user, &has_user, &out->password);
    return err ? err : has_user ? 0 : E_MALFORMED;
}

int admin_client_id_decode(struct slice body, struct slice *out)
{
    bool has_id;
    struct slice ignored;
    int err = read_two(body, out, &has_id, &ignored);
    return err ? err : has_id ? 0 : E_MALFORMED;
}

int admin_client_id_put(struct buf *out, struct slice id)
{
    return put_two(out, MSG_GET_CLIENT_ID_RESP, id, NULL);
}

int admin_server_info_put(struct buf *out, struct slice node, struct slice version)
{
    return put_two(out, MSG_GET_SERVER_INFO_RESP, node, &version);
}

int admin_self_test_put(struct buf *out, struct slice node, struct slice version)
{
    return put_two(out, MSG_SELF_TEST_RESP, node, &version);
}

int admin_auth_req_put(struct buf *out, struct slice user, struct slice password)
{
    return put_two(out, MSG_AUTH_REQ, user, &password);
}

int admin_error_decode(struct slice body, struct slice *text, uint32_t *code)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    *text = slice_make(NULL, 0);
    *code = 0;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number == 1 && f.wire == PB_BYTES)
            *text = f.bytes;
        else if (f.number == 2 && f.wire == PB_VARINT)
            *code = (uint32_t)f.value;
    }
    return more;
}

int admin_server_info_decode(struct slice body, struct slice *node, struct slice *version)
{
    bool ignored;
    return read_two(body, node, &ignored, version);
}

/* --- the time-out of a connection --- */

struct timeout_req {
    uint32_t timeout_ms;
};
static const struct shape_field timeout_fields[] = {
    FIELD(UINT32, timeout_req, timeout_ms),
};
SHAPE(timeout_shape, timeout_fields);

int admin_timeout_put_req(struct buf *out, uint32_t timeout_ms)
{
    struct timeout_req req = {timeout_ms};
    return shape_put_frame(out, MSG_TIMEOUT_REQ, &timeout_shape, &req);
}

int admin_timeout_decode_req(struct slice body, uint32_t *timeout_ms)
{
    struct timeout_req req;
    int err = shape_decode(&timeout_shape, body, &req, sizeof req);
    if (!err)
        *timeout_ms = req.timeout_ms;
    return err;
}
