//! What a use case answers.

use serde_json::Value;

/// The answer to a request, free of HTTP types.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// 200, 201, 204 or 304.
    pub status: u16,
    /// The body; `None` with 204 and 304.
    pub body: Option<Value>,
    /// The weak entity tag of a single resource: `W/"<version>"`.
    pub etag: Option<String>,
    /// The resource's URL, on answers about a single resource.
    pub location: Option<String>,
}
