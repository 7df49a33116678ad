/* SPDX-License-Identifier: Apache-2.0 */
/* Updates of data types, as the store's callers see them; what they do is tested in tests/unit/datatype. */
#include "base/err.h"
#include "datatype/operation.h"
#include "store/store.h"
#include "support.h"

struct rig {
    struct store_memory memory;
    struct hash_key key;
    struct store *store;
    uint64_t epoch, index, now_ms;
    struct buf op;
    struct store_result result;
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}, .key = {5, 6}, .epoch = 1, .index = 1, .now_ms = 1000000};
    assert_int_equal(store_create(&r->key, &r->memory, &r->store), 0);
    buf_init(&r->op, SIZE_MAX / 2);
}

static void rig_fini(struct rig *r)
{
    store_check(r->store);
    store_destroy(&r->store);
    buf_fini(&r->op);
    assert_int_equal(r->memory.used, 0);
}

static struct store_command command(struct rig *r, enum store_op op)
{
    struct store_command c = {.op = op,
                              .stamp_ms = r->now_ms,
                              .revision = {r->epoch, 1, ++r->index},
                              .rules = {.allow_mult = true, .siblings_max = 10, .size_max = 1000, .reap_ms = 3000},
                              .datatype = DATATYPE_SET};
    store_key_init(&c.key, &r->key, slice_str("sets"), slice_str("b"), slice_str("k"));
    return c;
}

/* A set's operation: one element to add, one to remove; NULL: none. */
static struct slice set_op(struct rig *r, const char *add, const char *gone)
{
    buf_consume(&r->op, buf_len(&r->op));
    assert_int_equal(operation_put_count(&r->op, add != NULL), 0);
    if (add)
        assert_int_equal(operation_put_name(&r->op, slice_str(add)), 0);
    assert_int_equal(operation_put_count(&r->op, gone != NULL), 0);
    if (gone)
        assert_int_equal(operation_put_name(&r->op, slice_str(gone)), 0);
    return buf_slice(&r->op);
}

static int update(struct rig *r, const char *add, const char *gone, const struct store_context *context)
{
    struct store_command c = command(r, STORE_UPDATE);
    c.value.bytes = set_op(r, add, gone);
    if (context)
        c.context = *context;
    return store_apply(r->store, &c, &r->result);
}

static int put(struct rig *r, const char *value)
{
    struct store_command c = command(r, STORE_PUT);
    c.value.bytes = slice_str(value);
    return store_apply(r->store, &c, &r->result);
}

/* The elements of the last result's object, one letter each. */
static void expect(const struct rig *r, const char *letters)
{
    struct slice state, payload, element;
    assert_true(r->result.exists && object_state(&r->result.object, &state));
    assert_true(datatype_check(DATATYPE_SET, state, &payload));
    while (datatype_next_element(&payload, &element)) {
        assert_int_equal(element.len, 1);
        assert_int_equal(element.data[0], *letters++);
    }
    assert_int_equal(*letters, '\0');
}

static struct store_context seen_now(const struct rig *r)
{
    return (struct store_context){CONTEXT_SEEN, r->result.object.revision};
}

static void test_a_context_is_a_revision(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(update(&r, "a", NULL, NULL), 0);
    struct store_context seen = seen_now(&r);
    assert_int_equal(update(&r, "b", NULL, NULL), 0);
    assert_int_equal(update(&r, "a", NULL, NULL), 0); /* again, behind the context */
    assert_int_equal(update(&r, NULL, "a", &seen), 0);
    assert_int_equal(update(&r, NULL, "b", &seen), 0);
    expect(&r, "ab");
    seen = seen_now(&r);
    assert_int_equal(update(&r, NULL, "a", &seen), 0);
    expect(&r, "b");
    assert_int_equal(record_sibling_count(&r.result.object.record), 1);
    assert_int_equal(update(&r, NULL, "a", NULL), E_ABSENT);
    expect(&r, "b");
    rig_fini(&r);
}

/* R-EPOCH: what was seen in another epoch, or of another cluster, is nothing; what it holds of old, the present one has
 * seen. */
static void test_contexts_of_elsewhere(void **state)
{
    struct store_context foreign = {.kind = CONTEXT_FOREIGN};
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(update(&r, "a", NULL, NULL), 0);
    struct store_context old = seen_now(&r);
    r.epoch = 2;
    r.index = 1;
    assert_int_equal(update(&r, "b", "a", &old), 0);
    expect(&r, "ab");
    assert_int_equal(update(&r, NULL, "a", &foreign), 0);
    expect(&r, "ab");
    struct store_context now = seen_now(&r);
    assert_int_equal(update(&r, NULL, "a", &now), 0);
    expect(&r, "b");
    rig_fini(&r);
}

static void test_beside_plain_objects(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, "plain"), 0);
    assert_int_equal(update(&r, "a", NULL, NULL), E_INVALID);
    struct store_command bury = command(&r, STORE_DELETE);
    assert_int_equal(store_apply(r.store, &bury, &r.result), 0);
    assert_int_equal(update(&r, "a", NULL, NULL), 0); /* over the tombstone */
    expect(&r, "a");
    assert_int_equal(put(&r, "a sibling"), 0);
    assert_int_equal(update(&r, "b", NULL, NULL), E_INVALID);
    rig_fini(&r);
}

static void test_life_and_limits(void **state)
{
    static char large[1200];
    struct object o;
    struct rig r;
    (void)state;
    rig_init(&r);
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(update(&r, "a", NULL, NULL), 0);
    assert_int_equal(update(&r, large, NULL, NULL), E_TOO_LARGE);
    assert_true(r.result.number > sizeof large);
    expect(&r, "a");
    struct store_command c = command(&r, STORE_UPDATE);
    c.value.bytes = set_op(&r, "b", NULL);
    c.rules.ttl_ms = 1000;
    assert_int_equal(store_apply(r.store, &c, &r.result), 0);
    assert_int_equal(store_get(r.store, &c.key, r.now_ms, &o), 0);
    r.now_ms += 1000;
    assert_int_equal(update(&r, "c", NULL, NULL), 0);
    expect(&r, "c");
    /* A full node takes what makes nothing larger. */
    r.memory.limit = r.memory.used;
    c.value.bytes = set_op(&r, "d", NULL);
    assert_int_equal(store_admit(r.store, &c), E_FULL);
    c.value.bytes = set_op(&r, NULL, "c");
    assert_int_equal(store_admit(r.store, &c), 0);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_context_is_a_revision),
        cmocka_unit_test(test_contexts_of_elsewhere),
        cmocka_unit_test(test_beside_plain_objects),
        cmocka_unit_test(test_life_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
