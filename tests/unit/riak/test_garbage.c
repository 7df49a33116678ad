/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that are freed by slices. */
#include "support.h"

#include <jansson.h>

#include "riak/mapred/garbage.h"

static struct rig {
    struct timers timers;
    struct clock clock;
} r;

static uint64_t now_ms(void *arg)
{
    (void)arg;
    return 1000;
}

static uint64_t now_us(void *arg)
{
    (void)arg;
    return 1000000;
}

static json_t *list_of(size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string("value"));
    return list;
}

static void test_garbage(void **state)
{
    struct garbage g;
    json_t *shared = list_of(1000);
    (void)state;
    r = (struct rig){.clock = {.boot_ms = now_ms, .precise_us = now_us}};
    timers_init(&r.timers, now_ms, NULL, NULL);
    garbage_init(&g, &r.timers, &r.clock);
    garbage_drop(&g, NULL);
    garbage_drop(&g, list_of(10)); /* at once */
    assert_int_equal(timers_next_ms(&r.timers), UINT64_MAX);
    garbage_drop(&g, json_incref(shared)); /* others have it */
    assert_int_equal(json_array_size(shared), 1000);
    json_t *seen = list_of(5000);
    json_t *last = json_incref(json_array_get(seen, 0));
    garbage_drop(&g, seen);
    garbage_drop(&g, list_of(3000));
    assert_int_equal(last->refcount, 2); /* later */
    while (timers_next_ms(&r.timers) != UINT64_MAX)
        timers_run(&r.timers);
    assert_int_equal(last->refcount, 1);
    garbage_drop(&g, list_of(3000)); /* it ends with them */
    garbage_fini(&g);
    json_decref(last);
    json_decref(shared);
    timers_fini(&r.timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
