/* SPDX-License-Identifier: Apache-2.0 */
/* The meta state as bytes: that commands in any order leave a state that can be copied, and that a copy is refused
 * which no commands could have made. */
#include "meta_rig.h"

#include "base/rng.h"
#include "support.h"

#include <stdlib.h>

/* --- commands as bytes --- */

static void expect_command(struct meta_command *m)
{
    struct meta_command *got = calloc(1, sizeof *got);
    struct buf b, again;
    buf_init(&b, 1 << 20);
    buf_init(&again, 1 << 20);
    struct coder w = coder_writer(&b), w2 = coder_writer(&again);
    code_meta_command(&w, m);
    assert_int_equal(coder_end(&w), 0);
    struct coder r = coder_reader(buf_slice(&b));
    code_meta_command(&r, got);
    assert_int_equal(coder_end(&r), 0);
    code_meta_command(&w2, got);
    assert_slice_equal(buf_slice(&b), buf_slice(&again));
    for (size_t n = 0; n < buf_len(&b); n++) {
        r = coder_reader(slice_make(buf_slice(&b).data, n));
        code_meta_command(&r, got);
        assert_int_equal(coder_end(&r), E_MALFORMED);
    }
    free(got);
    buf_fini(&b);
    buf_fini(&again);
}

static void test_commands_are_written_and_read(void **state)
{
    struct meta_command m = {.kind = META_ADD_MEMBER, .member = 5, .who = meta_rig_somebody(9)};
    (void)state;
    expect_command(&m);
    for (unsigned kind = 0; kind <= META_COMMAND_MAX; kind++) {
        m = (struct meta_command){.kind = kind,
                                  .member = 6,
                                  .partition = 7,
                                  .generation = 8,
                                  .donor = 9,
                                  .count = 2,
                                  .change = {{1, CHANGE_ADD, 10}, {2, REPLICA_CHANGE_MAX, 11}},
                                  .body = slice_str("body"),
                                  .random = {14, 15},
                                  .time_ms = 16};
        m.create[0].count = 2;
        m.create[0].member[0] = 12;
        m.create[0].member[1] = 13;
        expect_command(&m);
    }
    const uint8_t unknown[] = {META_COMMAND_MAX + 1, 0, 0, 0, 0, 0, 0, 0, 0};
    struct coder r = coder_reader(slice_make(unknown, sizeof unknown));
    code_meta_command(&r, &m);
    assert_int_equal(coder_end(&r), E_MALFORMED);
}

/* --- any commands --- */

static uint64_t some_member(struct rng *r, const struct meta_state *s)
{
    if (s->member_count == 0 || rng_below(r, 20) == 0)
        return rng_below(r, s->next_id + 2);
    return s->member[rng_below(r, s->member_count)].id;
}

static uint64_t some_replica(struct rng *r, const struct partition_map *p)
{
    if (p->replica_count == 0 || rng_below(r, 20) == 0)
        return rng_below(r, 1000);
    return p->replica[rng_below(r, p->replica_count)].id;
}

static void make_create(struct rng *r, const struct meta_state *s, struct meta_command *m)
{
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        m->create[i].count = 1;
        m->create[i].member[0] = s->member_count ? s->member[rng_below(r, s->member_count)].id : 1;
    }
}

static void make_changes(struct rng *r, const struct meta_state *s, struct meta_command *m)
{
    m->count = 1 + (unsigned)rng_below(r, 8);
    for (unsigned i = 0; i < m->count; i++) {
        unsigned partition = (unsigned)rng_below(r, 4), what = (unsigned)rng_below(r, REPLICA_CHANGE_MAX + 1);
        bool of_member = what == CHANGE_ADD || what == CHANGE_LEADER;
        m->change[i] = (struct meta_change){(uint16_t)partition, what,
                                            of_member ? some_member(r, s) : some_replica(r, &s->partition[partition])};
    }
}

