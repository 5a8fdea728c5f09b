//! Tests that the same calls at the same times get the same answers from this store and from the executable specification.

use super::*;
use token_core::spi::{MemoryStore, SubjectHash, TokenFormat, TokenStore};
use token_core::{Mode, Once, ParsedToken, Revocation, StoreErrorKind, TokenId, os_rng};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }
}

struct Pair {
    sqlite: SqliteStore,
    memory: MemoryStore,
    tokens: Vec<ParsedToken>,
    subjects: [Subject; 3],
}

impl Pair {
    async fn step(&mut self, n: &mut Numbers) {
        let subject = n.pick(&self.subjects);
        let revocation = Revocation { by: n.pick(&[None, "root".parse().ok()]), why: None };
        match n.below(12) {
            10 => self.issue_once(subject, n).await,
            11 => {
                let id = n.pick(&self.tokens).id();
                let state = self.sqlite.confirm(id).await.unwrap().outcome;
                assert_eq!(state, self.memory.confirm(id).await.unwrap().outcome);
            }
            0..3 => self.issue(subject, n).await,
            3..6 => {
                let requirement = n.pick(&[Requirement::any(), Requirement::any().subject(subject)]);
                let (token, mode) = (n.pick(&self.tokens), n.pick(&[Mode::Use, Mode::Use, Mode::Peek]));
                let verdict = self.sqlite.validate(token, &requirement, mode).await.unwrap();
                assert_eq!(verdict, self.memory.validate(token, &requirement, mode).await.unwrap());
            }
            6 => {
                let id = n.pick(&self.tokens).id();
                assert_eq!(self.sqlite.show(id).await.unwrap(), self.memory.show(id).await.unwrap());
            }
            7 => {
                let listed = self.sqlite.list(&subject).await.unwrap();
                assert_eq!(listed, self.memory.list(&subject).await.unwrap());
            }
            8 => {
                let id = n.pick(&self.tokens).id();
                let outcome = self.sqlite.revoke(id, &revocation).await.unwrap().outcome;
                assert_eq!(outcome, self.memory.revoke(id, &revocation).await.unwrap().outcome);
            }
            _ if n.below(8) == 0 => {
                let ended = self.sqlite.revoke_subject(&subject, &revocation).await.unwrap().outcome;
                assert_eq!(
                    sorted(ended),
                    sorted(self.memory.revoke_subject(&subject, &revocation).await.unwrap().outcome)
                );
            }
            _ => {
                self.memory.prune().await.unwrap();
                self.sqlite.prune().await.unwrap();
                assert_eq!(self.sqlite.prune().await.unwrap(), 0);
            }
        }
    }

    /// Uses one of a few keys, so that most requests are repeats, and some use the key of another request.
    async fn issue_once(&mut self, subject: Subject, n: &mut Numbers) {
        let format = TokenFormat::new(Prefix::default(), self.sqlite.keys().clone());
        let token = format.generate(SubjectHash::of(&subject).partition, &mut os_rng().unwrap());
        let request = IssueRequest::new(subject, Access::Full, n.pick(&[hard(), sliding()]));
        let key = n.pick(&["one", "other"]).parse().unwrap();
        let ours = self.sqlite.issue_once(token.id(), &request, &key).await.unwrap();
        let theirs = self.memory.issue_once(token.id(), &request, &key).await.unwrap();
        match (ours, theirs) {
            (Once::Issued(ours), Once::Issued(theirs)) => {
                assert_eq!(ours.outcome, theirs.outcome);
                self.tokens.push(format.parse(token.expose_secret()).unwrap());
            }
            (Once::Repeated(ours), Once::Repeated(theirs)) => {
                assert_eq!((ours.id, ours.known), (theirs.id, theirs.known));
            }
            (Once::Mismatched, Once::Mismatched) => {}
            (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
        }
    }

    async fn issue(&mut self, subject: Subject, n: &mut Numbers) {
        let format = TokenFormat::new(Prefix::default(), self.sqlite.keys().clone());
        let token = format.generate(SubjectHash::of(&subject).partition, &mut os_rng().unwrap());
        let lifetime = n.pick(&[hard(), sliding(), Lifetime::capped(minutes(10), minutes(30)).unwrap()]);
        let request = IssueRequest::new(subject, Access::Full, lifetime);
        let granted = self.sqlite.issue(token.id(), &request).await.unwrap().outcome;
        assert_eq!(granted, self.memory.issue(token.id(), &request).await.unwrap().outcome);
        for store in [&self.sqlite as &dyn TokenStore, &self.memory] {
            assert_eq!(store.issue(token.id(), &request).await.unwrap_err().kind(), StoreErrorKind::Conflict);
        }
        self.tokens.push(format.parse(token.expose_secret()).unwrap());
    }
}

fn sorted(mut ids: Vec<TokenId>) -> Vec<TokenId> {
    ids.sort();
    ids
}

#[tokio::test]
async fn every_answer_is_that_of_the_memory_store() {
    for seed in 0..10 {
        let (place, mut n) = (Place::new(), Numbers(seed));
        let keys = Arc::new(KeyRing::public());
        let mut pair = Pair {
            sqlite: place.open().store().clone(),
            memory: MemoryStore::with_clock(keys, Arc::clone(&place.clock)),
            tokens: Vec::new(),
            subjects: ["a", "b", "c"].map(|name| name.parse().unwrap()),
        };
        pair.issue(admin(), &mut n).await;
        for _ in 0..300 {
            pair.step(&mut n).await;
            let pause = n.pick(&[Duration::ZERO, Duration::from_millis(1), MINUTE, 5 * MINUTE, 10 * MINUTE]);
            place.clock.advance(if n.below(100) == 0 { 7 * 24 * 60 * MINUTE } else { pause });
        }
    }
}
