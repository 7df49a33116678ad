/* SPDX-License-Identifier: Apache-2.0 */
/* The indexes of a store against a look at all its objects. */
#include "base/err.h"
#include "failing_alloc.h"
#include "model.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define HITS_MAX 4096
#define NAME_MAX 64
#define TERM_MAX 16

struct hit {
    char term[NAME_MAX], key[NAME_MAX];
    size_t term_len, key_len;
};

struct rig {
    struct store_memory memory;
    struct store *store;
    struct script script;
    struct model model; /* empty: contexts are foreign to it */
    struct store_range range;
    unsigned pause; /* after so many hits; 0: never */
    unsigned since_pause;
    size_t whole; /* objects that were given as a whole */
    struct hit got[HITS_MAX], want[HITS_MAX];
    size_t got_count, want_count;
};

static struct rig *rig_create(uint64_t seed, unsigned keys)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->memory.limit = SIZE_MAX / 2;
    script_init(&r->script, seed, keys);
    assert_int_equal(store_create(&r->script.hash_key, &r->memory, &r->store), 0);
    store_keep_index(r->store, model_next_term);
    return r;
}

static void rig_destroy(struct rig *r)
{
    store_destroy(&r->store);
    assert_int_equal(r->memory.used, 0);
    model_fini(&r->model);
    free(r);
}

static void add_hit(struct hit *hits, size_t *count, struct slice term, struct slice key)
{
    assert_in_range(*count, 0, HITS_MAX - 1);
    struct hit *h = &hits[(*count)++];
    assert_true(term.len <= NAME_MAX && key.len <= NAME_MAX);
    h->term_len = term.len;
    h->key_len = key.len;
    if (term.len)
        memcpy(h->term, term.data, term.len);
    if (key.len)
        memcpy(h->key, key.data, key.len);
}

/* --- the naive answer --- */

static int cmp_terms(bool integer, struct slice a, struct slice b)
{
    char x[NAME_MAX + 1] = "", y[NAME_MAX + 1] = "";
    if (!integer)
        return slice_cmp(a, b);
    memcpy(x, a.data, a.len);
    memcpy(y, b.data, b.len);
    return (atoi(x) > atoi(y)) - (atoi(x) < atoi(y));
}

static int cmp_places(bool integer, struct slice term, struct slice key, struct slice other_term,
                      struct slice other_key)
{
    int c = cmp_terms(integer, term, other_term);
    return c ? c : slice_cmp(key, other_key);
}

static bool is_wanted(const struct store_range *q, struct slice term, struct slice key)
{
    return cmp_terms(q->integer, q->min, term) <= 0 && cmp_terms(q->integer, term, q->max) <= 0 &&
           (!q->has_after || cmp_places(q->integer, term, key, q->after_term, q->after_key) > 0) &&
           (!q->has_below || cmp_places(q->integer, term, key, q->below_term, q->below_key) < 0);
}

static int cmp_hits(bool integer, const struct hit *a, const struct hit *b)
{
    return cmp_places(integer, slice_make(a->term, a->term_len), slice_make(a->key, a->key_len),
                      slice_make(b->term, b->term_len), slice_make(b->key, b->key_len));
}

static int cmp_integers(const void *a, const void *b)
{
    return cmp_hits(true, a, b);
}

static int cmp_bytes(const void *a, const void *b)
{
    return cmp_hits(false, a, b);
}

/* In order, each once. */
static void sort(struct hit *hits, size_t *count, bool integer)
{
    size_t kept = 0;
    qsort(hits, *count, sizeof *hits, integer ? cmp_integers : cmp_bytes);
    for (size_t i = 0; i < *count; i++)
        if (kept == 0 || cmp_hits(integer, &hits[kept - 1], &hits[i]) != 0)
            hits[kept++] = hits[i];
    *count = kept;
}

static void add_wanted(struct rig *r, struct hit *hits, size_t *count, struct slice key, const struct object *o)
{
    struct object_cursor c = {0};
    struct object_sibling s;
    struct store_term t;
    while (object_next(o, &c, &s))
        while (!s.tombstone && model_next_term(&s.meta, &t))
            if (slice_eq(t.index, r->range.index) && is_wanted(&r->range, t.term, key))
                add_hit(hits, count, t.term, key);
}

static void look_at(void *arg, struct slice key, const struct object *o)
{
    struct rig *r = arg;
    add_wanted(r, r->want, &r->want_count, key, o);
}

/* --- the answer --- */

static bool take_term(void *arg, struct slice term, struct slice key)
{
    struct rig *r = arg;
    add_hit(r->got, &r->got_count, term, key);
    return r->pause == 0 || ++r->since_pause < r->pause;
}

static bool take_object(void *arg, struct slice key, const struct object *o)
{
    struct rig *r = arg;
    r->whole++;
    add_wanted(r, r->got, &r->got_count, key, o);
    return r->pause == 0 || ++r->since_pause < r->pause;
}

