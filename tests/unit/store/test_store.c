/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "store/store.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

struct rig {
    struct store_memory memory;
    struct hash_key key;
    struct store *store;
    uint64_t index, now_ms;
    struct store_result result;
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.memory = {0, SIZE_MAX / 2}, .key = {5, 6}, .index = 1, .now_ms = 1000000};
    assert_int_equal(store_create(&r->key, &r->memory, &r->store), 0);
}

static void rig_fini(struct rig *r)
{
    store_check(r->store);
    store_destroy(&r->store);
    assert_int_equal(r->memory.used, 0);
}

static struct store_command command(struct rig *r, enum store_op op, const char *key, const char *value)
{
    struct store_command c = {.op = op,
                              .stamp_ms = r->now_ms,
                              .revision = {1, 1, ++r->index},
                              .rules = {.siblings_max = 10, .size_max = 1000, .reap_ms = 3000},
                              .value.bytes = slice_str(value)};
    store_key_init(&c.key, &r->key, slice_make(NULL, 0), slice_str("b"), slice_str(key));
    return c;
}

static int apply(struct rig *r, const struct store_command *c)
{
    return store_apply(r->store, c, &r->result);
}

static int put_ttl(struct rig *r, const char *key, uint64_t ttl_ms)
{
    struct store_command c = command(r, STORE_PUT, key, "v");
    c.rules.ttl_ms = ttl_ms;
    return apply(r, &c);
}

static void tick(struct rig *r)
{
    struct store_command c = {.op = STORE_TICK, .stamp_ms = r->now_ms, .revision = {1, 1, ++r->index}};
    assert_int_equal(apply(r, &c), 0);
}

static int get(struct rig *r, const char *key, struct object *o)
{
    struct store_key k;
    store_key_init(&k, &r->key, slice_make(NULL, 0), slice_str("b"), slice_str(key));
    return store_get(r->store, &k, r->now_ms, o);
}

static void test_a_due_key_is_committed_before_it_is_denied(void **state)
{
    struct rig r;
    struct object o;
    (void)state;
    rig_init(&r);
    assert_int_equal(put_ttl(&r, "k", 100), 0);
    r.now_ms += 99;
    assert_int_equal(get(&r, "k", &o), 0);
    r.now_ms += 1;
    assert_int_equal(get(&r, "k", &o), E_DUE);
    tick(&r);
    assert_int_equal(get(&r, "k", &o), E_NOT_FOUND);
    rig_fini(&r);
}

/* R-TIME: a leader whose clock is behind does not turn time back. */
static void test_time_never_goes_back(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    tick(&r);
    r.now_ms -= 500;
    assert_int_equal(put_ttl(&r, "k", 100), 0);
    assert_int_equal(store_stamp_ms(r.store), 1000000);
    assert_int_equal(store_due_ms(r.store), 1000100);
    rig_fini(&r);
}

/* R-EPOCH: what is older than the epoch has its base revision, and a context of before removes nothing. */
static void test_epochs(void **state)
{
    struct rig r;
    struct object o;
    (void)state;
    rig_init(&r);
    struct store_command c = command(&r, STORE_PUT, "k", "old");
    assert_int_equal(apply(&r, &c), 0);
    struct revision old = r.result.object.revision;
    assert_int_equal(old.index, c.revision.index);
    c = command(&r, STORE_TICK, "k", "");
    c.revision = (struct revision){2, 1, 2};
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(get(&r, "k", &o), 0);
    assert_int_equal(o.revision.epoch, 2);
    assert_int_equal(o.revision.index, 1);
    c = command(&r, STORE_PUT, "k", "new");
    c.revision = (struct revision){2, 1, 3};
    c.rules.allow_mult = true;
    c.context = (struct store_context){CONTEXT_SEEN, old};
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(record_sibling_count(&r.result.object.record), 2);
    c.revision.index = 4;
    c.context = (struct store_context){CONTEXT_SEEN, {2, 1, 1}};
    assert_int_equal(apply(&r, &c), 0); /* has seen the old one under its base revision, not the new one */
    assert_int_equal(record_sibling_count(&r.result.object.record), 2);
    rig_fini(&r);
}

