//! Between the `http` crate of actix-web and that of the API, by copying.

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::{Bytes, BytesMut};
use headcount_api::TrustedHost;

use crate::{proxies::TrustedProxies, stream::Outgoing};

/// Copies the head of a request; `None` if it cannot be said in the other crate.
pub(crate) fn head(request: &HttpRequest, proxies: &TrustedProxies) -> Option<http::Request<()>> {
    let mut copy = http::Request::new(());
    *copy.method_mut() = method(request);
    let uri = request.uri();
    *copy.uri_mut() = match (uri.authority(), uri.path_and_query()) {
        (None, Some(target)) => http::Uri::try_from(target.as_str()).ok()?,
        _ => http::Uri::try_from(uri.to_string()).ok()?,
    };
    *copy.headers_mut() = headers(request.headers())?;
    let peer = request.peer_addr().map(|address| address.ip());
    if let Some(host) = proxies.host(peer, request.headers()) {
        copy.extensions_mut().insert(TrustedHost(host));
    }
    Some(copy)
}

/// The method; one that the other crate does not take is no method that any endpoint has.
pub(crate) fn method(request: &HttpRequest) -> http::Method {
    http::Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or(http::Method::CONNECT)
}

/// Copies headers, the text of all values in one piece; `None` if one cannot be said in the other
/// crate.
pub(crate) fn headers(headers: &HeaderMap) -> Option<http::HeaderMap> {
    let mut values = BytesMut::with_capacity(headers.iter().map(|(_, value)| value.len()).sum());
    let mut copy = http::HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        values.extend_from_slice(value.as_bytes());
        copy.append(name, http::HeaderValue::from_maybe_shared(values.split().freeze()).ok()?);
    }
    Some(copy)
}

/// Copies a response; the body is not copied.
pub(crate) fn response(response: http::Response<Outgoing>) -> HttpResponse {
    let (parts, body) = response.into_parts();
    let status = StatusCode::from_u16(parts.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    let mut values = BytesMut::with_capacity(parts.headers.values().map(http::HeaderValue::len).sum());
    for (name, value) in &parts.headers {
        if *name != http::header::CONTENT_LENGTH {
            values.extend_from_slice(value.as_bytes());
            let value = HeaderValue::from_maybe_shared(values.split().freeze());
            // What is a header there is one here.
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_str().as_bytes()), value) {
                builder.append_header((name, value));
            }
        }
    }
    let body = match body {
        Outgoing::Whole(body) => body,
        Outgoing::Parts(stream) => return builder.body(stream),
    };
    // The answer to a HEAD states a length and has no body.
    let stated = parts.headers.get(http::header::CONTENT_LENGTH);
    match stated.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok()) {
        Some(length) if body.is_empty() => builder.body(Withheld(length)),
        _ if body.is_empty() => builder.finish(),
        _ => builder.body(body),
    }
}

/// A body of which only the length is sent.
struct Withheld(u64);

impl MessageBody for Withheld {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, Self::Error>>> {
        std::task::Poll::Ready(None)
    }
}