static void make_rebuild(struct rng *r, const struct meta_state *s, struct meta_command *m)
{
    m->partition = (uint16_t)rng_below(r, 4);
    const struct partition_map *p = &s->partition[m->partition];
    const struct replica *donor = NULL;
    if (p->frozen_count && rng_below(r, 2))
        donor = &p->frozen[rng_below(r, p->frozen_count)];
    else if (p->replica_count)
        donor = &p->replica[rng_below(r, p->replica_count)];
    m->generation = p->generation - (rng_below(r, 10) == 0);
    m->donor = donor && rng_below(r, 3) ? donor->id : 0;
    m->create[0].member[0] = m->donor ? donor->member : some_member(r, s);
}

static void make_security(struct rng *r, struct buf *b, struct meta_command *m)
{
    static const char *const names[] = {"a", "b", "c"};
    struct security_change c = {.act = (enum security_act)(1 + rng_below(r, SECURITY_ACT_MAX)),
                                .role = rng_below(r, 3) ? ROLE_USER : ROLE_GROUP,
                                .permissions = (uint32_t)rng_below(r, PERMISSIONS_ALL) + 1,
                                .range = "10.0.0.0/8",
                                .method = (uint32_t)rng_below(r, METHOD_MAX) + 1};
    strcpy(c.name, names[rng_below(r, 3)]);
    c.configured = c.role == ROLE_USER && rng_below(r, 2);
    c.has_groups = c.act <= SECURITY_ALTER && rng_below(r, 2);
    c.group_count = c.has_groups;
    strcpy(c.group[0].name, names[rng_below(r, 3)]);
    strcpy(c.type, rng_below(r, 2) ? "t" : "");
    assert_int_equal(catalog_security_encode(b, &c), 0);
    m->body = buf_slice(b);
}

static void make_catalog(struct rng *r, struct buf *b, struct meta_command *m)
{
    static const char *const types[] = {"", "a", "b"};
    char bucket[2] = {(char)('a' + rng_below(r, 26)), 0};
    struct bucket_props props = meta_rig_many;
    props.n_val = (uint32_t)rng_below(r, 7) + 1;
    buf_consume(b, buf_len(b));
    enum catalog_change what = (enum catalog_change)rng_below(r, CATALOG_CHANGE_MAX + 1);
    if (what == CATALOG_SECURITY) {
        make_security(r, b, m);
        return;
    }
    assert_int_equal(catalog_change_encode(b, what, slice_str(types[rng_below(r, 3)]), slice_str(bucket), &props), 0);
    m->body = buf_slice(b);
}

static void make_rotation(struct rng *r, const struct meta_state *s, struct meta_command *m)
{
    m->generation = s->tickets.generation + (rng_below(r, 5) == 0);
    rng_fill(r, m->random, sizeof m->random);
    m->time_ms = rng_below(r, 10) ? rng_below(r, 1000) : UINT64_MAX;
}

static void make_command(struct rng *r, const struct meta_state *s, struct buf *b, struct meta_command *m)
{
    *m = (struct meta_command){.kind = (unsigned)rng_below(r, META_COMMAND_MAX + 1)};
    if (m->kind == META_REMOVE_MEMBER && rng_below(r, 3))
        m->kind = META_REPLICAS;
    m->member = some_member(r, s);
    m->who = meta_rig_somebody((unsigned)rng_below(r, 40));
    if (m->kind == META_CREATE)
        make_create(r, s, m);
    else if (m->kind == META_REPLICAS)
        make_changes(r, s, m);
    else if (m->kind == META_REBUILD || m->kind == META_WHOLE)
        make_rebuild(r, s, m);
    else if (m->kind == META_TICKETS)
        make_rotation(r, s, m);
    else if (m->kind == META_CATALOG)
        make_catalog(r, b, m);
}