/* R-REBUILD: a partition that goes on under a higher generation, with a log that begins again. */
static void test_generations(void **state)
{
    struct rig r;
    struct object o;
    (void)state;
    rig_init(&r);
    r.index = 900;
    struct store_command c = command(&r, STORE_PUT, "k", "old");
    assert_int_equal(apply(&r, &c), 0);
    struct revision old = r.result.object.revision, base = {1, 2, 1};
    assert_int_equal(revision_cmp(store_revision(r.store), old), 0);
    c = command(&r, STORE_TICK, "", "");
    c.revision = (struct revision){1, 2, 2};
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(revision_cmp(store_revision(r.store), c.revision), 0);
    assert_int_equal(get(&r, "k", &o), 0);
    assert_int_equal(revision_cmp(o.revision, base), 0);
    c = command(&r, STORE_PUT, "k", "unmodified");
    c.condition = STORE_IF_UNMODIFIED;
    c.context = (struct store_context){CONTEXT_SEEN, old};
    c.revision = (struct revision){1, 2, 3};
    assert_int_equal(apply(&r, &c), E_MODIFIED);
    c.condition = STORE_ALWAYS; /* the old context is before the base revision: it removes nothing */
    c.rules.allow_mult = true;
    c.revision.index = 4;
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(record_sibling_count(&r.result.object.record), 2);
    c.context.seen = (struct revision){1, 2, 4};
    c.revision.index = 5;
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(record_sibling_count(&r.result.object.record), 1);
    assert_int_equal(r.result.object.revision.index, 5);
    rig_fini(&r);
}

/* A key that is due but was not freed yet is absent, in what a write finds, leaves and shows. */
static void test_what_is_due_is_not_shown(void **state)
{
    struct rig r;
    struct store_stats stats;
    char key[16];
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(put_ttl(&r, key, 100), 0);
    }
    r.now_ms += 100;
    for (int i = 1999; i >= 1990; i--) { /* far fewer than all are freed by ten writes */
        snprintf(key, sizeof key, "k%d", i);
        struct store_command c = command(&r, i % 2 ? STORE_DELETE : STORE_PUT, key, "w");
        c.condition = i % 2 ? STORE_ALWAYS : STORE_IF_ABSENT;
        assert_int_equal(apply(&r, &c), 0);
        assert_int_equal(r.result.exists, i % 2 == 0);
    }
    store_stats_get(r.store, &stats);
    assert_true(stats.keys > 1000);
    assert_int_equal(stats.keys - 5 + stats.expired, 2000);
    rig_fini(&r);
}

static void test_limits(void **state)
{
    static char large[2000];
    struct rig r;
    (void)state;
    rig_init(&r);
    memset(large, 'x', sizeof large - 1);
    struct store_command c = command(&r, STORE_PUT, "k", large);
    assert_int_equal(apply(&r, &c), E_TOO_LARGE);
    assert_int_equal(r.result.number, 1999);
    assert_false(r.result.exists);
    c = command(&r, STORE_PUT, "k", large);
    c.value.bytes.len = 1000;
    assert_int_equal(apply(&r, &c), 0);
    /* a delete is never refused, also where the object is at its limit */
    c = command(&r, STORE_DELETE, "k", "");
    c.rules.allow_mult = true;
    c.context.kind = CONTEXT_FOREIGN;
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(record_sibling_count(&r.result.object.record), 2);
    rig_fini(&r);
}