static void ask(struct rig *r, struct slice type, struct slice bucket)
{
    const struct store_range_found found = {take_term, take_object, r};
    struct buf at;
    buf_init(&at, SIZE_MAX / 2);
    r->got_count = r->whole = 0;
    do {
        r->since_pause = 0;
        assert_int_equal(store_index_range(r->store, type, bucket, &r->range, &at, &found), 0);
    } while (buf_len(&at));
    buf_fini(&at);
}

static void compare(struct rig *r, struct slice type, struct slice bucket)
{
    uint64_t cursor = 0;
    r->want_count = 0;
    while (store_walk_objects(r->store, type, bucket, &cursor, look_at, r))
        continue;
    sort(r->want, &r->want_count, r->range.integer);
    ask(r, type, bucket);
    size_t given = r->got_count;
    if (r->whole == 0) /* they come in order, each once */
        assert_true(r->range.limit == 0 || r->pause || given <= r->range.limit);
    sort(r->got, &r->got_count, r->range.integer);
    assert_true(r->whole || given == r->got_count);
    size_t want = r->range.limit && r->range.limit < r->want_count ? r->range.limit : r->want_count;
    assert_in_range(r->got_count, want, r->want_count);
    for (size_t i = 0; i < want; i++)
        assert_int_equal(cmp_hits(r->range.integer, &r->got[i], &r->want[i]), 0);
}

/* --- random ones --- */

static struct slice random_term(struct rig *r, bool integer, char out[TERM_MAX])
{
    if (integer)
        snprintf(out, TERM_MAX, "%d", (int)rng_below(&r->script.rng, 24) - 11);
    else
        rng_fill(&r->script.rng, out, 4);
    return integer ? slice_str(out) : slice_make(out, rng_below(&r->script.rng, 4));
}

static void ask_at_random(struct rig *r)
{
    static const char *const buckets[] = {"b", "c", "d", "none"};
    char min[TERM_MAX], max[TERM_MAX], after[TERM_MAX], below[TERM_MAX], after_key[16], below_key[16];
    struct rng *g = &r->script.rng;
    bool integer = rng_below(g, 2);
    snprintf(after_key, sizeof after_key, "k%u", (unsigned)rng_below(g, r->script.keys + 1));
    snprintf(below_key, sizeof below_key, "k%u", (unsigned)rng_below(g, r->script.keys + 1));
    r->range = (struct store_range){.index = slice_str(integer ? "n_int" : "a_bin"),
                                    .integer = integer,
                                    .min = random_term(r, integer, min),
                                    .max = random_term(r, integer, max),
                                    .has_after = rng_below(g, 3) == 0,
                                    .after_term = random_term(r, integer, after),
                                    .after_key = slice_str(after_key),
                                    .has_below = rng_below(g, 3) == 0,
                                    .below_term = random_term(r, integer, below),
                                    .below_key = slice_str(below_key),
                                    .limit = rng_below(g, 2) * rng_below(g, 10)};
    if (!integer && rng_below(g, 4) == 0)
        r->range.min = slice_make(NULL, 0);
    r->pause = (unsigned)rng_below(g, 4);
    compare(r, slice_str(rng_below(g, 2) ? "t" : ""), slice_str(buckets[rng_below(g, 4)]));
}

static uint64_t from_environment(const char *name, uint64_t standard)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : standard;
}

static void run(uint64_t seed, uint64_t steps, unsigned keys)
{
    struct rig *r = rig_create(seed, keys);
    printf("seed %llu, %llu steps, %u keys\n", (unsigned long long)seed, (unsigned long long)steps, keys);
    for (uint64_t i = 0; i < steps; i++) {
        struct store_command c;
        struct store_result result;
        script_next(&r->script, &r->model, &c);
        c.meta.bytes.len = c.meta.bytes.len > 40 && i % 50 ? 40 : c.meta.bytes.len;
        store_apply(r->store, &c, &result);
        if (i % 20 == 0)
            ask_at_random(r);
        if (i % 1000 == 0)
            store_check(r->store);
    }
    store_check(r->store);
    rig_destroy(r);
}

static void test_ranges_equal_objects(void **state)
{
    uint64_t seed = from_environment("ES_SEED", 1), steps = from_environment("ES_STEPS", 10000);
    (void)state;
    run(seed, steps, 5);
    run(seed + 1, steps, 100);
}

/* --- single cases --- */

static int put(struct rig *r, const char *key, struct slice meta, uint64_t ttl_ms)
{
    struct store_result result;
    struct store_command c = {.op = STORE_PUT,
                              .stamp_ms = ++r->script.now_ms,
                              .revision = {1, 1, ++r->script.index},
                              .rules = {.siblings_max = 100, .size_max = SIZE_MAX, .ttl_ms = ttl_ms},
                              .meta.bytes = meta};
    store_key_init(&c.key, &r->script.hash_key, slice_make(NULL, 0), slice_str("b"), slice_str(key));
    return store_apply(r->store, &c, &result);
}

static void ask_all(struct rig *r)
{
    r->range = (struct store_range){
        .index = slice_str("n_int"), .integer = true, .min = slice_str("-10"), .max = slice_str("100")};
    compare(r, slice_make(NULL, 0), slice_str("b"));
}

