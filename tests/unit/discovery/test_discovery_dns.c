/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "rig.h"

#define SERVICE "_epmd._tcp.store.example"

/* --- answers --- */

static void test_a_name_with_several_addresses(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "store.example:7");
    discovery_start(r.d);
    assert_int_equal(r.told, 1);
    assert_seen(&r, "", 1); /* who names a host says that there is one */
    assert_false(r.view.answered);
    rig_answer(&r, "store.example", "10.0.0.3 10.0.0.1 10.0.0.2");
    assert_int_equal(r.told, 2);
    assert_seen(&r, "10.0.0.1:7 10.0.0.2:7 10.0.0.3:7", 3);
    assert_true(r.view.answered);
    assert_false(r.view.authoritative);
    rig_fini(&r);
}

/* Name servers turn the order of their answers: that is no change. */
static void test_same_answer_in_another_order(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    rig_answer(&r, "a", "10.0.0.1 10.0.0.2");
    rig_pass(&r, 9999);
    assert_int_equal(r.asked, 1);
    rig_pass(&r, 1);
    rig_answer(&r, "a", "10.0.0.2 10.0.0.1 10.0.0.2");
    assert_int_equal(r.told, 2);
    rig_pass(&r, 10000);
    assert_int_equal(r.asked, 3);
    rig_fini(&r);
}

static void test_a_host_of_two_kinds_counts_once(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a,b");
    discovery_start(r.d);
    rig_answer(&r, "a", "10.0.0.1 fd00::1");
    rig_answer(&r, "b", "fd00::2");
    assert_seen(&r, "10.0.0.1:4369 fd00::1:4369 fd00::2:4369", 2);
    rig_fini(&r);
}

static void test_addresses_of_several_sources_count_once(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "10.0.0.1,10.0.0.2,a,b");
    discovery_start(r.d);
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 4);
    assert_false(r.view.authoritative);
    rig_answer(&r, "a", "10.0.0.2");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369", 3);
    rig_answer(&r, "b", "10.0.0.2 10.0.0.3 10.0.0.1");
    assert_seen(&r, "10.0.0.1:4369 10.0.0.2:4369 10.0.0.3:4369", 3);
    assert_true(r.view.answered);
    rig_fini(&r);
}

static void test_a_service(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "srv:" SERVICE);
    discovery_start(r.d);
    assert_seen(&r, "", 0);
    rig_answer_service(&r, SERVICE, "10.0.0.1", 31000);
    assert_seen(&r, "10.0.0.1:31000", 1);
    rig_pass(&r, 10000);
    rig_answer_service(&r, SERVICE, "10.0.0.1", 31001);
    assert_seen(&r, "(10.0.0.1:31000) 10.0.0.1:31001", 1); /* the old one is kept, but not listed */
    rig_fini(&r);
}

/* What a name server says is not to be trusted. */
static void test_answers_that_are_no_addresses(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a,srv:s.b");
    discovery_start(r.d);
    rig_answer(&r, "a", "0.0.0.0 nonsense 255.255.255.255 ff02::1 :: 10.0.0.1 ::ffff:10.0.0.1");
    rig_answer_service(&r, "s.b", "10.0.0.2", 0);
    assert_seen(&r, "10.0.0.1:4369", 1);
    assert_true(r.view.answered);
    rig_fini(&r);
}

/* --- changes --- */

static void test_an_address_that_disappears_is_kept_for_a_while(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    rig_answer(&r, "a", "10.0.0.1 10.0.0.2");
    rig_pass(&r, 10000);
    rig_answer(&r, "a", "10.0.0.2 10.0.0.3"); /* gone since now */
    assert_seen(&r, "(10.0.0.1:4369) 10.0.0.2:4369 10.0.0.3:4369", 2);
    for (int i = 0; i < 29; i++) {
        rig_pass(&r, 10000);
        rig_answer(&r, "a", "10.0.0.2 10.0.0.3");
    }
    assert_int_equal(r.told, 3);
    rig_pass(&r, 10000); /* five minutes */
    rig_answer(&r, "a", "10.0.0.2 10.0.0.3");
    assert_seen(&r, "10.0.0.2:4369 10.0.0.3:4369", 2);
    rig_fini(&r);
}

static void test_an_address_that_comes_back(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    rig_answer(&r, "a", "10.0.0.1 10.0.0.2");
    for (int i = 0; i < 60; i++) { /* now and then left out, for ten minutes */
        rig_pass(&r, 10000);
        rig_answer(&r, "a", i % 5 ? "10.0.0.1" : "10.0.0.2 10.0.0.1");
        assert_string_equal(r.seen, i % 5 ? "10.0.0.1:4369 (10.0.0.2:4369)" : "10.0.0.1:4369 10.0.0.2:4369");
    }
    rig_fini(&r);
}

/* --- no answers --- */

static uint64_t next_question_after(struct rig *r)
{
    uint64_t from = r->now_ms;
    assert_int_equal(r->question_count, 0);
    rig_pass(r, timers_next_ms(&r->timers) - r->now_ms);
    assert_int_equal(r->question_count, 1);
    return r->questions[0].at_ms - from;
}

