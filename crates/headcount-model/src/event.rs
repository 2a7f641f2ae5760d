//! Journal entries: event and audit entry in one.

use crate::{
    id::{ConnectionKey, PublicId, TokenId},
    time::Timestamp,
};

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A connection, with the token used.
    Connection(ConnectionKey, TokenId),
    /// The command line of the host.
    CommandLine,
    /// An administrator by id (console, management API).
    Administrator(PublicId),
    /// Headcount itself (background work).
    System,
}

impl Actor {
    /// The text that is stored: `connection:<key>:token:<id>`, `command line`, `administrator:<id>`,
    /// `system`.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Connection(connection, token) => {
                format!("connection:{}:token:{token}", connection.0)
            }
            Self::CommandLine => "command line".to_owned(),
            Self::Administrator(id) => format!("administrator:{id}"),
            Self::System => "system".to_owned(),
        }
    }
}

/// What happened. `as_str` is what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A resource was created.
    Create,
    /// A resource was replaced (PUT).
    Put,
    /// A resource was patched.
    Patch,
    /// A resource was deleted.
    Delete,
    /// A user went from inactive to active.
    Activate,
    /// A user went from active to inactive.
    Deactivate,
    /// Members were added to a group; the ids are in the detail.
    MemberAdded,
    /// Members were taken out of a group; the ids are in the detail.
    MemberRemoved,
    /// An account of the application was adopted by a connection.
    Adopt,
    /// A clash was recorded.
    ConflictFound,
    /// A token was made.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// A tenant was made.
    TenantCreated,
    /// A tenant's settings changed.
    TenantChanged,
    /// A tenant lost its entitlement.
    TenantFrozen,
    /// A tenant has its entitlement again.
    TenantThawed,
    /// A connection was made.
    ConnectionCreated,
    /// A connection's settings changed.
    ConnectionChanged,
    /// Accounts were imported.
    Imported,
    /// An administrator of the tenant was made.
    AdministratorCreated,
    /// The name, role or state of an administrator of the tenant changed.
    AdministratorChanged,
    /// An administrator of the tenant has a new password.
    AdministratorPasswordSet,
}

impl EventKind {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::Adopt => "adopt",
            Self::ConflictFound => "conflict.found",
            Self::TokenCreated => "token.created",
            Self::TokenRevoked => "token.revoked",
            Self::TenantCreated => "tenant.created",
            Self::TenantChanged => "tenant.changed",
            Self::TenantFrozen => "tenant.frozen",
            Self::TenantThawed => "tenant.thawed",
            Self::ConnectionCreated => "connection.created",
            Self::ConnectionChanged => "connection.changed",
            Self::Imported => "imported",
            Self::AdministratorCreated => "administrator.created",
            Self::AdministratorChanged => "administrator.changed",
            Self::AdministratorPasswordSet => "administrator.password_set",
        }
    }
}

/// An entry to be written with the change it tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// By whom.
    pub actor: Actor,
    /// The resource's type and public id, if it is about one.
    pub resource: Option<(String, PublicId)>,
    /// The resource's version after the change, 0 if it has none.
    pub version: i64,
    /// Canonical keys of the attributes that changed.
    pub paths: Vec<String>,
    /// The transaction's id, shared by all events of one request (RFC 9967 `txn`).
    pub transaction: PublicId,
    /// More, as JSON text: member ids, what was refused; never a secret or a password.
    pub detail: Option<String>,
}
