//! From a store URL to a store: the only place that names every kind of store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use token_core::spi::TokenStore;
use token_core::{ConfirmationLevel, KeyFit, KeyRing, Span, StoreError, StoreErrorKind, TokenService};
use token_doctor::Finding;
use token_doctor::redis::Role;
use token_redis::{LocalCache, Options, RedisStore, Tls};
use token_sqlite::SqliteStore;

use crate::args::Settings;
use crate::failure::Failure;
use crate::keys;
use crate::missing_store;
use crate::paths;
use crate::scratch::Scratch;
use crate::store_name::{StoreName, default_database, embedded, key_file_beside};

/// Tokens in whatever store the settings name.
pub(crate) type Tokens = TokenService<Arc<dyn TokenStore>>;

/// Opens the store that the settings name, which must be there.
pub(crate) async fn open(settings: &Settings) -> Result<Tokens, Failure> {
    Ok(opened(settings, None, None).await?.0)
}

/// Opens the store that the settings name. The embedded one is created if it is not there yet, and that is reported on
/// standard error: a mistyped path must not pass for a store without tokens.
pub(crate) async fn open_or_create(settings: &Settings) -> Result<Tokens, Failure> {
    match StoreName::of(settings)? {
        StoreName::Sqlite(database) if database.try_exists().is_ok_and(|exists| !exists) => {
            let key_file_beside = key_file_beside(&database);
            let key_file = key_file(settings).unwrap_or(&key_file_beside);
            let has_keys = key_file.exists();
            let store: Arc<dyn TokenStore> = Arc::new(sqlite(&database, settings, SqliteStore::open)?);
            missing_store::report_created(&database, key_file, has_keys);
            Ok(TokenService::new(store, settings.prefix.clone()))
        }
        _ => open(settings).await,
    }
}

/// As [`open`], for `serve`: with a local cache if one is asked for, and the store itself if it has connections to watch
/// over. The key file of another deployment is refused.
pub(crate) async fn open_watched(
    settings: &Settings,
    cache: Option<LocalCache>,
) -> Result<(Tokens, Option<Arc<RedisStore>>), Failure> {
    opened(settings, cache, Some("serve")).await
}

/// Opens the store. `demanding_keys` is what the keys must fit for.
async fn opened(
    settings: &Settings,
    cache: Option<LocalCache>,
    demanding_keys: Option<&str>,
) -> Result<(Tokens, Option<Arc<RedisStore>>), Failure> {
    let (store, watched): (Arc<dyn TokenStore>, _) = match StoreName::of(settings)? {
        StoreName::Sqlite(_) if cache.is_some() => {
            return Err(Failure::usage("the embedded store needs no cache: leave --cache out"));
        }
        StoreName::Sqlite(database) => {
            let typed = settings.store.is_some();
            missing_store::refuse(&database, &key_file_beside(&database), typed)?;
            let store = sqlite(&database, settings, SqliteStore::open_existing)?;
            if let Some(doing) = demanding_keys {
                require(&store.key_fit().map_err(misconfigured)?, doing)?;
            }
            (Arc::new(store), None)
        }
        StoreName::Redis(url) => {
            let mut options = options(settings)?;
            options.local_cache = cache;
            let store = Arc::new(redis(url, settings, options).await?);
            if let Some(doing) = demanding_keys {
                require(&store.key_fit().await, doing)?;
            }
            (store.clone(), Some(store))
        }
    };
    Ok((TokenService::new(store, settings.prefix.clone()), watched))
}

/// Tokens that can come and go without a trace, in whatever store the settings name. What is kept there is not touched:
/// the embedded store is another file in the same folder, and removed with the value.
pub(crate) struct Apart {
    /// The tokens.
    pub(crate) tokens: Tokens,
    /// Where they are, if they go with it.
    pub(crate) scratch: Option<Scratch>,
}

/// Opens the store that the settings name for tokens that leave nothing behind; `name` is no other run's. The key file of
/// another deployment is refused, as for an issue.
pub(crate) async fn open_apart(settings: &Settings, name: &str) -> Result<Apart, Failure> {
    let (store, scratch): (Arc<dyn TokenStore>, _) = match StoreName::of(settings)? {
        StoreName::Sqlite(database) => {
            refuse_other_keys(&database, settings)?;
            let (scratch, store) = Scratch::beside(&database, name)?;
            (Arc::new(store), Some(scratch))
        }
        StoreName::Redis(url) => {
            let mut options = options(settings)?;
            // Nobody depends on what becomes of these tokens, nor asks what became of them.
            options.confirm = Some(ConfirmationLevel::Local);
            options.tombstone_retention = Span::MIN;
            options.note_keys = false;
            let store = redis(url, settings, options).await?;
            require(&store.key_fit().await, BENCH)?;
            (Arc::new(store), None)
        }
    };
    Ok(Apart { tokens: TokenService::new(store, settings.prefix.clone()), scratch })
}

/// What keys have to fit for in a benchmark.
const BENCH: &str = "bench";

/// The tokens of a benchmark are not in the database, so that its keys are compared here.
fn refuse_other_keys(database: &Path, settings: &Settings) -> Result<(), Failure> {
    if key_file(settings).is_none() || !database.exists() {
        return Ok(());
    }
    let store = sqlite(database, settings, SqliteStore::open_existing)?;
    require(&store.key_fit().map_err(misconfigured)?, BENCH)
}

