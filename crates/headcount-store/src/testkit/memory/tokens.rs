//! Tokens.

use headcount_model::{Timestamp, TokenId, TokenRecord};
use headcount_token::TokenHash;

use super::{MemoryTxn, unique};
use crate::{
    error::StoreError,
    system::TokenBinding,
    tokens::{Credential, TokenTxn},
};

impl MemoryTxn {
    fn change_token(&mut self, id: &TokenId, change: impl FnOnce(&mut TokenRecord)) -> Result<TokenRecord, StoreError> {
        let (_, record) = self.own_mut()?.tokens.find_mut(id).ok_or(StoreError::NotFound)?;
        change(record);
        Ok(record.clone())
    }
}

impl TokenTxn for MemoryTxn {
    fn credential(&mut self, id: &TokenId) -> Result<Option<Credential>, StoreError> {
        let own = self.own()?;
        let Some((_, token)) = own.tokens.find(id) else { return Ok(None) };
        let Some(connection) = own.connections.get(&token.connection) else { return Ok(None) };
        Ok(Some(Credential { token: token.clone(), connection: connection.clone(), tenant: own.tenant.clone() }))
    }

    fn insert_token(&mut self, record: &TokenRecord, hash: &TokenHash) -> Result<(), StoreError> {
        let tenant = self.tenant;
        if record.tenant != tenant || !self.own()?.connections.contains_key(&record.connection) {
            return Err(StoreError::NotFound);
        }
        if self.state.tokens.find(&record.id).is_some() {
            return Err(unique("id"));
        }
        let own = self.own_mut()?;
        let order = u64::try_from(own.tokens.values().count()).unwrap_or(u64::MAX);
        own.tokens.insert(record.id.clone(), (order, record.clone()));
        let binding = TokenBinding { tenant, connection: record.connection, hash: hash.clone() };
        self.state.tokens.insert(record.id.clone(), binding);
        Ok(())
    }

    fn tokens(&mut self) -> Result<Vec<TokenRecord>, StoreError> {
        let mut tokens: Vec<_> = self.own()?.tokens.values().collect();
        tokens.sort_by_key(|(order, _)| *order);
        Ok(tokens.into_iter().map(|(_, record)| record.clone()).collect())
    }

    fn revoke_token(&mut self, id: &TokenId, at: Timestamp) -> Result<TokenRecord, StoreError> {
        self.change_token(id, |record| record.revoked = record.revoked.or(Some(at)))
    }

    fn expire_token(&mut self, id: &TokenId, at: Option<Timestamp>) -> Result<TokenRecord, StoreError> {
        self.change_token(id, |record| record.expires = at)
    }

    fn use_token(&mut self, id: &TokenId, at: Timestamp) -> Result<(), StoreError> {
        match self.change_token(id, |record| record.last_used = Some(at)) {
            Ok(_) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
