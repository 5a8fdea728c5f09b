//! `bench`: how long validations take on a store, under load.

mod clean_up;
mod ground;
mod part;
mod prepare;
mod result;

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use rand_chacha::rand_core::Rng;
use token_core::os_rng;
use token_load::{Closed, Measured, Monitor, Open, closed, open};
use token_server::Signals;

use self::clean_up::clean_up;
use self::ground::Ground;
use self::part::{Extent, part};
use self::prepare::prepare;
use self::result::Run;
use crate::args::{BenchArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::open_apart;
use crate::report::Report;
use crate::warning::{self, Warning};

/// How many tokens a user has at most: a script over all of them holds up the server meanwhile.
const TOKENS_A_USER: u32 = 100;
/// How many tokens a user has where the number of users is not given.
const USUAL: u32 = 5;

/// How many tokens are issued, or users' tokens revoked, at once: the connections that a store has for that.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Issues tokens, measures, and revokes them, however the first two end.
pub(crate) async fn run(
    arguments: &BenchArgs,
    format: Format,
    settings: &Settings,
) -> Result<Report, Failure> {
    let users = users(arguments)?;
    let mut signals = Signals::listen()?;
    let name = format!("{:016x}", os_rng().map_err(Failure::randomness)?.next_u64());
    let ground = Ground::new(open_apart(settings, &name).await?, &name, users, arguments)?;
    ground.try_out().await?;

    let ground = Arc::new(ground);
    let measured = match prepare(&ground, &mut signals).await {
        Ok(()) => Ok(measure(arguments, &ground, &mut signals).await),
        Err(failure) => Err(failure),
    };
    let cleaned = clean_up(&ground, &mut signals).await;
    let warning = cleaned.err().map(|left| Warning::new(Exit::Store, "not_cleaned_up", left));
    match measured {
        Ok((measured, stopped)) => {
            let report = Run { arguments, users, stopped, measured: &measured }.report(format)?;
            Ok(report.warn(warning))
        }
        Err(failure) => {
            // For programs, both are one object.
            Err(match warning {
                Some(left) if format == Format::Json => failure.and(left.sentence()),
                Some(left) => {
                    warning::tell_one(left, format);
                    failure
                }
                None => failure,
            })
        }
    }
}

fn users(arguments: &BenchArgs) -> Result<u32, Failure> {
    let tokens = arguments.tokens;
    let (users, least) = (arguments.users.unwrap_or(tokens.div_ceil(USUAL)), tokens.div_ceil(TOKENS_A_USER));
    if users < least {
        return Err(Failure::usage(format!(
            "a user has {TOKENS_A_USER} tokens at most, so that revoking them holds up nobody: give --users {least} or more, \
             or fewer --tokens"
        )));
    }
    Ok(users.min(tokens))
}

/// What was measured, and whether it was stopped.
async fn measure(arguments: &BenchArgs, ground: &Arc<Ground>, signals: &mut Signals) -> (Measured, bool) {
    let (time, monitor) = (arguments.time.as_duration(), Monitor::default());
    let job = {
        let ground = ground.clone();
        move |number| {
            let ground = ground.clone();
            async move { ground.validate(number).await }
        }
    };
    let extent = Extent::Time(time);
    let measured = match arguments.callers {
        Some(callers) => {
            let callers = NonZeroUsize::new(callers as usize).unwrap_or(NonZeroUsize::MIN);
            let plan = Closed::new(callers, time);
            part("validating", extent, &monitor, signals, closed(&plan, &monitor, job)).await
        }
        None => {
            let rate = NonZeroU32::new(arguments.rate).unwrap_or(NonZeroU32::MIN);
            let plan = Open::new(rate, time);
            part("validating", extent, &monitor, signals, open(&plan, &monitor, job)).await
        }
    };
    (measured, monitor.is_stopped())
}
