//! Who may do what with tokens, over HTTP and over gRPC alike.
//!
//! | whose token is presented | may |
//! |---|---|
//! | an administrator's, of full access | everything, for any user |
//! | an introspector's, of full access | besides what holders may: ask about any token that was presented to them |
//! | a holder's, of full access | issue tokens to its own user, which [never exceed it](token_core::Parent); list, show and revoke its user's |
//! | any that is restricted to scopes | list, show and revoke itself |
//!
//! The text of a token is enough to end it, with or without another credential (RFC 7009): its sender could present it.
//!
//! What somebody may not know of, does not exist for them: a single token is hidden, never forbidden, so that no caller
//! learns which ids there are.

use std::collections::BTreeSet;

use token_core::{Access, Grant, Subject, TokenId};

/// Users who may do more than their own tokens allow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roles<'a> {
    /// Who may do everything.
    pub(crate) admins: &'a BTreeSet<Subject>,
    /// Who may introspect.
    pub(crate) introspectors: &'a BTreeSet<Subject>,
}

/// What a caller wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action<'a> {
    /// Issue a token to this user.
    Issue(&'a Subject),
    /// List this user's tokens.
    List(&'a Subject),
    /// Revoke all tokens of this user.
    RevokeAll(&'a Subject),
    /// Show or revoke this token, which is this user's where that is known.
    Token(TokenId, Option<&'a Subject>),
    /// Revoke a token by its text.
    Text,
    /// Ask about a token of anybody, by its text.
    Introspect,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may be done.
    Granted,
    /// It may be done within the limits of the token that is presented: what is issued is its child.
    WithinParent,
    /// It may be done, as far as the presented token itself is concerned.
    ForItself,
    /// It may not be done.
    Forbidden(&'static str),
    /// There is nothing to do it with, as far as the caller may know.
    Hidden,
}

const NO_ADMINISTRATOR: Decision =
    Decision::Forbidden("this is for that user, or for an administrator with a token of full access");
const RESTRICTED: Decision =
    Decision::Forbidden("a token that is restricted to scopes may not do this; use one of full access");

const NO_INTROSPECTOR: Decision =
    Decision::Forbidden("this is for an introspector or an administrator, with a token of full access");

/// Whether the caller whose token grants `held` may do this.
pub(crate) fn decide(roles: Roles<'_>, held: &Grant, action: &Action<'_>) -> Decision {
    let full = held.access == Access::Full;
    if full && roles.admins.contains(&held.subject) {
        return Decision::Granted;
    }
    match *action {
        Action::Introspect if full && roles.introspectors.contains(&held.subject) => Decision::Granted,
        Action::Introspect => NO_INTROSPECTOR,
        Action::Text => Decision::Granted,
        Action::Token(id, _) if id == held.id => Decision::Granted,
        Action::Token(_, owner) if full && owner == Some(&held.subject) => Decision::Granted,
        Action::Token(..) => Decision::Hidden,
        Action::Issue(user) | Action::List(user) | Action::RevokeAll(user) if *user != held.subject => {
            NO_ADMINISTRATOR
        }
        Action::Issue(_) | Action::RevokeAll(_) if !full => RESTRICTED,
        Action::List(_) if !full => Decision::ForItself,
        Action::Issue(_) => Decision::WithinParent,
        Action::List(_) | Action::RevokeAll(_) => Decision::Granted,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use token_core::spi::Partition;
    use token_core::{Lifetime, Timestamp};

    use super::*;

    /// Few users and ids, so that they are often the same.
    fn user() -> impl Strategy<Value = Subject> {
        "[a-c]".prop_map(|name| name.parse().unwrap())
    }

    fn id() -> impl Strategy<Value = TokenId> {
        (0..3_u128).prop_map(|bits| TokenId::new(Partition::new(0).unwrap(), bits))
    }

    fn held() -> impl Strategy<Value = Grant> {
        let now = Timestamp::from_millis(0);
        let deadlines = Lifetime::hard("1h".parse().unwrap()).starting(now);
        let scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:rw".parse().unwrap();
        let access = prop_oneof![Just(Access::Full), Just(Access::from_scopes(vec![scope]).unwrap())];
        (id(), user(), access).prop_map(move |(id, subject, access)| Grant {
            id,
            subject,
            access,
            label: None,
            issuer: None,
            issued_at: now,
            expires_at: now,
            deadlines,
        })
    }

    fn admins() -> impl Strategy<Value = BTreeSet<Subject>> {
        prop::collection::btree_set(user(), 0..3)
    }

    /// All actions about a user, who is also the owner of the token `id`, without its text.
    fn actions(user: &Subject, id: TokenId) -> [Action<'_>; 4] {
        [Action::Issue(user), Action::List(user), Action::RevokeAll(user), Action::Token(id, Some(user))]
    }

    /// The decision if no user may introspect.
    fn decide(admins: &BTreeSet<Subject>, held: &Grant, action: &Action<'_>) -> Decision {
        super::decide(Roles { admins, introspectors: &BTreeSet::new() }, held, action)
    }

    proptest! {
        #[test]
        fn an_administrator_with_full_access_may_do_everything(held in held(), user in user(), id in id()) {
            prop_assume!(held.access == Access::Full);
            let admins = [held.subject.clone()].into();
            let others = [Action::Token(id, None), Action::Text, Action::Introspect];
            for action in actions(&user, id).into_iter().chain(others) {
                prop_assert_eq!(decide(&admins, &held, &action), Decision::Granted);
            }
        }

        #[test]
        fn a_holder_may_do_nothing_with_the_tokens_of_others(
            admins in admins(), held in held(), user in user(), id in id(),
        ) {
            prop_assume!(!admins.contains(&held.subject) && user != held.subject && id != held.id);
            for action in actions(&user, id).into_iter().chain([Action::Introspect]) {
                let decision = decide(&admins, &held, &action);
                prop_assert!(matches!(decision, Decision::Forbidden(_) | Decision::Hidden), "{:?}: {:?}", action, decision);
            }
        }

        #[test]
        fn a_restricted_token_reaches_only_itself_for_every_holder(
            admins in admins(), held in held(), user in user(), id in id(),
        ) {
            prop_assume!(held.access != Access::Full && id != held.id);
            for action in actions(&user, id) {
                let decision = decide(&admins, &held, &action);
                let is_listing = matches!(action, Action::List(_));
                prop_assert!(
                    matches!(decision, Decision::Forbidden(_) | Decision::Hidden)
                        || is_listing && decision == Decision::ForItself,
                    "{:?}: {:?}", action, decision
                );
            }
        }

        #[test]
        fn a_token_issued_by_a_holder_stays_within_its_parent(
            admins in admins(), held in held(), user in user(),
        ) {
            prop_assume!(!admins.contains(&held.subject));
            match decide(&admins, &held, &Action::Issue(&user)) {
                Decision::WithinParent => prop_assert!(held.access == Access::Full && user == held.subject),
                decision => prop_assert!(matches!(decision, Decision::Forbidden(_)), "{:?}", decision),
            }
        }

        #[test]
        fn a_token_is_shown_or_hidden_and_never_forbidden(
            admins in admins(), held in held(), id in id(), owner in prop::option::of(user()),
        ) {
            let decision = decide(&admins, &held, &Action::Token(id, owner.as_ref()));
            prop_assert!(matches!(decision, Decision::Granted | Decision::Hidden), "{:?}", decision);
        }

        #[test]
        fn every_token_may_end_itself(admins in admins(), held in held(), owner in prop::option::of(user())) {
            prop_assert_eq!(decide(&admins, &held, &Action::Token(held.id, owner.as_ref())), Decision::Granted);
        }

        #[test]
        fn the_text_of_a_token_is_enough_to_end_it(admins in admins(), held in held()) {
            prop_assert_eq!(decide(&admins, &held, &Action::Text), Decision::Granted);
        }

        #[test]
        fn an_introspector_asks_with_full_access_and_gains_nothing_else(
            admins in admins(), held in held(), user in user(), id in id(),
        ) {
            prop_assume!(!admins.contains(&held.subject));
            let introspectors = [held.subject.clone()].into();
            let roles = Roles { admins: &admins, introspectors: &introspectors };
            let may = super::decide(roles, &held, &Action::Introspect) == Decision::Granted;
            prop_assert_eq!(may, held.access == Access::Full);
            for action in actions(&user, id) {
                prop_assert_eq!(super::decide(roles, &held, &action), decide(&admins, &held, &action));
            }
        }
    }
}
