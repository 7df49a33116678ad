/* SPDX-License-Identifier: Apache-2.0 */
/* The meta state: what each command does. */
#include "meta_rig.h"

#include "support.h"

/* --- members --- */

static void test_r_id_ids_are_never_given_out_again(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    struct meta_command phantom = {.kind = META_TAKE_ID};
    uint64_t last = s->next_id - 1;
    (void)state;
    assert_int_equal(last, 3 + 3 * META_PARTITIONS_MAX);
    assert_int_equal(meta_state_apply(s, &phantom), 0);
    assert_int_equal(phantom.member, ++last);
    assert_int_equal(meta_rig_join(s, 4), ++last);
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_REMOVE_MEMBER, .member = last}), 0);
    assert_int_equal(meta_rig_join(s, 5), ++last);
    meta_rig_change(s, 0, CHANGE_ADD, last);
    uint64_t replica = s->partition[0].replica[3].id;
    assert_int_equal(replica, ++last);
    meta_rig_change(s, 0, CHANGE_REMOVE, replica);
    meta_rig_change(s, 0, CHANGE_GONE, replica);
    meta_rig_change(s, 0, CHANGE_ADD, 5 + 3 * META_PARTITIONS_MAX + 1);
    assert_int_equal(s->partition[0].replica[3].id, last + 1);
    assert_int_equal(meta_rig_rebuild(s, 1, 0, 1), 0);
    assert_int_equal(s->partition[1].replica[0].id, last + 2);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_an_admission(void **state)
{
    struct meta_state *s = meta_rig_empty_state();
    struct meta_command m = {.kind = META_ADD_MEMBER, .who = meta_rig_somebody(9)};
    (void)state;
    m.who.id = 99;
    m.who.state = MEMBER_LEAVING;
    assert_int_equal(meta_state_apply(s, &m), 0);
    assert_int_equal(m.member, 1);
    const struct member *who = meta_member(s, 1);
    assert_non_null(who);
    assert_int_equal(who->state, MEMBER_LIVE);
    assert_string_equal(who->address, "10.0.0.1");
    assert_string_equal(who->place, "place");
    assert_int_equal(who->epmd_port, 4369);
    assert_int_equal(who->handoff_port, 8099);
    assert_ptr_equal(meta_member_by_incarnation(s, m.who.incarnation), who);
    assert_int_equal(meta_state_apply(s, &m), E_EXISTS);
    assert_null(meta_member(s, 99));
    for (unsigned i = 1; i < META_MEMBERS_MAX; i++)
        meta_rig_join(s, 100 + i);
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_ADD_MEMBER, .who = meta_rig_somebody(500)}),
                     E_TOO_MANY);
    assert_int_equal(s->member_count, META_MEMBERS_MAX);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_r_lease_a_dead_incarnation_is_not_admitted_again(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    struct member gone = meta_rig_somebody(2);
    (void)state;
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_REMOVE_MEMBER, .member = 2}), 0);
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_REMOVE_MEMBER, .member = 2}), E_NOT_FOUND);
    assert_null(meta_member(s, 2));
    assert_true(meta_is_dead(s, gone.incarnation));
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_ADD_MEMBER, .who = gone}), E_DENIED);
    assert_non_null(meta_member(s, 1));
    assert_non_null(meta_member(s, 3));
    /* The latest who died are remembered, as many as there can be members. */
    for (unsigned i = 0; i < META_MEMBERS_MAX; i++) {
        uint64_t id = meta_rig_join(s, 100 + i);
        assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_REMOVE_MEMBER, .member = id}), 0);
    }
    assert_int_equal(s->dead_count, META_MEMBERS_MAX);
    assert_false(meta_is_dead(s, gone.incarnation));
    assert_true(meta_is_dead(s, meta_rig_somebody(100).incarnation));
    assert_true(meta_is_dead(s, meta_rig_somebody(163).incarnation));
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_leaving(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    (void)state;
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_LEAVE, .member = 8}), E_NOT_FOUND);
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_LEAVE, .member = 2}), 0);
    assert_int_equal(meta_member(s, 2)->state, MEMBER_LEAVING);
    assert_int_equal(meta_member(s, 1)->state, MEMBER_LIVE);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

/* --- partitions --- */

