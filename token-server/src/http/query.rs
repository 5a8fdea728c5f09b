//! The query of a URL, read strictly: what is misspelled must not be taken for what is left out.

use std::str::FromStr;

use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// The parameters of a query, each there at most once.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query that has no other parameters than these.
    pub(crate) fn read(request: &Parts, known: &[&str]) -> Result<Self, ApiError> {
        let query = request.uri.query().unwrap_or_default();
        if percent_decode_str(query).decode_utf8().is_err() {
            return Err(ApiError::bad_request("the query is not UTF-8"));
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&&*name) {
                let names = if known.is_empty() { "none".into() } else { known.join(", ") };
                let sentence = format!("{name:?} is no query parameter of this path; it takes: {names}");
                return Err(ApiError::bad_request(sentence));
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(ApiError::bad_request(format!("{name}: it is given twice")));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, if it is there.
    pub(crate) fn get<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let value = self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.parse());
        value.transpose().map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
    }
}