static void expect_r_id(const struct meta_state *s, uint64_t *next_id)
{
    assert_true(s->next_id >= *next_id);
    *next_id = s->next_id;
}

/* The same commands make the same state: on two nodes, and on one that was given a copy in between. */
static void run_any(uint64_t seed)
{
    struct meta_state *a = meta_rig_empty_state(), *b = meta_rig_empty_state();
    struct rng rng;
    struct buf body;
    uint64_t next_id = 0;
    rng_seed(&rng, seed);
    buf_init(&body, 1 << 20);
    for (unsigned i = 0; i < 400; i++) {
        struct meta_command m, same;
        make_command(&rng, a, &body, &m);
        same = m;
        assert_int_equal(meta_state_apply(a, &m), meta_state_apply(b, &same));
        assert_int_equal(m.member, same.member);
        expect_r_id(a, &next_id);
        if (rng_below(&rng, 20) == 0) {
            struct meta_state *copy;
            assert_int_equal(meta_rig_copy_of(b, &copy), 0);
            meta_state_destroy(&b);
            b = copy;
        }
        if (rng_below(&rng, 100) == 0 && a->member_count > 2) {
            uint64_t kept[] = {a->member[0].id, a->member[a->member_count - 1].id};
            meta_state_reform(a, kept, 2);
            meta_state_reform(b, kept, 2);
        }
    }
    meta_rig_expect_equal(a, b);
    meta_rig_expect_copy(a);
    buf_fini(&body);
    meta_state_destroy(&a);
    meta_rig_destroy(b);
}

static void test_any_commands_make_a_state_that_can_be_copied(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++)
        run_any(seed);
}

/* --- copies that no commands have made --- */

static void expect_refused(struct meta_state *s)
{
    struct meta_state *copy;
    assert_int_equal(meta_rig_copy_of(s, &copy), E_MALFORMED);
    assert_null(copy);
    meta_rig_destroy(s);
}

#define REFUSED(...)                                                                                                   \
    do {                                                                                                               \
        struct meta_state *s = meta_rig_created_state(5);                                                              \
        __VA_ARGS__;                                                                                                   \
        expect_refused(s);                                                                                             \
    } while (0)

static void test_settings_must_be_sane(void **state)
{
    (void)state;
    REFUSED(s->settings.expected = 0);
    REFUSED(s->settings.expected = META_MEMBERS_MAX + 1);
    REFUSED(s->settings.replicas = 0);
    REFUSED(s->settings.replicas = PLACEMENT_REPLICAS_MAX + 1);
    REFUSED(s->settings.partitions = 0);
    REFUSED(s->settings.partitions = META_PARTITIONS_MAX + 1);
    REFUSED(s->settings.partitions = META_PARTITIONS_MAX - 1); /* there are more */
    REFUSED(s->settings.heartbeat_ms = 0);
    REFUSED(s->settings.heartbeat_ms = 101);
    REFUSED(s->settings.heartbeat_ms = UINT32_MAX);
    REFUSED(s->settings.election_ms = 299);
    REFUSED(s->settings.lease_ms = 299);
    REFUSED(s->settings.lost_after_ms = 6000);
    REFUSED(s->settings.margin_ms = UINT32_MAX);
    REFUSED(s->settings.lost_after_ms = UINT32_MAX);
    REFUSED(s->epoch = 0);
    REFUSED(s->formed_ms = UINT64_MAX);
    REFUSED(s->tickets.rotated_ms = UINT64_MAX);
}