static void test_admission(void **state)
{
    static char large[600];
    struct rig r;
    (void)state;
    rig_init(&r);
    memset(large, 'x', sizeof large - 1);
    struct store_command first = command(&r, STORE_PUT, "k", large);
    assert_int_equal(apply(&r, &first), 0);
    r.memory.limit = r.memory.used;
    struct store_command more = command(&r, STORE_PUT, "k2", "v");
    assert_int_equal(store_admit(r.store, &more), E_FULL);
    struct store_command smaller = command(&r, STORE_PUT, "k", "v"), remove = command(&r, STORE_DELETE, "k", "");
    assert_int_equal(store_admit(r.store, &smaller), 0); /* needs less than what it replaces */
    smaller.rules.allow_mult = true;                     /* where it would stand beside it, it does not */
    assert_int_equal(store_admit(r.store, &smaller), E_FULL);
    assert_int_equal(store_admit(r.store, &remove), 0);
    rig_fini(&r);
}

/* A blob that comes with the command is kept, not copied, and freed with the last of its users. */
static void test_large_values_are_not_copied(void **state)
{
    struct rig r;
    struct object_cursor cursor = {0};
    struct object_sibling s;
    (void)state;
    rig_init(&r);
    struct blob *blob = blob_create(900);
    struct store_command c = command(&r, STORE_PUT, "k", "");
    c.value = (struct content_bytes){slice_make(blob->data + 50, 800), blob};
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(blob->refs, 2);
    assert_true(object_next(&r.result.object, &cursor, &s));
    assert_ptr_equal(s.value.data, blob->data + 50);
    assert_ptr_equal(s.value_blob, blob);
    c = command(&r, STORE_DELETE, "k", "");
    assert_int_equal(apply(&r, &c), 0);
    assert_int_equal(blob->refs, 1);
    blob_put(blob);
    rig_fini(&r);
}

/* However many keys are due at once, one command frees a bounded number, and all go in the end. */
static void test_mass_expiry_is_bounded(void **state)
{
    struct rig r;
    struct store_stats stats;
    char key[16];
    uint64_t left = 20000;
    unsigned ticks = 0;
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < left; i++) {
        snprintf(key, sizeof key, "k%u", i);
        assert_int_equal(put_ttl(&r, key, 1000), 0);
    }
    r.now_ms += 1000;
    while (left) {
        tick(&r);
        store_stats_get(r.store, &stats);
        assert_true(left - stats.keys < 4000);
        assert_true(stats.keys < left);
        left = stats.keys;
        ticks++;
    }
    assert_true(ticks > 5);
    assert_int_equal(stats.expired, 20000);
    assert_int_equal(stats.buckets, 0);
    assert_int_equal(store_due_ms(r.store), UINT64_MAX);
    rig_fini(&r);
}

struct names {
    unsigned char seen[3000];
    size_t count;
};

static void note_name(void *arg, struct slice name)
{
    struct names *n = arg;
    char text[16];
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    int i = atoi(text + 1);
    if (i < 1000) /* those that are there all the while */
        assert_int_equal(n->seen[i]++, 0);
    n->count++;
}

/* A key that is there all the while is listed once, though the table grows and shrinks between the steps. */
static void test_listing_while_the_table_is_resized(void **state)
{
    struct rig r;
    struct names names = {0};
    char key[16];
    uint64_t cursor = 0;
    unsigned next = 1000, gone = 1000, step = 0;
    bool more = true;
    (void)state;
    rig_init(&r);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%u", i);
        put_ttl(&r, key, 0);
    }
    while (more) {
        more = store_list_keys(r.store, slice_make(NULL, 0), slice_str("b"), &cursor, note_name, &names);
        for (int i = 0; i < 100; i++) {
            bool grow = step / 10 % 2 == 0;
            if (!grow && gone == next)
                break;
            snprintf(key, sizeof key, "k%u", grow ? next++ : gone++);
            struct store_command c = command(&r, grow ? STORE_PUT : STORE_DELETE, key, "some value");
            c.rules.reap_ms = 0;
            assert_int_equal(apply(&r, &c), 0);
        }
        step++;
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(names.seen[i], 1);
    assert_true(step > 5);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_due_key_is_committed_before_it_is_denied),
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_what_is_due_is_not_shown),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_admission),
        cmocka_unit_test(test_large_values_are_not_copied),
        cmocka_unit_test(test_mass_expiry_is_bounded),
        cmocka_unit_test(test_listing_while_the_table_is_resized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
