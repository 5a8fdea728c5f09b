//! Parses store URLs.
//!
//! Every part of a URL is either understood or refused: an ignored parameter might be the one that requires TLS. No error
//! repeats text that may be a password.

mod hosts;
mod parameters;
mod scheme;

#[cfg(test)]
mod pasted;
#[cfg(test)]
mod tests;

use percent_encoding::percent_decode_str;
use redis::{RedisConnectionInfo, TlsCertificates};
use token_core::{StoreError, StoreErrorKind};
use url::Url;

use self::parameters::{Allowed, Parameters};
use self::scheme::{Kind, Scheme};
use super::store_url::{Address, StoreUrl, TopologyKind};

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Parses a store URL. The certificates are used if its scheme requires TLS.
pub(super) fn parse(text: &str, certificates: Option<TlsCertificates>) -> Result<StoreUrl, StoreError> {
    // Spaces, line ends and byte order marks around a URL are not part of it.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let scheme = Scheme::of(text)?;
    let mut target = match scheme.kind {
        Kind::Server => server(text, scheme),
        Kind::Socket => socket(text, scheme),
        Kind::Cluster => cluster(text, scheme),
        Kind::Sentinel => sentinel(text, scheme),
    }?;
    if !scheme.tls && certificates.as_ref().is_some_and(are_given) {
        refuse_certificates(scheme)?;
    }
    if scheme.tls {
        target.set_tls(certificates.unwrap_or(TlsCertificates { client_tls: None, root_cert: None }));
    }
    Ok(target)
}

fn are_given(certificates: &TlsCertificates) -> bool {
    certificates.client_tls.is_some() || certificates.root_cert.is_some()
}

/// Certificates without TLS are refused: the caller expects an encrypted connection. They are accepted for a socket of this
/// machine, which needs no encryption, so that the same settings serve for other stores.
fn refuse_certificates(scheme: Scheme) -> Result<(), StoreError> {
    if scheme.kind == Kind::Socket {
        return Ok(());
    }
    Err(refuse(&format!(
        "certificates are given (--tls-ca, --tls-cert, Tls), but its scheme asks for no TLS: write {}:// for TLS, or leave \
         the certificates out",
        Scheme { tls: true, ..scheme }.name()
    )))
}

fn server(text: &str, scheme: Scheme) -> Result<StoreUrl, StoreError> {
    let form = scheme.form();
    let url = read(text, &form)?;
    let address = hosts::of(&url, REDIS_PORT).ok_or_else(|| malformed(text, &form))?;
    let parameters = Parameters::read(&url, scheme, &[Allowed::Database])?;
    let settings = credentials(text, &form, &url)?;
    let database = database(&url, scheme, &parameters)?;
    Ok(StoreUrl::new(TopologyKind::Server, vec![address], settings.set_db(database)))
}

/// The path is that of the socket, so everything else is in parameters.
fn socket(text: &str, scheme: Scheme) -> Result<StoreUrl, StoreError> {
    let form = scheme.form();
    let url = read(text, &form)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let path = url.to_file_path().ok().filter(|path| !has_user && path.file_name().is_some());
    let path = path.ok_or_else(|| malformed(text, &form))?;
    let parameters = Parameters::read(&url, scheme, &[Allowed::Database, Allowed::User, Allowed::Password])?;
    let mut settings = RedisConnectionInfo::default();
    if let Some(user) = parameters.one(Allowed::User) {
        if parameters.one(Allowed::Password).is_none() {
            return Err(refuse(&form));
        }
        settings = settings.set_username(user);
    }
    if let Some(password) = parameters.one(Allowed::Password) {
        settings = settings.set_password(password);
    }
    let database = parameters.database(scheme)?.unwrap_or(0);
    Ok(StoreUrl::new(TopologyKind::Server, vec![Address::Unix(path)], settings.set_db(database)))
}

