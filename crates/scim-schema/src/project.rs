//! Which attributes an answer holds (RFC 7644 §3.9; RFC 7643 §7 `returned`).

use serde_json::{Map, Value};

use crate::{error::ScimError, registry::ResourceType, validate::Leniency};

/// The `attributes` and `excludedAttributes` of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Projection {
    /// Neither: the default set.
    #[default]
    Default,
    /// `attributes`: `schemas`, what is always returned, and these.
    Only(Vec<String>),
    /// `excludedAttributes`: the default set less these.
    Except(Vec<String>),
}

impl Projection {
    /// Reads the two parameters: comma lists with blanks round the commas.
    /// `both` says whether `attributes` wins or the pair is refused.
    ///
    /// # Errors
    /// [`ScimError`] 400 `invalidValue` for both on a connection that refuses it.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>, both: Leniency) -> Result<Self, ScimError> {
        let _ = (attributes, excluded, both);
        todo!()
    }

    /// Whether the request asked for a projection at all.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::Default
    }

    /// Whether an answer would hold any part of this top-level core attribute (`members`,
    /// `groups`), so that stores need not read it otherwise.
    #[must_use]
    pub fn wants(&self, resource_type: &ResourceType, name: &str) -> bool {
        let _ = (resource_type, name);
        todo!()
    }

    /// Takes out of a rendered resource what the projection and `returned` do not let through.
    /// Names resolve core first, then extensions; unknown names select nothing. Opaque (undeclared)
    /// attributes count as `returned: default`. An extension whose object is gone leaves `schemas`
    /// as it is (it says what the resource has).
    pub fn apply(&self, resource_type: &ResourceType, document: &mut Map<String, Value>) {
        let _ = (resource_type, document);
        todo!()
    }
}