/// Examines the store that the settings name, without opening it.
pub(crate) async fn examine(settings: &Settings, role: Option<Role>) -> Result<Vec<Finding>, Failure> {
    match StoreName::of(settings)? {
        StoreName::Sqlite(database) => {
            let beside = key_file_beside(&database);
            // Without a name, there is no path to mistype: the first token creates the store of this user.
            if settings.store.is_some() {
                missing_store::refuse(&database, &beside, true)?;
            }
            let mut findings = token_doctor::sqlite::examine(&database);
            let key_file = key_file(settings).unwrap_or(&beside);
            findings.push(keys::of_a_database(key_file, database.exists()));
            // Without keys there is another finding.
            if let Ok(ring) = keys::read_keys(key_file) {
                findings.extend(token_doctor::sqlite::examine_tokens(&database, &ring));
            }
            Ok(findings)
        }
        StoreName::Redis(url) => {
            let ring = match key_file(settings) {
                // A file that cannot be read is another finding.
                Some(path) => keys::read_keys(path).ok(),
                None => Some(Arc::new(KeyRing::public())),
            };
            let examined =
                token_doctor::redis::examine(url, &options(settings)?, role, ring.as_deref()).await;
            let mut findings = examined.map_err(misconfigured)?;
            findings.push(keys::of_a_server(key_file(settings)));
            Ok(findings)
        }
    }
}

fn sqlite(
    database: &Path,
    settings: &Settings,
    open: fn(&Path, Arc<KeyRing>) -> Result<SqliteStore, StoreError>,
) -> Result<SqliteStore, Failure> {
    if settings.confirm == Some(ConfirmationLevel::Replicated) {
        return Err(Failure::usage("the embedded store has no replicas: it confirms \"disk\", by default"));
    }
    let opened = match key_file(settings) {
        Some(path) => open(database, keys::read_keys(path)?),
        None => token_sqlite::keyfile::open_with_keys(database, &key_file_beside(database), open),
    };
    opened.map_err(misconfigured)
}

async fn redis(url: &str, settings: &Settings, options: Options) -> Result<RedisStore, Failure> {
    let ring = match key_file(settings) {
        Some(path) => keys::read_keys(path)?,
        None => Arc::new(KeyRing::public()),
    };
    RedisStore::connect(url, ring, options).await.map_err(misconfigured)
}

fn options(settings: &Settings) -> Result<Options, Failure> {
    let mut options = Options::default();
    options.namespace = settings.namespace.clone();
    options.confirm = settings.confirm;
    options.confirm_within(settings.confirm_timeout.as_duration());
    options.tls = tls(settings)?;
    Ok(options)
}

/// Refuses the keys of another deployment. A node that lacks those of the store goes on, since they may be added.
fn require(fit: &KeyFit, doing: &str) -> Result<(), Failure> {
    fit.require(doing).map_err(misconfigured)?;
    if let Some(trouble) = fit.trouble() {
        tracing::warn!("{trouble}");
    }
    Ok(())
}

/// The same error; one that other settings mend is a single sentence.
fn misconfigured(error: StoreError) -> Failure {
    Failure::Store(match error.kind() {
        kind @ StoreErrorKind::Misconfigured => StoreError::new(kind, with_cause(&error)),
        _ => error,
    })
}

const TLS_CERT: &str = "TOKEN_TLS_CERT (--tls-cert)";
const TLS_KEY: &str = "TOKEN_TLS_KEY (--tls-key)";

fn tls(settings: &Settings) -> Result<Tls, Failure> {
    let read = |what, path: &PathBuf| {
        std::fs::read(path).map_err(|error| Failure::usage(paths::unreadable(what, path, &error, "")))
    };
    let client = match (&settings.tls_cert, &settings.tls_key) {
        (Some(certificate), Some(key)) => {
            Some((read("certificate (--tls-cert)", certificate)?, read("private key (--tls-key)", key)?))
        }
        (None, None) => None,
        (Some(_), None) => return Err(Failure::half(TLS_CERT, TLS_KEY)),
        (None, Some(_)) => return Err(Failure::half(TLS_KEY, TLS_CERT)),
    };
    let authorities = settings.tls_ca.as_ref().map(|path| read("authorities (--tls-ca)", path));
    Ok(Tls { authorities: authorities.transpose()?, client })
}

/// The keys that the settings name, if they can be read; else those beside the embedded database.
pub(crate) fn keys_at_hand(store: Option<&str>, key_file: Option<&Path>) -> Option<Arc<KeyRing>> {
    if let Some(path) = key_file {
        return keys::read_keys(path).ok();
    }
    let database = match store {
        None => default_database().ok()?,
        Some(url) => embedded(url)?.into(),
    };
    keys::read_keys(&key_file_beside(&database)).ok()
}

fn key_file(settings: &Settings) -> Option<&Path> {
    settings.key_file.as_deref()
}

fn with_cause(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        // Texts of libraries may have several lines.
        Some(cause) => {
            let words: Vec<_> = cause.to_string().split_whitespace().map(str::to_owned).collect();
            format!("{error} ({})", words.join(" "))
        }
        None => error.to_string(),
    }
}
