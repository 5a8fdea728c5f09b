//! The command on a server and on a cluster.

pub(crate) use token_tests::command::Cli;

use crate::kit::Deployment;

async fn the_main_job_works(deployment: &Deployment) {
    let cli = Cli::new(&deployment.url());
    let token = cli.run("user token -u admin -a 10m -e 1h --json -l ci", "").await.json();
    let (text, id) = (token["token"].as_str().unwrap(), token["id"].as_str().unwrap());
    let other = cli.run("user token -u admin -e 24h -q", "").await.stdout;

    assert_eq!(cli.run("validate -u admin", text).await.code, 0);
    assert_eq!(cli.run("validate -u root", text).await.code, 1);
    assert_eq!(cli.run("list -u admin --json", "").await.json().as_array().unwrap().len(), 2);
    assert_eq!(cli.run(&format!("show {id}"), "").await.code, 0);

    assert_eq!(cli.run(&format!("revoke {id} --why test"), "").await.code, 0);
    assert_eq!(cli.run("validate", text).await.code, 1);
    let shown = cli.run(&format!("show {id} --json"), "").await;
    assert_eq!(
        (shown.code, &shown.json()["why"], &shown.json()["user"]),
        (1, &"test".into(), &"admin".into())
    );

    assert_eq!(cli.run("revoke --user admin", "").await.code, 0);
    assert_eq!(cli.run("validate", &other).await.code, 1);
    assert_eq!(cli.run("prune", "").await.code, 0);
}

#[tokio::test]
async fn the_main_job_works_on_a_server() {
    the_main_job_works(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn the_main_job_works_on_a_cluster() {
    the_main_job_works(&Deployment::cluster().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_at_once_share_a_fresh_embedded_store() {
    let cli = std::sync::Arc::new(Cli::embedded());
    let mut commands = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let cli = cli.clone();
        commands.spawn(async move { cli.run("issue -u admin -a 10m -q", "").await });
    }
    while let Some(ran) = commands.join_next().await {
        let ran = ran.unwrap();
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(cli.run("validate", &ran.stdout).await.code, 0);
    }
    assert_eq!(cli.run("list -u admin --json", "").await.json().as_array().unwrap().len(), 12);
}
