//! From outcomes to HTTP responses. This is the one place that turns a [`ScimError`] into a
//! response.

use bytes::Bytes;
use headcount_service::{Answer, answer, error::RETRY_AFTER_S, rate::Throttle};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER,
        WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use scim_schema::ScimError;

use crate::{
    body::{Body, BrokenOff, Parts},
    media_type::AnswerType,
};

/// The header that carries the id of a request, by which its lines in the log are found.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer of a use case.
    Answer(Answer),
    /// Which methods there are.
    Options(&'static [&'static str]),
}

/// Why a request was refused, with what its response needs beyond the error itself.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ScimError,
    /// The methods there are, with a 405.
    pub(crate) allow: &'static [&'static str],
    /// What the challenge says was wrong.
    pub(crate) challenge: Challenge,
    /// How long to wait, with a 429.
    pub(crate) throttle: Option<Throttle>,
}

/// The `error` of a `WWW-Authenticate` challenge (RFC 6750 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Challenge {
    /// There was no credential: the challenge says no more than the scheme.
    Plain,
    /// `invalid_token`
    InvalidToken,
    /// `insufficient_scope`
    InsufficientScope,
}

impl From<ScimError> for Failure {
    /// A refusal after a credential was accepted; a token may die while the request runs.
    fn from(error: ScimError) -> Self {
        Self { error, allow: &[], challenge: Challenge::InvalidToken, throttle: None }
    }
}

impl From<Throttle> for Failure {
    fn from(throttle: Throttle) -> Self {
        Self { throttle: Some(throttle), ..throttle.error().into() }
    }
}

/// How a response is written, whatever it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    pub(crate) answer_type: AnswerType,
    pub(crate) request_id: &'a str,
    /// Whether the request was a HEAD: the head of what a GET gives, and no body.
    pub(crate) head_only: bool,
}

/// Writes the response of a request.
pub(crate) fn respond(outcome: Result<Outcome, Failure>, manner: Manner<'_>) -> Response<Body> {
    match outcome {
        Ok(Outcome::Answer(answer)) => success(answer, manner),
        Ok(Outcome::Options(methods)) => {
            let mut response = bare(StatusCode::NO_CONTENT, manner);
            insert(response.headers_mut(), ALLOW, &methods.join(", "));
            response
        }
        Err(failure) => refusal(&failure, manner),
    }
}

fn success(answer: Answer, manner: Manner<'_>) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = bare(status, manner);
    if let Some(etag) = answer.etag {
        insert(response.headers_mut(), ETAG, &etag);
    }
    let location = answer.location.map(|location| HeaderValue::from_maybe_shared(Bytes::from(location)));
    // Text that no header can hold is left out.
    if let Some(Ok(location)) = location {
        // What is in the body is the resource at its `meta.location` (RFC 7643 §3.1), and a 304 says
        // what the 200 would have said (RFC 7232 §4.1).
        if answer.body.is_some() || status == StatusCode::NOT_MODIFIED {
            response.headers_mut().insert(CONTENT_LOCATION, location.clone());
        }
        response.headers_mut().insert(LOCATION, location);
    }
    if let Some(body) = answer.body {
        match body {
            answer::Body::Whole(text) => write_body(&mut response, text, manner),
            answer::Body::Parts(parts) => write_parts(&mut response, parts, manner),
        }
    }
    response
}

/// INVARIANT: the one place where an error becomes a response.
fn refusal(failure: &Failure, manner: Manner<'_>) -> Response<Body> {
    let error = &failure.error;
    let status = match StatusCode::from_u16(error.status) {
        Ok(status) if status.is_client_error() || status.is_server_error() => status,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = bare(status, manner);
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => challenge(headers, failure.challenge),
        StatusCode::FORBIDDEN if failure.challenge == Challenge::InsufficientScope => {
            challenge(headers, failure.challenge);
        }
        StatusCode::METHOD_NOT_ALLOWED => insert(headers, ALLOW, &failure.allow.join(", ")),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let retry_after_s = failure.throttle.map_or(RETRY_AFTER_S, |throttle| throttle.retry_after_s);
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        _ => {}
    }
    if let Some(throttle) = failure.throttle {
        rate_limit(headers, throttle);
    }
    let error = ScimError { status: status.as_u16(), ..error.clone() };
    write_body(&mut response, error.to_body().to_string(), manner);
    response
}

