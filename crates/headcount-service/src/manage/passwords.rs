//! Passwords that an identity provider has set, for applications in which people sign in with them.

use headcount_store::{
    query::{Adoptable, View},
    resources::Lock,
};
use headcount_token::{TokenError, Verifier};

use super::{Manage, ManageError};
use crate::{password::prepared, write::is_user};

/// How a password compares with the one that is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordCheck {
    /// It is the one.
    Matched,
    /// It is another.
    Wrong,
    /// There is no such user, or it has no password: none was sent while its connection stored
    /// passwords.
    NoPassword,
}

impl Manage {
    /// Compares a password with the one that is kept of a user of a tenant, whichever connection owns
    /// it. It costs what hashing costs, by the same gate as tokens; a user without a password costs
    /// nothing, so whoever lets people sign in with this must take equally long for both, and bound how
    /// often somebody may guess. Whether the user is `active` is not looked at.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] for the tenant, [`ManageError::Store`], [`ManageError::Password`]
    /// (with [`TokenError::Busy`], to be tried again).
    pub fn verify_password(
        &self,
        verifier: &Verifier,
        tenant: &str,
        user: &str,
        password: &str,
    ) -> Result<PasswordCheck, ManageError> {
        let tenant = self.tenant(tenant)?;
        let users = self.registry.resource_types().iter().filter(|resource_type| is_user(resource_type));
        let names: Vec<&str> = users.map(|resource_type| resource_type.name.as_str()).collect();
        // Only the read is in the transaction; what follows takes its time.
        let hash = self.read(tenant.key, |txn| {
            for connection in txn.connections()? {
                let view = View { connection: connection.key, adoptable: Adoptable::Hidden };
                for name in &names {
                    if let Some(stored) = txn.find_resource(&view, name, user, Lock::None)? {
                        return Ok(txn.password(stored.seq)?);
                    }
                }
            }
            Ok(None)
        })?;
        let Some(hash) = hash else { return Ok(PasswordCheck::NoPassword) };
        match verifier.verify_password(&prepared(password), &hash) {
            Ok(()) => Ok(PasswordCheck::Matched),
            Err(TokenError::Wrong) => Ok(PasswordCheck::Wrong),
            Err(error) => Err(ManageError::Password(error)),
        }
    }
}