static void test_creating(void **state)
{
    struct meta_state *s = meta_rig_created_state(5);
    struct meta_command again = {.kind = META_CREATE};
    (void)state;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        const struct partition_map *p = &s->partition[i];
        assert_int_equal(p->generation, 1);
        assert_int_equal(p->leader, 1);
        assert_int_equal(p->donor, 0);
        assert_int_equal(p->replica_count, 3);
        assert_int_equal(p->birth_count, 3);
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(p->replica[k].id, 6 + 3 * i + k);
            assert_int_equal(p->birth[k], p->replica[k].id);
            assert_int_equal(p->replica[k].member, k + 1);
            assert_int_equal(p->replica[k].state, REPLICA_PRESENT);
        }
    }
    assert_int_equal(meta_state_apply(s, &again), E_EXISTS);
    meta_rig_destroy(s);
}

static void test_nothing_but_members_each_once_can_be_given_partitions(void **state)
{
    static const uint64_t bad[][2] = {{1, 1}, {1, 9}, {0, 1}};
    struct meta_state *s = meta_rig_empty_state();
    struct meta_command m = {.kind = META_CREATE};
    (void)state;
    meta_rig_join(s, 1);
    meta_rig_join(s, 2);
    assert_int_equal(meta_state_apply(s, &m), E_INVALID); /* no replicas */
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < META_PARTITIONS_MAX; k++) {
            m.create[k].count = 2;
            m.create[k].member[0] = 1;
            m.create[k].member[1] = 2;
        }
        memcpy(m.create[META_PARTITIONS_MAX - 1].member, bad[i], sizeof bad[i]);
        assert_int_equal(meta_state_apply(s, &m), E_INVALID);
        assert_int_equal(s->partition[0].generation, 0); /* all or none */
        assert_int_equal(s->next_id, 3);
    }
    meta_rig_destroy(s);
}

