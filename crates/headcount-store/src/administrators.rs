//! Administrators, their sessions and the links that are sent to them: tables of the installation,
//! without a tenant in front.
//!
//! A session and a link are known by the digest of their secret only, so that whoever reads the
//! database can use neither.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use std::fmt;

use headcount_model::{Administrator, ConnectionKey, Event, PublicId, Role, Secret, TenantKey, Timestamp};
use headcount_token::PasswordHash;
use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// SHA-256 of a secret of 256 random bits, which needs no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of a secret.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }

    /// The bytes that are stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

/// A session of an administrator in one browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// The digest of its secret.
    pub digest: SecretDigest,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was last used, to the minute or so.
    pub seen: Timestamp,
    /// When it ends if it is not used before.
    pub idle_until: Timestamp,
    /// When it ends in any case.
    pub ends: Timestamp,
    /// When the password was last given in it.
    pub authenticated: Timestamp,
}

/// What a link is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Making the first administrator, an operator.
    FirstAdministrator,
    /// Coming in for the first time.
    Invitation(PublicId),
    /// Setting a new password.
    PasswordReset(PublicId),
    /// Reading the guide of a connection, as often as one likes.
    Guide(TenantKey, ConnectionKey),
}

impl Purpose {
    /// The stored word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::FirstAdministrator => "first_administrator",
            Self::Invitation(_) => "invitation",
            Self::PasswordReset(_) => "password_reset",
            Self::Guide(..) => "guide",
        }
    }

    /// The administrator it is for.
    #[must_use]
    pub fn administrator(&self) -> Option<&PublicId> {
        match self {
            Self::Invitation(id) | Self::PasswordReset(id) => Some(id),
            Self::FirstAdministrator | Self::Guide(..) => None,
        }
    }
}

/// A link that is sent to somebody. One that was used is not there any more; a guide stays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The digest of its code.
    pub digest: SecretDigest,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// What comes of a link that is used.
#[derive(Clone, Copy, Debug)]
pub enum Redemption<'a> {
    /// A link for the first administrator makes this one.
    First(&'a Administrator, &'a PasswordHash),
    /// An invitation or a reset gives its administrator this password and, if there is one, name.
    Password(Option<&'a str>, &'a PasswordHash),
}

/// Changes of an administrator; `None` leaves as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AdministratorChange {
    /// What the administrator may do.
    pub role: Option<Role>,
    /// Since when the administrator is disabled, or that it is not.
    pub disabled: Option<Option<Timestamp>>,
}

/// Administrators, sessions and links. Where a method takes an event, that is written in the same
/// transaction into the journal of the tenant that the administrator is bound to, if to any.
pub trait AdministratorStore: Send + Sync {
    /// Makes an administrator, and voids the links for the first one.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with attribute `email`.
    fn insert(&self, new: &Administrator, password: Option<&PasswordHash>, event: &Event) -> Result<(), StoreError>;

    /// The administrator of this address (in its comparison form), with the hash of the password.
    fn find_by_email(&self, email_key: &str) -> Result<Option<(Administrator, Option<PasswordHash>)>, StoreError>;

    /// The administrator of this id, with the hash of the password.
    fn find(&self, id: &PublicId) -> Result<Option<(Administrator, Option<PasswordHash>)>, StoreError>;

    /// All administrators, by address.
    fn list(&self) -> Result<Vec<Administrator>, StoreError>;

    /// Changes role or state; who is disabled, or has another role, loses all sessions and links.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    fn change(&self, id: &PublicId, change: &AdministratorChange, event: &Event) -> Result<Administrator, StoreError>;

    /// Sets the password, and ends all sessions and voids all links of the administrator.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    fn set_password(
        &self,
        id: &PublicId,
        password: &PasswordHash,
        at: Timestamp,
        event: &Event,
    ) -> Result<(), StoreError>;

    /// Begins a session; one that it replaces ends, and so do all of this administrator that are over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such administrator, or it is disabled or has another
    /// password by now: whoever lost a password begins no session with it any more.
    fn begin_session(
        &self,
        administrator: &Administrator,
        session: &Session,
        replaced: Option<&SecretDigest>,
    ) -> Result<(), StoreError>;

    /// The session of this digest and its administrator as they are now; whether they are over is the
    /// caller's to judge.
    fn find_session(&self, digest: &SecretDigest) -> Result<Option<(Session, Administrator)>, StoreError>;

    /// Notes that a session was used; called at most once a minute and session.
    fn touch_session(&self, digest: &SecretDigest, seen: Timestamp, idle_until: Timestamp) -> Result<(), StoreError>;

    /// Ends a session; one that is not there is nothing.
    fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError>;

    /// Ends all sessions of an administrator; returns how many there were.
    fn end_sessions(&self, administrator: &PublicId) -> Result<u64, StoreError>;

    /// Keeps a link. Other links for the same administrator, or for the first one, are void, and all
    /// that are over are forgotten. A link for the first administrator is kept only while there is
    /// none; returns whether it was.
    fn insert_link(&self, link: &Link) -> Result<bool, StoreError>;

    /// The link of this digest, over or not, with its administrator.
    fn find_link(&self, digest: &SecretDigest) -> Result<Option<(Link, Option<Administrator>)>, StoreError>;

    /// Uses a link: of all that try at once one does. Returns whose it is, or `None` if the link is
    /// not there (any more), is over, or is not for this.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with attribute `email` for a first administrator whose address is taken;
    /// the link stays as it is then.
    fn redeem_link(
        &self,
        digest: &SecretDigest,
        at: Timestamp,
        redemption: Redemption<'_>,
        event: &Event,
    ) -> Result<Option<PublicId>, StoreError>;
}
