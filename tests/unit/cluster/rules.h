/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios of test_cluster_rules: one or more for each named rule. */
#ifndef CLUSTER_RULES_H
#define CLUSTER_RULES_H

void test_PROOF_an_older_answer_proves_nothing(void **state);
void test_SEATS_two_quorums_are_more_than_all(void **state);
void test_FORM_a_late_start_moves_nobody(void **state);
void test_FRESH_nobody_forms_over_who_holds_something(void **state);
void test_FRESH_nobody_forms_over_who_begins_again(void **state);
void test_EPOCH_is_above_all_before_it(void **state);
void test_EPOCH_what_another_epoch_has_seen_is_nothing(void **state);
void test_ID_is_never_given_out_again(void **state);
void test_LEASE_without_a_meta_leader_all_stop_after_one(void **state);
void test_COPY_has_what_was_written_meanwhile(void **state);
void test_COPY_who_dies_meanwhile_is_not_waited_for(void **state);
void test_COPY_what_does_not_go_on_is_forgotten(void **state);
void test_COPY_what_finds_no_room_goes_elsewhere(void **state);
void test_COPY_what_finds_no_room_is_not_sent_over_and_over(void **state);
void test_COPY_who_lags_has_room_without_what_it_holds(void **state);
void test_LOST_who_is_silent_may_come_back(void **state);
void test_REBUILD_takes_nothing_before_enough_have_it(void **state);
void test_REBUILD_the_other_keeps_its_copy_until_then(void **state);
void test_REBUILD_without_room_for_both(void **state);
void test_REBUILD_the_last_but_one_is_not_spared(void **state);
void test_PLEDGE_who_has_accepted_never_goes_back(void **state);
void test_REFORM_waits_for_who_may_be_alive(void **state);
void test_REFORM_goes_on_without_who_is_lost(void **state);
void test_READY_is_when_all_is_full(void **state);
void test_LEAVE_the_last_copies_go_first(void **state);
void test_TIME_is_not_the_wall_clocks(void **state);
void test_TIME_goes_on_where_it_is_copied_to(void **state);
void test_TIME_is_asked_of_a_majority(void **state);
void test_TIME_goes_on_when_it_is_formed_again(void **state);
void test_RETRY_a_write_counts_once(void **state);
void test_KNOWN_what_is_answered_all_know_who_serve(void **state);
void test_KNOWN_what_came_in_without_a_lease_is_looked_at_again(void **state);
void test_FLOOR_a_replica_that_is_behind_passes_it_on(void **state);
void test_FLOOR_what_was_seen_counts_where_nobody_leads(void **state);
void test_FLOOR_waits_for_a_replica_that_has_it(void **state);
void test_MEMORY_what_would_pass_the_limit_is_refused(void **state);
void test_MEMORY_what_comes_together_counts_once(void **state);
void test_GONE_LEASE_nobody_is_dead_before_the_margin(void **state);
void test_GONE_FRESH_an_old_answer_counts_nothing(void **state);
void test_GONE_TWICE_one_answer_is_not_enough(void **state);
void test_GONE_WHOLE_a_part_of_the_list_counts_nothing(void **state);
void test_GONE_SELF_a_list_without_this_node_counts_nothing(void **state);
void test_GONE_LISTED_who_was_never_listed_is_not_gone(void **state);
void test_GONE_QUORUM_nobody_forms_again_by_that_word(void **state);
void test_FENCE_who_may_be_replaced_stops(void **state);
void test_FENCE_where_all_are_heard_the_orchestrator_may_be_away(void **state);
void test_FENCE_who_was_lost_is_missing_still(void **state);
void test_FENCE_who_has_slept_may_have_been_replaced(void **state);

#endif
