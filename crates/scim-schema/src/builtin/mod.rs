//! The schemas of RFC 7643 §4 and §8.7, and the URIs of RFC 7644 §8.2.
//!
//! They are those of RFC 7643 §8.7 with what its prose says otherwise: a group's `displayName` is
//! required (§4.2) and unique, addresses have a `primary` and members a `display` (§2.4), and the
//! schema extensions of a resource type are a list (§6).

mod common_attributes;
mod define;
mod discovery;
mod enterprise_user;
mod group;
mod user;

pub use common_attributes::common_attributes;
pub use discovery::discovery_schemas;
pub use enterprise_user::enterprise_user;
pub use group::group;
pub use user::user;

/// Core User (RFC 7643 §4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Core Group (RFC 7643 §4.2).
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Enterprise User (RFC 7643 §4.3).
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The Enterprise User extension as a sample of Entra's documentation mistypes it.
pub(crate) const MISTYPED_ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User";
/// Service provider configuration (RFC 7643 §5).
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// Resource type (RFC 7643 §6).
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// Schema (RFC 7643 §7).
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// List response (RFC 7644 §3.4.2).
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Search request (RFC 7644 §3.4.3).
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// PATCH request (RFC 7644 §3.5.2).
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Bulk request (RFC 7644 §3.7).
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// Bulk response (RFC 7644 §3.7).
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// Error (RFC 7644 §3.12).
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