static void test_before_they_are_created_partitions_do_not_change(void **state)
{
    struct meta_state *s = meta_rig_empty_state();
    (void)state;
    meta_rig_join(s, 1);
    meta_rig_change(s, 5, CHANGE_ADD, 1);
    meta_rig_change(s, 5, CHANGE_LEADER, 1);
    assert_int_equal(meta_rig_rebuild(s, 5, 0, 1), E_MODIFIED);
    assert_int_equal(s->partition[5].replica_count, 0);
    assert_int_equal(s->partition[5].leader, 0);
    assert_int_equal(s->next_id, 2);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_r_id_births_never_change(void **state)
{
    struct meta_state *s = meta_rig_created_state(5);
    struct partition_map *p = &s->partition[7];
    uint64_t birth[3];
    (void)state;
    memcpy(birth, p->birth, sizeof birth);
    meta_rig_change(s, 7, CHANGE_ADD, 4);
    meta_rig_change(s, 7, CHANGE_PRESENT, p->replica[3].id);
    meta_rig_change(s, 7, CHANGE_REMOVE, p->replica[0].id);
    meta_rig_change(s, 7, CHANGE_GONE, p->replica[0].id);
    assert_int_equal(p->birth_count, 3);
    assert_memory_equal(p->birth, birth, sizeof birth);
    meta_rig_destroy(s);
}

static void test_the_life_of_a_replica(void **state)
{
    struct meta_state *s = meta_rig_created_state(5);
    struct partition_map *p = &s->partition[7];
    (void)state;
    meta_rig_change(s, 7, CHANGE_ADD, 4);
    assert_int_equal(p->replica_count, 4);
    const struct replica *r = meta_replica_of(p, 4);
    uint64_t id = r->id;
    assert_ptr_equal(meta_replica(p, id), r);
    assert_int_equal(r->state, REPLICA_ADDING);
    meta_rig_change(s, 7, CHANGE_ADD, 4);   /* it has one */
    meta_rig_change(s, 7, CHANGE_GONE, id); /* not before it is taken out */
    assert_int_equal(p->replica_count, 4);
    meta_rig_change(s, 7, CHANGE_PRESENT, id);
    assert_int_equal(meta_replica(p, id)->state, REPLICA_PRESENT);
    meta_rig_change(s, 7, CHANGE_LEADER, 4);
    assert_int_equal(p->leader, 4);
    meta_rig_change(s, 7, CHANGE_LEADER, 5); /* has no replica */
    assert_int_equal(p->leader, 4);
    meta_rig_change(s, 7, CHANGE_REMOVE, id);
    assert_int_equal(meta_replica(p, id)->state, REPLICA_REMOVING);
    meta_rig_change(s, 7, CHANGE_PRESENT, id); /* needed again */
    assert_int_equal(meta_replica(p, id)->state, REPLICA_PRESENT);
    meta_rig_change(s, 7, CHANGE_REMOVE, id);
    meta_rig_change(s, 7, CHANGE_ADD, 4); /* another may come while it goes */
    const struct replica *coming = meta_replica_of(p, 4);
    assert_int_not_equal(coming->id, id);
    meta_rig_change(s, 7, CHANGE_PRESENT, id); /* but then it does not come back */
    assert_int_equal(meta_replica(p, id)->state, REPLICA_REMOVING);
    meta_rig_change(s, 7, CHANGE_GONE, id);
    assert_null(meta_replica(p, id));
    assert_int_equal(p->replica_count, 4);
    meta_rig_change(s, 7, CHANGE_PRESENT, id); /* gone */
    meta_rig_change(s, 7, CHANGE_REMOVE, id);
    meta_rig_change(s, 7, CHANGE_GONE, id);
    meta_rig_change(s, 7, CHANGE_ADD, 99);                  /* nobody */
    meta_rig_change(s, META_PARTITIONS_MAX, CHANGE_ADD, 5); /* nowhere */
    meta_rig_change(s, UINT16_MAX, CHANGE_ADD, 5);
    assert_int_equal(p->replica_count, 4);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_replicas_have_a_bound(void **state)
{
    struct meta_state *s = meta_rig_created_state(META_REPLICAS_MAX + 3);
    struct partition_map *p = &s->partition[0];
    (void)state;
    for (uint64_t member = 4; member <= META_REPLICAS_MAX + 3; member++)
        meta_rig_change(s, 0, CHANGE_ADD, member);
    assert_int_equal(p->replica_count, META_REPLICAS_MAX);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_r_rebuild_what_survives_is_frozen_until_the_new_one_is_whole(void **state)
{
    struct meta_state *s = meta_rig_created_state(5);
    struct partition_map *p = &s->partition[3];
    uint64_t donor = p->replica[1].id, other = p->replica[2].id;
    (void)state;
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_REMOVE_MEMBER, .member = 1}), 0);
    assert_int_equal(meta_rig_rebuild(s, 3, donor, 3), E_INVALID); /* the donor is not there */
    assert_int_equal(meta_rig_rebuild(s, 3, 9999, 2), E_INVALID);
    assert_int_equal(meta_rig_rebuild(s, 3, donor, 1), E_INVALID); /* dead */
    assert_int_equal(meta_rig_rebuild(s, 3, donor, 2), 0);
    assert_int_equal(p->generation, 2);
    assert_int_equal(p->donor, donor);
    assert_int_equal(p->leader, 2);
    assert_int_equal(p->replica_count, 1);
    assert_int_equal(p->replica[0].state, REPLICA_PRESENT);
    assert_int_equal(p->birth_count, 1);
    assert_int_equal(p->birth[0], p->replica[0].id);
    assert_int_equal(p->frozen_count, 2); /* of the dead nothing is left */
    assert_int_equal(p->frozen[0].id, donor);
    assert_int_equal(p->frozen[1].id, other);
    assert_int_equal(s->lost, 0);
    struct meta_command whole = {.kind = META_WHOLE, .partition = 3, .generation = 1};
    assert_int_equal(meta_state_apply(s, &whole), E_MODIFIED);
    assert_int_equal(p->frozen_count, 2);
    meta_rig_expect_copy(s);
    whole.generation = 2;
    assert_int_equal(meta_state_apply(s, &whole), 0);
    assert_int_equal(p->frozen_count, 0);
    whole.partition = META_PARTITIONS_MAX;
    assert_int_equal(meta_state_apply(s, &whole), E_MODIFIED);
    meta_rig_destroy(s);
}

static void test_r_rebuild_of_what_is_older_has_no_effect(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    struct meta_command m = {.kind = META_REBUILD, .partition = 3, .generation = 2};
    (void)state;
    m.create[0].member[0] = 1;
    assert_int_equal(meta_state_apply(s, &m), E_MODIFIED);
    m.partition = META_PARTITIONS_MAX;
    assert_int_equal(meta_state_apply(s, &m), E_INVALID);
    m = (struct meta_command){.kind = META_REBUILD, .partition = 3, .generation = 1};
    assert_int_equal(meta_state_apply(s, &m), E_INVALID); /* nowhere */
    assert_int_equal(s->partition[3].generation, 1);
    s->partition[3].generation = UINT32_MAX;
    assert_int_equal(meta_rig_rebuild(s, 3, 0, 1), E_TOO_MANY);
    assert_int_equal(s->partition[3].generation, UINT32_MAX);
    meta_rig_destroy(s);
}

