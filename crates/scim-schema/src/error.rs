//! The SCIM error (RFC 7644 §3.12).

use serde_json::{Value, json};

/// The detail error keyword of RFC 7644 §3.12, Table 9, and RFC 9865 §4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScimType {
    /// The filter is malformed or not supported.
    InvalidFilter,
    /// The filter yields more than the provider will calculate.
    TooMany,
    /// A value is already in use.
    Uniqueness,
    /// The change is not compatible with the attribute's mutability.
    Mutability,
    /// The body's structure is malformed.
    InvalidSyntax,
    /// The PATCH path is malformed or names nothing declared.
    InvalidPath,
    /// The PATCH path names nothing that could be acted on.
    NoTarget,
    /// A value is missing or not acceptable.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request would reveal sensitive data in its URI.
    Sensitive,
    /// The cursor cannot be used (RFC 9865).
    InvalidCursor,
    /// The cursor is too old (RFC 9865).
    ExpiredCursor,
    /// The count differs from that of the first page or is too large (RFC 9865).
    InvalidCount,
}

impl ScimType {
    /// The key word as it stands in an error body.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// An error as the client sees it: status, key word, and one plain sentence fit for an admin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct ScimError {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The key word, where the RFC has one.
    pub scim_type: Option<ScimType>,
    /// What happened, why, and what to do now; no secrets, no internals.
    pub detail: String,
}

impl ScimError {
    /// An error without a key word.
    #[must_use]
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// A 400 with a key word (409 for `uniqueness`).
    #[must_use]
    pub fn typed(scim_type: ScimType, detail: impl Into<String>) -> Self {
        let status = if scim_type == ScimType::Uniqueness { 409 } else { 400 };
        Self { status, scim_type: Some(scim_type), detail: detail.into() }
    }

    /// 400 `invalidValue`.
    #[must_use]
    pub fn invalid_value(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::InvalidValue, detail)
    }

    /// 400 `invalidSyntax`.
    #[must_use]
    pub fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::InvalidSyntax, detail)
    }

    /// 400 `invalidFilter`.
    #[must_use]
    pub fn invalid_filter(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::InvalidFilter, detail)
    }

    /// 400 `invalidPath`.
    #[must_use]
    pub fn invalid_path(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::InvalidPath, detail)
    }

    /// 400 `noTarget`.
    #[must_use]
    pub fn no_target(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::NoTarget, detail)
    }

    /// 400 `mutability`.
    #[must_use]
    pub fn mutability(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::Mutability, detail)
    }

    /// 409 `uniqueness`.
    #[must_use]
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::Uniqueness, detail)
    }

    /// 400 `tooMany`.
    #[must_use]
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self::typed(ScimType::TooMany, detail)
    }

    /// 404 for a resource that is not there, or not there for this caller.
    #[must_use]
    pub fn not_found(resource_type: &str, id: &str) -> Self {
        Self::new(404, format!("there is no {resource_type} with the id \"{id}\" here"))
    }

    /// 413 with the limit in the detail.
    #[must_use]
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(413, detail)
    }

    /// The error body of RFC 7644 §3.12; `status` is a string.
    #[must_use]
    pub fn to_body(&self) -> Value {
        let mut body = json!({
            "schemas": [crate::builtin::ERROR],
            "status": self.status.to_string(),
        });
        if let Value::Object(map) = &mut body {
            if let Some(scim_type) = self.scim_type {
                map.insert("scimType".to_owned(), scim_type.as_str().into());
            }
            map.insert("detail".to_owned(), self.detail.as_str().into());
        }
        body
    }
}
