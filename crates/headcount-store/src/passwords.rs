//! Passwords of users in a transaction, apart from their documents, so that nothing that shows,
//! filters or records a document can come across one.

#![expect(
    clippy::missing_errors_doc,
    reason = "every method fails as StoreError says; a method tells what is particular to it"
)]

use headcount_model::Seq;
use headcount_token::PasswordHash;

use crate::error::StoreError;

/// Passwords in a transaction. They are hashed before it; a transaction only keeps hashes.
pub trait PasswordTxn {
    /// Keeps this hash for the resource in place of the one it has, or takes it away; version, time
    /// and document of the resource stay. A resource that is deleted loses its hash.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a hash is to be kept for a resource that is not there; taking away
    /// what is not there is nothing.
    fn set_password(&mut self, resource: Seq, hash: Option<&PasswordHash>) -> Result<(), StoreError>;

    /// The hash of the resource's password, if it has one.
    fn password(&mut self, resource: Seq) -> Result<Option<PasswordHash>, StoreError>;
}
