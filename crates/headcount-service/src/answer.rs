//! What a use case answers.

use std::fmt;

use scim_schema::ScimError;

/// The answer to a request, free of HTTP types.
#[derive(Debug)]
pub struct Answer {
    /// 200, 201, 204 or 304.
    pub status: u16,
    /// The body; `None` with 204 and 304.
    pub body: Option<Body>,
    /// The weak entity tag of a single resource: `W/"<version>"`.
    pub etag: Option<String>,
    /// The resource's URL, on answers about a single resource.
    pub location: Option<String>,
}

/// The body of an answer: the text of one JSON object.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(String),
    /// A text too long to be held at once.
    Parts(Parts),
}

/// A text in parts, each read from the store when it is asked for; nothing of the store is held in
/// between. The one error is the last part: the text breaks off there and is no JSON.
pub struct Parts(Box<dyn Iterator<Item = Result<String, ScimError>> + Send>);

impl Body {
    /// The whole text. Holds it in memory, however long it is.
    ///
    /// # Errors
    /// [`ScimError`] if the text breaks off: 401, 403, 404, 503 as for the request itself.
    pub fn into_text(self) -> Result<String, ScimError> {
        match self {
            Self::Whole(text) => Ok(text),
            Self::Parts(parts) => parts.collect(),
        }
    }
}

impl Parts {
    /// A text in these parts.
    #[must_use]
    pub fn new(parts: impl Iterator<Item = Result<String, ScimError>> + Send + 'static) -> Self {
        Self(Box::new(parts))
    }
}

impl Iterator for Parts {
    type Item = Result<String, ScimError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}
