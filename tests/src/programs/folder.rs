//! A WebDAV folder behind a proxy that asks the sidecar about every request.

use std::fs;
use std::path::{Path, PathBuf};

use super::daemon::{Daemon, program};
use super::published::published_block_with;

/// nginx with `auth_request` in front of a folder that it serves itself: `/files/`.
#[derive(Debug)]
pub struct NginxFolder(Daemon);

impl NginxFolder {
    /// Starts it with the sidecar at this URL.
    ///
    /// # Panics
    /// It does not start.
    pub async fn asking(auth: &str) -> Self {
        let nginx = program("nginx", "nginx-light libnginx-mod-http-dav-ext");
        Self(Daemon::start_in(&nginx, |port, directory| nginx_arguments(port, directory, auth)).await)
    }

    /// The URL of the folder, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/files/", self.0.url())
    }

    /// The folder of its files.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.0.directory().join("files")
    }

    /// The log of nginx.
    #[must_use]
    pub fn said(&self) -> String {
        let log = fs::read_to_string(self.0.directory().join("error.log"));
        format!("{}{}", self.0.said(), log.unwrap_or_default())
    }
}

fn nginx_arguments(port: u16, directory: &Path, auth: &str) -> Vec<String> {
    let home = directory.display();
    put(directory, &[]);
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {home}/{kind};\n"))
        .concat();
    let configuration = format!(
        "load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
        user root; daemon off; pid {home}/pid; worker_processes 1; error_log {home}/error.log;
        events {{ }}
        http {{
          access_log off;
          {temporary}
          server {{
            listen 127.0.0.1:{port};
            location = /_auth {{
              internal;
              proxy_pass {auth};
              proxy_pass_request_body off;
              proxy_set_header Content-Length \"\";
            }}
            location /files/ {{
              auth_request /_auth;
              auth_request_set $user $upstream_http_x_token_user;
              add_header X-Seen-User $user always;
              root {home};
              autoindex on;
              dav_methods PUT DELETE MKCOL COPY MOVE;
              dav_ext_methods PROPFIND OPTIONS;
            }}
          }}
        }}"
    );
    fs::write(directory.join("nginx.conf"), configuration).expect("room for a file");
    ["-c".to_owned(), format!("{home}/nginx.conf"), "-p".to_owned(), home.to_string()].to_vec()
}

/// Caddy with `forward_auth` in front of files that it serves itself: `/files/`.
#[derive(Debug)]
pub struct CaddyFolder(Daemon);

impl CaddyFolder {
    /// Starts it with the sidecar at this URL, and these files in the folder.
    ///
    /// # Panics
    /// It does not start.
    pub async fn asking(sidecar: &str, files: &[(&str, &str)]) -> Self {
        Self::start(sidecar, "file_server", files).await
    }

    /// The same in front of a service at this URL, with the minimal configuration.
    ///
    /// # Panics
    /// It does not start.
    pub async fn in_front_of(service: &str, sidecar: &str) -> Self {
        Self::start(sidecar, &format!("reverse_proxy {service}"), &[]).await
    }

    async fn start(sidecar: &str, service: &str, files: &[(&str, &str)]) -> Self {
        let caddy = program("caddy", "caddy");
        let arguments = |port, directory: &Path| caddy_arguments(port, directory, [sidecar, service], files);
        Self(Daemon::start_in(&caddy, arguments).await)
    }

    /// The log of Caddy.
    #[must_use]
    pub fn said(&self) -> String {
        self.0.said()
    }

    /// The URL of the folder, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/files/", self.0.url())
    }
}

fn caddy_arguments(
    port: u16,
    directory: &Path,
    [sidecar, service]: [&str; 2],
    files: &[(&str, &str)],
) -> Vec<String> {
    let home = directory.display();
    put(directory, files);
    let seen = format!(
        "header X-Seen-User {{http.request.header.X-Token-User}}
        header X-Seen-Label \"[{{http.request.header.X-Token-Label}}]\"
        header X-Seen-Underscore \"[{{http.request.header.X_Token_User}}]\"
        root * {home}
        {service}"
    );
    let address = format!("127.0.0.1:{port}");
    let sidecar = sidecar.trim_start_matches("http://");
    let forward_auth = format!("forward_auth {sidecar}");
    let replaced = [
        // Replace the service first: its replacement may contain the address of a sidecar.
        ("reverse_proxy 127.0.0.1:9000", seen.as_str()),
        ("127.0.0.1:8000", address.as_str()),
        ("forward_auth 127.0.0.1:8080", forward_auth.as_str()),
    ];
    let block = published_block_with("proxies/caddy.md", "caddy", &replaced);
    let options = format!("admin off\nauto_https off\nstorage file_system {home}/storage");
    let configuration = format!("{{\n{options}\n}}\n{block}");
    fs::write(directory.join("Caddyfile"), configuration).expect("room for a file");
    let words = ["run", "--adapter", "caddyfile", "--config"].map(str::to_owned);
    words.into_iter().chain([format!("{home}/Caddyfile")]).collect()
}

