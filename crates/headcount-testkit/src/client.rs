//! An identity provider's side of the wire.

use bytes::Bytes;
use headcount_api::ScimApi;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde_json::{Value, json};

/// Whoever calls the API with one token at one base; cheap to clone.
#[derive(Clone)]
pub struct Client {
    api: ScimApi,
    /// The path of the base: `/scim/v2/<connection>`.
    pub path: String,
    /// The base of `meta.location`.
    pub base: String,
    /// The token in clear.
    pub token: String,
    /// Headers that every request has, unless a request sets its own.
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client of this API that presents this token at the base whose path is `path`.
    #[must_use]
    pub fn new(api: ScimApi, origin: &str, path: &str, token: &str) -> Self {
        Self {
            api,
            path: path.to_owned(),
            base: format!("{origin}{path}"),
            token: token.to_owned(),
            headers: vec![
                ("host".to_owned(), "scim.example.test".to_owned()),
                ("authorization".to_owned(), format!("Bearer {token}")),
            ],
        }
    }

    /// The same client with another value of a header; `None` leaves it out.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same client over another API, such as a second server of the same database.
    #[must_use]
    pub fn over(mut self, api: ScimApi) -> Self {
        self.api = api;
        self
    }

    /// The API that it calls.
    #[must_use]
    pub fn api(&self) -> &ScimApi {
        &self.api
    }

    /// Sends one request; `target` goes behind the base as it is, and a header without a value
    /// takes the client's own away.
    #[must_use]
    pub fn call(&self, method: &str, target: &str, headers: &[(&str, Option<&str>)], body: Option<Bytes>) -> Reply {
        let target = format!("{}{target}", self.path);
        let request = self.request(method, &target, headers).map(|()| body.unwrap_or_default());
        let (parts, body) = self.api.handle(request).into_parts();
        let body = body.into_bytes().expect("an answer that is begun is ended");
        Reply { what: format!("{method} {target}"), status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Sends one request without a body that must be answered without waiting; `None`: it cannot be.
    #[must_use]
    pub fn call_now(&self, method: &str, target: &str, headers: &[(&str, Option<&str>)]) -> Option<Reply> {
        let target = format!("{}{target}", self.path);
        let (request, ()) = self.request(method, &target, headers).into_parts();
        let (parts, body) = self.api.handle_now(&request)?.into_parts();
        let body = body.into_bytes().expect("an answer that is begun is ended");
        Some(Reply { what: format!("{method} {target}"), status: parts.status.as_u16(), headers: parts.headers, body })
    }

    fn request(&self, method: &str, target: &str, headers: &[(&str, Option<&str>)]) -> Request<()> {
        let mut request =
            Request::builder().method(Method::from_bytes(method.as_bytes()).expect("a method is a token")).uri(target);
        let map = request.headers_mut().unwrap_or_else(|| panic!("'{target}' is no request target"));
        for (name, value) in &self.headers {
            map.insert(header_name(name), header_value(value));
        }
        for (name, value) in headers {
            map.remove(header_name(name));
            if let Some(value) = value {
                map.append(header_name(name), header_value(value));
            }
        }
        request.body(()).expect("its parts were checked")
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        let headers = [("content-type", Some("application/scim+json"))];
        self.call(method, target, &headers, Some(Bytes::from(body.to_string())))
    }

    /// GET.
    #[must_use]
    pub fn get(&self, target: &str) -> Reply {
        self.call("GET", target, &[], None)
    }

    /// GET with a filter, percent-encoded here.
    #[must_use]
    pub fn find(&self, endpoint: &str, filter: &str) -> Reply {
        self.get(&format!("{endpoint}?filter={}", encode(filter)))
    }

    /// HEAD.
    #[must_use]
    pub fn head(&self, target: &str) -> Reply {
        self.call("HEAD", target, &[], None)
    }

    /// DELETE.
    #[must_use]
    pub fn delete(&self, target: &str) -> Reply {
        self.call("DELETE", target, &[], None)
    }

    /// POST of a resource or a message; `schemas` is filled in by the endpoint if it is absent.
    #[must_use]
    pub fn post(&self, target: &str, body: &Value) -> Reply {
        self.send("POST", target, &with_schemas(target, body))
    }

    /// PUT of a resource; `schemas` as with [`Self::post`].
    #[must_use]
    pub fn put(&self, target: &str, body: &Value) -> Reply {
        self.send("PUT", target, &with_schemas(target, body))
    }

    /// PATCH with these operations.
    #[must_use]
    pub fn patch(&self, target: &str, operations: &Value) -> Reply {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.send("PATCH", target, &body)
    }

    /// A bulk request with these operations.
    #[must_use]
    pub fn bulk(&self, operations: &Value) -> Reply {
        self.send("POST", "/Bulk", &json!({"schemas": [BULK_REQUEST], "Operations": operations}))
    }

    /// Makes a user and returns its id.
    #[must_use]
    pub fn user(&self, user_name: &str) -> String {
        self.post("/Users", &json!({"userName": user_name})).expect(201).id()
    }

    /// Makes a group with these members and returns its id.
    #[must_use]
    pub fn group(&self, display_name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        self.post("/Groups", &json!({"displayName": display_name, "members": members})).expect(201).id()
    }

    /// The ids of a group's members, sorted.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<String> {
        let reply = self.get(&format!("/Groups/{group}")).expect(200).json();
        let members = reply["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> =
            members.iter().filter_map(|member| member["value"].as_str().map(str::to_owned)).collect();
        ids.sort_unstable();
        ids
    }
}

/// The URI of a PATCH request (RFC 7644 §3.5.2).
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The URI of a bulk request (RFC 7644 §3.7).
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The URI of a query in a body (RFC 7644 §3.4.3).
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// The URI of a list (RFC 7644 §3.4.2).
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The URI of an error (RFC 7644 §3.12).
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// The schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn with_schemas(target: &str, body: &Value) -> Value {
    let schema = match target.split(['/', '?']).nth(1) {
        _ if target.ends_with("/.search") => SEARCH_REQUEST,
        Some("Users") => USER,
        Some("Groups") => GROUP,
        Some("TestResources") => "urn:example:params:scim:schemas:test:2.0:TestResource",
        _ => return body.clone(),
    };
    let Value::Object(given) = body else { return body.clone() };
    if given.contains_key("schemas") {
        return body.clone();
    }
    let mut schemas = vec![Value::from(schema)];
    schemas.extend(given.keys().filter(|key| key.starts_with("urn:")).map(|key| key.as_str().into()));
    let mut whole = given.clone();
    whole.insert("schemas".to_owned(), schemas.into());
    whole.into()
}

fn header_name(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|_bad| panic!("'{name}' is no header name"))
}

