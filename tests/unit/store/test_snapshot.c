/* SPDX-License-Identifier: Apache-2.0 */
/* The live copy: whatever is written while it goes on, the receiver ends with the sender's state. ES_SEED chooses the
 * runs. */
#include "base/err.h"
#include "model.h"
#include "store/snapshot.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

struct rig {
    struct script script;
    struct model model;
    struct store_memory memory;
    struct store *from, *to;
    struct snapshot_receiver receiver;
    struct buf stream;
};

static void rig_init(struct rig *r, uint64_t seed, unsigned keys)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}};
    script_init(&r->script, seed, keys);
    assert_int_equal(store_create(&r->script.hash_key, &r->memory, &r->from), 0);
    assert_int_equal(store_create(&r->script.hash_key, &r->memory, &r->to), 0);
    store_keep_index(r->from, model_next_term);
    store_keep_index(r->to, model_next_term);
    snapshot_receiver_init(&r->receiver, r->to);
    buf_init(&r->stream, SIZE_MAX / 2);
}

static void rig_fini(struct rig *r)
{
    store_destroy(&r->from);
    store_destroy(&r->to);
    assert_int_equal(r->memory.used, 0);
    model_fini(&r->model);
    buf_fini(&r->stream);
}

static void write_some(struct rig *r, uint64_t n)
{
    while (n--) {
        struct store_command c;
        struct store_result result;
        script_next(&r->script, &r->model, &c);
        assert_int_equal(store_apply(r->from, &c, &result), model_apply(&r->model, &c));
        model_compare_result(&r->model, &c, &result);
    }
}

/* Many keys, which the model would take long for. */
static void write_unchecked(struct rig *r, uint64_t n)
{
    while (n--) {
        struct store_command c;
        struct store_result result;
        script_next(&r->script, &r->model, &c);
        store_apply(r->from, &c, &result);
    }
}

/* Hands over what stands in the stream, in pieces of random sizes. */
static void deliver(struct rig *r)
{
    struct slice all = buf_slice(&r->stream), in = {all.data, 0};
    while (in.data + in.len < all.data + all.len) {
        size_t left = (size_t)(all.data + all.len - in.data) - in.len;
        in.len += 1 + rng_below(&r->script.rng, left < 400 ? left : 400);
        assert_int_equal(snapshot_receive(&r->receiver, &in), 0);
    }
    buf_consume(&r->stream, all.len - in.len);
}

/* --- the whole state as bytes: the items of a copy, in order --- */

