//! The folder of `docker-compose.yml`, used by published WebDAV clients.

use std::path::Path;
use std::process::Stdio;

use token_tests::programs::{installed, program, script};
use tokio::process::Command;

use crate::clients::{With, cadaver, curl};
use crate::published::{NODE, Office};

/// Runs a client, and returns whether it succeeded, and its output.
async fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The files that the clients left, with their content.
fn files_in(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files_in(&entry.path());
            found.extend(below.into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
        } else {
            found.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

fn one(name: &str, text: &str) -> Vec<(String, String)> {
    vec![(name.into(), text.into())]
}

#[tokio::test]
async fn cadaver_lists_writes_moves_and_locks() {
    let office = Office::of_compose().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {NODE}:rw")).await;
    let home = office.cli.home();
    std::fs::write(home.join("note"), "hello").unwrap();
    let script = "mkcol coll\nput note coll/note\ncd coll\nls\nlock note\nput note note\nunlock note\n\
        copy note note2\nmove note2 note3\ncd ..\ncopy coll coll2\nmove coll2 coll3\nget coll3/note3 got\n\
        delete coll3/note\nrmcol coll";
    let said = cadaver(home, &office.folder.url(), "admin", &token, script).await;
    assert!(!said.contains("failed") && said.matches("succeeded").count() >= 13, "{said}");
    assert_eq!(std::fs::read_to_string(home.join("got")).unwrap(), "hello", "{said}");
    assert_eq!(files_in(&office.folder.files()), one("coll3/note3", "hello"), "{said}");
}

#[tokio::test]
async fn rclone_lists_writes_moves_and_deletes() {
    let office = Office::of_compose().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {NODE}:rw")).await;
    let home = office.cli.home();
    let configured = format!(
        "[f]\ntype = webdav\nvendor = other\nurl = {}\nbearer_token = {token}\n",
        office.folder.url().trim_end_matches('/')
    );
    std::fs::write(home.join("rclone.conf"), configured).unwrap();
    std::fs::write(home.join("note"), "hello").unwrap();
    let rclone = async |arguments: &[&str]| {
        let mut command = Command::new(program("rclone", "rclone"));
        command.arg("--config").arg(home.join("rclone.conf")).args(arguments).current_dir(home);
        let (succeeded, said) = run(&mut command).await;
        assert!(succeeded, "{arguments:?}: {said} {}", office.folder.said());
        said
    };
    rclone(&["copyto", "note", "f:a/ä & b.txt"]).await;
    rclone(&["moveto", "f:a/ä & b.txt", "f:a/moved"]).await;
    rclone(&["copyto", "f:a/moved", "f:b/copied"]).await;
    rclone(&["moveto", "f:b", "f:c"]).await;
    let listed = rclone(&["lsf", "-R", "--files-only", "f:"]).await;
    assert!(listed.contains("a/moved\n") && listed.contains("c/copied\n"), "{listed}");
    assert_eq!(rclone(&["cat", "f:c/copied"]).await, "hello");
    rclone(&["purge", "f:c"]).await;
    assert_eq!(files_in(&office.folder.files()), one("a/moved", "hello"));
}

#[tokio::test]
async fn webdav4_lists_writes_moves_and_deletes() {
    let office = Office::of_compose().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {NODE}:rw")).await;
    let mut command = Command::new(installed("bin/python"));
    command.arg(script("webdav4_client.py")).arg(office.folder.url()).env("TOKEN", &token);
    let (succeeded, said) = run(&mut command).await;
    assert!(succeeded, "{said} {}", office.folder.said());
    assert_eq!(files_in(&office.folder.files()), one("three/moved", "hello"));
}

/// Runs in a mount namespace, so that the mount ends with it, however the test ends.
async fn davfs(office: &Office, token: &str, script: &str) -> (bool, String) {
    assert!(
        Path::new("/dev/fuse").exists(),
        "this test mounts: it needs /dev/fuse (in a container: --device /dev/fuse --cap-add SYS_ADMIN)"
    );
    let mount = program("mount.davfs", "davfs2").display().to_string();
    let home = office.cli.home().join("davfs");
    std::fs::create_dir_all(home.join("mounted")).unwrap();
    std::fs::create_dir_all(home.join("cache")).unwrap();
    std::fs::write(home.join("secrets"), format!("{} admin {token}\n", office.folder.url())).unwrap();
    let owned = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(home.join("secrets"), owned(0o600)).unwrap();
    for open in [office.cli.home().to_owned(), home.clone(), home.join("cache")] {
        std::fs::set_permissions(open, owned(0o777)).unwrap();
    }
    let settings = format!(
        "secrets {0}/secrets\ncache_dir {0}/cache\nask_auth 0\ndelay_upload 0\nbuf_size 64\n",
        home.display()
    );
    std::fs::write(home.join("conf"), settings).unwrap();
    let steps = format!(
        "set -e; cd {}; {mount} -o conf=$PWD/conf {} $PWD/mounted; cd mounted; set +e\n({script})\n\
        code=$?; cd ..; umount mounted; exit $code",
        home.display(),
        office.folder.url()
    );
    let unshare = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", &steps];
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "unshare" } else { "sudo" });
    command.args(if root { &[][..] } else { &["-n", "unshare"] }).args(unshare);
    run(&mut command).await
}

