//! `/openapi.json`: what the sidecar answers, for programs (OpenAPI 3.1).

use axum::response::{IntoResponse, Response};
use http::header;

const DOCUMENT: &str = include_str!("../../openapi.json");

pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::forward_auth::ROUTES;
    use crate::http::router;

    #[test]
    fn the_paths_of_the_document_are_those_that_are_answered() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let documented: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let routed = [router::routes(), router::watching()].concat();
        let answered = ROUTES.into_iter().chain(routed.into_iter().map(|(path, _)| path));
        // OpenAPI has no word for a parameter of several segments.
        assert_eq!(documented, answered.map(|path| path.replace("{*", "{")).collect());
    }
}
