/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered set against a sorted array. ES_SEED and ES_STEPS choose the run. */
#include "base/err.h"
#include "base/rng.h"
#include "failing_alloc.h"
#include "store/ordered_set.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MAX 20000
#define ENTRY_MAX   3000

struct rig {
    struct store_memory memory;
    struct ordered_set set;
    struct rng rng;
    struct slice sorted[ENTRIES_MAX]; /* what it must hold */
    size_t count;
    uint8_t entry[ENTRY_MAX];
};

static struct rig *rig_create(uint64_t seed)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->memory.limit = SIZE_MAX / 2;
    rng_seed(&r->rng, seed);
    ordered_set_init(&r->set, &r->memory);
    return r;
}

static void rig_destroy(struct rig *r)
{
    for (size_t i = 0; i < r->count; i++)
        free((void *)(uintptr_t)r->sorted[i].data);
    ordered_set_fini(&r->set);
    assert_int_equal(r->memory.used, 0);
    free(r);
}

/* Where it stands in the array, or would stand. */
static size_t place_of(const struct rig *r, struct slice e)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_cmp(r->sorted[middle], e) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct rig *r, size_t i, struct slice e)
{
    return i < r->count && slice_eq(r->sorted[i], e);
}

static void add(struct rig *r, struct slice e)
{
    size_t i = place_of(r, e);
    bool there = is_at(r, i, e);
    assert_int_equal(ordered_set_add(&r->set, e), there ? E_EXISTS : 0);
    assert_true(ordered_set_has(&r->set, e));
    if (there || r->count == ENTRIES_MAX)
        return;
    uint8_t *copy = malloc(e.len + 1);
    assert_non_null(copy);
    if (e.len)
        memcpy(copy, e.data, e.len);
    memmove(r->sorted + i + 1, r->sorted + i, (r->count - i) * sizeof r->sorted[0]);
    r->sorted[i] = slice_make(copy, e.len);
    r->count++;
}

static void take(struct rig *r, struct slice e)
{
    size_t i = place_of(r, e);
    bool there = is_at(r, i, e);
    assert_int_equal(ordered_set_remove(&r->set, e), there);
    assert_false(ordered_set_has(&r->set, e));
    if (!there)
        return;
    free((void *)(uintptr_t)r->sorted[i].data);
    r->count--;
    memmove(r->sorted + i, r->sorted + i + 1, (r->count - i) * sizeof r->sorted[0]);
}

/* At most `most` entries from `from` on are those of the array. */
static void compare_from(const struct rig *r, struct slice from, size_t most)
{
    struct ordered_cursor c;
    struct slice got;
    size_t i = place_of(r, from);
    assert_int_equal(ordered_cursor_init(&c, &r->set, from), 0);
    for (; most-- && i < r->count; i++) {
        assert_int_equal(ordered_cursor_next(&c, &got), 1);
        assert_slice_equal(got, r->sorted[i]);
    }
    if (i == r->count)
        assert_int_equal(ordered_cursor_next(&c, &got), 0);
    ordered_cursor_fini(&c);
}

static void compare(const struct rig *r)
{
    ordered_set_check(&r->set);
    assert_int_equal(r->set.count, r->count);
    compare_from(r, slice_make(NULL, 0), SIZE_MAX);
}

/* Few letters and many lengths, so that entries have much in common; some are longer than a block. */
static struct slice random_entry(struct rig *r)
{
    size_t len = rng_below(&r->rng, 100) == 0 ? rng_below(&r->rng, ENTRY_MAX) : rng_below(&r->rng, 12);
    for (size_t i = 0; i < len; i++)
        r->entry[i] = rng_below(&r->rng, 4) ? 0 : (uint8_t)(127 * rng_below(&r->rng, 3));
    return slice_make(r->entry, len);
}

/* Grows to `most` entries, then falls to none; what is added and removed is random on the way. */
static void run(uint64_t seed, uint64_t steps, size_t most)
{
    struct rig *r = rig_create(seed);
    printf("seed %llu, %llu steps\n", (unsigned long long)seed, (unsigned long long)steps);
    bool grows = true;
    for (uint64_t i = 0; i < steps; i++) {
        bool adds = rng_below(&r->rng, 4) ? grows : !grows;
        if (adds)
            add(r, random_entry(r));
        else if (r->count && rng_below(&r->rng, 8))
            take(r, slice_make(memcpy(r->entry, r->sorted[i % r->count].data, r->sorted[i % r->count].len),
                               r->sorted[i % r->count].len));
        else
            take(r, random_entry(r));
        grows = grows ? r->count < most : r->count == 0;
        compare_from(r, random_entry(r), 4);
        if (i % 1000 == 0)
            compare(r);
    }
    compare(r);
    rig_destroy(r);
}

static uint64_t from_environment(const char *name, uint64_t standard)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : standard;
}

static void test_set_equals_array(void **state)
{
    uint64_t seed = from_environment("ES_SEED", 1), steps = from_environment("ES_STEPS", 20000);
    (void)state;
    run(seed, steps, 10);
    run(seed + 1, steps, 300);
    run(seed + 2, steps, 3000);
}

static void test_ascending_and_descending(void **state)
{
    char text[32];
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct rig *r = rig_create(1);
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "term %06d", way & 1 ? i : 5000 - i);
            add(r, slice_str(text));
        }
        compare(r);
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "term %06d", way & 2 ? i : 5000 - i);
            take(r, slice_str(text));
        }
        snprintf(text, sizeof text, "term %06d", way & 2 ? 5000 : 0);
        take(r, slice_str(text));
        compare(r);
        assert_int_equal(r->set.count, 0);
        assert_int_equal(r->set.block_count, 0);
        rig_destroy(r);
    }
}

/* Terms and keys that have a lot in common cost little more than what tells them apart. */
static void test_packs(void **state)
{
    char text[64];
    struct rig *r = rig_create(1);
    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "a long name of an index, and term %08d", i);
        add(r, slice_str(text));
    }
    assert_in_range(r->memory.used, 10000, 10000 * 8);
    rig_destroy(r);
}

/* Whichever allocation fails, nothing has changed, or all has. */
static void test_without_memory(void **state)
{
    char text[64];
    (void)state;
    for (size_t nth = 1; nth <= 3; nth++) {
        struct rig *r = rig_create(nth);
        for (int i = 0; i < 2000; i++) {
            snprintf(text, sizeof text, "%06d", (i * 7919) % 2000);
            failing_alloc_start(nth);
            int err = ordered_set_add(&r->set, slice_str(text));
            failing_alloc_stop();
            assert_int_equal(ordered_set_has(&r->set, slice_str(text)), err == 0);
            assert_true(err == 0 || err == E_NOMEM);
            if (err == 0)
                assert_true(ordered_set_remove(&r->set, slice_str(text)));
            ordered_set_check(&r->set);
            add(r, slice_str(text));
        }
        for (int i = 0; i < 2000; i++) {
            snprintf(text, sizeof text, "%06d", (i * 7919) % 2000);
            failing_alloc_start(nth);
            take(r, slice_str(text));
            failing_alloc_stop();
            ordered_set_check(&r->set);
        }
        assert_int_equal(r->set.count, 0);
        rig_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_equals_array),
        cmocka_unit_test(test_ascending_and_descending),
        cmocka_unit_test(test_packs),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
