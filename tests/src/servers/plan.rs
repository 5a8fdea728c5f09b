//! What a server is started with.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::certificates::{Certificates, ClientCertificates};
use super::roles::{HANDS, Roles};

/// The file in its directory that a sentinel reads, and writes anew whenever it learns something.
const SENTINEL_FILE: &str = "sentinel.conf";

/// What a server is started with, besides its port and directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    arguments: Vec<String>,
    tls: Option<(Arc<Certificates>, ClientCertificates)>,
    roles: Option<Arc<Roles>>,
    /// What a sentinel is told at its first start. A data server has nothing of it.
    watch: Option<String>,
}

impl Plan {
    /// A data server with these arguments after our own.
    pub(super) fn new(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), ..Self::default() }
    }

    /// A sentinel with these lines in its configuration.
    pub(super) fn sentinel(lines: &[String]) -> Self {
        Self { watch: Some(lines.join("\n")), ..Self::default() }
    }

    /// The same, but it speaks nothing but TLS.
    pub(super) fn with_tls(mut self, certificates: Arc<Certificates>, clients: ClientCertificates) -> Self {
        self.tls = Some((certificates, clients));
        self
    }

    /// The same, but whoever comes must log in as one of these.
    pub(super) fn with_roles(mut self, roles: Arc<Roles>) -> Self {
        self.roles = Some(roles);
        self
    }

    /// User and password of the harness itself, where one must log in.
    pub(super) fn login(&self) -> Option<[String; 2]> {
        self.roles.as_ref().map(|_| [HANDS.to_owned(), Roles::password(HANDS)])
    }

    pub(super) fn certificates(&self) -> Option<&Certificates> {
        self.tls.as_ref().map(|(certificates, _)| &**certificates)
    }

    /// The arguments of the program for this port and directory.
    ///
    /// # Errors
    /// The file that a sentinel needs cannot be written.
    pub(super) fn command_line(&self, port: u16, directory: &Path) -> io::Result<Vec<String>> {
        if let Some(watch) = &self.watch {
            return self.sentinel_arguments(watch, port, directory);
        }
        let mut arguments = own_arguments(directory);
        match &self.tls {
            Some((certificates, clients)) => arguments.extend(tls_arguments(certificates, *clients, port)),
            None => arguments.extend(["--port".to_owned(), port.to_string()]),
        }
        arguments.extend(self.roles.iter().flat_map(|roles| role_arguments(roles)));
        arguments.extend_from_slice(&self.arguments);
        Ok(arguments)
    }

    fn sentinel_arguments(&self, watch: &str, port: u16, directory: &Path) -> io::Result<Vec<String>> {
        let file = directory.join(SENTINEL_FILE);
        // One that starts again goes on with what it knows.
        if !file.exists() {
            let listen = match &self.tls {
                Some((certificates, clients)) => lines(&tls_arguments(certificates, *clients, port)),
                None => format!("port {port}\n"),
            };
            let own = format!("bind 127.0.0.1\ndir {}\n{listen}", directory.display());
            fs::write(&file, format!("{own}{watch}\n"))?;
        }
        Ok(vec![file.to_string_lossy().into_owned(), "--sentinel".to_owned()])
    }
}

/// On loopback, in its directory, and nothing is kept. A replica is served as soon as it asks.
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

/// Pairs of arguments, as a configuration file has them.
fn lines(pairs: &[String]) -> String {
    pairs.chunks(2).map(|pair| format!("{}\n", pair.join(" ").trim_start_matches("--"))).collect()
}

/// Who may do what, and who this server is when it becomes the replica of another one.
fn role_arguments(roles: &Roles) -> [String; 6] {
    let file = roles.file().to_string_lossy().into_owned();
    let [user, password] = ["replica".to_owned(), Roles::password("replica")];
    ["--aclfile".to_owned(), file, "--masteruser".to_owned(), user, "--masterauth".to_owned(), password]
}
