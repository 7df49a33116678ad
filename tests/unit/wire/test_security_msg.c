/* SPDX-License-Identifier: Apache-2.0 */
/* Users and what they may do: sent and read again, and read by protobuf-c as proto/ephemeral.proto describes it. */
#include "wire/security_msg.h"

#include "base/err.h"
#include "ephemeral.pb-c.h"
#include "support.h"
#include "written.h"

static const struct security_change full = {
    .act = SECURITY_REVOKE,
    .role = ROLE_GROUP,
    .name = "joe",
    .configured = true,
    .has_groups = true,
    .group_count = 2,
    .group = {{"a"}, {"bb"}},
    .has_password = true,
    .password = {.salt = {1, [15] = 2}, .hash = {3, [31] = 4}, .iterations = 65536},
    .permissions = PERMISSIONS_ALL,
    .type = "t",
    .bucket = "x",
    .range = "10.0.0.0/8",
    .method = METHOD_TRUST,
};

static void a_change_comes_back(void **state)
{
    static struct security_change out;
    (void)state;
    assert_int_equal(
        security_msg_decode_change(written(security_msg_put_change_req(&b, &full), MSG_SECURITY_CHANGE_REQ), &out), 0);
    assert_memory_equal(&out, &full, sizeof out);
    assert_int_equal(security_msg_encode_change(&b, &full), 0);
    assert_int_equal(security_msg_decode_change(buf_slice(&b), &out), 0);
    assert_memory_equal(&out, &full, sizeof out);
}

static void a_list_comes_back(void **state)
{
    static struct security_list_resp l = {.total = 77, .count = SECURITY_PAGE_MAX}, out;
    struct security_list_req req = {.from = 48}, req_out;
    (void)state;
    for (size_t i = 0; i < l.count; i++)
        l.change[i] = full;
    l.change[3].name[0] = 'x';
    assert_int_equal(security_msg_decode_list(written(security_msg_put_list(&b, &l), MSG_SECURITY_LIST_RESP), &out), 0);
    assert_memory_equal(&out, &l, sizeof out);
    assert_int_equal(
        security_msg_decode_list_req(written(security_msg_put_list_req(&b, &req), MSG_SECURITY_LIST_REQ), &req_out), 0);
    assert_int_equal(req_out.from, 48);
    assert_int_equal(security_msg_decode_list_req(slice_make(NULL, 0), &req_out), 0);
    assert_int_equal(req_out.from, 0);
}

/* protobuf-c stands for every program that was made from the .proto file. */
static void as_the_proto_file_says(void **state)
{
    static const struct security_list_resp l = {.total = 1, .count = 1, .change = {full}};
    (void)state;
    struct slice body = written(security_msg_put_list(&b, &l), MSG_SECURITY_LIST_RESP);
    EphSecurityListResp *list = eph_security_list_resp__unpack(NULL, body.len, body.data);
    assert_non_null(list);
    assert_true(list->total == 1 && list->n_change == 1);
    const EphSecurityChange *c = list->change[0];
    assert_int_equal(c->act, EPH_SECURITY_ACT__REVOKE);
    assert_int_equal(c->role, EPH_SECURITY_ROLE__GROUP);
    assert_string_equal(c->name, "joe");
    assert_true(c->configured && c->has_groups && c->n_group == 2 && c->has_password);
    assert_string_equal(c->group[1]->name, "bb");
    assert_true(c->salt.len == 16 && c->salt.data[15] == 2 && c->hash.len == 32 && c->hash.data[31] == 4);
    assert_true(c->iterations == 65536 && c->permissions == PERMISSIONS_ALL && c->method == METHOD_TRUST);
    assert_string_equal(c->type, "t");
    assert_string_equal(c->bucket, "x");
    assert_string_equal(c->range, "10.0.0.0/8");
    assert_int_equal(c->base.n_unknown_fields, 0);
    eph_security_list_resp__free_unpacked(list, NULL);
}

static void what_is_no_change(void **state)
{
    static const struct {
        const char *body;
        size_t len;
    } bad[] = {
        {"", 0},                           /* neither act nor role */
        {"\x08\x01", 2},                   /* no role */
        {"\x08\x08\x10\x01", 4},           /* no such act */
        {"\x08\x01\x10\x04", 4},           /* no such role */
        {"\x08\x01\x10\x01\x1a\x02x", 7},  /* cut off */
        {"\x08\x01\x10\x01\x1a\x01\0", 7}, /* a NUL in a name */
        {"\x08\x01\x10\x01\x42\x01x", 7},  /* a salt of one byte */
        {"\x08\x01\x10\x01\x18\x01", 6},   /* a name that is a number */
    };
    static struct security_change out;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(security_msg_decode_change(slice_make(bad[i].body, bad[i].len), &out), E_MALFORMED);
}

static void one_group_too_many(void **state)
{
    static const char head[] = "\x08\x01\x10\x01", group[] = "\x32\x03\x0a\x01g";
    static struct security_change out;
    (void)state;
    assert_int_equal(buf_append(&b, head, 4), 0);
    for (unsigned i = 1; i <= SECURITY_GROUPS_OF + 1; i++) {
        assert_int_equal(buf_append(&b, group, 5), 0);
        assert_int_equal(security_msg_decode_change(buf_slice(&b), &out), i <= SECURITY_GROUPS_OF ? 0 : E_TOO_MANY);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_change_comes_back), TEST(a_list_comes_back),  TEST(as_the_proto_file_says),
        TEST(what_is_no_change),   TEST(one_group_too_many),
    };
    return cmocka_run_group_tests_name("wire/security_msg", tests, NULL, NULL);
}