fn header_value(value: &str) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_bad| panic!("'{value}' is no header value"))
}

/// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
#[must_use]
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    encoded
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request's method and target, for messages.
    pub what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// This answer, which has this status.
    #[must_use = "compare the answer, or end with .done()"]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        self
    }

    /// This answer, which is a SCIM error of this status and key word (`""` for none) and whose
    /// detail holds every one of these words.
    #[must_use = "compare the answer, or end with .done()"]
    pub fn refused(self, status: u16, scim_type: &str, words: &[&str]) -> Self {
        let this = self.expect(status);
        let body = this.json();
        assert_eq!(body["schemas"], json!([ERROR]), "{}: {body}", this.what);
        assert_eq!(body["status"], json!(status.to_string()), "{}: {body}", this.what);
        assert_eq!(body["scimType"].as_str().unwrap_or_default(), scim_type, "{}: {body}", this.what);
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty(), "{}: {body}", this.what);
        for word in words {
            assert!(detail.contains(word), "{}: the detail does not name '{word}': {detail}", this.what);
        }
        this
    }

    /// Ends a chain of expectations.
    pub fn done(self) {}

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers of answers are ASCII"))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("bodies are UTF-8")
    }

    /// The body as JSON; null if there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text()))
    }

    /// The `id` in the body.
    #[must_use]
    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_else(|| panic!("{}: no id: {}", self.what, self.text())).to_owned()
    }

    /// `totalResults` of a list.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.json()["totalResults"].as_u64().unwrap_or_else(|| panic!("{}: no list: {}", self.what, self.text()))
    }

    /// One string of every resource of a list, by JSON pointer.
    #[must_use]
    pub fn each(&self, pointer: &str) -> Vec<String> {
        let body = self.json();
        let resources = body["Resources"].as_array().cloned().unwrap_or_default();
        let one = |resource: &Value| resource.pointer(pointer).and_then(Value::as_str).unwrap_or("(none)").to_owned();
        resources.iter().map(one).collect()
    }
}