#[tokio::test]
async fn davfs2_mounts_lists_writes_moves_and_locks() {
    let office = Office::of_compose().await;
    let token = office.cli.issue("admin", &format!("-a 10m -s {NODE}:rw")).await;
    let script = "set -e; echo hello >note; mkdir one; mv note one/; cp one/note copied; mv one 'two ü'; \
        cat 'two ü/note'; rm copied; ls -R";
    let (succeeded, said) = davfs(&office, &token, script).await;
    assert!(
        succeeded && said.contains("hello\n") && said.contains("two ü"),
        "{said} {}",
        office.folder.said()
    );
    assert_eq!(files_in(&office.folder.files()), one("two ü/note", "hello\n"), "{said}");
    let log = office.folder.said();
    assert!(
        log.contains("\"LOCK /files/note\" user=admin") && log.contains("\"UNLOCK /files/note\""),
        "{log}"
    );
}

#[tokio::test]
async fn a_token_that_reads_mounts_the_folder_and_writes_nothing() {
    let office = Office::of_compose().await;
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let token = office.cli.issue("admin", &format!("-a 10m -s {NODE}:r")).await;
    let (_, said) =
        davfs(&office, &token, "ls; cat note; echo no >note; rm note; mkdir no; mv note no").await;
    assert!(said.contains("note\n") && said.contains("hello"), "{said} {}", office.folder.said());
    assert_eq!(files_in(&office.folder.files()), one("note", "hello"), "{said}");
}

/// The status of a request with this method and more headers.
async fn asks(office: &Office, token: &str, method: &str, name: &str, headers: &[&str]) -> u16 {
    let headers = headers.iter().flat_map(|header| ["--header", header]);
    let arguments: Vec<_> = ["--request", method].into_iter().chain(headers).collect();
    curl(&office.file(name), With::Bearer(token), &arguments).await.status
}

#[tokio::test]
async fn each_method_needs_the_permission_that_it_uses() {
    let office = Office::of_compose().await;
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let issue = async |permission| office.cli.issue("admin", &format!("-a 10m -s {NODE}:{permission}")).await;
    let (reads, writes) = (issue("r").await, issue("w").await);
    for method in ["GET", "OPTIONS", "PROPFIND"] {
        assert!(asks(&office, &reads, method, "note", &[]).await < 300, "{method} by r");
        assert_eq!(asks(&office, &writes, method, "note", &[]).await, 403, "{method} by w");
    }
    let changing = ["PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK", "UNLOCK", "COPY", "MOVE"];
    for method in changing {
        let destination = format!("Destination: {}", office.file("moved"));
        assert_eq!(asks(&office, &reads, method, "note", &[&destination]).await, 403, "{method} by r");
    }
    for method in ["COPY", "MOVE"] {
        assert_eq!(
            asks(&office, &writes, method, "note", &["Destination: /files/moved"]).await,
            403,
            "{method}"
        );
    }
    for method in [&changing[..], &["GET", "OPTIONS", "PROPFIND", "HEAD", "POST", "TRACE", "X"]].concat() {
        let answer = curl(&office.file("note"), With::Nothing, &["--request", method, "--head"]).await;
        assert!([401, 405].contains(&answer.status), "{method} by nobody: {answer:?}");
    }
    assert_eq!(files_in(&office.folder.files()), one("note", "hello"));
    assert_eq!(asks(&office, &writes, "PROPPATCH", "note", &[]).await, 207);
}

