//! Tokens as records, and scopes.

use std::fmt;

use crate::{
    id::{ConnectionKey, TenantKey, TokenId},
    time::Timestamp,
};

/// What a scope lets its holder do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Access {
    /// GET, HEAD and `.search`.
    Read,
    /// Every other method, Bulk too.
    Write,
}

/// `scim:read`, `scim:write`, or one of them narrowed to a resource type (`scim:read:User`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Scope {
    /// Read or write.
    pub access: Access,
    /// The one resource type it is narrowed to; compared exactly.
    pub resource_type: Option<String>,
}

impl Scope {
    /// Parses a scope.
    ///
    /// # Errors
    /// A sentence that names the acceptable forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let access = match (parts.next(), parts.next()) {
            (Some("scim"), Some("read")) => Access::Read,
            (Some("scim"), Some("write")) => Access::Write,
            _ => {
                return Err(format!(
                    "'{text}' is no scope; use scim:read, scim:write, or one of them narrowed to a resource type, such as scim:read:User"
                ));
            }
        };
        match parts.next() {
            None => Ok(Self { access, resource_type: None }),
            Some(name)
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') =>
            {
                Ok(Self { access, resource_type: Some(name.to_owned()) })
            }
            Some(_) => Err(format!("'{text}' names no resource type after the second colon, such as scim:read:User")),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.access {
            Access::Read => "scim:read",
            Access::Write => "scim:write",
        })?;
        match &self.resource_type {
            Some(name) => write!(f, ":{name}"),
            None => Ok(()),
        }
    }
}

/// The scopes of a token, sorted, without repeats.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeSet(Vec<Scope>);

impl Default for ScopeSet {
    /// `scim:read` and `scim:write`, what a token has unless told otherwise.
    fn default() -> Self {
        Self(vec![
            Scope { access: Access::Read, resource_type: None },
            Scope { access: Access::Write, resource_type: None },
        ])
    }
}

impl ScopeSet {
    /// From a list; an empty list is an empty set, which allows nothing.
    #[must_use]
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort();
        scopes.dedup();
        Self(scopes)
    }

    /// Parses the blank-separated text that [`fmt::Display`] prints.
    ///
    /// # Errors
    /// As [`Scope::parse`].
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split_whitespace().map(Scope::parse).collect::<Result<Vec<_>, _>>().map(Self::new)
    }

    /// Whether resources of this type may be accessed so.
    #[must_use]
    pub fn allows(&self, access: Access, resource_type: &str) -> bool {
        self.0.iter().any(|scope| {
            scope.access == access && scope.resource_type.as_deref().is_none_or(|name| name == resource_type)
        })
    }

    /// Whether any resource type may be accessed so.
    #[must_use]
    pub fn allows_some(&self, access: Access) -> bool {
        self.0.iter().any(|scope| scope.access == access)
    }

    /// Whether it holds no scope at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            scope.fmt(f)?;
        }
        Ok(())
    }
}

/// A token as it is kept: everything but the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRecord {
    /// The public part.
    pub id: TokenId,
    /// Whose it is.
    pub tenant: TenantKey,
    /// The connection it belongs to.
    pub connection: ConnectionKey,
    /// A name for people, maybe empty.
    pub name: String,
    /// What it allows.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it, e.g. `command line`.
    pub made_by: String,
    /// How long it was made to live, in seconds; a token made to replace it lives as long, however
    /// soon this one was made to end by then.
    pub lifetime_s: Option<i64>,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}
