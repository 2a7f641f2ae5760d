//! By which base a request came: the connection's URL, or the tenant's own host.

use std::borrow::Cow;

use headcount_service::Entry;
use http::{header::HOST, request::Parts};
use scim_schema::ScimError;

use crate::route::decode;

/// The host by which the client reached a proxy that the adapter trusts; an adapter puts it into
/// the request's extensions, where it takes the place of the `Host` header. What an untrusted peer
/// says in `Forwarded` or `X-Forwarded-Host` must never get there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedHost(pub String);

/// The base of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Base<'t> {
    /// `/scim/v2/<connection>`; `None` if there is no such segment, or none that could be an id.
    Connection(Option<Cow<'t, str>>),
    /// `/api/service/scim`.
    Host,
    /// A path that does not belong to the SCIM API.
    Outside,
}

/// Splits the base off the segments of a path.
pub(crate) fn split_base<'s, 't>(segments: &'s [&'t str]) -> (Base<'t>, &'s [&'t str]) {
    match segments {
        ["scim", "v2"] => (Base::Connection(None), &[]),
        ["scim", "v2", connection, rest @ ..] => (Base::Connection(connection_id(connection)), rest),
        ["api", "service", "scim", rest @ ..] => (Base::Host, rest),
        _ => (Base::Outside, segments),
    }
}

/// Ids of connections are letters, digits and hyphens; nothing else is looked up.
fn connection_id(segment: &str) -> Option<Cow<'_, str>> {
    let id = decode(segment)?;
    (id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(id)
}

/// The host of a request (RFC 9112 §3.2): what a trusted proxy said, else that of an absolute
/// target, else the `Host` header.
///
/// # Errors
/// [`ScimError`] 400 for more than one `Host` header or one that is no text, 401 for none.
pub(crate) fn host(parts: &Parts) -> Result<&str, ScimError> {
    if let Some(TrustedHost(host)) = parts.extensions.get::<TrustedHost>() {
        return Ok(host);
    }
    if let Some(authority) = parts.uri.authority() {
        return Ok(authority.host());
    }
    let mut values = parts.headers.get_all(HOST).iter();
    let Some(value) = values.next() else {
        return Err(ScimError::new(
            401,
            "the request names no host, and this address belongs to a workspace by its host; send a Host header",
        ));
    };
    if values.next().is_some() {
        return Err(ScimError::new(400, "the request has more than one Host header; send one"));
    }
    value.to_str().map_err(|_not_text| ScimError::new(400, "the Host header is not a host name"))
}

/// The base as the service takes it.
///
/// # Errors
/// [`ScimError`] 401 for a path without a connection; as [`host`].
pub(crate) fn entry<'a>(base: &'a Base<'_>, host: &'a str) -> Result<Entry<'a>, ScimError> {
    match base {
        Base::Connection(Some(id)) => Ok(Entry::Connection(id)),
        Base::Connection(None) => Err(ScimError::new(
            401,
            "the address names no connection; copy the whole base URL of the connection, which ends in its id",
        )),
        Base::Host => Ok(Entry::Host(host)),
        Base::Outside => Err(ScimError::new(404, "this address does not belong to the SCIM API")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn base(path: &str) -> (Base<'_>, usize) {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let (base, rest) = split_base(&segments);
        (base, rest.len())
    }

    #[test]
    fn the_two_bases_are_told_apart() {
        assert_eq!(base("/scim/v2/c-1/Users/7"), (Base::Connection(Some("c-1".into())), 2));
        assert_eq!(base("/scim/v2/c-1"), (Base::Connection(Some("c-1".into())), 0));
        assert_eq!(base("/api/service/scim/Users"), (Base::Host, 1));
        assert_eq!(base("/scim/v2"), (Base::Connection(None), 0));
        assert_eq!(base("/api/service"), (Base::Outside, 2));
        assert_eq!(base("/"), (Base::Outside, 0));
    }

    #[test]
    fn a_segment_that_could_be_no_connection_is_never_looked_up() {
        for segment in ["..", ".", "a_b", "a%00b", "%ff", "a%2Fb", "é", &"a".repeat(129)] {
            assert_eq!(base(&format!("/scim/v2/{segment}/Users")).0, Base::Connection(None), "{segment}");
        }
        assert_eq!(base("/scim/v2/%63-1/Users").0, Base::Connection(Some("c-1".into())));
    }

    #[test]
    fn the_host_is_that_of_an_absolute_target_before_that_of_the_header() {
        let found = parts("http://user@a.example:8080/api/service/scim/Users", &[("host", "b.example")]);
        assert_eq!(host(&found).unwrap(), "a.example");
        assert_eq!(host(&parts("/x", &[("host", "B.example:1")])).unwrap(), "B.example:1");
    }

    #[test]
    fn forwarded_headers_count_only_by_way_of_the_adapter() {
        let mut found =
            parts("/x", &[("host", "b.example"), ("x-forwarded-host", "a.example"), ("forwarded", "host=a.example")]);
        assert_eq!(host(&found).unwrap(), "b.example");
        found.extensions.insert(TrustedHost("c.example".to_owned()));
        assert_eq!(host(&found).unwrap(), "c.example");
    }

    #[test]
    fn no_host_is_401_and_two_are_400() {
        assert_eq!(host(&parts("/x", &[])).unwrap_err().status, 401);
        assert_eq!(host(&parts("/x", &[("host", "a"), ("host", "a")])).unwrap_err().status, 400);
    }
}
