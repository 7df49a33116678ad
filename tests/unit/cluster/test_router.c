#include "cluster/router.h"

#include "base/err.h"
#include "base/rng.h"
#include "failing_alloc.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

/* A router with clocks that stand still until the test moves them. */
struct rig {
    uint64_t boot_ms, wall_ms, precise_us;
    uint64_t precise_step_us; /* passes with each look at the precise clock */
    struct rng rng;
    struct clock clock;
    struct timers timers;
    struct metrics metrics;
    struct router *router;
    /* of the last answer */
    unsigned answers;
    int err;
    struct store_result result;
    bool has_result;
};

static uint64_t boot_ms(void *arg)
{
    return ((struct rig *)arg)->boot_ms;
}

static uint64_t wall_ms(void *arg)
{
    return ((struct rig *)arg)->wall_ms;
}

static uint64_t precise_us(void *arg)
{
    struct rig *r = arg;
    return r->precise_us += r->precise_step_us;
}

static void chance(void *arg, void *out, size_t n)
{
    rng_fill(&((struct rig *)arg)->rng, out, n);
}

static int rig_create(struct rig *r, uint64_t seed, size_t memory_limit)
{
    *r = (struct rig){.boot_ms = 5000, .wall_ms = 1700000000000};
    rng_seed(&r->rng, seed);
    r->clock = (struct clock){boot_ms, precise_us, wall_ms, chance, r};
    timers_init(&r->timers, boot_ms, NULL, r);
    struct router_config config = {memory_limit, &r->clock, &r->timers, NULL, &r->metrics};
    return router_create(&config, &r->router);
}

static void rig_init(struct rig *r)
{
    assert_int_equal(rig_create(r, 1, (size_t)64 << 20), 0);
}

static void rig_fini(struct rig *r)
{
    router_destroy(&r->router);
    assert_null(r->router);
    router_destroy(&r->router);
    timers_fini(&r->timers); /* asserts that no timer was left behind */
}

static void on_done(void *arg, int err, const struct store_result *result)
{
    struct rig *r = arg;
    r->answers++;
    r->err = err;
    r->has_result = result != NULL;
    if (result)
        r->result = *result;
}

/* Each call is answered once, before it returns. */
static int answer(struct rig *r, unsigned answers_before)
{
    assert_int_equal(r->answers, answers_before + 1);
    return r->err;
}

static struct store_key key_of(const struct rig *r, const char *bucket, const char *key)
{
    struct store_key k;
    store_key_init(&k, router_hash_key(r->router), slice_make(NULL, 0), slice_str(bucket), slice_str(key));
    return k;
}

static struct store_command command(const struct rig *r, enum store_op op, const char *bucket, const char *key)
{
    return (struct store_command){.op = op,
                                  .key = key_of(r, bucket, key),
                                  .rules = {.siblings_max = 10, .size_max = 1 << 20, .reap_ms = 3000},
                                  .value.bytes = slice_str("value")};
}

static int write_command(struct rig *r, struct store_command *c)
{
    unsigned before = r->answers;
    router_write(r->router, c, on_done, r);
    assert_true(r->has_result);
    return answer(r, before);
}

static void put(struct rig *r, const char *bucket, const char *key, uint64_t ttl_ms)
{
    struct store_command c = command(r, STORE_PUT, bucket, key);
    c.rules.ttl_ms = ttl_ms;
    assert_int_equal(write_command(r, &c), 0);
}

/* Without a tombstone. */
static void drop(struct rig *r, const char *bucket, const char *key)
{
    struct store_command c = command(r, STORE_DELETE, bucket, key);
    c.rules.reap_ms = 0;
    assert_int_equal(write_command(r, &c), 0);
}

static int get(struct rig *r, const char *bucket, const char *key)
{
    struct store_key k = key_of(r, bucket, key);
    unsigned before = r->answers;
    router_read(r->router, &k, false, on_done, r);
    assert_true(r->has_result);
    return answer(r, before);
}

static unsigned partition_of(const struct rig *r, const char *bucket, const char *key)
{
    return store_partition(key_of(r, bucket, key).hash, ROUTER_PARTITIONS);
}

/* A name "0", "1", ... that lies in the wanted partition of the bucket. */
static const char *key_in(const struct rig *r, const char *bucket, unsigned partition)
{
    static char name[16];
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "%u", i);
        if (partition_of(r, bucket, name) == partition)
            return name;
    }
    fail_msg("no key lies in partition %u", partition);
    return NULL;
}

