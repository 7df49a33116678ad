/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "store/table.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

struct rig {
    struct store_memory memory;
    struct table_totals totals;
    struct table table;
    struct hash_key key;
    struct buf packed;
};

static uint64_t rehash(const void *arg, struct slice key)
{
    return hash_bytes(arg, key);
}

static void rig_init(struct rig *r)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}, .key = {1, 2}};
    assert_int_equal(table_init(&r->table, &r->memory, &r->totals), 0);
    buf_init(&r->packed, SIZE_MAX / 2);
}

static void rig_fini(struct rig *r)
{
    table_fini(&r->table);
    assert_int_equal(r->memory.used, 0);
    assert_int_equal(r->totals.count, 0);
    assert_int_equal(r->totals.dead, 0);
    buf_fini(&r->packed);
}

static void put(struct rig *r, struct slice key, struct slice value, uint64_t due, bool tombstone)
{
    struct sibling s = {.seq = 7, .stamp = 9, .value.bytes = value, .tombstone = tombstone};
    if (value.len > RECORD_INLINE_MAX) {
        s.value.blob = blob_create(value.len);
        memcpy(s.value.blob->data, value.data, value.len);
        s.value.bytes.data = s.value.blob->data;
    }
    assert_int_equal(record_pack(&r->packed, key, due, &s, 1), 0);
    assert_int_equal(table_put(&r->table, rehash(&r->key, key), buf_slice(&r->packed), rehash, &r->key), 0);
}

static bool find(struct rig *r, struct slice key, struct record *out)
{
    return table_find(&r->table, rehash(&r->key, key), key, out);
}

static bool take(struct rig *r, struct slice key)
{
    return table_remove(&r->table, rehash(&r->key, key), key, rehash, &r->key);
}

static void test_nothing_one_two(void **state)
{
    struct rig r;
    struct record got;
    (void)state;
    rig_init(&r);
    assert_false(find(&r, slice_str("a"), &got));
    assert_false(take(&r, slice_str("a")));
    put(&r, slice_str("a"), slice_str("1"), UINT64_MAX, false);
    put(&r, slice_str(""), slice_str("2"), UINT64_MAX, true);
    assert_true(find(&r, slice_str("a"), &got));
    assert_int_equal(record_seq(&got), 7);
    assert_true(find(&r, slice_str(""), &got));
    assert_true(record_is_dead(&got));
    assert_int_equal(r.table.dead, 1);
    put(&r, slice_str(""), slice_str("2"), UINT64_MAX, false);
    assert_int_equal(r.table.dead, 0);
    assert_int_equal(r.table.count, 2);
    assert_true(take(&r, slice_str("a")));
    assert_true(take(&r, slice_str("")));
    table_check(&r.table, rehash, &r.key);
    rig_fini(&r);
}

static void test_keys_and_values_of_all_sizes(void **state)
{
    static uint8_t bytes[70000];
    static const size_t sizes[] = {0, 1, 127, 128, 511, 512, 513, 4096, 16383, 16384, 65536};
    const size_t n = sizeof sizes / sizeof sizes[0];
    struct rig r;
    (void)state;
    rig_init(&r);
    for (size_t round = 0; round < 2; round++)
        for (size_t k = 0; k < n; k++) {
            struct record got;
            struct sibling s;
            struct sibling_cursor c = {0};
            struct slice key = slice_make(bytes, sizes[k]), value = slice_make(bytes, sizes[(k + round) % n]);
            put(&r, key, value, k % 2 ? 100 + k : UINT64_MAX, false);
            assert_true(find(&r, key, &got));
            assert_slice_equal(got.key, key);
            assert_int_equal(record_due(&got), k % 2 ? 100 + k : UINT64_MAX);
            assert_true(record_next_sibling(&got, &c, &s));
            assert_slice_equal(s.value.bytes, value);
            assert_false(record_next_sibling(&got, &c, &s));
        }
    assert_int_equal(r.table.count, n);
    table_check(&r.table, rehash, &r.key);
    rig_fini(&r);
}

/* Grows to many slots and shrinks back to one, correct at each step. */
static void test_grows_and_shrinks(void **state)
{
    struct rig r;
    struct record got;
    char key[16];
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        put(&r, slice_str(key), slice_str("0123456789"), i % 3 ? UINT64_MAX : (uint64_t)(1000 + i), false);
    }
    assert_true(lhash_slots(&r.table.lhash) > 300);
    table_check(&r.table, rehash, &r.key);
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_true(find(&r, slice_str(key), &got));
        assert_true(take(&r, slice_str(key)));
        assert_false(find(&r, slice_str(key), &got));
        if (i % 1000 == 0)
            table_check(&r.table, rehash, &r.key);
    }
    assert_int_equal(r.table.count, 0);
    assert_int_equal(r.table.bytes, 0);
    assert_true(lhash_slots(&r.table.lhash) < 300);
    rig_fini(&r);
}

static void test_expiry_takes_the_due_and_no_others(void **state)
{
    struct rig r;
    struct rng rng;
    char key[16];
    size_t due_by[1001] = {0}, left = 0;
    (void)state;
    rig_init(&r);
    rng_seed(&rng, 5);
    for (int i = 0; i < 5000; i++) {
        uint64_t due = rng_below(&rng, 4) ? 1 + rng_below(&rng, 1000) : UINT64_MAX;
        snprintf(key, sizeof key, "key%d", i);
        put(&r, slice_str(key), slice_str("v"), due, false);
        left++;
        if (due != UINT64_MAX)
            due_by[due]++;
    }
    for (uint64_t now = 0; now <= 1000; now++) {
        size_t gone = 0, most = 0;
        while (table_due(&r.table) <= now) {
            size_t n = table_expire_block(&r.table, now, NULL, NULL, rehash, &r.key);
            assert_true(n > 0);
            gone += n;
            most = n > most ? n : most;
        }
        assert_int_equal(gone, due_by[now]);
        assert_true(most < 500); /* one block at a time */
        left -= gone;
        assert_int_equal(r.table.count, left);
        if (now % 100 == 0)
            table_check(&r.table, rehash, &r.key);
    }
    assert_int_equal(table_due(&r.table), UINT64_MAX);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_one_two),
        cmocka_unit_test(test_keys_and_values_of_all_sizes),
        cmocka_unit_test(test_grows_and_shrinks),
        cmocka_unit_test(test_expiry_takes_the_due_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
