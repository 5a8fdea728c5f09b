//! What proxies demand, and whose the URI is that they ask with.

use http::{Request, Response};
use token_core::Issued;

use crate::kit::*;

/// Of a token that reaches [`FILE`] and nothing else.
struct Asked {
    running: Running,
    token: Issued,
}

impl Asked {
    async fn new() -> Self {
        let running = Running::new();
        let token = running.issue("admin", &[FILE]).await;
        Self { running, token }
    }

    async fn at(&self, uri: &str, headers: &[(&str, &str)]) -> Response<String> {
        let bearer = bearer(&self.token);
        self.running.auth(uri, &[&[("authorization", bearer.as_str())], headers].concat()).await
    }

    async fn status(&self, uri: &str) -> u16 {
        self.at(uri, &[]).await.status().as_u16()
    }
}

fn other() -> String {
    FILE.replace('6', "5")
}

#[tokio::test]
async fn a_demand_is_honoured_at_every_spelling_of_the_path() {
    let asked = Asked::new().await;
    let other = other();
    for path in [
        "/auth",
        "/auth/",
        "/auth//",
        "//auth",
        "//auth/",
        "/%61uth",
        "/%61%75%74%68",
        "/%61uth/",
        "/auth/files/a",
        "/auth/./",
        "/auth/%2e%2e/",
        "/auth/..//v1/tokens",
        "/auth/a%20b",
    ] {
        for (query, status) in [
            (String::new(), 200),
            ("?".into(), 200),
            (format!("?scope={FILE}"), 200),
            (format!("?scope={other}"), 403),
            (format!("?scope={FILE}&scope={other}"), 403),
            (format!("?scope={FILE},{other}"), 403),
            (format!("?scope={FILE}+{other}"), 403),
            (format!("?scope={}", other.replace(':', "%3A")), 403),
            (format!("?sc%6Fpe={other}"), 403),
            (format!("?scope={FILE}&scope="), 403),
            ("?scope".into(), 403),
            ("?scope=".into(), 403),
            ("?scope=garbage".into(), 403),
            ("?Scope=".into(), 403),
            (format!("?Scope={FILE}"), 403),
            (format!("?scopes={FILE}"), 403),
            (format!("?need={FILE}"), 403),
            (format!("?ancestor={FOLDER}"), 403),
            ("?ancestor=".into(), 403),
            (format!("?scope={FILE}&ancestor=7"), 403),
            (format!("?x;scope={FILE}"), 403),
        ] {
            assert_eq!(asked.status(&format!("{path}{query}")).await, status, "{path}{query}");
        }
    }
}

