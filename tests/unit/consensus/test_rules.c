/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "consensus/configuration.h"
#include "consensus/rules.h"
#include "support.h"

static int judge_rejection(const struct rules_view *v, uint64_t term, uint64_t rejected, uint64_t last)
{
    struct raft_msg m = {.kind = RAFT_MSG_APPEND_RESULT,
                         .source = 2,
                         .destination = v->self,
                         .term = term,
                         .append_result = {.rejected = rejected, .last_index = last}};
    return rules_check_message(v, &m);
}

/* To a leader, in its own term: the logs part before what was rejected. */
static void test_rejection_in_the_leaders_term(void **state)
{
    const struct rules_view leader = {.self = 1, .term = 5, .last = 20, .match = 4, .leads = true};
    (void)state;
    assert_int_equal(judge_rejection(&leader, 5, 10, 9), 0);
    assert_int_equal(judge_rejection(&leader, 5, 10, 4), 0);
    assert_int_equal(judge_rejection(&leader, 5, 10, 10), E_MALFORMED);
    assert_int_equal(judge_rejection(&leader, 5, 10, 11), E_MALFORMED);
    assert_int_equal(judge_rejection(&leader, 5, 10, 3), E_AGAIN); /* before it had told more */
}

/* Whoever is in a later term rejects whatever comes of an earlier one: that is all that it says. */
static void test_rejection_in_a_later_term(void **state)
{
    const struct rules_view leader = {.self = 1, .term = 5, .last = 20, .match = 4, .leads = true};
    (void)state;
    assert_int_equal(judge_rejection(&leader, 6, 10, 10), 0);
    assert_int_equal(judge_rejection(&leader, 6, 10, 20), 0);
    assert_int_equal(judge_rejection(&leader, 7, 10, 9), 0);
    assert_int_equal(judge_rejection(&leader, 6, 10, 0), 0); /* also less than it is known to hold */
    assert_int_equal(judge_rejection(&leader, 5 + RULES_TERM_JUMP + 1, 10, 20), E_MALFORMED);
}

/* The same, when it comes so late that its receiver has become the leader of a term after that: of the past, but said
 * by a replica that obeys all rules. */
static void test_rejection_that_is_late(void **state)
{
    const struct rules_view leader = {.self = 1, .term = 9, .last = 20, .match = 0, .leads = true};
    const struct rules_view follower = {.self = 1, .term = 9, .last = 20};
    (void)state;
    assert_int_equal(judge_rejection(&leader, 6, 10, 20), 0);
    assert_int_equal(judge_rejection(&follower, 6, 10, 20), 0);
    assert_int_equal(judge_rejection(&follower, 9, 10, 20), 0); /* of when it led in this term: never any more */
}

/* The library takes two members of one address for one. */
static void test_addresses_are_ids_in_decimal(void **state)
{
    const struct {
        uint64_t id;
        const char *text;
    } cases[] = {{0, "0"}, {9, "9"}, {10, "10"}, {1203, "1203"}, {UINT64_MAX, "18446744073709551615"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(configuration_address(cases[i].id).text, cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_ids_in_decimal),
        cmocka_unit_test(test_rejection_in_the_leaders_term),
        cmocka_unit_test(test_rejection_in_a_later_term),
        cmocka_unit_test(test_rejection_that_is_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
