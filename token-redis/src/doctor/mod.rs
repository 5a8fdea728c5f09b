//! Examining a deployment: whether it is set up so that tokens are safe in it.
//!
//! Three steps, each in files of its own: [`tour`] finds all servers, [`gather`] (and [`sentinels`]) asks each of them
//! over a connection of its own, and [`checks`] judges what was found out, asking nobody. A server that cannot be asked
//! is a finding like any other: the examination is made for days on which the store does not work.

mod checks;
mod collector;
mod gather;
mod info;
mod permissions;
mod role;
mod scene;
mod seen;
mod sentinels;
mod tour;

use std::sync::Arc;

use token_core::{Finding, KeyRing, StoreError};

use self::checks::Examiner;
use self::collector::Collector;
pub use self::role::{Role, RoleError};
use crate::connection::StoreUrl;
use crate::options::Options;

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
    let target = StoreUrl::parse(url, Some(options.tls.certificates()))?;
    if target.certificates().is_some() {
        options.tls.prepare()?;
    }
    let user = target.user().unwrap_or("default").to_owned();
    let role = role.or_else(|| user.parse().ok()).unwrap_or(Role::Admin);
    let collector = Collector {
        target: Arc::new(target),
        namespace: options.namespace.clone(),
        role,
        deadline: options.deadline,
    };
    let scene = tour::look_at_all(Arc::new(collector)).await;
    Ok(checks::all(&scene, &Examiner { user, role }, keys))
}
