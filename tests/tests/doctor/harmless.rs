//! An examination changes nothing and reads no secrets.

use std::collections::BTreeSet;
use std::time::Duration;

use token_doctor::redis::Role;
use token_tests::programs::Cli;
use token_tests::servers::{Disk, Standalone};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::kit::{by, examined, examined_as, user};

/// All commands that the examination may send, and those that its scripts call.
const SENT: [&str; 10] = [
    "hello",
    "client|setinfo",
    "auth",
    "time",
    "info",
    "config|get",
    "eval",
    "evalsha",
    "get",
    "cluster|nodes",
];

#[tokio::test]
async fn even_with_all_rights_the_doctor_sends_only_reading_commands() {
    let server = Standalone::start().await;
    server.command::<()>(&["SET", "theirs", "untouched"]).await;
    server.command::<()>(&["CONFIG", "RESETSTAT"]).await;
    examined(&server.url()).await;
    let stats: String = server.command(&["INFO", "commandstats"]).await;
    let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
    let sent: BTreeSet<&str> = lines.filter(|command| !SENT.contains(command)).collect();
    // The previous query of the statistics.
    assert_eq!(sent, BTreeSet::from(["config|resetstat"]));
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]).await, ["theirs"]);
}

/// The commands that an examination passes to `acl_check.lua`, as `MONITOR` shows them.
async fn asked_about(server: &Standalone, role: Role) -> Vec<String> {
    // So that the client sends the script in full.
    server.command::<()>(&["SCRIPT", "FLUSH"]).await;
    let mut monitor = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    monitor.write_all(b"MONITOR\r\n").await.unwrap();
    let mut lines = BufReader::new(monitor).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "+OK");
    examined_as(&server.url(), Some(role)).await;
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
        let line = next.expect("the script is called").unwrap().unwrap();
        if line.contains("\"EVAL\"") && line.contains("acl_check_cmd") {
            let words: Vec<&str> = line.trim_end_matches('"').split("\" \"").collect();
            let [_, _, "0", asked @ ..] = words.as_slice() else { panic!("{line}") };
            return asked.iter().map(|line| line.trim().to_owned()).collect();
        }
    }
}

/// If `redis.acl_check_cmd` gets too few arguments, servers before March 2026 read past their end (redis/redis#14843). A dry
/// run requires as many arguments as a call does.
#[tokio::test]
async fn dry_runs_give_every_command_the_arguments_it_needs() {
    let server = Standalone::start().await;
    // A dry run of a command that the server does not have is an error.
    let lacks_waitaof = Disk::of(&server).await == Disk::Silent;
    for role in [Role::Validator, Role::Issuer, Role::Admin, Role::Doctor] {
        let asked = asked_about(&server, role).await;
        assert!(asked.len() > 60, "{asked:?}");
        for line in asked.iter().filter(|line| !(lacks_waitaof && line.starts_with("waitaof "))) {
            let words = ["ACL", "DRYRUN", "default"].into_iter().chain(line.split(' '));
            let answer: String = server.command(&words.collect::<Vec<_>>()).await;
            assert_eq!(answer, "OK", "{line}");
        }
    }
}

#[tokio::test]
async fn checking_permissions_leaves_nothing_in_the_acl_log() {
    let server = Standalone::start().await;
    let url = by(&user(&server, "doctor", &[]).await, &server.url());
    examined(&url).await;
    let refused: Vec<redis::Value> = server.command(&["ACL", "LOG"]).await;
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn no_password_of_the_user_or_the_server_is_shown() {
    let server =
        Standalone::start_with(&["--masterauth", "hidden-master", "--masteruser", "hidden-user"]).await;
    server.command::<()>(&["ACL", "SETUSER", "ann", "on", ">hidden-ann", "~*", "+@all"]).await;
    let cli = Cli::new(&by("ann:hidden-ann@", &server.url())).with_log("trace");
    for arguments in ["doctor --verbose", "doctor --json"] {
        let ran = cli.run(arguments, "").await;
        assert!(ran.stdout.contains("config|set"), "{}", ran.stdout);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hidden-"), "{}{}", ran.stdout, ran.stderr);
    }
}
