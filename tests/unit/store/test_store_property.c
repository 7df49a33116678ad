/* SPDX-License-Identifier: Apache-2.0 */
/* The store against the naive model: random commands, every answer compared, and the whole state now and then.
 * ES_SEED and ES_STEPS choose the run. */
#include "base/err.h"
#include "model.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t from_environment(const char *name, uint64_t standard)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : standard;
}

static void run(uint64_t seed, uint64_t steps, unsigned keys)
{
    struct script script;
    struct model model = {0};
    struct store_memory memory = {0, SIZE_MAX / 2};
    struct store *store;
    script_init(&script, seed, keys);
    printf("seed %llu, %llu steps, %u keys\n", (unsigned long long)seed, (unsigned long long)steps, keys);
    assert_int_equal(store_create(&script.hash_key, &memory, &store), 0);
    store_keep_index(store, model_next_term);
    for (uint64_t i = 0; i < steps; i++) {
        struct store_command c;
        struct store_result result;
        script_next(&script, &model, &c);
        int want = model_apply(&model, &c);
        assert_int_equal(store_apply(store, &c, &result), want);
        assert_int_equal(result.err, want);
        model_compare_result(&model, &c, &result);
        assert_int_equal(store_stamp_ms(store), model.stamp_ms);
        if (c.op < STORE_TICK)
            model_compare_key(&model, store, &c.key);
        if (i % 1000 == 0) {
            model_compare(&model, store, &script.hash_key);
            store_check(store);
        }
    }
    model_compare(&model, store, &script.hash_key);
    store_check(store);
    store_destroy(&store);
    assert_int_equal(memory.used, 0);
    model_fini(&model);
}

static void test_store_equals_model(void **state)
{
    uint64_t seed = from_environment("ES_SEED", 1), steps = from_environment("ES_STEPS", 10000);
    (void)state;
    run(seed, steps, 5);
    run(seed + 1, steps, 40);
    run(seed + 2, steps, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_store_equals_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
