//! Which endpoint a path names and which methods it has (RFC 7644 §3.2, Table 2; §4).

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use scim_schema::{Registry, ResourceType};

/// An endpoint below the base.
#[derive(Clone, Debug)]
pub(crate) enum Route<'a> {
    /// The base itself: a query over all types (RFC 7644 §3.4.2.1).
    Root,
    /// `/.search`
    Search,
    /// `/Users` and its like.
    Resources(&'a ResourceType),
    /// `/Users/.search` and its like.
    SearchIn(&'a ResourceType),
    /// `/Users/{id}` and its like; `None` for an id that is no text.
    Resource(&'a ResourceType, Option<Cow<'a, str>>),
    /// `/Bulk`
    Bulk,
    /// `/Me`
    Me,
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`, `/ResourceTypes/{id}`
    ResourceTypes(Option<Cow<'a, str>>),
    /// `/Schemas`, `/Schemas/{urn}`
    Schemas(Option<Cow<'a, str>>),
    /// No endpoint.
    Unknown,
}

const COLLECTION: &[&str] = &["GET", "HEAD", "POST", "OPTIONS"];
const RESOURCE: &[&str] = &["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
const READ: &[&str] = &["GET", "HEAD", "OPTIONS"];
const POST: &[&str] = &["POST", "OPTIONS"];
const EVERY: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl<'a> Route<'a> {
    /// Finds the endpoint of these segments, which are percent-encoded as sent. Names are compared
    /// ignoring ASCII case, ids are not.
    pub(crate) fn find(registry: &'a Registry, segments: &[&'a str]) -> Self {
        let (first, second) = match segments {
            [] => return Self::Root,
            [first] => (decode(first), None),
            [first, second] => (decode(first), Some(decode(second))),
            [_, _, _, ..] => return Self::Unknown,
        };
        let Some(first) = first else { return Self::Unknown };
        // Whoever resolved dot segments before us would have called another address.
        let is_dots = |segment: &str| segment == "." || segment == "..";
        if is_dots(&first) || second.iter().flatten().any(|segment| is_dots(segment)) {
            return Self::Unknown;
        }
        let is = |name: &str| first.eq_ignore_ascii_case(name);
        match second {
            None if is(".search") => Self::Search,
            None if is("Bulk") => Self::Bulk,
            None if is("Me") => Self::Me,
            None if is("ServiceProviderConfig") => Self::ServiceProviderConfig,
            None if is("ResourceTypes") => Self::ResourceTypes(None),
            None if is("Schemas") => Self::Schemas(None),
            Some(Some(id)) if is("ResourceTypes") => Self::ResourceTypes(Some(id)),
            Some(Some(urn)) if is("Schemas") => Self::Schemas(Some(urn)),
            second => match (registry.by_endpoint(&first), second) {
                (None, _) => Self::Unknown,
                (Some(resource_type), None) => Self::Resources(resource_type),
                (Some(resource_type), Some(Some(name))) if name.eq_ignore_ascii_case(".search") => {
                    Self::SearchIn(resource_type)
                }
                (Some(resource_type), Some(id)) => Self::Resource(resource_type, id),
            },
        }
    }

    /// The methods of the endpoint; none if there is no endpoint.
    pub(crate) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Resources(_) => COLLECTION,
            Self::Resource(..) => RESOURCE,
            Self::Search | Self::SearchIn(_) | Self::Bulk => POST,
            Self::Root | Self::ServiceProviderConfig | Self::ResourceTypes(_) | Self::Schemas(_) => READ,
            // Not built, whatever the method (RFC 7644 §3.11).
            Self::Me => EVERY,
            Self::Unknown => &[],
        }
    }

    /// The endpoint as logs and lists name it, from a closed set.
    pub(crate) fn pattern(&self) -> Cow<'a, str> {
        match self {
            Self::Root => "/".into(),
            Self::Search => "/.search".into(),
            Self::Resources(resource_type) => resource_type.endpoint.as_str().into(),
            Self::SearchIn(resource_type) => format!("{}/.search", resource_type.endpoint).into(),
            Self::Resource(resource_type, _) => [&resource_type.endpoint, "/{id}"].concat().into(),
            Self::Bulk => "/Bulk".into(),
            Self::Me => "/Me".into(),
            Self::ServiceProviderConfig => "/ServiceProviderConfig".into(),
            Self::ResourceTypes(None) => "/ResourceTypes".into(),
            Self::ResourceTypes(Some(_)) => "/ResourceTypes/{id}".into(),
            Self::Schemas(None) => "/Schemas".into(),
            Self::Schemas(Some(_)) => "/Schemas/{urn}".into(),
            Self::Unknown => "unknown".into(),
        }
    }

    /// Whether it is one of the endpoints that describe the provider (RFC 7644 §4).
    pub(crate) fn is_discovery(&self) -> bool {
        matches!(self, Self::ServiceProviderConfig | Self::ResourceTypes(_) | Self::Schemas(_))
    }

    /// Whether it is a query in a body (RFC 7644 §3.4.3).
    pub(crate) fn is_search(&self) -> bool {
        matches!(self, Self::Search | Self::SearchIn(_))
    }

    /// The one resource type it is about, if it is.
    pub(crate) fn resource_type(&self) -> Option<&'a ResourceType> {
        match self {
            Self::Resources(resource_type) | Self::SearchIn(resource_type) | Self::Resource(resource_type, _) => {
                Some(resource_type)
            }
            _ => None,
        }
    }
}

/// Every endpoint of a registry with its methods, by pattern.
pub(crate) fn all(registry: &Registry) -> Vec<(Method, String)> {
    let mut routes = vec![Route::Root, Route::Search];
    for resource_type in registry.resource_types() {
        routes.push(Route::Resources(resource_type));
        routes.push(Route::SearchIn(resource_type));
        routes.push(Route::Resource(resource_type, None));
    }
    routes.extend([
        Route::Bulk,
        Route::Me,
        Route::ServiceProviderConfig,
        Route::ResourceTypes(None),
        Route::ResourceTypes(Some(Cow::Borrowed(""))),
        Route::Schemas(None),
        Route::Schemas(Some(Cow::Borrowed(""))),
    ]);
    routes
        .iter()
        .flat_map(|route| {
            let pattern = route.pattern();
            route.methods().iter().filter_map(move |method| {
                Method::from_bytes(method.as_bytes()).ok().map(|method| (method, pattern.to_string()))
            })
        })
        .collect()
}

/// Percent-decodes a segment; `None` if that is no UTF-8 or holds U+0000, which no id does.
pub(crate) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> String {
        let registry = Registry::builtin();
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        match Route::find(&registry, &segments) {
            Route::Resource(resource_type, id) => format!("{} {id:?}", resource_type.name),
            Route::Schemas(Some(urn)) => format!("schema {urn}"),
            Route::ResourceTypes(Some(id)) => format!("resource type {id}"),
            route => route.pattern().into_owned(),
        }
    }

    #[test]
    fn rfc7644_3_2_every_endpoint_is_found() {
        for (path, expected) in [
            ("/", "/"),
            ("/Users", "/Users"),
            ("/Groups", "/Groups"),
            ("/Users/7", "User Some(\"7\")"),
            ("/Groups/7", "Group Some(\"7\")"),
            ("/.search", "/.search"),
            ("/Users/.search", "/Users/.search"),
            ("/Bulk", "/Bulk"),
            ("/Me", "/Me"),
            ("/ServiceProviderConfig", "/ServiceProviderConfig"),
            ("/ResourceTypes", "/ResourceTypes"),
            ("/ResourceTypes/User", "resource type User"),
            ("/Schemas", "/Schemas"),
            (
                "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
                "schema urn:ietf:params:scim:schemas:core:2.0:User",
            ),
            ("/Schemas/urn%3Aietf%3Ax", "schema urn:ietf:x"),
        ] {
            assert_eq!(find(path), expected, "{path}");
        }
    }

    #[test]
    fn names_of_endpoints_match_in_any_letter_case_and_ids_do_not() {
        assert_eq!(find("/users"), "/Users");
        assert_eq!(find("/USERS/aB"), "User Some(\"aB\")");
        assert_eq!(find("/serviceproviderconfig"), "/ServiceProviderConfig");
        assert_eq!(find("/%55sers"), "/Users");
    }

    #[test]
    fn what_is_no_endpoint_is_unknown() {
        for path in [
            "/Nothing",
            "/Users/1/2",
            "/Users/1/2/3",
            "/v2/Users",
            "/Users/Users/1",
            "/Bulk/1",
            "/Me/1",
            "/ServiceProviderConfig/1",
            "/.search/1",
            "/ServiceProviderConfigs",
            "/%ff",
            "/Schemas/a/b",
            "/Schemas/%ff",
        ] {
            assert_eq!(find(path), "unknown", "{path}");
        }
    }

    #[test]
    fn dot_segments_are_never_resolved() {
        for path in ["/Users/../Groups", "/Users/..", "/./Users", "/Users/%2e%2e", "/Users/%2E", "/.."] {
            assert_eq!(find(path), "unknown", "{path}");
        }
    }

    #[test]
    fn an_id_is_decoded_once_and_may_be_no_text() {
        assert_eq!(find("/Users/a%2Fb"), "User Some(\"a/b\")");
        assert_eq!(find("/Users/%2541"), "User Some(\"%41\")");
        assert_eq!(find("/Users/%ff"), "User None");
        assert_eq!(find("/Users/a%00"), "User None");
    }

    #[test]
    fn a_path_of_ten_thousand_segments_is_unknown() {
        assert_eq!(find(&"/a".repeat(10_000)), "unknown");
    }

    #[test]
    fn the_list_of_routes_has_every_endpoint_with_every_method_once() {
        let routes = all(&Registry::builtin());
        let mut seen = std::collections::BTreeSet::new();
        for (method, pattern) in &routes {
            assert!(seen.insert(format!("{method} {pattern}")), "{method} {pattern}");
        }
        for expected in [
            "PATCH /Groups/{id}",
            "POST /Bulk",
            "GET /",
            "HEAD /Schemas/{urn}",
            "DELETE /Users/{id}",
            "POST /Users/.search",
        ] {
            assert!(seen.contains(expected), "{expected}");
        }
        assert!(!seen.contains("POST /Schemas"));
    }
}