static struct store_stats stats_of(const struct rig *r)
{
    struct store_stats stats;
    router_stats(r->router, &stats);
    return stats;
}

/* Time passes; timers fire when they are due. */
static void wait_ms(struct rig *r, uint64_t ms)
{
    uint64_t end = r->boot_ms + ms;
    while (timers_next_ms(&r->timers) <= end) {
        if (timers_next_ms(&r->timers) > r->boot_ms)
            r->boot_ms = timers_next_ms(&r->timers);
        timers_run(&r->timers);
    }
    r->boot_ms = end;
}

/* --- birth --- */

static void test_draws_who_it_is(void **state)
{
    static const uint8_t zeros[CLUSTER_ID_SIZE];
    struct rig a, b, again;
    (void)state;
    assert_int_equal(rig_create(&a, 1, 1 << 20), 0);
    assert_int_equal(rig_create(&b, 2, 1 << 20), 0);
    assert_int_equal(rig_create(&again, 1, 1 << 20), 0);
    assert_memory_not_equal(router_cluster_id(a.router), zeros, CLUSTER_ID_SIZE);
    assert_memory_not_equal(router_cluster_id(a.router), router_cluster_id(b.router), CLUSTER_ID_SIZE);
    assert_memory_equal(router_cluster_id(a.router), router_cluster_id(again.router), CLUSTER_ID_SIZE);
    assert_int_not_equal(router_hash_key(a.router)->k0, router_hash_key(b.router)->k0);
    assert_int_not_equal(router_hash_key(a.router)->k0, router_hash_key(a.router)->k1);
    rig_fini(&a);
    rig_fini(&b);
    rig_fini(&again);
}

/* R-EPOCH: a restarted cluster has a higher epoch than before, because the wall clock says so. */
static void test_epoch_is_the_wall_clock_at_the_start(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.wall_ms += 1000;
    assert_int_equal(router_epoch(r.router), 1700000000000);
    rig_fini(&r);
}

static void test_begins_empty(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    struct store_stats stats = stats_of(&r);
    assert_int_equal(stats.keys + stats.tombstones + stats.buckets + stats.expired, 0);
    assert_int_equal(get(&r, "b", "k"), E_NOT_FOUND);
    assert_false(r.result.exists);
    assert_int_equal(timers_next_ms(&r.timers), UINT64_MAX);
    assert_int_equal(router_memory(r.router)->limit, (size_t)64 << 20);
    assert_true(router_memory(r.router)->used < (size_t)1 << 20);
    rig_fini(&r);
}

/* --- writing and reading --- */

static void test_write_then_read(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "k", 0);
    assert_true(r.result.exists && r.result.object.live);
    struct revision written = r.result.object.revision;
    assert_int_equal(written.epoch, router_epoch(r.router));
    assert_int_equal(written.generation, 1);
    assert_int_equal(written.index, 2); /* 1 is the group's configuration */
    assert_int_equal(get(&r, "b", "k"), 0);
    assert_int_equal(revision_cmp(r.result.object.revision, written), 0);
    struct object_cursor c = {0};
    struct object_sibling s;
    assert_true(object_next(&r.result.object, &c, &s));
    assert_slice_is(s.value, "value");
    assert_int_equal(get(&r, "b", "other"), E_NOT_FOUND);
    assert_int_equal(get(&r, "other", "k"), E_NOT_FOUND);
    rig_fini(&r);
}

static void test_read_of_any_replica(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "k", 0);
    struct store_key k = key_of(&r, "b", "k");
    router_read(r.router, &k, true, on_done, &r);
    assert_int_equal(answer(&r, 1), 0);
    assert_true(r.result.exists);
    rig_fini(&r);
}

/* One command of a partition is one index; the others have their own counters. */
static void test_each_partition_counts_its_commands(void **state)
{
    struct rig r;
    char one[16], two[16];
    (void)state;
    rig_init(&r);
    strcpy(one, key_in(&r, "b", 7));
    strcpy(two, key_in(&r, "b", 8));
    for (unsigned i = 0; i < 10; i++) {
        put(&r, "b", one, 0);
        assert_int_equal(r.result.object.revision.index, 2 + i);
    }
    put(&r, "b", two, 0);
    assert_int_equal(r.result.object.revision.index, 2);
    rig_fini(&r);
}

