/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster_impl.h"
#include "router/op.h"
#include "router_rig.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES 600
/* Long ones are so long that a step takes only some of a partition's. */
#define LONG 16000

/* Names begin with a number below NAMES: how often each was given. */
struct names {
    unsigned seen[NAMES];
    unsigned count;
};

static void add_name(void *arg, struct slice name)
{
    struct names *n = arg;
    char text[16] = "";
    assert_in_range(name.len, 1, LONG);
    memcpy(text, name.data, name.len < sizeof text ? name.len : sizeof text - 1);
    unsigned number = (unsigned)atoi(text);
    assert_in_range(number, 0, NAMES - 1);
    n->seen[number]++;
    n->count++;
}

/* One step, which is answered before the call returns. */
static void step_keys(struct rig *r, struct router_scan *w, const char *bucket, struct names *n)
{
    unsigned before = r->answers;
    router_deliver(&r->request,
                   router_list_keys(r->router, &r->request, w, slice_make(NULL, 0), slice_str(bucket), add_name, n));
    assert_int_equal(rig_answer(r, before), 0);
    assert_false(r->has_result);
}

static void step_buckets(struct rig *r, struct router_scan *w, const char *type, struct names *n)
{
    unsigned before = r->answers;
    router_deliver(&r->request, router_list_buckets(r->router, &r->request, w, slice_str(type), add_name, n));
    assert_int_equal(rig_answer(r, before), 0);
    assert_false(r->has_result);
}

static void list_keys(struct rig *r, const char *bucket, struct names *n)
{
    struct router_scan w = {0};
    *n = (struct names){0};
    while (!w.ended)
        step_keys(r, &w, bucket, n);
}

static void list_buckets(struct rig *r, const char *type, struct names *n)
{
    struct router_scan w = {0};
    *n = (struct names){0};
    while (!w.ended)
        step_buckets(r, &w, type, n);
}

/* Just the numbers from `first` to `last`, each once. */
static void assert_names(const struct names *n, unsigned first, unsigned last)
{
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(n->seen[i], i >= first && i <= last);
}

/* With values so large that each partition's table has some slots. */
static void put_numbers(struct rig *r, const char *bucket, unsigned first, unsigned last)
{
    static const char value[400];
    char key[16];
    for (unsigned i = first; i <= last; i++) {
        snprintf(key, sizeof key, "%u", i);
        struct store_command c = rig_command(r, STORE_PUT, bucket, key);
        c.value.bytes = slice_make(value, sizeof value);
        assert_int_equal(rig_write(r, &c), 0);
    }
}

static void test_list_keys(void **state)
{
    static const unsigned last[] = {1, 2, NAMES - 1};
    struct rig r;
    struct names n;
    (void)state;
    rig_init(&r);
    list_keys(&r, "b", &n);
    assert_int_equal(n.count, 0);
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        put_numbers(&r, "b", 1, last[i]);
        list_keys(&r, "b", &n);
        assert_names(&n, 1, last[i]);
    }
    list_keys(&r, "c", &n);
    assert_int_equal(n.count, 0);
    rig_fini(&r);
}

static void test_list_only_live_keys(void **state)
{
    struct rig r;
    struct names n;
    (void)state;
    rig_init(&r);
    put_numbers(&r, "b", 0, 1);
    put_numbers(&r, "other", 3, 50);
    rig_put(&r, "b", "2", 100);
    struct store_command c = rig_command(&r, STORE_DELETE, "b", "0");
    assert_int_equal(rig_write(&r, &c), 0);
    rig_wait(&r, 100);
    list_keys(&r, "b", &n);
    assert_names(&n, 1, 1);
    rig_fini(&r);
}

/* Valid until the next call. */
static const char *long_name(unsigned number)
{
    static char name[LONG + 1];
    memset(name, 'x', LONG);
    name[snprintf(name, LONG, "%u", number)] = 'x';
    return name;
}

static void drop_partition(struct rig *r, const char *bucket, unsigned partition)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (rig_partition(r, bucket, long_name(i)) == partition)
            rig_drop(r, bucket, long_name(i));
}

