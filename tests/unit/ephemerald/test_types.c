/* SPDX-License-Identifier: Apache-2.0 */
#include "alone.h"
#include "base/err.h"
#include "ephemerald/types.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX 16

struct rig {
    uint64_t now_ms;
    struct clock clock;
    struct timers timers;
    struct metrics metrics;
    struct log log;
    struct alone alone;
    struct config *config;
    struct types types;
    unsigned count; /* of lines */
    char line[LINES_MAX][256];
};

static uint64_t now_ms(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static uint64_t now_us(void *arg)
{
    return ((struct rig *)arg)->now_ms * 1000;
}

static void no_chance(void *arg, void *out, size_t n)
{
    (void)arg;
    memset(out, 7, n);
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct rig *r = arg;
    (void)level;
    assert_true(r->count < LINES_MAX);
    snprintf(r->line[r->count++], sizeof r->line[0], "%s", line);
}

static void add_type(struct rig *r, const char *name, uint32_t ttl_s)
{
    static char names[8][16];
    struct config_bucket_type *t = &r->config->bucket_types[r->config->bucket_type_count];
    t->name = names[r->config->bucket_type_count++];
    snprintf(t->name, sizeof names[0], "%s", name);
    t->props = (struct bucket_props){.set = PROP_BIT(PROP_TTL), .ttl_s = ttl_s};
}

static void rig_init(struct rig *r, size_t memory)
{
    *r = (struct rig){.now_ms = 5000};
    r->clock = (struct clock){now_ms, now_us, now_ms, no_chance, r};
    r->log = (struct log){.level = LOG_WARN, .sink = keep_line, .arg = r};
    r->config = calloc(1, sizeof *r->config);
    timers_init(&r->timers, now_ms, NULL, r);
    assert_int_equal(alone_create(&r->alone, &r->clock, &r->timers, NULL, &r->metrics, memory), 0);
}

/* As a node does that starts with this configuration. */
static void start(struct rig *r)
{
    types_init(&r->types, r->config, &r->log, &r->timers, cluster_router(r->alone.cluster));
}

static void turn(struct rig *r)
{
    types_turn(&r->types);
    cluster_turn(r->alone.cluster);
}

static void wait(struct rig *r, uint64_t ms)
{
    for (uint64_t end = r->now_ms + ms; r->now_ms < end; r->now_ms++) {
        timers_run(&r->timers);
        turn(r);
    }
}

static void rig_fini(struct rig *r)
{
    types_fini(&r->types);
    types_fini(&r->types);
    alone_destroy(&r->alone);
    timers_fini(&r->timers);
    free(r->config);
}

static bool has_type(const struct rig *r, const char *name, uint32_t ttl_s)
{
    struct bucket_props there;
    const struct catalog *c = router_catalog(cluster_router(r->alone.cluster));
    return catalog_get_type(c, slice_str(name), &there) == 0 && there.ttl_s == ttl_s;
}

/* All of them within a few turns, and none waits for time to pass. */
static void test_are_created(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, (size_t)16 << 20);
    add_type(&r, "one", 1);
    add_type(&r, "two", 2);
    add_type(&r, "three", 3);
    start(&r);
    for (int i = 0; i < 3; i++) {
        turn(&r);
        timers_run(&r.timers);
    }
    turn(&r);
    assert_true(has_type(&r, "one", 1) && has_type(&r, "two", 2) && has_type(&r, "three", 3));
    assert_int_equal(r.count, 0);
    assert_int_equal(r.types.next, 3);
    rig_fini(&r);
}

static void test_none(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, (size_t)16 << 20);
    start(&r);
    wait(&r, 10);
    assert_int_equal(r.count, 0);
    rig_fini(&r);
}

/* What is in the cluster stays as it is, and only a difference is worth a word. */
static void test_are_never_overwritten(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, (size_t)16 << 20);
    add_type(&r, "same", 1);
    add_type(&r, "other", 2);
    start(&r);
    wait(&r, 5);
    types_fini(&r.types);
    r.config->bucket_types[1].props.ttl_s = 3;
    add_type(&r, "new", 4);
    start(&r); /* the next node */
    wait(&r, 5);
    assert_true(has_type(&r, "same", 1) && has_type(&r, "other", 2) && has_type(&r, "new", 4));
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(r.line[0], "'other' is in the cluster with other properties"));
    rig_fini(&r);
}

/* One that was created between the look and the asking. */
static void test_that_another_node_creates(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, (size_t)16 << 20);
    add_type(&r, "raced", 1);
    start(&r);
    types_turn(&r.types); /* asks */
    r.types.request.done(&r.types.request, E_EXISTS, NULL);
    assert_int_equal(r.types.next, 1);
    rig_fini(&r);
}

static void test_that_cannot_be(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, (size_t)16 << 20);
    add_type(&r, "any", 1); /* a reserved name */
    add_type(&r, "fine", 2);
    start(&r);
    wait(&r, 5);
    assert_true(has_type(&r, "fine", 2));
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(r.line[0], "'any' could not be created: invalid value"));
    rig_fini(&r);
}

/* Memory that is full may have room again: the types wait without keeping the loop busy, and say so once. */
static void test_are_asked_for_again(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, (size_t)16 << 20);
    struct store_memory *memory = (struct store_memory *)(uintptr_t)router_memory(cluster_router(r.alone.cluster));
    size_t limit = memory->limit;
    add_type(&r, "late", 1);
    memory->limit = 0;
    start(&r);
    wait(&r, 5 * TYPES_RETRY_MS);
    assert_int_equal(r.types.next, 0);
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(r.line[0], "'late' could not be created yet: the memory limit is reached"));
    memory->limit = limit;
    wait(&r, TYPES_RETRY_MS + 5);
    assert_true(has_type(&r, "late", 1));
    assert_int_equal(r.count, 1);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_are_created),           cmocka_unit_test(test_none),
        cmocka_unit_test(test_are_never_overwritten), cmocka_unit_test(test_that_another_node_creates),
        cmocka_unit_test(test_that_cannot_be),        cmocka_unit_test(test_are_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
