/* SPDX-License-Identifier: Apache-2.0 */
/* R-RETRY: what comes again has its effect once. Written against the store, as its callers see it. */
#include "base/err.h"
#include "base/zigzag.h"
#include "failing_alloc.h"
#include "store/store.h"
#include "support.h"

struct rig {
    struct store_memory memory;
    struct hash_key key;
    struct store *store;
    uint64_t index;
    struct store_result result;
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}, .key = {5, 6}, .index = 1};
    assert_int_equal(store_create(&r->key, &r->memory, &r->store), 0);
}

static void rig_fini(struct rig *r)
{
    store_check(r->store);
    store_destroy(&r->store);
    assert_int_equal(r->memory.used, 0);
}

static struct store_command command(struct rig *r, uint16_t origin, uint64_t sequence, uint64_t acknowledged)
{
    struct store_command c = {.op = STORE_PUT,
                              .stamp_ms = 1000000,
                              .revision = {1, 1, ++r->index},
                              .rules = {.allow_mult = true, .siblings_max = 20000, .size_max = 100000},
                              .origin = {.sequence = sequence, .acknowledged = acknowledged},
                              .value.bytes = slice_str("v")};
    memcpy(c.origin.incarnation.b, &origin, sizeof origin);
    store_key_init(&c.key, &r->key, slice_str(""), slice_str("b"), slice_str("k"));
    return c;
}

static int put(struct rig *r, uint16_t origin, uint64_t sequence, uint64_t acknowledged)
{
    struct store_command c = command(r, origin, sequence, acknowledged);
    return store_apply(r->store, &c, &r->result);
}

static int bury(struct rig *r, uint16_t origin, uint64_t sequence)
{
    struct store_command c = command(r, origin, sequence, 0);
    c.op = STORE_DELETE;
    return store_apply(r->store, &c, &r->result);
}

static void forget(struct rig *r, uint16_t origin)
{
    struct store_command c = command(r, origin, 0, 0);
    c.op = STORE_FORGET;
    assert_int_equal(store_apply(r->store, &c, &r->result), 0);
}

/* Every put adds one: allow_mult and no context. */
static size_t siblings(const struct rig *r)
{
    return r->result.exists ? record_sibling_count(&r->result.object.record) : 0;
}

static void test_once(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, 1, 1, 0), 0);
    struct revision first = r.result.revision;
    assert_false(r.result.repeated);
    assert_int_equal(put(&r, 2, 1, 0), 0); /* another's sequence is its own */
    assert_false(r.result.repeated);
    assert_int_equal(put(&r, 1, 1, 0), 0);
    assert_true(r.result.repeated);
    assert_int_equal(revision_cmp(r.result.revision, first), 0);
    assert_int_equal(siblings(&r), 2); /* as it is now */
    assert_int_equal(r.result.object.revision.index, first.index + 1);
    rig_fini(&r);
}

static int add(struct rig *r, uint16_t origin, uint64_t sequence, int64_t amount)
{
    struct store_command c = command(r, origin, sequence, 0);
    uint8_t op = (uint8_t)zigzag(amount); /* a varint of one byte */
    c.op = STORE_UPDATE;
    c.datatype = DATATYPE_COUNTER;
    c.value.bytes = slice_make(&op, 1);
    return store_apply(r->store, &c, &r->result);
}

/* What a counter came to is told again as it was, whatever came behind it. */
static void test_a_count_is_of_then(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(add(&r, 1, 1, -5), 0);
    assert_int_equal(r.result.number, -5);
    assert_int_equal(add(&r, 2, 1, 7), 0);
    assert_int_equal(r.result.number, 2);
    assert_int_equal(add(&r, 1, 1, -5), 0);
    assert_true(r.result.repeated);
    assert_int_equal(r.result.number, -5);
    assert_int_equal(add(&r, 2, 2, 1), 0);
    assert_int_equal(r.result.number, 3);
    rig_fini(&r);
}

static void test_no_origin_no_table(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(&r, 0, 0, 0), 0);
    assert_int_equal(siblings(&r), 3);
    assert_false(r.result.repeated);
    rig_fini(&r);
}

/* A refusal is a result like another, also when the reason for it is gone. */
static void test_refusals_are_repeated(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, 1, 1, 0), 0);
    struct store_command c = command(&r, 1, 2, 0);
    c.condition = STORE_IF_ABSENT;
    assert_int_equal(store_apply(r.store, &c, &r.result), E_EXISTS);
    struct store_command large = command(&r, 1, 3, 0);
    large.rules.size_max = 1;
    assert_int_equal(store_apply(r.store, &large, &r.result), E_TOO_LARGE);
    assert_int_equal(r.result.number, 2);
    assert_int_equal(bury(&r, 1, 4), 0);
    c.revision.index = ++r.index;
    assert_int_equal(store_apply(r.store, &c, &r.result), E_EXISTS);
    assert_true(r.result.repeated);
    assert_false(r.result.exists);
    assert_int_equal(r.result.revision.index, 3);
    large.revision.index = ++r.index;
    assert_int_equal(store_apply(r.store, &large, &r.result), E_TOO_LARGE);
    assert_true(r.result.repeated);
    assert_int_equal(r.result.number, 2);
    rig_fini(&r);
}

static void test_out_of_order(void **state)
{
    static const uint64_t order[] = {10, 3, 7, 1, 12, 2, 11};
    size_t n = sizeof order / sizeof order[0];
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(put(&r, 1, order[i], 0), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(put(&r, 1, order[i], 0), 0);
        assert_true(r.result.repeated);
        assert_int_equal(r.result.revision.index, 2 + i);
    }
    assert_int_equal(siblings(&r), n);
    assert_int_equal(put(&r, 1, 5, 0), 0); /* of a gap */
    assert_false(r.result.repeated);
    rig_fini(&r);
}