static void test_r_rebuild_what_is_let_go_is_kept_no_more(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    struct partition_map *p = &s->partition[3];
    uint64_t first = p->replica[0].id, second = p->replica[1].id, third = p->replica[2].id;
    (void)state;
    meta_rig_change(s, 3, CHANGE_LET_GO, second); /* in use */
    assert_int_equal(p->replica_count, 3);
    assert_int_equal(meta_rig_rebuild(s, 3, first, 1), 0);
    meta_rig_change(s, 3, CHANGE_LET_GO, second);
    assert_int_equal(p->frozen_count, 2);
    assert_int_equal(p->frozen[0].id, first);
    assert_int_equal(p->frozen[1].id, third);
    meta_rig_change(s, 3, CHANGE_LET_GO, second); /* once more */
    meta_rig_change(s, 4, CHANGE_LET_GO, third);  /* of another partition */
    assert_int_equal(p->frozen_count, 2);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_r_rebuild_what_is_frozen_of_the_dead_goes(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    struct partition_map *p = &s->partition[3];
    uint64_t first = p->replica[0].id;
    (void)state;
    assert_int_equal(meta_rig_rebuild(s, 3, first, 1), 0);
    assert_int_equal(p->frozen_count, 3);
    assert_int_equal(meta_rig_apply(s, (struct meta_command){.kind = META_REMOVE_MEMBER, .member = 2}), 0);
    assert_int_equal(meta_rig_rebuild(s, 3, first, 1), 0);
    assert_int_equal(p->frozen_count, 3); /* of 1, of 3, and the second generation's of 1 */
    for (unsigned i = 0; i < p->frozen_count; i++)
        assert_int_not_equal(p->frozen[i].member, 2);
    meta_rig_destroy(s);
}

static void test_r_lost_what_began_empty_is_counted(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    (void)state;
    struct meta_command m = {.kind = META_REBUILD, .partition = 4, .generation = 1, .keys = 1000};
    m.create[0].member[0] = 2;
    assert_int_equal(meta_rig_rebuild(s, 3, 0, 2), 0);
    assert_int_equal(s->lost, 1);
    assert_int_equal(meta_state_apply(s, &m), 0);
    assert_true(s->lost == 2 && s->lost_keys == 1000 && s->lost_uncounted == 0);
    m.partition = 5;
    m.keys = UINT64_MAX; /* nobody knows */
    assert_int_equal(meta_state_apply(s, &m), 0);
    assert_true(s->lost == 3 && s->lost_keys == 1000 && s->lost_uncounted == 1);
    assert_int_equal(s->partition[3].donor, 0);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

/* Built anew over and over before it is ever whole: the latest copies are kept, and the one that it is built from. */
static void test_r_rebuild_the_oldest_makes_room(void **state)
{
    struct meta_state *s = meta_rig_created_state(3);
    struct partition_map *p = &s->partition[0];
    uint64_t donor = p->replica[0].id;
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t last = p->replica[0].id;
        assert_int_equal(meta_rig_rebuild(s, 0, donor, 1), 0);
        assert_true(p->frozen_count <= META_REPLICAS_MAX);
        assert_int_equal(p->frozen[0].id, donor);
        assert_int_equal(p->frozen[p->frozen_count - 1].id, i ? last : donor + 2);
        meta_rig_expect_copy(s);
    }
    assert_int_equal(p->frozen_count, META_REPLICAS_MAX);
    meta_rig_destroy(s);
}

static void test_r_reform_who_is_not_kept_is_dead_and_all_is_frozen(void **state)
{
    static const uint64_t kept[] = {2, 3};
    struct meta_state *s = meta_rig_created_state(5);
    (void)state;
    meta_state_reform(s, kept, 2);
    assert_int_equal(s->member_count, 2);
    assert_non_null(meta_member(s, 2));
    assert_non_null(meta_member(s, 3));
    assert_true(meta_is_dead(s, meta_rig_somebody(1).incarnation) && meta_is_dead(s, meta_rig_somebody(5).incarnation));
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        assert_int_equal(s->partition[i].generation, 1);
        assert_int_equal(s->partition[i].replica_count, 0);
        assert_int_equal(s->partition[i].frozen_count, 2);
        assert_int_equal(s->partition[i].frozen[0].member, 2);
    }
    meta_rig_expect_copy(s);
    assert_int_equal(meta_rig_rebuild(s, 0, s->partition[0].frozen[1].id, 3), 0);
    assert_int_equal(s->partition[0].generation, 2);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
    s = meta_rig_empty_state(); /* of what was not created there is nothing */
    meta_state_reform(s, kept, 0);
    assert_int_equal(s->partition[0].frozen_count, 0);
    meta_rig_destroy(s);
}

/* --- the catalog --- */

