/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "failing_alloc.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

/* --- a list of addresses --- */

static void test_nobody(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(r.told, 0);
    assert_int_equal(discovery_current(r.d)->count, 0);
    assert_false(discovery_current(r.d)->answered);
    discovery_start(r.d);
    assert_int_equal(r.told, 1);
    assert_seen(&r, "", 0);
    assert_true(r.view.answered);
    assert_int_equal(timers_next_ms(&r.timers), UINT64_MAX);
    rig_fini(&r);
}

static void test_addresses(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "10.0.0.2:4370,10.0.0.1,10.0.0.2,[fd00::1]:7");
    discovery_start(r.d);
    assert_int_equal(r.told, 1);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369 10.0.0.2:4370 fd00::1:7", 4);
    assert_true(r.view.authoritative);
    assert_true(r.view.answered);
    rig_pass(&r, 3600000);
    assert_int_equal(r.told, 1);
    assert_int_equal(r.asked, 0);
    rig_fini(&r);
}

static void test_without_a_resolver(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "10.0.0.1");
    discovery_destroy(&r.d);
    struct discovery_config config = {
        .peers = "10.0.0.1", .epmd_port = PORT, .timers = &r.timers, .clock = &r.clock, .found = NULL};
    assert_int_equal(discovery_create(&config, &r.d, r.why, sizeof r.why), 0);
    rig_fini(&r); /* never started */
}

static void test_bad_list(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    discovery_destroy(&r.d);
    assert_int_equal(rig_create(&r, "10.0.0.1,10.0.0.256"), E_INVALID);
    assert_null(r.d);
    assert_non_null(strstr(r.why, "entry 2, '10.0.0.256': it is neither an address nor a DNS name"));
    rig_fini(&r);
}

/* --- another list --- */

static void test_reload(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "10.0.0.1,10.0.0.2,10.0.0.3");
    discovery_start(r.d);
    assert_int_equal(discovery_reload(r.d, "10.0.0.1,10.0.0.4", r.why, sizeof r.why), 0);
    assert_int_equal(r.told, 2);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.4:4369", 2); /* a list that was read again is the word that counts */
    assert_true(r.view.authoritative);
    assert_int_equal(discovery_reload(r.d, "10.0.0.4, 10.0.0.1", r.why, sizeof r.why), 0);
    assert_int_equal(r.told, 2); /* the same */
    assert_int_equal(discovery_reload(r.d, "", r.why, sizeof r.why), 0);
    assert_seen(&r, "", 0);
    rig_fini(&r);
}

static void test_bad_reload_changes_nothing(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "10.0.0.1,a");
    discovery_start(r.d);
    assert_int_equal(discovery_reload(r.d, "10.0.0.2,b,,", r.why, sizeof r.why), E_INVALID);
    assert_non_null(strstr(r.why, "entry 3, '': it is empty"));
    assert_int_equal(r.told, 1);
    rig_answer(&r, "a", "10.0.0.9");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.9:4369", 2);
    rig_fini(&r);
}

static void test_reload_keeps_what_names_know(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a,b");
    discovery_start(r.d);
    rig_answer(&r, "a", "10.0.0.1");
    rig_answer(&r, "b", "10.0.0.2");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 2);
    assert_int_equal(discovery_reload(r.d, "c,b", r.why, sizeof r.why), 0);
    assert_int_equal(r.asked, 3); /* only the new one is asked at once */
    assert_seen(&r, "10.0.0.2:4369", 2);
    assert_false(r.view.answered);
    rig_answer(&r, "c", "10.0.0.3");
    assert_seen(&r, "10.0.0.2:4369 10.0.0.3:4369", 2);
    assert_true(r.view.answered);
    rig_pass(&r, 10000);
    assert_int_equal(r.question_count, 2); /* and a not any more */
    rig_fini(&r);
}

static void test_reload_while_a_question_is_under_way(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a,b");
    discovery_start(r.d);
    assert_int_equal(discovery_reload(r.d, "b", r.why, sizeof r.why), 0);
    assert_int_equal(r.asked, 2); /* b is being asked already */
    rig_answer(&r, "a", "10.0.0.1");
    assert_seen(&r, "", 1);
    rig_answer(&r, "b", "10.0.0.2");
    assert_seen(&r, "10.0.0.2:4369", 1);
    rig_fini(&r);
}

/* A name that is new to a node that seeks is asked as often as the others. */
static void test_reload_while_it_seeks(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    discovery_start(r.d);
    discovery_seek(r.d, true);
    assert_int_equal(discovery_reload(r.d, "a", r.why, sizeof r.why), 0);
    rig_answer(&r, "a", "10.0.0.1");
    rig_pass(&r, 500);
    assert_int_equal(r.asked, 2);
    rig_fini(&r);
}

/* --- bounds --- */

