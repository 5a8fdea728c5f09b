//! Examining a deployment on Redis: whether it is set up so that tokens are safe in it.
//!
//! Three steps, each in files of its own: `discovery` finds all servers, `queries` (and `sentinels`) asks each of them over
//! a connection of its own, and `checks` judges the answers, and sends nothing. A server that cannot be asked is a finding
//! like any other: an examination has to work while the store does not.

mod checks;
mod collector;
mod discovery;
mod info;
mod observed;
mod permissions;
mod queries;
mod role;
mod sentinels;
mod snapshot;

use std::sync::Arc;

use crate::Finding;
use token_core::{KeyRing, StoreError};
use token_redis::Options;
use token_redis::inspect::Deployment;

use self::checks::Examiner;
use self::collector::Collector;
pub use self::role::{Role, RoleError};

/// Examines all servers of a store, for a user who should have `role`; by default the role that the user in the URL has
/// the name of, else [`Role::Admin`].
///
/// It needs no store that works, and changes nothing. Each server has [`Options::deadline`] for all its answers; all are
/// asked at the same time, those that the URL does not name after those that it names.
///
/// `keys` are those of this node; without them, nothing is found out about keys.
///
/// # Errors
/// The URL is of another form, or the certificates cannot be used.
pub async fn examine(
    url: &str,
    options: &Options,
    role: Option<Role>,
    keys: Option<&KeyRing>,
) -> Result<Vec<Finding>, StoreError> {
    let target = Deployment::new(url, options)?;
    let user = target.user().unwrap_or("default").to_owned();
    let role = role.or_else(|| user.parse().ok()).unwrap_or(Role::Admin);
    let collector =
        Collector { target, namespace: options.namespace.clone(), role, deadline: options.deadline };
    let snapshot = discovery::take_snapshot(Arc::new(collector)).await;
    Ok(checks::all(&snapshot, &Examiner { user, role }, keys))
}