static void test_marks(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(put(&r, 1, i, 0), 0);
    assert_int_equal(put(&r, 1, 5, 3), 0); /* one that comes again acknowledges too */
    assert_true(r.result.repeated);
    assert_int_equal(put(&r, 1, 3, 0), E_STALE);
    assert_int_equal(put(&r, 1, 2, 0), E_STALE);
    assert_true(r.result.exists);
    assert_false(r.result.repeated);
    assert_int_equal(put(&r, 1, 4, 1), 0); /* the mark does not go back */
    assert_true(r.result.repeated);
    assert_int_equal(put(&r, 1, 3, 0), E_STALE);
    assert_int_equal(put(&r, 1, 6, 6), E_STALE); /* acknowledges itself: refused, and without any effect */
    assert_int_equal(put(&r, 1, 5, 0), 0);
    assert_true(r.result.repeated);
    assert_int_equal(siblings(&r), 5);
    assert_int_equal(put(&r, 1, UINT64_MAX, UINT64_MAX - 1), 0);
    assert_int_equal(put(&r, 1, UINT64_MAX, 0), 0);
    assert_true(r.result.repeated);
    rig_fini(&r);
}

static void test_forget(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(put(&r, 1, 7, 6), 0);
    assert_int_equal(put(&r, 2, 7, 0), 0);
    forget(&r, 1);
    forget(&r, 9); /* nobody */
    assert_int_equal(put(&r, 1, 1, 0), 0);
    assert_false(r.result.repeated);
    assert_int_equal(put(&r, 2, 7, 0), 0);
    assert_true(r.result.repeated);
    rig_fini(&r);
}

static void test_too_many_origins(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    for (uint16_t i = 0; i < STORE_ORIGINS_MAX; i++)
        assert_int_equal(put(&r, i, 1, 0), 0);
    assert_int_equal(put(&r, STORE_ORIGINS_MAX, 1, 0), E_TOO_MANY);
    assert_int_equal(r.result.number, 0);
    assert_int_equal(siblings(&r), STORE_ORIGINS_MAX);
    assert_int_equal(put(&r, 3, 2, 0), 0);
    forget(&r, 0);
    assert_int_equal(put(&r, STORE_ORIGINS_MAX, 1, 0), 0);
    assert_int_equal(put(&r, 77, 1, 0), 0);
    assert_true(r.result.repeated);
    rig_fini(&r);
}

static void test_too_many_results(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    for (uint64_t i = 1; i <= STORE_RESULTS_MAX; i++)
        assert_int_equal(bury(&r, 1, i), 0);
    assert_int_equal(put(&r, 1, STORE_RESULTS_MAX + 1, 0), E_TOO_MANY);
    assert_false(r.result.exists);
    assert_int_equal(bury(&r, 1, 1), 0); /* what is known is answered */
    assert_true(r.result.repeated);
    assert_int_equal(put(&r, 1, STORE_RESULTS_MAX + 1, 1), 0);
    assert_false(r.result.repeated); /* the refusal left nothing behind */
    rig_fini(&r);
}

/* In the steady state nothing is allocated; what a burst took is given back. */
static void test_memory(void **state)
{
    struct rig r;
    uint64_t n = 1;
    (void)state;
    rig_init(&r);
    for (; n <= 1000; n++) {
        struct store_command c = command(&r, 1, n, n > 90 ? n - 90 : 0);
        c.op = STORE_DELETE;
        assert_int_equal(store_apply(r.store, &c, &r.result), 0);
    }
    size_t steady = r.memory.used;
    for (; n <= 10000; n++) {
        struct store_command c = command(&r, 1, n, n - 90);
        c.op = STORE_DELETE;
        failing_alloc_start(1);
        assert_int_equal(store_apply(r.store, &c, &r.result), 0);
        assert_false(failing_alloc_stop());
    }
    assert_int_equal(r.memory.used, steady);
    for (uint64_t burst = n + 8000; n < burst; n++)
        assert_int_equal(bury(&r, 1, n), 0);
    assert_true(r.memory.used > steady + 100000);
    for (int i = 0; i < 20; i++, n++) {
        struct store_command c = command(&r, 1, n, n - 1);
        assert_int_equal(store_apply(r.store, &c, &r.result), 0);
    }
    assert_true(r.memory.used < steady + 10000);
    rig_fini(&r);
}

/* Whichever allocation fails, the write has had no effect and left no result. */
static void test_no_memory(void **state)
{
    bool failed = true;
    (void)state;
    for (size_t nth = 1; failed; nth++) {
        struct rig r;
        rig_init(&r);
        struct store_command c = command(&r, 1, 1, 0);
        failing_alloc_start(nth);
        int err = store_apply(r.store, &c, &r.result);
        failed = failing_alloc_stop();
        assert_true(err == (failed ? E_NOMEM : 0) || (failed && err == 0)); /* growing a table may wait */
        assert_int_equal(r.result.exists, err == 0);
        assert_int_equal(put(&r, 1, 1, 0), 0);
        assert_int_equal(r.result.repeated, err == 0);
        assert_int_equal(siblings(&r), 1);
        assert_true(nth < 100);
        rig_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_a_count_is_of_then),
        cmocka_unit_test(test_no_origin_no_table),
        cmocka_unit_test(test_refusals_are_repeated),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_too_many_origins),
        cmocka_unit_test(test_too_many_results),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
