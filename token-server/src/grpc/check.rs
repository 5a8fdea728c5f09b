//! Envoy's `ext_authz`: whether a request may come through, and which headers the service behind the proxy gets.
//!
//! The same as `/auth`, with what a route requires in its `context_extensions`: `scope` and `ancestor`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use token_core::Grant;
use tonic::{Code, Request, Response, Status};

use super::observe::Call;
use super::proto::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use super::proto::envoy::config::core::v3::{HeaderValue as Field, HeaderValueOption};
use super::proto::envoy::service::auth::v3::attribute_context::HttpRequest;
use super::proto::envoy::service::auth::v3::authorization_server::Authorization;
use super::proto::envoy::service::auth::v3::check_response::HttpResponse;
use super::proto::envoy::service::auth::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use super::proto::envoy::r#type::v3::HttpStatus;
use super::proto::google::rpc;
use crate::error::ApiError;
use crate::http::forward_auth::identity;
use crate::request::declared::is_kept;
use crate::request::requirements::{REQUIREMENTS_HEADER, Requirements};
use crate::state::Sidecar;
use token_http::CredentialsError;

#[derive(Debug)]
pub(super) struct Check(pub(super) Arc<Sidecar>);

#[tonic::async_trait]
impl Authorization for Check {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let call = extensions.get::<Call>();
        let answer = match self.admit(request, call).await {
            Ok(grant) => {
                if let Some(call) = call {
                    call.notes().presented(grant.id);
                }
                allowed(&identity(&grant))
            }
            Err(error) => {
                if let Some(call) = call {
                    call.notes().refused(error.reason());
                }
                denied(error)?
            }
        };
        Ok(Response::new(answer))
    }
}

impl Check {
    async fn admit(&self, request: CheckRequest, call: Option<&Call>) -> Result<Arc<Grant>, ApiError> {
        let attributes = request.attributes.unwrap_or_default();
        let requirements = configured(&attributes.context_extensions)?;
        let http = attributes.request.and_then(|request| request.http).unwrap_or_default();
        if let Some(call) = call {
            call.asks_for(declared(&http));
        }
        let headers = headers(http).map_err(|error| self.0.stopped(error.into()))?;
        let admitted = self.0.admit(&headers, requirements).await;
        if let (Some(call), Err(_), Some(id)) = (call, &admitted, self.0.presented(&headers)) {
            call.notes().presented(id);
        }
        admitted
    }
}

fn configured(extensions: &HashMap<String, String>) -> Result<Requirements, ApiError> {
    let borrowed = |(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value));
    let settings = extensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(Requirements::configured(settings.map(borrowed))?)
}

/// What the client says of itself.
fn declared(request: &HttpRequest) -> HeaderMap {
    let listed = request.header_map.iter().flat_map(|map| &map.headers);
    let bytes = |field: &Field| {
        if field.value.is_empty() { field.raw_value.clone() } else { field.value.clone().into() }
    };
    let listed = listed.map(|field| (&field.key, bytes(field)));
    let joined = request.headers.iter().map(|(name, value)| (name, value.clone().into_bytes()));
    let read = |(name, value): (&String, Vec<u8>)| {
        Some((HeaderName::from_static(is_kept(name)?), HeaderValue::from_bytes(&value).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in joined.chain(listed).filter_map(read) {
        headers.append(name, value);
    }
    headers
}

/// The headers that are read. The path is the service's.
fn headers(request: HttpRequest) -> Result<HeaderMap, CredentialsError> {
    let mut headers = HeaderMap::new();
    let listed = request.header_map.unwrap_or_default().headers;
    let listed = listed.into_iter().flat_map(|Field { key, value, raw_value }| {
        let value = (!value.is_empty() || raw_value.is_empty()).then_some((key.clone(), value.into()));
        value.into_iter().chain((!raw_value.is_empty()).then_some((key, raw_value)))
    });
    let joined = request.headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
    for (name, value) in joined.chain(listed) {
        for read in [header::AUTHORIZATION, HeaderName::from_static(REQUIREMENTS_HEADER)] {
            if name.eq_ignore_ascii_case(read.as_str()) {
                let value = HeaderValue::from_bytes(&value).map_err(|_| CredentialsError::NotAscii)?;
                headers.append(read, value);
            }
        }
    }
    Ok(headers)
}

fn allowed(identity: &HeaderMap) -> CheckResponse {
    let ok = OkHttpResponse {
        headers: fields(identity),
        headers_to_remove: vec![header::AUTHORIZATION.as_str().to_owned()],
    };
    respond(Code::Ok, HttpResponse::OkResponse(ok))
}

/// What the client gets. "Could not find out" is a status of the call itself: Envoy must not take it for the word of a token
/// that is not valid.
fn denied(error: ApiError) -> Result<CheckResponse, Status> {
    let code = match error.status() {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        _ => return Err(error.into()),
    };
    let (parts, body) = error.answer::<String>().into_parts();
    let status = HttpStatus { code: parts.status.as_u16().into() };
    let denied = DeniedHttpResponse { status: Some(status), headers: fields(&parts.headers), body };
    Ok(respond(code, HttpResponse::DeniedResponse(denied)))
}

fn respond(code: Code, response: HttpResponse) -> CheckResponse {
    let status = rpc::Status { code: code.into(), message: String::new() };
    CheckResponse { status: Some(status), http_response: Some(response) }
}

/// Headers in Envoy's form. The first one of a name replaces what a client (or Envoy) made of it, also where it is empty:
/// appended, a client's own would survive. Further ones of the same name (challenges) are added.
///
/// Only `append_action` is set: older versions of Envoy do not know it, and replace unless `append` is set.
fn fields(headers: &HeaderMap) -> Vec<HeaderValueOption> {
    let mut fields = Vec::with_capacity(headers.len());
    for name in headers.keys() {
        let mut action = HeaderAppendAction::OverwriteIfExistsOrAdd;
        for value in headers.get_all(name) {
            // All that is answered is ASCII.
            let value = value.to_str().unwrap_or_default().to_owned();
            let header = Some(Field { key: name.as_str().to_owned(), value, raw_value: Vec::new() });
            fields.push(HeaderValueOption { header, append_action: action.into(), keep_empty_value: true });
            action = HeaderAppendAction::AppendIfExistsOrAdd;
        }
    }
    fields
}