#[tokio::test]
async fn a_demand_that_is_hidden_in_the_path_refuses() {
    let asked = Asked::new().await;
    for path in
        ["/auth%3Fscope=", "/auth/%3Fscope=", "/auth/a%3fscope=", "/auth%2Fa?scope=", "/%61uth%3fscope="]
    {
        assert_eq!(asked.status(&format!("{path}{FILE}")).await, 403, "{path}");
    }
    for path in ["/auth/why%3F", "/auth/a%3Fb=c", "/auth/%zz", "/auth/%ff%3F"] {
        assert_eq!(asked.status(path).await, 200, "{path} is the service's");
    }
    for path in ["/authorize?scope=x", "/AUTH", "/auth;scope=x"] {
        assert_eq!(asked.status(path).await, 404, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_parameter_at_auth_refuses() {
    let asked = Asked::new().await;
    for query in ["scopes=x", "need=", "user=admin", "a=b", "=", "page=1&scope="] {
        let answer = asked.at(&format!("/auth?{query}"), &[]).await;
        assert_eq!(answer.status(), 403, "{query}");
        assert!(answer.body().contains("cannot be read"), "{answer:?}");
    }
}

#[tokio::test]
async fn the_query_of_a_proxied_request_is_the_services() {
    let asked = Asked::new().await;
    for query in
        ["a=b", "access_token=x", "access_token=x&access_token=y", "scopes=repo", "%61ccess_token=", "=&%ff"]
    {
        for path in ["/auth/", "/auth/files/a", "/auth//"] {
            assert_eq!(asked.status(&format!("{path}?{query}")).await, 200, "{path}?{query}");
        }
        let forwarded = format!("/files?{query}");
        let headers = [("x-forwarded-uri", forwarded.as_str())];
        assert_eq!(asked.at("/auth", &headers).await.status(), 200, "{query}");
    }
}

#[tokio::test]
async fn a_token_in_the_proxied_query_admits_no_request() {
    let running = Running::new();
    let token = running.issue("admin", &[]).await;
    let text = token.token.expose_secret();
    for path in ["/auth", "/auth/", "/auth/files"] {
        let uri = format!("{path}?access_token={text}");
        let forwarded = format!("/files?access_token={text}");
        for headers in [&[][..], &[("x-forwarded-uri", forwarded.as_str()), ("x-original-uri", &forwarded)]] {
            let answer = running.auth(&uri, headers).await;
            assert_eq!(answer.status(), 401, "{path}");
            assert!(!answer.body().contains(text));
        }
    }
}

/// A client may send any header through nginx, and know the operator's mistake.
#[tokio::test]
async fn a_clients_header_makes_no_unknown_parameter_known() {
    let asked = Asked::new().await;
    for (query, status) in [("scopes=docs", 403), ("a=b", 403), ("access_token=x", 401)] {
        let forwarded = format!("/?{query}");
        for header in ["x-forwarded-uri", "x-original-uri"] {
            let answer = asked.at(&format!("/auth?{query}"), &[(header, &forwarded)]).await;
            assert_eq!(answer.status(), status, "{header}: {query}");
        }
    }
}

/// A client may send any header through nginx.
#[tokio::test]
async fn a_client_cannot_talk_a_demand_away() {
    let asked = Asked::new().await;
    for query in [format!("scope={}", other()), "scope=".into(), format!("scopes={FILE}"), "Scope=x".into()] {
        let forwarded = format!("/?{query}");
        for uri in [format!("/auth?{query}"), format!("/auth/?{query}")] {
            let answer = asked.at(&uri, &[("x-forwarded-uri", &forwarded)]).await;
            assert_eq!(answer.status(), 403, "{uri}");
        }
    }
}

#[tokio::test]
async fn a_folder_widens_only_what_its_own_query_demands() {
    let running = Running::new();
    let token = bearer(&running.issue("admin", &[&format!("node:{FOLDER}:r")]).await);
    for (uri, needs, status) in [
        (format!("/auth?scope={FILE}&ancestor={FOLDER}"), None, 200),
        (format!("/auth/?scope={FILE}&ancestor={FOLDER}"), None, 200),
        (format!("/auth?scope={FILE}&ancestor={FOLDER}"), Some(FILE), 403),
        (format!("/auth/a?scope=node:{FOLDER}:r&ancestor={FOLDER}"), Some(FILE), 403),
    ] {
        let headers = [("authorization", token.as_str()), ("x-token-needs", needs.unwrap_or_default())];
        let headers = if needs.is_some() { &headers[..] } else { &headers[..1] };
        assert_eq!(running.auth(&uri, headers).await.status(), status, "{uri} {needs:?}");
    }
}

#[tokio::test]
async fn needs_in_headers_add_up_and_an_empty_one_refuses() {
    let asked = Asked::new().await;
    let other = other();
    let joined = [FILE, &other].join(", ");
    let masked = format!(",{FILE}");
    for (needs, status) in [
        (&[FILE][..], 200),
        (&[FILE, FILE], 200),
        (&[FILE, &other], 403),
        (&[&joined], 403),
        (&[""], 403),
        (&["", FILE], 403),
        (&[FILE, ""], 403),
        (&[&masked], 403),
        (&["everything"], 403),
    ] {
        let headers: Vec<_> = needs.iter().map(|&needs| ("x-token-needs", needs)).collect();
        assert_eq!(asked.at("/auth", &headers).await.status(), status, "{needs:?}");
    }
}

#[tokio::test]
async fn every_method_is_asked_about_alike() {
    let asked = Asked::new().await;
    for method in ["POST", "PROPFIND", "OPTIONS"] {
        let request = Request::builder().method(method).uri(format!("//auth?scope={}", other()));
        let request = request.header("authorization", bearer(&asked.token)).body("x".to_owned().into());
        assert_eq!(asked.running.send(request.unwrap()).await.status(), 403, "{method}");
    }
}
