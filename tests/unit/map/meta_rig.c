/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "meta_rig.h"

#include <stdlib.h>

struct store_memory meta_rig_memory = {0, SIZE_MAX / 2};

/* --- states --- */

struct meta_state *meta_rig_empty_state(void)
{
    static const struct hash_key key = {3, 4};
    struct meta_state *s;
    assert_int_equal(meta_state_create(&meta_rig_memory, &key, &s), 0);
    s->epoch = 7;
    s->formed_ms = 1800000000000;
    s->settings = (struct meta_settings){.expected = 5,
                                         .replicas = 3,
                                         .partitions = 64,
                                         .heartbeat_ms = 100,
                                         .election_ms = 300,
                                         .lease_ms = 5000,
                                         .margin_ms = 1000,
                                         .lost_after_ms = 60000};
    return s;
}

struct member meta_rig_somebody(unsigned number)
{
    struct member m = {.address = "10.0.0.1", .place = "place", .epmd_port = 4369, .handoff_port = 8099};
    m.incarnation.b[0] = (uint8_t)number;
    m.incarnation.b[1] = (uint8_t)(number >> 8);
    m.incarnation.b[15] = 1;
    return m;
}

int meta_rig_apply(struct meta_state *s, struct meta_command m)
{
    return meta_state_apply(s, &m);
}

uint64_t meta_rig_join(struct meta_state *s, unsigned number)
{
    struct meta_command m = {.kind = META_ADD_MEMBER, .who = meta_rig_somebody(number)};
    assert_int_equal(meta_state_apply(s, &m), 0);
    return m.member;
}

/* Members 1 to n; every partition has replicas on the first three of them. */
struct meta_state *meta_rig_created_state(unsigned n)
{
    struct meta_state *s = meta_rig_empty_state();
    struct meta_command m = {.kind = META_CREATE};
    for (unsigned i = 1; i <= n; i++)
        assert_int_equal(meta_rig_join(s, i), i);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        m.create[i].count = n < 3 ? n : 3;
        for (unsigned k = 0; k < m.create[i].count; k++)
            m.create[i].member[k] = k + 1;
    }
    assert_int_equal(meta_state_apply(s, &m), 0);
    return s;
}

void meta_rig_change(struct meta_state *s, unsigned partition, enum replica_change what, uint64_t id)
{
    struct meta_command m = {.kind = META_REPLICAS, .count = 1, .change = {{(uint16_t)partition, what, id}}};
    assert_int_equal(meta_state_apply(s, &m), 0);
}

int meta_rig_rebuild(struct meta_state *s, unsigned partition, uint64_t donor, uint64_t member)
{
    struct meta_command m = {.kind = META_REBUILD,
                             .partition = (uint16_t)partition,
                             .generation = s->partition[partition].generation,
                             .donor = donor};
    m.create[0].member[0] = member;
    return meta_state_apply(s, &m);
}

/* --- comparing --- */

static void encode_map(const struct meta_state *s, struct buf *out)
{
    struct meta_state *copy = malloc(sizeof *copy);
    *copy = *s;
    assert_int_equal(catalog_create(&meta_rig_memory, &s->key, &copy->catalog), 0);
    assert_int_equal(meta_state_encode(copy, out), 0);
    catalog_destroy(&copy->catalog);
    free(copy);
}

struct comparison {
    const struct meta_state *other;
    unsigned count;
};

static void expect_props_equal(const struct bucket_props *a, const struct bucket_props *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    assert_int_equal(catalog_change_encode(&x, 0, slice_make(NULL, 0), slice_make(NULL, 0), a), 0);
    assert_int_equal(catalog_change_encode(&y, 0, slice_make(NULL, 0), slice_make(NULL, 0), b), 0);
    assert_slice_equal(buf_slice(&x), buf_slice(&y));
    buf_fini(&x);
    buf_fini(&y);
}

static void count_type(void *arg, struct slice type)
{
    (void)type;
    ++*(unsigned *)arg;
}

static void count_override(void *arg, struct slice type, struct slice bucket, const struct bucket_props *fields)
{
    (void)bucket;
    (void)fields;
    count_type(arg, type);
}

