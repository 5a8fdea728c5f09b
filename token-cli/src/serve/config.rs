//! The configuration file: what flags and the environment do not say.
//!
//! It is TOML with the names of the flags. A setting in it counts where neither a flag nor the environment has one.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use token_server::Address;
use toml::{Table, Value};

use super::config_file;
use super::redacted::without_password;
use crate::args::{Cli, Command, Names, ServeArgs, Settings, command};
use crate::failure::Failure;
use crate::preflight;

/// The command line, with what the file of `--config` adds.
pub(crate) fn with_file(cli: Cli, arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Failure> {
    let Command::Serve(serve) = &cli.command else { return Ok(cli) };
    let Some(path) = serve.config.clone() else { return Ok(cli) };
    let table = config_file::read(&path, |key| known(key).is_some())?;
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let wrong = |error: clap::Error| Failure::usage(format!("{}: {}", path.display(), first_line(&error)));
    let unfit = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let given = command().try_get_matches_from(&arguments).map_err(wrong)?;
    let given = given.subcommand_matches("serve").cloned().unwrap_or(given);
    for (name, value) in &table {
        let flag = known(name).ok_or_else(|| {
            Failure::usage(format!(
                "{}: there is no setting \"{name}\"; see token-cli serve --help",
                path.display()
            ))
        })?;
        if name == "key-file" && value.as_str().is_some_and(preflight::is_key) {
            return Err(unfit(preflight::KEY_FOR_PATH.into()));
        }
        if value.as_str().is_some_and(preflight::is_private_key) {
            return Err(unfit(preflight::PRIVATE_KEY_FOR_PATH.into()));
        }
        if !is_given(&given, flag.get_id().as_str()) && !is_list(name) {
            arguments.extend(config_file::arguments(&flag, value).map_err(unfit)?);
        }
    }
    // What the file says was not typed.
    let typed = cli.settings.for_servers.clone();
    let mut cli = Cli::read(arguments).map_err(wrong)?;
    cli.settings.for_servers = typed;
    if let Command::Serve(serve) = &mut cli.command {
        for (name, names) in [
            ("admin", &mut serve.admins),
            ("introspector", &mut serve.introspectors),
            ("any-user-name", &mut serve.presenting.any_user_names),
        ] {
            if let (Some(value), Some(flag), true) = (table.get(name), known(name), names.is_empty()) {
                *names = list(&flag, value).map_err(unfit)?;
            }
        }
    }
    Ok(cli)
}

/// Whether the setting is a list of names, each of which is taken as it stands.
fn is_list(name: &str) -> bool {
    matches!(name, "admin" | "introspector" | "any-user-name")
}

fn list(flag: &Arg, value: &Value) -> Result<Vec<Names>, String> {
    let name = flag.get_long().unwrap_or_default();
    let one = |text: &String| {
        let names = Names::one(text).map_err(|error| error.to_string());
        if name == "any-user-name" { names?.without_colon() } else { names }
    };
    let names = config_file::texts(flag, value)?;
    names.iter().map(one).map(|names| names.map_err(|why| format!("{name}: {why}"))).collect()
}

/// The argument that a setting of this name is.
fn known(name: &str) -> Option<Arg> {
    let command = command();
    let serve = command.find_subcommand("serve")?;
    let found = command
        .get_arguments()
        .chain(serve.get_arguments())
        .find(|argument| argument.get_long() == Some(name));
    found
        .filter(|argument| {
            !matches!(name, "config" | "print-config" | "json" | "output")
                && !argument.is_hide_set()
                && argument.get_long().is_some()
        })
        .cloned()
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    // Of two variables for the same, clap knows one.
    let elsewhere = id == "otlp_endpoint"
        && std::env::var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").is_ok_and(|value| !value.trim().is_empty());
    elsewhere || matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// What is wrong, without the hints about usage.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.trim_start_matches("error: ").lines().next().unwrap_or_default().to_owned()
}

/// The command line with its file, read again.
pub(super) fn reread() -> Result<(ServeArgs, Settings), Failure> {
    let wrong = |error: clap::Error| Failure::usage(first_line(&error));
    let cli = with_file(Cli::read(std::env::args_os()).map_err(wrong)?, std::env::args_os())?;
    cli.refuse_empty_settings()?;
    let Cli { command, settings, .. } = cli;
    match command {
        Command::Serve(arguments) => Ok((*arguments, settings)),
        _ => Err(Failure::usage("this is no sidecar")),
    }
}

/// The settings in force by name, each as one text. Passwords are left out.
pub(super) fn named(settings: &Settings, serve: &ServeArgs) -> BTreeMap<String, String> {
    let table = table(settings, Some(serve));
    table.into_iter().map(|(name, value)| (name, value.to_string())).collect()
}

/// The settings in force as a configuration file. Passwords are left out.
pub(super) fn shown(cli: &Cli) -> String {
    let serve = match &cli.command {
        Command::Serve(serve) => Some(&**serve),
        _ => None,
    };
    table(&cli.settings, serve).to_string()
}

/// The settings in force. Passwords are left out.
fn table(settings: &Settings, serve: Option<&ServeArgs>) -> Table {
    let mut table = Table::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.insert(name.into(), Value::String(value));
        }
    };
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    set("store", settings.store.as_deref().map(without_password));
    set("key-file", path(&settings.key_file));
    set("namespace", Some(settings.namespace.to_string()));
    set("prefix", Some(settings.prefix.as_str().to_owned()));
    set("confirm", settings.confirm.map(|level| level.to_string()));
    set("confirm-timeout", Some(settings.confirm_timeout.to_string()));
    set("tls-ca", path(&settings.tls_ca));
    set("tls-cert", path(&settings.tls_cert));
    set("tls-key", path(&settings.tls_key));
    if let Some(serve) = serve {
        set("listen-cert", path(&serve.listen_cert));
        set("listen-key", path(&serve.listen_key));
        set("issuer", serve.web.issuer.as_ref().map(ToString::to_string));
        set("realm", Some(serve.realm.to_string()));
        set("log-format", Some(serve.log_format.to_string()));
        set("cache", serve.cache.map(|age| age.to_string()));
        set("threads", serve.threads.map(|threads| threads.to_string()));
        set("at-once", Some(serve.at_once.to_string()));
        let connections = &serve.connections;
        set("idle-timeout", Some(connections.idle_timeout.to_string()));
        set("max-header-size", Some(connections.max_header_size.to_string()));
        set("max-headers", Some(connections.max_headers.to_string()));
        set("drain", Some(connections.drain.to_string()));
        set("fail-fast", Some(connections.fail_fast.to_string()));
        set("otlp-endpoint", serve.otlp_endpoint.as_deref().map(without_password));
        for (name, addresses) in [("listen", &serve.listen), ("grpc", &serve.grpc)] {
            if let Some(value) = addresses_shown(addresses) {
                table.insert(name.into(), value);
            }
        }
        let names = |names: &[Names]| {
            names.iter().cloned().flatten().map(|name| Value::String(name.to_string())).collect()
        };
        let trusted = serve.trusted_proxies.iter().map(|proxy| Value::String(proxy.to_string())).collect();
        table.insert("trusted-proxy".into(), Value::Array(trusted));
        table.insert("admin".into(), Value::Array(names(&serve.admins)));
        table.insert("introspector".into(), Value::Array(names(&serve.introspectors)));
        table.insert("any-user-name".into(), Value::Array(names(&serve.presenting.any_user_names)));
        let forms = serve.presenting.forms().map(|form| Value::String(form.name().into()));
        let origins = serve.web.cors_origins.iter().cloned().flatten();
        let origins = origins.map(|origin| Value::String(origin.to_string())).collect();
        table.insert("cors-origin".into(), Value::Array(origins));
        table.insert("accept".into(), Value::Array(forms.collect()));
    }
    table
}

/// One is a text, several are a list.
fn addresses_shown(addresses: &[Address]) -> Option<Value> {
    let text = |address: &Address| Value::String(address.to_string());
    match addresses {
        [] => None,
        [one] => Some(text(one)),
        several => Some(Value::Array(several.iter().map(text).collect())),
    }
}
