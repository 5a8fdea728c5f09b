//! P3: Redis' clock is the only clock. A client whose clock is an hour off changes nothing.

use serde_json::Value;

use crate::command_line::Cli;
use crate::kit::Deployment;

/// The server's time in milliseconds.
async fn server_time(deployment: &Deployment) -> i64 {
    let (seconds, micros) = deployment.each::<(i64, i64)>(&["TIME"]).await[0];
    seconds * 1000 + micros / 1000
}

/// The RFC 3339 time of a field, in milliseconds.
fn millis(json: &Value, field: &str) -> i64 {
    json[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[tokio::test]
async fn a_client_whose_clock_is_an_hour_off_changes_nothing() {
    let deployment = Deployment::standalone().await;
    let right = Cli::new(&deployment.url());
    for offset in ["+1h", "-1h"] {
        let wrong = Cli::new(&deployment.url()).with_clock(offset);

        let before = server_time(&deployment).await;
        let token = wrong.run("issue --json -u admin -a 10m -e 15m", "").await.json();
        let after = server_time(&deployment).await;
        let issued_at = millis(&token, "issued_at");
        assert!((before..=after).contains(&issued_at), "{before} {issued_at} {after}");
        assert_eq!(millis(&token, "max_expires_at"), issued_at + 15 * 60_000);

        // A use by the client with the wrong clock renews the token to a full window of the server's time.
        let text = token["token"].as_str().unwrap();
        let before = server_time(&deployment).await;
        let used = wrong.run("validate --json", text).await.json();
        let after = server_time(&deployment).await;
        let expires_at = millis(&used, "expires_at");
        assert!((before..=after).contains(&(expires_at - 10 * 60_000)), "{used}");

        // Both clients agree that it is valid.
        assert_eq!(right.run("validate --json --peek", text).await.code, 0);
        assert_eq!(wrong.run("validate --json --peek", text).await.code, 0);
    }
}