#[tokio::test]
async fn a_copy_or_move_that_would_lose_files_is_refused() {
    let office = Office::of_compose().await;
    std::fs::create_dir(office.folder.files().join("one")).unwrap();
    std::fs::write(office.folder.files().join("one/note"), "hello").unwrap();
    let token = office.cli.issue("admin", "-a 10m").await;
    for destination in [
        "/files/one",
        "/files/one/",
        "/files/one/two",
        "/files/",
        "/files",
        "/",
        "/other/x",
        "/files/../x",
        "/files/%2e%2e/x",
        "/files/.",
        "/files/./",
        "http://example.org/files/x",
        "",
    ] {
        for (method, source) in [("COPY", "one"), ("MOVE", "one"), ("COPY", "one/"), ("MOVE", "one/")] {
            let header = format!("Destination: {destination}");
            let status = asks(&office, &token, method, source, &[&header]).await;
            assert_eq!(status, 400, "{method} {source} to {destination}");
        }
    }
    for method in ["COPY", "MOVE"] {
        let status = asks(&office, &token, method, "one/note", &["Destination: /files/one/note"]).await;
        assert_eq!(status, 400, "{method} to itself");
    }
    assert_eq!(asks(&office, &token, "DELETE", "", &[]).await, 409);
    assert_eq!(files_in(&office.folder.files()), one("one/note", "hello"));
}

/// Windows and Finder omit slashes, and use another host name for a folder behind TLS.
#[tokio::test]
async fn folders_are_found_without_their_slash() {
    let office = Office::of_compose().await;
    let token = office.cli.issue("admin", "-a 10m").await;
    assert_eq!(asks(&office, &token, "MKCOL", "one", &[]).await, 201);
    assert_eq!(asks(&office, &token, "PROPFIND", "one", &["Depth: 1"]).await, 207);
    let secure = office.file("two").replace("http:", "https:");
    assert_eq!(asks(&office, &token, "MOVE", "one", &[&format!("Destination: {secure}")]).await, 201);
    assert_eq!(asks(&office, &token, "COPY", "two", &["Destination: /files/three/"]).await, 201);
    assert_eq!(asks(&office, &token, "DELETE", "two", &[]).await, 204);
    // A file that is locked before it is written exists, is empty, and only the holder of the lock may write it.
    assert_eq!(asks(&office, &token, "LOCK", "absent", &[]).await, 201);
    assert_eq!(asks(&office, &token, "PUT", "absent", &[]).await, 423);
    let answer = curl(&office.file("three"), With::Bearer(&token), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (301, Some("/files/three/")));
    let folder = office.folder.url();
    let propfind = ["--request", "PROPFIND", "--header", "Depth: 1"];
    let listed = curl(folder.trim_end_matches('/'), With::Bearer(&token), &propfind).await;
    assert!(listed.status == 207 && listed.body.contains("<D:href>/files/three/</D:href>"), "{listed:?}");
    let options = curl(&folder, With::Bearer(&token), &["--request", "OPTIONS"]).await;
    assert_eq!(options.header("dav"), Some("1, 2"), "{options:?}");
}

#[tokio::test]
async fn without_the_store_the_folder_neither_lists_nor_takes_files() {
    let mut office = Office::of_compose().await;
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let token = office.cli.issue("admin", "-a 10m").await;
    office.redis.kill();
    for method in ["GET", "PUT", "PROPFIND", "LOCK", "DELETE", "PROPPATCH"] {
        assert_eq!(asks(&office, &token, method, "note", &[]).await, 500, "{method}");
    }
    assert_eq!(files_in(&office.folder.files()), one("note", "hello"));
}