static void test_failures_are_asked_again_ever_later(void **state)
{
    static const uint64_t expected[] = {500, 1000, 2000, 4000, 8000, 10000, 10000};
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        rig_fail(&r, "a", i % 2 ? E_TIMEOUT : E_IO);
        uint64_t least = expected[i] / 2;
        uint64_t wanted = expected[i] - least + UINT32_MAX % (least + 1); /* with the chance of the rig */
        assert_int_equal(next_question_after(&r), wanted);
    }
    assert_false(r.view.answered);
    assert_int_equal(r.told, 1);
    assert_non_null(strstr(r.lines, "peer a: no name server answered; what was known of it stays"));
    assert_null(strstr(r.lines, "did not answer in time")); /* said once */
    rig_answer(&r, "a", "10.0.0.1");
    assert_true(r.view.answered);
    assert_non_null(strstr(r.lines, "peer a: answered again"));
    assert_int_equal(next_question_after(&r), 10000);
    rig_fail(&r, "a", E_IO); /* begins anew */
    assert_true(next_question_after(&r) <= 500);
    assert_seen(&r, "10.0.0.1:4369", 1); /* what was known stays */
    assert_true(r.view.answered);
    rig_fini(&r);
}

static void test_chance_takes_off_up_to_a_half(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    r.chance = 0;
    rig_fail(&r, "a", E_IO);
    assert_int_equal(next_question_after(&r), 250);
    r.chance = 255;
    rig_fail(&r, "a", E_IO);
    uint64_t later = next_question_after(&r);
    assert_true(later >= 500 && later <= 1000);
    rig_fini(&r);
}

static unsigned count_lines(const struct rig *r, const char *what)
{
    unsigned n = 0;
    for (const char *at = strstr(r->lines, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

/* A name that stands for nothing, for longer than a service needs to start: said, and once in a minute again. */
static void test_a_name_without_addresses_is_told(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "tpyo");
    discovery_start(r.d);
    uint64_t began = r.now_ms;
    while (r.now_ms - began < 150000) {
        rig_fail(&r, "tpyo", 0);
        next_question_after(&r);
    }
    assert_int_equal(count_lines(&r, "peer tpyo: the name has no address"), 3);
    rig_answer(&r, "tpyo", "10.0.0.1");
    assert_int_equal(count_lines(&r, "peer tpyo: answered again"), 1);
    rig_fini(&r);
}

/* A name that does not exist yet: that is an answer, and asked again soon. */
static void test_an_empty_answer(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "srv:s.b");
    discovery_start(r.d);
    rig_fail(&r, "s.b", 0);
    assert_seen(&r, "", 0);
    assert_true(r.view.answered);
    assert_true(next_question_after(&r) <= 500);
    rig_fail(&r, "s.b", 0);
    assert_true(next_question_after(&r) <= 1000);
    assert_string_equal(r.lines, "");
    rig_answer_service(&r, "s.b", "10.0.0.1", 9);
    assert_seen(&r, "10.0.0.1:9", 1);
    assert_int_equal(count_lines(&r, "service s.b: answered: 1 address(es)"), 1); /* it lists somebody now */
    rig_fini(&r);
}

static void test_everybody_disappears(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    rig_answer(&r, "a", "10.0.0.1 10.0.0.2");
    rig_pass(&r, 10000);
    rig_answer(&r, "a", NULL);
    assert_seen(&r, "(10.0.0.1:4369) (10.0.0.2:4369)", 1);
    rig_pass(&r, 10000);
    for (uint64_t begin = r.now_ms; r.now_ms - begin < 300000;) {
        rig_fail(&r, "a", E_TIMEOUT); /* also while nobody answers, what has gone is forgotten in time */
        next_question_after(&r);
    }
    assert_seen(&r, "", 1);
    rig_fini(&r);
}

static void test_a_resolver_that_takes_no_question(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    r.refuse = E_INVALID;
    discovery_start(r.d);
    assert_int_equal(r.told, 1);
    assert_true(r.view.answered); /* no name: certainly nothing */
    rig_fini(&r);
    rig_init(&r, "a");
    r.refuse = E_NOMEM;
    discovery_start(r.d);
    assert_false(r.view.answered);
    r.refuse = 0;
    rig_pass(&r, 500);
    rig_answer(&r, "a", "10.0.0.1");
    assert_true(r.view.answered);
    rig_fini(&r);
}

/* A resolver that answers late is not asked twice. */
static void test_one_question_at_a_time(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "a");
    discovery_start(r.d);
    rig_pass(&r, 60000);
    assert_int_equal(r.asked, 1);
    rig_answer(&r, "a", "10.0.0.1");
    rig_pass(&r, 10000);
    assert_int_equal(r.asked, 2);
    rig_fini(&r);
}

static void test_answered_means_all(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, "10.0.0.1,a,b,srv:c.d");
    discovery_start(r.d);
    assert_false(r.view.answered);
    rig_answer(&r, "a", "10.0.0.2");
    rig_fail(&r, "b", E_IO);
    rig_answer_service(&r, "c.d", "10.0.0.3", 5);
    assert_false(r.view.answered);
    rig_pass(&r, 500);
    rig_answer(&r, "b", NULL);
    assert_true(r.view.answered);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_with_several_addresses),
        cmocka_unit_test(test_same_answer_in_another_order),
        cmocka_unit_test(test_a_host_of_two_kinds_counts_once),
        cmocka_unit_test(test_addresses_of_several_sources_count_once),
        cmocka_unit_test(test_a_service),
        cmocka_unit_test(test_answers_that_are_no_addresses),
        cmocka_unit_test(test_an_address_that_disappears_is_kept_for_a_while),
        cmocka_unit_test(test_an_address_that_comes_back),
        cmocka_unit_test(test_failures_are_asked_again_ever_later),
        cmocka_unit_test(test_chance_takes_off_up_to_a_half),
        cmocka_unit_test(test_a_name_without_addresses_is_told),
        cmocka_unit_test(test_an_empty_answer),
        cmocka_unit_test(test_everybody_disappears),
        cmocka_unit_test(test_a_resolver_that_takes_no_question),
        cmocka_unit_test(test_one_question_at_a_time),
        cmocka_unit_test(test_answered_means_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