fn cluster(text: &str, scheme: Scheme) -> Result<StoreUrl, StoreError> {
    let form = scheme.form();
    let (url, others) = hosts::first(text).ok_or_else(|| malformed(text, &form))?;
    let url = read(&url, &form)?;
    let parameters = Parameters::read(&url, scheme, &[Allowed::Database, Allowed::Node])?;
    if !matches!(url.path(), "" | "/" | "/0")
        || parameters.database(scheme)?.is_some_and(|database| database != 0)
    {
        return Err(refuse("a Redis Cluster has no numbered databases: leave the number out"));
    }
    let mut nodes = vec![hosts::of(&url, REDIS_PORT).ok_or_else(|| malformed(text, &form))?];
    for node in others.iter().copied().chain(parameters.all(Allowed::Node)) {
        nodes.push(hosts::listed(node, REDIS_PORT).ok_or_else(|| malformed(text, &form))?);
    }
    let settings = credentials(text, &form, &url)?;
    Ok(StoreUrl::new(TopologyKind::Cluster, nodes, settings))
}

fn sentinel(text: &str, scheme: Scheme) -> Result<StoreUrl, StoreError> {
    let form = scheme.form();
    let (url, others) = hosts::first(text).ok_or_else(|| malformed(text, &form))?;
    let url = read(&url, &form)?;
    let mut sentinels = vec![hosts::of(&url, SENTINEL_PORT).ok_or_else(|| malformed(text, &form))?];
    for host in others {
        sentinels.push(hosts::listed(host, SENTINEL_PORT).ok_or_else(|| malformed(text, &form))?);
    }
    let parameters = Parameters::read(&url, scheme, &[Allowed::Database, Allowed::Service])?;
    let service = parameters.one(Allowed::Service).filter(|service| !service.is_empty());
    let service = service.ok_or_else(|| {
        refuse("the parameter sentinelServiceName=NAME is needed: what the Sentinels call the servers")
    })?;
    let settings = credentials(text, &form, &url)?;
    let database = database(&url, scheme, &parameters)?;
    let kind = TopologyKind::Sentinel { service: service.to_owned() };
    Ok(StoreUrl::new(kind, sentinels, settings.set_db(database)))
}

fn read(text: &str, form: &str) -> Result<Url, StoreError> {
    let url = Url::parse(text).map_err(|error| malformed(text, form).caused_by(error))?;
    match url.fragment() {
        None => Ok(url),
        Some("insecure") => Err(refuse(
            "certificates are always verified: leave #insecure out, and name the authority that signed the server's \
             certificate (--tls-ca)",
        )),
        Some(_) => Err(refuse("nothing may stand behind #; in a password write %23 for it")),
    }
}

/// The number of the database: in the path, or as a parameter.
fn database(url: &Url, scheme: Scheme, parameters: &Parameters) -> Result<i64, StoreError> {
    let in_path = match url.path().strip_prefix('/').unwrap_or_default() {
        "" => None,
        number => Some(parameters::number(number, scheme)?),
    };
    match (in_path, parameters.database(scheme)?) {
        (Some(one), Some(other)) if one != other => {
            Err(refuse("it names two databases: one in the path, and another one as a parameter"))
        }
        (one, other) => Ok(one.or(other).unwrap_or(0)),
    }
}

/// Refuses a user without a password: the login would omit it, and the server would use its default user.
fn credentials(text: &str, form: &str, url: &Url) -> Result<RedisConnectionInfo, StoreError> {
    let decoded = |part: &str| decode(part).ok_or_else(|| malformed(text, form));
    let mut settings = RedisConnectionInfo::default();
    if !url.username().is_empty() {
        if url.password().is_none_or(str::is_empty) {
            return Err(refuse(&format!(
                "it has a user without a password, perhaps from a variable that is not set; {form}",
            )));
        }
        settings = settings.set_username(decoded(url.username())?);
    }
    if let Some(password) = url.password() {
        settings = settings.set_password(decoded(password)?);
    }
    Ok(settings)
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// The URL has another form. Usually the cause is a password with characters that have a meaning in a URL.
fn malformed(text: &str, form: &str) -> StoreError {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    match authority.find(['/', '?', '#']).and_then(|end| authority.get(end..)) {
        Some(rest) if rest.contains('@') => {
            refuse(&format!("{form}; in a password write %2F for /, %3F for ?, %23 for # and %25 for %"))
        }
        // Only in a list of hosts: a password may contain commas.
        _ if authority.contains(',') && !authority.contains('@') => {
            refuse(&format!("{form}; several hosts stand in redis-cluster:// and redis-sentinel:// alone"))
        }
        _ => refuse(form),
    }
}

/// Does not repeat the URL, which may contain a password.
fn refuse(problem: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, format!("cannot use this store URL: {problem}"))
}
