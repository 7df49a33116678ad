/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/command_msg.h"

#include "base/err.h"
#include "support.h"

static struct store_command whole(void)
{
    return (struct store_command){
        .op = STORE_PUT,
        .stamp_ms = UINT64_C(1700000000000),
        .origin = {.incarnation = {"0123456789abcde"}, .sequence = 300, .acknowledged = 299},
        .key = {.type = slice_str("t"), .bucket = slice_str("bucket"), .key = slice_str("key")},
        .rules = {true, 100, 1 << 20, 30000, true, STORE_REAP_NEVER},
        .condition = STORE_IF_UNMODIFIED,
        .context = {CONTEXT_SEEN, {UINT64_MAX, 7, 9}},
        .value.bytes = slice_str("value"),
        .meta.bytes = slice_str("meta"),
        .tombstone = true};
}

static struct store_command again(const struct store_command *c)
{
    static struct blob *kept; /* what the last one is a view of */
    struct store_command out;
    blob_put(kept);
    kept = command_encode(c);
    assert_non_null(kept);
    assert_int_equal(command_decode(slice_make(kept->data, kept->size), kept, &out), 0);
    assert_ptr_equal(out.value.blob, c->op >= STORE_TICK ? NULL : kept);
    return out;
}

static void test_everything(void **state)
{
    struct store_command c = whole(), out = again(&c);
    (void)state;
    assert_int_equal(out.op, STORE_PUT);
    assert_int_equal(out.stamp_ms, c.stamp_ms);
    assert_memory_equal(out.origin.incarnation.b, c.origin.incarnation.b, 16);
    assert_int_equal(out.origin.sequence, 300);
    assert_int_equal(out.origin.acknowledged, 299);
    assert_slice_is(out.key.type, "t");
    assert_slice_is(out.key.bucket, "bucket");
    assert_slice_is(out.key.key, "key");
    assert_true(out.rules.allow_mult && out.tombstone);
    assert_int_equal(out.rules.siblings_max, 100);
    assert_int_equal(out.rules.size_max, 1 << 20);
    assert_int_equal(out.rules.ttl_ms, 30000);
    assert_true(out.rules.ttl_from_create);
    assert_true(out.rules.reap_ms == STORE_REAP_NEVER);
    assert_int_equal(out.condition, STORE_IF_UNMODIFIED);
    assert_int_equal(out.context.kind, CONTEXT_SEEN);
    assert_int_equal(revision_cmp(out.context.seen, c.context.seen), 0);
    assert_slice_is(out.value.bytes, "value");
    assert_slice_is(out.meta.bytes, "meta");
}

static void test_update(void **state)
{
    struct store_command c = whole();
    (void)state;
    c.op = STORE_UPDATE;
    c.datatype = DATATYPE_MAP;
    struct store_command out = again(&c);
    assert_int_equal(out.op, STORE_UPDATE);
    assert_int_equal(out.datatype, DATATYPE_MAP);
    assert_slice_is(out.value.bytes, "value");
    assert_slice_is(out.meta.bytes, "meta");
    c.datatype = DATATYPE_LAST + 1;
    struct blob *b = command_encode(&c);
    assert_non_null(b);
    assert_int_equal(command_decode(slice_make(b->data, b->size), b, &out), E_MALFORMED);
    blob_put(b);
}

static void test_nothing(void **state)
{
    struct store_command c = {.op = STORE_DELETE}, out = again(&c);
    (void)state;
    assert_int_equal(out.op, STORE_DELETE);
    assert_int_equal(out.origin.sequence, 0);
    assert_int_equal(out.context.kind, CONTEXT_NONE);
    assert_int_equal(out.key.key.len, 0);
    assert_false(out.tombstone || out.rules.allow_mult || out.rules.ttl_from_create);
    c = (struct store_command){.op = STORE_TICK, .stamp_ms = 5};
    out = again(&c);
    assert_int_equal(out.op, STORE_TICK);
    assert_int_equal(out.stamp_ms, 5);
}

static void test_forget(void **state)
{
    struct store_command c = {.op = STORE_FORGET, .stamp_ms = 5, .origin.incarnation = {"0123456789abcde"}};
    struct store_command out = again(&c);
    (void)state;
    assert_int_equal(out.op, STORE_FORGET);
    assert_memory_equal(out.origin.incarnation.b, c.origin.incarnation.b, 16);
    assert_int_equal(out.origin.sequence, 0);
    memset(c.origin.incarnation.b, 0, ID_SIZE);
    struct blob *b = command_encode(&c);
    assert_int_equal(command_decode(slice_make(b->data, b->size), b, &out), E_MALFORMED);
    blob_put(b);
}

/* No command acknowledges itself, or anything when it has no sequence. */
static void test_wrong_acknowledgements(void **state)
{
    static const uint64_t wrong[][2] = {{300, 300}, {300, 301}, {0, 1}, {1, 1}};
    struct store_command c = whole(), out;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        c.origin.sequence = wrong[i][0];
        c.origin.acknowledged = wrong[i][1];
        struct blob *b = command_encode(&c);
        assert_int_equal(command_decode(slice_make(b->data, b->size), b, &out), E_MALFORMED);
        blob_put(b);
    }
}

static void test_cut_and_longer(void **state)
{
    struct store_command c = whole(), out;
    struct blob *b = command_encode(&c);
    uint8_t longer[200];
    (void)state;
    for (size_t n = 0; n < b->size; n++)
        assert_int_equal(command_decode(slice_make(b->data, n), NULL, &out), E_MALFORMED);
    memcpy(longer, b->data, b->size);
    longer[b->size] = 0;
    assert_int_equal(command_decode(slice_make(longer, b->size + 1), NULL, &out), E_MALFORMED);
    blob_put(b);
}

/* A byte that is none of those that may stand there. */
static void test_wrong_choices(void **state)
{
    static const uint8_t wrong[5] = {2, 4, 8, 3, 3};
    struct store_command c = whole(), out;
    (void)state;
    for (unsigned i = 0; i < sizeof wrong; i++) {
        struct blob *b = command_encode(&c);
        b->data[i] = wrong[i];
        assert_int_equal(command_decode(slice_make(b->data, b->size), NULL, &out), E_MALFORMED);
        blob_put(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_wrong_acknowledgements),
        cmocka_unit_test(test_cut_and_longer),
        cmocka_unit_test(test_wrong_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