struct pair {
    const struct catalog *a, *b;
};

static void compare_type(void *arg, struct slice type)
{
    const struct pair *p = arg;
    struct bucket_props a, b;
    if (slice_is(type, "default"))
        type = slice_make(NULL, 0);
    assert_int_equal(catalog_get_type(p->a, type, &a), 0);
    assert_int_equal(catalog_get_type(p->b, type, &b), 0);
    expect_props_equal(&a, &b);
}

static void compare_override(void *arg, struct slice type, struct slice bucket, const struct bucket_props *fields)
{
    const struct pair *p = arg;
    struct bucket_props a, b;
    (void)fields;
    if (slice_is(type, "default"))
        type = slice_make(NULL, 0);
    assert_int_equal(catalog_get_bucket(p->a, type, bucket, &a), 0);
    assert_int_equal(catalog_get_bucket(p->b, type, bucket, &b), 0);
    expect_props_equal(&a, &b);
}

static void write_security(void *arg, const struct security_change *c)
{
    assert_int_equal(catalog_security_encode(arg, c), 0);
}

static void expect_equal_rosters(const struct acl *a, const struct acl *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 24);
    buf_init(&y, 1 << 24);
    acl_each_change(a, write_security, &x);
    acl_each_change(b, write_security, &y);
    assert_slice_equal(buf_slice(&x), buf_slice(&y));
    buf_fini(&x);
    buf_fini(&y);
}

void meta_rig_expect_equal(const struct meta_state *a, const struct meta_state *b)
{
    struct buf x, y;
    unsigned counts[4] = {0};
    struct pair p = {a->catalog, b->catalog};
    buf_init(&x, 1 << 24);
    buf_init(&y, 1 << 24);
    encode_map(a, &x);
    encode_map(b, &y);
    assert_slice_equal(buf_slice(&x), buf_slice(&y));
    buf_fini(&x);
    buf_fini(&y);
    catalog_each_type(a->catalog, count_type, &counts[0]);
    catalog_each_type(b->catalog, count_type, &counts[1]);
    catalog_each_override(a->catalog, count_override, &counts[2]);
    catalog_each_override(b->catalog, count_override, &counts[3]);
    assert_int_equal(counts[0], counts[1]);
    assert_int_equal(counts[2], counts[3]);
    catalog_each_type(a->catalog, compare_type, &p);
    catalog_each_override(a->catalog, compare_override, &p);
    expect_equal_rosters(a->acl, b->acl);
}

int meta_rig_copy_of(const struct meta_state *s, struct meta_state **out)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    assert_int_equal(meta_state_encode(s, &b), 0);
    int err = meta_state_decode(&meta_rig_memory, buf_slice(&b), out);
    buf_fini(&b);
    return err;
}

void meta_rig_expect_copy(const struct meta_state *s)
{
    struct meta_state *copy;
    assert_int_equal(meta_rig_copy_of(s, &copy), 0);
    meta_rig_expect_equal(s, copy);
    meta_state_destroy(&copy);
}

void meta_rig_destroy(struct meta_state *s)
{
    meta_state_destroy(&s);
    assert_int_equal(meta_rig_memory.used, 0);
}

int meta_rig_change_security(struct meta_state *s, const struct security_change *change)
{
    struct meta_command m = {.kind = META_CATALOG};
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(catalog_security_encode(&b, change), 0);
    m.body = buf_slice(&b);
    int err = meta_state_apply(s, &m);
    buf_fini(&b);
    return err;
}

int meta_rig_change_catalog(struct meta_state *s, enum catalog_change what, const char *type, const char *bucket,
                            const struct bucket_props *props)
{
    struct meta_command m = {.kind = META_CATALOG};
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(catalog_change_encode(&b, what, slice_str(type), slice_str(bucket), props), 0);
    m.body = buf_slice(&b);
    int err = meta_state_apply(s, &m);
    buf_fini(&b);
    return err;
}

const struct bucket_props meta_rig_many = {
    .set = PROP_BIT(PROP_N_VAL) | PROP_BIT(PROP_BACKEND), .n_val = 5, .backend = {(const uint8_t *)"memory", 6}};
