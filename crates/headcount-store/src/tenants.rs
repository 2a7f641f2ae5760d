//! The tenant, its connections and conflicts, in a transaction.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use headcount_model::{
    Connection, ConnectionKey, ConnectionKind, ConnectionState, Preset, PublicId, Tenant, Timestamp,
    switches::SwitchOverrides,
};

use crate::error::StoreError;

/// Changes of a tenant; `None` leaves as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TenantChange {
    /// The name for people.
    pub name: Option<String>,
    /// The entitlement.
    pub entitled: Option<bool>,
    /// The whole list of hosts, folded.
    pub hosts: Option<Vec<String>>,
}

/// A connection to be made.
#[derive(Clone, PartialEq, Debug)]
pub struct NewConnection {
    /// Its public id.
    pub id: PublicId,
    /// What it is.
    pub kind: ConnectionKind,
    /// Its name for people.
    pub name: String,
    /// Its identity provider.
    pub preset: Preset,
    /// Its switch.
    pub state: ConnectionState,
    /// When it is made.
    pub created: Timestamp,
}

/// Changes of a connection; `None` leaves as it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConnectionChange {
    /// The name for people.
    pub name: Option<String>,
    /// The identity provider.
    pub preset: Option<Preset>,
    /// The switch.
    pub state: Option<ConnectionState>,
    /// The whole set of overrides.
    pub overrides: Option<SwitchOverrides>,
}

/// A clash that somebody should look at (R8, R11).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The connection whose request met it.
    pub connection: ConnectionKey,
    /// `userName`, `emails`, `displayName`: the attribute.
    pub attribute: String,
    /// Why: `taken_elsewhere`, `email_differs`, `immutable`.
    pub kind: String,
    /// The resource it is about, if the connection can see one.
    pub resource: Option<PublicId>,
    /// The value that was refused, as sent.
    pub refused: String,
    /// When it was first met.
    pub first_seen: Timestamp,
    /// When it was last met.
    pub last_seen: Timestamp,
    /// How often.
    pub times: i64,
}

/// The tenant's own settings in a transaction.
pub trait TenantTxn {
    /// The tenant of this transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it is gone.
    fn tenant(&mut self) -> Result<Tenant, StoreError>;

    /// Changes the tenant and the host index.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with attribute `host` if another tenant has one of the hosts.
    fn change_tenant(&mut self, change: &TenantChange) -> Result<Tenant, StoreError>;

    /// All connections, the application's included, in the order of creation.
    fn connections(&mut self) -> Result<Vec<Connection>, StoreError>;

    /// The connection with this key.
    fn find_connection(&mut self, key: ConnectionKey) -> Result<Option<Connection>, StoreError>;

    /// Makes a connection and its index row.
    fn insert_connection(&mut self, new: &NewConnection) -> Result<Connection, StoreError>;

    /// Changes a connection: its revision moves.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    fn change_connection(&mut self, key: ConnectionKey, change: &ConnectionChange) -> Result<Connection, StoreError>;

    /// Records a conflict; an open one of the same connection, resource, attribute and refused value
    /// only counts up. Returns whether it is new.
    fn record_conflict(&mut self, conflict: &Conflict) -> Result<bool, StoreError>;

    /// The open conflicts, newest first, at most `limit`.
    fn conflicts(&mut self, limit: u64) -> Result<Vec<Conflict>, StoreError>;
}
