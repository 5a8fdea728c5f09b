//! What callers learn about a request that presents its token wrongly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use token_http::RefusalReason;

use crate::kit::*;

const ABOUT_TOKENS: [&str; 3] = ["expired", "revoked", "never was one"];

fn challenges(answer: &Response<String>) -> Vec<String> {
    let values = answer.headers().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn reason(answer: &Response<String>) -> &'static str {
    answer.extensions().get::<RefusalReason>().unwrap().0
}

#[tokio::test]
async fn the_answer_to_a_proxy_says_what_is_wrong_with_the_request() {
    let running = Running::new();
    let issued = running.issue("admin", &[]).await;
    let text = issued.token.expose_secret();
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    for (headers, code, said) in [
        (vec![format!("Bearer {text}"), format!("Bearer {text}")], "several_credentials", "more than one"),
        (vec![format!("Bearer {text}, Bearer {text}")], "joined_credentials", "comma"),
        (vec![format!("Bearer \"{text}\"")], "quoted", "quotes"),
        (vec![format!("Bearer: {text}")], "colon_after_scheme", "colon"),
        (vec![format!("Bearer Bearer {text}")], "two_schemes", "two schemes"),
        (vec![format!("Bearer {text} x")], "white_space", "white space"),
        (vec!["Bearer".into()], "no_token", "missing"),
        (vec![format!("Basic admin:{text}")], "not_encoded", "base64"),
        (vec![basic(&format!("admin:{text}\n"))], "line_break", "line break"),
        (vec![basic(&format!("x:{text}")).trim_end_matches('=').into()], "no_padding", "padding"),
        (vec![basic(text)], "no_colon", "colon"),
        (vec![basic(&format!("admin:\"{text}\""))], "quoted", "quotes"),
        (vec![format!("\"Bearer {text}\"")], "quoted", "quotes"),
        (vec![basic(&format!("admin:%22{text}%22"))], "quoted", "quotes"),
        (vec![basic(&format!("admin:{text}%0A"))], "white_space", "white space"),
        (vec![basic(&format!("admin:%20{text}"))], "white_space", "white space"),
        (vec![basic(&format!("{text}:admin"))], "token_as_user_name", "user name"),
        (vec![basic(&format!("admin:<{text}>"))], "foreign_character", "no token has"),
        (vec![basic(&format!("admin:{text}\u{ad}"))], "foreign_character", "no token has"),
        (vec![basic("admin:")], "empty_password", "password is empty"),
        (vec![text.to_owned()], "no_scheme", "scheme"),
        (vec![format!("token {text}")], "other_scheme", "scheme"),
        (vec![format!("Digest {text}")], "other_scheme", "scheme"),
        (vec![String::new()], "empty_header", "empty"),
        (vec![], "no_credentials", "send a token"),
    ] {
        let sent: Vec<_> = headers.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = running.auth("/auth", &sent).await;
        assert_eq!((answer.status().as_u16(), reason(&answer)), (401, code), "{headers:?}");
        assert!(answer.body().contains(said), "{headers:?}: {}", answer.body());
        let told = format!("{} {:?}", answer.body(), challenges(&answer));
        assert!(ABOUT_TOKENS.iter().all(|about| !told.contains(about)), "{told}");
        assert!(!told.contains(&text[8..40]), "nothing of the header is repeated: {told}");
        let [basic, bearer] = &challenges(&answer)[..] else { panic!("{answer:?}") };
        assert!(basic.starts_with("Basic ") && bearer.starts_with("Bearer "), "{answer:?}");
    }
}

#[tokio::test]
async fn outside_of_auth_a_malformed_request_is_400_with_its_cause() {
    let running = Running::new();
    for (value, status, said) in [
        ("Bearer \"x\"", 400, "quotes"),
        ("Basic a:b", 400, "base64"),
        ("Bearer", 400, "missing"),
        ("Digest x", 401, "scheme"),
        ("tok_x", 401, "scheme"),
    ] {
        let answer = running.auth("/v1/tokens", &[("authorization", value)]).await;
        assert_eq!(answer.status(), status, "{value}");
        assert!(answer.body().contains(said), "{value}: {}", answer.body());
    }
}

/// The caller cannot tell one from the other.
#[tokio::test]
async fn why_a_token_is_not_valid_is_for_the_log_only() {
    let running = Running::new();
    let (dead, live) = (running.issue("admin", &[]).await, running.issue("admin", &[]).await);
    let form = format!("token={}", dead.token.expose_secret());
    assert_eq!(running.post("/revoke", &dead, &form).await.status(), 200);
    let wrong_user = format!("Basic {}", STANDARD.encode(format!("root:{}", live.token.expose_secret())));
    let mut told = Vec::new();
    for (value, code) in
        [(bearer(&dead), "unknown"), (wrong_user, "wrong_subject"), ("Bearer tok_x".into(), "malformed")]
    {
        let answer = running.auth("/auth", &[("authorization", &value)]).await;
        assert_eq!(reason(&answer), code);
        told.push((answer.status(), challenges(&answer), answer.into_body()));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}
