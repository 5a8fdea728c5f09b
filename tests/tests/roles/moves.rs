//! Each role works while slots and primaries move.

use token_core::spi::TokenStore;
use token_core::{Grant, Issued, Requirement, Revocation, RevokeOutcome};
use token_tests::servers::{Cluster, Server, Takeover};

use crate::kit::{Place, Tokens, hard, is_active, issue};

const USER: &str = "admin";

/// A cluster, a service of each role on it, and a token.
struct Scene {
    place: Place,
    roles: [Tokens; 3],
    issued: Issued,
}

impl Scene {
    async fn set() -> Self {
        let place = Place::cluster().await;
        let roles =
            [place.tokens("validator").await, place.tokens("issuer").await, place.tokens("admin").await];
        let issued = issue(&roles[1], USER, hard()).await;
        for role in &roles {
            assert!(is_active(role, &issued).await);
        }
        Self { place, roles, issued }
    }

    fn cluster(&self) -> &Cluster {
        let Place::Cluster(cluster) = &self.place else { panic!("it is a cluster") };
        cluster
    }

    async fn slot(&self) -> u16 {
        let partition = self.issued.grant.id.to_string()[..2].to_owned();
        self.cluster().slot_of(&format!("{{{partition}}}")).await
    }

    async fn a_primary_but(&self, owner: &Server) -> &Server {
        let primaries = self.cluster().primaries().await;
        primaries.into_iter().find(|primary| primary.port() != owner.port()).unwrap()
    }

    async fn list(&self, role: &Tokens) -> Vec<Grant> {
        role.store().list(&USER.parse().unwrap()).await.unwrap().grants
    }

    /// Each role does its job in the slot of the token.
    async fn all_work(&self) {
        let [validator, issuer, admin] = &self.roles;
        assert!(is_active(validator, &self.issued).await);
        for role in [issuer, admin] {
            let another = issue(role, USER, hard()).await;
            assert!(is_active(validator, &another).await);
            assert!(self.list(role).await.iter().any(|grant| grant.id == another.grant.id));
        }
        let one = issue(admin, USER, hard()).await;
        let revoked = admin.store().revoke(one.grant.id, &Revocation::default()).await.unwrap();
        assert_eq!(revoked.outcome, RevokeOutcome::Revoked);
        assert!(!is_active(validator, &one).await);
        admin.store().prune().await.unwrap();
        self.place.nothing_was_refused().await;
    }
}

#[tokio::test]
async fn keys_of_a_moving_slot_are_found_at_its_new_owner() {
    let scene = Scene::set().await;
    let slot = scene.slot().await;
    let owner = scene.cluster().owner_of(slot).await;
    let mut half = scene.cluster().begin_move(slot, scene.a_primary_but(owner).await).await;
    while half.move_keys(100).await > 0 {}
    let [validator, issuer, admin] = &scene.roles;
    let text = scene.issued.token.expose_secret();
    let requirement = Requirement::any();
    assert!(validator.validate(text, &requirement).await.unwrap().grant().is_some());
    assert_eq!(scene.list(issuer).await.len(), 1);
    assert_eq!(scene.list(admin).await.len(), 1);
    half.finish().await;
    scene.cluster().wait_until_well().await;
    scene.all_work().await;
}

#[tokio::test]
async fn a_slot_that_has_moved_is_found_again() {
    let scene = Scene::set().await;
    let slot = scene.slot().await;
    let owner = scene.cluster().owner_of(slot).await;
    scene.cluster().move_slot(slot, scene.a_primary_but(owner).await).await;
    scene.all_work().await;
}

#[tokio::test]
async fn a_replica_that_has_taken_over_is_found() {
    let scene = Scene::set().await;
    let owner = scene.cluster().owner_of(scene.slot().await).await;
    let replica = scene.cluster().replica_of(owner).await;
    scene.cluster().fail_over(replica, Takeover::Agreed).await;
    scene.all_work().await;
}
