//! The configuration of a server.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::certificates::{Certificates, ClientCertificates};
use super::proxies;
use super::roles::{HANDS, Roles};

/// The file in its directory that a Sentinel reads, and rewrites when its state changes.
const SENTINEL_FILE: &str = "sentinel.conf";

/// The configuration of a server, without its ports and directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    arguments: Vec<String>,
    tls: Option<(Arc<Certificates>, ClientCertificates)>,
    /// Whether others connect through [`Proxies`](super::proxies::Proxies).
    proxied: bool,
    roles: Option<Arc<Roles>>,
    /// The initial configuration of a Sentinel; empty for a data server.
    watch: Option<String>,
}

impl Plan {
    /// A data server with these arguments, after the default ones.
    pub(super) fn new(arguments: &[&str]) -> Self {
        Self::default().and(arguments)
    }

    /// Adds these arguments.
    pub(super) fn and(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// A Sentinel with these lines in its configuration.
    pub(super) fn watching(self, lines: &[String]) -> Self {
        Self { watch: Some(lines.join("\n")), ..self }
    }

    /// Makes it use only TLS.
    pub(super) fn with_tls(mut self, certificates: Arc<Certificates>, clients: ClientCertificates) -> Self {
        self.tls = Some((certificates, clients));
        self
    }

    /// Makes it possible to cut it off.
    pub(super) fn behind_proxies(self) -> Self {
        Self { proxied: true, ..self }
    }

    pub(super) fn is_behind_proxies(&self) -> bool {
        self.proxied
    }

    /// Makes all clients log in as one of these roles.
    pub(super) fn with_roles(mut self, roles: Arc<Roles>) -> Self {
        self.roles = Some(roles);
        self
    }

    /// User and password of the harness itself, if a login is required.
    pub(super) fn login(&self) -> Option<[String; 2]> {
        self.roles.as_ref().map(|_| [HANDS.to_owned(), Roles::password(HANDS)])
    }

    pub(super) fn certificates(&self) -> Option<&Certificates> {
        self.tls.as_ref().map(|(certificates, _)| &**certificates)
    }

    /// The arguments of the program for these ports and this directory.
    ///
    /// # Errors
    /// The configuration file of a Sentinel cannot be written.
    pub(super) fn command_line(&self, ports: Ports, directory: &Path) -> io::Result<Vec<String>> {
        if let Some(watch) = &self.watch {
            return self.sentinel_arguments(watch, ports, directory);
        }
        let mut arguments = own_arguments(directory);
        match &self.tls {
            Some((certificates, clients)) => {
                arguments.extend(tls_arguments(certificates, *clients, ports.listens));
            }
            None => arguments.extend(["--port".to_owned(), ports.listens.to_string()]),
        }
        if self.proxied {
            arguments.extend(arguments_behind_proxies(ports.seen));
        }
        arguments.extend(self.roles.iter().flat_map(|roles| role_arguments(roles)));
        arguments.extend_from_slice(&self.arguments);
        Ok(arguments)
    }

    fn sentinel_arguments(&self, watch: &str, ports: Ports, directory: &Path) -> io::Result<Vec<String>> {
        let file = directory.join(SENTINEL_FILE);
        // A restarted Sentinel continues with its state.
        if !file.exists() {
            let Ports { seen, listens } = ports;
            let listen = match &self.tls {
                Some((certificates, clients)) => lines(&tls_arguments(certificates, *clients, listens)),
                None => format!("port {listens}\n"),
            };
            let mut own = format!("bind 127.0.0.1\ndir {}\n{listen}", directory.display());
            if self.proxied {
                let source = proxies::source(seen);
                own += &format!("bind-source-addr {source}\nsentinel announce-ip 127.0.0.1\n");
                own += &format!("sentinel announce-port {seen}\n");
            }
            fs::write(&file, format!("{own}{watch}\n"))?;
        }
        Ok(vec![file.to_string_lossy().into_owned(), "--sentinel".to_owned()])
    }
}

/// The ports of a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// The port that others use: that of its proxies, if it has any.
    pub(super) seen: u16,
    /// The port that the process listens on.
    pub(super) listens: u16,
}

/// On loopback, in its directory, without persistence, and without a delay before a replica is synchronised.
fn own_arguments(directory: &Path) -> Vec<String> {
    let directory = directory.to_string_lossy();
    let pairs = [
        ["--bind", "127.0.0.1"],
        ["--dir", &directory],
        ["--save", ""],
        ["--appendonly", "no"],
        ["--repl-diskless-sync-delay", "0"],
    ];
    pairs.concat().into_iter().map(str::to_owned).collect()
}

fn tls_arguments(certificates: &Certificates, clients: ClientCertificates, port: u16) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let pairs = [
        ["--port", "0"].map(str::to_owned),
        ["--tls-port".to_owned(), port.to_string()],
        ["--tls-replication", "yes"].map(str::to_owned),
        ["--tls-cluster", "yes"].map(str::to_owned),
        ["--tls-auth-clients", clients.as_argument()].map(str::to_owned),
        ["--tls-ca-cert-file".to_owned(), text(&certificates.ca())],
        ["--tls-cert-file".to_owned(), text(&certificates.server_certificate())],
        ["--tls-key-file".to_owned(), text(&certificates.server_key())],
    ];
    pairs.concat()
}

/// Announces the ports of its proxies, and connects to others from its own address.
fn arguments_behind_proxies(seen: u16) -> Vec<String> {
    let (port, bus) = (seen.to_string(), (seen + 10_000).to_string());
    let source = proxies::source(seen).to_string();
    let pairs = [
        ["--bind-source-addr", &source],
        ["--replica-announce-ip", "127.0.0.1"],
        ["--replica-announce-port", &port],
        ["--cluster-announce-ip", "127.0.0.1"],
        ["--cluster-announce-port", &port],
        ["--cluster-announce-bus-port", &bus],
    ];
    pairs.concat().into_iter().map(str::to_owned).collect()
}

/// Pairs of arguments, as lines of a configuration file.
fn lines(pairs: &[String]) -> String {
    pairs.chunks(2).map(|pair| format!("{}\n", pair.join(" ").trim_start_matches("--"))).collect()
}

/// The ACL file, and the user of this server when it becomes a replica.
fn role_arguments(roles: &Roles) -> [String; 6] {
    let file = roles.file().to_string_lossy().into_owned();
    let [user, password] = ["replica".to_owned(), Roles::password("replica")];
    ["--aclfile".to_owned(), file, "--masteruser".to_owned(), user, "--masterauth".to_owned(), password]
}
