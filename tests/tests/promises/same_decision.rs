//! `validate.lua` in Redis and `Record::decide` in Rust make the same decision about generated uses of generated records.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use token_core::spi::{Decision, Place, Record, SubjectHash, TokenFormat, TokenStore};
use token_core::{
    Access, IssueRequest, Lifetime, Mode, Permission, Prefix, RequiredPermission, Requirement, Scope, Span,
    Timestamp, Token, Verdict, os_rng,
};
use token_tests::servers::Standalone;
use uuid::Uuid;

use crate::kit::{keys, record_key, tokens_at};

const USES: usize = 600;
const MINUTE: u64 = 60_000;

/// A use of a token that was issued some time ago, in a state that a store may have.
#[derive(Debug, Clone)]
struct Use {
    subject: &'static str,
    scopes: Vec<Scope>,
    window: Option<u64>,
    hard_expiry: Option<u64>,
    age: u64,
    /// How long Redis keeps the record.
    ttl: u64,
    requirement: Requirement,
}

fn scope() -> impl Strategy<Value = Scope> {
    let permission = (1_u8..=3).prop_map(|bits| Permission::from_bits(bits).unwrap());
    (1..5_u128, permission).prop_map(|(node, permission)| Scope { node: Uuid::from_u128(node), permission })
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let need = (scope(), prop::collection::vec(1..5_u128, 0..3)).prop_map(|(scope, ancestors)| {
        RequiredPermission::new(scope).with_ancestors(ancestors.into_iter().map(Uuid::from_u128))
    });
    let subject = prop::option::of(prop::sample::select(vec!["admin", "root"]));
    (subject, prop::collection::vec(need, 0..3)).prop_map(|(subject, needs)| {
        let requirement =
            subject.map_or_else(Requirement::any, |name| Requirement::any().subject(name.parse().unwrap()));
        needs.into_iter().fold(requirement, Requirement::permission)
    })
}

prop_compose! {
    fn a_use()(
        subject in prop::sample::select(vec!["admin", "root"]), scopes in prop::collection::vec(scope(), 0..4),
        window in prop::option::of(30 * MINUTE..60 * MINUTE), hard_expiry in prop::option::of(60 * MINUTE..120 * MINUTE),
        age in 0..240 * MINUTE, ttl in MINUTE..30 * MINUTE, requirement in requirement(),
    ) -> Use {
        // A token has at least one of the two deadlines.
        let hard_expiry = if window.is_none() { hard_expiry.or(Some(90 * MINUTE)) } else { hard_expiry };
        Use { subject, scopes, window, hard_expiry, age, ttl, requirement }
    }
}

impl Use {
    fn record(&self, now: Timestamp) -> Record {
        let span = |millis| Span::from_millis(millis).unwrap();
        let lifetime = Lifetime::of(self.hard_expiry.map(span), self.window.map(span)).unwrap();
        let access = Access::from_scopes(self.scopes.clone()).unwrap();
        let issued_at = Timestamp::from_millis(now.as_millis() - self.age);
        Record::new(&IssueRequest::new(self.subject.parse().unwrap(), access, lifetime), issued_at)
    }

    /// When Redis deletes the record: never after a future hard expiry, because no use can have set that.
    fn ends_at(&self, now: Timestamp, record: &Record) -> Timestamp {
        let ends_at = Timestamp::from_millis(now.as_millis() + self.ttl);
        match record.deadlines().cap() {
            Some(end) if now < end && self.window.is_some() => ends_at.min(end),
            _ => ends_at,
        }
    }
}

async fn time(server: &Standalone) -> Timestamp {
    let [seconds, micros] = server.command::<[u64; 2]>(&["TIME"]).await;
    Timestamp::from_millis(seconds * 1000 + micros / 1000)
}

/// The correct answers, if the use is decided at one of the two times or between them.
fn assert_same(verdict: &Verdict, decided: &[Decision; 2], context: &Use) {
    match verdict {
        Verdict::Active(grant) => {
            let end = |decision: &Decision| match decision {
                Decision::Admit { expires_at } => Some(*expires_at),
                Decision::Refuse(_) => None,
            };
            let ends: Vec<_> = decided.iter().filter_map(end).collect();
            let fits =
                ends.iter().min() <= Some(&grant.expires_at) && Some(&grant.expires_at) <= ends.iter().max();
            assert!(fits, "{grant:?}, not {decided:?}: {context:?}");
        }
        Verdict::Inactive(reason) => {
            assert!(
                decided.contains(&Decision::Refuse(reason.clone())),
                "{reason:?}, not {decided:?}: {context:?}"
            );
        }
    }
}

#[tokio::test]
async fn redis_decides_generated_uses_as_rust_does() {
    let server = Standalone::start().await;
    let (tokens, format) = (tokens_at(&server.url()).await, TokenFormat::new(Prefix::default(), keys()));
    let mut connection = server.connection().await;
    let mut runner = TestRunner::deterministic();
    let (mut admitted, mut refused) = (0, 0);
    for mode in [Mode::Use, Mode::Peek] {
        let uses: Vec<Use> =
            (0..USES / 2).map(|_| a_use().new_tree(&mut runner).unwrap().current()).collect();
        let mut held = Vec::new();
        let start = time(&server).await;
        for one in &uses {
            let partition = SubjectHash::of(&one.subject.parse().unwrap()).partition;
            let token: Token = format.generate(partition, &mut os_rng().unwrap());
            let record = one.record(start);
            let ends_at = one.ends_at(start, &record);
            let bytes = record.encode(Place { namespace: "tok", id: token.id() }, &keys());
            let mut set = redis::cmd("SET");
            set.arg(record_key(token.id())).arg(bytes).arg("PXAT").arg(ends_at.as_millis());
            set.query_async::<()>(&mut connection).await.unwrap();
            held.push((format.parse(token.expose_secret()).unwrap(), record, ends_at));
        }
        let asked: Vec<_> = std::iter::zip(&held, &uses)
            .map(|((token, ..), one)| (*token, one.requirement.clone()))
            .collect();
        let before = time(&server).await;
        let verdicts = tokens.store().validate_many(&asked, mode).await;
        let after = time(&server).await;
        for ((verdict, (_, record, ends_at)), one) in verdicts.iter().zip(&held).zip(&uses) {
            let verdict = verdict.as_ref().unwrap();
            let decided = [before, after].map(|now| record.decide(*ends_at, &one.requirement, mode, now));
            assert_same(verdict, &decided, one);
            if verdict.grant().is_some() { admitted += 1 } else { refused += 1 }
        }
    }
    assert!(admitted > USES / 10 && refused > USES / 10, "{admitted} admitted, {refused} refused");
}