fn challenge(headers: &mut HeaderMap, challenge: Challenge) {
    let text = match challenge {
        Challenge::Plain => "Bearer realm=\"scim\"",
        Challenge::InvalidToken => "Bearer realm=\"scim\", error=\"invalid_token\"",
        Challenge::InsufficientScope => "Bearer realm=\"scim\", error=\"insufficient_scope\"",
    };
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(text));
}

/// QUIRK(sailpoint): its connector reads these four beside or instead of Retry-After.
fn rate_limit(headers: &mut HeaderMap, throttle: Throttle) {
    for (name, value) in [
        ("x-rate-limit-limit", throttle.burst),
        ("x-rate-limit-remaining", 0),
        ("x-rate-limit-reset", throttle.reset_s),
        ("x-rate-limit-retry-after-seconds", throttle.retry_after_s),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

/// A response without a body. Answers hold personal data, so nobody may keep them, and are JSON,
/// whatever a browser thinks they look like.
fn bare(status: StatusCode, manner: Manner<'_>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    insert(headers, REQUEST_ID, manner.request_id);
    response
}

fn write_body(response: &mut Response<Body>, text: String, manner: Manner<'_>) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(manner.answer_type.as_str()));
    if manner.head_only {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    } else {
        *response.body_mut() = Body::Whole(Bytes::from(text));
    }
}

/// A body whose length nobody knows before it is read. The head of it is the same for a HEAD, and
/// nothing is read then.
fn write_parts(response: &mut Response<Body>, parts: answer::Parts, manner: Manner<'_>) {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(manner.answer_type.as_str()));
    *response.body_mut() = Body::Parts(if manner.head_only {
        Parts::none()
    } else {
        let request_id = manner.request_id.to_owned();
        Parts::new(parts.map(move |part| {
            part.map(Bytes::from).map_err(|error| {
                let status = error.status;
                tracing::info!(request_id, status, "an answer broke off while it was sent");
                BrokenOff
            })
        }))
    });
}

/// Sets a header made of text; text that no header can hold is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MANNER: Manner<'static> = Manner { answer_type: AnswerType::Scim, request_id: "r1", head_only: false };

    fn refuse(error: ScimError, challenge: Challenge) -> Response<Body> {
        respond(Err(Failure { allow: &["GET", "POST"], challenge, ..error.into() }), MANNER)
    }

    fn bytes(response: Response<Body>) -> Bytes {
        response.into_body().into_bytes().unwrap()
    }

    fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn rfc7644_3_12_status_is_a_string_and_equals_the_status_line() {
        for status in [400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 429, 431, 500, 501, 503] {
            let response = refuse(ScimError::new(status, "why"), Challenge::Plain);
            assert_eq!(response.status().as_u16(), status);
            let Body::Whole(body) = response.body() else { panic!("an error is short") };
            let body: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(
                body,
                json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                    "status": status.to_string(),
                    "detail": "why",
                })
            );
            assert_eq!(header(&response, "content-type"), Some("application/scim+json; charset=utf-8"));
            assert_eq!(header(&response, "cache-control"), Some("no-store"));
            assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
            assert_eq!(header(&response, "x-request-id"), Some("r1"));
        }
    }

    #[test]
    fn rfc6750_3_the_challenge_names_an_error_only_if_a_token_was_sent() {
        let challenge = |error, challenge| header(&refuse(error, challenge), "www-authenticate").map(str::to_owned);
        assert_eq!(challenge(ScimError::new(401, ""), Challenge::Plain).as_deref(), Some("Bearer realm=\"scim\""));
        assert_eq!(
            challenge(ScimError::new(401, ""), Challenge::InvalidToken).as_deref(),
            Some("Bearer realm=\"scim\", error=\"invalid_token\"")
        );
        assert_eq!(
            challenge(ScimError::new(403, ""), Challenge::InsufficientScope).as_deref(),
            Some("Bearer realm=\"scim\", error=\"insufficient_scope\"")
        );
        assert_eq!(challenge(ScimError::new(403, ""), Challenge::InvalidToken), None);
        assert_eq!(challenge(ScimError::new(404, ""), Challenge::InvalidToken), None);
    }

    #[test]
    fn retry_after_is_whole_seconds() {
        for status in [429, 503] {
            let response = refuse(ScimError::new(status, ""), Challenge::Plain);
            assert!(header(&response, "retry-after").unwrap().parse::<u32>().is_ok());
        }
        assert_eq!(header(&refuse(ScimError::new(500, ""), Challenge::Plain), "retry-after"), None);
    }

    #[test]
    fn a_throttled_client_is_told_in_whole_seconds_when_to_come_back() {
        let throttle = Throttle { per_s: 25, burst: 100, retry_after_s: 1, reset_s: 4 };
        let response = respond(Err(throttle.into()), MANNER);
        assert_eq!(response.status(), 429);
        for (name, value) in [
            ("retry-after", "1"),
            ("x-rate-limit-limit", "100"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "4"),
            ("x-rate-limit-retry-after-seconds", "1"),
        ] {
            assert_eq!(header(&response, name), Some(value), "{name}");
        }
        let other = refuse(ScimError::new(503, ""), Challenge::Plain);
        assert_eq!(header(&other, "x-rate-limit-limit"), None);
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(header(&refuse(ScimError::new(405, ""), Challenge::Plain), "allow"), Some("GET, POST"));
    }

    #[test]
    fn an_error_that_is_none_is_500() {
        for status in [0, 200, 302, 999] {
            let response = refuse(ScimError::new(status, ""), Challenge::Plain);
            assert_eq!(response.status(), 500);
            assert!(std::str::from_utf8(&bytes(response)).unwrap().contains("\"500\""));
        }
    }

    #[test]
    fn an_answer_without_a_body_has_no_content_type() {
        let answer = Answer {
            status: 204,
            body: None,
            etag: Some("W/\"2\"".to_owned()),
            location: Some("http://x/y".to_owned()),
        };
        let response = respond(Ok(Outcome::Answer(answer)), MANNER);
        assert_eq!(response.status(), 204);
        assert_eq!(header(&response, "content-type"), None);
        assert_eq!(header(&response, "etag"), Some("W/\"2\""));
        assert_eq!(header(&response, "location"), Some("http://x/y"));
        assert!(response.body().is_empty());
    }

    #[test]
    fn head_gives_the_length_of_what_get_gives_and_no_body() {
        let body = || answer::Body::Whole(json!({"id": "7"}).to_string());
        let answer = || Answer { status: 200, body: Some(body()), etag: None, location: None };
        let get = respond(Ok(Outcome::Answer(answer())), MANNER);
        let head = respond(Ok(Outcome::Answer(answer())), Manner { head_only: true, ..MANNER });
        assert!(head.body().is_empty());
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"));
        assert_eq!(header(&head, "content-length"), Some(bytes(get).len().to_string().as_str()));
    }

    #[test]
    fn parts_are_handed_on_until_one_is_missing_and_a_head_asks_for_none() {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let answer = || {
            let asked = std::sync::Arc::clone(&asked);
            let mut parts = vec![Err(ScimError::new(404, "gone")), Ok("b".to_owned()), Ok("a".to_owned())];
            let parts = answer::Parts::new(std::iter::from_fn(move || {
                asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                parts.pop()
            }));
            Answer { status: 200, body: Some(answer::Body::Parts(parts)), etag: None, location: None }
        };
        let head = respond(Ok(Outcome::Answer(answer())), Manner { head_only: true, ..MANNER });
        assert_eq!(header(&head, "content-type"), Some("application/scim+json; charset=utf-8"));
        assert_eq!(header(&head, "content-length"), None);
        assert!(bytes(head).is_empty());
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);
        let get = respond(Ok(Outcome::Answer(answer())), MANNER);
        let Body::Parts(parts) = get.into_body() else { panic!("the parts were put together") };
        let parts: Vec<_> = parts.take(3).collect();
        assert_eq!(parts, [Ok(Bytes::from("a")), Ok(Bytes::from("b")), Err(BrokenOff)]);
        assert_eq!(respond(Ok(Outcome::Answer(answer())), MANNER).into_body().into_bytes(), Err(BrokenOff));
    }

    #[test]
    fn text_that_no_header_can_hold_is_left_out() {
        let answer = Answer { status: 200, body: None, etag: None, location: Some("a\nb".to_owned()) };
        assert_eq!(header(&respond(Ok(Outcome::Answer(answer)), MANNER), "location"), None);
    }
}
