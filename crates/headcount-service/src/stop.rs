//! Why work inside a transaction ended without a result.

use headcount_model::PublicId;
use headcount_store::{StoreError, tenants::Conflict};
use scim_schema::ScimError;

/// Work that stops; everything it wrote is undone.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The store failed.
    Store(StoreError),
    /// The request is refused.
    Refuse(Box<Refusal>),
    /// A unique value is taken; by whom is looked up once the write is undone.
    Taken(Box<Taken>),
    /// The credential that the work was prepared with is not true any more.
    Stale,
    /// The work would have to wait, and must not.
    Later,
}

/// A refusal and what is to be remembered of it.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What the client sees.
    pub(crate) error: ScimError,
    /// A clash that somebody should look at, recorded although the request is refused.
    pub(crate) conflict: Option<Conflict>,
}

/// A unique value that another resource holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// The resource type's name.
    pub(crate) resource_type: String,
    /// Canonical key of the attribute.
    pub(crate) attribute: String,
    /// The value as sent, if it is text.
    pub(crate) value: Option<String>,
    /// The comparison form of the resource's unique key.
    pub(crate) key: Option<String>,
    /// The resource that wanted the value, if it exists already.
    pub(crate) resource: Option<PublicId>,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ScimError> for Stop {
    fn from(error: ScimError) -> Self {
        Self::Refuse(Box::new(Refusal { error, conflict: None }))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(Box::new(refusal))
    }
}