static void test_changes_of_the_catalog(void **state)
{
    struct meta_state *s = meta_rig_empty_state();
    struct bucket_props got;
    (void)state;
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_SET_TYPE, "t", "", &meta_rig_many), E_NOT_FOUND);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_CREATE_TYPE, "t", "", &meta_rig_many), 0);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_CREATE_TYPE, "t", "", &meta_rig_many), E_EXISTS);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_SET_TYPE, "t", "", &meta_rig_many), 0);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_SET_BUCKET, "t", "b", &meta_rig_many), 0);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_SET_BUCKET, "", "b", &meta_rig_many), 0);
    assert_int_equal(catalog_get_bucket(s->catalog, slice_str("t"), slice_str("b"), &got), 0);
    assert_int_equal(got.n_val, 5);
    meta_rig_expect_copy(s);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_RESET_BUCKET, "", "b", NULL), 0);
    assert_int_equal(catalog_get_bucket(s->catalog, slice_str(""), slice_str("b"), &got), 0);
    assert_int_equal(got.n_val, 3);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_changes_of_users(void **state)
{
    struct meta_state *s = meta_rig_empty_state();
    struct security_change add = {.act = SECURITY_ADD, .role = ROLE_USER, .name = "joe"},
                           grant = {.act = SECURITY_GRANT, .role = ROLE_USER, .name = "joe", .permissions = 1};
    (void)state;
    assert_int_equal(meta_rig_change_security(s, &grant), E_NOT_FOUND);
    assert_int_equal(meta_rig_change_security(s, &add), 0);
    assert_int_equal(meta_rig_change_security(s, &add), E_EXISTS);
    assert_int_equal(meta_rig_change_security(s, &grant), 0);
    add.name[0] = 'J';
    assert_int_equal(meta_rig_change_security(s, &add), E_INVALID);
    meta_rig_expect_copy(s);
    meta_rig_destroy(s);
}

static void test_what_is_no_change_of_the_catalog(void **state)
{
    static const char *const none[] = {"", "\x04", "\x00", "\x01\x0a", "\x05"};
    struct meta_state *s = meta_rig_empty_state();
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct meta_command m = {.kind = META_CATALOG, .body = slice_make(none[i], i == 2 ? 1 : strlen(none[i]))};
        assert_int_equal(meta_state_apply(s, &m), E_MALFORMED);
    }
    meta_rig_destroy(s);
}

static void test_r_memory_what_is_committed_is_applied_over_the_limit(void **state)
{
    struct meta_state *s = meta_rig_empty_state();
    (void)state;
    size_t limit = meta_rig_memory.limit;
    meta_rig_memory.limit = 1;
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_CREATE_TYPE, "t", "", &meta_rig_many), 0);
    assert_int_equal(meta_rig_change_catalog(s, CATALOG_SET_TYPE, "", "", &meta_rig_many), 0);
    for (unsigned i = 0; i < 100; i++) {
        char name[2] = {(char)(1 + i), 0};
        assert_int_equal(meta_rig_change_catalog(s, CATALOG_SET_BUCKET, "t", name, &meta_rig_many), 0);
    }
    assert_int_equal(meta_rig_memory.limit, 1);
    meta_rig_expect_copy(s);
    assert_int_equal(meta_rig_memory.limit, 1);
    meta_rig_memory.limit = limit;
    meta_rig_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_r_id_ids_are_never_given_out_again),
        cmocka_unit_test(test_an_admission),
        cmocka_unit_test(test_r_lease_a_dead_incarnation_is_not_admitted_again),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_creating),
        cmocka_unit_test(test_nothing_but_members_each_once_can_be_given_partitions),
        cmocka_unit_test(test_before_they_are_created_partitions_do_not_change),
        cmocka_unit_test(test_r_id_births_never_change),
        cmocka_unit_test(test_the_life_of_a_replica),
        cmocka_unit_test(test_replicas_have_a_bound),
        cmocka_unit_test(test_r_rebuild_what_survives_is_frozen_until_the_new_one_is_whole),
        cmocka_unit_test(test_r_rebuild_of_what_is_older_has_no_effect),
        cmocka_unit_test(test_r_rebuild_what_is_let_go_is_kept_no_more),
        cmocka_unit_test(test_r_rebuild_what_is_frozen_of_the_dead_goes),
        cmocka_unit_test(test_r_lost_what_began_empty_is_counted),
        cmocka_unit_test(test_r_rebuild_the_oldest_makes_room),
        cmocka_unit_test(test_r_reform_who_is_not_kept_is_dead_and_all_is_frozen),
        cmocka_unit_test(test_changes_of_the_catalog),
        cmocka_unit_test(test_changes_of_users),
        cmocka_unit_test(test_what_is_no_change_of_the_catalog),
        cmocka_unit_test(test_r_memory_what_is_committed_is_applied_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