static void test_many_keys_use_all_partitions(void **state)
{
    struct rig r;
    char key[16];
    unsigned used[ROUTER_PARTITIONS] = {0};
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        put(&r, "b", key, 0);
        used[partition_of(&r, "b", key)]++;
    }
    for (int i = 0; i < ROUTER_PARTITIONS; i++)
        assert_in_range(used[i], 1, 100); /* 31 on average */
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(get(&r, "b", key), 0);
    }
    assert_int_equal(stats_of(&r).keys, 2000);
    rig_fini(&r);
}

/* R-RETRY: origin and sequence tell each write from every other. */
static void test_names_the_origin_of_each_write(void **state)
{
    struct rig a, b;
    (void)state;
    assert_int_equal(rig_create(&a, 1, 1 << 20), 0);
    assert_int_equal(rig_create(&b, 2, 1 << 20), 0);
    struct store_command one = command(&a, STORE_PUT, "b", "k"), two = command(&a, STORE_PUT, "b", "other");
    struct store_command foreign = command(&b, STORE_PUT, "b", "k");
    assert_int_equal(write_command(&a, &one), 0);
    assert_int_equal(write_command(&a, &two), 0);
    assert_int_equal(write_command(&b, &foreign), 0);
    assert_memory_equal(one.origin.incarnation, two.origin.incarnation, sizeof one.origin.incarnation);
    assert_memory_not_equal(one.origin.incarnation, foreign.origin.incarnation, sizeof one.origin.incarnation);
    assert_true(two.origin.sequence > one.origin.sequence);
    rig_fini(&a);
    rig_fini(&b);
}

static void test_conditions_come_through(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    struct store_command c = command(&r, STORE_PUT, "b", "k");
    c.condition = STORE_IF_ABSENT;
    assert_int_equal(write_command(&r, &c), 0);
    assert_int_equal(write_command(&r, &c), E_EXISTS);
    assert_true(r.result.exists); /* what stands in the way is told */
    c.condition = STORE_IF_UNMODIFIED;
    c.context = (struct store_context){CONTEXT_SEEN, r.result.object.revision};
    assert_int_equal(write_command(&r, &c), 0);
    assert_int_equal(write_command(&r, &c), E_MODIFIED);
    c = command(&r, STORE_PUT, "b", "large");
    c.rules.size_max = 1;
    assert_int_equal(write_command(&r, &c), E_TOO_LARGE);
    assert_int_equal(r.result.excess, 5);
    assert_int_equal(r.metrics.writes_refused_full, 0);
    rig_fini(&r);
}

/* --- time --- */

/* R-TIME: wall clock at the start, monotonic time since. */
static void test_wall_clock_counts_only_at_the_start(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.wall_ms -= 3600000;
    r.boot_ms += 250;
    struct store_command c = command(&r, STORE_PUT, "b", "k");
    assert_int_equal(write_command(&r, &c), 0);
    assert_int_equal(c.stamp_ms, 1700000000250);
    rig_fini(&r);
}

static void test_key_goes_when_it_is_due(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "k", 100);
    wait_ms(&r, 99);
    assert_int_equal(get(&r, "b", "k"), 0);
    assert_int_equal(stats_of(&r).expired, 0);
    wait_ms(&r, 1);
    assert_int_equal(stats_of(&r).keys, 0); /* freed without being read */
    assert_int_equal(stats_of(&r).expired, 1);
    assert_int_equal(get(&r, "b", "k"), E_NOT_FOUND);
    assert_int_equal(timers_next_ms(&r.timers), UINT64_MAX); /* nothing is left to wait for */
    rig_fini(&r);
}

/* The read commits a stamp first, so that no replica gives out what another denied. */
static void test_read_of_a_due_key_before_the_timer(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "k", 100);
    r.boot_ms += 100; /* the timer is late */
    assert_int_equal(get(&r, "b", "k"), E_NOT_FOUND);
    assert_false(r.result.exists);
    put(&r, "b", "k", 0);
    assert_int_equal(r.result.object.revision.index, 4); /* put, stamp, put */
    rig_fini(&r);
}

