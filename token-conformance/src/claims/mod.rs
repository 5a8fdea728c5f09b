//! The promises of every store, one claim per function.
//!
//! The claims use only the contract ([`TokenStore`](token_core::spi::TokenStore)) and a [`Fixture`], so that all of them run
//! unchanged on each store and each topology. None of them depends on the speed of the machine: they compare deadlines with
//! each other and with the store's own clock, in steps much longer than the limit of a trial.

mod cancel;
mod child;
mod clock;
mod decode;
mod issue;
mod list;
mod once;
mod prune;
mod races;
mod races_of_subject;
mod renew;
mod requirement;
mod revoke;
mod steps;
mod validate;

use std::pin::Pin;

use crate::Fixture;

/// Checks a claim on an empty store, and panics if it is false.
pub type Check = for<'a> fn(&'a dyn Fixture) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A promise as a sentence, and its check.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The sentence.
    pub name: &'static str,
    /// The check.
    pub check: Check,
}

macro_rules! claims {
    ($($group:ident { $($name:ident)+ })+) => {
        &[$($(Claim { name: stringify!($name), check: |fixture| Box::pin($group::$name(fixture)) },)+)+]
    };
}

/// Every claim. A claim that is not listed here is dead code, which this crate denies.
pub const ALL: &[Claim] = claims! {
    issue {
        issue_returns_the_requested_token
        a_new_token_lives_as_long_as_requested
        the_largest_request_is_kept_whole
        the_longest_lifetimes_are_kept
        the_shortest_lifetimes_are_issued_and_end
        an_id_that_is_taken_is_refused_and_nothing_changes
        an_id_taken_by_another_subject_is_refused_without_change
        an_id_of_another_partition_is_refused
        an_id_that_was_revoked_is_never_issued_again
        an_id_that_expired_is_free_again
        every_answer_names_the_id_that_was_issued
        a_token_that_was_never_issued_is_unknown
    }
    once {
        an_issue_with_a_key_stores_the_same_as_any_issue
        a_repeat_issues_nothing_and_returns_the_existing_token
        a_repeat_with_the_same_new_token_is_no_other_issue
        a_key_of_another_request_issues_nothing
        a_key_belongs_to_one_subject_and_one_issuer
        a_repeat_says_that_the_token_was_revoked
        a_repeat_says_that_the_token_has_expired
        an_issue_that_was_refused_leaves_its_key_free
        a_child_with_a_key_stays_within_its_parent
        confirming_distinguishes_live_revoked_and_unknown_tokens
        confirming_and_repeating_renew_nothing
    }
    child {
        a_child_has_the_deadlines_that_it_and_its_parent_both_allow
        a_child_in_use_dies_with_its_parent
        an_unused_child_dies_within_the_window_of_its_parent
        a_token_that_is_gone_issues_none
        a_token_issues_none_to_another_subject
    }
    validate {
        a_live_token_is_active_with_all_its_facts
        a_token_is_active_on_every_node
        a_hard_token_is_gone_when_its_time_is_over
        a_hard_token_in_use_is_gone_when_its_time_is_over
        a_token_that_is_idle_for_its_window_is_gone
        an_expired_token_stays_gone_after_any_operation
    }
    renew {
        a_use_renews_a_sliding_token_to_a_full_window
        a_sliding_token_in_use_outlives_many_windows
        a_use_prolongs_no_hard_token
        a_grant_of_a_hard_token_has_its_hard_expiry
        a_use_renews_a_capped_token_to_a_full_window
        no_renewal_passes_the_cap
        a_token_in_constant_use_dies_at_its_cap
        a_peek_renews_nothing
        showing_renews_nothing
        listing_renews_nothing
        pruning_renews_nothing
        a_use_renews_no_other_token
    }
    requirement {
        the_right_user_is_admitted_and_renewed
        a_wrong_user_is_refused_and_renews_nothing
        a_name_that_is_nearly_right_is_wrong
        a_neighbour_in_the_partition_is_a_wrong_user
        a_missing_permission_is_named_and_renews_nothing
        the_first_missing_permission_is_the_one_named
        a_wrong_user_is_the_reason_even_if_scopes_are_missing
        a_permission_that_is_held_admits_and_renews
        a_permission_on_an_ancestor_admits_and_renews
        a_permission_on_a_child_does_not_reach_up
        rights_add_up_along_the_path
        every_one_of_several_needs_must_be_met
        full_access_meets_every_need
        each_of_the_maximum_number_of_scopes_is_effective
        a_scope_on_the_farthest_possible_ancestor_is_effective
    }
    revoke {
        a_revoked_token_is_refused_at_once_on_every_node
        a_validation_asks_when_it_is_awaited_and_not_when_it_is_made
        a_tombstone_has_actor_reason_time_subject_and_label
        actor_and_reason_are_optional_and_may_be_long
        a_repeated_revocation_keeps_the_first_ones_facts
        revoking_an_unknown_token_changes_nothing
        revoking_one_token_leaves_the_others_alone
        revoking_a_subject_ends_its_live_tokens_and_no_others
        revoking_a_subject_without_tokens_ends_nothing
        tokens_issued_after_a_subject_was_revoked_are_valid
    }
    list {
        a_listing_is_oldest_first_and_has_all_facts
        tokens_of_one_instant_are_listed_by_id
        a_listing_has_the_tokens_of_exactly_one_subject
        a_listing_has_only_live_tokens
        a_short_token_takes_no_long_one_out_of_the_listing
        a_token_that_outlived_its_first_window_is_still_listed
        many_tokens_of_one_subject_are_listed_and_revoked
        odd_names_are_names_like_any_other
    }
    prune {
        pruning_removes_expired_tokens_and_returns_their_number
        pruning_removes_no_live_token
        pruning_keeps_tombstones_and_revoked_tokens_stay_refused
    }
    decode {
        a_damaged_record_is_an_error_for_every_validation
        a_damaged_record_is_an_error_for_any_requirement
        a_damaged_record_is_an_error_to_show
        a_damaged_record_hides_no_good_one_in_a_listing
        a_record_that_cannot_be_read_is_listed_with_the_cause
        a_damaged_record_harms_no_other_token_of_one_call
        a_damaged_record_can_be_confirmed
        a_damaged_record_can_be_revoked
        a_damaged_record_goes_with_the_others_of_its_subject
        a_damaged_record_harms_no_other_token
        a_record_of_another_token_is_an_error
        no_changed_byte_widens_prolongs_or_hides_a_token
    }
    races {
        of_many_revocations_at_once_exactly_one_revokes
        of_many_issues_of_one_id_exactly_one_succeeds
        of_many_issues_with_one_key_exactly_one_issues
        no_use_that_begins_after_a_revocation_returned_is_admitted
        an_issue_that_races_a_revocation_ends_in_one_state
        a_store_serves_many_users_at_once
    }
    races_of_subject {
        concurrent_changes_to_one_subject_end_consistently
        a_listing_shows_one_moment
        no_child_survives_the_revocation_of_all_tokens
        pruning_beside_other_work_loses_no_token
    }
    cancel {
        a_dropped_revocation_of_all_is_made_completely_or_not_at_all
        a_dropped_issue_is_made_completely_or_not_at_all
        the_answer_to_a_dropped_call_goes_to_no_other_call
    }
};

/// Claims about stores that read the clock of their own machine, which may be set back.
pub const OWN_CLOCK: &[Claim] = claims! {
    clock {
        a_use_on_a_clock_set_back_shortens_no_lifetime
        a_use_on_a_clock_set_back_passes_no_cap
        a_token_is_renewed_again_once_the_clock_has_caught_up
        a_refused_use_on_a_clock_set_back_changes_nothing
        housekeeping_on_a_clock_ahead_ends_no_token
        a_revocation_on_a_clock_ahead_is_final
        revoking_a_subject_on_a_clock_ahead_is_final
    }
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_claims_have_one_name() {
        let names: HashSet<_> = ALL.iter().map(|claim| claim.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