static void test_not_more_than_there_is_room_for(void **state)
{
    struct rig r;
    struct resolved many[300] = {0};
    (void)state;
    rig_init(&r, "10.9.0.1,a,b");
    discovery_start(r.d);
    for (int i = 0; i < 300; i++)
        sprintf(many[i].address, "10.0.%d.%d", i / 250, i % 250 + 1);
    rig_answer_many(&r, many, 300);
    assert_int_equal(r.view.count, 256);
    assert_non_null(strstr(r.lines, "the sources name more than 256 addresses"));
    for (int i = 0; i < 300; i++)
        sprintf(many[i].address, "10.1.%d.%d", i / 250, i % 250 + 1);
    rig_answer_many(&r, many, 300);
    assert_int_equal(r.view.count, 256);
    assert_null(strstr(strstr(r.lines, "more than 256") + 1, "more than 256")); /* said once */
    assert_non_null(strstr(r.seen, "10.9.0.1:4369"));
    rig_fini(&r);
}

/* Who is listed has a place before who is only kept. */
static void test_room_is_for_those_that_are_listed(void **state)
{
    struct rig r;
    struct resolved many[256] = {0};
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    for (int i = 0; i < 256; i++)
        sprintf(many[i].address, "10.0.%d.%d", i / 250, i % 250 + 1);
    rig_answer_many(&r, many, 256);
    assert_int_equal(r.view.listed, 256);
    rig_pass(&r, 10000);
    rig_answer(&r, "a", "10.7.0.1 10.7.0.2");
    assert_int_equal(r.view.count, 256);
    assert_int_equal(r.view.listed, 2);
    assert_non_null(strstr(r.seen, "10.7.0.1:4369 10.7.0.2:4369"));
    rig_fini(&r);
}

/* Also where the one is of another source than the other. */
static void test_room_is_for_those_that_any_source_lists(void **state)
{
    struct rig r;
    struct resolved many[200] = {0};
    (void)state;
    rig_init(&r, "a,b");
    discovery_start(r.d);
    for (int i = 0; i < 200; i++)
        sprintf(many[i].address, "10.0.0.%d", i + 1);
    rig_answer_many(&r, many, 200);
    rig_answer(&r, "b", "10.1.0.1");
    rig_pass(&r, 10000);
    rig_answer(&r, "a", "10.1.0.1"); /* 200 are kept */
    for (int i = 0; i < 200; i++)
        sprintf(many[i].address, "10.2.0.%d", i + 1);
    rig_answer_many(&r, many, 200);
    assert_int_equal(r.view.count, 256);
    size_t listed = 0;
    for (size_t i = 0; i < r.view.count; i++)
        listed += r.view.candidates[i].listed;
    assert_int_equal(listed, 201);
    rig_fini(&r);
}

/* --- memory --- */

static void test_creating_without_memory(void **state)
{
    struct rig r;
    (void)state;
    for (size_t n = 1;; n++) {
        rig_init(&r, NULL);
        discovery_destroy(&r.d);
        failing_alloc_start(n);
        int err = rig_create(&r, "10.0.0.1,a,b");
        bool failed = failing_alloc_stop();
        assert_int_equal(err, failed ? E_NOMEM : 0);
        assert_true(failed == !r.d);
        if (failed)
            assert_string_equal(r.why, "out of memory");
        rig_fini(&r);
        if (!failed) {
            assert_true(n > 4);
            break;
        }
    }
}

static void test_reloading_without_memory(void **state)
{
    struct rig r;
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed && n < 5; n++) {
        rig_init(&r, "10.0.0.1,a");
        discovery_start(r.d);
        rig_answer(&r, "a", "10.0.0.2");
        failing_alloc_start(n);
        int err = discovery_reload(r.d, "10.0.0.3,a,b", r.why, sizeof r.why);
        failed = failing_alloc_stop();
        assert_true(failed);
        assert_int_equal(err, E_NOMEM);
        assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 2);
        rig_pass(&r, 10000);
        assert_int_equal(r.question_count, 1); /* a goes on */
        rig_fini(&r);
    }
}

/* An answer for which there is no room is asked for again. */
static void test_answer_without_memory(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    failing_alloc_start(1);
    rig_answer(&r, "a", "10.0.0.1");
    assert_true(failing_alloc_stop());
    assert_seen(&r, "", 1);
    failing_alloc_start(1);
    rig_pass(&r, 500);
    assert_true(failing_alloc_stop());
    assert_int_equal(r.question_count, 0);
    rig_pass(&r, 1000);
    rig_answer(&r, "a", "10.0.0.1");
    assert_seen(&r, "10.0.0.1:4369", 1);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_without_a_resolver),
        cmocka_unit_test(test_bad_list),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_bad_reload_changes_nothing),
        cmocka_unit_test(test_reload_keeps_what_names_know),
        cmocka_unit_test(test_reload_while_a_question_is_under_way),
        cmocka_unit_test(test_reload_while_it_seeks),
        cmocka_unit_test(test_not_more_than_there_is_room_for),
        cmocka_unit_test(test_room_is_for_those_that_are_listed),
        cmocka_unit_test(test_room_is_for_those_that_any_source_lists),
        cmocka_unit_test(test_creating_without_memory),
        cmocka_unit_test(test_reloading_without_memory),
        cmocka_unit_test(test_answer_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
