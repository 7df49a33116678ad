/* The live copy: whatever is written while it goes on, the receiver ends with the sender's state. ES_SEED chooses the
 * runs. */
#include "base/err.h"
#include "model.h"
#include "store/copy.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

struct rig {
    struct script script;
    struct model model;
    struct store_memory memory;
    struct store *from, *to;
    struct copy_receiver receiver;
    struct buf stream;
};

static void rig_init(struct rig *r, uint64_t seed, unsigned keys)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}};
    script_init(&r->script, seed, keys);
    assert_int_equal(store_create(&r->script.hash_key, &r->memory, &r->from), 0);
    assert_int_equal(store_create(&r->script.hash_key, &r->memory, &r->to), 0);
    copy_receiver_init(&r->receiver, r->to);
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
    }
}

/* Hands over what stands in the stream, in pieces of random sizes. */
static void deliver(struct rig *r)
{
    struct slice all = buf_slice(&r->stream), in = {all.data, 0};
    while (in.data + in.len < all.data + all.len) {
        size_t left = (size_t)(all.data + all.len - in.data) - in.len;
        in.len += 1 + rng_below(&r->script.rng, left < 400 ? left : 400);
        assert_int_equal(copy_receive(&r->receiver, &in), 0);
    }
    buf_consume(&r->stream, all.len - in.len);
}

static void copy_while_writing(uint64_t seed, unsigned keys, uint64_t before, uint64_t per_step)
{
    struct rig r;
    struct store_copy *copy;
    bool done = false;
    rig_init(&r, seed, keys);
    write_some(&r, before);
    assert_int_equal(copy_create(r.from, &copy), 0);
    while (!done) {
        assert_int_equal(copy_step(copy, &r.stream, &done), 0);
        if (!done)
            write_some(&r, rng_below(&r.script.rng, per_step + 1));
        if (done || rng_below(&r.script.rng, 3) == 0)
            deliver(&r);
    }
    copy_destroy(&copy);
    assert_true(r.receiver.complete);
    store_check(r.to);
    model_compare(&r.model, r.to, &r.script.hash_key);
    assert_int_equal(store_stamp_ms(r.to), store_stamp_ms(r.from));
    assert_int_equal(store_due_ms(r.to), store_due_ms(r.from));
    /* and from there on both go the same way */
    for (int i = 0; i < 2000; i++) {
        struct store_command c;
        struct store_result a, b;
        script_next(&r.script, &r.model, &c);
        int want = model_apply(&r.model, &c);
        assert_int_equal(store_apply(r.from, &c, &a), want);
        assert_int_equal(store_apply(r.to, &c, &b), want);
    }
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
    struct store_copy *a, *b;
    (void)state;
    rig_init(&r, 1, 10);
    assert_int_equal(copy_create(r.from, &a), 0);
    assert_int_equal(copy_create(r.from, &b), E_EXISTS);
    copy_destroy(&a);
    assert_int_equal(copy_create(r.from, &b), 0);
    copy_destroy(&b);
    rig_fini(&r);
}

/* One step of the sender sends one slot, however much there is. */
static void test_steps_are_small(void **state)
{
    struct rig r;
    struct store_copy *copy;
    bool done = false;
    size_t steps = 0;
    (void)state;
    rig_init(&r, 7, 20000);
    write_some(&r, 20000);
    assert_int_equal(copy_create(r.from, &copy), 0);
    while (!done) {
        size_t before = buf_len(&r.stream);
        assert_int_equal(copy_step(copy, &r.stream, &done), 0);
        assert_true(buf_len(&r.stream) - before < 200000);
        steps++;
    }
    assert_true(steps > 300);
    copy_destroy(&copy);
    rig_fini(&r);
}

/* A peer's bytes are hostile: damaged streams end with an error or are never complete. */
static void test_damaged_streams(void **state)
{
    struct rig r;
    struct store_copy *copy;
    bool done = false;
    (void)state;
    rig_init(&r, 9, 30);
    write_some(&r, 300);
    assert_int_equal(copy_create(r.from, &copy), 0);
    while (!done)
        assert_int_equal(copy_step(copy, &r.stream, &done), 0);
    copy_destroy(&copy);
    struct slice whole = buf_slice(&r.stream);
    for (int i = 0; i < 3000; i++) {
        struct store_memory memory = {0, SIZE_MAX / 2};
        struct copy_receiver receiver;
        struct store *to;
        uint8_t *bytes = malloc(whole.len);
        memcpy(bytes, whole.data, whole.len);
        size_t len = i % 2 ? whole.len : rng_below(&r.script.rng, whole.len);
        if (i % 2)
            bytes[rng_below(&r.script.rng, whole.len)] ^= (uint8_t)(1 + rng_below(&r.script.rng, 255));
        assert_int_equal(store_create(&r.script.hash_key, &memory, &to), 0);
        copy_receiver_init(&receiver, to);
        struct slice in = slice_make(bytes, len);
        int err = copy_receive(&receiver, &in);
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
        cmocka_unit_test(test_damaged_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