static int compare_items(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct slice next_item(struct slice *rest)
{
    uint64_t size;
    size_t len = (size_t)(varint_get(rest->data + 1, &size) - rest->data) + (size_t)size;
    struct slice item = slice_make(rest->data, len);
    *rest = slice_skip(*rest, len);
    return item;
}

static void take_copy(struct store *s, struct buf *out)
{
    struct store_snapshot *copy;
    bool done = false;
    assert_int_equal(snapshot_create(s, &copy), 0);
    while (!done)
        assert_int_equal(snapshot_step(copy, out, &done), 0);
    snapshot_destroy(&copy);
}

static struct slice *sorted_items(struct slice stream, size_t *n)
{
    struct slice *items = malloc((stream.len / 2 + 1) * sizeof *items);
    for (*n = 0; stream.len; ++*n)
        items[*n] = next_item(&stream);
    qsort(items, *n, sizeof *items, compare_items);
    return items;
}

static void assert_states_equal(struct store *a, struct store *b)
{
    struct buf x, y;
    size_t n, m;
    buf_init(&x, SIZE_MAX / 2);
    buf_init(&y, SIZE_MAX / 2);
    take_copy(a, &x);
    take_copy(b, &y);
    struct slice *p = sorted_items(buf_slice(&x), &n), *q = sorted_items(buf_slice(&y), &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_slice_equal(p[i], q[i]);
    free(p);
    free(q);
    buf_fini(&x);
    buf_fini(&y);
}

static void apply_to_both(struct rig *r, const struct store_command *c)
{
    struct store_result a, b;
    int want = model_apply(&r->model, c);
    assert_int_equal(store_apply(r->from, c, &a), want);
    assert_int_equal(store_apply(r->to, c, &b), want);
    model_compare_result(&r->model, c, &a);
    model_compare_result(&r->model, c, &b);
}

/* Which of what is due was freed may differ, and nothing else: when all of it is freed, the states are equal. */
static void free_all_due(struct rig *r)
{
    while (store_due_ms(r->from) <= store_stamp_ms(r->from) || store_due_ms(r->to) <= store_stamp_ms(r->to)) {
        struct store_command c = {.op = STORE_TICK, .stamp_ms = store_stamp_ms(r->from)};
        c.revision = (struct revision){r->script.epoch, r->script.generation, ++r->script.index};
        apply_to_both(r, &c);
    }
}

static void copy_while_writing(uint64_t seed, unsigned keys, uint64_t before, uint64_t per_step)
{
    struct rig r;
    struct store_snapshot *copy;
    bool done = false;
    rig_init(&r, seed, keys);
    write_some(&r, before);
    assert_int_equal(snapshot_create(r.from, &copy), 0);
    while (!done) {
        assert_int_equal(snapshot_step(copy, &r.stream, &done), 0);
        if (!done)
            write_some(&r, rng_below(&r.script.rng, per_step + 1));
        if (done || rng_below(&r.script.rng, 3) == 0)
            deliver(&r);
    }
    snapshot_destroy(&copy);
    assert_true(r.receiver.complete);
    store_check(r.to);
    model_compare(&r.model, r.to, &r.script.hash_key);
    assert_int_equal(store_stamp_ms(r.to), store_stamp_ms(r.from));
    assert_int_equal(store_due_ms(r.to), store_due_ms(r.from));
    assert_int_equal(revision_cmp(store_revision(r.to), store_revision(r.from)), 0);
    assert_states_equal(r.from, r.to);
    /* and from there on both go the same way */
    for (int i = 0; i < 2000; i++) {
        struct store_command c;
        script_next(&r.script, &r.model, &c);
        apply_to_both(&r, &c);
    }
    free_all_due(&r);
    assert_states_equal(r.from, r.to);
    model_compare(&r.model, r.to, &r.script.hash_key);
    store_check(r.to);
    rig_fini(&r);
}

static void test_equal_whatever_is_written(void **state)
{
    const char *text = getenv("ES_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 100;
    (void)state;
    printf("seed %llu\n", (unsigned long long)seed);
    copy_while_writing(seed, 50, 0, 0); /* nothing at all */
    copy_while_writing(seed + 1, 50, 1, 0);
    copy_while_writing(seed + 2, 50, 500, 0);
    for (uint64_t i = 0; i < 3; i++) {
        copy_while_writing(seed + 10 + i, 40, 300, 5);
        copy_while_writing(seed + 30 + i, 800, 1500, 8);
    }
}

static void test_one_at_a_time(void **state)
{
    struct rig r;
    struct store_snapshot *a, *b;
    (void)state;
    rig_init(&r, 1, 10);
    assert_int_equal(snapshot_create(r.from, &a), 0);
    assert_int_equal(snapshot_create(r.from, &b), E_EXISTS);
    snapshot_destroy(&a);
    assert_int_equal(snapshot_create(r.from, &b), 0);
    snapshot_destroy(&b);
    rig_fini(&r);
}

/* One step of the sender sends one slot, however much there is. */
static void test_steps_are_small(void **state)
{
    struct rig r;
    struct store_snapshot *copy;
    bool done = false;
    size_t steps = 0;
    (void)state;
    rig_init(&r, 7, 20000);
    write_unchecked(&r, 20000);
    assert_int_equal(snapshot_create(r.from, &copy), 0);
    while (!done) {
        size_t before = buf_len(&r.stream);
        assert_int_equal(snapshot_step(copy, &r.stream, &done), 0);
        assert_true(buf_len(&r.stream) - before < 200000);
        steps++;
    }
    assert_true(steps > 300);
    snapshot_destroy(&copy);
    rig_fini(&r);
}

static struct store_command write_from(struct rig *r, uint8_t origin, uint64_t sequence)
{
    struct store_command c = {.op = STORE_DELETE,
                              .stamp_ms = r->script.now_ms,
                              .revision = {1, 1, ++r->script.index},
                              .origin = {{{origin}}, sequence, 0}};
    store_key_init(&c.key, &r->script.hash_key, slice_str(""), slice_str("b"), slice_str("k"));
    return c;
}

static void write_all(struct rig *r, uint8_t origin, uint64_t from, uint64_t to, uint64_t stride)
{
    for (; from <= to; from += stride) {
        struct store_command c = write_from(r, origin, from);
        struct store_result result;
        assert_int_equal(store_apply(r->from, &c, &result), 0);
    }
}

static void forget(struct rig *r, uint8_t origin)
{
    struct store_command c = write_from(r, origin, 0);
    struct store_result result;
    c.op = STORE_FORGET;
    assert_int_equal(store_apply(r->from, &c, &result), 0);
}

/* Many results go out in small steps, while origins come, go and come again, acknowledge, and fill gaps. */
static void test_results_in_small_steps(void **state)
{
    struct rig r;
    struct store_snapshot *copy;
    struct store_result result;
    bool done = false;
    size_t steps = 0;
    (void)state;
    rig_init(&r, 3, 10);
    for (uint8_t origin = 1; origin <= 9; origin++)
        write_all(&r, origin, 2, 2 * STORE_RESULTS_MAX - 2000, 2);
    assert_int_equal(snapshot_create(r.from, &copy), 0);
    for (; !done; steps++) {
        size_t before = buf_len(&r.stream);
        assert_int_equal(snapshot_step(copy, &r.stream, &done), 0);
        assert_true(buf_len(&r.stream) - before <= 65536);
        deliver(&r);
        if (steps == 2) { /* some were sent */
            forget(&r, 1);
            write_all(&r, 1, 1, 9, 3);
            write_all(&r, 2, 3, 99, 2);
            forget(&r, 6);
        }
        if (steps == 3) {
            struct store_command c = write_from(&r, 3, 4001);
            c.origin.acknowledged = 4000;
            assert_int_equal(store_apply(r.from, &c, &result), 0);
        }
    }
    snapshot_destroy(&copy);
    assert_true(r.receiver.complete && steps > 4);
    store_check(r.to);
    assert_states_equal(r.from, r.to);
    rig_fini(&r);
}

/* R-MEMORY: a peer cannot fill a node past its limit with a copy. */
static void test_memory_limit(void **state)
{
    struct rig r;
    int err = 0;
    (void)state;
    rig_init(&r, 4, 200);
    write_some(&r, 2000);
    take_copy(r.from, &r.stream);
    struct slice in = buf_slice(&r.stream);
    r.memory.limit = r.memory.used + 20000;
    while (!err && in.len) {
        struct slice item = next_item(&in);
        err = snapshot_receive(&r.receiver, &item);
    }
    assert_int_equal(err, E_FULL);
    assert_false(r.receiver.complete);
    assert_true(r.memory.used < r.memory.limit + 5000);
    rig_fini(&r);
}

static void test_progress(void **state)
{
    struct rig r;
    struct store_snapshot *copy;
    struct store_stats stats;
    uint64_t keys, bytes;
    bool done = false;
    (void)state;
    rig_init(&r, 5, 300);
    write_some(&r, 1000);
    store_stats_get(r.from, &stats);
    assert_int_equal(snapshot_create(r.from, &copy), 0);
    snapshot_progress(copy, &keys, &bytes);
    assert_int_equal(keys, 0);
    assert_int_equal(bytes, 0);
    while (!done)
        assert_int_equal(snapshot_step(copy, &r.stream, &done), 0);
    snapshot_progress(copy, &keys, &bytes);
    assert_int_equal(keys, stats.keys);
    assert_int_equal(bytes, buf_len(&r.stream));
    snapshot_destroy(&copy);
    rig_fini(&r);
}

/* A peer's bytes are hostile: damaged streams end with an error or are never complete. */
static void test_damaged_streams(void **state)
{
    struct rig r;
    struct store_snapshot *copy;
    bool done = false;
    (void)state;
    rig_init(&r, 9, 30);
    write_some(&r, 300);
    assert_int_equal(snapshot_create(r.from, &copy), 0);
    while (!done)
        assert_int_equal(snapshot_step(copy, &r.stream, &done), 0);
    snapshot_destroy(&copy);
    struct slice whole = buf_slice(&r.stream);
    for (int i = 0; i < 3000; i++) {
        struct store_memory memory = {0, SIZE_MAX / 2};
        struct snapshot_receiver receiver;
        struct store *to;
        uint8_t *bytes = malloc(whole.len);
        memcpy(bytes, whole.data, whole.len);
        size_t len = i % 2 ? whole.len : rng_below(&r.script.rng, whole.len);
        if (i % 2)
            bytes[rng_below(&r.script.rng, whole.len)] ^= (uint8_t)(1 + rng_below(&r.script.rng, 255));
        assert_int_equal(store_create(&r.script.hash_key, &memory, &to), 0);
        store_keep_index(to, model_next_term);
        snapshot_receiver_init(&receiver, to);
        struct slice in = slice_make(bytes, len);
        int err = snapshot_receive(&receiver, &in);
        assert_true(err || !receiver.complete);
        store_destroy(&to);
        assert_int_equal(memory.used, 0);
        free(bytes);
    }
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_whatever_is_written),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_steps_are_small),
        cmocka_unit_test(test_results_in_small_steps),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_damaged_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
