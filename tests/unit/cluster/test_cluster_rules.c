/* SPDX-License-Identifier: Apache-2.0 */
/* The named rules of the cluster (architecture.md, "The cluster's rules"), at least one small scenario for each, in
 * virtual time. Each fails where its rule is left out: the build makes a second program for every rule, without that
 * rule, and CTest expects it to fail (CMakeLists.txt beside this file). Called with the name of a rule, the program
 * runs that rule's tests alone. */
#include "support.h"

#include "rules.h"
#include "scenario.h"

#include <stdio.h>

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_PROOF_an_older_answer_proves_nothing),
        CASE(test_SEATS_two_quorums_are_more_than_all),
        CASE(test_FORM_a_late_start_moves_nobody),
        CASE(test_FRESH_nobody_forms_over_who_holds_something),
        CASE(test_FRESH_nobody_forms_over_who_begins_again),
        CASE(test_EPOCH_is_above_all_before_it),
        CASE(test_EPOCH_what_another_epoch_has_seen_is_nothing),
        CASE(test_ID_is_never_given_out_again),
        CASE(test_LEASE_without_a_meta_leader_all_stop_after_one),
        CASE(test_COPY_has_what_was_written_meanwhile),
        CASE(test_COPY_who_dies_meanwhile_is_not_waited_for),
        CASE(test_COPY_what_does_not_go_on_is_forgotten),
        CASE(test_COPY_what_finds_no_room_goes_elsewhere),
        CASE(test_COPY_what_finds_no_room_is_not_sent_over_and_over),
        CASE(test_COPY_who_lags_has_room_without_what_it_holds),
        CASE(test_LOST_who_is_silent_may_come_back),
        CASE(test_REBUILD_takes_nothing_before_enough_have_it),
        CASE(test_REBUILD_the_other_keeps_its_copy_until_then),
        CASE(test_REBUILD_without_room_for_both),
        CASE(test_REBUILD_the_last_but_one_is_not_spared),
        CASE(test_PLEDGE_who_has_accepted_never_goes_back),
        CASE(test_REFORM_waits_for_who_may_be_alive),
        CASE(test_REFORM_goes_on_without_who_is_lost),
        CASE(test_READY_is_when_all_is_full),
        CASE(test_LEAVE_the_last_copies_go_first),
        CASE(test_TIME_is_not_the_wall_clocks),
        CASE(test_TIME_goes_on_where_it_is_copied_to),
        CASE(test_TIME_is_asked_of_a_majority),
        CASE(test_TIME_goes_on_when_it_is_formed_again),
        CASE(test_RETRY_a_write_counts_once),
        CASE(test_KNOWN_what_is_answered_all_know_who_serve),
        CASE(test_KNOWN_what_came_in_without_a_lease_is_looked_at_again),
        CASE(test_MEMORY_what_would_pass_the_limit_is_refused),
        CASE(test_MEMORY_what_comes_together_counts_once),
        CASE(test_FLOOR_a_replica_that_is_behind_passes_it_on),
        CASE(test_FLOOR_what_was_seen_counts_where_nobody_leads),
        CASE(test_FLOOR_waits_for_a_replica_that_has_it),
        CASE(test_GONE_LEASE_nobody_is_dead_before_the_margin),
        CASE(test_GONE_FRESH_an_old_answer_counts_nothing),
        CASE(test_GONE_TWICE_one_answer_is_not_enough),
        CASE(test_GONE_WHOLE_a_part_of_the_list_counts_nothing),
        CASE(test_GONE_SELF_a_list_without_this_node_counts_nothing),
        CASE(test_GONE_LISTED_who_was_never_listed_is_not_gone),
        CASE(test_GONE_QUORUM_nobody_forms_again_by_that_word),
        CASE(test_FENCE_who_may_be_replaced_stops),
        CASE(test_FENCE_where_all_are_heard_the_orchestrator_may_be_away),
        CASE(test_FENCE_who_was_lost_is_missing_still),
        CASE(test_FENCE_who_has_slept_may_have_been_replaced),
    };
    char filter[32];
    if (argc > 1) {
        snprintf(filter, sizeof filter, "test_%s_*", argv[1]);
        cmocka_set_test_filter(filter);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
