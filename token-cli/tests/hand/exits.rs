//! Exit codes by kind: 2 is mended by typing, 3 is what the store did not do.

use std::io::ErrorKind;
use std::net::TcpListener;

use crate::kit::Cli;

#[test]
fn what_can_be_mended_by_typing_ends_with_2() {
    let cli = Cli::new();
    let folder = cli.home().display().to_string();
    let file = cli.file("file", "no keys").display().to_string();
    for arguments in [
        format!("new-key-file {file}"),
        format!("new-key-file {folder}/none/keys"),
        format!("new-key-file {file}/keys"),
        format!("man {file}"),
        format!("issue -u a -e 1h --store sqlite:{folder}"),
        format!("issue -u a -e 1h --store sqlite:{file}/t.db"),
        format!("list a --store sqlite:{folder}"),
        format!("list a --key-file {file}"),
        format!("list a --key-file {folder}"),
        format!("list a --tls-ca {folder}/none --store rediss://127.0.0.1:1"),
        "list a --store http://127.0.0.1".into(),
        "list a --store redis://".into(),
        "list a --confirm everywhere".into(),
        "show mistyped".into(),
        "confirm mistyped".into(),
        "validate --token-file /none".into(),
        format!("serve --config {folder}/none"),
        format!("serve --listen-cert {file} --listen-key {file}"),
        "serve --cache=1s".into(),
    ] {
        let ran = cli.run(&arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments}: {}", ran.stderr);
    }
}

#[test]
fn what_the_store_did_not_do_ends_with_3() {
    let cli = Cli::new();
    for store in ["redis://127.0.0.1:1", "redis-cluster://127.0.0.1:1", "redis+unix:///none.sock"] {
        for command in [
            "list a",
            "issue -u a -e 1h",
            "show 3l51xk1fgfw2k28rm7smxkaqntg3",
            "revoke --user a",
            "prune",
            "validate",
        ] {
            let ran = cli.run_with(&format!("{command} --store {store}"), "tok_x");
            assert_eq!(ran.code, 3, "{command} {store}: {}", ran.stderr);
        }
    }
}

#[test]
fn an_unknown_parameter_of_a_url_ends_with_2() {
    let cli = Cli::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = cli.run(&format!("list a --store redis://{}/0?x", listener.local_addr().unwrap()));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("the parameter x"), "{ran:?}");
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it was not asked");
}

#[test]
fn an_address_that_cannot_be_listened_on_ends_with_2() {
    let cli = Cli::new();
    cli.issue("-u a -e 1h");
    let file = cli.file("file", "").display().to_string();
    let folder = cli.home().display();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [
        taken.local_addr().unwrap().to_string(),
        format!("unix:{folder}/none/s.sock"),
        format!("unix:{file}/s.sock"),
        format!("unix:{file}"),
        format!("unix:{folder}"),
        "none.invalid:80".into(),
        "192.0.2.1:80".into(),
    ] {
        let ran = cli.run(&format!("serve --listen {address}"));
        assert_eq!(ran.code, 2, "{address}: {}", ran.stderr);
        assert!(ran.stderr.contains("cannot listen on "), "{address}: {}", ran.stderr);
    }
}

#[test]
fn certificates_with_a_scheme_without_tls_end_with_2() {
    let cli = Cli::new();
    let pem = cli.file("ca.pem", "").display().to_string();
    let sentinel = "redis-sentinel://127.0.0.1:1/0?sentinelServiceName=t";
    for store in ["redis://127.0.0.1:1", "redis-cluster://127.0.0.1:1", sentinel] {
        for command in ["list a", "issue -u a -e 1h", "doctor"] {
            let typed = cli.run(&format!("{command} --store {store} --tls-ca {pem}"));
            let variables = [("TOKEN_STORE", store), ("TOKEN_TLS_CA", pem.as_str())];
            let named = cli.run_in(command.split(' '), &variables, "");
            for ran in [typed, named] {
                assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command} {store}: {ran:?}");
                assert!(ran.stderr.contains(": write rediss"), "{command} {store}: {ran:?}");
            }
        }
    }
}

#[test]
fn a_scheme_for_files_that_is_not_ours_is_named_as_unknown() {
    let cli = Cli::new();
    for store in ["file:/t.db", "sqlite3:/t.db"] {
        for command in ["list a", "issue -u a -e 1h", "doctor"] {
            let ran = cli.run(&format!("{command} --store {store}"));
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command} {store}: {ran:?}");
            assert!(ran.stderr.contains("its scheme is none of"), "{command} {store}: {ran:?}");
        }
    }
}