static void test_r_id_ids_of_a_copy_were_given_out_each_once(void **state)
{
    (void)state;
    REFUSED(s->next_id = 0);
    REFUSED(s->next_id = 5);
    REFUSED(s->next_id = UINT64_MAX);
    REFUSED(s->member[1].id = 0);
    REFUSED(s->member[1].id = 1);
    REFUSED(s->member[1].id = s->next_id);
    REFUSED(s->member[1].incarnation = s->member[0].incarnation);
    REFUSED(s->dead_count = 1);
    REFUSED(s->partition[9].replica[1].id = s->partition[9].replica[0].id);
    REFUSED(s->partition[9].replica[1].id = 0);
    REFUSED(s->partition[9].replica[1].id = s->next_id);
    REFUSED(s->partition[9].replica[1].member = 0);
    REFUSED(s->partition[9].replica[1].member = s->next_id);
    REFUSED(s->partition[9].birth[1] = s->partition[9].birth[0]);
    REFUSED(s->partition[9].birth[1] = 0);
    REFUSED(s->partition[9].birth[1] = s->next_id);
    REFUSED(s->partition[9].leader = s->next_id);
    REFUSED(s->partition[9].donor = s->next_id);
    REFUSED(s->partition[9].frozen_count = 1; s->partition[9].frozen[0] = s->partition[9].replica[0]);
    REFUSED(s->partition[9].frozen_count = 1);
}

static void test_the_map_must_be_sane(void **state)
{
    (void)state;
    REFUSED(s->partition[9].birth_count = 0);
    REFUSED(s->partition[9].generation = 0);
    REFUSED(s->partition[9] = (struct partition_map){0}); /* not created, as the only one */
    REFUSED(s->partition[0] = (struct partition_map){0});
    REFUSED(s->partition[9].replica[1].member = 1); /* two of one member */
    struct meta_state *s = meta_rig_created_state(5), *copy;
    s->partition[9].replica[0].state = REPLICA_REMOVING; /* but one that goes may stand beside one that comes */
    s->partition[9].replica[1].member = 1;
    assert_int_equal(meta_rig_copy_of(s, &copy), 0);
    meta_state_destroy(&copy);
    meta_rig_destroy(s);
}

static void test_a_copy_is_whole(void **state)
{
    struct meta_state *s = meta_rig_created_state(2), *copy;
    struct buf b;
    (void)state;
    meta_rig_change_catalog(s, CATALOG_CREATE_TYPE, "t", "", &meta_rig_many);
    buf_init(&b, 1 << 20);
    assert_int_equal(meta_state_encode(s, &b), 0);
    size_t ends = 0;
    for (size_t n = 0; n < buf_len(&b); n++) {
        int err = meta_state_decode(&meta_rig_memory, slice_make(buf_slice(&b).data, n), &copy);
        if (err == 0) { /* a catalog ends behind each of its changes */
            ends++;
            meta_state_destroy(&copy);
            continue;
        }
        assert_int_equal(err, E_MALFORMED);
        assert_null(copy);
    }
    assert_int_equal(ends, 2); /* without changes, with that of the default type; not yet all */
    /* A change that is refused is none that makes a catalog. */
    struct slice whole = buf_slice(&b);
    size_t at = whole.len;
    buf_fini(&b);
    buf_init(&b, 1 << 20);
    assert_int_equal(meta_state_encode(s, &b), 0);
    struct coder c = coder_writer(&b);
    struct buf type;
    buf_init(&type, 1 << 20);
    assert_int_equal(catalog_change_encode(&type, CATALOG_CREATE_TYPE, slice_str("t"), slice_str(""), &meta_rig_many),
                     0);
    struct slice body = buf_slice(&type);
    code_slice(&c, &body);
    assert_true(buf_len(&b) > at);
    assert_int_equal(meta_state_decode(&meta_rig_memory, buf_slice(&b), &copy), E_MALFORMED);
    buf_fini(&type);
    buf_fini(&b);
    meta_rig_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_written_and_read),
        cmocka_unit_test(test_any_commands_make_a_state_that_can_be_copied),
        cmocka_unit_test(test_settings_must_be_sane),
        cmocka_unit_test(test_r_id_ids_of_a_copy_were_given_out_each_once),
        cmocka_unit_test(test_the_map_must_be_sane),
        cmocka_unit_test(test_a_copy_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