/* All keys of the partition where the scan stands go away: those of the others are listed all the same. */
static void test_list_keys_while_some_go(void **state)
{
    struct rig r;
    struct names n = {0};
    struct router_scan w = {0};
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < NAMES; i++)
        rig_put(&r, "b", long_name(i), 0);
    while (w.cursor == 0) {
        step_keys(&r, &w, "b", &n);
        assert_false(w.ended);
    }
    const unsigned gone = w.partition;
    drop_partition(&r, "b", gone);
    while (!w.ended)
        step_keys(&r, &w, "b", &n);
    for (unsigned i = 0; i < NAMES; i++)
        if (rig_partition(&r, "b", long_name(i)) != gone)
            assert_int_equal(n.seen[i], 1);
    rig_fini(&r);
}

/* A bucket has keys in many partitions, and is named once. */
static void test_list_buckets(void **state)
{
    struct rig r;
    struct names n;
    (void)state;
    rig_init(&r);
    list_buckets(&r, "", &n);
    assert_int_equal(n.count, 0);
    put_numbers(&r, "0", 0, 200);
    list_buckets(&r, "", &n);
    assert_names(&n, 0, 0);
    put_numbers(&r, "1", 7, 7);
    list_buckets(&r, "", &n);
    assert_names(&n, 0, 1);
    rig_drop(&r, "1", "7");
    list_buckets(&r, "", &n);
    assert_names(&n, 0, 0);
    list_buckets(&r, "other", &n);
    assert_int_equal(n.count, 0);
    rig_fini(&r);
}

static void test_list_many_buckets(void **state)
{
    struct rig r;
    struct names n;
    char bucket[16];
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(bucket, sizeof bucket, "%u", i);
        put_numbers(&r, bucket, 0, i % 5);
    }
    list_buckets(&r, "", &n);
    assert_names(&n, 0, NAMES - 1);
    rig_fini(&r);
}

static void move_bucket(struct rig *r, const char *bucket, unsigned to, unsigned from)
{
    char key[16];
    strcpy(key, rig_key_in(r, bucket, to));
    rig_put(r, bucket, key, 0);
    strcpy(key, rig_key_in(r, bucket, from));
    rig_drop(r, bucket, key);
}

/* A bucket that holds a key all the while is named once, also when its keys come and go between the steps. */
static void test_list_buckets_while_their_keys_move(void **state)
{
    const unsigned last = ROUTER_PARTITIONS_MAX - 1;
    (void)state;
    for (unsigned steps = 0; steps < 130; steps += 13)
        for (int back = 0; back < 2; back++) {
            struct rig r;
            struct names n = {0};
            struct router_scan w = {0};
            rig_init(&r);
            rig_put(&r, "1", rig_key_in(&r, "1", back ? 0 : last), 0);
            put_numbers(&r, "2", 0, 200);
            for (unsigned i = 0; !w.ended && i < steps; i++)
                step_buckets(&r, &w, "", &n);
            move_bucket(&r, "1", back ? last : 0, back ? 0 : last);
            while (!w.ended)
                step_buckets(&r, &w, "", &n);
            assert_names(&n, 1, 2);
            rig_fini(&r);
        }
}

/* Between two steps the cluster became one that has fewer partitions. */
static void test_a_walk_that_went_too_far(void **state)
{
    struct rig r;
    struct names n = {0};
    struct router_scan w = {.partition = 8};
    (void)state;
    rig_init(&r);
    r.alone.cluster->meta.state->settings.partitions = 8;
    unsigned before = r.answers;
    router_deliver(&r.request,
                   router_list_keys(r.router, &r.request, &w, slice_make(NULL, 0), slice_str("1"), add_name, &n));
    assert_int_equal(rig_answer(&r, before), E_TIMEOUT);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_keys),
        cmocka_unit_test(test_list_only_live_keys),
        cmocka_unit_test(test_list_keys_while_some_go),
        cmocka_unit_test(test_list_buckets),
        cmocka_unit_test(test_list_many_buckets),
        cmocka_unit_test(test_list_buckets_while_their_keys_move),
        cmocka_unit_test(test_a_walk_that_went_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
