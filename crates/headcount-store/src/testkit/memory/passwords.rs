//! Passwords of users.

use headcount_model::Seq;
use headcount_token::PasswordHash;

use super::MemoryTxn;
use crate::{error::StoreError, passwords::PasswordTxn};

impl PasswordTxn for MemoryTxn {
    fn set_password(&mut self, resource: Seq, hash: Option<&PasswordHash>) -> Result<(), StoreError> {
        let own = self.own_mut()?;
        match hash {
            Some(_) if own.resources.find(resource.0).is_none() => return Err(StoreError::NotFound),
            Some(hash) => own.passwords.insert(resource.0, hash.clone()),
            None => {
                own.passwords.remove(resource.0);
            }
        }
        Ok(())
    }

    fn password(&mut self, resource: Seq) -> Result<Option<PasswordHash>, StoreError> {
        Ok(self.own()?.passwords.find(resource.0).cloned())
    }
}