/// Apache with `mod_auth_openidc` in front of files that it serves itself: `/files/`. It does not know our tokens, and sends
/// each of them to the introspection endpoint.
#[derive(Debug)]
pub struct ApacheFolder(Daemon);

impl ApacheFolder {
    /// Starts it with the sidecar at this `https` URL, whose certificate was signed by this authority; with this user and token
    /// as its client credentials; and with these files in the folder.
    ///
    /// # Panics
    /// It does not start.
    pub async fn introspecting(
        sidecar: &str,
        authority: &Path,
        [user, token]: [&str; 2],
        files: &[(&str, &str)],
    ) -> Self {
        let apache = program("apache2", "apache2 libapache2-mod-auth-openidc");
        let authority = authority.display().to_string();
        let (client, secret) = (format!("ClientID {user}"), format!("ClientSecret {token}"));
        let replaced = [
            ("https://127.0.0.1:8443", sidecar),
            ("/etc/ssl/certs/ca-certificates.crt", authority.as_str()),
            ("ClientID files", client.as_str()),
            ("ClientSecret TOKEN", secret.as_str()),
        ];
        let oauth = published_block_with("proxies/apache.md", "apache", &replaced);
        let configured = |port, directory: &Path| apache_arguments(port, directory, &oauth, files);
        Self(Daemon::start_in(&apache, configured).await)
    }

    /// The URL of the folder, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/files/", self.0.url())
    }

    /// The log of Apache.
    #[must_use]
    pub fn said(&self) -> String {
        let log = fs::read_to_string(self.0.directory().join("error.log"));
        format!("{}{}", self.0.said(), log.unwrap_or_default())
    }
}

fn apache_arguments(port: u16, directory: &Path, oauth: &str, files: &[(&str, &str)]) -> Vec<String> {
    let home = directory.display();
    put(directory, files);
    // Started by root, it runs as another user, who must be able to read the files.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(directory, open).expect("the directory is ours");
    let modules: String = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc"]
        .map(|module| format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n"))
        .concat();
    let configuration = format!(
        "{modules}
        ServerName 127.0.0.1
        Listen 127.0.0.1:{port}
        User www-data
        Group www-data
        DefaultRuntimeDir {home}
        PidFile {home}/pid
        ErrorLog {home}/error.log
        DocumentRoot {home}
        {oauth}"
    );
    fs::write(directory.join("apache.conf"), configuration).expect("room for a file");
    ["-D", "FOREGROUND", "-f"].map(str::to_owned).into_iter().chain([format!("{home}/apache.conf")]).collect()
}

/// HAProxy with a Lua action in front of a service.
#[derive(Debug)]
pub struct HaproxyFolder(Daemon);

impl HaproxyFolder {
    /// Starts it in front of the service at this port, with the sidecar at this URL.
    ///
    /// # Panics
    /// It does not start.
    pub async fn in_front_of(service: u16, sidecar: &str) -> Self {
        let haproxy = program("haproxy", "haproxy");
        let arguments = |port, directory: &Path| haproxy_arguments(port, directory, service, sidecar);
        Self(Daemon::start_in(&haproxy, arguments).await)
    }

    /// The URL of the folder, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/files/", self.0.url())
    }

    /// The log of HAProxy.
    #[must_use]
    pub fn said(&self) -> String {
        self.0.said()
    }
}

fn haproxy_arguments(port: u16, directory: &Path, service: u16, sidecar: &str) -> Vec<String> {
    let home = directory.display();
    let script = published_block_with("proxies/haproxy.md", "lua", &[("http://127.0.0.1:8080", sidecar)]);
    fs::write(directory.join("token-auth.lua"), script).expect("room for a file");
    let (bind, server) = (format!("bind 127.0.0.1:{port}"), format!("server one 127.0.0.1:{service}"));
    let replaced = [
        ("/etc/haproxy", home.to_string()),
        ("bind 127.0.0.1:8000", bind),
        ("server one 127.0.0.1:9000", server),
    ];
    let replaced = replaced.each_ref().map(|(from, to)| (*from, to.as_str()));
    let configuration = published_block_with("proxies/haproxy.md", "haproxy", &replaced);
    fs::write(directory.join("haproxy.cfg"), configuration).expect("room for a file");
    ["-db".to_owned(), "-f".to_owned(), format!("{home}/haproxy.cfg")].to_vec()
}

/// Writes files into the folder.
fn put(directory: &Path, files: &[(&str, &str)]) {
    let folder = directory.join("files");
    fs::create_dir_all(&folder).expect("room for a folder");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("room for a file");
    }
}