static void test_earlier_key_moves_the_timer(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "late", 1000);
    assert_int_equal(timers_next_ms(&r.timers), 6000);
    put(&r, "b", "later", 2000);
    assert_int_equal(timers_next_ms(&r.timers), 6000);
    put(&r, "b", "soon", 10);
    assert_int_equal(timers_next_ms(&r.timers), 5010);
    wait_ms(&r, 10);
    assert_int_equal(stats_of(&r).keys, 2);
    assert_int_equal(timers_next_ms(&r.timers), 6000);
    wait_ms(&r, 990);
    assert_int_equal(stats_of(&r).keys, 1);
    assert_int_equal(timers_next_ms(&r.timers), 7000);
    rig_fini(&r);
}

static void test_timer_for_what_is_gone(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "k", 100);
    drop(&r, "b", "k");
    put(&r, "b", "kept", 0);
    wait_ms(&r, 200);
    assert_int_equal(stats_of(&r).keys, 1);
    assert_int_equal(stats_of(&r).expired, 0);
    assert_int_equal(timers_next_ms(&r.timers), UINT64_MAX);
    rig_fini(&r);
}

static void test_tombstone_is_reaped(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    put(&r, "b", "k", 0);
    struct store_command c = command(&r, STORE_DELETE, "b", "k");
    assert_int_equal(write_command(&r, &c), 0);
    assert_int_equal(stats_of(&r).tombstones, 1);
    assert_int_equal(get(&r, "b", "k"), 0);
    assert_false(r.result.object.live);
    wait_ms(&r, 3000);
    assert_int_equal(stats_of(&r).tombstones, 0);
    assert_int_equal(get(&r, "b", "k"), E_NOT_FOUND);
    rig_fini(&r);
}

static void put_many(struct rig *r, unsigned count, uint64_t ttl_ms)
{
    char key[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "key %u", i);
        put(r, "b", key, ttl_ms);
    }
}

/* However many keys are due together, and however many timers run, one turn takes about a millisecond of them. */
static void test_many_due_together_share_the_turns(void **state)
{
    struct rig r;
    struct timer other[50];
    unsigned turns = 0;
    (void)state;
    rig_init(&r);
    put_many(&r, 20000, 100);
    for (int i = 0; i < 50; i++) {
        timer_init(&other[i], NULL);
        assert_int_equal(timer_start(&r.timers, &other[i], 60000), 0);
    }
    r.boot_ms += 100;
    r.precise_step_us = 400;
    while (timers_next_ms(&r.timers) <= r.boot_ms) {
        uint64_t before = r.precise_us, keys = stats_of(&r).keys;
        timers_run(&r.timers);
        assert_true(r.precise_us - before <= 2000);
        assert_true(stats_of(&r).keys < keys);
        turns++;
    }
    assert_true(turns > 10);
    assert_int_equal(stats_of(&r).keys, 0);
    assert_int_equal(stats_of(&r).expired, 20000);
    for (int i = 0; i < 50; i++)
        timer_stop(&r.timers, &other[i]);
    rig_fini(&r);
}

/* --- memory --- */

static void test_memory_limit(void **state)
{
    static char large[10000];
    struct rig r;
    char key[16];
    unsigned written = 0;
    (void)state;
    assert_int_equal(rig_create(&r, 1, 1 << 20), 0);
    for (int err = 0; !err && written < 1000; written += !err) {
        snprintf(key, sizeof key, "%u", written);
        struct store_command c = command(&r, STORE_PUT, "b", key);
        c.value.bytes = slice_make(large, sizeof large);
        err = write_command(&r, &c);
    }
    assert_int_equal(r.err, E_FULL);
    assert_in_range(written, 10, 105);
    assert_false(r.result.exists);
    assert_int_equal(r.metrics.writes_refused_full, 1);
    assert_int_equal(get(&r, "b", key), E_NOT_FOUND);
    drop(&r, "b", "0"); /* deletes are always admitted, and make room */
    struct store_command c = command(&r, STORE_PUT, "b", key);
    c.value.bytes = slice_make(large, sizeof large);
    assert_int_equal(write_command(&r, &c), 0);
    assert_int_equal(r.metrics.writes_refused_full, 1);
    rig_fini(&r);
}

/* --- the catalog --- */

