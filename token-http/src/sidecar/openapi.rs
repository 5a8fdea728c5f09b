//! `/openapi.json`: what the sidecar answers, for programs (OpenAPI 3.1).

use axum::response::{IntoResponse, Response};
use http::header;

const DOCUMENT: &str = include_str!("../../openapi.json");

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_paths_of_the_document_are_those_of_the_router() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let documented: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
        // OpenAPI has no word for a parameter of several segments.
        let routed: BTreeSet<String> =
            crate::sidecar::routes().into_iter().map(|(path, _)| path.replace("{*", "{")).collect();
        assert_eq!(documented, routed);
    }
}
