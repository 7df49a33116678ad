/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/security_msg.h"

#include "wire/frame.h"
#include "wire/shape.h"

_Static_assert(sizeof(enum security_act) == sizeof(uint32_t), "choices are read and written as uint32_t");
_Static_assert(sizeof(enum security_role) == sizeof(uint32_t), "choices are read and written as uint32_t");

static const struct shape_field group_fields[] = {
    FIELD_TEXT(security_group_name, name),
};
SHAPE(group_shape, group_fields);

static const struct shape_field change_fields[] = {
    FIELD_CHOICE(security_change, act, SECURITY_ACT_MAX),
    FIELD_CHOICE(security_change, role, ROLE_MAX),
    FIELD_TEXT(security_change, name),
    FIELD(BOOL, security_change, configured),
    FIELD(BOOL, security_change, has_groups),
    FIELD_LIST(security_change, group, group_count, group_shape, SECURITY_GROUPS_OF),
    FIELD(BOOL, security_change, has_password),
    FIELD_BYTES(security_change, password.salt),
    FIELD_BYTES(security_change, password.hash),
    FIELD(UINT32, security_change, password.iterations),
    FIELD(UINT32, security_change, permissions),
    FIELD_TEXT(security_change, type),
    FIELD_TEXT(security_change, bucket),
    FIELD_TEXT(security_change, range),
    FIELD(UINT32, security_change, method),
};
SHAPE(change_shape, change_fields);

static const struct shape_field list_req_fields[] = {
    FIELD(UINT32, security_list_req, from),
};
SHAPE(list_req_shape, list_req_fields);

static const struct shape_field list_fields[] = {
    FIELD(UINT32, security_list_resp, total),
    FIELD_LIST(security_list_resp, change, count, change_shape, SECURITY_PAGE_MAX),
};
SHAPE(list_shape, list_fields);

#define DECODE(shape, body, out) shape_decode(&(shape), body, out, sizeof *(out))

int security_msg_put_change_req(struct buf *out, const struct security_change *c)
{
    return shape_put_frame(out, MSG_SECURITY_CHANGE_REQ, &change_shape, c);
}

int security_msg_decode_change(struct slice body, struct security_change *out)
{
    return DECODE(change_shape, body, out);
}

int security_msg_encode_change(struct buf *out, const struct security_change *c)
{
    size_t size = shape_size(&change_shape, c);
    uint8_t *p;
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    shape_put(p, &change_shape, c);
    buf_commit(out, size);
    return 0;
}

int security_msg_put_list_req(struct buf *out, const struct security_list_req *req)
{
    return shape_put_frame(out, MSG_SECURITY_LIST_REQ, &list_req_shape, req);
}

int security_msg_decode_list_req(struct slice body, struct security_list_req *out)
{
    return DECODE(list_req_shape, body, out);
}

int security_msg_put_list(struct buf *out, const struct security_list_resp *l)
{
    return shape_put_frame(out, MSG_SECURITY_LIST_RESP, &list_shape, l);
}

int security_msg_decode_list(struct slice body, struct security_list_resp *out)
{
    return DECODE(list_shape, body, out);
}