static void test_types(void **state)
{
    struct rig r;
    struct bucket_props ttl = {.set = PROP_BIT(PROP_TTL), .ttl_s = 30}, got;
    struct slice type = slice_str("short");
    (void)state;
    rig_init(&r);
    router_set_type(r.router, type, &ttl, on_done, &r);
    assert_int_equal(answer(&r, 0), E_NOT_FOUND);
    router_create_type(r.router, type, &ttl, on_done, &r);
    assert_int_equal(answer(&r, 1), 0);
    assert_false(r.has_result);
    router_create_type(r.router, type, &ttl, on_done, &r);
    assert_int_equal(answer(&r, 2), E_EXISTS);
    assert_int_equal(catalog_get_type(router_catalog(r.router), type, &got), 0);
    assert_int_equal(got.ttl_s, 30);
    ttl.ttl_s = 40;
    router_set_type(r.router, type, &ttl, on_done, &r);
    assert_int_equal(answer(&r, 3), 0);
    assert_int_equal(catalog_rules(router_catalog(r.router), type, slice_str("b"))->ttl_s, 40);
    rig_fini(&r);
}

static void test_bucket_properties(void **state)
{
    struct rig r;
    struct bucket_props n = {.set = PROP_BIT(PROP_N_VAL), .n_val = 5};
    struct slice none = slice_make(NULL, 0), b = slice_str("b");
    (void)state;
    rig_init(&r);
    router_set_bucket(r.router, slice_str("nosuch"), b, &n, on_done, &r);
    assert_int_equal(answer(&r, 0), E_NOT_FOUND);
    router_set_bucket(r.router, none, b, &n, on_done, &r);
    assert_int_equal(answer(&r, 1), 0);
    assert_int_equal(catalog_rules(router_catalog(r.router), none, b)->n_val, 5);
    assert_int_equal(catalog_rules(router_catalog(r.router), none, slice_str("c"))->n_val, 3);
    router_reset_bucket(r.router, none, b, on_done, &r);
    assert_int_equal(answer(&r, 2), 0);
    assert_false(r.has_result);
    assert_int_equal(catalog_rules(router_catalog(r.router), none, b)->n_val, 3);
    rig_fini(&r);
}

/* --- listing --- */

#define NAMES 600

/* Names are numbers below NAMES: how often each was given. */
struct names {
    unsigned seen[NAMES];
    unsigned count;
};

static void add_name(void *arg, struct slice name)
{
    struct names *n = arg;
    char text[16] = "";
    assert_in_range(name.len, 1, sizeof text - 1);
    memcpy(text, name.data, name.len);
    unsigned number = (unsigned)atoi(text);
    assert_in_range(number, 0, NAMES - 1);
    n->seen[number]++;
    n->count++;
}

static void list_keys(struct rig *r, const char *bucket, struct names *n)
{
    struct router_walk w = {0};
    *n = (struct names){0};
    while (router_list_keys(r->router, &w, slice_make(NULL, 0), slice_str(bucket), add_name, n))
        ;
}

static void list_buckets(struct rig *r, const char *type, struct names *n)
{
    struct router_walk w = {0};
    *n = (struct names){0};
    while (router_list_buckets(r->router, &w, slice_str(type), add_name, n))
        ;
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
        struct store_command c = command(r, STORE_PUT, bucket, key);
        c.value.bytes = slice_make(value, sizeof value);
        assert_int_equal(write_command(r, &c), 0);
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
    put(&r, "b", "2", 100);
    struct store_command c = command(&r, STORE_DELETE, "b", "0");
    assert_int_equal(write_command(&r, &c), 0);
    wait_ms(&r, 100);
    list_keys(&r, "b", &n);
    assert_names(&n, 1, 1);
    rig_fini(&r);
}

static void drop_partition(struct rig *r, const char *bucket, unsigned partition)
{
    char key[16];
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(key, sizeof key, "%u", i);
        if (partition_of(r, bucket, key) == partition)
            drop(r, bucket, key);
    }
}

