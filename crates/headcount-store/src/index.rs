//! What is indexed of a resource, and where an attribute is found: the one place that decides it,
//! for every store.

use scim_filter::Target;
use scim_schema::{Resource, ResourceType};

/// Within what a unique value is unique.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UniqueScope {
    /// The tenant.
    Tenant,
    /// The owner (connection).
    Owner,
}

/// One searchable value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ValueRow {
    /// Canonical key, e.g. `emails.value`.
    pub path: String,
    /// The comparison form, cut to 512 bytes at a character boundary (longer ones are rechecked
    /// against the document).
    pub folded: String,
    /// The element's position, 0 for single-valued attributes.
    pub element: u32,
    /// The element's `type` in its comparison form.
    pub element_type: Option<String>,
    /// Whether the element is the primary one.
    pub primary: bool,
}

/// A unique value beside userName and displayName.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UniqueValue {
    /// Canonical key of the attribute.
    pub path: String,
    /// Its comparison form.
    pub key: String,
    /// Within what.
    pub scope: UniqueScopeKey,
}

/// [`UniqueScope`], ordered, for sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UniqueScopeKey {
    /// The tenant.
    Tenant,
    /// The owner.
    Owner,
}

/// The settings that change what is unique.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexPolicy {
    /// The switch `external_id_unique`.
    pub external_id_unique: bool,
    /// The switch `unique_group_names`.
    pub unique_group_names: bool,
}

/// What is indexed of a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexForm {
    /// The unique key: a user's folded userName without outer white space, a group's folded
    /// displayName while names are unique; `None` for other types.
    pub key: Option<String>,
    /// Within what `key` is unique.
    pub scope: UniqueScope,
    /// externalId as it is.
    pub external_id: Option<String>,
    /// Folded displayName.
    pub display_key: Option<String>,
    /// Folded name.familyName.
    pub family_key: Option<String>,
    /// Folded name.givenName.
    pub given_key: Option<String>,
    /// `active`; true where the type has none.
    pub active: bool,
    /// Presence bits of multi-valued attributes ([`presence_bit`]).
    pub present: i64,
    /// Searchable values, sorted.
    pub values: Vec<ValueRow>,
    /// Unique values beside the key, sorted.
    pub unique: Vec<UniqueValue>,
}

/// What is indexed of this resource.
#[must_use]
pub fn form(resource_type: &ResourceType, resource: &Resource, policy: IndexPolicy) -> IndexForm {
    let _ = (resource_type, resource, policy);
    todo!()
}

/// A column of `resources` that answers for an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// The public id.
    Id,
    /// The unique key (userName); a group's displayName is [`Column::Display`].
    Key,
    /// externalId, as it is.
    ExternalId,
    /// Folded displayName.
    Display,
    /// Folded name.familyName.
    Family,
    /// Folded name.givenName.
    Given,
    /// active.
    Active,
    /// meta.created, microseconds.
    Created,
    /// meta.lastModified, microseconds. On PostgreSQL a group's also has slots.
    Modified,
}

/// Where an attribute is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a column.
    Column(Column),
    /// In value rows of this path; with the presence bit, if it has one.
    Values {
        /// Canonical key of the value rows.
        path: String,
        /// The bit that says whether there is any.
        bit: Option<u8>,
    },
    /// `emails.type` and `emails.primary`, in the value rows of `emails.value`; exact only inside an
    /// element predicate that also has a term on `value`, else like [`Place::Document`].
    ElementPart {
        /// Canonical key of the value rows.
        path: String,
    },
    /// `groups.value`: the public id of a group the resource is directly in.
    Groups,
    /// `members.value`: the public id of a member.
    Members,
    /// `meta.resourceType`: the same for all resources of the type.
    ResourceType,
    /// In the document only: a bounded scan.
    Document,
}

/// Where an attribute of this resource type is found.
#[must_use]
pub fn place(resource_type: &ResourceType, target: &Target) -> Place {
    let _ = (resource_type, target);
    todo!()
}

/// The presence bit of a multi-valued core attribute, e.g. `emails`; `None` if it has none.
#[must_use]
pub fn presence_bit(name: &str) -> Option<u8> {
    ["emails", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates"]
        .iter()
        .position(|known| *known == name)
        .and_then(|bit| u8::try_from(bit).ok())
}