/* The byte 4 says: an integer with no bytes of its own, but the byte after it, which is the next term's head, chooses
 * it: "4444" is one term, the number at 4 % 10. */
#define ONE_TERM slice_str("\4\4\4\4")

static void test_no_terms_no_index(void **state)
{
    struct rig *r = rig_create(1, 1);
    (void)state;
    assert_int_equal(put(r, "a", ONE_TERM, 0), 0);
    assert_int_equal(put(r, "a", slice_make(NULL, 0), 0), 0);
    size_t before = r->memory.used;
    assert_int_equal(put(r, "a", ONE_TERM, 0), 0);
    ask_all(r);
    assert_int_equal(r->got_count, 1);
    assert_in_range(r->memory.used, before + 1, before + 1024);
    assert_int_equal(put(r, "a", slice_make(NULL, 0), 0), 0);
    ask_all(r);
    assert_int_equal(r->got_count, 0);
    assert_int_equal(r->memory.used, before);
    rig_destroy(r);
}

/* What is due is not given, freed or not; and goes from the index with its record. */
static void test_due(void **state)
{
    struct rig *r = rig_create(1, 1);
    char key[16];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "%u", i);
        assert_int_equal(put(r, key, ONE_TERM, 10000), 0);
    }
    ask_all(r);
    assert_int_equal(r->got_count, 1000);
    r->script.now_ms += 20000;
    assert_int_equal(put(r, "new", ONE_TERM, 0), 0);
    ask_all(r);
    assert_int_equal(r->got_count, 1);
    store_check(r->store);
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(put(r, "new", ONE_TERM, 0), 0);
    struct store_stats stats;
    store_stats_get(r->store, &stats);
    assert_int_equal(stats.keys, 1);
    store_check(r->store);
    ask_all(r);
    assert_int_equal(r->got_count, 1);
    rig_destroy(r);
}

/* An object with many terms has one entry, and is looked at. */
static void test_whole_object(void **state)
{
    struct rig *r = rig_create(1, 1);
    uint8_t meta[4096];
    (void)state;
    for (size_t i = 0; i < sizeof meta; i++)
        meta[i] = (uint8_t)(i % 2 ? i / 3 : 1);
    assert_int_equal(put(r, "few", ONE_TERM, 0), 0);
    assert_int_equal(put(r, "many", slice_make(meta, sizeof meta), 0), 0);
    r->range = (struct store_range){.index = slice_str("a_bin"), .min = slice_str(""), .max = slice_str("\x7f")};
    compare(r, slice_make(NULL, 0), slice_str("b"));
    assert_int_equal(r->whole, 1);
    assert_in_range(r->got_count, 100, 129);
    assert_int_equal(put(r, "many", ONE_TERM, 0), 0);
    compare(r, slice_make(NULL, 0), slice_str("b"));
    assert_int_equal(r->whole, 0);
    store_check(r->store);
    rig_destroy(r);
}

/* R-MEMORY: a put is refused that has room for itself, but not for its terms. */
static void test_admission_counts_terms(void **state)
{
    struct rig *r = rig_create(1, 1);
    uint8_t meta[400];
    struct store_command c = {.op = STORE_PUT};
    (void)state;
    for (size_t i = 0; i < sizeof meta; i++)
        meta[i] = (uint8_t)(i % 4 ? i / 4 : 3);
    store_key_init(&c.key, &r->script.hash_key, slice_make(NULL, 0), slice_str("b"), slice_str("key"));
    c.meta.bytes = slice_make(meta, 300);
    size_t before = r->memory.used;
    assert_int_equal(put(r, "key", slice_make(meta, 300), 0), 0);
    size_t taken = r->memory.used - before;
    r->memory.limit = r->memory.used + taken;
    store_key_init(&c.key, &r->script.hash_key, slice_make(NULL, 0), slice_str("b"), slice_str("yek"));
    assert_int_equal(store_admit(r->store, &c), E_FULL);
    r->memory.limit = r->memory.used + 20000;
    assert_int_equal(store_admit(r->store, &c), 0);
    r->memory.limit = r->memory.used;
    store_key_init(&c.key, &r->script.hash_key, slice_make(NULL, 0), slice_str("b"), slice_str("key"));
    assert_int_equal(store_admit(r->store, &c), 0); /* it replaces as much */
    rig_destroy(r);
}

/* Whichever allocation fails, the write has no effect, and the index agrees with the objects. */
static void test_without_memory(void **state)
{
    struct rig *r = rig_create(3, 20);
    unsigned failures = 0;
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        struct store_command c;
        struct store_result result;
        script_next(&r->script, &r->model, &c);
        c.meta.bytes.len = c.meta.bytes.len > 40 ? 40 : c.meta.bytes.len;
        failing_alloc_start(1 + i % 5);
        int err = store_apply(r->store, &c, &result);
        failing_alloc_stop();
        failures += err == E_NOMEM;
        if (err == E_NOMEM || i % 100 == 0)
            store_check(r->store);
    }
    assert_in_range(failures, 10, 3000);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_equal_objects),
        cmocka_unit_test(test_no_terms_no_index),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_whole_object),
        cmocka_unit_test(test_admission_counts_terms),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