/* All keys of the partition where the walk stands go away: those of the others are listed all the same. */
static void test_list_keys_while_some_go(void **state)
{
    struct rig r;
    struct names n = {0};
    struct router_walk w = {0};
    struct slice none = slice_make(NULL, 0), b = slice_str("b");
    char key[16];
    (void)state;
    rig_init(&r);
    put_numbers(&r, "b", 0, NAMES - 1);
    while (w.cursor == 0)
        assert_true(router_list_keys(r.router, &w, none, b, add_name, &n));
    const unsigned gone = w.partition;
    drop_partition(&r, "b", gone);
    while (router_list_keys(r.router, &w, none, b, add_name, &n))
        ;
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(key, sizeof key, "%u", i);
        if (partition_of(&r, "b", key) != gone)
            assert_int_equal(n.seen[i], 1);
    }
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
    drop(&r, "1", "7");
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
    strcpy(key, key_in(r, bucket, to));
    put(r, bucket, key, 0);
    strcpy(key, key_in(r, bucket, from));
    drop(r, bucket, key);
}

/* A bucket that holds a key all the while is named once, also when its keys come and go between the steps. */
static void test_list_buckets_while_their_keys_move(void **state)
{
    const unsigned last = ROUTER_PARTITIONS - 1;
    (void)state;
    for (unsigned steps = 0; steps < 130; steps += 13)
        for (int back = 0; back < 2; back++) {
            struct rig r;
            struct names n = {0};
            struct router_walk w = {0};
            bool more = true;
            rig_init(&r);
            put(&r, "1", key_in(&r, "1", back ? 0 : last), 0);
            put_numbers(&r, "2", 0, 200);
            for (unsigned i = 0; more && i < steps; i++)
                more = router_list_buckets(r.router, &w, slice_make(NULL, 0), add_name, &n);
            move_bucket(&r, "1", back ? last : 0, back ? 0 : last);
            while (more)
                more = router_list_buckets(r.router, &w, slice_make(NULL, 0), add_name, &n);
            assert_names(&n, 1, 2);
            rig_fini(&r);
        }
}

/* --- out of memory --- */

static void test_out_of_memory_at_the_start(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        struct rig r;
        failing_alloc_start(n);
        int err = rig_create(&r, 1, 1 << 20);
        if (!failing_alloc_stop()) {
            assert_int_equal(err, 0);
            rig_fini(&r);
            break;
        }
        assert_int_equal(err, E_NOMEM);
        assert_null(r.router);
        timers_fini(&r.timers);
        assert_true(n < 10000);
    }
}

/* Either the write is done or nothing has changed, and the next write of the key makes up for all. */
static void test_out_of_memory_in_a_write(void **state)
{
    bool failed = true;
    (void)state;
    for (size_t n = 1; failed; n++) {
        struct rig r;
        rig_init(&r);
        struct store_command c = command(&r, STORE_PUT, "b", "k");
        c.rules.ttl_ms = 100;
        failing_alloc_start(n);
        int err = write_command(&r, &c);
        failed = failing_alloc_stop();
        assert_int_equal(get(&r, "b", "k"), err ? E_NOT_FOUND : 0);
        put(&r, "b", "k", 100);
        wait_ms(&r, 100);
        assert_int_equal(stats_of(&r).expired, 1);
        rig_fini(&r);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_who_it_is),
        cmocka_unit_test(test_epoch_is_the_wall_clock_at_the_start),
        cmocka_unit_test(test_begins_empty),
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_read_of_any_replica),
        cmocka_unit_test(test_each_partition_counts_its_commands),
        cmocka_unit_test(test_many_keys_use_all_partitions),
        cmocka_unit_test(test_names_the_origin_of_each_write),
        cmocka_unit_test(test_conditions_come_through),
        cmocka_unit_test(test_wall_clock_counts_only_at_the_start),
        cmocka_unit_test(test_key_goes_when_it_is_due),
        cmocka_unit_test(test_read_of_a_due_key_before_the_timer),
        cmocka_unit_test(test_earlier_key_moves_the_timer),
        cmocka_unit_test(test_timer_for_what_is_gone),
        cmocka_unit_test(test_tombstone_is_reaped),
        cmocka_unit_test(test_many_due_together_share_the_turns),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_bucket_properties),
        cmocka_unit_test(test_list_keys),
        cmocka_unit_test(test_list_only_live_keys),
        cmocka_unit_test(test_list_keys_while_some_go),
        cmocka_unit_test(test_list_buckets),
        cmocka_unit_test(test_list_many_buckets),
        cmocka_unit_test(test_list_buckets_while_their_keys_move),
        cmocka_unit_test(test_out_of_memory_at_the_start),
        cmocka_unit_test(test_out_of_memory_in_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
